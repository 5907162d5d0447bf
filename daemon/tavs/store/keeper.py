"""Events to rows: what the desk writes. Every event and the relay's position are one transaction; twice is once.

The listener tells times by the wall clock. They are kept as the trusted clock counts them (retention/clock_guard.py):
what was recorded while the clock was wrong would else be due at once, or in ten years.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
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
    Purpose,
    Sidecar,
    SidecarState,
)
from tavs.host.clock import Clock
from tavs.relay import Received
from tavs.retention.clock_guard import TOLERANCE, counted
from tavs.retention.consent import Answer, Evidence, Source, decide
from tavs.store.clock_mark import trusted_now
from tavs.store.database import Connection, transaction
from tavs.store.grants import enter_evidence, follow_evidence, give, grants_due
from tavs.store.kept import evidence, utc
from tavs.store.text_keys import TextKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A section of the terms shown to the agent."""

    doc: str
    section: str
    title: str
    score: float
    engine: str
    """Who picked it: local, openai or fallback."""
    t_ms: int
    delay_ms: int


PROGRAM = "desk"
"""Who the desk is in the audit chain."""
LONGEST_CALL = timedelta(days=1)
"""A call that began before, and of which no file is open, is over: half an hour of silence ends any."""
NEXT_ARTIFACT = (
    "select 1 + max(coalesce((select max(id) from artifacts), 0), coalesce((select max(artifact) from receipts), 0))"
)
"""Receipts and the audit log name an artifact by its number for good: it is given once."""


