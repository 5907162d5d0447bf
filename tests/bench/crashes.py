"""The crash matrix: everything that writes what is kept, killed at every change it makes to the home, then started again.

A scenario is a home as it was before, what is done in it, and what must be true after a death in the middle. After
each death: the programs start again (recover, reconcile), the thing is done again, the sweep runs. Invariants:

1. no_closed_recording_is_lost, and one that was cut off opens to its last whole chunk.
2. no_orphans: no key without what it opens, no file without a row, no row without a file, no half of anything.
3. the_database_is_whole: integrity and foreign keys, an audit chain that verifies.
4. once_or_not_at_all: grants, holds and consents are those of before or those of after; after a second run, of after.
5. nothing_undue_is_lost: a sweep before anything is due takes nothing.
6. nothing_due_survives: a sweep when everything is due leaves no row, no key and no file.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import killer
import msgspec
import nacl.exceptions
import nacl.public
import pysqlite3.dbapi2 as sqlite3
from killer import Ended, Tell
from office import AGENT_SAID, FIRST, MASKED, NO, NUMBER, OTHER_NUMBER, SECOND, THIRD, YES, Office, call_id, tone
from tavs.call.party import party_ref
from tavs.call.session import CallStart, Description
from tavs.errors import StoreError
from tavs.events import (
    ArtifactClosed,
    ArtifactKind,
    CallDescribed,
    CallEnded,
    CallId,
    CallStarted,
    Channel,
    ConsentHeard,
    Event,
    MaskedSegment,
    MaskedText,
    Purpose,
    Sidecar,
    SidecarState,
)
from tavs.host import credentials
from tavs.host.clock import SimulatedClock
from tavs.host.home import Home
from tavs.recording.opened import OpenedFile, open_sealed
from tavs.recording.recorder import Recorder
from tavs.recording.recover import recover
from tavs.recording.rotation import Key, unfinished
from tavs.recording.seal import HEADER_BYTES, MAGIC
from tavs.recording.transcript import Line, beginner
from tavs.relay import Received
from tavs.retention import orphans
from tavs.retention.applying import apply
from tavs.retention.archive import archive
from tavs.retention.consent import Answer, Evidence, Source, decide
from tavs.retention.holds import CaseRef, HoldKind, Outcome
from tavs.retention.policy import EndedBy, load
from tavs.retention.sweep import sweep
from tavs.rights import consenting, holding, keys, subject
from tavs.run import prepare as make_home
from tavs.store import audit
from tavs.store.database import Connection, open_reader, open_writer, transaction
from tavs.store.files import sealed
from tavs.store.grants import enter_policy
from tavs.store.keeper import Keeper
from tavs.store.kept import evidence, utc
from tavs.store.reconcile import reconcile
from tavs.store.text_keys import TextKeys

AT = datetime(2031, 3, 1, 12, tzinfo=UTC)
STARTED_AT = AT - timedelta(minutes=5)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CLAIMS_LAPSE = AT + 3 * 365 * DAY
ALL_DUE = AT + 40 * 365 * DAY
ZONE = "Europe/Copenhagen"
OLD_SCHEMA = Path(__file__).parents[1] / "store/schema_1.sql"
NEXT = call_id(9)
"""A call that comes when the programs run again."""
REASON = "an invented reason"

Rows = dict[str, frozenset[tuple[object, ...]]]
STATE = {
    "calls": "select id, party_ref, ended_at is not null, policy from calls",
    "artifacts": "select call, kind, part, file, state, keep_until from artifacts",
    "grants": "select call, kind, part, purpose, legal_basis, granted_at, expires_at, origin, ended_at, ended_by"
    " from grants join artifacts on artifact = artifacts.id",
    "consents": "select call, answer, source, pressed, at from consents",
    "holds": "select call, kind, party_ref, released_at, outcome, count(*) from holds group by 1, 2, 3, 4, 5",
    "texts": "select call, channel, sequence from segments",
    "policies": "select '', version, sha256 from policies",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    before: Callable[[Office, Random], None]
    act: Callable[[Home, Random, Tell], None]
    again: Callable[[Home, Random, Tell], None] | None = None
    """What is done after the restart; the act itself where nothing is said."""
    check: Callable[[Home, tuple[str, ...]], None] = lambda home, told: None
    """What else must hold after the restart, given what the dead process had told of."""
    is_one_step: bool = True
    """After the restart all of it has happened or nothing."""
    broken_off: frozenset[CallId] = frozenset()
    """Calls that may be shorter for ever: nobody can say again what was said in them."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A scenario with its home, and what the home holds when nobody dies."""

    scenario: Scenario
    seed: int
    template: Home
    home: Home
    before: Rows
    after: Rows
    at_last: Rows
    """When it was done once again."""
    changes: tuple[str, ...]
    restart: tuple[str, ...]


