"""A transcript: what was said on both channels, sealed like a recording; a chunk is one utterance as JSON."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from tavs.call.session import CallStart
from tavs.events import ArtifactKind, Channel, ConsentHeard, PartyRef, Sidecar, SidecarState
from tavs.host.clock import Clock
from tavs.recording.seal import TEXT
from tavs.recording.sealed_file import SealedFile, free_part


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One utterance. Heard: prints as its size."""

    channel: Channel
    t0_ms: int
    t1_ms: int
    text: str

    def __repr__(self) -> str:
        return f"Line({len(self.text)} characters)"


class Transcript:
    """One open sealed file. Every method raises StoreError when the disk refuses."""

    def __init__(self, file: SealedFile, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._until_ms = 0

    def write(self, line: Line) -> None:
        self._until_ms = max(self._until_ms, line.t1_ms)
        self._file.append(TEXT, msgspec.json.encode(line) + b"\n")

    def answered(self, consents: tuple[ConsentHeard, ...]) -> None:
        """What the customer has answered by now, on the disk before the call ends."""
        self._file.describe(msgspec.structs.replace(self._file.sidecar, consents=consents))

    def close(self, *, call_ended_at: datetime | None, consents: tuple[ConsentHeard, ...]) -> Sidecar:
        return self._file.close(
            msgspec.structs.replace(
                self._file.sidecar,
                state=SidecarState.CLOSED,
                closed_at=self._clock.now(),
                call_ended_at=call_ended_at,
                duration_ms=self._until_ms,
                consents=consents,
            )
        )


Begin = Callable[[tuple[ConsentHeard, ...]], Transcript]
"""Begins a transcript with the consent that it rests on."""


def beginner(
    folder: Path, public_key: bytes, clock: Clock, start: CallStart, party_ref: PartyRef | None, *, part: int = 0
) -> Begin:
    """How the transcript of a call begins, should there be a consent."""

    def begin(consents: tuple[ConsentHeard, ...]) -> Transcript:
        stem = f"{start.call}.{ArtifactKind.TRANSCRIPT.value}"
        number = free_part(folder, stem, part)
        sidecar = Sidecar(
            call=start.call,
            kind=ArtifactKind.TRANSCRIPT,
            part=number,
            file=f"{stem}.{number}.tavs",
            state=SidecarState.OPEN,
            source=start.source,
            call_started_at=start.at,
            opened_at=clock.now(),
            trunk=start.trunk,
            extension=start.description.extension,
            party_ref=party_ref,
            consents=consents,
        )
        return Transcript(SealedFile(folder, sidecar, public_key, clock), clock)

    return begin
