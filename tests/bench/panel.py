"""The agents' page under load: `python tests/bench/panel.py [--browsers 200] [--calls 20] [--seconds 60]`.

One process is the desk: keeper, board, page, its own database. A second one is the browsers, over TLS on loopback. Every
call brings a segment every two seconds; each carries the monotonic time at which the event came to the desk, and a
browser compares it with the time at which it has read the message.

JSON on standard output, the figures beside their targets on standard error. Nothing is asserted: machines differ.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import ssl
import sys
import tempfile
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from tavs.config import Config
from tavs.events import CallId, CallStarted, Channel, MaskedSegment, MaskedText
from tavs.host import certificate, credentials
from tavs.host.clock import RealClock
from tavs.host.home import Home
from tavs.panel.accounts import Account
from tavs.panel.board import Board
from tavs.panel.serve import Panel, new_boot
from tavs.relay import Received
from tavs.run import prepare
from tavs.store.database import open_writer
from tavs.store.keeper import Keeper
from tavs.store.text_keys import TextKeys

MOST_P95_MS, MOST_MEMORY_MB = 250.0, 150.0
EVERY_S = 2.0
"""A segment of a call."""
SETTLE_S = 3.0
WORDS = "jeg ringer fordi der er kommet vand i kælderen efter regnen i går <PERSON_1> har set på det " * 2
SINCE = datetime(2026, 3, 1, tzinfo=UTC)
PAGES = Path(__file__).parents[1] / "panel/pages"


def call_id(number: int) -> CallId:
    return CallId(f"0192f0c1-0000-7000-8000-{number:012x}")


def desk(root: Path, browsers: int, calls: int, seconds: float, pipe: Pipe) -> None:
    """The desk's process: serves until it is told to stop, then tells what it cost."""
    asyncio.run(_desk(Home(root), browsers, calls, seconds, pipe))


async def _desk(home: Home, browsers: int, calls: int, seconds: float, pipe: Pipe) -> None:
    clock, connection = RealClock(), open_writer(home.database)
    keys = TextKeys(home.text_keys, credentials.load("desk", home))
    keeper, board = Keeper(connection, keys, clock, ZoneInfo("Europe/Copenhagen")), Board(new_boot())
    config = msgspec.convert({"panel": {"listen": "127.0.0.1:0"}}, Config)
    panel = Panel(home, config, clock=clock, board=board, connection=connection, terms=NoTerms, pages=PAGES)
    before_mb = _memory_mb()
    serving = asyncio.create_task(panel.run())
    while panel.bound is None:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    cookies = [panel.sessions.open(_account(number, calls), "da", clock.monotonic()) for number in range(browsers)]
    pipe.send((panel.bound[1], cookies))
    await asyncio.to_thread(pipe.recv)
    idle_mb = _memory_mb()
    spent_s, began = _cpu_s(), time.monotonic()
    await _talk(keeper, board, calls, seconds)
    elapsed_s = time.monotonic() - began
    pipe.send(
        {
            "memory_mb": {"page_not_served": before_mb, "browsers_there": idle_mb, "at_the_end": _memory_mb()},
            "cpu_percent_of_one_core": 100 * (_cpu_s() - spent_s) / elapsed_s,
        }
    )
    await asyncio.to_thread(pipe.recv)
    serving.cancel()
    await asyncio.wait([serving])


async def _talk(keeper: Keeper, board: Board, calls: int, seconds: float) -> None:
    """All calls begin, and bring a segment every two seconds, evenly spread."""
    sequence = 0
    for number in range(calls):
        event = CallStarted(call=call_id(number), at=datetime.now(UTC), source="siprec", extension=f"{number}")
        board.apply(event, keeper.apply(Received("bench", sequence, event)), time.monotonic())
        sequence += 1
    began, told = time.monotonic(), 0
    while (at_s := told * EVERY_S / calls) < seconds:
        await asyncio.sleep(max(0.0, began + at_s - time.monotonic()))
        segment = MaskedSegment(
            call=call_id(told % calls), channel=Channel.CUSTOMER, sequence=told // calls,
            t0_ms=round(at_s * 1000), t1_ms=round(at_s * 1000) + 1800,
            text=MaskedText(f"{time.monotonic_ns()} {WORDS}"),
        )  # fmt: skip
        board.apply(segment, keeper.apply(Received("bench", sequence, segment)), time.monotonic())
        sequence, told = sequence + 1, told + 1
    await asyncio.sleep(1.0)