@dataclass(slots=True)
class Matrix:
    points: Counter[str] = field(default_factory=Counter)
    """Deaths by scenario."""
    changes: Counter[str] = field(default_factory=Counter)
    """Deaths by the system call that was not made, or not made whole."""
    in_restarts: int = 0
    violations: list[str] = field(default_factory=list)


# --- a home, its programs -------------------------------------------------------------------------------------------


@contextmanager
def office(home: Home, at: datetime = AT) -> Iterator[Office]:
    one = Office(home.root, at)
    try:
        yield one
    finally:
        one.close()


def start_again(home: Home, at: datetime = AT + HOUR) -> None:
    """What listener and desk do when they start, and a call that comes then."""
    clock = SimulatedClock(at)
    make_home(home)
    recover(home.incoming, clock)
    with closing(open_writer(home.database)) as connection:
        desk = keeper(home, connection, clock)
        reconcile((home.incoming, home.archive), desk)
        for sequence, event in enumerate(frames(NEXT, Random(0), [])):
            desk.apply(Received("again", sequence, event))


def keeper(home: Home, connection: Connection, clock: SimulatedClock) -> Keeper:
    text_keys, policy = TextKeys(home.text_keys, credentials.load("desk", home)), load(home.retention)
    with transaction(connection):
        enter_policy(connection, policy, actor="desk", now=clock.now())
    return Keeper(connection, text_keys, clock, ZoneInfo(ZONE))


def heard(*answers: str) -> tuple[ConsentHeard, ...]:
    return tuple(
        ConsentHeard(answer=answer, source="header", at=STARTED_AT + timedelta(seconds=place))  # type: ignore[arg-type]
        for place, answer in enumerate(answers)
    )


def record(home: Home, call: CallId, answers: tuple[str, ...], random: Random, tell: Tell) -> list[Sidecar]:
    """What a listener writes of a call, in its order (listen.py): an answer goes to the transcript first."""
    clock = SimulatedClock(STARTED_AT)
    public = credentials.load("site-public", home)
    reference = party_ref(NUMBER, credentials.load("index", home))
    start = CallStart(
        call=call, at=STARTED_AT, started_s=0.0, source="siprec", trunk="192.0.2.1", streams=(),
        description=Description(extension="4512", customer_number=NUMBER),
    )  # fmt: skip
    recording = Recorder(folder=home.incoming, public_key=public, clock=clock).begin(start, reference)
    tell(f"began {call}.0")
    transcript = None
    lines = 0
    for place in range(max(len(answers), random.randint(1, 3))):
        said = heard(*answers[: place + 1])
        if place < len(answers):
            if transcript is None and said[-1].answer == "yes":
                transcript = beginner(home.incoming, public, clock, start, reference)(said)
            elif transcript:
                transcript.answered(said)
            recording.details(json.dumps({"number": NUMBER}).encode())
            recording.describe(extension="4512", party_ref=reference, consents=said)
        recording.write(tone(random.randint(1, 2)))
        tell(f"wrote {call}.0 {(home.incoming / f'{call}.0.tavs').stat().st_size}")
        if transcript and decide_heard(said):
            transcript.write(Line(channel=Channel.AGENT, t0_ms=lines * 1000, t1_ms=lines * 1000 + 900, text=AGENT_SAID))
            name = f"{call}.transcript.0"
            tell(f"wrote {name} {(home.incoming / f'{name}.tavs').stat().st_size}")
            lines += 1
        clock.advance(random.choice((1.0, 3.0)))
    closed = [recording.close(call_ended_at=AT, gaps=())]
    tell(f"closed {call}.0")
    if transcript:
        closed.append(transcript.close(call_ended_at=AT, consents=heard(*answers)))
        tell(f"closed {call}.transcript.0")
    return closed


def decide_heard(said: tuple[ConsentHeard, ...]) -> bool:
    return all(each.answer == "yes" for each in said)


