"""A person's copy of a call (GDPR articles 15 and 20), and an officer's copy of a recording: opened, packed, audited.

    CALL/recording.0.ogg · transcript.0.json and .txt · masked.txt · call.vcon.json · MANIFEST.json

1. What the person said is theirs as it was said; the other side's personal details are masked in every text.
2. Every export is a row of the audit chain with the hash of the file, written before the file can be fetched.
3. The sound cannot be masked: the other voice is in it, which the request's confirmation says.
"""

from __future__ import annotations

import enum
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tavs.call.party import normalised
from tavs.catalogue import folders
from tavs.config import Config
from tavs.errors import StoreError, UsageError
from tavs.events import ArtifactKind, CallId, Channel, Purpose
from tavs.host.home import Home
from tavs.masking.detect import Masker, masker
from tavs.masking.gate import Gate
from tavs.retention.holds import CaseRef
from tavs.rights import vcon
from tavs.rights.archive import write_zip
from tavs.rights.opening import Content, lines, masked, opened
from tavs.rights.subject import REGION
from tavs.speech.utterance import Utterance
from tavs.store import audit
from tavs.store.database import Connection, transaction
from tavs.store.kept import evidence

Said = dict[str, object]


class _Copy(enum.StrEnum):
    """Whose copy it is, for the audit chain."""

    SUBJECT = "subject"
    RECORDING = "recording"


@dataclass(frozen=True, slots=True)
class Exported:
    path: Path
    sha256: audit.Sha256
    calls: int


def subject(
    connection: Connection,
    home: Home,
    config: Config,
    calls: list[CallId],
    *,
    number: str,
    target: Path,
    actor: str,
    now: datetime,
) -> Exported:
    """One file with everything kept of the calls. Raises UsageError for a call that is not there, StoreError."""
    if not calls:
        raise UsageError("no call was confirmed", "confirm the calls that are the person's own")
    detectors = masker(config.masking, folders(home))
    entries = (
        entry
        for call in calls
        for entry in _entries(connection, home, call, detectors, site=config.site.name, number=number, now=now)
    )
    waiting = target.with_name(f".{target.name}.waiting")
    _refuse_existing(target)
    try:
        waiting.unlink(missing_ok=True)
        about: dict[str, str | int] = {"site": config.site.name, "made_at": now.isoformat(), "calls": len(calls)}
        digest = write_zip(waiting, entries, about)
        _enter_copy(connection, calls, digest, actor, now)
        waiting.rename(target)
    except OSError as error:
        raise _unwritten(error) from None
    finally:
        waiting.unlink(missing_ok=True)
    return Exported(target, digest, len(calls))


def _enter_copy(connection: Connection, calls: list[CallId], digest: audit.Sha256, actor: str, now: datetime) -> None:
    with transaction(connection):
        for call in calls:
            audit.append(
                connection, at=now, kind=audit.Kind.EXPORT, actor=actor, call=call, what=_Copy.SUBJECT, sha256=digest
            )


def recording(
    connection: Connection,
    home: Home,
    call: CallId,
    *,
    purpose: Purpose,
    case: CaseRef,
    folder: Path,
    actor: str,
    now: datetime,
) -> tuple[Exported, ...]:
    """The parts of a recording as Ogg/Opus, for a purpose that may use it. Raises UsageError, StoreError."""
    contents = [each for each in opened(connection, home, call, purpose, now) if each.kind is ArtifactKind.RECORDING]
    if not contents:
        raise UsageError("there is no recording of this call", "`tavs show` tells what is kept")
    written = [(folder / f"{call}.{each.part}.ogg", each.data) for each in contents]
    for path, _ in written:
        _refuse_existing(path)
    exported = tuple(Exported(path, audit.Sha256(hashlib.sha256(data).hexdigest()), 1) for path, data in written)
    with transaction(connection):
        for each, copy in zip(contents, exported, strict=True):
            audit.append(
                connection,
                at=now,
                kind=audit.Kind.EXPORT,
                actor=actor,
                call=call,
                what=_Copy.RECORDING,
                part=each.part,
                purpose=purpose,
                case=case,
                sha256=copy.sha256,
            )
    for path, data in written:
        write_private(path, data)
    return exported


