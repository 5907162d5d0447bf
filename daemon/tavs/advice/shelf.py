"""The terms that count today, ready to be searched; taken down anew when they change, or the day does."""

from __future__ import annotations

import asyncio
from datetime import date
from zoneinfo import ZoneInfo

from tavs.advice.embedding import Embedder, SentenceModel
from tavs.advice.library import Library, stamp
from tavs.advice.ranking import Ranker
from tavs.advice.sections import Section
from tavs.advice.thesaurus import Thesaurus
from tavs.catalogue import find, folders
from tavs.errors import ModelError, StoreError
from tavs.host.clock import Clock
from tavs.host.home import Home
from tavs.host.journal import Message, say

LOOK_S = 5.0


class Shelf:
    """Raises StoreError at the start where the terms cannot be read; later ones that cannot be leave the old."""

    def __init__(self, home: Home, zone: ZoneInfo, clock: Clock, embeddings: str = "") -> None:
        """`embeddings` names a model in the catalogue; one that cannot be used is done without."""
        self._home = home
        self._zone = zone
        self._clock = clock
        self._embedder = _embedder(embeddings, home)
        self._known = self._now()
        try:
            self.library, self.ranker = self._read(self._known[0])
        except StoreError:
            say(Message.TERMS_REFUSED)
            self.library, self.ranker = Library(), Ranker(())

    async def run(self) -> None:
        """Follow the terms for as long as it is awaited; building a ranker holds nobody up."""
        while True:
            await asyncio.sleep(LOOK_S)
            found = self._now()
            if found == self._known:
                continue
            self._known = found
            try:
                self.library, self.ranker = await asyncio.to_thread(self._read, found[0])
            except StoreError:
                say(Message.TERMS_REFUSED)
            else:
                say(Message.TERMS_READ, sections=len(self.ranker))

    def section(self, doc: str, number: str) -> Section | None:
        """A section that counts today."""
        found = (each for each in self.library.in_force(self._known[0]) if (each.doc, each.number) == (doc, number))
        return next(found, None)

    def _now(self) -> tuple[date, object]:
        return self._clock.now().astimezone(self._zone).date(), stamp(self._home)

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