def frames(call: CallId, random: Random, sidecars: list[Sidecar]) -> list[Event]:
    reference = sidecars[0].party_ref if sidecars else None
    return [
        CallStarted(call=call, at=STARTED_AT, source="siprec", trunk="192.0.2.1", party_ref=reference),
        *(
            MaskedSegment(call=call, channel=Channel.CUSTOMER, sequence=each, t0_ms=each * 1000, t1_ms=each * 1000 + 900,
                          text=MaskedText(MASKED), labels=("PERSON",))
            for each in range(random.randint(1, 3))
        ),
        CallDescribed(call=call, extension="4512", party_ref=reference),
        CallEnded(call=call, at=AT, reason="bye"),
        *(ArtifactClosed(sidecar=each) for each in sidecars),
    ]  # fmt: skip


def sidecars_of(home: Home, call: CallId) -> list[Sidecar]:
    return [
        msgspec.json.decode(path.read_bytes(), type=Sidecar)
        for folder in (home.incoming, home.archive)
        for path in sorted(folder.glob(f"{call}.*.json"))
    ]


def silent(_: str) -> None:
    pass


# --- scenarios ------------------------------------------------------------------------------------------------------


def answers_of(random: Random) -> tuple[str, ...]:
    return random.choice((("yes",), ("yes", "no"), (), ("no",), ("yes", "yes")))


def nothing_more(office: Office, random: Random) -> None:
    pass


def one_call(office: Office, random: Random) -> None:
    office.call(FIRST, answers=(YES,))


def two_calls(office: Office, random: Random) -> None:
    office.call(FIRST, answers=(YES,))
    office.call(SECOND, answers=(NO,), parts=2, number=OTHER_NUMBER)


def recording_of(answers: tuple[str, ...] | None) -> Scenario:
    def act(home: Home, random: Random, tell: Tell) -> None:
        record(home, FIRST, answers_of(random) if answers is None else answers, random, tell)

    def again(home: Home, random: Random, tell: Tell) -> None:
        record(home, SECOND, ("yes",), random, tell)

    return Scenario(
        name=f"record {' then '.join(answers) if answers else 'any answers'}", before=nothing_more, act=act, again=again,
        check=as_was_told, is_one_step=False, broken_off=frozenset([FIRST]),
    )  # fmt: skip


def as_was_told(home: Home, told: tuple[str, ...]) -> None:
    for line in told:
        what, name, *size = line.split()
        path = home.incoming / f"{name}.tavs"
        sidecar = msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=Sidecar)
        if what == "closed":
            assert SidecarState.CLOSED is sidecar.state, f"{name} was closed and is {sidecar.state}"
            assert opened(home, path).is_complete, f"{name} was closed and is not complete"
        elif what == "wrote":
            assert path.stat().st_size >= int(size[0]), f"{name} had more bytes"


def hear_all(home: Home, random: Random, tell: Tell) -> None:
    with closing(open_writer(home.database)) as connection:
        desk = keeper(home, connection, SimulatedClock(AT))
        for sequence, event in enumerate(frames(FIRST, random, sidecars_of(home, FIRST))):
            desk.apply(Received("heard", sequence, event))


def nothing_again(home: Home, random: Random, tell: Tell) -> None:
    """What was on its way is lost."""


def heard_by_the_listener(office: Office, random: Random) -> None:
    record(office.home, FIRST, ("yes",), random, silent)


def ended_without_words(office: Office, random: Random) -> None:
    """The desk was away during the call and has read its files; the words are still to come."""
    record(office.home, FIRST, ("yes",), random, silent)
    start_again(office.home)


def withdraw(by: EndedBy) -> Callable[[Home, Random, Tell], None]:
    def act(home: Home, random: Random, tell: Tell) -> None:
        with closing(open_writer(home.database)) as connection:
            subject.ask(connection, FIRST, by, actor="officer", now=AT + HOUR)

    return act


def place_hold(home: Home, connection: Connection, *, by_number: bool) -> int:
    return holding.place(
        connection, kind=HoldKind.CASE, call=None if by_number else FIRST,
        party_ref=party_ref(NUMBER, credentials.load("index", home)) if by_number else None,
        reason=REASON, owner="an invented owner", review_on=None, case=CaseRef("K-1"), transcript_basis="6(1)(f)",
        site_public=credentials.load("site-public", home), actor="officer", now=AT,
    )  # fmt: skip


def held(office: Office, random: Random) -> None:
    one_call(office, random)
    place_hold(office.home, office.connection, by_number=False)


