"""What a site has decided of masking: classes it does without, words to mask always, and words to mask never.

A word to mask never is a word of the trade: one that is a name, a town or a number is refused, since what it lets through
for a product it lets through for a person.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tavs.config import Masking
from tavs.errors import ConfigError
from tavs.masking.lexicon import lexicon
from tavs.masking.span import Span, Window
from tavs.masking.spoken import is_number
from tavs.masking.words import words

SHORTEST_NEVER = 3


@dataclass(frozen=True, slots=True)
class Rules:
    without: frozenset[str] = frozenset()
    """Labels that the site does not mask."""
    always: dict[tuple[str, ...], str] = field(default_factory=dict)
    """Folded words in a row, and their label."""
    never: frozenset[str] = frozenset()


def of(section: Masking) -> Rules:
    """The rules of a site's configuration. Raises ConfigError for an entry that would let a name or a number through."""
    switches = {"HEALTH": section.health, "ORG": section.organisations}
    always: dict[tuple[str, ...], str] = {
        _norms(entry): label for label, entries in section.always.items() for entry in entries
    }
    if () in always:
        raise ConfigError("masking.always: an entry has no word", "remove it")
    return Rules(
        without=frozenset(label for label, is_on in switches.items() if not is_on),
        always=always,
        never=frozenset(_never(entry) for entry in section.never),
    )


def find(window: Window, rules: Rules) -> list[Span]:
    """The words that the site always masks."""
    return [
        Span(start, start + len(entry), label)
        for entry, label in rules.always.items()
        for start in range(len(window.norms) - len(entry) + 1)
        if tuple(window.norms[start : start + len(entry)]) == entry
    ]


def _never(entry: str) -> str:
    norms, known = _norms(entry), lexicon()
    if len(norms) != 1 or len(norms[0]) < SHORTEST_NEVER:
        raise ConfigError(f"masking.never: {entry!r} is not one word of three letters or more", "list words one by one")
    norm = norms[0]
    if any(map(str.isdigit, norm)) or is_number(norm):
        raise ConfigError(f"masking.never: {entry!r} is a number", "numbers are masked whenever they may be personal")
    if known.is_first_name(norm) or known.is_last_name(norm) or norm in known.towns:
        raise ConfigError(f"masking.never: {entry!r} is a name", "it would let through the people who bear it")
    return norm


def _norms(entry: str) -> tuple[str, ...]:
    return tuple(word.norm for word in words(entry))
