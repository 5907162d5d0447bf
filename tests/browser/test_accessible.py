"""axe-core finds nothing in any state of the page, light and dark."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe import findings
from chromium import sign_in
from playwright.sync_api import Page
from screenshots import SCENES
from stage import Stage

OpenWindow = Callable[..., Page]


@pytest.mark.parametrize("scene", SCENES)
def test_axe_finds_nothing(open_window: OpenWindow, stage: Stage, scene: str) -> None:
    page = open_window(color_scheme="light", reduced_motion="reduce")
    sign_in(page, stage)
    page.locator("#connection[data-state=connected]").wait_for()
    SCENES[scene](stage, page)
    assert [] == findings(page)
    page.emulate_media(color_scheme="dark")
    assert [] == findings(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_where_one_signs_in(open_window: OpenWindow, stage: Stage, scheme: str) -> None:
    page = open_window(color_scheme=scheme)
    page.goto(f"{stage.address}/login")
    assert [] == findings(page)
    sign_in(page, stage, password="ikke den rigtige kode")
    page.locator("[role=alert]").wait_for()
    assert [] == findings(page)


def test_axe_would_find_something(open_window: OpenWindow, stage: Stage) -> None:
    page = open_window()
    page.goto(f"{stage.address}/login")
    page.evaluate("document.querySelector('label').remove()")
    assert [line for line in findings(page) if line.startswith("critical label")]
