"""What leaves is written down first, can be proved later, and holds nobody's words or numbers."""

import asyncio
import hashlib
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from scripted import CALL, CANDIDATES, THEFT, WATER, Asked, Notes, Scripted, asking, chooses, heard
from tavs.advice.breaker import FAILURES
from tavs.advice.egress_commands import egress_app, rebuilding
from tavs.advice.engine import Heard, Picked
from tavs.advice.openai import Outcome
from tavs.advice.ranking import Ranked
from tavs.advice.sections import Section
from tavs.demo.canary import Canaries
from tavs.demo.show import HERE
from tavs.errors import StoreError
from tavs.events import CallId, CallStarted, Channel, MaskedSegment
from tavs.host.clock import SimulatedClock
from tavs.host.home import Home
from tavs.masking.detect import Masker
from tavs.masking.gate import Gate
from tavs.masking.span import Span, Window
from tavs.relay import Received
from tavs.run import prepare
from tavs.speech.utterance import Utterance
from tavs.store import egress
from tavs.store.audit import Fault, Flaw
from tavs.store.database import Connection, open_reader, open_writer, transaction
from tavs.store.egress import KEPT, Checked, EgressLog, Proof
from tavs.store.keeper import Keeper
from tavs.store.text_keys import TextKeys
from typer.testing import CliRunner

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
OTHER = CallId("0192f0c1-0000-7000-8000-000000000002")
PHRASES = ("der er kommet vand ind", "op gennem gulvet i kælderen", "hos <PERSON_1>")
COLUMNS = ("at", "call", "host", "model", "segments", "sections", "sha256", "previous", "hash")
ROW = {"call": CALL, "host": "advisor.example:443", "model": "tiny", "segments": [1], "sections": [], "payload": b"x"}


