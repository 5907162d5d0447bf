"""Events to rows: what the desk writes. Every event and the relay's position are one transaction; twice is once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tavs.events import (
    ArtifactClosed,
    ArtifactKind,
    CallDescribed,
    CallEnded,
    CallId,
    CallStarted,
    Event,
    Gap,
    GapKind,
    MaskedSegment,
    Sidecar,
    SidecarState,
)
from tavs.host.clock import Clock
from tavs.relay import Received
from tavs.retention.policy import grants_for
from tavs.store.database import Connection
from tavs.store.text_keys import TextKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A section of the terms shown to the agent."""

    doc: str
    section: str
    title: str
    score: float
    t_ms: int
    delay_ms: int


class Keeper:
    def __init__(self, connection: Connection, keys: TextKeys, clock: Clock, zone: ZoneInfo) -> None:
        self._connection = connection
        self._keys = keys
        self._clock = clock
        self._zone = zone

    def apply(self, received: Received) -> int | None:
        """Write a frame. The row id of a segment, None for everything else and for what was written before."""
        with self._transaction():
            known = self._position(received.boot)
            missed = received.sequence - (0 if known is None else known + 1)
            if missed < 0:
                return None
            if missed > 0:
                self._add_gap(Gap(kind=GapKind.RELAY, count=missed))
            position = received.sequence - (received.event is None)
            self._connection.execute(
                "insert into relay values (?, ?) on conflict (boot) do update set sequence = excluded.sequence",
                (received.boot, position),
            )
            return self._write(received.event) if received.event else None

    def enter(self, sidecar: Sidecar) -> bool:
        """Enter a closed artifact and its grants; says whether it was new."""
        if sidecar.state is SidecarState.OPEN:
            return False
        with self._transaction():
            return self._enter(sidecar)

    def entered_files(self) -> frozenset[str]:
        """Names of the sealed files that have their artifact."""
        rows = self._connection.execute("select file from artifacts where file is not null")
        return frozenset(str(row[0]) for row in rows)

    def suggest(self, call: CallId, segment: int, suggestion: Suggestion) -> None:
        with self._transaction():
            self._connection.execute(
                "insert into suggestions (call, segment, doc, section, title, score, t_ms, delay_ms)"
                " values (?, ?, ?, ?, ?, ?, ?, ?)",
                (call, segment, suggestion.doc, suggestion.section, suggestion.title, suggestion.score, suggestion.t_ms,
                 suggestion.delay_ms),
            )  # fmt: skip

    def _position(self, boot: str) -> int | None:
        row = self._connection.execute("select sequence from relay where boot = ?", (boot,)).fetchone()
        return None if row is None else int(row[0])

    def _write(self, event: Event) -> int | None:
        match event:
            case CallStarted():
                self._call(event.call, event.at, event)
            case CallDescribed():
                self._connection.execute(
                    "update calls set extension = ?, party_ref = ?, flags = ? where id = ?",
                    (event.extension, event.party_ref, json.dumps(event.flags), event.call),
                )
            case MaskedSegment():
                return self._segment(event)
            case ArtifactClosed():
                self._enter(event.sidecar)
            case Gap():
                self._add_gap(event)
            case CallEnded():
                self._end(event.call, event.at, event.reason)
        return None

    def _call(self, call: CallId, at: datetime, known: CallStarted | Sidecar | None) -> None:
        """The row of a call; one that is there already stays."""
        self._connection.execute(
            "insert into calls (id, started_at, source, trunk, extension, party_ref, flags)"
            " values (?, ?, ?, ?, ?, ?, ?) on conflict (id) do nothing",
            (
                call,
                at.astimezone(UTC).isoformat(),
                known.source if known else "unknown",
                known.trunk if known else "",
                known.extension if known else "",
                known.party_ref if known else None,
                json.dumps(known.flags if isinstance(known, CallStarted) else ()),
            ),
        )

    def _segment(self, event: MaskedSegment) -> int:
        self._call(event.call, self._clock.now(), None)
        place = self._connection.execute("select coalesce(max(id), 0) + 1 from segments").fetchone()[0]
        self._connection.execute(
            "insert into segments values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                place,
                event.call,
                event.channel.value,
                event.sequence,
                event.t0_ms,
                event.t1_ms,
                json.dumps(event.labels),
                int(event.held),
                event.delay_ms,
                event.held_ms,
                self._keys.seal(event.call, place, event.text.text),
            ),
        )
        return int(place)

    def _end(self, call: CallId, at: datetime, reason: str) -> None:
        self._call(call, at, None)
        self._connection.execute(
            "update calls set ended_at = ?, end_reason = ? where id = ? and ended_at is null",
            (at.astimezone(UTC).isoformat(), reason, call),
        )
        has_text = self._connection.execute("select 1 from segments where call = ? limit 1", (call,)).fetchone()
        if has_text:
            self._artifact(call, ArtifactKind.MASKED_TRANSCRIPT, 0, at, None)

    def _enter(self, sidecar: Sidecar) -> bool:
        ended_at = sidecar.call_ended_at or sidecar.closed_at or sidecar.opened_at
        self._call(sidecar.call, sidecar.call_started_at, sidecar)
        if sidecar.state is SidecarState.INTERRUPTED:
            self._end(sidecar.call, ended_at, "interrupted")
        elif sidecar.call_ended_at:
            self._end(sidecar.call, sidecar.call_ended_at, "closed")
        is_new = self._artifact(sidecar.call, sidecar.kind, sidecar.part, ended_at, sidecar)
        for gap in sidecar.gaps if is_new else ():
            self._add_gap(
                Gap(kind=gap.kind, call=sidecar.call, channel=gap.channel, t0_ms=gap.t0_ms, t1_ms=gap.t1_ms,
                    count=max(1, gap.packets))
            )  # fmt: skip
        return is_new

    def _artifact(
        self, call: CallId, kind: ArtifactKind, part: int, ended_at: datetime, sidecar: Sidecar | None
    ) -> bool:
        row = self._connection.execute(
            "insert into artifacts (call, kind, part, file, sha256, size_bytes, duration_ms, state)"
            " values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (call, kind, part) do nothing returning id",
            (
                call,
                kind.value,
                part,
                sidecar.file if sidecar else None,
                sidecar.sha256 if sidecar else None,
                sidecar.size_bytes if sidecar else None,
                sidecar.duration_ms if sidecar else None,
                sidecar.state.value if sidecar else SidecarState.CLOSED.value,
            ),
        ).fetchone()
        if row is None:
            return False
        for grant in grants_for(kind, call_ended_at=ended_at, zone=self._zone, has_consent=False):
            self._connection.execute(
                "insert into grants values (?, ?, ?, ?, ?)",
                (
                    row[0],
                    grant.purpose.value,
                    grant.legal_basis,
                    grant.granted_at.isoformat(),
                    grant.expires_at.isoformat(),
                ),
            )
        return True

    def _add_gap(self, gap: Gap) -> None:
        if gap.call:
            self._call(gap.call, self._clock.now(), None)
        self._connection.execute(
            "insert into gaps (call, channel, kind, t0_ms, t1_ms, count, noticed_at) values (?, ?, ?, ?, ?, ?, ?)",
            (gap.call, gap.channel, gap.kind.value, gap.t0_ms, gap.t1_ms, gap.count, self._clock.now().isoformat()),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")
