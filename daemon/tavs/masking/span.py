"""What a detector finds, and what it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tavs.masking.cues import Expectation
from tavs.masking.lexicon import Lexicon
from tavs.masking.words import Said


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Words `start` to `end` (exclusive) of a window are a personal detail."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Window:
    """Words under decision, with those before them that have been decided already."""

    said: Sequence[Said]
    norms: Sequence[str]
    first: int
    """Index of the first word that is still to be decided."""
    expected: Sequence[Expectation | None]
    """What is being talked about at each word."""
    lexicon: Lexicon
    is_forced: bool
    """Nothing that comes later may be waited for: what is unfinished is masked."""

    def norm(self, index: int) -> str:
        """The word there; nothing before the first and behind the last."""
        try:
            return self.norms[index] if index >= 0 else ""
        except IndexError:
            return ""

    def same_turn(self, index: int, other: int) -> bool:
        return self.said[index].channel is self.said[other].channel