def write_private(path: Path, data: bytes) -> None:
    """A new file for its owner only, on the disk when this returns. Raises StoreError."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _unwritten(error) from None


def _refuse_existing(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise UsageError("a file is there already under the name of the export", "name another place")


def _unwritten(error: OSError) -> StoreError:
    return StoreError(
        f"an export cannot be written ({os.strerror(error.errno or 0).lower()})",
        "check the folder, its owner and the free space",
    )


def _entries(
    connection: Connection, home: Home, call: CallId, detectors: Masker, *, site: str, number: str, now: datetime
) -> Iterator[tuple[str, bytes]]:
    facts: list[vcon.ArtifactFacts] = []
    contents = opened(connection, home, call, Purpose.QUALITY, now, is_subject=True)
    for each in (*contents, *masked(connection, home, call)):
        files = list(_files(each, call, detectors))
        yield from ((f"{call}/{name}", data) for name, _, data in files)
        facts.append(
            vcon.ArtifactFacts(
                kind=each.kind,
                part=each.part,
                started_at=each.started_at,
                duration_ms=each.duration_ms,
                grants=each.artifact.grants,
                files=tuple(
                    vcon.FileFacts(name=f"{call}/{name}", mediatype=mediatype, content_hash=vcon.content_hash(data))
                    for name, mediatype, data in files
                ),
            )
        )
    row = connection.execute("select started_at, ended_at from calls where id = ?", (call,)).fetchone()
    document = vcon.document(
        vcon.CallFacts(
            call=call,
            started_at=datetime.fromisoformat(row[0]),
            ended_at=datetime.fromisoformat(row[1] or row[0]),
            created_at=now,
            site_name=site,
            subject=Channel.CUSTOMER,
            subject_number=normalised(number, REGION) or "",
            artifacts=tuple(facts),
            evidence=tuple(evidence(connection, call)),
            is_masked=True,
        )
    )
    yield f"{call}/call.vcon.json", json.dumps(document, ensure_ascii=False, indent=1).encode()


def _files(content: Content, call: CallId, detectors: Masker) -> Iterator[tuple[str, str, bytes]]:
    """(name, media type, content) of one opened artifact."""
    if content.kind is ArtifactKind.RECORDING:
        yield f"recording.{content.part}.ogg", "audio/ogg", content.data
        return
    if content.kind is ArtifactKind.MASKED_TRANSCRIPT:
        yield "masked.txt", "text/plain", content.data
        return
    said = others_masked(lines(content.data), call, detectors)
    yield f"transcript.{content.part}.json", "application/json", json.dumps(said, ensure_ascii=False, indent=1).encode()
    text = "\n".join(f"{each['channel']}: {each['text']}" for each in said)
    yield f"transcript.{content.part}.txt", "text/plain", text.encode()


def others_masked(said: list[Said], call: CallId, detectors: Masker) -> list[Said]:
    """The utterances, those of the customer as they were said, all others masked."""
    gate = Gate(call=call, masker=detectors)
    masked: dict[int, list[str]] = {}
    for sequence, each in enumerate(said):
        for part in gate.feed(_utterance(each, call, sequence)):
            masked.setdefault(part.sequence, []).append(part.text.text)
    for part in gate.flush():
        masked.setdefault(part.sequence, []).append(part.text.text)
    return [
        each if each["channel"] == Channel.CUSTOMER else {**each, "text": " ".join(masked.get(sequence, []))}
        for sequence, each in enumerate(said)
    ]


def _utterance(said: Said, call: CallId, sequence: int) -> Utterance:
    return Utterance(
        call=call,
        channel=Channel(str(said["channel"])),
        sequence=sequence,
        t0_ms=int(str(said["t0_ms"])),
        t1_ms=int(str(said["t1_ms"])),
        text=str(said["text"]),
    )