def hold(home: Home, random: Random, tell: Tell) -> None:
    with closing(open_writer(home.database)) as connection:
        if not connection.execute("select 1 from holds").fetchone():  # an officer looks at the list first
            place_hold(home, connection, by_number=random.random() < 0.5)


def release(outcome: Outcome) -> Callable[[Home, Random, Tell], None]:
    def act(home: Home, random: Random, tell: Tell) -> None:
        with closing(open_writer(home.database)) as connection:
            if connection.execute("select 1 from holds where released_at is null").fetchone():
                until = CLAIMS_LAPSE if outcome is Outcome.LIMITATION else None
                holding.release(
                    connection, 1, outcome=outcome, legal_basis="6(1)(f)", until=until, actor="officer", now=AT + HOUR
                )  # fmt: skip

    return act


def consent(answer: Answer) -> Callable[[Home, Random, Tell], None]:
    given = Evidence(
        purpose=Purpose.QUALITY, answer=answer, source=Source.OFFICER, pressed="", prompt="", prompt_version="",
        language="da", at=AT + HOUR,
    )  # fmt: skip

    def act(home: Home, random: Random, tell: Tell) -> None:
        with closing(open_writer(home.database)) as connection:
            consenting.enter(connection, FIRST, given, zone=ZONE, actor="officer", now=AT + HOUR)

    return act


def refused_consent(office: Office, random: Random) -> None:
    office.call(FIRST, answers=(NO,))


def to_the_archive(home: Home, random: Random, tell: Tell) -> None:
    with closing(open_writer(home.database)) as connection:
        archive(connection, home, AT + HOUR)


def rotate(which: Key) -> Callable[[Home, Random, Tell], None]:
    def act(home: Home, random: Random, tell: Tell) -> None:
        os.environ["TAVS_HOME"] = str(home.root)
        with open(os.devnull, "w", encoding="ascii") as sys.stdout:  # noqa: PTH123 - as the command line is called
            keys.rotate(which)

    return act


def held_two(office: Office, random: Random) -> None:
    two_calls(office, random)
    place_hold(office.home, office.connection, by_number=False)


def shortened(office: Office, random: Random) -> None:
    one_call(office, random)
    text = office.home.retention.read_text(encoding="utf-8")
    assert '"6 months"' in text
    office.home.retention.write_text(text.replace('"6 months"', '"2 months"'), encoding="utf-8")


def apply_policy(home: Home, random: Random, tell: Tell) -> None:
    apply(home, ZONE, AT + HOUR, "officer", is_confirmed=True)


def of_schema_1(office: Office, random: Random) -> None:
    """The same rows as version 0.1 would have written them."""
    two_calls(office, random)
    office.close()
    path = office.home.database
    old = sqlite3.connect(path.with_name("old"), isolation_level=None)
    old.executescript(OLD_SCHEMA.read_text(encoding="utf-8"))
    old.execute("attach ? as new", (str(path),))
    for table in ("calls", "artifacts", "grants", "segments", "suggestions", "gaps", "relay"):
        columns = ", ".join(row[1] for row in old.execute(f"pragma main.table_info({table})"))
        old.execute(f"insert into {table} ({columns}) select {columns} from new.{table}")
    old.execute("detach new")
    old.execute("pragma journal_mode = wal")
    old.execute("pragma user_version = 1")
    old.close()
    path.with_name("old").rename(path)


def open_database(home: Home, random: Random, tell: Tell) -> None:
    open_writer(home.database).close()


def the_copy_is_whole(home: Home, told: tuple[str, ...]) -> None:
    """A copy of the database as it was lies beside it once the new schema does."""
    with closing(sqlite3.connect(home.database.with_name("tavs.db.schema-1"))) as copy:
        assert ("ok",) == copy.execute("pragma integrity_check").fetchone()
        assert (1,) == copy.execute("pragma user_version").fetchone()
        assert (3,) == copy.execute("select count(*) from calls").fetchone()


def no_database(office: Office, random: Random) -> None:
    office.close()
    office.home.database.unlink()
    shutil.rmtree(office.home.text_keys)
    office.home.text_keys.mkdir()


def no_keys(office: Office, random: Random) -> None:
    """A home that was never used."""
    office.close()
    shutil.rmtree(office.home.var)
    shutil.rmtree(office.home.keys)


def first_start(home: Home, random: Random, tell: Tell) -> None:
    with office(home):
        pass


