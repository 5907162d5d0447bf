"""The pages that are shipped: they render, escape, and hold nothing that the page's own policy forbids."""

from __future__ import annotations

import re

import pytest
from house import PAGES
from tavs.panel.pages import FOLDER, Pages
from tavs.panel.texts import LANGUAGES

HOSTILE = '"><script>alert(1)</script>'


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("problem", ["", "wrong_login", "login_limited", "form_expired"])
def test_the_page_where_one_signs_in_says_what_went_wrong(language: str, problem: str) -> None:
    page = Pages(FOLDER).render("login.html", language, site=HOSTILE, token="t" * 43, account=HOSTILE, problem=problem)
    assert "t" * 43 in page
    assert HOSTILE not in page
    assert_obeys_its_policy(page)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("extensions", [[], ["4512"], ["4512", HOSTILE]])
def test_the_agents_page_renders(language: str, extensions: list[str]) -> None:
    page = Pages(FOLDER).render(
        "panel.html", language, site=HOSTILE, token="t" * 43, account=HOSTILE, extensions=extensions
    )
    assert f'<meta name="token" content="{"t" * 43}"' in page
    assert HOSTILE not in page
    assert_obeys_its_policy(page)


def test_only_files_of_known_kinds_are_served() -> None:
    assert {"panel.css"} == set(Pages(PAGES).static)
    assert {"panel.css", "panel.js", "icon.svg"} <= set(Pages(FOLDER).static)


def assert_obeys_its_policy(page: str) -> None:
    """No inline script, style or handler, and nothing from elsewhere (guard.HEADERS)."""
    scripts = re.findall(r"<script\b[^>]*>", page)
    assert all("src=" in one or 'type="application/json"' in one for one in scripts)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|https?://|//[a-z]+\.", re.sub(r"&[a-z#0-9]+;", "", page))
