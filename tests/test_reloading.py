"""What a configuration that was read again changes at once, and what it does not."""

import msgspec
import pytest
from tavs import config as configuration
from tavs.config import Config, Masking, Speech
from tavs.reloading import KEYS, Changes, How, Program, changes, followed


def replaced(section: msgspec.Struct, key: str, value: object) -> msgspec.Struct:
    name, _, rest = key.partition(".")
    return msgspec.structs.replace(section, **{name: replaced(getattr(section, name), rest, value) if rest else value})


def changed(key: str) -> Config:
    """A configuration that differs from the default in one key."""
    value = configuration.value(Config(), key)
    other = {bool: lambda: not value, int: lambda: value + 1, float: lambda: value + 1, str: lambda: f"{value}x",
             tuple: lambda: (*value, "x"), dict: lambda: {"ORG": ("x",)}}[type(value)]()  # fmt: skip
    found = replaced(Config(), key, other)
    assert isinstance(found, Config)
    return found


def test_every_key_of_the_configuration_is_classified() -> None:
    assert list(configuration.keys()) == list(KEYS)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("program", Program)
def test_a_changed_key_is_followed_at_once_or_named_or_concerns_another_program(key: str, program: Program) -> None:
    new = changed(key)
    how = KEYS[key].get(program)
    found = changes(Config(), new, program)
    assert Changes((key,) if how is How.LIVE else (), (key,) if how is How.RESTART else ()) == found
    assert (new if how is How.LIVE else Config()) == followed(Config(), new, program)


def test_the_status_line_names_what_needs_a_restart() -> None:
    new = msgspec.structs.replace(
        Config(),
        speech=Speech(model="another", workers=2, agent_channel="off"),
        masking=Masking(never=("tagrende",)),
    )
    found = changes(Config(), new, Program.LISTEN)
    assert "reloaded; needs a restart: speech.model, speech.workers" == found.line()
    assert ("speech.agent_channel", "masking.never") == found.live
    kept = followed(Config(), new, Program.LISTEN)
    assert ("tavs-nano-da", "off", ("tagrende",)) == (kept.speech.model, kept.speech.agent_channel, kept.masking.never)


def test_nothing_changed_is_nothing_to_say() -> None:
    assert "reloaded" == changes(Config(), Config(), Program.DESK).line()
