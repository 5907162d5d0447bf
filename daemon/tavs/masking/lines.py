"""`tavs mask`: lines of text or JSON in, masked lines out, in order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from tavs.errors import UsageError
from tavs.events import CallId, Channel
from tavs.masking.detect import Masker
from tavs.masking.gate import Gate, Released
from tavs.speech.utterance import Utterance

LINE_MS = 4000
"""Call time of a plain line, which has none of its own: no line waits for the next but one."""


def mask_plain(lines: Iterable[str], masker: Masker) -> Iterator[str]:
    """One utterance a line; a line comes out whole as soon as nothing in it can change."""
    gate = Gate(call=CallId("lines"), masker=masker)
    waiting: dict[int, list[str]] = {}
    open_from = 1
    number = 0
    for number, line in enumerate(lines, start=1):
        waiting[number] = []
        text = line.rstrip("\r\n")
        released = gate.feed(
            _utterance(CallId("lines"), Channel.UNKNOWN, number, ((number - 1) * LINE_MS, number * LINE_MS), text)
        )
        _collect(released, waiting)
        undecided = gate.open_sequences()
        while open_from <= number and open_from not in undecided:
            yield " ".join(waiting.pop(open_from))
            open_from += 1
    _collect(gate.flush(), waiting)
    for rest in range(open_from, number + 1):
        yield " ".join(waiting.pop(rest))


def mask_jsonl(lines: Iterable[str], masker: Masker) -> Iterator[str]:
    """`{"call","seq","channel","t0","t1","text"}` in; the same with "labels" out, what was held back with "held": true.

    Raises UsageError naming the line, never its content.
    """
    gate: Gate | None = None
    call: Any = None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        fields = _fields(line, number)
        if gate is None or fields["call"] != call:
            yield from _out(gate.flush() if gate else [], call)
            call, gate = fields["call"], Gate(call=CallId(str(fields["call"])), masker=masker)
        yield from _out(gate.feed(_spoken(fields, number)), call)
    yield from _out(gate.flush() if gate else [], call)


def _out(released: list[Released], call: Any) -> Iterator[str]:
    for part in released:
        line: dict[str, Any] = {
            "call": call,
            "seq": part.sequence,
            "channel": part.channel.value,
            "t0": part.t0_ms / 1000,
            "t1": part.t1_ms / 1000,
            "text": part.text.text,
            "labels": list(part.labels),
        }
        if part.held:
            line["held"] = True
        yield json.dumps(line, ensure_ascii=False)


def _fields(line: str, number: int) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        raise UsageError(f"line {number} is not JSON", "one object a line") from None
    missing = [name for name in ("call", "seq", "text") if not isinstance(fields, dict) or name not in fields]
    if missing:
        raise UsageError(f"line {number} lacks {', '.join(missing)}", "call, seq, channel, t0, t1 and text are read")
    return dict(fields)


def _spoken(fields: dict[str, Any], number: int) -> Utterance:
    try:
        channel = Channel(fields.get("channel", "unknown"))
        t0_ms, t1_ms = (round(float(fields.get(name, 0)) * 1000) for name in ("t0", "t1"))
        sequence = int(fields["seq"])
    except (ValueError, TypeError, OverflowError):
        raise UsageError(
            f"line {number} has a field of the wrong kind", "seq is a whole number, t0 and t1 are seconds"
        ) from None
    if not isinstance(fields["text"], str):
        raise UsageError(f"line {number} has a text that is no string", "text is a string")
    return _utterance(CallId(str(fields["call"])), channel, sequence, (t0_ms, t1_ms), fields["text"])


def _utterance(call: CallId, channel: Channel, sequence: int, span_ms: tuple[int, int], text: str) -> Utterance:
    return Utterance(call=call, channel=channel, sequence=sequence, t0_ms=span_ms[0], t1_ms=span_ms[1], text=text)


def _collect(released: list[Released], waiting: dict[int, list[str]]) -> None:
    for part in released:
        waiting[part.sequence].append(part.text.text)
