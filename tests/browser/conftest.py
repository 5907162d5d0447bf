"""One browser a file, a desk and a window for each; a window that complains fails its test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chromium import CHROMIUM, chromium, sign_in, window
from playwright.sync_api import Browser, Page
from stage import Stage


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Its driver keeps an event loop in this thread for as long as it is open: tests elsewhere want their own."""
    if not CHROMIUM.exists():
        pytest.skip("Debian's Chromium is not installed")
    with chromium() as browser:
        yield browser


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.fall()


@pytest.fixture
def open_window(browser: Browser) -> Iterator[Callable[..., Page]]:
    complaints: list[str] = []
    pages: list[Page] = []

    def opened(**options: object) -> Page:
        page = window(browser, **options)  # type: ignore[arg-type]
        page.on("pageerror", lambda error: complaints.append(error.message))
        page.on(
            "console", lambda message: "Content Security Policy" in message.text and complaints.append(message.text)
        )
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.context.close()
    assert [] == complaints


@pytest.fixture
def page(open_window: Callable[..., Page], stage: Stage) -> Page:
    """A window in which the agent is signed in and connected."""
    page = open_window()
    sign_in(page, stage)
    page.locator("#connection[data-state=connected]").wait_for()
    return page
