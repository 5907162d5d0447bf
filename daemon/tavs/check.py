"""`tavs check`: what an operator forgets, each finding with a remedy.

Every check is a function that says nothing when all is well; a check that cannot be made is a finding too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from importlib.resources import files
from zoneinfo import ZoneInfo

import pysqlite3.dbapi2 as sqlite3

from tavs import config as configuration
from tavs.advice.library import Library, not_imported
from tavs.catalogue import find, folders, verify
from tavs.checks import machine, running, upkeep
from tavs.demo.canary import Canaries
from tavs.errors import ConfigError, TavsError, UsageError
from tavs.events import CallId, Channel
from tavs.finding import Finding, Level
from tavs.host import box, credentials
from tavs.host.clock import RealClock
from tavs.host.control_socket import ask
from tavs.host.home import Home
from tavs.masking.detect import Masker, masker
from tavs.masking.gate import Gate
from tavs.retention.orphans import find as find_orphans
from tavs.retention.policy import load
from tavs.speech.transcribe import VOICE_MODEL
from tavs.speech.utterance import Utterance
from tavs.status import read
from tavs.store import audit
from tavs.store.database import open_reader, refuse_unsafe


def findings(home: Home) -> Iterator[Finding]:
    """Raises ConfigError where there is no valid configuration, UsageError for who may not see it all."""
    if home.is_installed and os.geteuid():
        raise UsageError("a check looks at everything there is", "ask as root")
    config = configuration.load(home).config
    clock = RealClock()
    yield Finding(Level.FINE, "the configuration is valid")
    yield from box.findings(home)
    yield from machine.findings(home, config, clock)
    yield from running.findings(home, config, clock, ask(home.control_socket) or ask(home.state_socket))
    yield from _keys(home)
    yield from _models(config, home)
    yield from _database(home)
    yield from _keeping(home)
    yield from upkeep.findings(home, clock)
    yield from _terms(config, home)
    yield from _masking(config, home)
    if config.intake.siprec.allow == configuration.Siprec().allow:
        yield Finding(Level.NOTE, "only this machine may send calls", "name the PBX in [intake.siprec] allow")


def _keys(home: Home) -> Iterator[Finding]:
    for name in ("site-public", "desk", "index"):
        try:
            credentials.load(name, home)
        except ConfigError as error:
            yield Finding(Level.TROUBLE, error.message, error.hint)
            continue
        yield Finding(Level.FINE, f"the key {name} is there")


def _models(config: configuration.Config, home: Home) -> Iterator[Finding]:
    for name in (config.speech.model, VOICE_MODEL, *filter(None, [config.masking.names])):
        try:
            model = find(name, folders(home))
            verify(model)
        except TavsError as error:
            yield Finding(Level.TROUBLE, error.message, error.hint)
            continue
        yield Finding(Level.FINE, f"model {name} is the one in the catalogue")
        if not model.production:
            yield Finding(
                Level.NOTE, f"model {name} proves the path and understands no real callers", "import a real one"
            )


def _keeping(home: Home) -> Iterator[Finding]:
    """The policy, what waits to be deleted, files and rows that do not fit, the audit chain."""
    try:
        load(home.retention)
    except ConfigError as error:
        yield Finding(Level.TROUBLE, error.message, error.hint)
    if not home.database.exists():
        return
    now = RealClock().now()
    try:
        for alarm in read(home, now).alarms():
            yield Finding(Level.TROUBLE, alarm, "`tavs status` tells more")
        with closing(open_reader(home.database)) as connection:
            for orphan in find_orphans(home, connection, now):
                yield Finding(Level.TROUBLE, f"{orphan.kind.value}: {orphan.name}", "compare with a backup")
            for fault in audit.verify(connection, credentials.load("audit-public", home)):
                yield Finding(
                    Level.TROUBLE, f"audit chain: {fault}", "keep the database as it is, and ask who wrote to it"
                )
    except TavsError as error:
        yield Finding(Level.TROUBLE, error.message, error.hint)


def _database(home: Home) -> Iterator[Finding]:
    try:
        refuse_unsafe(sqlite3.sqlite_version_info)
        if home.database.exists():
            open_reader(home.database).close()
            yield Finding(Level.FINE, "the database can be read")
        else:
            yield Finding(Level.NOTE, "there is no database yet", "the desk makes it at its first start")
    except TavsError as error:
        yield Finding(Level.TROUBLE, error.message, error.hint)


def _terms(config: configuration.Config, home: Home) -> Iterator[Finding]:
    try:
        known = Library.read(home)
    except TavsError as error:
        yield Finding(Level.TROUBLE, error.message, error.hint)
        return
    if waiting := not_imported(home, known):
        yield Finding(
            Level.TROUBLE,
            f"{waiting[0].name} and {len(waiting) - 1} more lie in {home.terms} and were not imported",
            f"`tavs terms import {home.terms}`",
        )
    today = RealClock().now().astimezone(ZoneInfo(config.site.timezone)).date()
    counting = len(known.in_force(today))
    if known.is_sample:
        yield Finding(
            Level.NOTE,
            "the terms are the samples of a fictional insurer",
            "`tavs terms import PATH…` reads the site's own",
        )
    elif not counting:
        yield Finding(
            Level.TROUBLE, "no terms count today", "import the versions in force; `tavs terms list` shows when"
        )
    else:
        yield Finding(Level.FINE, f"{counting} sections of terms count today")


def _masking(config: configuration.Config, home: Home) -> Iterator[Finding]:
    try:
        yield from _canary(masker(config.masking, folders(home)))
    except TavsError as error:
        yield Finding(Level.TROUBLE, f"no text can be masked, so none travels: {error.message}", error.hint)


def _canary(detectors: Masker) -> Iterator[Finding]:
    """The identifiers of the synthetic call, said to the gate: none may come out (DESIGN 5.6)."""
    script = json.loads(files("tavs.demo").joinpath("call.json").read_text(encoding="utf-8"))
    call = CallId("canary")
    gate = Gate(call=call, masker=detectors)
    released = []
    for number, turn in enumerate(script["turns"], start=1):
        said = Utterance(
            call=call,
            channel=Channel(turn["channel"]),
            sequence=number,
            t0_ms=number * 4000,
            t1_ms=number * 4000 + 3000,
            text=turn["text"],
        )
        released += gate.feed(said)
    released += gate.flush()
    found = Canaries(script["identifiers"]).search(" ".join(part.text.text for part in released).encode())
    if found:
        yield Finding(Level.TROUBLE, f"masking lets through: {', '.join(found)}", "stop live text and report this")
    else:
        yield Finding(Level.FINE, "masking holds back every identifier of the synthetic call")
