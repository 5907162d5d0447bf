"""`tavs backup`, `tavs restore`, `tavs receipts`: for those who run the box."""

from __future__ import annotations

import json
import re
import sys
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tavs.errors import StoreError, UsageError
from tavs.host.clock import RealClock
from tavs.host.home import Home
from tavs.host.login import login
from tavs.retention.commands import AsJson

ACTOR = re.compile(r"[a-z][a-z0-9_.-]{0,31}\Z")
PUBLIC_MODE, PRIVATE_MODE = 0o644, 0o600


class _OrFolder(TyperGroup):
    """`tavs backup DIR` beside `tavs backup verify DIR`: what is no command is given to the first one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["to" if "to" in self.commands else "from", *args]
        return super().parse_args(ctx, args)


backup_app = typer.Typer(help="Copies of the box, sealed.", no_args_is_help=True, cls=_OrFolder)
restore_app = typer.Typer(help="A box out of its backup.", no_args_is_help=True, cls=_OrFolder)
receipts_app = typer.Typer(help="What was decided since a backup.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder on a mounted disk or a network file system.")]


@backup_app.command("to")
def backup_to(
    folder: Folder,
    *,
    recipient: Annotated[Path | None, typer.Option("--recipient", help="Who can open it (backup.pub).")] = None,
    keys_only: Annotated[bool, typer.Option("--keys-only", help="The key backup alone.")] = False,
    content_only: Annotated[bool, typer.Option("--content-only", help="All but the key backup.")] = False,
    receipts_only: Annotated[bool, typer.Option("--receipts-only", help="What was decided; for every hour.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Destroy key backups that are needed no more.")] = False,
    anew: Annotated[bool, typer.Option("--new", help="Go on with whatever lies in DIR as a new backup.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the backup in DIR up to date; `tavs backup DIR` is short for it."""
    from tavs.backup.making import make
    from tavs.backup.recipient import parse_recipient

    if keys_only + content_only + receipts_only > 1:
        raise UsageError(
            "a backup is of keys, of content or of receipts alone", "name one of the three, or none for all"
        )
    home = Home.current()
    has_keys = not content_only and not receipts_only
    public = recipient or home.etc / "backup.pub"
    if has_keys and not public.exists():
        raise UsageError(f"there is no recipient at {public}", "`tavs backup recipient PATH` makes one, for a stick")
    made = make(
        home,
        folder,
        RealClock(),
        parse_recipient(_text(public)) if has_keys else None,
        has_content=not keys_only and not receipts_only,
        prune=prune,
        is_anew=anew,
        progress=_progress,
    )
    if as_json:
        _print(made.document())
    elif receipts_only:
        print(f"receipts up to row {made.receipts_until} of the audit log")
    else:
        print(
            f"backup {made.sequence}: {made.recordings} recordings, {made.copied} copied now, {made.gone} gone,"
            f" {made.keys} keys"
        )
    for name in made.outlived:
        _hint(f"key backup {name} is needed no more and opens what was erased since: --prune destroys it")
    for name in made.too_old:
        _hint(f"key backup {name} is older than 30 days: destroy every copy of it")
    if made.is_new_recipient:
        _hint("the key backup is for another recipient than the one before")
    if made.damaged:
        print(
            f"tavs: error: {len(made.damaged)} recordings are damaged on the box: {made.damaged[0]} …", file=sys.stderr
        )
        _hint("they were left out; a good copy that was there already stays; see to the disk")
        raise typer.Exit(1)


@backup_app.command("verify")
def backup_verify(folder: Folder, as_json: AsJson = False) -> None:
    """Read everything again: every hash, every signature, nothing missing."""
    from tavs.backup.checking import verify
    from tavs.backup.making import check_chain
    from tavs.backup.target import Target
    from tavs.host.credentials import fingerprint

    home = Home.current()
    check_chain(home, folder, Target(folder).latest())
    found = verify(folder, RealClock().now())
    if as_json:
        _print(found.document())
    else:
        print(
            f"backup {found.sequence} of box {found.box}, {found.made_at:%Y-%m-%d %H:%M}: {found.recordings} recordings"
        )
        for each in found.keys:
            print(f"keys {each.name} of {each.made_at:%Y-%m-%d %H:%M} for {fingerprint(bytes.fromhex(each.recipient))}")
        for fault in found.faults:
            print(fault)
    raise typer.Exit(1 if found.faults else 0)


