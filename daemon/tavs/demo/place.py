"""A PBX in small: one recorded call placed over SIPREC, its sound sent by RTP at the pace it was spoken.

It is the demo's own peer, no proof of interoperation; the tests on the wire use clients that we did not write.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tavs.audio import g711, wav
from tavs.audio.rtp import RtpPacket
from tavs.call import sdp, sip
from tavs.errors import PeerError
from tavs.events import Channel

PACKET_SAMPLES = 160
PACKET_S = 0.02
PCMA = 8
ANSWER_S = 10.0
BOUNDARY = "recorded-call"
ROLES = (Channel.CUSTOMER, Channel.AGENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    customer_number: str
    agent_extension: str


def payloads(path: Path) -> dict[Channel, list[bytes]]:
    """A-law payloads of 20 ms for either side of a stereo file."""
    sound: dict[Channel, list[g711.Samples]] = {channel: [] for channel in ROLES}
    for block in wav.blocks(path):
        for channel, samples in block.items():
            sound[channel].append(samples)
    return {channel: list(_cut(np.concatenate(parts))) for channel, parts in sound.items()}


async def place(host: str, port: int, sound: dict[Channel, list[bytes]], parties: Parties) -> None:
    """Call, speak, hang up. Raises PeerError when the call is not answered."""
    reader, writer = await asyncio.open_connection(host, port)
    senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in ROLES]
    try:
        for each in senders:
            each.bind((writer.get_extra_info("sockname")[0], 0))
            each.setblocking(False)
        dialog = Dialog(writer, reader, [each.getsockname() for each in senders])
        ports = await dialog.invite(parties)
        for each, remote in zip(senders, ports, strict=True):
            each.connect((host, remote))
        await _speak(senders, [sound[channel] for channel in ROLES])
        await dialog.hang_up()
    finally:
        for each in senders:
            each.close()
        writer.close()


class Dialog:
    """The signalling of one call: invite, then hang up."""

    def __init__(
        self, writer: asyncio.StreamWriter, reader: asyncio.StreamReader, media: list[tuple[str, int]]
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._media = media
        self._framer = sip.Framer()
        self._numbers = itertools.count(1)
        self._local = writer.get_extra_info("sockname")
        self._to = "<sip:tavs@localhost>"

    async def invite(self, parties: Parties) -> list[int]:
        """The RTP ports of the answer."""
        headers = (("Require", "siprec"), ("Content-Type", f"multipart/mixed;boundary={BOUNDARY}"))
        answer = await self._ask("INVITE", headers, _body(self._media, parties))
        self._to = answer.first("to")
        self._send("ACK", 1, (), b"")
        return [media.port for media in sdp.parse(answer.body)]

    async def hang_up(self) -> None:
        await self._ask("BYE", (), b"")

    async def _ask(self, method: str, headers: tuple[sip.Header, ...], body: bytes) -> sip.Message:
        self._send(method, next(self._numbers), headers, body)
        async with asyncio.timeout(ANSWER_S):
            while data := await self._reader.read(65536):
                for message in self._framer.feed(data):
                    if message.status >= 300:
                        raise PeerError(f"the call was answered with {message.status}")
                    if message.status >= 200:
                        return message
        raise PeerError("the call was not answered")

    def _send(self, method: str, number: int, headers: tuple[sip.Header, ...], body: bytes) -> None:
        host, port = self._local[:2]
        via = f"SIP/2.0/TCP {host}:{port};branch=z9hG4bK{method}{number}{port};rport"
        message = sip.Message(
            method=method,
            uri="sip:tavs@localhost",
            headers=(
                ("Via", via),
                ("Max-Forwards", "70"),
                ("From", f"<sip:demo@{host}:{port}>;tag=demo{port}"),
                ("To", self._to),
                ("Call-ID", f"demo-{port}@{host}"),
                ("CSeq", f"{number} {method}"),
                ("Contact", f"<sip:demo@{host}:{port};transport=tcp>;+sip.src"),
                *headers,
            ),
            body=body,
        )
        self._writer.write(sip.serialize(message))


async def _speak(senders: list[socket.socket], sides: list[list[bytes]]) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number, packets in enumerate(zip(*sides, strict=True)):
        await asyncio.sleep(began + number * PACKET_S - loop.time())
        for side, (sender, payload) in enumerate(zip(senders, packets, strict=True)):
            packet = RtpPacket(
                payload_type=PCMA,
                marker=number == 0,
                sequence_number=number & 0xFFFF,
                timestamp=number * PACKET_SAMPLES,
                ssrc=0x7A5 + side,
                payload=payload,
            )
            sender.send(packet.serialize())


def _cut(samples: g711.Samples) -> Iterator[bytes]:
    coded = g711.encode(samples[: len(samples) - len(samples) % PACKET_SAMPLES], g711.ALAW)
    for start in range(0, len(coded), PACKET_SAMPLES):
        yield coded[start : start + PACKET_SAMPLES]


def _body(media: list[tuple[str, int]], parties: Parties) -> bytes:
    offer = ["v=0", f"o=demo 1 1 IN IP4 {media[0][0]}", "s=-", f"c=IN IP4 {media[0][0]}", "t=0 0"]
    for label, (_, port) in enumerate(media, start=1):
        offer += [f"m=audio {port} RTP/AVP {PCMA}", "a=rtpmap:8 PCMA/8000", "a=sendonly", f"a=label:{label}"]
    aors = (f"sip:{parties.customer_number}@localhost", f"sip:{parties.agent_extension}@localhost")
    people = "".join(
        f'<participant participant_id="p{label}"><nameID aor="{aor}"/></participant>'
        f'<stream stream_id="s{label}" session_id="c1"><label>{label}</label></stream>'
        f'<participantstreamassoc participant_id="p{label}"><send>s{label}</send></participantstreamassoc>'
        for label, aor in enumerate(aors, start=1)
    )
    metadata = (
        '<?xml version="1.0" encoding="UTF-8"?><recording xmlns="urn:ietf:params:xml:ns:recording:1">'
        f'<datamode>complete</datamode><session session_id="c1"/>{people}</recording>'
    )
    parts = (("application/sdp", "\r\n".join([*offer, ""])), ("application/rs-metadata+xml", metadata))
    text = "".join(f"--{BOUNDARY}\r\nContent-Type: {kind}\r\n\r\n{content}\r\n" for kind, content in parts)
    return f"{text}--{BOUNDARY}--\r\n".encode()
