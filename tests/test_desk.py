"""The desk as a whole, in one process: frames of the relay come in on its socket; rows, advice and screens come out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from scripted import CALL, THEFT, WATER, Scripted, chooses
from tavs import config as configuration
from tavs import desk as program
from tavs.advice import library
from tavs.advice.sections import Document, Section
from tavs.desk import Desk
from tavs.errors import ConfigError
from tavs.events import (
    CallDescribed,
    CallEnded,
    CallId,
    CallStarted,
    CallState,
    Channel,
    Event,
    MaskedSegment,
    MaskedText,
)
from tavs.host import systemd
from tavs.host.clock import RealClock
from tavs.host.home import Home
from tavs.panel.wire import AdviceState
from tavs.relay import Received, serialize
from tavs.run import prepare
from tavs.store.database import open_reader, open_writer

OTHER = CallId("0192f0c1-0000-7000-8000-000000000002")
STORY = "vi havde skybrud og der kom vand i kælderen"
STORM = Section(
    doc="fritidshus", version="1", number="4.2", title="Vand i kælderen", product="Fritidshus",
    text="Forsikringen dækker vand i kælderen efter skybrud. Den dækker ikke haver.",
)  # fmt: skip
QUIET = '[panel]\nlisten = ""\n[metrics]\nlisten = ""\n'
PATIENCE_S = 20.0


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.setattr(program, "AGAIN_S", 0.01)
    monkeypatch.setattr(program, "RIGHTS_S", 0.02)
    made = Home(tmp_path / "home")
    prepare(made)
    made.terms.mkdir(parents=True, exist_ok=True)
    library.write(
        made,
        [
            Document(doc=each.doc, title=each.title, product=each.product, version=each.version, sections=(each,))
            for each in (WATER, STORM, THEFT)
        ],
    )
    configure(made)
    return made


def configure(home: Home, more: str = "") -> None:
    (home.etc / "tavs.toml").write_text(QUIET + more, encoding="utf-8")


class Listener:
    """What the desk hears; nothing ever comes back."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, boot: str = "0011223344556677"
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._boot = boot
        self._sequence = 0

    def send(self, event: Event | None) -> None:
        self._writer.write(serialize(Received(self._boot, self._sequence, event)))
        self._sequence += event is not None

    def begin(self, call: CallId = CALL, extension: str = "4512") -> None:
        at = datetime.now(UTC)
        self.send(CallStarted(call=call, at=at, source="siprec", extension=extension, state=CallState()))

    def say(self, text: str = STORY, call: CallId = CALL, number: int = 1) -> None:
        self.send(
            MaskedSegment(
                call=call, channel=Channel.CUSTOMER, sequence=number, t0_ms=number * 5000, t1_ms=number * 5000 + 3000,
                text=MaskedText(text),
            )
        )  # fmt: skip

    def write(self, content: bytes) -> None:
        self._writer.write(content)

    async def is_cut_off(self) -> bool:
        async with asyncio.timeout(PATIENCE_S):
            return await self._reader.read() == b""


class Running:
    """A desk that runs, and what it wrote."""

    def __init__(self, home: Home, desk: Desk, path: Path) -> None:
        self._home = home
        self._path = path
        self.desk = desk

    async def listener(self) -> Listener:
        made = Listener(*await asyncio.open_unix_connection(self._path))
        made.send(None)
        return made

    def count(self, table: str, call: CallId = CALL) -> int:
        with closing(open_reader(self._home.database)) as reader:
            return int(reader.execute(f"select count(*) from {table} where call = ?", (call,)).fetchone()[0])

    def suggested(self, call: CallId = CALL) -> list[tuple[str, str]]:
        with closing(open_reader(self._home.database)) as reader:
            found = reader.execute("select doc, engine from suggestions where call = ? order by id", (call,))
            return [(doc, engine) for doc, engine in found.fetchall()]

    def state(self, call: CallId = CALL) -> AdviceState:
        return self.desk._board.advice_state(call, RealClock().monotonic())

    def screen(self, extension: str = "4512") -> bytes:
        browser = self.desk._board.subscribe([extension], "", RealClock().monotonic())
        self.desk._board.leave(browser)
        return browser.take()


