"""The command line of rights and holds: for privacy and complaints officers, each act by a named login."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tavs import config as configuration
from tavs.errors import UsageError
from tavs.events import CallId, Purpose
from tavs.host.clock import RealClock
from tavs.host.home import Home
from tavs.host.login import login
from tavs.retention.commands import AsJson, moment
from tavs.retention.consent import Answer, Evidence, Source
from tavs.retention.holds import CaseRef, HoldKind, Outcome, case_ref
from tavs.retention.policy import EndedBy

if TYPE_CHECKING:
    from tavs.rights.subject import Done
    from tavs.store.database import Connection

hold_app = typer.Typer(help="What stops a deletion.", no_args_is_help=True)
subject_app = typer.Typer(help="What a person may ask for.", no_args_is_help=True)
consent_app = typer.Typer(help="Evidence of consent.", no_args_is_help=True)
recording_app = typer.Typer(help="Recordings, for those who may hear them.", no_args_is_help=True)

Number = Annotated[str, typer.Option("--number", metavar="N", help="A telephone number, also as dialled locally.")]
Call = Annotated[str, typer.Option("--call", metavar="ID", help="One call.")]
Yes = Annotated[bool, typer.Option("--yes", help="Confirm every call of the number without being asked.")]
Out = Annotated[Path | None, typer.Option("--out", help="Where the export goes.")]
Transcript = Annotated[
    str, typer.Option("--transcript", metavar="ARTICLE", help="Keep the transcript too, on this basis.")
]


@hold_app.command("add")
def hold_add(
    call: Annotated[str, typer.Argument(metavar="[CALL]")] = "",
    kind: Annotated[HoldKind, typer.Option("--kind")] = HoldKind.CASE,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept sealed.")] = "",
    owner: Annotated[str, typer.Option("--owner", help="Who looks after it.")] = "",
    review: Annotated[str, typer.Option("--review", metavar="DATE", help="When somebody looks again.")] = "",
    number: Number = "",
    case: Annotated[str, typer.Option("--case", metavar="REF", help="Reference of the case.")] = "",
    transcript: Transcript = "",
) -> None:
    """Keep the recordings of a call, or of all calls of a number, until the hold is released."""
    from tavs.host import credentials
    from tavs.rights import holding, subject

    if bool(call) == bool(number):
        raise UsageError("a hold is over one call or over the calls of one number", "name one of the two")
    home = Home.current()
    references = subject.references(home, number) if number else [None]
    with _writer(home) as connection:
        now = _now(connection)
        for reference in references:
            placed = holding.place(
                connection,
                kind=kind,
                call=CallId(call) if call else None,
                party_ref=reference,
                reason=reason,
                owner=owner,
                review_on=_day(review) if review else None,
                case=case_ref(case) if case else CaseRef(""),
                transcript_basis=transcript or None,
                site_public=credentials.load("site-public", home),
                actor=login(),
                now=now,
            )
            print(placed)


@hold_app.command("list")
def hold_list(
    everything: Annotated[bool, typer.Option("--all", help="Released ones too.")] = False, as_json: AsJson = False
) -> None:
    """The holds that stand."""
    from tavs.store.kept import holds

    with _reader(Home.current()) as connection:
        found = holds(connection, "true" if everything else "released_at is null")
    documents = [
        {
            "id": each.id,
            "call": each.call,
            "party_ref": each.party_ref,
            "kind": each.kind.value,
            "case": each.case_ref,
            "owner": each.owner,
            "placed_at": each.placed_at.isoformat(),
            "review_on": each.review_on.isoformat(),
            "transcript_basis": each.transcript_basis,
            "released_at": each.released_at.isoformat() if each.released_at else None,
            "outcome": each.outcome.value if each.outcome else None,
        }
        for each in found
    ]
    if as_json:
        _print({"holds": documents})
        return
    today = RealClock().now().date()
    for each in found:
        over = each.call or f"all calls of {each.party_ref}"
        late = "  REVIEW OVERDUE" if not each.released_at and each.review_on < today else ""
        print(f"{each.id}  {each.kind.value} over {over}, {each.owner}, review {each.review_on}{late}")


@hold_app.command("release")
def hold_release(
    number: Annotated[int, typer.Argument(metavar="ID")],
    outcome: Annotated[Outcome, typer.Option("--outcome")] = Outcome.CLOSED,
    basis: Annotated[str, typer.Option("--basis", help="Legal basis of the limitation.")] = "6(1)(f)",
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="When claims lapse.")] = "",
) -> None:
    """Release a hold; what is overdue then goes with the next sweep, unless a limitation keeps it."""
    from tavs.rights import holding

    with _writer(Home.current()) as connection:
        kept = holding.release(
            connection,
            number,
            outcome=outcome,
            legal_basis=basis,
            until=moment(until) if until else None,
            actor=login(),
            now=_now(connection),
        )
    print(f"hold {number} released, {kept} artifacts kept for limitation")


@subject_app.command("find")
def subject_find(number: Number = "", call: Call = "", as_json: AsJson = False) -> None:
    """The calls of a number, and what is kept of them."""
    from tavs.store import view

    home = Home.current()
    with _reader(home) as connection:
        wanted = _calls(connection, home, number, call)
    found = view.calls(home, wanted)
    if as_json:
        _print({"calls": found})
    for each in [] if as_json else found:
        kept = ", ".join(sorted(view.briefly(a) for a in each["artifacts"]))
        print(f"{each['call']}  {each['started_at']}  {kept or 'nothing kept'}")


@subject_app.command("export")
def subject_export(
    number: Number = "", call: Call = "", yes: Yes = False, out: Out = None, as_json: AsJson = False
) -> None:
    """One file with everything kept of the confirmed calls, the other party's details masked in the text."""
    from tavs.rights import export

    home = Home.current()
    with _writer(home) as connection:
        calls = _confirmed(_calls(connection, home, number, call), is_sure=yes or bool(call))
        now = _now(connection)
        target = out or _exports(home) / f"subject-{now:%Y%m%dT%H%M%SZ}.zip"
        done = export.subject(
            connection,
            home,
            configuration.load(home).config,
            calls,
            number=number,
            target=target,
            actor=login(),
            now=now,
        )
    _print({"file": str(done.path), "sha256": done.sha256, "calls": done.calls}) if as_json else print(done.path)


