"""Figures for a collector (Prometheus text exposition format 0.0.4): a text file for node_exporter, or an answer.

1. A figure is a number; a label is a hash, an enum or a version. There is no way to hand over what somebody said.
2. The file is replaced whole: a collector never reads half of it.
3. A name is one family: its figures stand together, below one HELP and one TYPE.
"""

from __future__ import annotations

import bisect
import enum
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import NewType

from tavs.host.files import write_whole
from tavs.host.journal import Digest

READABLE = 0o644
PREFIX = "tavs_"

Version = NewType("Version", str)
"""Of the package."""
Label = Digest | enum.StrEnum | Version
_LABEL = re.compile(r"[0-9a-z][0-9a-z._+~-]{0,63}")
"""A hash, a version or the value of an enum."""


class Kind(enum.StrEnum):
    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    """With its unit, without the prefix of the product; a counter's ends in `_total`."""
    value: float
    help: str
    labels: dict[str, Label] = field(default_factory=dict)
    kind: Kind = Kind.GAUGE


class Histogram:
    """How often a value was how large; `bounds` ascend."""

    def __init__(self, name: str, help: str, bounds: tuple[float, ...]) -> None:
        self.name = name
        self.help = help
        self.kind = Kind.HISTOGRAM
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def feed(self, value: float) -> None:
        self._counts[bisect.bisect_left(self._bounds, value)] += 1
        self._sum += value

    def samples(self, name: str) -> Iterator[str]:
        total = 0
        for bound, count in zip((*self._bounds, float("inf")), self._counts, strict=True):
            total += count
            shown = "+Inf" if bound == float("inf") else f"{bound:g}"
            yield f'{name}_bucket{{le="{shown}"}} {total}\n'
        yield f"{name}_sum {self._sum:.15g}\n{name}_count {total}\n"


def write(path: Path, figures: Iterable[Figure]) -> None:
    """Raises OSError where the disk refuses."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    write_whole(path, exposition(figures).encode("ascii"), READABLE)


def exposition(figures: Iterable[Figure | Histogram]) -> str:
    """
    >>> print(exposition([Figure("overdue_artifacts", 3, "Due and not deleted yet.")]), end="")
    # HELP tavs_overdue_artifacts Due and not deleted yet.
    # TYPE tavs_overdue_artifacts gauge
    tavs_overdue_artifacts 3

    Raises TypeError for a label that could carry words.
    """
    return "".join(_family(name, list(family)) for name, family in groupby(figures, lambda figure: figure.name))


def _family(name: str, figures: list[Figure | Histogram]) -> str:
    shown = PREFIX + name
    lines = [f"# HELP {shown} {figures[0].help}\n# TYPE {shown} {figures[0].kind}\n"]
    for figure in figures:
        lines += figure.samples(shown) if isinstance(figure, Histogram) else [_sample(shown, figure)]
    return "".join(lines)


def _sample(name: str, figure: Figure) -> str:
    labels = ",".join(f'{key}="{_label(key, value)}"' for key, value in figure.labels.items())
    return f"{name}{{{labels}}} {figure.value:.15g}\n" if labels else f"{name} {figure.value:.15g}\n"


def _label(key: str, value: str) -> str:
    if _LABEL.fullmatch(value):
        return str(value)
    raise TypeError(f"label {key} is neither a hash, an enum nor a version")