class Keeper:
    def __init__(self, connection: Connection, keys: TextKeys, clock: Clock, zone: ZoneInfo) -> None:
        self._connection = connection
        self._keys = keys
        self._clock = clock
        self._zone = zone

    def apply(self, received: Received) -> int | None:
        """Write a frame. The row id of a segment, None for everything else and for what was written before."""
        with transaction(self._connection):
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
        """Enter a closed artifact and its grants; says whether it was new. A part of a call that goes on is not yet."""
        with transaction(self._connection):
            return self._enter(sidecar)

    def has_entered(self, file: str) -> bool:
        """Whether a sealed file, by its name, has or had its artifact; a name begins with the call."""
        call = file.partition(".")[0]
        row = self._connection.execute(
            "select 1 from artifacts where call = ?1 and file = ?2 union all select 1 from deletions where file = ?2"
            " union all select 1 from receipts where call = ?1 and ?2 = call || '.' ||"
            " case kind when 'recording' then '' else kind || '.' end || part || '.tavs' limit 1",
            (call, file),
        ).fetchone()
        return row is not None

    def settle(self, running: Collection[CallId]) -> None:
        """End calls whose end nobody told, with their last words; `running` have an open file still."""
        begun_before = trusted_now(self._connection, self._clock) - LONGEST_CALL
        with transaction(self._connection):
            calls = self._connection.execute(
                "select id, started_at, coalesce((select max(t1_ms) from segments where call = calls.id), 0)"
                " from calls where ended_at is null and started_at < ?",
                (utc(begun_before),),
            ).fetchall()
            for call, started_at, heard_ms in calls:
                if call not in running:
                    ended_at = datetime.fromisoformat(started_at) + timedelta(milliseconds=heard_ms)
                    self._end(call, ended_at, "interrupted")

    def suggest(self, call: CallId, segment: int, suggestion: Suggestion) -> int | None:
        """The number of its row; None where the words it was about are gone meanwhile."""
        with transaction(self._connection):
            row = self._connection.execute(
                "insert into suggestions (call, segment, doc, section, title, score, t_ms, delay_ms, engine)"
                " select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9"
                " where exists (select 1 from segments where id = ?2 and call = ?1) returning id",
                (call, segment, suggestion.doc, suggestion.section, suggestion.title, suggestion.score, suggestion.t_ms,
                 suggestion.delay_ms, suggestion.engine),
            ).fetchone()  # fmt: skip
        return row[0] if row else None

    def _position(self, boot: str) -> int | None:
        row = self._connection.execute("select sequence from relay where boot = ?", (boot,)).fetchone()
        return None if row is None else int(row[0])

    def _write(self, event: Event) -> int | None:
        match event:
            case CallStarted():
                self._call(event.call, self._counted(event.at), event)
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
                self._end(event.call, self._counted(event.at), event.reason)
        return None

    def _call(self, call: CallId, at: datetime, known: CallStarted | Sidecar | None) -> None:
        """The row of a call; one that is there already stays."""
        self._connection.execute(
            "insert into calls (id, started_at, source, trunk, extension, party_ref, flags)"
            " values (?, ?, ?, ?, ?, ?, ?) on conflict (id) do nothing",
            (
                call,
                utc(at),
                known.source if known else "unknown",
                known.trunk if known else "",
                known.extension if known else "",
                known.party_ref if known else None,
                json.dumps(known.flags if isinstance(known, CallStarted) else ()),
            ),
        )

    def _segment(self, event: MaskedSegment) -> int:
        self._call(event.call, self._counted(self._clock.now()), None)
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
        ended_at = self._connection.execute("select ended_at from calls where id = ?", (event.call,)).fetchone()[0]
        if ended_at:  # by its files, which were read before these words came
            self._artifact(event.call, ArtifactKind.MASKED_TRANSCRIPT, 0, datetime.fromisoformat(ended_at), None)
        return int(place)

    def _end(self, call: CallId, at: datetime, reason: str) -> None:
        self._call(call, at, None)
        self._connection.execute(
            "update calls set ended_at = ?, end_reason = ?, policy = (select max(version) from policies)"
            " where id = ? and ended_at is null",
            (utc(at), reason, call),
        )
        has_text = self._connection.execute("select 1 from segments where call = ? limit 1", (call,)).fetchone()
        if has_text:
            self._artifact(call, ArtifactKind.MASKED_TRANSCRIPT, 0, at, None)

    def _enter(self, sidecar: Sidecar) -> bool:
        told = sidecar.call_ended_at
        if told is None or sidecar.state is SidecarState.OPEN or self._is_deleted(sidecar):
            return False
        ended_at = self._ended_at(sidecar, told)
        self._call(sidecar.call, sidecar.call_started_at + (ended_at - told), sidecar)
        self._evidence(sidecar, ended_at - told)
        self._end(sidecar.call, ended_at, "interrupted" if sidecar.state is SidecarState.INTERRUPTED else "closed")
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
            "insert into artifacts (id, call, kind, part, file, sha256, size_bytes, duration_ms, state)"
            f" values (({NEXT_ARTIFACT}), ?, ?, ?, ?, ?, ?, ?, ?)"
            " on conflict (call, kind, part) do nothing returning id",
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
        has_consent = decide(evidence(self._connection, call))
        origin, grants = grants_due(
            self._connection, call, kind, call_ended_at=ended_at, zone=self._zone, has_consent=has_consent
        )
        for grant in grants:
            give(self._connection, row[0], call, grant, origin=origin, actor=PROGRAM, at=self._clock.now())
        return True

    def _counted(self, told: datetime) -> datetime:
        """A time of day from the listener as the trusted clock counts it: periods run and end by the same clock."""
        return counted(told, self._clock.now(), trusted_now(self._connection, self._clock))

    def _ended_at(self, sidecar: Sidecar, told: datetime) -> datetime:
        """The end of the call: as it was counted before, unless the sidecar says much the same."""
        row = self._connection.execute("select ended_at from calls where id = ?", (sidecar.call,)).fetchone()
        known = datetime.fromisoformat(row[0]) if row and row[0] and sidecar.state is SidecarState.CLOSED else None
        if known is None:
            return self._counted(told)
        return told if abs(known - told) <= TOLERANCE else known

    def _is_deleted(self, sidecar: Sidecar) -> bool:
        """Whether it has its receipt: it is not entered again, whoever speaks of it."""
        row = self._connection.execute(
            "select 1 from receipts where call = ? and kind = ? and part = ?",
            (sidecar.call, sidecar.kind.value, sidecar.part),
        ).fetchone()
        return row is not None

    def _evidence(self, sidecar: Sidecar, wrong_by: timedelta) -> None:
        """Answers to the question for consent, as the listener heard them; those that are known already stay."""
        known = set(evidence(self._connection, sidecar.call))
        is_new = False
        for answer in sidecar.consents:
            given = Evidence(
                purpose=Purpose.QUALITY,
                answer=Answer(answer.answer),
                source=Source(answer.source),
                pressed=answer.pressed,
                prompt=answer.prompt,
                prompt_version=answer.prompt_version,
                language=answer.language,
                at=answer.at + wrong_by,
            )
            if given not in known:
                enter_evidence(self._connection, sidecar.call, given, by=PROGRAM, now=self._clock.now())
                is_new = True
        if is_new:  # what was entered before may rest on less than is known now
            now = trusted_now(self._connection, self._clock)
            follow_evidence(self._connection, sidecar.call, zone=self._zone, actor=PROGRAM, now=now)

    def _add_gap(self, gap: Gap) -> None:
        if gap.call:
            self._call(gap.call, self._counted(self._clock.now()), None)
        self._connection.execute(
            "insert into gaps (call, channel, kind, t0_ms, t1_ms, count, noticed_at) values (?, ?, ?, ?, ?, ?, ?)",
            (gap.call, gap.channel, gap.kind.value, gap.t0_ms, gap.t1_ms, gap.count, self._clock.now().isoformat()),
        )
