"""Bodies of several parts (RFC 2046 section 5.1), as PBXs really send them.

The boundary of the Content-Type is tried first; where it does not occur, the first line that looks like one is taken
(Oracle sends a wrong one, PROTOCOLS d.2). Lines may end in LF, header names come in any case, parts may nest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

DEPTH_LIMIT = 3
"""Nesting seen: two."""
PARTS_LIMIT = 16
"""Parts seen: four (SDP, metadata, gtd, nested)."""

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_BOUNDARY_LINE = re.compile(rb"(?:^|\n)--([^\r\n]{1,200}?)[ \t]*\r?\n")


@dataclass(frozen=True, slots=True)
class Part:
    content_type: str
    """Type and subtype, lower case."""
    body: bytes = field(repr=False)


def parts(content_type: str, body: bytes, depth: int = 0) -> list[Part]:
    """The leaves of a body; a body that is not multipart is its own only part, a broken one has none."""
    kind = content_type.partition(";")[0].strip().lower()
    if not kind.startswith("multipart/"):
        return [Part(kind, body)] if body else []
    if depth >= DEPTH_LIMIT:
        return []
    found: list[Part] = []
    for piece in _split(_boundary(content_type, body), body):
        head, leaf = _head(piece)
        found += parts(head.get("content-type", "text/plain"), leaf, depth + 1)
        if len(found) >= PARTS_LIMIT:
            break
    return found[:PARTS_LIMIT]


def _boundary(content_type: str, body: bytes) -> bytes:
    named = re.search(r'boundary\s*=\s*(?:"([^"]+)"|([^;\s]+))', content_type, re.IGNORECASE)
    boundary = (named[1] or named[2]).encode("utf-8", "surrogateescape") if named else b""
    if boundary and b"--" + boundary in body:
        return boundary
    line = _BOUNDARY_LINE.search(body)
    return line[1] if line else b""


def _split(boundary: bytes, body: bytes) -> list[bytes]:
    if not boundary:
        return []
    delimiter = re.compile(rb"(?:^|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?:\r?\n|$)")
    marks = list(delimiter.finditer(body))
    ends = [mark.start() for mark in marks[1:]] + [len(body)]
    return [body[mark.end() : max(mark.end(), end)] for mark, end in zip(marks, ends, strict=True) if not mark[1]]


def _head(piece: bytes) -> tuple[dict[str, str], bytes]:
    if piece[:1] in (b"\r", b"\n"):
        return {}, piece.lstrip(b"\r\n")
    end = _HEAD_END.search(piece)
    head = piece[: end.start()] if end else piece
    text = re.sub(r"\r?\n[ \t]+", " ", head.decode("utf-8", "replace"))
    pairs = (line.partition(":") for line in text.splitlines())
    return {name.strip().lower(): value.strip() for name, _, value in pairs}, piece[end.end() :] if end else b""
