"""`tavs egress`: what left the box for the advisory model, and the proof that it was masked text and terms."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tavs.errors import UsageError
from tavs.host.home import Home

if TYPE_CHECKING:
    from tavs.advice.sections import Section
    from tavs.store.egress import Rebuild, SentSection

egress_app = typer.Typer(help="What left this box for the advisory model.", invoke_without_command=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
Call = Annotated[str, typer.Option("--call", metavar="ID", help="Of one call.")]
Since = Annotated[str, typer.Option("--since", metavar="ISO", help="From this time on.")]


@egress_app.callback()
def egress(context: typer.Context) -> None:
    """Without a command: everything that left."""
    if context.invoked_subcommand is None:
        list_()


@egress_app.command("list")
def list_(call: Call = "", since: Since = "", as_json: AsJson = False) -> None:
    """Every payload: when, of which call, to which host, of what, and its hash."""
    from tavs.store import egress as log
    from tavs.store.database import blamed, open_reader

    home, begun = Home.current(), _moment(since) if since else None
    with blamed(home.database), closing(open_reader(home.database)) as connection:
        found = list(log.rows(connection, call, begun))
    if as_json:
        _print({"egress": found})
        return
    for row in found:
        sections = ", ".join(f"{each['doc']} {each['section']}" for each in row["sections"])
        print(f"{row['id']}  {row['at']}  {row['call']}  {row['host']}  {row['model']}  {row['size_bytes']} bytes")
        print(f"    {len(row['segments'])} segments; {sections}; SHA-256 {row['sha256']}")


@egress_app.command("verify")
def verify(as_json: AsJson = False) -> None:
    """Whether the log is whole, and whether every payload was what the kept words and the terms give."""
    from tavs.advice.library import Library
    from tavs.host import credentials
    from tavs.store import egress as log
    from tavs.store.database import blamed, open_reader
    from tavs.store.text_keys import TextKeys

    home = Home.current()
    keys = TextKeys(home.text_keys, credentials.load("desk", home))
    with blamed(home.database), closing(open_reader(home.database)) as connection:
        checked, faults = log.verify(connection, keys, rebuilding(Library.read(home).sections))
    counts = Counter(each.proof for each in checked)
    if as_json:
        _print(
            {
                "rows": [{"id": each.id, "call": each.call, "proof": each.proof.value} for each in checked],
                "proofs": {proof.value: counts[proof] for proof in log.Proof},
                "faults": [str(each) for each in faults],
            }
        )
    else:
        told = ", ".join(f"{counts[proof]} {proof.value}" for proof in log.Proof)
        print(f"{len(checked)} payloads: {told}")
        for each in checked:
            if each.proof is log.Proof.DIFFERS:
                print(f"payload {each.id} of call {each.call}: {each.proof.value}")
        for fault in faults:
            print(fault)
    raise typer.Exit(1 if faults or counts[log.Proof.DIFFERS] else 0)


def rebuilding(sections: Iterable[Section]) -> Rebuild:
    """Payloads made again from the terms as they are now."""
    from tavs.advice import prompt

    known = {(each.doc, each.version, each.number): each for each in sections}

    def rebuild(model: str, said: Sequence[tuple[str, str]], sent: Sequence[SentSection]) -> frozenset[str] | None:
        found: list[Section] = []
        for doc, version, number, digest in sent:
            section = known.get((doc, version, number))
            if section is None or prompt.digest(section) != digest:
                return None
            found.append(section)
        return prompt.fingerprints(model, said, found)

    return rebuild


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError("that is no time", "write it as 2027-03-01T12:00:00+01:00") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _print(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False))
