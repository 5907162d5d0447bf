"""The models a box knows, and where their files lie."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tavs.errors import ModelError
from tavs.host.home import Home

CATALOGUE = "catalogue.toml"
CHECKOUT = Path(__file__).parents[2] / "models"
INSTALLED = Path("/usr/share/tavs/models")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    name: str
    kind: str
    engine: str
    path: Path
    size_bytes: int
    sha256: str
    production: bool
    audio_ctx_margin: int
    """Encoder frames of 20 ms added to the length of a segment."""
    audio_ctx_floor: int
    tokenizer: Path | None
    """`tokenizer.json` of a model of words."""
    tokenizer_sha256: str
    labels: tuple[str, ...]
    """Tags of a token classifier, in the order of its outputs."""


def folders(home: Home) -> tuple[Path, ...]:
    """Where models are looked for: the site's own first, then those that came with the package or the checkout."""
    return home.models, INSTALLED, CHECKOUT


def find(name: str, places: Sequence[Path]) -> ModelFile:
    """The entry of a model whose file is there. Raises ModelError naming what is missing."""
    known: list[str] = []
    for folder in places:
        entries = _entries(folder)
        known += entries
        if name in entries:
            model = _model(name, entries[name], folder)
            for path in filter(None, (model.path, model.tokenizer)):
                if not path.exists():
                    raise ModelError(f"the file of model {name} is missing", f"expected {path}")
            if model.path.stat().st_size != model.size_bytes:
                raise ModelError(f"the file of model {name} has the wrong size", f"replace {model.path}")
            return model
    raise ModelError(f"model {name!r} is in no catalogue", f"known: {', '.join(sorted(set(known))) or 'none'}")


def verify(model: ModelFile) -> None:
    """Raises ModelError when a file is not the one the catalogue names."""
    known = {model.path: model.sha256}
    if model.tokenizer:
        known[model.tokenizer] = model.tokenizer_sha256
    for path, digest in known.items():
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise ModelError(f"a file of model {model.name} is not the one in the catalogue", f"replace {path}")


def _entries(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / CATALOGUE
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise ModelError(f"{path} is not TOML", "restore the catalogue") from None


def _model(name: str, entry: dict[str, Any], folder: Path) -> ModelFile:
    try:
        return ModelFile(
            name=name,
            kind=str(entry["kind"]),
            engine=str(entry["engine"]),
            path=folder / str(entry["file"]),
            size_bytes=int(entry["size_bytes"]),
            sha256=str(entry["sha256"]),
            production=bool(entry["production"]),
            audio_ctx_margin=int(entry.get("audio_ctx_margin", 64)),
            audio_ctx_floor=int(entry.get("audio_ctx_floor", 128)),
            tokenizer=folder / str(entry["tokenizer"]) if "tokenizer" in entry else None,
            tokenizer_sha256=str(entry["tokenizer_sha256"]) if "tokenizer" in entry else "",
            labels=tuple(map(str, entry.get("labels", ()))),
        )
    except (KeyError, ValueError, TypeError):
        raise ModelError(
            f"the catalogue entry of {name} is incomplete", "size, sha256, file and engine are needed"
        ) from None
