"""Figures for a collector that reads text files (Prometheus text exposition format 0.0.4; node_exporter, textfile).

1. A figure is a number; a label is a hash or an enum. There is no way to hand over what somebody said.
2. The file is replaced whole: a collector never reads half of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tavs.host.files import write_whole
from tavs.host.journal import Digest

READABLE = 0o644
PREFIX = "tavs_"


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    """With its unit, without the prefix of the product."""
    value: float
    help: str
    labels: dict[str, Digest] = field(default_factory=dict)


def write(path: Path, figures: Iterable[Figure]) -> None:
    """Raises OSError where the disk refuses."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    write_whole(path, "".join(map(_lines, figures)).encode("ascii"), READABLE)


def _lines(figure: Figure) -> str:
    """
    >>> print(_lines(Figure("overdue_artifacts", 3, "Due and not deleted yet.")), end="")
    # HELP tavs_overdue_artifacts Due and not deleted yet.
    # TYPE tavs_overdue_artifacts gauge
    tavs_overdue_artifacts 3
    """
    name = PREFIX + figure.name
    labels = ",".join(f'{key}="{value}"' for key, value in figure.labels.items())
    shown = f"{name}{{{labels}}}" if labels else name
    return f"# HELP {name} {figure.help}\n# TYPE {name} gauge\n{shown} {figure.value:.15g}\n"
