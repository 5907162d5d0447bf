"""Years of a site on a real home: programs, database, files and clocks, beside a naive model of what must exist.

`steps` tells what happens, `Box` does it with the programs' own code and files, `Model` is the policy and the clock
written down a second time (test_four_years.py). `compare` plays both, and looks after every day at every row and file.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec
import nacl.utils
from tavs import keep
from tavs.errors import UsageError
from tavs.events import (
    ArtifactClosed,
    ArtifactKind,
    CallEnded,
    CallId,
    CallStarted,
    Channel,
    ConsentHeard,
    Event,
    MaskedSegment,
    MaskedText,
    PartyRef,
    Sidecar,
    SidecarState,
)
from tavs.host import credentials
from tavs.host.clock import SimulatedClock
from tavs.host.home import Home
from tavs.relay import Received
from tavs.retention import applying, clock_guard, reserve
from tavs.retention.holds import CaseRef, HoldKind, Outcome
from tavs.retention.policy import EndedBy, load
from tavs.rights import consenting, holding, subject
from tavs.run import prepare
from tavs.store import audit
from tavs.store.clock_mark import trusted_now, write_mark
from tavs.store.database import Connection, open_reader, open_writer, transaction
from tavs.store.files import stem
from tavs.store.grants import enter_policy
from tavs.store.keeper import Keeper
from tavs.store.reconcile import reconcile
from tavs.store.text_keys import TextKeys
from test_four_years import (
    BASES,
    FIRST_DAY,
    KINDS,
    PERIODS,
    Action,
    Answered,
    AnsweredLater,
    Applied,
    Called,
    Demanded,
    Held,
    Naive,
    Paper,
    Released,
    end_of,
    evidence,
    said_yes,
    scenario,
)

ZONE = "Europe/Copenhagen"
LASTED = timedelta(minutes=10)
T = TypeVar("T")


# --- what happens


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """Another policy, for new calls alone: the desk was started with it, and nobody confirmed it."""

    at: datetime
    periods: dict[str, str]


@dataclass(frozen=True, slots=True)
class Passed:
    """Time, while the machine runs."""

    time: timedelta


@dataclass(frozen=True, slots=True)
class Jumped:
    """Somebody set the wall clock wrong."""

    by: timedelta


@dataclass(frozen=True, slots=True)
class PoweredOff:
    time: timedelta
    hardware: timedelta | datetime
    """What the hardware clock is wrong by afterwards, or what it begins with when its battery is dead."""


@dataclass(frozen=True, slots=True)
class Righted:
    """The wall clock was set right."""

    by_server: bool
    """By a time server; else a person set it and confirmed it."""


@dataclass(frozen=True, slots=True)
class Found:
    """The desk reads sidecars of which it has heard nothing."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A call of which the relay lost all but the text."""

    called: Called


@dataclass(frozen=True, slots=True)
class Swept:
    is_last: bool = False
    """Of the day."""


Step = Action | Announced | Passed | Jumped | PoweredOff | Righted | Found | Lost | Swept

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
JUMPS = (-18_250 * DAY, -DAY, -HOUR, HOUR, DAY, 30 * DAY, 3652 * DAY)
"""RELIABILITY R-05."""
OFFS = (HOUR / 10, 5 * HOUR, 50 * HOUR, 6 * DAY, 10 * DAY, 40 * DAY)
HARDWARE: tuple[timedelta | datetime, ...] = (
    *[timedelta()] * 5,
    3 * DAY,
    400 * DAY,
    -2 * HOUR,
    datetime(2000, 1, 1, tzinfo=UTC),
)


