"""Content for those who may have it: recording and transcript of a call, opened for a named purpose and person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from tavs.errors import UsageError
from tavs.events import ArtifactKind, CallId, PartyRef, Purpose
from tavs.host import credentials
from tavs.host.home import Home
from tavs.recording.opened import open_sealed
from tavs.recording.seal import AUDIO, TEXT
from tavs.retention.policy import Artifact, may_use
from tavs.store.database import Connection
from tavs.store.files import sealed
from tavs.store.kept import artifacts, holds_over
from tavs.store.view import read_segments


@dataclass(frozen=True, slots=True)
class Content:
    """One opened artifact. Prints as its size."""

    kind: ArtifactKind
    part: int
    data: bytes = field(repr=False)
    """Ogg/Opus of a recording, JSON lines of a transcript, plain lines of masked text."""
    artifact: Artifact
    started_at: datetime
    duration_ms: int


def opened(
    connection: Connection, home: Home, call: CallId, purpose: Purpose, now: datetime, *, is_subject: bool = False
) -> Iterator[Content]:
    """The recordings and transcripts of a call that may be used for the purpose.

    `is_subject`: the person's own copy (article 15) needs no purpose; a restriction does not stand against it.
    Raises UsageError where nothing may be used.
    """
    row = connection.execute("select party_ref from calls where id = ?", (call,)).fetchone()
    if row is None:
        raise UsageError("there is no such call", "`tavs calls` lists them")
    standing = holds_over(connection, call, PartyRef(row[0]) if row[0] else None)
    usable = [
        each
        for each in artifacts(connection, "calls.id = ? and file is not null order by artifacts.id", (call,))
        if is_subject or may_use(each, purpose, standing, now)
    ]
    if not usable and not is_subject:
        raise UsageError(
            f"nothing of this call may be used for {purpose.value}", "`tavs show` tells what is kept for what"
        )
    private = credentials.load("site-private", home)
    for each in usable:
        part, state_at, duration_ms = connection.execute(
            "select part, started_at, coalesce(duration_ms, 0) from artifacts join calls on calls.id = call"
            " where artifacts.id = ?",
            (each.id,),
        ).fetchone()
        file = open_sealed(sealed(home, call, each.kind, part), private)
        yield Content(
            kind=each.kind,
            part=part,
            data=file.of(AUDIO if each.kind is ArtifactKind.RECORDING else TEXT),
            artifact=each,
            started_at=datetime.fromisoformat(state_at),
            duration_ms=duration_ms,
        )


def masked(connection: Connection, home: Home, call: CallId) -> Iterator[Content]:
    """The masked text of a call, for the person's own copy: a line for each utterance."""
    for each in artifacts(connection, "calls.id = ? and kind = 'masked_transcript'", (call,)):
        said = sorted(read_segments(connection, home, call), key=lambda segment: (segment["t0"], segment["id"]))
        (started_at,) = connection.execute("select started_at from calls where id = ?", (call,)).fetchone()
        yield Content(
            kind=each.kind,
            part=0,
            data="\n".join(f"{segment['channel']}: {segment['text']}" for segment in said).encode(),
            artifact=each,
            started_at=datetime.fromisoformat(started_at),
            duration_ms=round(max((segment["t1"] for segment in said), default=0) * 1000),
        )


def lines(transcript: bytes) -> list[dict[str, object]]:
    """The utterances of a transcript: channel, t0, t1, text."""
    return [json.loads(line) for line in transcript.split(b"\n") if line]