SCENARIOS = (
    recording_of(("yes",)),
    recording_of(("yes", "no")),
    recording_of(None),
    Scenario(name="desk, heard again", before=heard_by_the_listener, act=hear_all, is_one_step=False),
    Scenario(name="desk, the rest lost", before=heard_by_the_listener, act=hear_all, again=nothing_again,
             is_one_step=False, broken_off=frozenset([FIRST])),
    Scenario(name="desk, nothing recorded", before=nothing_more, act=hear_all, again=nothing_again,
             is_one_step=False, broken_off=frozenset([FIRST])),
    Scenario(name="desk, words after files", before=ended_without_words, act=hear_all, is_one_step=False),
    Scenario(name="desk, words after files, the rest lost", before=ended_without_words, act=hear_all,
             again=nothing_again, is_one_step=False, broken_off=frozenset([FIRST])),
    Scenario(name="withdraw", before=one_call, act=withdraw(EndedBy.WITHDRAWAL)),
    Scenario(name="erase", before=one_call, act=withdraw(EndedBy.ERASURE)),
    Scenario(name="hold add", before=one_call, act=hold),
    Scenario(name="hold release, closed", before=held, act=release(Outcome.CLOSED)),
    Scenario(name="hold release, limitation", before=held, act=release(Outcome.LIMITATION)),
    Scenario(name="consent yes", before=refused_consent, act=consent(Answer.YES)),
    Scenario(name="consent no", before=one_call, act=consent(Answer.NO)),
    Scenario(name="archive", before=two_calls, act=to_the_archive),
    Scenario(name="rotate site", before=held_two, act=rotate(Key.SITE)),
    Scenario(name="rotate desk", before=two_calls, act=rotate(Key.DESK)),
    Scenario(name="rotate index", before=two_calls, act=rotate(Key.INDEX)),
    Scenario(name="policy apply", before=shortened, act=apply_policy, is_one_step=False),
    Scenario(name="upgrade from schema 1", before=of_schema_1, act=open_database, check=the_copy_is_whole),
    Scenario(name="first database", before=no_database, act=open_database),
    Scenario(name="first start", before=no_keys, act=first_start),
)  # fmt: skip


# --- what must hold -------------------------------------------------------------------------------------------------


def rows(home: Home) -> Rows:
    with closing(open_reader(home.database)) as connection:
        return {name: frozenset(map(tuple, connection.execute(query))) for name, query in STATE.items()}


def without(state: Rows, calls: frozenset[CallId]) -> Rows:
    return {name: frozenset(row for row in found if row[0] not in calls) for name, found in state.items()}


def difference(one: Rows, other: Rows) -> str:
    return "; ".join(f"{name}: {sorted(map(str, one[name] ^ other[name]))}" for name in one if one[name] != other[name])


def master_keys(home: Home, name: str) -> list[bytes]:
    """The master key and, while a rotation is unfinished, the one that will take its place."""
    paths = (home.keys / f"{name}.key", home.keys / f"{name}.key.new")
    return [path.read_bytes() for path in paths if path.exists()]


def opened(home: Home, path: Path) -> OpenedFile:
    """With either key, and in the middle of a move to the archive too, when its key may lie in the other folder."""
    with tempfile.TemporaryDirectory() as beside:
        copy = Path(beside) / path.name
        shutil.copyfile(path, copy)
        key = next(each for each in (path, home.incoming / path.name) if each.with_suffix(".key").exists())
        shutil.copyfile(key.with_suffix(".key"), copy.with_suffix(".key"))
        for private in master_keys(home, "site-private"):
            try:
                return open_sealed(copy, private)
            except StoreError as error:
                if "does not open" not in error.message:
                    raise
    raise AssertionError(f"{path.name} opens with no key there is")


def whole_chunks(path: Path) -> int:
    content, place, count = path.read_bytes(), len(MAGIC) + HEADER_BYTES, 0
    while len(content) >= (end := place + 4 + int.from_bytes(content[place : place + 4], "big")) and end > place + 4:
        place, count = end, count + 1
    return count