def browse(port: int, cookies: list[str], pipe: Pipe) -> None:
    """The browsers' process: reads every stream until told to stop, then tells what it saw."""
    asyncio.run(_browse(port, cookies, pipe))


async def _browse(port: int, cookies: list[str], pipe: Pipe) -> None:
    delays_ms: list[float] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    opened = [asyncio.create_task(_listen(port, cookie, context, delays_ms)) for cookie in cookies]
    await asyncio.sleep(SETTLE_S + len(cookies) / 50)
    pipe.send(sum(not task.done() for task in opened))
    await asyncio.to_thread(pipe.recv)
    for task in opened:
        task.cancel()
    pipe.send(delays_ms)


async def _listen(port: int, cookie: str, context: ssl.SSLContext, delays_ms: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(f"GET /events HTTP/1.1\r\nHost: tavs\r\nCookie: __Host-tavs={cookie}\r\n\r\n".encode())
    kind = b""
    while line := await reader.readline():
        if line.startswith(b"event: "):
            kind = line[7:].strip()
        elif line.startswith(b"data: ") and kind == b"segment":
            sent_ns = int(json.loads(line[6:])["text"].partition(" ")[0])
            delays_ms.append((time.monotonic_ns() - sent_ns) / 1e6)


class NoTerms:
    def in_force(self, day: object) -> list[Any]:
        return []


def _account(number: int, calls: int) -> Account:
    return Account(name=f"a{number}", password="", extensions=(f"{number % calls}",), created_at=SINCE)


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def _cpu_s() -> float:
    used = os.times()
    return used.user + used.system


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--browsers", type=int, default=200)
    arguments.add_argument("--calls", type=int, default=20)
    arguments.add_argument("--seconds", type=float, default=60.0)
    given = arguments.parse_args()
    processes = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="tavs-bench-") as folder:
        home = Home(Path(folder))
        prepare(home)
        certificate.create(home, datetime.now(UTC))
        accounts = [_account(number, given.calls) for number in range(given.browsers)]
        (home.etc / "panel/accounts.json").write_bytes(msgspec.json.encode({"accounts": accounts}))
        to_desk, at_desk = processes.Pipe()
        to_browsers, at_browsers = processes.Pipe()
        serving = processes.Process(
            target=desk, args=(home.root, given.browsers, given.calls, given.seconds, at_desk), daemon=True
        )
        serving.start()
        port, cookies = to_desk.recv()
        browsing = processes.Process(target=browse, args=(port, cookies, at_browsers), daemon=True)
        browsing.start()
        there = to_browsers.recv()
        to_desk.send("talk")
        cost = to_desk.recv()
        to_browsers.send("stop")
        delays_ms = to_browsers.recv()
        to_desk.send("stop")
        for process in (browsing, serving):
            process.join(30)
    if not delays_ms:
        raise SystemExit(f"{there} browsers, and none of them read anything")
    p50, p95, p99 = (float(np.percentile(delays_ms, each)) for each in (50, 95, 99))
    expected = round(given.seconds / EVERY_S) * given.browsers
    print(f"{there} browsers, {len(delays_ms)} messages read of {expected}", file=sys.stderr)
    print(f"event to browser p95 {p95:.1f} ms (at most {MOST_P95_MS:.0f})", file=sys.stderr)
    print(f"memory {cost['memory_mb']['at_the_end']:.0f} MB (at most {MOST_MEMORY_MB:.0f})", file=sys.stderr)
    document = {
        "browsers": there,
        "messages": [len(delays_ms), expected],
        "event_to_browser_ms": {"p50": p50, "p95": [p95, MOST_P95_MS], "p99": p99},
        "memory_mb": cost["memory_mb"] | {"at_most": MOST_MEMORY_MB},
        "cpu_percent_of_one_core": cost["cpu_percent_of_one_core"],
    }
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
