"""Which `<LABEL_n>` it is: the same person or number has the same n within a call, and nothing across calls."""

from __future__ import annotations

from dataclasses import dataclass, field

from tavs.masking.spoken import digits, is_number

SHORTEST_PART = 4
"""Digits that are enough to know a number again from a part of it (a read-back of the last four)."""
REMEMBERED = 500
"""Entries of one label in one call; beyond it a new detail gets a new number all the same."""


@dataclass(slots=True)
class _Entry:
    digits: str = ""
    words: set[str] = field(default_factory=set)


class Numbering:
    def __init__(self, begin: int = 0) -> None:
        """Numbers up to `begin` were given before, to whom nobody knows any more."""
        self._begin = begin
        self._entries: dict[str, list[_Entry]] = {}

    def number(self, label: str, norms: list[str], *, goes_on: bool) -> int:
        """n of a stretch; `goes_on` says that it continues the last one of its label."""
        entries = self._entries.setdefault(label, [])
        said = digits([norm for norm in norms if is_number(norm)])
        words = {norm.removesuffix("'s").removesuffix("s") for norm in norms if len(norm) > 1 and not is_number(norm)}
        index = self._known(entries, label, said, words)
        if index is None and goes_on and entries:
            index = len(entries) - 1
            entries[index].digits += said
        if index is None:
            entries.append(_Entry(said))
            index = len(entries) - 1
        if len(entries) <= REMEMBERED:
            entries[index].words |= words
        return self._begin + index + 1

    @staticmethod
    def _known(entries: list[_Entry], label: str, said: str, words: set[str]) -> int | None:
        for index, entry in enumerate(entries):
            same_number = said and (said == entry.digits or (len(said) >= SHORTEST_PART and said in entry.digits))
            same_words = words and not said and words & entry.words
            if same_number or (same_words and (label in ("PERSON", "ORG") or words <= entry.words)):
                return index
        return None
