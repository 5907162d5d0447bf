"""What a site may decide of masking, and what it may not."""

from pathlib import Path

import pytest
from tavs.catalogue import CHECKOUT
from tavs.config import Masking, load
from tavs.errors import ConfigError
from tavs.events import CallId, Channel
from tavs.host.home import Home
from tavs.masking.detect import masker
from tavs.masking.gate import Gate
from tavs.speech.utterance import Utterance


def masked(text: str, section: Masking) -> str:
    gate = Gate(call=CallId("call"), masker=masker(section, [CHECKOUT]))
    said = Utterance(call=CallId("call"), channel=Channel.CUSTOMER, sequence=1, t0_ms=0, t1_ms=3000, text=text)
    return " ".join(part.text.text for part in [*gate.feed(said), *gate.flush()])


def home_with(folder: Path, text: str) -> Home:
    home = Home(folder)
    home.etc.mkdir(parents=True)
    (home.etc / "masking.toml").write_text(text, encoding="utf-8")
    return home


def test_words_of_the_site_are_always_masked_in_every_form_they_are_said(tmp_path: Path) -> None:
    section = load(home_with(tmp_path, 'always = { ORG = ["det gule hus"] }\n')).config.masking
    assert "jeg arbejder i <ORG_1>" == masked("jeg arbejder i Det gule hus", section)
    assert "vi mødes ved <ORG_1> i morgen" == masked("vi mødes ved det gule hus i morgen", section)


def test_words_of_the_trade_are_never_masked() -> None:
    text = "dækker min Totalplusso det"
    assert "Totalplusso" not in masked(text, Masking())
    assert text == masked(text, Masking(never=("totalplusso",)))


@pytest.mark.parametrize(
    "entry",
    ["mette", "Kjær", "Holstebro", "toogtyve", "12345678", "kasko2", "hi", "", "min egen bil", "JENSEN", "Mettes"],
)
def test_a_name_or_a_number_is_refused_as_a_word_to_mask_never(entry: str) -> None:
    with pytest.raises(ConfigError, match="never"):
        masker(Masking(never=(entry,)), [CHECKOUT])


def test_a_class_can_be_switched_off() -> None:
    assert "astma" in masked("jeg har astma", Masking(health=False))
    assert "astma" not in masked("jeg har astma", Masking())
    assert "jysk tagteknik aps" in masked("jeg arbejder hos jysk tagteknik aps", Masking(organisations=False))
    assert "tagteknik" not in masked("jeg arbejder hos jysk tagteknik aps", Masking())


def test_the_file_of_masking_is_read_and_the_site_s_own_file_wins(tmp_path: Path) -> None:
    home = home_with(tmp_path, "hold_back_s = 2.0\nhealth = false\n")
    (home.etc / "conf.d").mkdir()
    (home.etc / "conf.d/50-site.toml").write_text("[masking]\nhealth = true\n", encoding="utf-8")
    loaded = load(home)
    assert (2.0, True) == (loaded.config.masking.hold_back_s, loaded.config.masking.health)
    assert home.etc / "masking.toml" == loaded.origins["masking.hold_back_s"]


@pytest.mark.parametrize(
    "text", ["unknown = 1\n", "hold_back_s = 60\n", 'always = { CPR = ["x"] }\n', "never = 1\n", "[masking"]
)
def test_a_wrong_key_or_value_is_refused_with_its_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="masking"):
        load(home_with(tmp_path, text))