@contextlib.asynccontextmanager
async def running(home: Home, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    path = home.root / "relay"
    with socket.socket(socket.AF_UNIX) as handed:
        handed.bind(str(path))
        handed.listen()
        monkeypatch.setattr(systemd, "listen_sockets", lambda: [handed])
        desk = Desk(home, configuration.load(home).config, RealClock())
        task = asyncio.create_task(desk.run())
        try:
            yield Running(home, desk, path)
            assert not task.done()
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    path.unlink()


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.01)


def test_what_is_said_is_written_shown_and_answered_with_terms(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with running(home, monkeypatch) as now:
            listener = await now.listener()
            listener.begin()
            listener.say()
            await until(now.suggested)
            assert {(WATER.doc, "local"), (STORM.doc, "local")} == set(now.suggested())
            assert 1 == now.count("segments")
            screen = now.screen().decode()
            assert STORY in screen
            assert WATER.doc in screen

    asyncio.run(scenario())


def test_a_database_that_is_busy_for_a_while_loses_no_segment(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with running(home, monkeypatch) as now:
            listener = await now.listener()
            listener.begin()
            listener.say()
            await until(lambda: now.count("segments"))
            now.desk._database.execute("pragma busy_timeout = 0")
            with closing(open_writer(home.database)) as officer:
                officer.execute("begin immediate")
                for number in range(2, 7):
                    listener.say("og mere vand", number=number)
                await asyncio.sleep(0.3)
                assert 1 == now.count("segments")
                officer.execute("rollback")
            await until(lambda: now.count("segments") == 6)

    asyncio.run(scenario())


def test_a_suggestion_that_a_busy_database_does_not_take_costs_itself_only(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with running(home, monkeypatch) as now:
            now.desk._database.execute(
                "create temp trigger full before insert on suggestions begin select raise(abort, 'full'); end"
            )
            listener = await now.listener()
            listener.begin()
            listener.say()
            await until(lambda: now.count("segments"))
            await asyncio.sleep(0.1)
            now.desk._database.execute("drop trigger full")
            listener.say("der har været indbrud med tyveri i min bolig", number=2)
            await until(lambda: (THEFT.doc, "local") in now.suggested())

    asyncio.run(scenario())


def test_a_call_whose_files_tell_its_end_is_over_for_its_agent(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with running(home, monkeypatch) as now:
            listener = await now.listener()
            listener.begin()
            await until(lambda: now.state() is AdviceState.ON)
            with closing(open_writer(home.database)) as writer:
                writer.execute("update calls set ended_at = started_at, end_reason = 'restart' where id = ?", (CALL,))
            await until(lambda: now.state() is AdviceState.ENDED)
            listener.say()
            await until(lambda: now.count("segments"))
            await asyncio.sleep(0.1)
            assert [] == now.suggested()

    asyncio.run(scenario())


def test_an_erased_call_goes_from_its_screen(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with running(home, monkeypatch) as now:
            listener = await now.listener()
            listener.begin()
            listener.say("goddag")
            await until(lambda: b"goddag" in now.screen())
            with closing(open_writer(home.database)) as writer:
                writer.execute("delete from calls where id = ?", (CALL,))
            await until(lambda: CALL.encode() not in now.screen())

    asyncio.run(scenario())


def test_after_a_restart_no_section_is_shown_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with running(home, monkeypatch) as now:
            listener = await now.listener()
            listener.begin()
            listener.say()
            await until(lambda: len(now.suggested()) == 2)
        async with running(home, monkeypatch) as now:
            assert AdviceState.ATTRIBUTION is now.state()  # until the listener has said whose voice is whose
            listener = await now.listener()
            listener.begin()
            listener.send(CallDescribed(call=CALL, extension="4512", state=CallState()))
            listener.say(number=20)
            listener.say("der har været indbrud med tyveri i min bolig", number=40)
            await until(lambda: (THEFT.doc, "local") in now.suggested())
            assert 3 == len(now.suggested())

    asyncio.run(scenario())


def test_words_of_a_call_on_nobodys_screen_do_not_leave_the_box(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with Scripted(chooses("S1")) as model:
            configure(home, f'[advice]\nengine = "openai"\nendpoint = "{model.url}"\nmodel = "tiny"\n')
            async with running(home, monkeypatch) as now:
                listener = await now.listener()
                listener.begin(OTHER, extension="")
                listener.say(STORY, OTHER)
                await until(lambda: now.count("segments", OTHER))
                await asyncio.sleep(0.1)
                assert (0, []) == (model.connections, now.suggested(OTHER))
                listener.begin()
                listener.say()
                await until(now.suggested)
                assert ["openai"] == [engine for _, engine in now.suggested()]
                assert 1 == len(model.asked)

    asyncio.run(scenario())


def test_an_advisory_model_that_cannot_be_used_leaves_the_ranker(
    home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    configure(home, '[advice]\nengine = "openai"\nendpoint = "https://127.0.0.1/v1"\nmodel = "tiny"\nca = "/no/such"\n')

    async def scenario() -> None:
        async with running(home, monkeypatch) as now:
            listener = await now.listener()
            listener.begin()
            listener.say()
            await until(now.suggested)
            assert {"local"} == {engine for _, engine in now.suggested()}

    asyncio.run(scenario())
    assert "advice-unusable" in capfd.readouterr().err


def test_a_reload_is_followed_and_a_broken_configuration_refused(
    home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async def scenario() -> None:
        async with running(home, monkeypatch) as now:
            listener = await now.listener()
            listener.begin()
            listener.say()
            await until(lambda: len(now.suggested()) == 2)
            configure(home, "[advice]\na_minute = 1\n")
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0.1)
            configure(home, "[advice]\na_minute = 2\nno_such_key = 1\n")
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0.1)
            listener.begin(OTHER, "4600")
            listener.say(STORY, OTHER)
            await until(lambda: now.suggested(OTHER))
            assert 1 == len(now.suggested(OTHER))

    asyncio.run(scenario())
    told = capfd.readouterr().err
    assert "reloaded followed=1 needs_restart=0" in told
    assert "reload-refused" in told


def test_terms_that_cannot_be_read_cost_the_advice_and_nothing_else(
    home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (home.terms / library.FILE).write_bytes(b'{"form":1,"x":' + b"[" * 100_000)

    async def scenario() -> None:
        async with running(home, monkeypatch) as now:
            listener = await now.listener()
            listener.begin()
            listener.say()
            await until(lambda: now.count("segments"))
            assert STORY.encode() in now.screen()

    asyncio.run(scenario())
    assert "terms-refused" in capfd.readouterr().err


def test_a_frame_that_breaks_the_rules_ends_its_connection_and_not_the_desk(
    home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async def scenario() -> None:
        async with running(home, monkeypatch) as now:
            broken = await now.listener()
            broken.write(b"\xff\xff\xff\xff")
            assert await broken.is_cut_off()
            listener = await now.listener()
            listener.begin()
            listener.say()
            listener.send(CallEnded(call=CALL, at=datetime.now(UTC), reason="bye"))
            await until(lambda: now.count("segments"))
            await until(lambda: now.state() is AdviceState.ENDED)

    asyncio.run(scenario())
    assert "relay-refused" in capfd.readouterr().err


def test_a_desk_without_a_socket_says_so(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "listen_sockets", list)
    desk = Desk(home, configuration.load(home).config, RealClock())
    with pytest.raises(ConfigError, match="no relay socket"):
        asyncio.run(desk.run())
