"""HEALTH: the condition of a person (GDPR article 9). A class of its own that a site can switch off.

1. A condition by name ("astma", "diskusprolaps"), with the word before it that says which ("kronisk", "bugspytkirtel").
2. A harm and the part of the body that has it, either way round: "brækkede hoften", "knæet er slidt", "vand i lungerne".
3. What comes after "har fået konstateret", "lider af", "indlagt med".

Product words (sundhedsforsikring, ulykkesforsikring) and the damage of things are no health.
"""

from __future__ import annotations

from functools import lru_cache

from tavs.masking.lexicon import SERVANTS, listed
from tavs.masking.sound import sounds
from tavs.masking.span import Span, Window
from tavs.masking.spoken import is_number

SHORTEST_STEM = 5
SHORTEST_WHOLE = 7
ENDINGS = ("kræft", "betændelse", "prolaps", "sygdom", "syndrom", "gigt", "allergi", "lammelse", "lidelse", "smerter", "forbrænding",
           "infektion", "depression", "skoliose", "knoglebrud", "kramper", "psykose", "fobi", "blødning", "emboli", "trombose", "eksem", "rystelse", "forstyrrelse", "forstyrrelser", "feber", "brok", "misbrug",
           "afhængighed", "plegi", "opati", "neuralgi", "stenose", "artrose", "dysplasi", "infarkt", "prolapsen", "kræften", "syndromet", "lidelsen", "sygdommen", "forgiftning")  # fmt: skip
NO_CONDITIONS = frozenset(
    [
        "stressless",
        "blindgyde",
        "blindrude",
        "blinde",
        "døve",
        "allergivenlig",
        "psykolog",
        "invaliditetsgrad",
        "invaliditet",
        "sygdom",
        "sygdomme",
    ]
)
MODIFIERS = frozenset(
    """
    kronisk kroniske forhøjet forhøjede højt lavt svær svære let lette mild mildt alvorlig alvorligt medfødt akut
    spastisk dårlig dårligt dårlige nedsat begyndende
    """.split()
)
"""Words before a condition that are part of it."""
HARMED = ("brækk", "knækk", "forstuv", "forvred", "forvrid", "revet", "sprængt", "slået", "slog", "skadet", "opereret", "amputer", "ondt",
          "smert", "hævet", "forslået", "brud", "flækket", "skåret", "klemt", "smadret", "vrikke", "beskadiget", "operation", "overrevet",
          "kvæst", "forfrys", "forbrændt", "skoldet", "forstræk", "syet", "mistet", "blinde")  # fmt: skip
BETWEEN = frozenset(
    "min mit mine din dit sin sit sine hendes hans i på den det venstre højre en et to begge af lidt meget sig og under omkring".split()
)
BECOMES = frozenset(["er", "blev", "var", "har", "jeg", "fik", "gør", "blevet", "ret", "meget", "helt"])
REACH = 4
CUES = frozenset(
    """
    lider/af lidt/af fejler/noget fået/konstateret konstateret/en diagnosen/er diagnosticeret/med udredt/for behandlet/for behandles/for
    opereret/for indlagt/med syg/af døde/af død/af ramt/af anfald/af diagnose/er sygemeldt/med sygemeldt/på undersøgt/for rask/efter lider/under
    medicin/for medicin/mod tabletter/for tabletter/mod piller/for piller/mod
    """.split()
)
"""Pairs of words behind which a condition is named."""
ANNOUNCING = frozenset(cue.partition("/")[0] for cue in CUES) | {"konstateret"}
LONGEST_NAMED = 3


def find(window: Window) -> list[Span]:
    found: list[Span] = []
    for index, norm in enumerate(window.norms):
        if is_condition(norm) and not window.lexicon.is_kept(norm):
            found.append(Span(_with_modifier(window, index), _with_place(window, index + 1), "HEALTH"))
        elif end := _split_condition(window, index):
            found.append(Span(_with_modifier(window, index), end, "HEALTH"))
        elif (
            (is_harm(norm) and (end := _body_after(window, index + 1)))
            or ((words := _body_at(window, index)) and (end := _harm_after(window, index + words)))
            or (f"{window.norm(index - 2)}/{window.norm(index - 1)}" in CUES and (end := _named(window, index)) > index)
        ):
            found.append(Span(index, end, "HEALTH"))
    return found


@lru_cache(maxsize=65536)
def is_condition(norm: str) -> bool:
    if norm in NO_CONDITIONS:
        return False
    return norm in listed("conditions.txt") or norm.startswith(_stems()) or norm.endswith(ENDINGS)


@lru_cache(maxsize=65536)
def is_harm(norm: str) -> bool:
    return norm.startswith(HARMED) or norm in listed("harms.txt") or norm in listed("hurt.txt")


def is_body(norm: str) -> bool:
    return norm in listed("body.txt")


def _split_condition(window: Window, index: int) -> int:
    """Past a condition that was heard as two or three words ("hjerne rystelse", "suk er syge"); 0 where there is none."""
    for count in (2, 3):
        pieces = window.norms[index : index + count]
        whole = "".join(pieces)
        is_one = len(pieces) == count and window.same_turn(index, index + count - 1) and len(whole) >= SHORTEST_WHOLE
        if is_one and (sounds(whole) in _sounds() or (count == 2 and is_condition(whole))):
            return index + count
    return 0


@lru_cache(maxsize=1)
def _sounds() -> frozenset[str]:
    return frozenset(sounds(condition) for condition in listed("conditions.txt") if len(condition) >= SHORTEST_WHOLE)


def _body_at(window: Window, index: int) -> int:
    """How many words name a part of the body: one, or two that are one ("krave benet"); 0 where none do."""
    norm = window.norm(index)
    if is_body(norm):
        return 1
    return 2 if norm and norm not in BETWEEN and is_body(norm + window.norm(index + 1)) else 0


@lru_cache(maxsize=1)
def _stems() -> tuple[str, ...]:
    return tuple(condition for condition in listed("conditions.txt") if len(condition) >= SHORTEST_STEM)


def _with_modifier(window: Window, index: int) -> int:
    """From the word that says which condition: `kronisk migræne`, and a compound that was heard as two words."""
    if not index or not window.same_turn(index - 1, index):
        return index
    before = window.norm(index - 1)
    is_half = (
        window.norm(index) in ENDINGS
        and len(before) >= SHORTEST_STEM
        and before not in SERVANTS
        and not is_number(before)
    )
    return index - 1 if before in MODIFIERS or is_half else index


def _with_place(window: Window, index: int) -> int:
    return _body_after(window, index) or index


def _body_after(window: Window, index: int) -> int:
    """Past a part of the body a few words on; 0 where there is none."""
    for end in range(index, min(index + REACH, len(window.norms))):
        if words := _body_at(window, end):
            return end + words
        if window.norm(end) not in BETWEEN:
            return 0
    return 0


def _harm_after(window: Window, index: int) -> int:
    for end in range(index, min(index + REACH, len(window.norms))):
        norm = window.norm(end)
        if is_harm(norm):
            return end + 1
        if norm not in BETWEEN and norm not in BECOMES:
            return 0
    return 0


def _named(window: Window, index: int) -> int:
    """Past the words that name a condition after a cue: up to a function word, a number or the end of the clause."""
    end = index
    while end < len(window.norms) and end - index < LONGEST_NAMED and window.same_turn(index, end):
        norm = window.norm(end)
        if norm in SERVANTS or is_number(norm) or window.lexicon.is_kept(norm):
            break
        end += 1
        if window.said[end - 1].word.ends_clause:
            break
    return end
