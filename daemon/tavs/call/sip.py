"""SIP messages (RFC 3261 sections 7, 18.3, 20): bytes in, messages out, and back.

1. Lines may end in CRLF, bare LF or bare CR before LF; AudioCodes and others send bare LF (PROTOCOLS d.1).
2. Over a stream Content-Length frames the body and nothing else does; a message without it there has no body.
3. Over UDP a datagram is a message; a body longer than Content-Length is cut, a shorter one is refused.
4. Header names compare without case and in their long form; values are kept as they came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tavs.errors import PeerError

HEADER_LIMIT_BYTES = 32 * 1024
"""Kamailio and OpenSIPS stop at 64 KiB for a whole message, nginx at 8 KiB of headers; SIPREC headers are a few KiB."""
BODY_LIMIT_BYTES = 128 * 1024
"""rs-metadata of a large conference is some 20 KiB."""
HEADERS_LIMIT = 256
"""Header fields of a message; RFC 3261 proxies add a Via and a Record-Route each, 70 hops at the most."""

VALUE_LIMIT = 4096
"""Characters of one header value; sngrep was brought down by a Call-ID of this length, no PBX needs it."""

COMPACT = {
    "i": "call-id", "m": "contact", "e": "content-encoding", "l": "content-length", "c": "content-type", "f": "from",
    "s": "subject", "k": "supported", "t": "to", "v": "via", "x": "session-expires",
}  # fmt: skip
"""Compact forms (RFC 3261 section 20, RFC 4028 section 4)."""

_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_REQUEST_LINE = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]+) (\S+) +SIP/2\.0", re.IGNORECASE)
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6]\d\d)(?: (.*))?", re.IGNORECASE)
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")

Header = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A request (`method` set) or a response (`status` set)."""

    method: str = ""
    uri: str = ""
    status: int = 0
    reason: str = ""
    headers: tuple[Header, ...] = ()
    body: bytes = field(default=b"", repr=False)

    def __repr__(self) -> str:
        return f"Message({self.method or self.status}, {len(self.headers)} headers, {len(self.body)} bytes)"

    def all(self, name: str) -> list[str]:
        """Values of a header in order, under its long lower-case name."""
        return [value for key, value in self.headers if key.lower() == name]

    def first(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")

    def tokens(self, name: str) -> list[str]:
        """A comma-separated list header as lower-case tokens (Require, Supported, Allow)."""
        return [token.strip().lower() for value in self.all(name) for token in value.split(",") if token.strip()]


def parse(data: bytes) -> Message:
    """A datagram. Raises PeerError."""
    end = _END_OF_HEADERS.search(data)
    if end is None:
        raise PeerError("a SIP message has no end of headers")
    message = _parse_head(data[: end.start()])
    body = data[end.end() :]
    length = content_length(message)
    if length is None:
        length = len(body)
    if length > len(body):
        raise PeerError("a SIP message is shorter than its Content-Length")
    return _with_body(message, body[:length])


def serialize(message: Message) -> bytes:
    """The message with the Content-Length of its body."""
    if message.method:
        lines = [f"{message.method} {message.uri} SIP/2.0"]
    else:
        lines = [f"SIP/2.0 {message.status} {message.reason}"]
    lines += [f"{name}: {value}" for name, value in message.headers if name.lower() != "content-length"]
    lines += [f"Content-Length: {len(message.body)}", "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + message.body


def content_length(message: Message) -> int | None:
    """None where the header is missing. Raises PeerError for several that differ, or one that is no number we allow."""
    values = set(message.all("content-length"))
    if not values:
        return None
    text = values.pop().strip()
    if values or not (text.isascii() and text.isdigit()) or len(text) > 7 or int(text) > BODY_LIMIT_BYTES:
        raise PeerError("a SIP message has an unusable Content-Length")
    return int(text)


class Framer:
    """Messages of one stream. After a PeerError the framing is lost and the connection has to be closed."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._head: tuple[Message, int, int] | None = None
        """Headers already read of a message whose body is still coming, where the body begins, and its length."""

    def feed(self, data: bytes) -> Iterator[Message]:
        self._buffer += data
        while (message := self._next()) is not None:
            yield message

    def _next(self) -> Message | None:
        if self._head is None:
            self._head = self._read_head()
        if self._head is None:
            return None
        message, begin, length = self._head
        if len(self._buffer) < begin + length:
            return None
        body = bytes(self._buffer[begin : begin + length])
        del self._buffer[: begin + length]
        self._head = None
        self._scanned = 0
        return _with_body(message, body)

    def _read_head(self) -> tuple[Message, int, int] | None:
        blank = len(self._buffer) - len(self._buffer.lstrip(b"\r\n"))
        del self._buffer[:blank]  # keep-alives (RFC 5626 section 3.5.1)
        end = _END_OF_HEADERS.search(self._buffer, max(0, self._scanned - 4 - blank))
        if end is None:
            self._scanned = len(self._buffer)
            if len(self._buffer) > HEADER_LIMIT_BYTES:
                raise PeerError("the headers of a SIP message are too long")
            return None
        message = _parse_head(bytes(self._buffer[: end.start()]))
        return message, end.end(), content_length(message) or 0


def parameter(value: str, name: str) -> str | None:
    """A `;name=value` parameter outside <…> and the name before it, unquoted; "" if empty, None if missing."""
    outside = re.sub(r'"(?:\\.|[^"\\])*"(?=\s*<)|<[^>]*>', "", value)
    found = re.search(rf';\s*{re.escape(name)}\s*(?:=\s*("[^"]*"|[^;,\s]*))?\s*(?=[;,]|$)', outside, re.IGNORECASE)
    return None if found is None else (found[1] or "").strip('"')


def address(value: str) -> str:
    """The URI of a name-addr or addr-spec (RFC 3261 section 20.10)."""
    bracketed = re.search(r"<([^>]*)>", value)
    return bracketed[1].strip() if bracketed else value.partition(";")[0].strip()


def split_list(value: str) -> list[str]:
    """The elements of a header that may hold several, apart at commas outside quotes and brackets."""
    return [part.strip() for part in re.findall(r'(?:"(?:\\.|[^"\\])*"|<[^>]*>|[^,"<])+', value) if part.strip()]


def _parse_head(head: bytes) -> Message:
    if len(head) > HEADER_LIMIT_BYTES:
        raise PeerError("the headers of a SIP message are too long")
    lines = re.split(r"\r?\n", head.lstrip(b"\r\n").decode("utf-8", "surrogateescape"))
    if len(lines) > HEADERS_LIMIT:
        raise PeerError("a SIP message has too many headers")
    headers: list[Header] = []
    for line in lines[1:]:
        if line[:1] in (" ", "\t"):
            if not headers:
                raise PeerError("a SIP message begins with a folded header")
            headers[-1] = (headers[-1][0], f"{headers[-1][1]} {line.strip()}".strip())
            continue
        name, colon, value = line.partition(":")
        name = name.rstrip()
        if not colon or not _TOKEN.fullmatch(name):
            raise PeerError("a SIP header line is no header")
        headers.append((_long(name), value.strip()))
    if any(len(value) > VALUE_LIMIT for _, value in headers):
        raise PeerError("a header of a SIP message is too long")
    return _start_line(lines[0], tuple(headers))


def _start_line(line: str, headers: tuple[Header, ...]) -> Message:
    if found := _STATUS_LINE.fullmatch(line.rstrip()):
        return Message(status=int(found[1]), reason=found[2] or "", headers=headers)
    if found := _REQUEST_LINE.fullmatch(line.rstrip()):
        return Message(method=found[1], uri=found[2], headers=headers)
    raise PeerError("a SIP message has no valid start line")


def _long(name: str) -> str:
    return COMPACT.get(name.lower(), name)


def _with_body(message: Message, body: bytes) -> Message:
    return Message(
        method=message.method,
        uri=message.uri,
        status=message.status,
        reason=message.reason,
        headers=message.headers,
        body=body,
    )
