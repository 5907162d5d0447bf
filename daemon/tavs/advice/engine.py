"""Who picks the sections for an agent: what goes into an engine, what comes out, and what every engine promises.

1. A pick points at candidates only: sections that exist, which the ranker held to be relevant.
2. A pick never raises and ends within its deadline; where another engine fails, the ranker's own order is the answer.
3. A quote is a sentence of the section as the terms have it, never words of a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from tavs.advice.ranking import Ranked
from tavs.config import Advice
from tavs.events import CallId, MaskedSegment

Place = tuple[str, str]
"""Document and number of a section."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A masked segment and the row it was written to."""

    segment: int
    event: MaskedSegment


@dataclass(frozen=True, slots=True)
class Picked:
    """Sections for the agent, best first."""

    ranked: tuple[Ranked, ...] = ()
    quotes: Mapping[Place, str] = field(default_factory=dict)
    engine: Literal["local", "openai", "fallback"] = "local"
    """`fallback` is the ranker in place of a model that failed."""


class Engine(Protocol):
    async def pick(self, call: CallId, heard: Sequence[Heard], candidates: Sequence[Ranked]) -> Picked:
        """The candidates to show, in their order."""

    def follow(self, advice: Advice) -> None:
        """The configuration was read again."""


class LocalEngine:
    """The ranker alone: what it ranked is the pick."""

    async def pick(self, call: CallId, heard: Sequence[Heard], candidates: Sequence[Ranked]) -> Picked:
        del call, heard
        return Picked(tuple(candidates))

    def follow(self, advice: Advice) -> None:
        """Nothing of it concerns the ranker."""