@subject_app.command("restrict")
def subject_restrict(
    number: Number = "",
    call: Call = "",
    reason: Annotated[str, typer.Option("--reason")] = "restriction requested by the person",
    owner: Annotated[str, typer.Option("--owner")] = "",
    transcript: Transcript = "",
) -> None:
    """Keep what is recorded of the person, and use none of it (GDPR article 18)."""
    hold_add(
        call=call,
        kind=HoldKind.RESTRICTION,
        reason=reason,
        owner=owner or login(),
        review="",
        number=number,
        case="",
        transcript=transcript,
    )


@subject_app.command("withdraw")
def subject_withdraw(number: Number = "", call: Call = "", yes: Yes = False, as_json: AsJson = False) -> None:
    """Take consent back: quality ends now, training text goes, documentation stays."""
    _ask(EndedBy.WITHDRAWAL, number, call, yes, as_json)


@subject_app.command("object")
def subject_object(number: Number = "", call: Call = "", yes: Yes = False, as_json: AsJson = False) -> None:
    """Object to training (GDPR article 21): its text goes; what documents agreements stays."""
    _ask(EndedBy.OBJECTION, number, call, yes, as_json)


@subject_app.command("erase")
def subject_erase(number: Number = "", call: Call = "", yes: Yes = False, as_json: AsJson = False) -> None:
    """Erase what may be erased now, and say what stays, why, and until when."""
    _ask(EndedBy.ERASURE, number, call, yes, as_json)


@consent_app.command("add")
def consent_add(
    call: Annotated[str, typer.Argument(metavar="CALL")],
    answer: Annotated[Answer, typer.Option("--answer", help="What the customer answered.")],
    source: Annotated[Source, typer.Option("--source")] = Source.PBX,
    pressed: Annotated[str, typer.Option("--pressed", help="The key or value as it came.")] = "",
    prompt: Annotated[str, typer.Option("--prompt", help="Id of what was asked.")] = "",
    prompt_version: Annotated[str, typer.Option("--prompt-version")] = "",
    language: Annotated[str, typer.Option("--language")] = "da",
    at: Annotated[str, typer.Option("--at", metavar="ISO", help="When it was given; now if left out.")] = "",
) -> None:
    """Enter what the customer answered, also after the call; grants follow from all the evidence there is."""
    from tavs.rights.consenting import enter

    home = Home.current()
    with _writer(home) as connection:
        now = _now(connection)
        given = Evidence(
            purpose=Purpose.QUALITY,
            answer=answer,
            source=source,
            pressed=pressed,
            prompt=prompt,
            prompt_version=prompt_version,
            language=language,
            at=moment(at) if at else now,
        )
        has_consent = enter(
            connection, CallId(call), given, zone=configuration.load(home).config.site.timezone, actor=login(), now=now
        )
    print("consent for quality" if has_consent else "no consent for quality")


