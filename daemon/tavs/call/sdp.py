"""Session descriptions (RFC 8866) and their answer (RFC 3264), as far as a recording server needs them.

1. Every `m=` line of an offer is answered, in order: `recvonly` to one that sends, `inactive` to one that does not,
   port 0 to what we cannot decode (RFC 7866 section 8.1).
2. The first offered codec we decode comes first, all others we decode stay: some PBXs narrow the live call to these.
3. `a=label`, `a=mid` and `a=rtcp-mux` are echoed. Lines we do not know are ignored.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tavs.call.session import Codec
from tavs.errors import PeerError

MEDIA_LIMIT = 32
"""`m=` lines of one offer; eight were seen."""
STATIC = {0: Codec.PCMU, 8: Codec.PCMA, 13: Codec.CN, 19: Codec.CN}
"""Payload types with a fixed meaning (RFC 3551 section 6); 19 is the older comfort noise."""
SOUND = frozenset({Codec.PCMA, Codec.PCMU})
RATE_HZ = 8000
PLAIN = frozenset({"RTP/AVP", "RTP/AVPF"})
_RTPMAP = re.compile(r"(\d{1,3})\s+([^/\s]+)/(\d+)(?:/(\d+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """One `m=` line of an offer."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    address: str
    """Of its `c=` line or the session's."""
    direction: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    payload_types: Mapping[int, Codec] = field(default_factory=dict)
    """Those we decode, in the order offered."""

    @property
    def label(self) -> str:
        return self.attributes.get("label", "")

    @property
    def is_decodable(self) -> bool:
        plain = self.protocol.upper() in PLAIN
        return self.kind == "audio" and self.port > 0 and plain and bool(SOUND & set(self.payload_types.values()))

    @property
    def is_active(self) -> bool:
        return self.direction in ("sendonly", "sendrecv")

    @property
    def remote(self) -> tuple[str, int] | None:
        try:
            ip = ipaddress.ip_address(self.address)
        except ValueError:
            return None
        return None if ip.is_unspecified else (str(ip), self.port)


def parse(text: bytes) -> tuple[Media, ...]:
    """The media of an offer. Raises PeerError where there is no session description."""
    lines = [line for line in re.split(r"\r?\n|\r", text.decode("utf-8", "replace")) if line[1:2] == "="]
    if not lines or not lines[0].startswith("v="):
        raise PeerError("a session description does not begin with a version")
    blocks: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("m="):
            blocks.append([])
        blocks[-1].append(line)
    if len(blocks) - 1 > MEDIA_LIMIT:
        raise PeerError("a session description has too many media lines")
    address, direction, _, _ = _common(blocks[0], address="", direction="sendrecv")
    return tuple(_media(block, address, direction) for block in blocks[1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What we say to one `m=` line: our port, or 0."""

    media: Media
    port: int


def answer(answered: Sequence[Answered], *, address: str, session_id: int, version: int) -> bytes:
    """The answer to an offer; `version` grows by one with each change (RFC 3264 section 8)."""
    family = "IP6" if ":" in address else "IP4"
    lines = [
        "v=0",
        f"o=tavs {session_id} {version} IN {family} {address}",
        "s=tavs",
        f"c=IN {family} {address}",
        "t=0 0",
    ]
    for line in answered:
        lines += _answer_media(line.media, line.port)
    return ("\r\n".join(lines) + "\r\n").encode("utf-8", "replace")


def _answer_media(media: Media, port: int) -> list[str]:
    if not port:
        refused = [f"m={media.kind} 0 {media.protocol} {' '.join(media.formats) or '0'}"]
        return refused + [f"a={name}:{media.attributes[name]}" for name in ("label", "mid") if name in media.attributes]
    numbers = sorted(media.payload_types, key=lambda number: media.payload_types[number] not in SOUND)
    lines = [f"m={media.kind} {port} {media.protocol} {' '.join(map(str, numbers))}"]
    lines += [f"a=rtpmap:{number} {media.payload_types[number]}/{RATE_HZ}" for number in numbers]
    lines += [
        f"a=fmtp:{number} 0-15" for number in numbers if media.payload_types[number] is Codec.TELEPHONE_EVENT
    ]  # RFC 4733 section 2.4.1
    lines.append("a=recvonly" if media.is_active else "a=inactive")
    lines += [f"a={name}:{media.attributes[name]}" for name in ("label", "mid") if name in media.attributes]
    if "rtcp-mux" in media.attributes:
        lines.append("a=rtcp-mux")
    return lines


def _media(block: list[str], address: str, direction: str) -> Media:
    fields = block[0][2:].split()
    if len(fields) < 3 or not fields[1].partition("/")[0].isdigit():
        raise PeerError("a media line of a session description is malformed")
    port = int(fields[1].partition("/")[0])
    if port > 65535:
        raise PeerError("a media line of a session description has an impossible port")
    address, direction, attributes, maps = _common(block[1:], address=address, direction=direction)
    return Media(
        kind=fields[0].lower(),
        port=port,
        protocol=fields[2],
        formats=tuple(fields[3:]),
        address=address,
        direction=direction,
        attributes=attributes,
        payload_types=_decodable(fields[3:], maps),
    )


def _common(
    lines: list[str], *, address: str, direction: str
) -> tuple[str, str, dict[str, str], dict[int, tuple[str, int, int]]]:
    attributes: dict[str, str] = {}
    maps: dict[int, tuple[str, int, int]] = {}
    for line in lines:
        name, _, value = line[2:].strip().partition(":")
        if line.startswith("c="):
            fields = line[2:].split()
            address = fields[2].partition("/")[0] if len(fields) >= 3 else address
        elif line.startswith("a="):
            if name in ("sendonly", "recvonly", "sendrecv", "inactive"):
                direction = name
            elif name == "rtpmap" and (found := _RTPMAP.match(value.strip())):
                maps[int(found[1])] = (found[2].lower(), int(found[3]), int(found[4] or 1))
            else:
                attributes.setdefault(name, value.strip())
    return address, direction, attributes, maps


def _decodable(formats: Sequence[str], maps: Mapping[int, tuple[str, int, int]]) -> dict[int, Codec]:
    names = {codec.value.lower(): codec for codec in Codec}
    found: dict[int, Codec] = {}
    for text in formats:
        if not (text.isascii() and text.isdigit()) or int(text) > 127:
            continue
        number = int(text)
        if number in maps:
            name, rate, channels = maps[number]
            codec = names.get(name) if rate == RATE_HZ and channels == 1 else None
        else:
            codec = STATIC.get(number)
        if codec:
            found[number] = codec
    return found