def hold_true(home: Home, *, is_rotating: bool = False) -> None:
    """Invariants 1 to 3, and that nothing is kept for ever."""
    with closing(open_reader(home.database)) as connection:
        assert [("ok",)] == connection.execute("pragma integrity_check").fetchall()
        assert [] == connection.execute("pragma foreign_key_check").fetchall()
        assert [] == audit.verify(connection, credentials.load("audit-public", home))
        files = files_of(home)
        found = orphans.find(home, connection, datetime.now(UTC) + 2 * DAY)
        assert [] == [each for each in found if not is_moving(home, each.name)], "orphans"
        artifacts = connection.execute(
            "select call, kind, part, state, sha256 from artifacts where file is not null"
        ).fetchall()
        expected = []
        for call, kind, part, state, digest in artifacts:
            path = sealed(home, CallId(call), ArtifactKind(kind), part)
            expected += [
                path.with_suffix(ending).name for ending in (".tavs", ".key", ".json") if digest or ending == ".json"
            ]
            if digest:
                content_holds_true(home, path, state, digest)
            else:
                assert state == SidecarState.INTERRUPTED, f"{path.name}: closed, and there is no file"
        assert sorted(expected) == [each for each in files if not is_rotating or not each.endswith(".part")], sorted(
            set(expected) ^ set(files)
        )
        texts_hold_true(home, connection)
        for (call,) in connection.execute("select id from calls").fetchall():
            consent_holds_true(connection, CallId(call))
        for (reason,) in connection.execute("select reason_sealed from holds").fetchall():
            assert REASON == reason_of(home, reason)


def files_of(home: Home) -> list[str]:
    return sorted(path.name for folder in (home.incoming, home.archive) for path in folder.iterdir())


def is_moving(home: Home, name: str) -> bool:
    """Whether the move to the archive is under way: the sidecar goes last, the sealed file first."""
    return (home.incoming / name).with_suffix(".json").exists() and (home.archive / name).exists()


def content_holds_true(home: Home, path: Path, state: str, digest: str) -> None:
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest(), f"{path.name}: another hash"
    found = opened(home, path)
    assert (state == SidecarState.CLOSED) <= found.is_complete, f"{path.name}: closed and not complete"
    assert whole_chunks(path) == len(found.chunks) + found.is_complete, f"{path.name}: chunks do not open"


def texts_hold_true(home: Home, connection: Connection) -> None:
    texts = connection.execute("select call, id, sealed from segments").fetchall()
    for call, place, blob in texts:
        found = set()
        for master in master_keys(home, "desk"):
            try:
                found.add(TextKeys(home.text_keys, master).open(CallId(call), place, blob))
            except StoreError:
                continue
        assert {MASKED} == found, "a text does not open"
    calls = {str(row[0]) for row in connection.execute("select id from calls")}
    there = {path.name.partition(".")[0] for path in home.text_keys.iterdir()}
    assert there <= calls, "a text key without a call"
    undying = (
        "select call from segments join calls on calls.id = call where ended_at is not null except"
        " select call from artifacts where kind = 'masked_transcript'"
    )
    assert [] == connection.execute(undying).fetchall(), "text of a call that has ended, and no artifact"


def consent_holds_true(connection: Connection, call: CallId) -> None:
    """Nothing lives on a consent that the evidence does not give."""
    living = connection.execute(
        "select count(*) from grants join artifacts on artifact = artifacts.id"
        " where call = ? and purpose = 'quality' and coalesce(ended_at, expires_at) > ?",
        (call, utc(AT + HOUR)),
    ).fetchone()[0]
    known = evidence(connection, call)
    assert not living or not known or decide(known), f"{living} grants live on a consent that was not given"


def reason_of(home: Home, blob: bytes) -> str:
    for private in master_keys(home, "site-private"):
        try:
            return nacl.public.SealedBox(nacl.public.PrivateKey(private)).decrypt(blob).decode()
        except nacl.exceptions.CryptoError:
            continue
    return ""


def swept(home: Home, now: datetime) -> int:
    with closing(open_writer(home.database)) as connection:
        reconcile((home.incoming, home.archive), keeper(home, connection, SimulatedClock(now)))
        archive(connection, home, now)
        return len(sweep(connection, home, now=now, at=now).deleted)