def steps(days: int, calls_a_day: int, seed: int) -> Iterator[Step]:
    chance = random.Random(seed + 1000)
    is_wrong, clock = False, FIRST_DAY
    again: list[int] = []
    for day, (swept_at, actions) in enumerate(scenario(days, calls_a_day, seed)):
        if is_wrong and chance.random() < 0.35:
            is_wrong = False
            yield Righted(chance.random() < 0.5)
        for call in again:
            source = chance.choice(("officer", "pbx"))
            answer = Answered(at=clock, answer="yes", source=source, pressed="", prompt="")
            yield AnsweredLater(at=clock, call=call, answer=answer)
        again = []
        jump = chance.randrange(max(1, len(actions))) if day > 5 and chance.random() < 0.02 else None
        lost = False
        for place, action in enumerate(actions):
            yield Passed(action.at - clock)
            clock = action.at
            if place == jump:
                is_wrong = True
                yield Jumped(chance.choice(JUMPS))
            again += _asked_again(action, is_wrong, calls_a_day * day, chance)
            if isinstance(action, Called) and chance.random() < 0.05 / calls_a_day:
                lost = True
                yield Lost(action)
            elif isinstance(action, Applied) and chance.random() < 0.3:
                yield Announced(at=action.at, periods=action.periods)
            else:
                yield action
        yield Passed(swept_at - clock)
        clock = swept_at
        if lost:
            yield Found()
        yield Swept(is_last=True)
        if day > 5 and chance.random() < 0.015:
            yield Swept()
            off = PoweredOff(chance.choice(OFFS), chance.choice(HARDWARE))
            is_wrong = is_wrong or off.hardware != timedelta() or off.time > 7 * DAY
            yield off
            yield Passed(timedelta(minutes=2))
            clock += timedelta(minutes=2)
            yield Swept()


def _asked_again(action: Action, is_wrong: bool, calls: int, chance: random.Random) -> list[int]:
    """What was erased, what was answered while the clock was wrong, what a shorter policy came after."""
    match action:
        case Demanded(by="erasure", call=call):
            return [call]
        case Called(call=call) if is_wrong and chance.random() < 0.2:
            return [call]
        case Applied():
            return [max(0, calls - 1 - chance.randrange(100)) for _ in range(3)]
        case _:
            return []


def moved(called: Called, now: datetime) -> Called:
    """The call as a clock tells of it that shows `now` at its end."""
    by = now - called.at
    return replace(called, at=now, answers=tuple(replace(each, at=each.at + by) for each in called.answers))


# --- the naive model: what must exist. No code of the box


@dataclass(slots=True)
class Clocks:
    """The wall clock, and the time a careful person at the box would believe."""

    true: datetime = FIRST_DAY
    wall: datetime = FIRST_DAY
    believed: datetime = FIRST_DAY
    is_stopped: bool = False
    """Nobody deletes anything until somebody said what time it is."""

    def passed(self, elapsed: timedelta) -> None:
        self.true += elapsed
        self.wall += elapsed
        self.believed += elapsed

    def jumped(self, by: timedelta) -> None:
        self.wall += by

    def looked_at(self) -> None:
        """Before every sweep: a wall clock that has run ahead of what was counted."""
        if self.wall - self.believed > timedelta(minutes=5):
            self.is_stopped = True

    def powered_off(self, off: PoweredOff) -> None:
        self.true += off.time
        self.wall = off.hardware if isinstance(off.hardware, datetime) else self.wall + off.time + off.hardware
        if self.wall - self.believed > 7 * DAY:
            self.is_stopped = True
        if not self.is_stopped:
            self.believed = max(self.believed, self.wall)

    def righted(self) -> None:
        self.wall = self.believed = self.true
        self.is_stopped = False


