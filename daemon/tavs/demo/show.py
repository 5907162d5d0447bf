"""`tavs demo` and `tavs replay`: the whole appliance below one home, one call through it, and what came of it."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console

from tavs.audio import wav
from tavs.demo.canary import Canaries
from tavs.demo.place import Parties, payloads, place
from tavs.demo.tap import Tap
from tavs.errors import TavsError
from tavs.events import ArtifactKind, CallId, Purpose
from tavs.host.clock import RealClock
from tavs.host.home import Home
from tavs.run import Appliance, prepare
from tavs.store import view
from tavs.store.database import open_reader

HERE = Path(__file__).parent
CONFIGURATION = """\
[intake.siprec]
listen = ["tcp:127.0.0.1:0"]
allow = ["127.0.0.1/32"]

[speech]
agent_channel = "live"
"""
LOOK_S = 0.1
STORED_S = 30.0
"""How long after the hang-up the last word and the recording may take."""
REPLAY_S = 3600.0

Row = dict[str, Any]


class Watched:
    """One call as the desk knows it, read as it grows."""

    def __init__(self, home: Home, console: Console) -> None:
        self.segments: list[Row] = []
        self.suggestions: list[Row] = []
        self._home = home
        self._console = console
        self._call: CallId | None = None

    async def follow(self) -> None:
        """Show what comes until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        if not self._home.database.exists():
            return
        try:
            connection = open_reader(self._home.database)
        except TavsError:
            return  # the desk is just making it
        try:
            if self._call is None:
                row = connection.execute("select id from calls order by id desc limit 1").fetchone()
                self._call = CallId(row[0]) if row else None
            if self._call:
                after = self.segments[-1]["id"] if self.segments else 0
                now = RealClock().now()
                new = view.segments(connection, self._home, self._call, purpose=Purpose.TRAINING, now=now, after=after)
                self.segments += new
                shown = view.suggestions(connection, self._call, self.suggestions[-1]["id"] if self.suggestions else 0)
                self.suggestions += shown
                for row in new:
                    self._console.print(_segment_line(row), highlight=False, markup=False)
                for row in shown:
                    line = f"            → {row['doc']} {row['section']} {row['title']}"
                    self._console.print(line, style="bold", highlight=False, markup=False)
        finally:
            connection.close()

    def stored(self) -> Row | None:
        """The call with what is kept of it, once it has ended and its recording is closed."""
        if self._call is None:
            return None
        found = view.call(self._home, self._call)
        kinds = {artifact["kind"] for artifact in found["artifacts"]}
        return found if found["ended_at"] and ArtifactKind.RECORDING.value in kinds else None


async def demo(folder: Path | None, as_json: bool) -> int:
    """Place the synthetic call; 0 when masked text came out and none of its identifiers is left anywhere."""
    script = json.loads((HERE / "call.json").read_text(encoding="utf-8"))
    canaries = Canaries(script["identifiers"])
    with tempfile.TemporaryDirectory(prefix="tavs-demo-") if folder is None else nullcontext(str(folder)) as root:
        home = Home(Path(root).absolute())
        console = _console(as_json)
        async with _appliance(home, console) as (box, tap, watched):
            kind, host, port = box.sip_addresses[0].split(":")
            console.print(f"SIPREC over {kind} to {host}:{port}, RTP over UDP, one call in real time", highlight=False)
            parties = Parties(customer_number=script["customer_number"], agent_extension=script["agent_extension"])
            await place(host, int(port), payloads(HERE / "call.wav"), parties)
            stored = await _stored(watched, STORED_S)
        found = sorted({*canaries.search(bytes(tap.traffic)), *canaries.search(box.logs())})
        found = sorted({*found, *(kind for _, kind in canaries.search_files([home.root]))})
        return _report(watched, stored, found, as_json, console)


async def replay(file: Path, folder: Path | None, as_json: bool) -> int:
    """The pipeline on a file; 0 when masked text came out."""
    wav.channels(file)
    with tempfile.TemporaryDirectory(prefix="tavs-replay-") if folder is None else nullcontext(str(folder)) as root:
        home = Home(Path(root).absolute())
        console = _console(as_json)
        async with _appliance(home, console, "--replay", str(file.absolute())) as (_, _, watched):
            stored = await _stored(watched, REPLAY_S)
        return _report(watched, stored, [], as_json, console)


@asynccontextmanager
async def _appliance(home: Home, console: Console, *arguments: str) -> AsyncIterator[tuple[Appliance, Tap, Watched]]:
    prepare(home)
    (home.etc / "conf.d/90-demo.toml").write_text(CONFIGURATION, encoding="utf-8")
    desk_socket = home.relay_socket.with_name("desk.sock")
    tap = Tap(home.relay_socket, desk_socket)
    box = Appliance(home, listen_arguments=arguments, relay_path=desk_socket, quiet=True)
    watched = Watched(home, console)
    async with tap.running(), box.running():
        following = asyncio.create_task(watched.follow(), name="follow")
        try:
            yield box, tap, watched
        finally:
            following.cancel()


async def _stored(watched: Watched, patience_s: float) -> Row:
    try:
        async with asyncio.timeout(patience_s):
            while (stored := watched.stored()) is None:
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise TavsError("the call was not stored in time", "`tavs run` shows what the programs say") from None
    watched.look()
    return stored


def _report(watched: Watched, stored: Row, found: list[str], as_json: bool, console: Console) -> int:
    if as_json:
        fields = ("channel", "t0", "t1", "text", "delay_ms", "held_ms")
        document = {
            "segments": [{field: row[field] for field in fields} for row in watched.segments],
            "suggestions": [
                {field: row[field] for field in ("doc", "section", "title", "t")} for row in watched.suggestions
            ],
            "artifacts": [
                {field: row[field] for field in ("kind", "purpose", "expires_at")} for row in stored["artifacts"]
            ],
            "gaps": stored["gaps"],
            "canaries_found": found,
        }
        print(json.dumps(document, ensure_ascii=False))
    for row in stored["artifacts"]:
        console.print(f"stored: {row['kind']} for {row['purpose']} ({row['legal_basis']}) until {row['expires_at']}")
    if found:
        console.print(f"FOUND in what was written: {', '.join(found)}", style="bold red")
    elif not watched.segments:
        console.print("no text came out", style="bold red")
    else:
        console.print("no spoken identifier is left in anything that was written")
    return 1 if found or not watched.segments else 0


def _segment_line(row: Row) -> str:
    delay = f"{row['delay_ms'] / 1000:.1f} s" + (
        f", held {row['held_ms'] / 1000:.1f} s" if row["held_ms"] > 100 else ""
    )
    return f"{row['t0']:6.1f} {row['channel']:9}{row['text']}  ({delay})"


def _console(as_json: bool) -> Console:
    return Console(stderr=as_json, soft_wrap=True)
