"""One call as a vCon, for the person who asks for a copy. Pure: facts in, a JSON document out.

Unsigned form of draft-ietf-vcon-vcon-core-04 (sections in brackets), with the extensions `lawful_basis`
(draft-howe-vcon-lawful-basis-02) and `CC` (draft-ietf-vcon-cc-extension, for the role of a party).

1. The other party has a role here and nothing else: no name, no number, no extension; what the customer pressed is in
   the customer's own copy only.
2. Content is not in the document. A file lies beside it in the archive: `filename` is its name there, `content_hash`
   its SHA-512. Nothing is served, so there is no `url` (a deviation from 2.4).
3. A call of which no recording is given keeps a placeholder dialog (4.3), so that every index points at something.
4. Each grant is an attachment of its own, ended ones too: readers judge a lawful basis by its one `expiration`.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tavs.events import ArtifactKind, CallId, Channel
from tavs.retention.consent import Evidence
from tavs.retention.policy import Grant

VERSION = "0.4.0"
"""Deprecated by draft 04 (4.1.1), and still what readers of older drafts look for."""
PRODUCT = "Tavs"
CHANNELS = (Channel.CUSTOMER, Channel.AGENT)
"""Channels of a recording, left and right, and so the indices of the parties."""
CUSTOMER = CHANNELS.index(Channel.CUSTOMER)

_BASES = {
    "6(1)(a)": "consent",
    "6(1)(b)": "contract",
    "6(1)(c)": "legal_obligation",
    "6(1)(d)": "vital_interests",
    "6(1)(e)": "public_task",
    "6(1)(f)": "legitimate_interests",
}

Object = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """A file of the archive."""

    name: str
    mediatype: str
    content_hash: str
    """As `content_hash` below makes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactFacts:
    kind: ArtifactKind
    part: int
    started_at: datetime
    duration_ms: int
    grants: tuple[Grant, ...]
    files: tuple[FileFacts, ...] = ()
    """In the archive; none where the artifact is kept but not handed out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    call: CallId
    started_at: datetime
    ended_at: datetime
    created_at: datetime
    """When this document is made."""
    site_name: str
    subject: Channel
    """Whose copy it is: the customer's or the agent's."""
    subject_number: str = field(default="", repr=False)
    """The number the request was made for; '' where the call was found in another way."""
    artifacts: tuple[ArtifactFacts, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    is_masked: bool = False
    """Whether the other party's personal details are masked in the texts."""


def content_hash(data: bytes) -> str:
    """ContentHash (2.2): the algorithm, a hyphen, the digest as unpadded base64url."""
    return f"sha512-{base64.urlsafe_b64encode(hashlib.sha512(data).digest()).rstrip(b'=').decode('ascii')}"


def document(call: CallFacts) -> dict[str, object]:
    dialog = _dialog(call)
    whole = len(dialog) - 1
    """Index of the dialog that is the whole call: the only one, or the set of its parts."""
    found: Object = {
        "vcon": VERSION,
        "uuid": str(_identity(call)),
        "extensions": ["lawful_basis", "CC"],
        "created_at": _time(call.created_at),
        "parties": [_party(channel, call) for channel in CHANNELS],
        "dialog": dialog,
        "analysis": _analysis(call, dialog),
        "attachments": [*_consents(call, whole), *_grants(call, whole)],
    }
    if what := _redacted(call):
        found["redacted"] = {"type": what}
    return found


def _identity(call: CallFacts) -> uuid.UUID:
    """Version 8 in the order of time (4.1.2): another document of the same call is another vCon."""
    milliseconds = int(call.created_at.timestamp() * 1000)
    seed = hashlib.sha256(f"tavs vcon {call.call} {_time(call.created_at)} {call.subject}".encode()).digest()
    value = milliseconds << 80 | int.from_bytes(seed[:10], "big")
    value = value & ~(0xF << 76) | 8 << 76
    return uuid.UUID(int=value & ~(0b11 << 62) | 0b10 << 62)


def _party(channel: Channel, call: CallFacts) -> Object:
    party: Object = {"type": "person", "role": channel.value}
    if channel is Channel.AGENT:
        party["org"] = call.site_name
    if channel is call.subject and call.subject_number:
        party["tel"] = call.subject_number
    return party


