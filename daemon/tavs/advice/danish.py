"""Danish words as search terms: stems, parts of compounds, and what customers mean by them."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Iterable
from functools import lru_cache

import snowballstemmer

_PLACEHOLDER = re.compile(r"<[A-Z_]+_\d+>")
_WORD = re.compile(r"[a-zæøåéü0-9]+")
SHORTEST_PART = 3
STOP = frozenset(
    """
    af alle alt altså at bare begge blev blive bliver da de dem den denne der deres det dette dig din dine dit dog du efter
    eller en end er et fik for fordi fra fået få får før gang gerne gjort gå går gør gøre ham han hans har havde have hej hen
    hende hendes her hos hun hvad hvem hver hvilken hvis hvor hvordan hvornår hvorfor i igen ikke ikk ind ingen ja jeg jer
    jeres jo jamen kan kom komme kommer kun kunne lidt lige ligger lå man mange med meget men mig min mine mit mon må måske
    måtte ned nej noget nogen nogle nok nu når nå og også okay om op os over på rigtig sagde se selv sig sin sine sit siden
    siger sin skal skulle som stod står stå sæt så sådan tak taler tage taget tager til tilbage tror under ud uden undskyld
    var ved vel vi vil ville vores være været øh øhm goddag farvel hedder fint god godt helt præcis synes ved vide nemlig dag dage
    egentlig ting hjem hjemme ude inde går sidste næste første mere mest bedre både tidligere samme selvfølgelig velkommen
    forsikring forsikringen betingelser dækket dækker gælder spørge spørgsmål høre hører vide hjælpe hjælp ringer ringe
    """.split()
)
_stemmer = snowballstemmer.stemmer("danish")


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    return str(_stemmer.stemWord(word))


def words(text: str) -> list[str]:
    """Lower-case words without placeholders, digits and stop words."""
    plain = _PLACEHOLDER.sub(" ", text).lower()
    return [word for word in _WORD.findall(plain) if word not in STOP and not word.isdigit() and len(word) > 1]


class Vocabulary:
    """The stems of a collection of terms, by which compounds are cut."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._stems = frozenset(stem(word) for text in texts for word in words(text))

    def terms(self, text: str, *, with_synonyms: bool) -> list[str]:
        """Stems of a text and of the parts of its compounds; for a query also what the words stand for."""
        found: list[str] = []
        for word in words(text):
            found += self._forms(word)
            for meant in synonyms().get(stem(word), ()) if with_synonyms else ():
                found += self._forms(meant)
        return found

    @lru_cache(maxsize=65536)  # noqa: B019 - one vocabulary a process
    def _forms(self, word: str) -> tuple[str, ...]:
        whole = stem(word)
        return (whole, *(part for part in self._parts(word) if part != whole))

    def _parts(self, word: str) -> tuple[str, ...]:
        for cut in range(len(word) - SHORTEST_PART, SHORTEST_PART - 1, -1):
            head, tail = word[:cut], stem(word[cut:])
            if tail not in self._stems:
                continue
            for joint in ("", "s", "e"):
                bare = head.removesuffix(joint) if joint and head.endswith(joint) else head
                if len(bare) >= SHORTEST_PART and stem(bare) in self._stems:
                    return stem(bare), tail
        return ()


@lru_cache(maxsize=1)
def synonyms() -> dict[str, tuple[str, ...]]:
    """Stem of a customer's word → words of the terms."""
    found: dict[str, tuple[str, ...]] = {}
    text = importlib.resources.files("tavs.advice").joinpath("synonyms.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        said, colon, meant = line.partition(":")
        if colon and not line.startswith("#"):
            for word in said.split():
                found[stem(word)] = (*found.get(stem(word), ()), *meant.split())
    return found
