"""Scores masking on calls in the marked format: `python tests/masking/score.py FILE.jsonl…`.

An entity counts as found when none of its words survives. Utility is the share of the other words that survive,
precision the share of masked words that belonged to an entity. `--show` prints what was missed or masked too much, which
is for invented calls only; `--lists` leaves the name model out.
"""

from __future__ import annotations

import difflib
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tavs.catalogue import CHECKOUT
from tavs.config import Masking
from tavs.events import CallId, Channel
from tavs.masking.detect import Masker
from tavs.masking.detect import masker as masker_of
from tavs.masking.gate import Gate, Released
from tavs.speech.utterance import Utterance

MARK = re.compile(r"\[\[([A-Z_]+):(.*?)\]\]")
PLACEHOLDER = re.compile(r"<[A-Z_]+(_\d+)?>")

Line = dict[str, Any]
Masked = dict[tuple[str, int], str]
Mask = Callable[[list[Line], list[float]], Masked]
"""Lines without marks to masked text by call and sequence; appends the seconds that each line took."""


@dataclass
class Score:
    found: Counter[str] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)
    other: int = 0
    other_kept: int = 0
    masked: int = 0
    masked_rightly: int = 0
    seconds: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was missed and masked too much, in words."""

    def recall(self, labels: tuple[str, ...] = ()) -> float:
        chosen = labels or tuple(self.total)
        return sum(self.found[each] for each in chosen) / max(1, sum(self.total[each] for each in chosen))

    @property
    def utility(self) -> float:
        return self.other_kept / max(1, self.other)

    @property
    def precision(self) -> float:
        return self.masked_rightly / max(1, self.masked)

    @property
    def rate(self) -> float:
        """Segments a second."""
        return len(self.seconds) / sum(self.seconds)

    @property
    def p99_ms(self) -> float:
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)] * 1000


def read(paths: list[Path]) -> list[Line]:
    return [
        json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines() if line.strip()
    ]


def plain(marked: str) -> tuple[str, list[tuple[str, int, int]]]:
    """The text without marks, and (label, start, end) of each entity in it."""
    out, entities, position = "", [], 0
    for mark in MARK.finditer(marked):
        out += marked[position : mark.start()]
        entities.append((mark[1], len(out), len(out) + len(mark[2])))
        out += mark[2]
        position = mark.end()
    return out + marked[position:], entities


def score(lines: list[Line], mask: Mask) -> Score:
    """How well `mask` does on marked lines."""
    result = Score()
    unmarked = [{**line, "text": plain(line["text"])[0]} for line in lines]
    masked = mask(unmarked, result.seconds)
    for line in lines:
        text, entities = plain(line["text"])
        out = masked.get((line["call"], line["seq"]), "")
        words = survivors(text, out)
        for label, start, end in entities:
            alive = [kept for left, right, kept in words if left < end and right > start]
            result.total[label] += 1
            result.found[label] += not any(alive)
            if any(alive):
                result.notes.append(f"MISS {label:14} {text[start:end]!r} | {out}")
        for left, right, kept in words:
            is_entity = any(left < end and right > start for _, start, end in entities)
            result.other += not is_entity
            result.other_kept += not is_entity and kept
            result.masked += not kept
            result.masked_rightly += is_entity and not kept
            if not is_entity and not kept:
                result.notes.append(f"OVER {text[left:right]!r} | {out}")
    return result


def ours(masker: Masker) -> Mask:
    """The gate, one a call, fed line by line."""

    def mask(lines: list[Line], seconds: list[float]) -> Masked:
        gates: dict[str, Gate] = {}
        parts: list[tuple[str, Released]] = []
        for line in lines:
            call = line["call"]
            gate = gates.setdefault(call, Gate(call=CallId(call), masker=masker))
            began = time.perf_counter()
            parts += [(call, part) for part in gate.feed(utterance(line))]
            seconds.append(time.perf_counter() - began)
        for call, gate in gates.items():
            parts += [(call, part) for part in gate.flush()]
        out: Masked = {}
        for call, part in parts:
            key = (call, part.sequence)
            out[key] = f"{out.get(key, '')} {part.text.text}".strip()
        return out

    return mask


def utterance(line: Line) -> Utterance:
    return Utterance(
        call=CallId(line["call"]),
        channel=Channel(line["channel"]),
        sequence=line["seq"],
        t0_ms=round(line["t0"] * 1000),
        t1_ms=round(line["t1"] * 1000),
        text=line["text"],
    )


def survivors(text: str, masked: str) -> list[tuple[int, int, bool]]:
    """(start, end, survives) of each word of the text, by aligning it with the masked one."""
    words = [(match.start(), match.end()) for match in re.finditer(r"\S+", text)]
    kept = [core(piece) for piece in PLACEHOLDER.sub(" \0 ", masked).split()]
    matcher = difflib.SequenceMatcher(None, [core(text[start:end]) for start, end in words], kept, autojunk=False)
    alive = [False] * len(words)
    for block in matcher.get_matching_blocks():
        alive[block.a : block.a + block.size] = [True] * block.size
    return [(start, end, state) for (start, end), state in zip(words, alive, strict=True)]


def core(piece: str) -> str:
    return piece.strip(".,;:?!\"'()…-").casefold()


def table(result: Score) -> Iterator[str]:
    for label in sorted(result.total):
        yield f"{label:14} {result.found[label]:4}/{result.total[label]:<4} {result.recall((label,)):.3f}"
    yield f"{'all':14} {result.found.total()}/{result.total.total()} {result.recall():.3f}"
    yield f"utility {result.utility:.3f}  token precision {result.precision:.3f}"
    yield f"{result.rate:.0f} segments/s, p99 {result.p99_ms:.1f} ms"


def main(paths: list[Path], options: set[str]) -> None:
    section = Masking(names="") if "--lists" in options else Masking()
    result = score(read(paths), ours(masker_of(section, [CHECKOUT])))
    if "--show" in options:
        print("\n".join(result.notes))
    print("\n".join(table(result)))


if __name__ == "__main__":
    given = {each for each in sys.argv[1:] if each.startswith("--")}
    main([Path(each) for each in sys.argv[1:] if each not in given], given)
