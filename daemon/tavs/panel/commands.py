"""The command line of who may open the agents' page. A password is never an argument: others can read those."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tavs.errors import UsageError
from tavs.host.clock import RealClock
from tavs.host.home import Home

if TYPE_CHECKING:
    from tavs.panel.accounts import Account

accounts_app = typer.Typer(help="Who may open the agents' page.", no_args_is_help=True)
sessions_app = typer.Typer(help="Who is signed in.", no_args_is_help=True)
accounts_app.add_typer(sessions_app, name="sessions")

Name = Annotated[str, typer.Argument(metavar="NAME")]
FromStdin = Annotated[bool, typer.Option("--stdin", help="Read the password from standard input.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@accounts_app.command("add")
def add(
    name: Name,
    extension: Annotated[list[str], typer.Option("--extension", help="An extension of the agent; may come again.")],
    language: Annotated[Literal["", "da", "en"], typer.Option("--language", help="Language of the page.")] = "",
    from_stdin: FromStdin = False,
    without_password: Annotated[
        bool, typer.Option("--no-password", help="Only a trusted reverse proxy signs this account in.")
    ] = False,
) -> None:
    """A new account; asks for its password."""
    from tavs.panel import accounts

    accounts.refuse_name(name)
    password = "" if without_password else _password(from_stdin)
    accounts.add(Home.current(), name, password, extensions=tuple(extension), language=language, now=RealClock().now())


@accounts_app.command("passwd")
def passwd(name: Name, from_stdin: FromStdin = False) -> None:
    """Another password; whoever is signed in with the old one is signed out."""
    from tavs.panel import accounts

    accounts.set_password(Home.current(), name, _password(from_stdin))


@accounts_app.command("list")
def list_accounts(as_json: AsJson = False) -> None:
    """Every account with its extensions."""
    from tavs.panel import accounts

    found = accounts.read(Home.current()).values()
    if as_json:
        print(json.dumps({"accounts": [_document(account) for account in found]}, ensure_ascii=False))
        return
    for account in found:
        print(f"{account.name}  {' '.join(account.extensions)}")


@accounts_app.command("remove")
def remove(name: Name) -> None:
    """Take an account away; whoever is signed in with it is signed out."""
    from tavs.panel import accounts

    accounts.remove(Home.current(), name)


@sessions_app.command("end")
def end_sessions(name: Name) -> None:
    """Sign an account out everywhere."""
    from tavs.panel import accounts

    accounts.end_sessions(Home.current(), name, RealClock().now())


def _document(account: Account) -> dict[str, object]:
    return {
        "name": account.name,
        "extensions": account.extensions,
        "language": account.language,
        "has_password": bool(account.password),
        "created_at": account.created_at.isoformat(),
    }


def _password(from_stdin: bool) -> str:
    """Raises UsageError where nobody can be asked."""
    if from_stdin:
        given = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        given = str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    else:
        raise UsageError("there is no terminal to ask for the password", "give it with --stdin")
    if not given:
        raise UsageError("an empty password", "--no-password makes an account that only a proxy signs in")
    return given
