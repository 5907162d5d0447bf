"""Debian's Chromium, driven by Playwright, and a window on the agents' page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from stage import ACCOUNT, PASSWORD, Stage

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def window(browser: Browser, *, width: int = 420, height: int = 900, **options: Any) -> Page:
    """A window of its own: no cookie of another. The certificate is the stage's, signed by itself."""
    context = browser.new_context(ignore_https_errors=True, viewport={"width": width, "height": height}, **options)
    context.set_default_timeout(8000)
    return context.new_page()


def sign_in(page: Page, stage: Stage, account: str = ACCOUNT, password: str = PASSWORD) -> None:
    page.goto(f"{stage.address}/login")
    page.locator("#account").fill(account)
    page.locator("#password").fill(password)
    page.locator("main form button.primary").click()