class Model(Naive):
    def __init__(self) -> None:
        super().__init__()
        self.clocks = Clocks()
        self.deleted: dict[tuple[int, str], str] = {}
        self.gone: dict[tuple[int, str], str] = {}
        """Of that, what nobody has compared yet."""
        self._policy: dict[int, int] = {}
        self._announced: set[int] = set()
        """Which policies nobody confirmed."""
        self._lost: list[Called] = []
        self._swept_until = FIRST_DAY

    @property
    def settling(self) -> set[int]:
        """Calls of which nothing is kept and whose rows may still be there: some ended only yesterday, some are held."""
        living = {paper.call for paper in self.papers.values()}
        held = ({hold.call for hold in self.holds.values()} | {hold.party for hold in self.holds.values()}) - {None}
        if not self.clocks.is_stopped:
            self._swept_until = self.clocks.believed
        return {
            called.call
            for called in self.calls.values()
            if called.call not in living
            and (called.at > self._swept_until - 2 * DAY or called.call in held or called.party in held)
        }

    @property
    def kept(self) -> set[tuple[int, str]]:
        return {(paper.call, paper.kind) for paper in self.papers.values()}

    def take(self, step: Step) -> None:
        now = self.clocks.believed
        match step:
            case Passed():
                self.clocks.passed(step.time)
            case Jumped():
                self.clocks.jumped(step.by)
            case PoweredOff():
                self.clocks.powered_off(step)
            case Righted():
                self.clocks.righted()
            case Found():
                self.find()
            case Lost(called):
                self._lost.append(called)
                self.take(replace(called, kinds=tuple(kind for kind in called.kinds if kind == "masked_transcript")))
            case Swept():
                self.clocks.looked_at()
                if not self.clocks.is_stopped:
                    kinds = {number: (paper.call, paper.kind) for number, paper in self.papers.items()}
                    gone = self.sweep(now)
                    self.gone |= {kinds[number]: reason for number, reason in gone.items()}
                    self.deleted |= self.gone
            case _:
                self._take(step, now)

    def _take(self, step: Action | Announced, now: datetime) -> None:
        """What people do, at the time that is believed."""
        match step:
            case Announced():
                self._announced.add(len(self.policies))
                self.policies.append((now, step.periods))
            case Called():
                self._policy[step.call] = len(self.policies) - 1
                self.play(moved(step, now))
            case AnsweredLater(answer=answer):
                self.play(replace(step, at=now, answer=replace(answer, at=now)))
            case Released(limitation_until=until):
                if step.hold in self.holds:
                    self.play(replace(step, at=now, limitation_until=until and now + (until - step.at)))
            case Held(call=call):
                if call is None or any(True for _ in self.of(call)):
                    self.play(step)
            case Demanded(by="erasure"):
                self.answers[step.call].append(Answered(at=now, answer="no", source="officer", pressed="", prompt=""))
                self.play(replace(step, at=now, purposes=("quality", "training")))
            case Demanded() | Applied():
                self.play(replace(step, at=now))

    def find(self) -> None:
        for called in self._lost:
            for kind in called.kinds:
                if kind != "masked_transcript":
                    paper = Paper(called.call, kind, called.party)
                    self.papers[called.call * 3 + KINDS.index(kind)] = paper
                    for purpose in ("documentation", "quality"):
                        if purpose != "quality" or said_yes(self.answers[called.call]):
                            self.grant(paper, purpose)
        self._lost = []

    def answered(self, answered: AnsweredLater) -> None:
        """Consent comes back by an officer only; what is taken back ends training too, what contradicts does not."""
        given = answered.answer
        self.answers[answered.call].append(given)
        has_consent = said_yes(self.answers[answered.call])
        for paper in self.of(answered.call):
            if (given.source, given.answer) == ("officer", "no"):
                paper.cut("training", answered.at, "withdrawal")
            known = paper.ends.get("quality")
            if not has_consent:
                paper.cut("quality", answered.at, "withdrawal")
            elif known is None or known[1] <= answered.at:
                self.grant(paper, "quality")
                if "quality" in paper.ends and paper.ends["quality"][1] <= answered.at:
                    del paper.ends["quality"]
                    if known:
                        paper.ends["quality"] = known

    def grant(self, paper: Paper, purpose: str) -> None:
        """As at the end of the call, and then through every policy that was confirmed since."""
        place, start = self._policy[paper.call], self.calls[paper.call].at
        if period := self.policies[place][1].get(f"{paper.kind}.{purpose}"):
            paper.ends[purpose] = (start, end_of(start, period), "")
            for later in range(place + 1, len(self.policies)):
                if later not in self._announced:
                    self.shorten(paper, purpose, *self.policies[later])


# --- the box


