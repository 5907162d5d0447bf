"""The terms that count today, ready to be searched; taken down anew when they or the site's synonyms change, or the
day does.
"""

from __future__ import annotations

import asyncio
from datetime import date
from zoneinfo import ZoneInfo

from tavs.advice import thesaurus
from tavs.advice.embedding import Embedder, SentenceModel
from tavs.advice.library import Library, Stamp, stamp, stamp_of
from tavs.advice.ranking import Ranker
from tavs.advice.sections import Section
from tavs.advice.thesaurus import Thesaurus
from tavs.catalogue import find, folders
from tavs.errors import ModelError, StoreError
from tavs.host.clock import Clock
from tavs.host.home import Home
from tavs.host.journal import Message, say

LOOK_S = 5.0
UNREADABLE = (StoreError, OSError)

Seen = tuple[date, Stamp, Stamp]
"""The day, the terms, the synonyms."""


class Shelf:
    """Terms that cannot be read leave what was there before, nothing at the start, and are tried again."""

    def __init__(self, home: Home, zone: ZoneInfo, clock: Clock, embeddings: str = "") -> None:
        """`embeddings` names a model in the catalogue; one that cannot be used is done without."""
        self._home = home
        self._zone = zone
        self._clock = clock
        self._embedder = _embedder(embeddings, home)
        self.library, self.ranker = Library(), Ranker(())
        self._refused: Seen | None = None
        self._known: Seen | None = None
        found = self._now()
        try:
            self._take(found, *self._read(found[0]))
        except UNREADABLE:
            self._refuse(found)

    async def run(self) -> None:
        """Follow the terms for as long as it is awaited; building a ranker holds nobody up."""
        while True:
            await asyncio.sleep(LOOK_S)
            found = self._now()
            if found == self._known:
                continue
            try:
                self._take(found, *await asyncio.to_thread(self._read, found[0]))
            except UNREADABLE:
                self._refuse(found)
            else:
                say(Message.TERMS_READ, sections=len(self.ranker))

    def section(self, doc: str, number: str) -> Section | None:
        """A section that counts today."""
        found = (each for each in self.library.in_force(self._today()) if (each.doc, each.number) == (doc, number))
        return next(found, None)

    def _take(self, found: Seen, terms: Library, ranker: Ranker) -> None:
        self.library, self.ranker, self._known, self._refused = terms, ranker, found, None

    def _refuse(self, found: Seen) -> None:
        """Told once, tried again for as long as it lasts."""
        if found != self._refused:
            say(Message.TERMS_REFUSED)
        self._refused = found

    def _now(self) -> Seen:
        return self._today(), stamp(self._home), stamp_of(self._home.etc / thesaurus.FILE)

    def _today(self) -> date:
        return self._clock.now().astimezone(self._zone).date()

    def _read(self, day: date) -> tuple[Library, Ranker]:
        library = Library.read(self._home)
        return library, Ranker(library.in_force(day), thesaurus=Thesaurus.read(self._home), embedder=self._embedder)


def _embedder(name: str, home: Home) -> Embedder | None:
    if not name:
        return None
    try:
        return SentenceModel(find(name, folders(home)))
    except ModelError:
        say(Message.EMBEDDINGS_UNUSABLE)
        return None
