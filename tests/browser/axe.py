"""axe-core on a page, as the package axe-playwright-python brings it."""

from __future__ import annotations

import importlib.resources
from typing import Any

from playwright.sync_api import Page

SOURCE = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def findings(page: Page) -> list[str]:
    """What axe-core finds wrong, one line each: impact, rule, the elements."""
    page.evaluate(SOURCE)
    found: list[dict[str, Any]] = page.evaluate(
        "async (tags) => (await axe.run(document, {runOnly: tags})).violations", TAGS
    )
    return [
        f"{each['impact']} {each['id']}: {', '.join(str(node['target'][0]) for node in each['nodes'])}"
        for each in found
    ]