class Box:
    """A home, its desk, its officers, its timer."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        prepare(self.home)
        self.clock = SimulatedClock(FIRST_DAY)
        self.true = FIRST_DAY
        self.deletions = 0
        """As the sweeps told of them."""
        self.audited = 0
        """Up to which row the audit log was compared."""
        self._boots = self._sequence = 0
        self._holds: dict[int, int] = {}
        self._site_public = credentials.load("site-public", self.home)
        self._write_policy({key: choices[0] for key, choices in PERIODS.items()})
        self.connection: Connection = open_writer(self.home.database)
        self._start_desk()

    def close(self) -> None:
        self.connection.close()
        reserve.path(self.home).unlink(missing_ok=True)

    @property
    def now(self) -> datetime:
        """By which officers act, as rights/commands.py takes it."""
        return trusted_now(self.connection, self.clock)

    def take(self, step: Step) -> None:
        match step:
            case Passed():
                self.true += step.time
                self.clock.advance(step.time / timedelta(seconds=1))
            case Jumped():
                self.clock.set(self.clock.now() + step.by)
            case PoweredOff():
                self._power_off(step)
            case Righted():
                self._right(step.by_server)
            case Found():
                reconcile((self.home.incoming, self.home.archive), self._keeper)
            case Announced():
                self._write_policy(step.periods)
                self._start_desk()
            case Applied():
                self._write_policy(step.periods)
                applying.apply(self.home, ZONE, self.now, "officer", is_confirmed=True)
            case Lost(called):
                self._call(moved(called, self.clock.now()), is_lost=True)
            case Called():
                self._call(moved(step, self.clock.now()), is_lost=False)
            case Swept():
                self.deletions += len(keep.run(self.home, self.clock).swept.deleted)
            case AnsweredLater() | Demanded() | Held():
                with contextlib.suppress(UsageError):  # of a call that is gone
                    self._officer(step)
            case Released():
                self._release(step)

    def _start_desk(self) -> None:
        """As desk.py does it."""
        policy = load(self.home.retention)
        with transaction(self.connection):
            enter_policy(self.connection, policy, actor="desk", now=self.now)
        keys = TextKeys(self.home.text_keys, credentials.load("desk", self.home))
        self._keeper = Keeper(self.connection, keys, self.clock, ZoneInfo(ZONE))
        reconcile((self.home.incoming, self.home.archive), self._keeper)
        self._boots, self._sequence = self._boots + 1, 0

    def _power_off(self, off: PoweredOff) -> None:
        self.true += off.time
        self.clock.restart(off.time / timedelta(seconds=1))
        wrong = off.hardware
        self.clock.set(wrong if isinstance(wrong, datetime) else self.clock.now() + wrong)
        self._start_desk()

    def _right(self, by_server: bool) -> None:
        """A server kept the clock for a moment and was judged, or a person confirmed it as `tavs clock confirm` does."""
        self.clock.set(self.true, is_synchronised=by_server)
        if by_server:
            self.deletions += len(keep.run(self.home, self.clock).swept.deleted)
            self.clock.set(self.true)
        else:
            with transaction(self.connection):
                write_mark(self.connection, clock_guard.confirm(clock_guard.read(self.clock)), "officer")
                audit.append(self.connection, at=self.clock.now(), kind=audit.Kind.CLOCK, actor="officer")

    def _write_policy(self, periods: dict[str, str]) -> None:
        tables = ""
        for key, period in periods.items():
            purpose = key.partition(".")[2]
            consent = json.dumps(purpose == "quality")
            if period:
                tables += f'[{key}]\nperiod = "{period}"\nlegal_basis = "{BASES[purpose]}"\nconsent = {consent}\n'
        self.home.retention.write_text(tables, encoding="utf-8")

    def _call(self, called: Called, *, is_lost: bool) -> None:
        call, party = call_id(called.call), None if called.party is None else PartyRef(called.party)
        events: list[Event] = [CallStarted(call=call, at=called.at - LASTED, source="siprec", party_ref=party)]
        if "masked_transcript" in called.kinds:
            text = MaskedText("hej, jeg hedder <PERSON_1>.")
            events.append(MaskedSegment(call=call, channel=Channel.CUSTOMER, sequence=1, t0_ms=0, t1_ms=1, text=text))
        closed: list[Event] = [
            ArtifactClosed(sidecar=self._sealed(called, call, ArtifactKind(kind), party))
            for kind in called.kinds
            if kind != "masked_transcript"
        ]
        ended: list[Event] = [CallEnded(call=call, at=called.at, reason="bye")]
        told = [] if is_lost else closed
        for event in (*events, *(told + ended if called.call % 3 == 0 else ended + told)):
            self._keeper.apply(Received(f"boot-{self._boots}", self._sequence, event))
            self._sequence += 1

    def _sealed(self, called: Called, call: CallId, kind: ArtifactKind, party: PartyRef | None) -> Sidecar:
        """Files as the listener leaves them, but for the sound."""
        name = stem(call, kind, 0)
        sidecar = Sidecar(
            call=call,
            kind=kind,
            part=0,
            file=f"{name}.tavs",
            state=SidecarState.CLOSED,
            source="siprec",
            call_started_at=called.at - LASTED,
            opened_at=called.at - LASTED,
            closed_at=called.at,
            call_ended_at=called.at,
            party_ref=party,
            consents=tuple(map(heard, called.answers)),
            size_bytes=64,
            sha256="5ea1" * 16,
        )
        for ending, content in (
            (".json", msgspec.json.encode(sidecar)),
            (".key", nacl.utils.random(80)),
            (".tavs", nacl.utils.random(64)),
        ):
            (self.home.incoming / (name + ending)).write_bytes(content)
        return sidecar

    def _officer(self, action: AnsweredLater | Demanded | Held) -> None:
        now = self.now
        match action:
            case AnsweredLater(answer=Answered(source="officer", answer="no")):
                subject.ask(self.connection, call_id(action.call), EndedBy.WITHDRAWAL, actor="officer", now=now)
            case AnsweredLater(answer=answer):
                given = evidence(replace(answer, at=now))
                consenting.enter(self.connection, call_id(action.call), given, zone=ZONE, actor="officer", now=now)
            case Demanded():
                subject.ask(self.connection, call_id(action.call), EndedBy(action.by), actor="officer", now=now)
            case Held():
                self._holds[action.hold] = holding.place(
                    self.connection,
                    kind=HoldKind(action.kind),
                    call=None if action.call is None else call_id(action.call),
                    party_ref=None if action.party is None else PartyRef(action.party),
                    reason="an invented reason",
                    owner="an invented owner",
                    review_on=None,
                    case=CaseRef("K-1"),
                    transcript_basis="6(1)(f)" if action.with_transcript else None,
                    site_public=self._site_public,
                    actor="officer",
                    now=now,
                )

    def _release(self, released: Released) -> None:
        if released.hold in self._holds:
            now, until = self.now, released.limitation_until
            holding.release(
                self.connection,
                self._holds[released.hold],
                outcome=Outcome.LIMITATION if until else Outcome.CLOSED,
                legal_basis="6(1)(f)",
                until=until and now + (until - released.at),
                actor="officer",
                now=now,
            )


def call_id(number: int) -> CallId:
    return CallId(f"0192f0c1-0000-7000-8000-{number:012d}")


def number_of(call: str) -> int:
    return int(call[-12:])


def heard(answered: Answered) -> ConsentHeard:
    return msgspec.convert(
        {"answer": answered.answer, "source": answered.source, "pressed": answered.pressed, "prompt": answered.prompt,
         "prompt_version": "1", "language": "da", "at": answered.at},
        ConsentHeard,
    )  # fmt: skip


# --- both, day by day


@dataclass(slots=True, kw_only=True)
class Compared:
    days: int = 0
    calls: int = 0
    deleted: Counter[str] = field(default_factory=Counter)
    """By reason, as the receipts tell of it."""
    happened: Counter[str] = field(default_factory=Counter)
    stopped_days: int = 0
    """On which the clock was not trusted and nothing may go."""
    kept: int = 0
    receipts: int = 0
    audit_rows: int = 0
    audits: int = 0
    """Times the chain was verified."""
    calls_without_artifact: int = 0
    """Rows of calls of which nothing was ever kept."""
    seconds: float = 0.0
    differences: list[str] = field(default_factory=list)


def compare(root: Path, *, days: int, calls_a_day: int, seed: int, year: int = 365) -> Compared:
    found, model, box = Compared(), Model(), Box(root)
    began = time.perf_counter()
    with contextlib.redirect_stderr(io.StringIO()):
        for step in steps(days, calls_a_day, seed):
            if not isinstance(step, Passed):
                found.happened[type(step).__name__] += 1
            model.take(step)
            box.take(step)
            if isinstance(step, Righted) and step.by_server:
                model.take(Swept())
            if isinstance(step, Swept) and step.is_last:
                found.days += 1
                found.stopped_days += model.clocks.is_stopped
                found.differences += [f"day {found.days}, {model.clocks.true}: {each}" for each in differ(model, box)]
                if found.days % 10 == 0:
                    found.differences += [f"day {found.days}: {each}" for each in differ_in_grants(model, box)]
                if found.days % year == 0 or found.days == days:
                    found.audits += 1
                    found.differences += faults(model, box)
                if found.differences:
                    break
    found.calls = len(model.calls)
    found.kept = len(model.papers)
    found.deleted.update(model.deleted.values())
    found.receipts, found.audit_rows, found.calls_without_artifact = _counted(box)
    found.seconds = time.perf_counter() - began
    box.close()
    return found


def differ(model: Model, box: Box) -> Iterator[str]:
    """What is there and may not be, or is not and must be: rows, sealed files with key and sidecar, keys of text."""
    expected = model.kept
    with closing(open_reader(box.home.database)) as connection:
        rows = connection.execute("select call, kind from artifacts").fetchall()
        texts = connection.execute("select distinct call from segments").fetchall()
        calls = connection.execute("select id from calls").fetchall()
        marked = connection.execute("select count(*) from deletions").fetchone()[0]
        receipts = connection.execute("select count(*) from receipts").fetchone()[0]
        told = connection.execute(
            "select sequence, call, json_extract(detail, '$.what'), json_extract(detail, '$.reason') from audit"
            " where sequence > ? and kind = 'deletion' order by sequence",
            (box.audited,),
        ).fetchall()
    yield from _set(expected, {(number_of(call), kind) for call, kind in rows}, "rows")
    masked = {number for number, kind in expected if kind == "masked_transcript"}
    yield from _set(masked, {number_of(row[0]) for row in texts}, "sealed text")
    yield from _set({f"{call_id(number)}.key" for number in masked}, names(box.home.text_keys), "keys of text")
    files = {
        f"{call_id(number)}{'' if kind == 'recording' else '.transcript'}.0{ending}"
        for number, kind in expected
        if kind != "masked_transcript"
        for ending in (".tavs", ".key", ".json")
    }
    yield from _set(files, names(box.home.archive) | names(box.home.incoming), "files")
    seen = [((number_of(call), kind), reason) for _, call, kind, reason in told]
    yield from _set(set(model.gone.items()), set(seen), "deletions that were told of")
    box.audited, model.gone = told[-1][0] if told else box.audited, {}
    if len(set(seen)) != len(seen):
        yield "a deletion was told of twice"
    if not receipts == len(model.deleted) == box.deletions:
        yield f"{receipts} receipts, {box.deletions} deletions told of, {len(model.deleted)} deletions of the model"
    if marked:
        yield f"{marked} deletions begun and not ended"
    yield from _set({number for number, _ in expected}, {number_of(row[0]) for row in calls} - model.settling, "calls")


def differ_in_grants(model: Model, box: Box) -> Iterator[str]:
    """Which purpose an artifact may be used for, and until when: more than what exists tells of it."""
    with closing(open_reader(box.home.database)) as connection:
        rows = connection.execute(
            "select call, kind, purpose, coalesce(ended_at, expires_at) from grants join artifacts on artifact = id"
        ).fetchall()
    expected = {
        (paper.call, paper.kind, purpose, until.isoformat())
        for paper in model.papers.values()
        for purpose, (_, until, _) in paper.ends.items()
    }
    yield from _set(expected, {(number_of(call), *rest) for call, *rest in rows}, "grants")


def faults(model: Model, box: Box) -> Iterator[str]:
    """What `tavs audit verify` says of the chain; every receipt beside every deletion of the model."""
    with closing(open_reader(box.home.database)) as connection:
        for fault in audit.verify(connection, credentials.load("audit-public", box.home)):
            yield f"audit: {fault}"
        rows = connection.execute("select call, kind, reason from receipts").fetchall()
    receipts = {((number_of(call), kind), reason) for call, kind, reason in rows}
    yield from _set(set(model.deleted.items()), receipts, "receipts")


def names(folder: Path) -> set[str]:
    return set(os.listdir(folder))  # noqa: PTH208 - a hundred thousand names, every day


def _set(expected: AbstractSet[T], seen: AbstractSet[T], what: str) -> Iterator[str]:
    missing, surplus = sorted(expected - seen, key=str), sorted(seen - expected, key=str)
    if missing:
        yield f"{what}: {len(missing)} are missing: {missing[:3]}"
    if surplus:
        yield f"{what}: {len(surplus)} may not be there: {surplus[:3]}"


def _counted(box: Box) -> tuple[int, int, int]:
    with closing(open_reader(box.home.database)) as connection:
        row = connection.execute(
            "select (select count(*) from receipts), (select count(*) from audit),"
            " (select count(*) from calls where not exists (select 1 from artifacts where call = calls.id))"
        ).fetchone()
    return int(row[0]), int(row[1]), int(row[2])
