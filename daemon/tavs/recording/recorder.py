"""A recording: sound to Ogg/Opus to a sealed file. A chunk holds at most a second of sound."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from tavs.call.session import CallStart
from tavs.events import ArtifactKind, ConsentHeard, PartyRef, Sidecar, SidecarState, SoundGap
from tavs.host.clock import Clock
from tavs.recording.ogg import RATE_HZ, Encoder, Stereo
from tavs.recording.seal import AUDIO, CHUNK_LIMIT_BYTES, DETAILS
from tavs.recording.sealed_file import SealedFile, free_part


class Recording:
    """One open sealed file. Every method raises StoreError when the disk refuses."""

    def __init__(
        self, folder: Path, sidecar: Sidecar, public_key: bytes, clock: Clock, on_sealed: Callable[[int], None]
    ) -> None:
        self._on_sealed = on_sealed
        self._sidecar = sidecar
        self._clock = clock
        self._samples = 0
        self._encoder = Encoder()
        self._file = SealedFile(folder, sidecar, public_key, clock)

    def write(self, block: Stereo) -> None:
        """Append sound, int16 [n, 2] at 8 kHz."""
        self._samples += len(block)
        if ogg := self._encoder.encode(block):
            self._file.append(AUDIO, ogg)
            self._on_sealed(self._encoder.paged_ms)

    def details(self, data: bytes) -> None:
        """Append what may not lie open: numbers, raw metadata."""
        self._file.append(DETAILS, data[: CHUNK_LIMIT_BYTES // 2])

    def describe(self, *, extension: str, party_ref: PartyRef | None, consents: tuple[ConsentHeard, ...]) -> None:
        self._sidecar = msgspec.structs.replace(
            self._sidecar, extension=extension, party_ref=party_ref, consents=consents
        )
        self._file.describe(self._sidecar)

    def close(self, *, call_ended_at: datetime | None, gaps: tuple[SoundGap, ...]) -> Sidecar:
        """Finish the file; the sidecar returned is the one on disk. Without an end the call goes on as another part."""
        self._file.append(AUDIO, self._encoder.finish())
        return self._file.close(
            msgspec.structs.replace(
                self._sidecar,
                state=SidecarState.CLOSED,
                closed_at=self._clock.now(),
                call_ended_at=call_ended_at,
                duration_ms=self._samples * 1000 // RATE_HZ,
                gaps=gaps,
            )
        )


class Recorder:
    """Begins recordings in one folder for one site."""

    def __init__(self, *, folder: Path, public_key: bytes, clock: Clock) -> None:
        self._folder = folder
        self._public_key = public_key
        self._clock = clock

    def begin(
        self,
        start: CallStart,
        party_ref: PartyRef | None,
        part: int = 0,
        *,
        lost: tuple[SoundGap, ...] = (),
        on_sealed: Callable[[int], None] = lambda _: None,
    ) -> Recording:
        """`lost` before this part began; it stands in the sidecar from the first.

        `on_sealed` is told, from the thread that writes, how many ms of this part a crash cannot take any more.
        """
        part = free_part(self._folder, start.call, part)
        sidecar = Sidecar(
            call=start.call,
            kind=ArtifactKind.RECORDING,
            part=part,
            file=f"{start.call}.{part}.tavs",
            state=SidecarState.OPEN,
            source=start.source,
            call_started_at=start.at,
            opened_at=self._clock.now(),
            trunk=start.trunk,
            extension=start.description.extension,
            party_ref=party_ref,
            gaps=lost,
        )
        return Recording(self._folder, sidecar, self._public_key, self._clock, on_sealed)
