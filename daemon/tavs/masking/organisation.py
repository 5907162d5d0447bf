"""ORG: a small firm or an employer, which names a person as surely as a name does."""

from __future__ import annotations

from tavs.masking.lexicon import SERVANTS
from tavs.masking.span import Span, Window

FORMS = frozenset(["aps", "a/s", "as", "i/s", "ivs", "p/s", "k/s", "smba", "amba"])
CUES = frozenset(
    ["arbejder hos", "ansat hos", "arbejder for", "arbejder på", "ansat på", "ansat ved", "firma hedder", "firmaet hedder",
     "virksomhed hedder", "firmaets navn", "jobber hos", "direktør i", "ejer af", "chef i", "ansat i", "arbejder i", "kører for", "sælger for", "chauffør for", "vikar hos",
     "lærling hos", "kollega hos"]
)  # fmt: skip
ANNOUNCING = frozenset(cue.partition(" ")[0] for cue in CUES) | {"hos"}
TRADES = ("tømrerfirma", "malerfirma", "vvs", "entreprise", "montage", "teknik", "tagteknik", "byg", "transport", "consult", "frisør", "bageri", "automobiler",
          "tømrer", "maler", "slagter", "klinik", "skole", "børnehave", "plejehjem")  # fmt: skip
TRADE_ENDINGS = ("service", "fodpleje", "formning", "design", "rengøring", "entreprise", "montage", "teknik", "byg", "tømrerfirma", "malerfirma",
                 "murerfirma", "vognmandsforretning", "autoværksted", "maskinværksted", "værksted", "smedje", "snedkeri", "bageri", "konditori", "slagteri",
                 "planteskole", "gartneri", "maskinstation", "savværk", "revision", "arkitekter", "advokater", "tandklinik", "dyreklinik", "fysioterapi",
                 "blomster", "cykler", "autolakering", "køkkener", "catering", "transport", "logistik", "ejendomme", "boligudlejning", "produktion", "plejecenter",
                 "vuggestue", "friskole", "efterskole", "børnehus", "fiskeri", "rederi", "kloakservice", "elektro", "glas", "tagdækning", "vinduer", "rideskole")  # fmt: skip
"""Last words of what small firms are called."""
FIRST_WORDS = frozenset(
    """
    salon brdr brødrene restaurant restauranten café cafeen cafe pizzeria hotel hotellet kroen firmaet tømrerfirmaet malerfirmaet
    murermester tømrermester malermester vognmand slagter bager fysioterapeut klinik klinikken rengøringsfirmaet
    autoværkstedet frisørsalonen
    """.split()
)
"""What a firm is, before what it is called."""
PARTNERS = frozenset(["søn", "sønner", "co", "datter", "døtre", "partnere", "brødre"])
SHORT_TRADES = frozenset(["el", "auto", "bo", "is", "vin"])
LONGEST_FIRM = 5


def find(window: Window) -> list[Span]:
    found: list[Span] = []
    for index, norm in enumerate(window.norms):
        if norm in FORMS and index and _is_name(window, index - 1):
            start = index - 1
            while start and index - start < LONGEST_FIRM and _is_name(window, start - 1):
                start -= 1
            found.append(Span(start, index + 1, "ORG"))
        elif (norm.endswith(TRADE_ENDINGS) and _is_named(window, index - 1)) or (
            norm in TRADES and _is_owner(window, index - 1)
        ):
            found.append(Span(index - 1, index + 1, "ORG"))
        elif _is_cued(window, index) and _is_name(window, index):
            start, end = index - (window.norm(index - 1) in FIRST_WORDS), index + 1
            while end < len(window.norms) and end - index < LONGEST_FIRM and _goes_on(window, end):
                end += 1
            found.append(Span(start, end, "ORG"))
    return found


def _is_named(window: Window, index: int) -> bool:
    """`hammerum plastformning`, `fjordens fodpleje`: a name or an owner before a trade, in one breath."""
    if index < 0 or not window.same_turn(index, index + 1) or window.said[index].word.ends_clause:
        return False
    return _is_name(window, index) or (
        _is_owner(window, index) and not window.lexicon.is_ordinary(window.norm(index)[:-1])
    )


def _is_owner(window: Window, index: int) -> bool:
    """`byens bageri`: a genitive before a trade, said in one breath."""
    norm = window.norm(index)
    owned = index >= 0 and norm.endswith("s") and len(norm) > 4 and norm not in SERVANTS
    return owned and window.same_turn(index, index + 1) and not window.said[index].word.ends_clause


def _is_cued(window: Window, index: int) -> bool:
    before = window.norm(index - 1)
    if before in FIRST_WORDS:
        return True
    return before == "hos" or f"{window.norm(index - 2)} {before}" in CUES or window.norm(index + 1) in TRADES


def _is_name(window: Window, index: int) -> bool:
    norm = window.norm(index)
    capital = window.said[index].word.is_capital and not window.said[index].word.begins_sentence
    return (capital or not window.lexicon.is_ordinary(norm)) and not window.lexicon.is_kept(norm) and norm.isalpha()


def _goes_on(window: Window, index: int) -> bool:
    if window.said[index - 1].word.ends_clause:
        return False
    if window.norm(index) == "og":
        following = window.norm(index + 1)
        return window.norm(index - 1) in TRADES or following in PARTNERS or following.endswith(TRADES)
    if window.norm(index) in PARTNERS and window.norm(index - 1) == "og":
        return True
    return (
        _is_name(window, index)
        or window.norm(index) in FORMS
        or window.norm(index).endswith(TRADES)
        or window.norm(index) in SHORT_TRADES
    )
