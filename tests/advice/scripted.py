"""An advisory endpoint that does what its script says: a real server on loopback, well-behaved or not."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tavs.advice.endpoint import endpoint, trust
from tavs.advice.engine import Heard
from tavs.advice.openai import OpenAiEngine
from tavs.advice.ranking import Ranked
from tavs.advice.sections import Section
from tavs.config import Advice
from tavs.events import CallId, Channel, MaskedSegment, MaskedText
from tavs.host.clock import Clock, RealClock

CALL = CallId("0192f0c1-0000-7000-8000-000000000001")
WATER = Section(
    doc="husforsikring",
    version="2",
    number="4.2",
    title="Vand i kælderen",
    product="Hus",
    text="Forsikringen dækker skade efter skybrud. Den dækker ikke vand, der trænger op gennem gulvet, "
    "medmindre der er højvandslukke. Selvrisikoen er 2.500 kr. pr. skade.",
)
THEFT = Section(
    doc="indboforsikring", version="1", number="7.1", title="Tyveri", product="Indbo",
    text="Tyveri fra bolig er dækket ved synlige tegn på opbrud. Anmeld det til politiet.",
)  # fmt: skip
CANDIDATES = (Ranked(WATER, 0.9), Ranked(THEFT, 0.6))


def heard(*texts: str, channel: Channel = Channel.CUSTOMER, call: CallId = CALL) -> tuple[Heard, ...]:
    """Segments of one voice, two seconds each, with their row ids from 1."""
    return tuple(
        Heard(
            number,
            MaskedSegment(
                call=call, channel=channel, sequence=number, t0_ms=number * 2000, t1_ms=number * 2000 + 1800,
                text=MaskedText(text),
            ),
        )
        for number, text in enumerate(texts, start=1)
    )  # fmt: skip


@dataclass
class Asked:
    """A request as it came."""

    head: bytes
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


Behaviour = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


class Scripted:
    """Does its behaviours one after the other, the last one for ever; keeps every byte that it is sent."""

    def __init__(self, *behaviours: Behaviour, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.asked: list[Asked] = []
        self.received = bytearray()
        self.connections = 0
        self._behaviours = behaviours
        self._tls = tls
        self._host = host
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Scripted:
        self._server = await asyncio.start_server(self._accept, self._host, 0, ssl=self._tls)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://{self._host}:{port}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        feed = reader.feed_data

        def tapped(data: bytes) -> None:
            self.received += data
            feed(data)

        reader.feed_data = tapped  # type: ignore[method-assign]
        self._tasks.add(asyncio.create_task(self._serve(reader, writer), name="scripted"))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-len"))
                body = await reader.readexactly(length)
                self.asked.append(Asked(head, body))
                await self._behaviours[min(len(self.asked), len(self._behaviours)) - 1](self.asked[-1], writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def answer(body: bytes, status: str = "200 OK", headers: Mapping[str, str] | None = None) -> Behaviour:
    """One whole response."""

    async def behave(_: Asked, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await writer.drain()

    return behave


def completion(content: str | None, **more: object) -> bytes:
    """A chat completion, with what servers put beside it."""
    message = {"role": "assistant", "content": content, **more}
    document = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "tiny",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18},
    }
    return json.dumps(document).encode()


def says(content: str | None, **more: object) -> Behaviour:
    return answer(completion(content, **more), headers={"Content-Type": "application/json"})


def chooses(*ids: str, quote: str = "") -> Behaviour:
    return says(json.dumps({"sections": [{"id": each, "quote": quote} for each in ids]}))


def follows(obey: Callable[[str], bytes]) -> Behaviour:
    """A model that does as the last words of the conversation say, whoever said them."""

    async def behave(asked: Asked, writer: asyncio.StreamWriter) -> None:
        question = json.loads(asked.document["messages"][1]["content"])
        await answer(obey(question["conversation"][-1]["text"]))(asked, writer)

    return behave


async def hangs(_: Asked, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def stops_halfway(_: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"choices":')
    await writer.drain()
    writer.close()


async def drips(_: Asked, writer: asyncio.StreamWriter) -> None:
    """A byte now and then: every single read is in time, the whole never is."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def streams_for_ever(_: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b'100\r\ndata: {"choices":[]}' + b" " * (0x100 - 20) + b"\r\n")
        await writer.drain()


async def heads_for_ever(_: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Filler: " + b"x" * 1000 + b"\r\n")
        await writer.drain()


async def goes_on_for_ever(_: Asked, writer: asyncio.StreamWriter) -> None:
    """RFC 9110 section 15.2: any number of interim responses may come before the final one."""
    while True:
        writer.write(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)
        await writer.drain()


async def closes_at_once(_: Asked, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def speaks_another_protocol(_: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example.test ESMTP\r\n" * 100)
    await writer.drain()
    writer.close()


@dataclass
class Notes:
    """A ledger in memory; `refuses` stands for a full disk."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    refuses: Exception | None = None

    def write(
        self, *, call: CallId, host: str, model: str, segments: Sequence[int],
        sections: Sequence[tuple[str, str, str, str]], payload: bytes,
    ) -> None:  # fmt: skip
        if self.refuses:
            raise self.refuses
        self.rows.append({"call": call, "host": host, "model": model, "segments": segments, "sections": sections,
                          "payload": payload})  # fmt: skip


def asking(
    url: str, ledger: Any = None, *, deadline_s: float = 5.0, ca: str = "", key: str | None = None,
    clock: Clock | None = None,
) -> OpenAiEngine:  # fmt: skip
    """An engine for that endpoint."""
    return OpenAiEngine(
        endpoint=endpoint(Advice(engine="openai", endpoint=url, model="tiny")),
        model="tiny",
        deadline_s=deadline_s,
        ledger=ledger or Notes(),
        clock=clock or RealClock(),
        tls=trust(ca),
        key=key,
    )


def certificate(folder: Path, host: str, now: datetime) -> tuple[Path, ssl.SSLContext]:
    """A certificate that signed itself, valid for a day from `now`: its file, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "advisor")])
    try:
        named: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        named = x509.DNSName(host)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([named]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(exist_ok=True)
    public, private = folder / "advisor.pem", folder / "advisor.key"
    public.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context
