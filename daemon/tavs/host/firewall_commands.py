"""`tavs firewall`: who may send where, as the configuration says it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tavs.host import firewall, reach
from tavs.host.home import Home

firewall_app = typer.Typer(help="Who may send where.", no_args_is_help=True)


@firewall_app.command("show")
def show() -> None:
    """The rules that the configuration asks for, for nft(8)."""
    print(reach.nftables(firewall.wanted(Home.current())), end="")


@firewall_app.command("apply")
def apply() -> None:
    """Load the rules that the configuration asks for."""
    firewall.apply(Home.current())


@firewall_app.command("units", hidden=True)
def units(folder: Annotated[Path, typer.Argument()]) -> None:
    """Drop-ins that say the same to systemd, into a folder."""
    firewall.write_drop_ins(Home.current(), folder)
