"""Whether a caller speaks the site's language, judged by what speech-to-text makes of them.

A model that is told to hear Danish writes something for any language: words of the other one, or sounds. Half of what
Danes say is function words, whatever they talk about and however badly they are heard; of English a twentieth looks so.
Swedish and Norwegian pass: they are understood.
"""

from __future__ import annotations

from collections import deque

from tavs.masking.lexicon import SERVANTS
from tavs.masking.spoken import is_number
from tavs.masking.words import words

JUDGED_WORDS = 20
"""Fewer say nothing; numbers and spelled letters say nothing either."""
LEAST_SHARE, ENOUGH_SHARE = 0.22, 0.30
"""Below the first the language is another one; at the second it is the site's again. Of 772 stretches of Danish calls
(`tests/masking`) none is below, but for those of one caller who speaks English."""


class CallerLanguage:
    """One voice of one call."""

    def __init__(self) -> None:
        self._recent: deque[tuple[int, int]] = deque()
        self._is_known = True
        self._judged = JUDGED_WORDS

    def is_known(self, text: str) -> bool:
        """Hear one more utterance; says whether it may be taken for the site's language."""
        spoken = [word.norm for word in words(text) if len(word.norm) > 1 and word.norm.isalpha()]
        spoken = [norm for norm in spoken if not is_number(norm)]
        self._recent.append((len(spoken), sum(norm in SERVANTS for norm in spoken)))
        while sum(count for count, _ in self._recent) - self._recent[0][0] >= self._judged:
            self._recent.popleft()
        count = sum(count for count, _ in self._recent)
        if count >= self._judged:
            share = sum(servants for _, servants in self._recent) / count
            self._is_known = share >= (LEAST_SHARE if self._is_known else ENOUGH_SHARE)
            if share >= ENOUGH_SHARE:
                self._judged = 2 * JUDGED_WORDS  # who has spoken Danish may list what was stolen
        return self._is_known
