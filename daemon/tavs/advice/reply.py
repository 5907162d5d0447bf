"""What an advisory model answers: candidates by their short id, perhaps a sentence of each, and nothing else.

1. The answer is untrusted: a field, an id or a form that was not agreed refuses the whole of it.
2. No word of the model goes further. A quote only finds a sentence of the section, and that sentence is what is shown,
   whole: half of one may say the opposite.
3. A model that calls a tool has none: it has answered nothing, which is refused as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec

from tavs.advice.prompt import short_id
from tavs.advice.sections import Section
from tavs.errors import PeerError

CLAUSE_WORDS = 4
"""Fewer words than a clause has may stand anywhere."""
SENTENCE_CHARACTERS = 400
"""Longer is no quote but the section."""
CHOICES = 16

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-ZÆØÅ(»\"])")


class _Message(msgspec.Struct, frozen=True):
    content: str | None
    tool_calls: list[msgspec.Raw] | None = None


class _Completion(msgspec.Struct, frozen=True):
    message: _Message


class _Body(msgspec.Struct, frozen=True):
    """Of a chat completion the part that is read; servers put much else beside it."""

    choices: Annotated[list[_Completion], msgspec.Meta(min_length=1)]


class _Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    quote: str | None = None


class _Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sections: Annotated[list[_Named], msgspec.Meta(max_length=CHOICES)]


@dataclass(frozen=True, slots=True)
class Choice:
    place: int
    """Of the candidate among those that were given."""
    quote: str
    """A sentence of its section, or ''."""


_body = msgspec.json.Decoder(_Body)
_answer = msgspec.json.Decoder(_Answer)


def content(body: bytes) -> str:
    """What the model wrote, out of a chat completion; '' where it called a tool or refused. Raises PeerError."""
    try:
        message = _body.decode(body).choices[0].message
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise PeerError("an answer of the advisory endpoint is no chat completion") from None
    return "" if message.tool_calls else message.content or ""


def choose(written: str, candidates: Sequence[Section]) -> list[Choice]:
    """The candidates that the model names, in its order, each once. Raises PeerError.

    Servers that pay no heed to a schema put a fence or a sentence around the JSON; that is left out.
    """
    places = {short_id(place): place for place in range(len(candidates))}
    found: dict[int, str] = {}
    for named in _parse(written).sections:
        place = places.get(named.id)
        if place is None:
            raise PeerError("the advisory model named a section that it was not given")
        found.setdefault(place, quoted(named.quote or "", candidates[place].text))
    return [Choice(place, quote) for place, quote in found.items()]


def quoted(quote: str, text: str) -> str:
    """The sentence of `text` that the quote is, or is a clause of; '' where it is neither. Spaces do not count."""
    words = quote.split()
    plain = " ".join(words)
    if not words:
        return ""
    for sentence in _SENTENCE_END.split(" ".join(text.split())):
        is_whole = plain.rstrip(".!?") == sentence.rstrip(".!?")
        if is_whole or (len(words) >= CLAUSE_WORDS and _stands_in(plain, sentence)):
            return sentence if len(sentence) <= SENTENCE_CHARACTERS else ""
    return ""


def _stands_in(clause: str, sentence: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(clause)}(?!\w)", sentence) is not None


def _parse(written: str) -> _Answer:
    for text in (written, written[written.find("{") : written.rfind("}") + 1]):
        try:
            return _answer.decode(text)
        except (msgspec.DecodeError, ValueError, RecursionError):
            continue
    raise PeerError("the advisory model did not answer by the schema")
