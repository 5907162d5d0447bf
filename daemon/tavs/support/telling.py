"""What may be told of lines and sentences: only what was written by us. Pure.

1. Of an entry of the journal, the fields of a message of ours that are a number, a word of an enum or a hash. A call is
   told as the first, the second one of the bundle. Of the service manager's, how a unit began and ended.
2. Of any other line, the type of an error and its place in our code; else its length.
3. Of a sentence that was put together at run time, the words that stand in our own source; for the rest, `…`.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import functools
import json
import re
import ssl
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pysqlite3.dbapi2 as sqlite3

from tavs import errors
from tavs.host.journal import Message
from tavs.host.native_journal import PREFIX

SPEAKING = ("check.py", "checks", "host", "overview.py", "status.py", "retention", "store", "catalogue.py", "backup")
"""Whose sentences are told; word lists with names are elsewhere."""
PACKAGE = Path(__file__).parents[1]
FIELDS = frozenset(
    "call count deleted duration_ms entered error exit_code followed gap_ms hash held lost needs_restart part reason"
    " sections sequence starts streams stuck unreadable words workers".split()
)
"""Of our messages."""
OF_SYSTEMD = ("MESSAGE_ID", "JOB_TYPE", "JOB_RESULT", "UNIT_RESULT", "EXIT_CODE", "EXIT_STATUS", "N_RESTARTS")
"""Fields of the service manager, which are words and numbers of its own."""
REASONS = frozenset({"bye", "cancel", "timer", "silence", "shutdown"})
"""Why a call ended (events.py, CallEnded)."""
HIDDEN = "…"
MANY_DIGITS = 4
"""Counts of a sentence are shorter; an extension is not."""
ERRORS = frozenset(
    name for module in (builtins, asyncio, errors, msgspec, sqlite3, ssl, subprocess) for name in dir(module)
)
"""Names of types that nobody but programmers gave."""
_TOKEN = re.compile(r"[^\W\d_]+|\d+|\s+|.", re.DOTALL)
_WORD = re.compile(r"[0-9a-zA-Z-]{1,40}")
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,3})?")
_HASH = re.compile(r"[0-9a-f]{64}")
_CALL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PLACE = re.compile(r'File "[^"]*/(tavs/[a-z_/]+\.py)", line (\d+)|\b([a-z_/]+\.py):(\d+)\b')
_ERROR = re.compile(r"^\s*(?:\w+\.)*([A-Z]\w{0,60}(?:Error|Exception|Exit|Interrupt|Group))\b")
_UNIT = re.compile(r"(tavs[a-z-]*)(@[\w.-]+)?\.(service|socket|timer|target)")


class Journal:
    """Entries as `journalctl --output=json` gives them, a line each."""

    def __init__(self) -> None:
        self._calls: dict[str, str] = {}
        self._messages = {message.id: message for message in Message}

    def tell(self, lines: Iterable[str]) -> Iterator[dict[str, object]]:
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                yield self._entry({name: value for name, value in entry.items() if isinstance(value, str)})

    def _entry(self, entry: Mapping[str, str]) -> dict[str, object]:
        is_systemd = entry.get("_PID") == "1"
        unit = _UNIT.fullmatch(entry.get("UNIT" if is_systemd else "_SYSTEMD_UNIT", ""))
        told: dict[str, object] = {
            "at": _moment(entry.get("__REALTIME_TIMESTAMP", "")),
            "unit": f"{unit[1]}.{unit[3]}" if unit else "",
        }
        message = self._messages.get(entry.get("MESSAGE_ID", ""))
        if message is None and is_systemd:
            return told | {name: entry[name] for name in OF_SYSTEMD if _WORD.fullmatch(entry.get(name, ""))}
        if message is None:
            return told | foreign(entry.get("MESSAGE", ""))
        named = {name.removeprefix(PREFIX).lower(): value for name, value in entry.items() if name.startswith(PREFIX)}
        fields = {name: self._value(name, named[name]) for name in sorted(FIELDS & named.keys())}
        return told | {"message": message.text} | fields

    def _value(self, name: str, value: str) -> str:
        if _CALL.fullmatch(value):
            return self._calls.setdefault(value, f"call-{len(self._calls) + 1}")
        if name == "error":
            return str(foreign(value)["line"])
        if name == "reason":
            return value if value in REASONS else HIDDEN
        return value if _NUMBER.fullmatch(value) or _HASH.fullmatch(value) else HIDDEN


def foreign(line: str) -> dict[str, object]:
    """By rule 2.

    >>> foreign('  File "/usr/lib/tavs/1/lib/tavs/tape.py", line 7, in write')["line"]
    'tavs/tape.py:7'
    >>> foreign("ValueError: invalid literal for int() with base 10: '0711801260'")["line"]
    'ValueError'
    >>> foreign("anything else")["line"]
    '13 characters'
    """
    error, place = _ERROR.match(line), _PLACE.search(line)
    found = [error[1]] if error and error[1] in ERRORS else []
    if place and ((PACKAGE.parent if place[1] else PACKAGE) / (place[1] or place[3])).is_file():
        found.append(f"{place[1] or place[3]}:{place[2] or place[4]}")
    return {"line": " at ".join(found) or f"{len(line)} characters"}


def sentence(text: str) -> str:
    """By rule 3.

    >>> sentence("hold 1 was to be reviewed by 2020-01-01 (Rigmor Vestergaard)")
    'hold 1 was to be reviewed by …-01-01 (… …)'
    """
    return "".join(_token(token) for token in _TOKEN.findall(text))


@functools.cache
def words() -> frozenset[str]:
    """Every word of every text in the source of those that speak."""
    found: set[str] = set()
    for name in SPEAKING:
        place = PACKAGE / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.update(re.findall(r"[^\W\d_]+", node.value))
    return frozenset(found)


def _token(token: str) -> str:
    if token.isdigit():
        return token if len(token) < MANY_DIGITS else HIDDEN
    return token if not token.isalpha() or token in words() else HIDDEN


def _moment(microseconds: str) -> str:
    if not _NUMBER.fullmatch(microseconds) and not microseconds.isdigit():
        return ""
    return datetime.fromtimestamp(int(microseconds) / 1_000_000, UTC).isoformat(timespec="milliseconds")