class Desk:
    """The store of a desk, and what its rows say of a call."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        prepare(self.home)
        self.connection: Connection = open_writer(self.home.database)
        self.clock = SimulatedClock(AT)
        self.keys = TextKeys(self.home.text_keys, (self.home.keys / "desk.key").read_bytes())
        self.keeper = Keeper(self.connection, self.keys, self.clock, ZoneInfo("Europe/Copenhagen"))
        self.log = EgressLog(self.connection, self.clock)
        self._sequence = 0

    def hear(self, *events: MaskedSegment) -> tuple[Heard, ...]:
        found = []
        for event in events:
            row = self.keeper.apply(Received("one", self._sequence, event))
            assert row is not None
            found.append(Heard(row, event))
            self._sequence += 1
        return tuple(found)

    def begin(self, call: CallId = CALL) -> None:
        self.keeper.apply(Received("one", self._sequence, CallStarted(call=call, at=AT, source="siprec")))
        self._sequence += 1

    def verify(self, *sections: Section) -> tuple[list[Checked], list[Fault]]:
        keys = TextKeys(self.home.text_keys, (self.home.keys / "desk.key").read_bytes())
        return egress.verify(self.connection, keys, rebuilding(sections or (WATER, THEFT)))

    def proofs(self, *sections: Section) -> list[Proof]:
        checked, faults = self.verify(*sections)
        assert [] == faults
        return [each.proof for each in checked]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = Desk(tmp_path)
    yield found
    found.connection.close()


def spoken(*texts: str, call: CallId = CALL) -> list[MaskedSegment]:
    return [each.event for each in heard(*texts, call=call)]


def advise(desk: Desk, *queries: tuple[CallId, tuple[Heard, ...]]) -> list[Asked]:
    """Ask a model about them; what reached it."""

    async def ask() -> list[Asked]:
        async with Scripted(chooses("S1")) as server:
            engine = asking(server.url, desk.log)
            for call, words in queries:
                assert "openai" == (await engine.pick(call, words, CANDIDATES)).engine
            await engine.close()
            return server.asked

    return asyncio.run(ask())


@pytest.fixture
def told(desk: Desk) -> list[Asked]:
    """Three queries of two calls."""
    desk.begin()
    desk.begin(OTHER)
    first = desk.hear(*spoken(*PHRASES))
    second = desk.hear(*spoken("min cykel er væk", call=OTHER))
    return advise(desk, (CALL, first[:1]), (CALL, first), (OTHER, second))


def test_the_row_is_committed_before_the_first_byte_arrives(desk: Desk) -> None:
    seen: list[int] = []

    async def look(asked: Asked, writer: asyncio.StreamWriter) -> None:
        other = open_reader(desk.home.database)
        seen.append(other.execute("select count(*) from egress").fetchone()[0])
        other.close()
        await chooses("S1")(asked, writer)

    async def ask() -> None:
        async with Scripted(look) as server:
            engine = asking(server.url, desk.log)
            await engine.pick(CALL, heard("vand"), CANDIDATES)
            await engine.close()

    asyncio.run(ask())
    assert [1] == seen


def test_every_payload_is_proved_from_the_sealed_words_and_the_terms(desk: Desk, told: list[Asked]) -> None:
    assert [Proof.PROVED] * 3 == desk.proofs()
    rows = list(egress.rows(desk.connection))
    assert [hashlib.sha256(each.body).hexdigest() for each in told] == [row["sha256"] for row in rows]
    assert [len(each.body) for each in told] == [row["size_bytes"] for row in rows]
    assert [[1], [1, 2, 3], [4]] == [row["segments"] for row in rows]
    assert {"doc": "husforsikring", "version": "2", "section": "4.2"} == rows[0]["sections"][0]


def test_rows_hold_no_word_that_was_said_and_no_word_of_the_terms(desk: Desk, told: list[Asked]) -> None:
    kept = json.dumps(desk.connection.execute("select * from egress").fetchall())
    for text in (*PHRASES, "min cykel er væk", "skybrud", "Anmeld"):
        assert text in b"".join(each.body for each in told).decode()
        assert text not in kept


def test_rows_are_found_by_call_and_time(desk: Desk, told: list[Asked]) -> None:
    assert [3] == [row["id"] for row in egress.rows(desk.connection, OTHER)]
    assert [] == list(egress.rows(desk.connection, since=AT + timedelta(seconds=1)))
    assert 3 == len(list(egress.rows(desk.connection, since=AT.astimezone(ZoneInfo("Europe/Copenhagen")))))
    assert [] == list(egress.rows(desk.connection, "' or 1=1 --"))


def test_after_the_erasure_of_a_call_its_rows_say_so_and_the_others_are_proved(desk: Desk, told: list[Asked]) -> None:
    (desk.home.text_keys / f"{CALL}.key").unlink()
    assert [Proof.WORDS_ERASED, Proof.WORDS_ERASED, Proof.PROVED] == desk.proofs()
    desk.connection.execute("delete from calls")
    assert [Proof.WORDS_ERASED] * 3 == desk.proofs()


def test_a_row_number_that_another_call_got_later_proves_nothing(desk: Desk, told: list[Asked]) -> None:
    desk.connection.execute("delete from segments where call = ?", (OTHER,))
    assert [4] == [each.segment for each in desk.hear(*spoken("min cykel er væk"))]
    assert Proof.WORDS_ERASED is desk.proofs()[2]


def test_terms_that_went_or_say_something_else_are_told_from_a_lie(desk: Desk, told: list[Asked]) -> None:
    assert [Proof.TERMS_CHANGED] * 3 == desk.proofs(WATER)
    edited = Section(doc=WATER.doc, version="2", number="4.2", title="Vand", text="Andet.", product="Hus")
    assert [Proof.TERMS_CHANGED] * 3 == desk.proofs(edited, THEFT)
    newer = Section(doc=WATER.doc, version="3", number="4.2", title="Vand", text="Andet.", product="Hus")
    assert [Proof.PROVED] * 3 == desk.proofs(WATER, newer, THEFT)


def test_words_that_are_not_what_was_sent_are_found(desk: Desk, told: list[Asked]) -> None:
    sealed = desk.keys.seal(CALL, 2, "noget helt andet")
    desk.connection.execute("update segments set sealed = ? where id = 2", (sealed,))
    assert [Proof.PROVED, Proof.DIFFERS, Proof.PROVED] == desk.proofs()


def test_a_payload_of_other_bytes_is_found(desk: Desk, told: list[Asked]) -> None:
    sections = [("husforsikring", "2", "4.2", "0" * 16)]
    desk.log.write(**{**ROW, "segments": [1], "sections": sections, "payload": told[0].body})  # type: ignore[arg-type]
    row = {**ROW, "sections": [], "payload": told[0].body + b" "}
    desk.log.write(**row)  # type: ignore[arg-type]
    assert [Proof.TERMS_CHANGED, Proof.DIFFERS] == desk.proofs()[3:]


@pytest.mark.parametrize("column", COLUMNS)
def test_a_changed_cell_is_named(desk: Desk, told: list[Asked], column: str) -> None:
    desk.connection.execute(f"update egress set {column} = cast(x'ff22' as text) where id = 2")
    checked, faults = desk.verify()
    assert Fault(2, Flaw.CHANGED) in faults
    assert Checked(2, checked[1].call, Proof.DIFFERS) == checked[1]


def test_a_changed_size_is_named(desk: Desk, told: list[Asked]) -> None:
    desk.connection.execute("update egress set size_bytes = size_bytes + 1 where id = 2")
    assert [Fault(2, Flaw.CHANGED)] == desk.verify()[1]


def test_a_row_that_is_missing_or_bound_to_another_is_named(desk: Desk, told: list[Asked]) -> None:
    desk.connection.execute("delete from egress where id = 2")
    assert [Fault(2, Flaw.MISSING)] == desk.verify()[1]
    desk.connection.execute("update egress set id = 2 where id = 3")
    assert {Flaw.CHANGED, Flaw.UNBOUND} == {each.what for each in desk.verify()[1]}


def test_the_first_row_of_all_has_nothing_before_it(desk: Desk, told: list[Asked]) -> None:
    desk.connection.execute("delete from egress where id = 1")
    assert [] == desk.verify()[1]  # as after a trim
    desk.connection.execute("update egress set id = id - 1")
    assert Fault(1, Flaw.UNBOUND) in desk.verify()[1]


def test_rows_of_a_year_go_from_the_front_and_the_chain_goes_on(desk: Desk) -> None:
    for _ in range(4):
        desk.log.write(**ROW)  # type: ignore[arg-type]
        desk.clock.advance(86_400)
    now = AT + KEPT + timedelta(days=1, hours=1)
    with transaction(desk.connection):
        assert 2 == egress.trim(desk.connection, now)
    assert [3, 4] == [row["id"] for row in egress.rows(desk.connection)]
    with transaction(desk.connection):
        assert 1 == egress.trim(desk.connection, now + KEPT)
    desk.log.write(**ROW)  # type: ignore[arg-type]
    assert [4, 5] == [row["id"] for row in egress.rows(desk.connection)]
    assert [] == desk.verify()[1]
    with transaction(desk.connection):
        assert 0 == egress.trim(desk.connection, AT)


def test_when_the_row_cannot_be_written_nothing_is_sent_and_the_desk_goes_on(desk: Desk) -> None:
    desk.connection.execute("create trigger full before insert on egress begin select raise(abort, 'full'); end")

    async def ask() -> None:
        async with Scripted(chooses("S1")) as server:
            engine = asking(server.url, desk.log)
            assert Picked(CANDIDATES, engine="fallback") == await engine.pick(CALL, heard("vand"), CANDIDATES)
            await engine.close()
            assert {Outcome.UNRECORDED: 1} == engine.outcomes
            assert 0 == server.connections

    asyncio.run(ask())
    desk.begin()
    assert desk.hear(*spoken("det går videre"))


def test_rows_that_cannot_be_written_are_not_held_against_the_endpoint(desk: Desk) -> None:
    desk.connection.execute("create trigger full before insert on egress begin select raise(abort, 'full'); end")

    async def ask() -> None:
        async with Scripted(chooses("S1")) as server:
            engine = asking(server.url, desk.log)
            for _ in range(2 * FAILURES):
                await engine.pick(CALL, heard("vand"), CANDIDATES)
            desk.connection.execute("drop trigger full")
            assert "openai" == (await engine.pick(CALL, heard("vand"), CANDIDATES)).engine
            await engine.close()
            assert {Outcome.UNRECORDED: 2 * FAILURES, Outcome.PICKED: 1} == engine.outcomes

    asyncio.run(ask())


def test_a_full_or_busy_database_is_told_without_its_contents_and_written_again_later(desk: Desk) -> None:
    long = {**ROW, "segments": list(range(100_000, 110_000))}
    pages = desk.connection.execute("pragma page_count").fetchone()[0]
    desk.connection.execute(f"pragma max_page_count = {pages + 2}")
    with pytest.raises(StoreError, match="cannot be written") as full:
        desk.log.write(**long)  # type: ignore[arg-type]
    assert "100000" not in full.value.message + full.value.hint
    desk.connection.execute("pragma max_page_count = 100000")
    desk.connection.execute("pragma busy_timeout = 0")
    other = open_writer(desk.home.database)
    other.execute("begin immediate")
    with pytest.raises(StoreError, match="cannot be written"):
        desk.log.write(**long)  # type: ignore[arg-type]
    other.close()
    desk.log.write(**long)  # type: ignore[arg-type]
    assert [1] == [row["id"] for row in egress.rows(desk.connection)]


def test_the_commands_list_and_prove(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tavs.advice.library import Library

    monkeypatch.setenv("TAVS_HOME", str(tmp_path))
    desk = Desk(tmp_path)
    desk.begin()
    words = desk.hear(*spoken(*PHRASES))

    async def ask() -> None:
        known = [Ranked(each, 0.9) for each in Library.read(desk.home).sections[:3]]
        async with Scripted(chooses("S1")) as server:
            engine = asking(server.url, desk.log)
            await engine.pick(CALL, words, known)
            await engine.close()

    asyncio.run(ask())
    runner = CliRunner()
    for arguments in ([], ["list"], ["list", "--call", CALL], ["list", "--since", "2026-03-01"]):
        shown = runner.invoke(egress_app, arguments)
        assert (0, True) == (shown.exit_code, CALL in shown.output)
    [row] = json.loads(runner.invoke(egress_app, ["list", "--json"]).output)["egress"]
    assert {"id", "at", "call", "host", "model", "segments", "sections", "size_bytes", "sha256"} == set(row)
    assert {"egress": []} == json.loads(runner.invoke(egress_app, ["list", "--since", "2027-01-01", "--json"]).output)
    proved = runner.invoke(egress_app, ["verify", "--json"])
    assert 0 == proved.exit_code
    assert [{"id": 1, "call": CALL, "proof": "proved"}] == json.loads(proved.output)["rows"]
    desk.connection.execute("update egress set host = 'elsewhere.example:443'")
    failed = runner.invoke(egress_app, ["verify"])
    assert (1, True) == (failed.exit_code, "row 1: changed" in failed.output)
    desk.connection.close()


class NoMasker(Masker):
    """The gate bypassed: nothing is ever found."""

    def find(self, window: Window) -> list[Span]:
        return []


def invented(calls: int) -> Iterator[tuple[list[str], Canaries]]:
    """Calls full of identifiers that nobody has, as digits; then the call of the demo, as words."""
    chance = random.Random(15)
    for _ in range(calls):
        digits = {
            kind: "".join(chance.choices("123456789", k=length))
            for kind, length in (("cpr", 10), ("phone", 8), ("card", 16), ("policy", 9), ("claim", 7))
        }
        mail = "".join(chance.choices("bcdfghjklmnpqrstvwxz", k=9))
        yield (
            [
                "goddag jeg har fået vand i kælderen efter skybrud",
                f"mit cpr-nummer er {digits['cpr'][:6]} {digits['cpr'][6:]} og det kom op gennem gulvet",
                f"I kan ringe på {digits['phone']} eller skrive til {mail}@example.com",
                f"kortet er {digits['card']} og policen hedder {digits['policy']}",
                f"skadesnummeret er {digits['claim']} og der er stadig vand",
            ],
            Canaries(
                {kind: {"digits": number} for kind, number in digits.items() if kind != "cpr"}
                | {"cpr": {"words": f"{digits['cpr'][:6]} {digits['cpr'][6:]}"}, "mail": {"words": mail}}
            ),
        )
    script = json.loads((HERE / "call.json").read_text(encoding="utf-8"))
    yield [turn["text"] for turn in script["turns"]], Canaries(script["identifiers"])


def leaving(masker: Masker, texts: list[str]) -> bytes:
    """Every byte that reaches the endpoint when a call is heard perfectly and each segment is asked about."""
    gate, released = Gate(call=CALL, masker=masker), []
    for number, text in enumerate(texts, start=1):
        released += gate.feed(
            Utterance(
                call=CALL, channel=Channel.CUSTOMER, sequence=number, t0_ms=number * 9000, t1_ms=number * 9000 + 3000,
                text=text,
            )
        )  # fmt: skip
    words = [
        Heard(
            number,
            MaskedSegment(
                call=CALL, channel=part.channel, sequence=part.sequence, t0_ms=0, t1_ms=0, text=part.text,
                labels=part.labels,
            ),
        )
        for number, part in enumerate([*released, *gate.flush()], start=1)
    ]  # fmt: skip

    async def ask() -> bytes:
        async with Scripted(chooses("S1")) as server:
            engine = asking(server.url, Notes())
            for count in range(1, len(words) + 1):
                assert "openai" == (await engine.pick(CALL, words[:count], CANDIDATES)).engine
            await engine.close()
            return bytes(server.received)

    return asyncio.run(ask())


def test_no_byte_of_an_identifier_leaves_for_the_model() -> None:
    for texts, canaries in invented(20):
        sent = leaving(Masker(), texts)
        assert b"POST /v1/chat/completions" in sent
        assert [] == canaries.search(sent)
        assert CALL.encode() not in sent


def test_with_the_gate_bypassed_every_identifier_is_found_in_what_leaves() -> None:
    for texts, canaries in invented(3):
        found = canaries.search(leaving(NoMasker(), texts))
        assert set(repr(canaries)[len("Canaries(") : -1].split(", ")) == set(found)


def test_a_chain_cut_short_or_written_anew_shows_by_what_the_audit_log_saw_of_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for _ in range(3):
        desk.log.write(**ROW)  # type: ignore[arg-type]
    with transaction(desk.connection):
        egress.witness(desk.connection, actor="keep", at=AT)
    with transaction(desk.connection):
        egress.witness(desk.connection, actor="keep", at=AT)
    assert [(1,)] == desk.connection.execute("select count(*) from audit where kind = 'egress'").fetchall()
    assert [] == desk.verify()[1]
    desk.connection.execute("delete from egress where id = 3")
    assert [Fault(3, Flaw.CUT)] == desk.verify()[1]
    desk.log.write(**{**ROW, "payload": b"y"})  # type: ignore[arg-type]
    assert [Fault(3, Flaw.REWRITTEN)] == desk.verify()[1]
