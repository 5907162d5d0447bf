"""`tavs keys`: make, show, rotate. Rotation wants the programs stopped, and is refused while they run."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Annotated

import typer

from tavs.errors import UsageError
from tavs.host import certificate, credentials
from tavs.host.clock import RealClock
from tavs.host.home import Home
from tavs.host.login import login
from tavs.recording.rotation import (
    Key,
    Rewrap,
    Rotated,
    retire_index,
    rotate_desk,
    rotate_index,
    rotate_site,
    unfinished,
)
from tavs.retention.commands import AsJson
from tavs.retention.sweep import alone
from tavs.store import audit
from tavs.store.database import Connection, blamed, open_known, transaction

keys_app = typer.Typer(help="The keys of the box.", no_args_is_help=True)


@keys_app.command("init")
def init() -> None:
    """Make the keys that are missing, the page's certificate with them; those that are there stay."""
    home = Home.current()
    credentials.create(home)
    if certificate.create(home, RealClock().now()):
        credentials.store(home).offer()
    _show(home, as_json=False)


@keys_app.command("status")
def status(as_json: AsJson = False) -> None:
    """Every key with its fingerprint."""
    _show(Home.current(), as_json=as_json)


@keys_app.command("rotate")
def rotate(which: Annotated[Key, typer.Argument()] = Key.SITE) -> None:
    """Make a new key, wrap everything that lives anew, destroy the old one. Run it with the programs stopped."""
    home, now = Home.current(), RealClock().now()
    with blamed(home.database), closing(open_known(home.database)) as connection, alone(home):
        done = _rotated(connection, home, which)
        with transaction(connection):
            audit.append(
                connection,
                at=now,
                kind=audit.Kind.KEY,
                actor=login(),
                key=which,
                count=done.count,
                sha256=audit.Sha256(done.sha256),
            )
    print(f"{which.value}: {done.count} keys wrapped anew")


def _rotated(connection: Connection, home: Home, which: Key) -> Rotated:
    if which is Key.SITE:
        return rotate_site(home, lambda rewrap: _reasons(connection, rewrap))
    if which is Key.DESK:
        return rotate_desk(home)
    if connection.execute("select 1 from holds where released_at is null and party_ref is not null").fetchone():
        raise UsageError(
            "holds over a number stand, and a new index key would not know it", "release them, or place them over calls"
        )
    rows = connection.execute(
        "select distinct substr(party_ref, 1, instr(party_ref, ':') - 1) from calls where party_ref is not null"
    )
    retire_index(home, {str(row[0]) for row in rows})
    return rotate_index(home)


def _reasons(connection: Connection, rewrap: Rewrap) -> None:
    """The sealed reasons of holds, which the site key opens too."""
    with transaction(connection):
        for number, sealed in connection.execute("select id, reason_sealed from holds").fetchall():
            connection.execute("update holds set reason_sealed = ? where id = ?", (rewrap(sealed), number))


def _show(home: Home, *, as_json: bool) -> None:
    found = credentials.status(home)
    waiting = [key.value for key in unfinished(home)]
    if as_json:
        keys = [{"name": each.name, "fingerprint": each.fingerprint} for each in found]
        print(json.dumps({"keys": keys, "unfinished": waiting}))
        return
    for each in found:
        print(f"{each.name:24} {each.fingerprint or 'missing'}")
    for key in waiting:
        print(f"the rotation of {key} was interrupted: run it again")
