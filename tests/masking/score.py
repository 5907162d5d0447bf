"""Scores masking on calls in the marked format: `python tests/masking/score.py FILE.jsonl…`.

An entity counts as found when none of its words survives. Utility is the share of the other words that survive,
precision the share of masked words that belonged to an entity. `--show` prints what was missed or masked too much;
it is for invented calls only.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from pathlib import Path

from tavs.catalogue import CHECKOUT
from tavs.config import Masking
from tavs.events import CallId, Channel
from tavs.masking.detect import masker as masker_of
from tavs.masking.gate import Gate
from tavs.speech.utterance import Utterance

MARK = re.compile(r"\[\[([A-Z_]+):(.*?)\]\]")
PLACEHOLDER = re.compile(r"<[A-Z_]+_\d+>")


def plain(marked: str) -> tuple[str, list[tuple[str, int, int]]]:
    """The text without marks, and (label, start, end) of each entity in it."""
    out, entities, position = "", [], 0
    for mark in MARK.finditer(marked):
        out += marked[position : mark.start()]
        entities.append((mark[1], len(out), len(out) + len(mark[2])))
        out += mark[2]
        position = mark.end()
    return out + marked[position:], entities


def survivors(text: str, masked: str) -> list[tuple[int, int, bool]]:
    """(start, end, survives) of each word of the text, by aligning it with the masked one."""
    words = [(match.start(), match.end()) for match in re.finditer(r"\S+", text)]
    kept = [core(piece) for piece in PLACEHOLDER.sub(" \0 ", masked).split()]
    import difflib

    originals = [core(text[start:end]) for start, end in words]
    matcher = difflib.SequenceMatcher(None, originals, kept, autojunk=False)
    alive = [False] * len(words)
    for block in matcher.get_matching_blocks():
        for offset in range(block.size):
            alive[block.a + offset] = True
    return [(start, end, state) for (start, end), state in zip(words, alive, strict=True)]


def core(piece: str) -> str:
    return piece.strip(".,;:?!\"'()…-").casefold()


def main(paths: list[str], options: set[str]) -> None:
    section = Masking(names="") if "--lists" in options else Masking()
    masker = masker_of(section, [CHECKOUT])
    found, total = Counter(), Counter()
    other_kept = other = masked_right = masked_words = 0
    durations = []
    for path in paths:
        lines = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
        gates: dict[str, Gate] = {}
        outputs: dict[tuple[str, int], list[str]] = {}
        for line in lines:
            gate = gates.setdefault(line["call"], Gate(call=CallId(line["call"]), masker=masker))
            text, _ = plain(line["text"])
            began = time.perf_counter()
            released = gate.feed(
                Utterance(
                    call=CallId(line["call"]),
                    channel=Channel(line["channel"]),
                    sequence=line["seq"],
                    t0_ms=round(line["t0"] * 1000),
                    t1_ms=round(line["t1"] * 1000),
                    text=text,
                )
            )
            durations.append(time.perf_counter() - began)
            for part in released:
                outputs.setdefault((line["call"], part.sequence), []).append(part.text.text)
        for call, gate in gates.items():
            for part in gate.flush():
                outputs.setdefault((call, part.sequence), []).append(part.text.text)
        for line in lines:
            text, entities = plain(line["text"])
            masked = " ".join(outputs.get((line["call"], line["seq"]), []))
            words = survivors(text, masked)
            for label, start, end in entities:
                inside = [alive for left, right, alive in words if left < end and right > start]
                total[label] += 1
                found[label] += not any(inside)
                if any(inside) and "--show" in options:
                    print(f"MISS {label:14} {text[start:end]!r} | {masked}")
            for left, right, alive in words:
                is_entity = any(left < end and right > start for _, start, end in entities)
                other += not is_entity
                other_kept += not is_entity and alive
                masked_words += not alive
                masked_right += is_entity and not alive
                if "--show" in options and not is_entity and not alive:
                    print(f"OVER {text[left:right]!r} | {masked}")
    for label in sorted(total):
        print(f"{label:14} {found[label]:4}/{total[label]:<4} {found[label] / total[label]:.3f}")
    print(
        f"{'all':14} {sum(found.values())}/{sum(total.values())} {sum(found.values()) / max(1, sum(total.values())):.3f}"
    )
    print(f"utility {other_kept / max(1, other):.3f}  token precision {masked_right / max(1, masked_words):.3f}")
    durations.sort()
    print(
        f"{len(durations) / sum(durations):.0f} segments/s, p99 {durations[int(len(durations) * 0.99)] * 1000:.1f} ms"
    )


if __name__ == "__main__":
    given = {each for each in sys.argv[1:] if each.startswith("--")}
    main([each for each in sys.argv[1:] if each not in given], given)
