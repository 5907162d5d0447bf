"""What the programs say about themselves: kinds of messages with numbers, enums and ids, never free text.

1. A message is a `Message` and fields; a field is a number, an enum member, a call id or a hash. There is no way to
   hand over what somebody said.
2. An exception is reported by its type and the place in our code, never by its text or its locals: the standard
   library writes values into its messages.
3. Where stderr is the journal, an entry goes there with its fields (native_journal.py); else it is a line on stderr
   with the priority prefix of sd-daemon(3).
4. Every message has an entry in packaging/tavs.catalog, found by its id: cause, effect, remedy.
"""

from __future__ import annotations

import asyncio
import enum
import re
import sys
import threading
import traceback
import uuid
from collections.abc import Mapping
from types import TracebackType
from typing import NewType, TextIO

from tavs.events import CallId
from tavs.host import native_journal

Digest = NewType("Digest", str)
"""SHA-256 in hexadecimal, of what nobody said: the head of the audit log."""

Field = int | float | enum.Enum | CallId | Digest
_CALL_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_IDS = uuid.UUID("5b1f6a0e-7c0d-4d1c-9a3e-2f4c8e6b7d15")
"""The name space of the message ids (RFC 9562 section 5.5)."""


class Message(enum.Enum):
    """Every message there is, with its syslog priority (RFC 5424 section 6.2.1)."""

    READY = ("ready", 6)
    CALL_STARTED = ("call-started", 6)
    CALL_RESUMED = ("call-resumed", 5)
    CALL_DROPPED = ("call-dropped", 4)
    CALL_ENDED = ("call-ended", 6)
    RECORDING_FAILED = ("recording-failed", 2)
    RECORDING_RECOVERED = ("recording-recovered", 4)
    NO_AUDIO = ("no-audio", 4)
    PEERS_REFUSED = ("peers-refused", 5)
    PEERS_FLOODING = ("peers-flooding", 4)
    PACKETS_FOREIGN = ("packets-foreign", 4)
    PACKETS_DROPPED = ("packets-dropped", 3)
    SPEECH_WORKER_LOST = ("speech-worker-lost", 4)
    SPEECH_UNUSABLE = ("speech-unusable", 2)
    SPEECH_BEHIND = ("speech-behind", 4)
    WITHHELD = ("withheld", 4)
    MASKING_UNUSABLE = ("masking-unusable", 2)
    RELOADED = ("reloaded", 5)
    RELOAD_REFUSED = ("reload-refused", 3)
    RELAY_LOST = ("relay-lost", 4)
    DATABASE_BUSY = ("database-busy", 3)
    RELAY_REFUSED = ("relay-refused", 4)
    RECONCILED = ("reconciled", 6)
    SWEPT = ("swept", 6)
    CLOCK_JUMPED = ("clock-jumped", 2)
    CLOCK_BEHIND = ("clock-behind", 3)
    NOT_ERASED_YET = ("not-erased-yet", 4)
    AUDIT_HEAD = ("audit-head", 5)
    ADVICE_UNUSABLE = ("advice-unusable", 3)
    ADVICE_UNREACHABLE = ("advice-unreachable", 4)
    ADVICE_REFUSED = ("advice-refused", 5)
    PANEL_UNUSABLE = ("panel-unusable", 3)
    CERTIFICATE_REFUSED = ("certificate-refused", 4)
    ACCOUNTS_REFUSED = ("accounts-refused", 4)
    TERMS_READ = ("terms-read", 6)
    TERMS_REFUSED = ("terms-refused", 3)
    CONTROL_UNUSABLE = ("control-unusable", 3)
    METRICS_UNUSABLE = ("metrics-unusable", 4)
    EMBEDDINGS_UNUSABLE = ("embeddings-unusable", 4)
    PROGRAM_LOST = ("program-lost", 3)
    FAILED = ("failed", 3)

    def __init__(self, text: str, priority: int) -> None:
        self.text = text
        self.priority = priority

    @property
    def id(self) -> str:
        """MESSAGE_ID of systemd.journal-fields(7): 32 hexadecimal digits, the same in every version."""
        return uuid.uuid5(_IDS, self.text).hex


def say(message: Message, stream: TextIO | None = None, **fields: Field) -> None:
    """Write one entry. Raises TypeError for a field that could carry heard text."""
    _write(message, {name: _value(name, value) for name, value in fields.items()}, stream)


def failure(error: BaseException) -> str:
    """Type and innermost place of an error, without its text."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/tavs/" in frame.filename] or frames
    if not ours:
        return type(error).__name__
    place = ours[-1]
    return f"{type(error).__name__} at {place.filename.rpartition('/tavs/')[2]}:{place.lineno}"


def silence_tracebacks() -> None:
    """From here on an uncaught error prints its type and place only, wherever it is raised."""

    def on_error(kind: type[BaseException], error: BaseException, place: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        report(error.with_traceback(place))

    def on_thread_error(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            report(args.exc_value)

    sys.excepthook = on_error
    threading.excepthook = on_thread_error


def silence_loop(loop: asyncio.AbstractEventLoop) -> None:
    """The same for tasks and callbacks of an event loop."""

    def on_loop_error(_: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException):
            report(error)
        else:
            say(Message.FAILED)

    loop.set_exception_handler(on_loop_error)


def report(error: BaseException) -> None:
    """Write an error as its type and place."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            report(inner)
        return
    _write(Message.FAILED, {"error": failure(error)})


def _write(message: Message, fields: Mapping[str, str], stream: TextIO | None = None) -> None:
    if stream is None and native_journal.is_stderr():
        native_journal.send(message.text, message.id, message.priority, fields)
        return
    parts = [message.text, *(f"{name}={value}" for name, value in fields.items())]
    print(f"<{message.priority}>{' '.join(parts)}", file=stream or sys.stderr, flush=True)


def _value(name: str, value: object) -> str:
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, bool | int):
        return str(int(value))
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, str) and (_CALL_ID.fullmatch(value) or _DIGEST.fullmatch(value)):
        return value
    raise TypeError(f"field {name} is neither a number, an enum, a call id nor a hash")
