"""The command line of what is kept: sweep, policy, notice, audit chain, clock. For those who run the box."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import typer

from tavs import config as configuration
from tavs.backup.note import refuse_unfinished
from tavs.errors import UsageError
from tavs.host.clock import RealClock
from tavs.host.home import Home

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
retention_app = typer.Typer(help="What is kept for what, and how long.", no_args_is_help=True)
audit_app = typer.Typer(help="The log of everything decided about what is kept.", no_args_is_help=True)
clock_app = typer.Typer(help="The clock by which things are deleted.", no_args_is_help=True)


def sweep(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go, and why.")] = False,
    now: Annotated[str, typer.Option("--now", metavar="ISO", help="Rehearse at another time.")] = "",
    as_json: AsJson = False,
) -> None:
    """Delete what is due, with the reason for each thing."""
    from tavs import keep

    home, clock = Home.current(), RealClock()
    refuse_unfinished(home)
    pretended = moment(now) if now else None
    if dry_run:
        items, held = keep.rehearse(home, pretended or clock.now())
        _told([item.document() for item in items], held, as_json, "would go")
        return
    if pretended and not home.is_test:
        raise UsageError("only a test home sweeps at another time", "add --dry-run to rehearse")
    kept = keep.run(home, clock, pretended=pretended, progress=_progress)
    _told([item.document() for item in kept.swept.deleted], kept.swept.held, as_json, "deleted")
    if kept.is_suspended:
        print("tavs: error: the clock has jumped, nothing was deleted", file=sys.stderr)
        print("tavs: hint: set the clock right, then `tavs clock confirm`", file=sys.stderr)
        raise typer.Exit(1)
    if kept.swept.stuck:
        print(
            f"tavs: error: {kept.swept.stuck} artifacts are due and were not destroyed: the disk refused",
            file=sys.stderr,
        )
        print("tavs: hint: check owner and mode of keys and recordings; every sweep tries again", file=sys.stderr)
        raise typer.Exit(1)
    if not kept.swept.is_erased:
        print("tavs: error: a reader keeps old pages of the database: not erased yet", file=sys.stderr)
        print("tavs: hint: the next sweep tries again; end what reads the database for long", file=sys.stderr)
        raise typer.Exit(1)


@retention_app.command("show")
def show(as_json: AsJson = False) -> None:
    """The policy of retention.toml and the version in force."""
    from tavs.retention.policy import load
    from tavs.store.database import open_reader
    from tavs.store.kept import policy_in_force

    home = Home.current()
    policy = load(home.retention)
    connection = open_reader(home.database)
    try:
        known = policy_in_force(connection)
    finally:
        connection.close()
    version = known[0] if known else 0
    if as_json:
        _print(
            {
                "in_force": version,
                "policy": json.loads(policy.document()),
                "is_applied": bool(known and known[1] == policy),
            }
        )
        return
    print(f"version {version} in force")
    for rule in policy.rules:
        print(f"{rule.kind.value} for {rule.purpose.value}: {rule.period.words()} on {rule.legal_basis}")


@retention_app.command("apply")
def apply(
    confirm: Annotated[bool, typer.Option("--confirm", help="Do it, instead of saying what it would do.")] = False,
    as_json: AsJson = False,
) -> None:
    """Apply a shorter policy to what is kept already; without --confirm only say what would go."""
    from tavs.host.login import login
    from tavs.retention.applying import apply as applied
    from tavs.store.clock_mark import trusted_now
    from tavs.store.database import open_reader

    home = Home.current()
    zone = configuration.load(home).config.site.timezone
    with closing(open_reader(home.database)) as connection:
        now = trusted_now(connection, RealClock())
    change = applied(home, zone, now, login(), is_confirmed=confirm)
    if as_json:
        _print(
            {"version": change.version, "shortened": change.shortened, "due_at_once": change.due, "applied": confirm}
        )
        return
    verb = "were" if confirm else "would be"
    print(f"{change.shortened} grants {verb} shortened; {change.due} artifacts {verb} due at once")
    if not confirm:
        print("tavs: hint: `tavs retention apply --confirm` puts the policy in force and does it", file=sys.stderr)


def notice(
    lang: Annotated[Literal["da", "en"], typer.Option("--lang", help="Language of the notice.")] = "da",
) -> None:
    """What the customer is told, from what this box really does."""
    from tavs.retention import notice as text
    from tavs.retention.policy import load
    from tavs.store.database import open_reader
    from tavs.store.kept import policy_in_force, policy_since

    home = Home.current()
    config, policy = configuration.load(home).config, load(home.retention)
    version, since = 1, RealClock().now()
    if home.database.exists():
        connection = open_reader(home.database)
        try:
            known, begun = policy_in_force(connection), policy_since(connection)
        finally:
            connection.close()
        if known and begun:
            is_in_force = known[1] == policy
            version, since = begun if is_in_force else (known[0] + 1, since)
            if not is_in_force:
                print("tavs: hint: not in force yet: `tavs retention apply --confirm`", file=sys.stderr)
    features = text.Features(
        recording=config.recording.documentation,
        transcripts=config.speech.live and bool(config.consent.sip_header),
        live_speech=config.speech.live,
        agent_channel=config.speech.agent_channel,
        health_masking=config.masking.health,
        remote_advice=config.advice.engine == "openai",
    )
    print(
        text.render(
            policy,
            features,
            site_name=config.site.name,
            contact=config.notice.contact,
            lang=lang,
            version=version,
            date=since.date(),
        )
    )


@audit_app.command("verify")
def verify(as_json: AsJson = False) -> None:
    """Whether the audit chain is whole; names every row that is not."""
    from tavs.host import credentials
    from tavs.store import audit
    from tavs.store.database import open_reader

    home = Home.current()
    connection = open_reader(home.database)
    try:
        faults = audit.verify(connection, credentials.load("audit-public", home))
        head = audit.head(connection)
    finally:
        connection.close()
    if as_json:
        _print(
            {
                "rows": head.sequence if head else 0,
                "head": head.hash if head else None,
                "faults": [str(each) for each in faults],
            }
        )
    else:
        print(f"{head.sequence if head else 0} rows, head {head.hash if head else 'none'}")
        for fault in faults:
            print(fault)
    raise typer.Exit(1 if faults else 0)


@clock_app.command("confirm")
def confirm() -> None:
    """Say that the clock is right, after a jump has stopped deletions."""
    from tavs.host.login import login
    from tavs.retention import clock_guard
    from tavs.store import audit
    from tavs.store.clock_mark import write_mark
    from tavs.store.database import open_known, transaction

    home, clock = Home.current(), RealClock()
    connection = open_known(home.database)
    try:
        with transaction(connection):
            write_mark(connection, clock_guard.confirm(clock_guard.read(clock)), login())
            audit.append(connection, at=clock.now(), kind=audit.Kind.CLOCK, actor=login())
    finally:
        connection.close()
    print(f"deletions go by {clock.now().isoformat(timespec='seconds')} from here")


def moment(text: str) -> datetime:
    """A time in ISO 8601; UTC where it names no zone. Raises UsageError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError("that is no time", "write it as 2027-03-01T12:00:00+01:00") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _told(items: list[dict[str, object]], held: int, as_json: bool, verb: str) -> None:
    if as_json:
        _print({"items": items, "held": held})
        return
    for item in items:
        print(f"{item['call']} {item['kind']} {item['part']}: {item['reason']}")
    print(f"{len(items)} {verb}, {held} overdue but held", file=sys.stderr)


def _progress(done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {of}", end="\n" if done == of else "", file=sys.stderr, flush=True)


def _print(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, default=str))