@backup_app.command("recipient")
def backup_recipient(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Where the private half goes: on a stick.")],
    replace: Annotated[bool, typer.Option("--replace", help="In the place of the recipient there is.")] = False,
) -> None:
    """Make a key pair: the private half goes to PATH only, the public half to /etc/tavs/backup.pub."""
    from tavs.backup.recipient import new_identity
    from tavs.host import credentials
    from tavs.host.files import write_whole

    home = Home.current()
    public = home.etc / "backup.pub"
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path} is there already", "name a new file on the stick")
    if public.exists() and not replace:
        raise UsageError(
            f"there is a recipient already in {public}",
            "--replace makes another; keep the old stick for old key backups",
        )
    if path.absolute().parent.stat().st_dev == home.etc.stat().st_dev:
        _hint("that is the disk of the box: who takes the box takes the stick; move the file away at once")
    identity = new_identity(credentials.fingerprint(credentials.load("audit-public", home)))
    write_whole(path, identity.text().encode(), PRIVATE_MODE)
    write_whole(public, identity.recipient.text().encode(), PUBLIC_MODE)
    print(f"recipient {identity.recipient.fingerprint}")
    _hint("print the file on the stick and keep it in a safe: without it no key backup opens")


@restore_app.command("from")
def restore_from(
    folder: Folder,
    *,
    keys: Annotated[Path, typer.Option("--keys", metavar="FILE", help="The key backup.")],
    identity: Annotated[Path, typer.Option("--identity", metavar="PATH", help="The private half, on its stick.")],
    told: Annotated[
        Path | None, typer.Option("--receipts", metavar="FILE", help="From `tavs receipts export` on the old box.")
    ] = None,
    box: Annotated[str, typer.Option("--box", metavar="FINGERPRINT", help="Whose backup it is.")] = "",
    as_json: AsJson = False,
) -> None:
    """Restore the backup in DIR into an empty box; `tavs restore DIR` is short for it."""
    from tavs.backup.recipient import parse_identity
    from tavs.backup.restoring import examine, restore

    home = Home.current()
    source = examine(folder, keys, parse_identity(_text(identity)), told=told, box_is=box)
    done = restore(home, source, RealClock(), actor=login(), progress=_progress)
    if as_json:
        _print(done.document())
    else:
        print(
            f"{done.recordings} recordings restored as of {done.backup_at:%Y-%m-%d %H:%M}, {done.swept} deleted as due"
        )
    if done.missing_keys:
        _hint(f"not in the key backup, as the box had them elsewhere: {', '.join(done.missing_keys)}")
    if done.unreadable:
        _hint(f"{done.unreadable} recordings have no key: erased, or recorded after the key backup; use a newer one")
    if not done.is_complete:
        print(
            f"tavs: error: what was decided after {done.receipts_at:%Y-%m-%d %H:%M} UTC (erasures, withdrawals, holds,"
            " policies) is not known here",
            file=sys.stderr,
        )
        _hint("enter by hand what you know of, then `tavs restore accept --by LOGIN`")
        raise typer.Exit(1)


@restore_app.command("accept")
def restore_accept(by: Annotated[str, typer.Option("--by", metavar="LOGIN", help="Who answers for it.")]) -> None:
    """Say that somebody answers for what was decided after the receipts and is not known."""
    from tavs.backup.restoring import accept

    if ACTOR.fullmatch(by) is None:
        raise UsageError("that is no login", "small letters, digits, dots and dashes, up to 32")
    since = accept(Home.current(), by=by, now=RealClock().now())
    print(f"accepted: nothing is known of {since:%Y-%m-%d %H:%M} UTC and later")


@receipts_app.command("export")
def receipts_export(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    last: Annotated[
        bool, typer.Option("--last", help="The box goes out of service: nothing comes after this.")
    ] = False,
) -> None:
    """Everything decided on this box, for `tavs restore --receipts`."""
    from tavs.backup import receipts
    from tavs.backup.restoring import alone
    from tavs.backup.target import blamed
    from tavs.host import credentials
    from tavs.store.database import blamed as database_blamed
    from tavs.store.database import open_reader

    home = Home.current()
    if file.exists():
        raise UsageError(f"{file} is there already", "name a new file")
    seed = credentials.load("audit", home)
    with (
        alone(home) if last else nullcontext(),
        database_blamed(home.database),
        closing(open_reader(home.database)) as connection,
        blamed(),
    ):
        batch = receipts.append(file, connection, seed, RealClock().now(), begin=0, is_last=last)
    print(f"receipts up to row {batch.sequence} of the audit log")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(
            f"{path} cannot be read ({type(error).__name__})", "check the name; is the stick mounted?"
        ) from None


def _progress(done: int, of: int) -> None:
    if of and sys.stderr.isatty():
        print(f"\r{done} of {of}", end="\n" if done == of else "", file=sys.stderr, flush=True)


def _hint(text: str) -> None:
    print(f"tavs: hint: {text}", file=sys.stderr)


def _print(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, default=str))
