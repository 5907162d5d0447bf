"""What may be asked of the running listener: a line of JSON in, a line of JSON out.

1. The verbs are a closed list. A request is `{"verb": "status"}`; what else it holds is refused.
2. An answer is `{"state": …}` or `{"error": SENTENCE}`. It holds numbers: no call can be told from another by it.
3. Who may ask is settled by who reaches the socket (host/control_socket.py).
"""

from __future__ import annotations

import enum

import msgspec

from tavs.errors import PeerError

REQUEST_LIMIT_BYTES = 4096
ANSWER_LIMIT_BYTES = 64 * 1024


class Verb(enum.Enum):
    STATUS = "status"


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How the listener is. A field that is new has a default: an older listener does not send it."""

    calls: int = 0
    oldest_call_s: float = 0.0
    """How long the oldest of them has lasted."""
    is_recording: bool = False
    """Whether calls are to be recorded, as the configuration says."""
    recordings_failing: int = 0
    """Calls under way whose recording has failed."""
    recordings_failed: int = 0
    """Since its start, those under way included."""
    is_text_live: bool = False
    """Whether speech is to be turned into text."""
    is_masking_usable: bool = False
    lag_s: float = 0.0
    """How long the phrase last begun had waited for a speech worker."""
    speech_workers: int = 0
    speech_dropped: int = 0
    speech_workers_lost: int = 0
    relay_waiting: int = 0
    """Events that the desk has not taken yet."""
    relay_lost: int = 0
    packets_foreign: int = 0
    kernel_drops: int = 0
    ports_used: int = 0
    """Pairs of UDP ports, one a stream."""
    peers_refused: int = 0
    uptime_s: float = 0.0
    configured_s: float = 0.0
    """How long ago the configuration in force was read."""
    version: str = ""


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    verb: Verb


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    state: State | None = None
    error: str = ""


_requests = msgspec.json.Decoder(Request)
_answers = msgspec.json.Decoder(Answer)


def parse_request(line: bytes) -> Verb:
    """Raises PeerError, without a word of what was sent."""
    try:
        return _requests.decode(line).verb
    except msgspec.DecodeError:
        raise PeerError("the request is none of those the listener knows", 'write it as {"verb": "status"}') from None


def parse_answer(line: bytes) -> Answer:
    """Raises PeerError."""
    try:
        return _answers.decode(line)
    except msgspec.DecodeError:
        raise PeerError(
            "the listener's answer is not of the agreed form", "restart what is of another version"
        ) from None


def serialize(message: Request | Answer) -> bytes:
    return msgspec.json.encode(message) + b"\n"
