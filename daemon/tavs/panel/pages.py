"""Templates and static files, read once: what is served is what lay there at the start, and nothing beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import jinja2

from tavs.panel.texts import Language, texts_in

FOLDER = Path(__file__).parent
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    content: bytes
    media_type: str
    etag: str


class Pages:
    def __init__(self, folder: Path = FOLDER) -> None:
        """`folder` holds `templates/` and `static/`."""
        self.static: Mapping[str, StaticFile] = {
            path.name: _read(path) for path in (folder / "static").iterdir() if path.suffix in MEDIA_TYPES
        }
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            auto_reload=False,
        )

    def render(self, template: str, language: str, **values: Any) -> str:
        """A whole page; every template may use every name that any of them is given."""
        defaults = {"token": "", "account": "", "extensions": [], "problem": ""}
        return self._templates.get_template(template).render(
            language=language, t=texts_in(cast(Language, language)), **(defaults | values)
        )


def _read(path: Path) -> StaticFile:
    content = path.read_bytes()
    return StaticFile(
        content=content,
        media_type=MEDIA_TYPES[path.suffix],
        etag=f'"{hashlib.sha256(content).hexdigest()[:32]}"',
    )
