"""Many calls at once from one process: SIPREC over TCP, RTP over UDP, every packet of a tick sent together.

It counts how late its own ticks were, so that a slow generator is not taken for a slow box.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from dataclasses import dataclass, field

from tavs.demo.place import PACKET_S, PACKET_SAMPLES, PCMA, ROLES, Dialog, Parties
from tavs.events import Channel

HEADER = struct.Struct("!BBHII")


@dataclass
class Load:
    host: str
    port: int
    sound: dict[Channel, list[bytes]]
    calls: int
    packets_sent: int = 0
    latest_tick_s: float = 0.0
    _dialogs: list[Dialog] = field(default_factory=list)
    _streams: list[tuple[socket.socket, list[bytes], int, int]] = field(default_factory=list)
    """Socket, payloads, where in them the call begins, SSRC."""

    async def run(self, seconds: float) -> None:
        for number in range(self.calls):
            await self._begin(number)
        await self._speak(round(seconds / PACKET_S))
        for dialog in self._dialogs:
            await dialog.hang_up()
        for stream, _, _, _ in self._streams:
            stream.close()

    async def _begin(self, number: int) -> None:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in ROLES]
        for each in senders:
            each.bind(("127.0.0.1", 0))
        dialog = Dialog(writer, reader, [each.getsockname() for each in senders])
        parties = Parties(customer_number=f"+4520{number:06d}", agent_extension=str(4000 + number))
        ports = await dialog.invite(parties)
        begin = random.Random(number).randrange(len(self.sound[Channel.CUSTOMER]))
        for side, (each, port, channel) in enumerate(zip(senders, ports, ROLES, strict=True)):
            each.connect((self.host, port))
            self._streams.append((each, self.sound[channel], begin, 1000 + 2 * number + side))
        self._dialogs.append(dialog)

    async def _speak(self, ticks: int) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for tick in range(ticks):
            due = began + tick * PACKET_S
            await asyncio.sleep(max(0.0, due - loop.time()))
            self.latest_tick_s = max(self.latest_tick_s, loop.time() - due)
            for sender, payloads, begin, ssrc in self._streams:
                payload = payloads[(begin + tick) % len(payloads)]
                sender.send(HEADER.pack(0x80, PCMA, tick & 0xFFFF, tick * PACKET_SAMPLES & 0xFFFFFFFF, ssrc) + payload)
            self.packets_sent += len(self._streams)