def forget_everything(home: Home) -> None:
    """Invariants 5 and 6: what a sweep takes before anything is due, while holds stand, and when all is due."""
    for now in (AT + 2 * DAY, ALL_DUE):
        expected = sweep_all(home, now)
        hold_true(home)
        with closing(open_reader(home.database)) as connection:
            left = frozenset(connection.execute("select call, kind, part from artifacts"))
        assert expected == left, f"{sorted(map(str, expected ^ left))} gone too early, or there too long"
    with closing(open_writer(home.database)) as connection:
        for (number,) in connection.execute("select id from holds where released_at is null").fetchall():
            holding.release(
                connection, number, outcome=Outcome.CLOSED, legal_basis="6(1)(f)", until=None, actor="officer",
                now=ALL_DUE,
            )  # fmt: skip
    sweep_all(home, ALL_DUE)
    for folder in (home.incoming, home.archive, home.text_keys):
        assert [] == [path.name for path in folder.iterdir()], "files that nobody will ever delete"
    with closing(open_reader(home.database)) as connection:
        for table in ("calls", "artifacts", "grants", "consents", "segments", "deletions"):
            assert (0,) == connection.execute(f"select count(*) from {table}").fetchone(), f"{table} is not empty"
        assert [("ok",)] == connection.execute("pragma integrity_check").fetchall()
        assert [] == audit.verify(connection, credentials.load("audit-public", home))


def living(home: Home, now: datetime) -> frozenset[tuple[object, ...]]:
    """What a grant or a hold of these scenarios keeps, in SQL and not as retention/policy.py has it."""
    query = (
        "select call, kind, part from artifacts where exists (select 1 from grants where artifact = artifacts.id"
        " and coalesce(ended_at, expires_at) > ?) or kind <> 'masked_transcript' and exists (select 1 from holds, calls"
        " where calls.id = artifacts.call and released_at is null"
        " and (holds.call = calls.id or holds.party_ref = calls.party_ref))"
    )
    with closing(open_reader(home.database)) as connection:
        return frozenset(connection.execute(query, (utc(now),)))


def sweep_all(home: Home, now: datetime) -> frozenset[tuple[object, ...]]:
    """The artifacts that must be left."""
    with closing(open_writer(home.database)) as connection:
        reconcile((home.incoming, home.archive), keeper(home, connection, SimulatedClock(now)))
        archive(connection, home, now)
        expected = living(home, now)
        sweep(connection, home, now=now, at=now)
    return expected


# --- the matrix -----------------------------------------------------------------------------------------------------


