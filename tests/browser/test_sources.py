"""What the page's files must never hold, and that no text is missing in either language. No browser is needed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tavs.events import Channel, GapKind
from tavs.panel import texts
from tavs.panel.pages import FOLDER, Pages
from tavs.panel.wire import AdviceState

SCRIPT = (FOLDER / "static/panel.js").read_text(encoding="utf-8")
STYLE = (FOLDER / "static/panel.css").read_text(encoding="utf-8")
TEMPLATES = {path.name: path.read_text(encoding="utf-8") for path in (FOLDER / "templates").iterdir()}
GIVEN = set(re.findall(r'"(\w+)"', TEMPLATES["panel.html"].partition("for key in [")[2].partition("]")[0]))
MASKING = Path(__file__).parents[2] / "daemon/tavs/masking"


@pytest.mark.parametrize(
    "forbidden",
    [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
        "createContextualFragment",
        "setHTML",
        ".style",
        "//cdn",
    ],
)
def test_the_script_makes_no_markup(forbidden: str) -> None:
    assert forbidden not in SCRIPT


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_hold_no_script_and_no_style_of_their_own(name: str) -> None:
    assert [] == re.findall(r"style=|<style|\son\w+=|javascript:|\|\s*safe", TEMPLATES[name])
    assert [] == re.findall(r"<script(?![^>]*(?:src=|application/json))[^>]*>", TEMPLATES[name])


@pytest.mark.parametrize("source", [SCRIPT, STYLE, *TEMPLATES.values()])
def test_nothing_comes_from_anywhere_else(source: str) -> None:
    assert [] == re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]|url\(|@import", source)


def test_the_script_is_given_every_text_it_asks_for() -> None:
    asked = set(re.findall(r"\bt\('(\w+)'", SCRIPT)) | set(re.findall(r"\? '([a-z_]+)' : '", SCRIPT))
    made = {f"gap_{kind}" for kind in GapKind} | {
        f"paused_{state}" for state in AdviceState if state not in ("on", "ended")
    }
    assert set() == ({each for each in asked | made if each in texts.TEXTS} | made) - GIVEN
    assert set() == {each for each in re.findall(r"\bt\('(\w+)'", SCRIPT)} - texts.TEXTS.keys()


def test_the_script_is_given_nothing_it_does_not_use() -> None:
    made = ("gap_", "paused_", "consent_", "mask_", *Channel)
    assert [] == sorted(key for key in GIVEN if not key.startswith(made) and not re.search(rf"'{key}'", SCRIPT))


def test_every_text_is_used() -> None:
    sources = SCRIPT + "".join(TEMPLATES.values()) + (FOLDER / "app.py").read_text(encoding="utf-8")
    assert [] == [key for key in texts.TEXTS if not re.search(rf"\b{key}\b", sources)]


def test_every_label_of_masking_has_a_word() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in MASKING.glob("*.py"))
    labels = set(re.findall(r'Span\([^\n]*, "([A-Z_]+)"', source)) | set(
        re.findall(r'^"""([A-Z_]+): ', source, re.MULTILINE)
    )
    assert labels
    assert set() == {f"mask_{label}" for label in labels} - texts.TEXTS.keys()


def test_both_languages_say_all_and_fill_in_the_same() -> None:
    for key, (danish, english) in texts.TEXTS.items():
        assert danish, key
        assert english, key
        if key not in {"call_from"}:
            assert sorted(re.findall(r"{\w+}", danish)) == sorted(re.findall(r"{\w+}", english)), key


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_name_with_markup_stays_text_in_the_page(language: str) -> None:
    page = Pages().render(
        "panel.html", language, site="<b>Nord</b>", account="</script><b>", extensions=["<i>"], token="t"
    )
    assert "<b>" not in page
    assert "<i>" not in page
