"""Recording metadata (RFC 7865) in the dialects PBXs speak (PROTOCOLS d.2).

1. Element and attribute names compare by their local part without case; every known namespace, and none, is accepted.
2. `complete` replaces what was known, `partial` is merged into it; a document without a mode is complete.
3. A document type declaration is refused, so no entity is ever expanded; depth, elements and text are bounded.
4. Associations are accepted inside and beside the elements they join; ids we never saw create what they name.
"""

from __future__ import annotations

import xml.parsers.expat
from dataclasses import dataclass, field, replace
from typing import Any

from tavs.errors import PeerError

SIZE_LIMIT_BYTES = 128 * 1024
DEPTH_LIMIT = 32
ELEMENTS_LIMIT = 5000
CONTENT_TYPES = frozenset({"application/rs-metadata+xml", "application/rs-metadata"})


@dataclass(slots=True)
class Element:
    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, name: str) -> list[Element]:
        """Descendants of a name, in document order."""
        found = []
        for child in self.children:
            if child.name == name:
                found.append(child)
            found += child.all(name)
        return found

    def first_text(self, name: str) -> str:
        return next((each.text.strip() for each in self.all(name) if each.text.strip()), "")

    def identity(self, kind: str) -> str:
        """`participant_id`, `participantid` or `id`, as an attribute or as an element."""
        for name in (f"{kind}_id", f"{kind}id", "id"):
            if value := self.attributes.get(name, "").strip():
                return value
        return next((self.first_text(name) for name in (f"{kind}_id", f"{kind}id") if self.first_text(name)), "")


@dataclass(frozen=True, slots=True)
class Participant:
    aor: str = field(default="", repr=False)
    """Address of record; an opaque string, the PBX decides what stands in it."""
    name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is known of a recording session, over all documents so far."""

    participants: dict[str, Participant] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    """Label of a stream by the stream's id."""
    sends: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Ids of the streams that a participant sends."""

    def senders(self, label: str) -> list[Participant]:
        """Who is heard on the stream with this label."""
        streams = {stream for stream, its in self.labels.items() if its == label} | {label}
        return [
            self.participants.get(participant, Participant())
            for participant, sent in self.sends.items()
            if streams & set(sent)
        ]

    def merged(self, document: bytes) -> Metadata:
        """This and a further document. Raises PeerError for a document that cannot be read."""
        root = _tree(document)
        if root.name not in ("recording", "recording_metadata"):
            raise PeerError("recording metadata has an unknown root element")
        new = _read(root)
        mode = (root.first_text("datamode") or root.attributes.get("datamode", "complete")).lower()
        if mode != "partial":
            return new
        participants = {**self.participants}
        for participant, known in new.participants.items():
            before = participants.get(participant, Participant())
            participants[participant] = replace(known, aor=known.aor or before.aor, name=known.name or before.name)
        return Metadata(participants, {**self.labels, **new.labels}, {**self.sends, **new.sends})


def _read(root: Element) -> Metadata:
    participants: dict[str, Participant] = {}
    labels: dict[str, str] = {}
    sends: dict[str, tuple[str, ...]] = {}
    for element in root.all("participant"):
        if not (participant := element.identity("participant")):
            continue
        names = element.all("nameid") or element.all("aor")
        aor = next((_aor(each) for each in names if _aor(each)), "") or element.attributes.get("aor", "")
        participants[participant] = Participant(aor, element.first_text("name"))
        if sent := _texts(element, "send"):
            sends[participant] = sent
    for element in root.all("stream"):
        if stream := element.identity("stream"):
            label = element.first_text("label") or element.attributes.get("label", "").strip()
            if label:
                labels[stream] = label
    for element in root.all("participantstreamassoc"):
        if (participant := element.identity("participant")) and not element.all("disassociate-time"):
            sends[participant] = _texts(element, "send") or sends.get(participant, ())
    return Metadata(participants, labels, sends)


def _aor(element: Element) -> str:
    return (element.attributes.get("aor") or element.text or element.first_text("aor")).strip()


def _texts(element: Element, name: str) -> tuple[str, ...]:
    return tuple(each.text.strip() for each in element.all(name) if each.text.strip())


def _tree(document: bytes) -> Element:
    if len(document) > SIZE_LIMIT_BYTES:
        raise PeerError("recording metadata is too long")
    builder = _Builder()
    try:
        return builder.build(document)
    except (xml.parsers.expat.ExpatError, ValueError, LookupError):
        raise PeerError("recording metadata is not well-formed XML") from None


class _Builder:
    """Elements by expat, with bounds, and without document types."""

    def __init__(self) -> None:
        self._root = Element("", {})
        self._open = [self._root]
        self._count = 0

    def build(self, document: bytes) -> Element:
        parser = xml.parsers.expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype
        parser.Parse(document.strip(), True)
        return self._root.children[0]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) > DEPTH_LIMIT or self._count > ELEMENTS_LIMIT:
            raise PeerError("recording metadata is nested too deep or too large")
        element = Element(_local(name), {_local(key): value for key, value in attributes.items()})
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, _: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].text += text

    def _doctype(self, *_: Any) -> None:
        raise PeerError("recording metadata declares a document type")


def _local(name: str) -> str:
    return name.rpartition(":")[2].lower()