@contextmanager
def workshop() -> Iterator[Path]:
    """A folder in memory where there is one: a killed process loses nothing that it has handed to the kernel."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def prepare(scenario: Scenario, folder: Path, seed: int = 0) -> Prepared:
    """The home of a scenario, and what it holds when nothing dies."""
    home, tried = Home(folder / "before"), Home(folder / "home")
    with office(home) as one:
        one.call(THIRD, answers=(YES,), number=OTHER_NUMBER)
        archive(one.connection, home, AT)
        scenario.before(one, Random(seed))
    shutil.copytree(home.root, tried.root)
    do(tried, lambda _: start_again(tried))
    before = rows(tried)
    shutil.rmtree(tried.root)
    shutil.copytree(home.root, tried.root)
    changes = do(tried, lambda tell: scenario.act(tried, Random(seed), tell)).changes
    restart = do(tried, lambda _: start_again(tried)).changes
    after = rows(tried)
    again(tried, scenario, seed)
    at_last = rows(tried)
    shutil.rmtree(tried.root)
    return Prepared(scenario, seed, home, tried, before, after, at_last, changes, restart)


def do(home: Home, work: Callable[[Tell], None], kill_at: int = 0, torn: float | None = None) -> Ended:
    """In a process of its own; its failure is ours."""
    ended = killer.run(work, home.root, kill_at, torn)
    assert not ended.failure, ended.failure
    return ended


def again(home: Home, scenario: Scenario, seed: int) -> None:
    do(home, lambda tell: (scenario.again or scenario.act)(home, Random(seed), tell))
    do(home, lambda _: start_again(home))


def die(prepared: Prepared, kill_at: int, torn: float | None, restart_at: int = 0) -> Ended:
    """One death, and one more while starting again if so wished. Raises AssertionError for what does not hold then."""
    scenario, seed, home = prepared.scenario, prepared.seed, prepared.home
    shutil.rmtree(home.root, ignore_errors=True)
    shutil.copytree(prepared.template.root, home.root)
    ended = do(home, lambda tell: scenario.act(home, Random(seed), tell), kill_at, torn)
    if restart_at:
        do(home, lambda _: start_again(home), restart_at, torn)
    do(home, lambda _: start_again(home))
    scenario.check(home, ended.told)
    hold_true(home, is_rotating=bool(unfinished(home)))
    found = rows(home)
    if scenario.is_one_step:
        differences = [difference(found, prepared.before), difference(found, prepared.after)]
        assert "" in differences, f"neither before nor after: {differences}"
    else:
        for name, known in without(found, scenario.broken_off).items():
            strange = known - prepared.before[name] - prepared.after[name]
            assert not strange, f"{name}: {sorted(map(str, strange))} neither before nor after"
    again(home, scenario, seed)
    hold_true(home)
    found, at_last = (without(each, scenario.broken_off) for each in (rows(home), prepared.at_last))
    assert found == at_last, f"after the second run: {difference(found, at_last)}"
    old_keys_are_gone(prepared.template, home)
    forget_everything(home)
    return ended


def old_keys_are_gone(before: Home, home: Home) -> None:
    for name in ("site-private", "desk"):
        old = (before.keys / f"{name}.key").read_bytes() if before.keys.exists() else b""
        if old and old != credentials.load(name, home):
            assert [] == [path.name for path in home.root.rglob("*") if path.is_file() and old in path.read_bytes()]


def tally(matrix: Matrix, prepared: Prepared, kill_at: int, torn: float | None, restart_at: int = 0) -> None:
    name = prepared.scenario.name
    point = f"{name}, seed {prepared.seed}, change {kill_at}{f', torn at {torn:.2f}' if torn is not None else ''}" + (
        f", restart {restart_at}" if restart_at else ""
    )
    try:
        ended = die(prepared, kill_at, torn, restart_at)
    except (AssertionError, StoreError, OSError) as error:
        matrix.violations.append(f"{point}: {error}")
        return
    finally:
        matrix.points[name] += 1
        matrix.in_restarts += bool(restart_at)
    if ended.is_killed:
        is_torn = torn is not None and ended.changes[-1] in killer.WRITING.values()
        matrix.changes[ended.changes[-1] + (" torn" if is_torn else "")] += 1


def boundaries(prepared: Prepared, step: int = 1, start: int = 0) -> Iterator[tuple[int, float | None]]:
    """Every change once, and every write once more torn in two."""
    points = [(number, None) for number in range(1, len(prepared.changes) + 1)]
    torn = [(number, 0.5) for number, name in enumerate(prepared.changes, 1) if name in killer.WRITING.values()]
    yield from [*points, *torn][start % step :: step]


def everywhere(scenario: Scenario, step: int = 1, start: int = 0) -> Matrix:
    """Deaths at every boundary of a scenario, or at every `step`-th."""
    matrix = Matrix()
    with workshop() as folder:
        prepared = prepare(scenario, folder)
        for kill_at, torn in boundaries(prepared, step, start):
            tally(matrix, prepared, kill_at, torn)
    return matrix


def everywhere_in(place: int) -> Matrix:
    """By its place: a scenario does not travel to another process."""
    return everywhere(SCENARIOS[place])


def anywhere(seed: int, count: int = 10) -> Matrix:
    """Deaths at random points of a scenario with random content; half of them die again while they start again."""
    matrix, random = Matrix(), Random(seed)
    with workshop() as folder:
        prepared = prepare(random.choice(SCENARIOS), folder, seed)
        for _ in range(count):
            torn = random.random() if random.random() < 0.5 else None
            restart_at = random.randint(1, len(prepared.restart)) if random.random() < 0.5 else 0
            tally(matrix, prepared, random.randint(1, len(prepared.changes)), torn, restart_at)
    return matrix


def figures(random_points: int = 1500) -> dict[str, object]:
    """For tests/bench/retention.py."""
    began = time.perf_counter()
    with ProcessPoolExecutor() as pool:
        every = list(pool.map(everywhere_in, range(len(SCENARIOS))))
        some = list(pool.map(anywhere, range(1, 1 + random_points // 10)))
    violations = [each for matrix in (*every, *some) for each in matrix.violations]
    for violation in violations[:20]:
        print(violation, file=sys.stderr)
    return {
        "violations": [len(violations), 0],
        "boundaries": sum((matrix.points for matrix in every), Counter()).total(),
        "boundaries_by_scenario": dict(sum((matrix.points for matrix in every), Counter())),
        "random_points": [sum(matrix.points.total() for matrix in some), 1000],
        "killed_again_while_starting": sum(matrix.in_restarts for matrix in some),
        "killed_at": dict(sorted(sum((matrix.changes for matrix in (*every, *some)), Counter()).items())),
        "seconds": round(time.perf_counter() - began),
    }