def _dialog(call: CallFacts) -> list[Object]:
    given = [each for each in _in_order(call, ArtifactKind.RECORDING) if each.files]
    indices = list(range(len(CHANNELS)))
    whole: Object = {
        "start": _time(call.started_at),
        "duration": (call.ended_at - call.started_at).total_seconds(),
        "parties": indices,
    }
    if not given:
        return [{"type": "recording", **whole}]
    parts: list[Object] = [
        {
            "type": "recording",
            "start": _time(each.started_at),
            "duration": each.duration_ms / 1000,
            "parties": indices,
            **_file(file),
        }
        for each in given
        for file in each.files
    ]
    if len(parts) == 1:
        return parts
    for part in parts:
        part["recording_set"] = len(parts)
    return [*parts, {"type": "recording-set", **whole, "recordings": list(range(len(parts)))}]


def _analysis(call: CallFacts, dialog: list[Object]) -> list[Object]:
    recordings = [index for index, each in enumerate(dialog) if each["type"] == "recording"]
    return [
        {
            "type": "transcript",
            "dialog": recordings,
            "vendor": PRODUCT,
            "schema": f"tavs-{kind.value.replace('_', '-')}",
            **_file(file),
        }
        for kind in (ArtifactKind.TRANSCRIPT, ArtifactKind.MASKED_TRANSCRIPT)
        for each in _in_order(call, kind)
        for file in each.files
    ]


def _consents(call: CallFacts, whole: int) -> list[Object]:
    return [_attachment("consent", each.at, whole, _evidence(each)) for each in _answers(call)]


def _grants(call: CallFacts, whole: int) -> list[Object]:
    return [
        _attachment("lawful_basis" if _base(grant) else "grant", grant.granted_at, whole, _grant(artifact, grant, call))
        for kind in ArtifactKind
        for artifact in _in_order(call, kind)
        for grant in sorted(artifact.grants, key=lambda grant: grant.purpose)
    ]


def _grant(artifact: ArtifactFacts, grant: Grant, call: CallFacts) -> Object:
    purpose: Object = {
        "purpose": f"{artifact.kind}.{grant.purpose}",
        "granted": call.created_at < grant.until,
        "granted_at": _time(grant.granted_at),
    }
    body: Object = {
        "expiration": _time(grant.until),
        "purpose_grants": [purpose],
        "jurisdiction": "EU",
        "controller": call.site_name,
        "gdpr_article": grant.legal_basis,
        "artifact": {"kind": artifact.kind.value, "part": artifact.part},
        "frozen_expiration": _time(grant.expires_at),
    }
    if base := _base(grant):
        body["lawful_basis"] = base
    if base == "consent":
        body["proof_mechanisms"] = [
            {"proof_type": "external_system", "timestamp": _time(each.at), "proof_data": _evidence(each)}
            for each in _answers(call)
            if each.purpose is grant.purpose
        ]
    if grant.ended_at and grant.ended_by:
        body["ended_by"] = grant.ended_by.value
    return body


def _answers(call: CallFacts) -> list[Evidence]:
    given = call.evidence if call.subject is Channel.CUSTOMER else ()
    return sorted(given, key=lambda each: each.at)


def _base(grant: Grant) -> str | None:
    """The basis of article 6; an article 9 beside it stands in `gdpr_article`."""
    return _BASES.get(grant.legal_basis.partition(", ")[0])


def _evidence(evidence: Evidence) -> Object:
    return {
        "purpose": evidence.purpose.value,
        "answer": evidence.answer.value,
        "source": evidence.source.value,
        "pressed": evidence.pressed,
        "prompt": evidence.prompt,
        "prompt_version": evidence.prompt_version,
        "language": evidence.language,
        "at": _time(evidence.at),
    }


def _attachment(purpose: str, start: datetime, dialog: int, body: Object) -> Object:
    return {
        "purpose": purpose,
        "start": _time(start),
        "party": CUSTOMER,
        "dialog": dialog,
        "mediatype": "application/json",
        "encoding": "json",
        "body": body,
    }


def _redacted(call: CallFacts) -> str:
    """What is left out (4.1.8.1); no `uuid` beside it, as no fuller document exists."""
    has_sound = any(each.files for each in _in_order(call, ArtifactKind.RECORDING))
    reasons = {"recording_not_given": not has_sound, "other_party_masked": call.is_masked}
    return " ".join(reason for reason, holds in reasons.items() if holds)


def _in_order(call: CallFacts, kind: ArtifactKind) -> list[ArtifactFacts]:
    return sorted((each for each in call.artifacts if each.kind is kind), key=lambda each: each.part)


def _file(file: FileFacts) -> Object:
    return {"mediatype": file.mediatype, "filename": file.name, "content_hash": file.content_hash}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
