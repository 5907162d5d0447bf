"""The configuration: defaults, files, and what is refused with which words."""

from pathlib import Path

import pytest
from tavs import config
from tavs.errors import ConfigError
from tavs.host.home import Home

SAMPLE = Path(__file__).parents[1] / "config/tavs.toml"


def home(tmp_path: Path, **files: str) -> Home:
    folder = tmp_path / "etc/tavs/conf.d"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text)
    return Home(tmp_path)


def test_without_files_the_defaults_hold(tmp_path: Path) -> None:
    assert config.Config() == config.load(Home(tmp_path)).config


def test_later_files_win_key_by_key_and_are_named(tmp_path: Path) -> None:
    place = home(tmp_path, a="[speech]\nworkers = 2\nmodel = 'x'", b="[speech]\nworkers = 3")
    loaded = config.load(place)
    assert (3, "x") == (loaded.config.speech.workers, loaded.config.speech.model)
    assert "b.toml" == loaded.origins["speech.workers"].name


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[intake.siprec]\nalow = []", "unknown key intake.siprec.alow", "intake.siprec.allow"),
        ("[speach]\nworkers = 1", "unknown key speach", "speech"),
        ("[speech]\nworkers = 'two'", "speech.workers", "config --effective"),
        ("[speech]\nworkers = 0", "speech.workers", "config --effective"),
        ("speech = 1", "speech is a table", "[speech]"),
        ("[speech", "not TOML", "brackets"),
        ("[masking]\nhold_back_s = 60.0", "masking.hold_back_s", "config --effective"),
    ],
)
def test_what_cannot_be_used_is_refused_with_file_key_and_hint(
    tmp_path: Path, text: str, message: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        config.load(home(tmp_path, site=text))
    assert "site.toml" in refused.value.message
    assert message in refused.value.message
    assert hint in refused.value.hint
    assert 78 == refused.value.exit_code


def test_every_key_is_described_and_the_sample_is_what_the_code_says() -> None:
    assert all(config.description(field) for field in config.keys().values())
    assert config.sample() == SAMPLE.read_text(encoding="utf-8")