@recording_app.command("export")
def recording_export(
    call: Annotated[str, typer.Argument(metavar="CALL")],
    purpose: Annotated[Purpose, typer.Option("--purpose")],
    case: Annotated[str, typer.Option("--case", metavar="REF")],
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the sound.")] = None,
    as_json: AsJson = False,
) -> None:
    """The sound of a call as Ogg/Opus, for a purpose that may use it; audited with the login."""
    from tavs.rights import export

    home = Home.current()
    with _writer(home) as connection:
        done = export.recording(
            connection,
            home,
            CallId(call),
            purpose=purpose,
            case=case_ref(case),
            folder=out or _exports(home),
            actor=login(),
            now=_now(connection),
        )
    if as_json:
        _print({"files": [{"file": str(each.path), "sha256": each.sha256} for each in done]})
    for each in () if as_json else done:
        print(each.path)


def _ask(by: EndedBy, number: str, call: str, yes: bool, as_json: bool) -> None:
    from tavs.rights import subject

    home = Home.current()
    with _writer(home) as connection:
        calls = _confirmed(_calls(connection, home, number, call), is_sure=yes or bool(call))
        now = _now(connection)
        done, running = {}, []
        for each in calls:
            try:
                done[each] = subject.ask(connection, each, by, actor=login(), now=now)
            except UsageError:
                if call:
                    raise
                running.append(each)
    _tell(done, as_json)
    if running:
        print(f"tavs: error: {len(running)} of the calls have not ended: {', '.join(running)}", file=sys.stderr)
        print("tavs: hint: ask again when they have", file=sys.stderr)
        raise typer.Exit(1)


def _tell(done: dict[CallId, Done], as_json: bool) -> None:
    if as_json:
        _print(
            {
                "calls": [
                    {"call": each, "ended": d.ended, "stays": [k.document() for k in d.stays]}
                    for each, d in done.items()
                ]
            }
        )
        return
    for each, found in done.items():
        print(f"{each}: {found.ended} grants ended; what has none left goes with the next sweep")
        for kept in found.stays:
            until = f"until {kept.until.isoformat()}" if kept.until else "until it is released"
            print(f"  {kept.kind.value} stays {until}: {kept.why.value}")


def _calls(connection: Connection, home: Home, number: str, call: str) -> list[CallId]:
    from tavs.rights import subject

    if bool(call) == bool(number):
        raise UsageError("a request is about one call or the calls of one number", "name one of the two")
    if number:
        return [found for found, _ in subject.calls_of(connection, subject.references(home, number))]
    if connection.execute("select 1 from calls where id = ?", (call,)).fetchone() is None:
        raise UsageError("there is no such call", "`tavs calls` lists them")
    return [CallId(call)]


def _confirmed(calls: list[CallId], *, is_sure: bool) -> list[CallId]:
    """A number is not a person: each call is confirmed by whoever handles the request."""
    if is_sure:
        return calls
    if not sys.stdin.isatty():
        raise UsageError("the calls of a number are confirmed one by one", "add --yes, or name each with --call")
    return [each for each in calls if typer.confirm(f"{each}: is this the person's call?", err=True)]


def _exports(home: Home) -> Path:
    home.exports.mkdir(parents=True, exist_ok=True, mode=0o700)
    return home.exports


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("that is no date", "write it as 2027-03-01") from None


def _now(connection: Connection) -> datetime:
    """By which grants end, and purposes with them: a wall clock that was set wrong gives and takes nothing."""
    from tavs.store.clock_mark import trusted_now

    return trusted_now(connection, RealClock())


@contextmanager
def _writer(home: Home) -> Iterator[Connection]:
    from tavs.store.database import blamed, open_known

    with blamed(home.database), closing(open_known(home.database)) as connection:
        yield connection


@contextmanager
def _reader(home: Home) -> Iterator[Connection]:
    from tavs.store.database import blamed, open_reader

    with blamed(home.database), closing(open_reader(home.database)) as connection:
        yield connection


def _print(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, default=str))
