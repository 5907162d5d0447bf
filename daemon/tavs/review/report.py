"""The residual risk of masking: a person reads a sample and marks what was missed; kept are counts, never text."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tavs.errors import UsageError
from tavs.review.bound import CONFIDENCE, upper_bound

LABELS = (
    "PERSON", "CPR", "PHONE", "EMAIL", "ADDRESS", "LOCATION", "DATE_OF_BIRTH", "ACCOUNT", "CARD", "IBAN", "POLICY",
    "CLAIM", "PLATE", "VIN", "PASSPORT", "ORG", "URL_USER", "HEALTH", "NUMBER",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Report:
    """What a reader found in how many segments."""

    at: datetime
    reader: str
    segments: int
    misses: dict[str, int]
    """Segments with a miss, by label."""

    def bounds(self) -> dict[str, float]:
        """By label, the largest share of segments with a miss that this sample leaves possible."""
        return {label: upper_bound(self.misses.get(label, 0), self.segments) for label in LABELS}

    def document(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "reader": self.reader,
            "segments": self.segments,
            "confidence": CONFIDENCE,
            "misses": self.misses,
            "upper_bounds": {label: round(bound, 5) for label, bound in self.bounds().items()},
        }

    def lines(self) -> Iterator[str]:
        yield f"{self.segments} masked segments read by {self.reader} on {self.at:%Y-%m-%d}"
        yield f"{'label':14} {'missed in':>9}  at most ({CONFIDENCE:.0%} sure)"
        for label, bound in self.bounds().items():
            yield f"{label:14} {self.misses.get(label, 0):9}  {bound:8.2%} of the segments"


def read_through(texts: Iterable[str], ask: Callable[[str], str], reader: str, now: datetime) -> Report:
    """Show each text and count the labels a reader names; an empty answer is "nothing missed", `stop` ends early."""
    misses: Counter[str] = Counter()
    segments = 0
    for text in texts:
        answer = _answer(text, ask)
        if answer is None:
            break
        segments += 1
        misses.update(answer)
    return Report(now, reader, segments, dict(misses))


def store(report: Report, folder: Path) -> Path:
    """Write the counts. Raises OSError."""
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    path = folder / f"masking-{report.at:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(report.document(), indent=1) + "\n", encoding="utf-8")
    return path


def latest(folder: Path) -> Report:
    """The last report. Raises UsageError where there is none."""
    paths = sorted(folder.glob("masking-*.json"))
    if not paths:
        raise UsageError("no masked text has been read through yet", "`tavs masking report --segments 100` begins it")
    known = json.loads(paths[-1].read_text(encoding="utf-8"))
    return Report(datetime.fromisoformat(known["at"]), known["reader"], known["segments"], known["misses"])


def _answer(text: str, ask: Callable[[str], str]) -> set[str] | None:
    question = text
    while True:
        given = ask(question).upper().replace(",", " ").split()
        if given == ["STOP"]:
            return None
        if set(given) <= set(LABELS):
            return set(given)
        question = f"known labels: {' '.join(LABELS)}"
