"""Numbers as they are said: Danish number words from 0 to 999,999 in all the ways of the telephone, and back to words.

>>> digits(["toogtyve", "femoghalvtreds"])
'2255'
>>> digits(["tre", "og", "fyrre"])
'43'
>>> digits(["nul", "syv", "elve", "dobbelt", "fem"])
'071155'
>>> digits(["to", "nuller"])
'00'
>>> digits(["nitten", "hundrede", "og", "syvogtredive"])
'1937'
>>> digits(["seks", "tusind", "to", "hundrede", "og", "elleve"])
'6211'
>>> digits(["halv", "treds", "treog", "fyrre"])
'5043'
>>> digits(["tjuefem", "twenty", "two", "fyrtiosju"])
'252247'
>>> digits(["totusind", "og", "enogtyve"]), digits(["trehundrede", "fem"])
('2021', '3005')
>>> digits(["to", "og", "førre", "syw", "og", "halv", "fjers"])
'4277'
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from tavs.masking import foreign
from tavs.masking.lexicon import listed
from tavs.masking.sound import sounds

UNITS = {
    "nul": 0, "nulte": 0, "en": 1, "et": 1, "én": 1, "ét": 1, "een": 1, "to": 2, "tre": 3, "fire": 4, "fir": 4, "fem": 5,
    "seks": 6, "sejs": 6, "syv": 7, "syw": 7, "otte": 8, "åtte": 8, "ni": 9, "nie": 9,
}  # fmt: skip
UNITS |= {"ener": 1, "toer": 2, "treer": 3, "firer": 4, "femmer": 5, "sekser": 6, "syver": 7, "otter": 8, "nier": 9}
TEENS = {
    "ti": 10, "elleve": 11, "elve": 11, "ellve": 11, "tolv": 12, "tretten": 13, "fjorten": 14, "femten": 15,
    "seksten": 16, "sejsten": 16, "sytten": 17, "atten": 18, "nitten": 19,
}  # fmt: skip
TENS = {
    "tyve": 20, "tredive": 30, "tredve": 30, "fyrre": 40, "fyrretyve": 40, "halvtreds": 50, "halvtres": 50,
    "halvtredsindstyve": 50, "tres": 60, "treds": 60, "tresindstyve": 60, "halvfjerds": 70, "halvfjers": 70,
    "halvfjerdsindstyve": 70, "firs": 80, "firsindstyve": 80, "halvfems": 90, "halvfemsindstyve": 90,
}  # fmt: skip
REPEATS = {"dobbelt": 2, "dobbel": 2, "trippel": 3}
PLURALS = {"nuller": "0", "ettaller": "1", "toere": "2", "treere": "3", "firere": "4", "femmere": "5", "seksere": "6",
           "syvere": "7", "ottere": "8", "niere": "9"}  # fmt: skip
ARTICLES = frozenset(["en", "et", "én", "ét", "een", "one", "fir"])
"""Number words that are ordinary words as well: numbers only beside another number."""
HESITATIONS = frozenset(
    ["øh", "øhm", "øm", "hm", "eh", "æh", "ja", "jo", "altså", "og", "så", "lige", "nå", "okay", "derefter"]
)
SEPARATORS = frozenset(["streg", "bindestreg", "skråstreg", "mellemrum", "punktum", "komma"])
CORRECTIONS = frozenset(["nej", "undskyld", "vent", "jeg", "mener", "det", "er"])
"""What stands between a slip of the tongue and the number that was meant."""
FILLERS = HESITATIONS | SEPARATORS | CORRECTIONS
"""Words that stand inside a number without ending it."""
SHORTEST_SPLIT = 5
HALVES = {"treds": "halvtreds", "tres": "halvtres", "fjerds": "halvfjerds", "fems": "halvfems", "fjers": "halvfjers"}

THOUSANDS = frozenset(["tusind", "tusinde", "tusen", "thousand"])
HUNDREDS = frozenset(["hundrede", "hundred", "hundra", "hundre"])

_SIMPLE: dict[str, int] = {**foreign.SMALL, **UNITS, **TEENS, **TENS}
_JOINED = {f"{unit}og{ten}": one + many for unit, one in UNITS.items() if one for ten, many in TENS.items()}
_JOINED |= {f"og{ten}": many for ten, many in TENS.items()}
"""`otte ogfirs`: the space is where it does not belong."""
_JOINED |= {f"{unit}{ten}": one + many for unit, one in UNITS.items() if one > 1 for ten, many in TENS.items()}
_SMALL = {**_JOINED, **_SIMPLE}
_LONG = frozenset(word for word in (*_SMALL, *HUNDREDS, *THOUSANDS) if len(word) >= 5)
_HEARD = {sounds(word): number for word, number in _SMALL.items() if len(word) > 3}
"""Number words by their sound."""
_THOUSAND = re.compile(r"tusinde?|tusen")
_HUNDRED = re.compile(r"hundrede?|hundra|hundre")
_ONLY_DIGITS = re.compile(r"[\d.,/\-–]*\d[\d.,/\-–]*")


@lru_cache(maxsize=65536)
def value(norm: str) -> int | None:
    """The number one word stands for; None for a word that is no number word.

    >>> value("femoghalvtreds"), value("trehundredeogfem"), value("nittenogfirs"), value("hus")
    (55, 305, 1980, None)
    """
    if (known := _small(norm)) is not None:
        return known
    first, joined, second = norm.partition("og")
    if joined and first in TEENS and second in TENS:
        return TEENS[first] * 100 + TENS[second]
    if not norm.isalpha() or not ("hundr" in norm or "tus" in norm):
        return None
    total = 0
    rest = norm
    for factor, name in ((1000, _THOUSAND), (100, _HUNDRED)):
        if found := name.search(rest):
            count = _SMALL.get(rest[: found.start()]) if found.start() else 1
            if count is None:
                return None
            total += factor * count
            rest = rest[found.end() :].removeprefix("og")
    if not rest:
        return total
    return total + _SMALL[rest] if rest in _SMALL else None


def _small(norm: str) -> int | None:
    """A number below a hundred in one word; also one that was misheard and is no word of every day."""
    if norm in _SMALL:
        return _SMALL[norm]
    return None if norm in listed("ordinary.txt") else _HEARD.get(sounds(norm))


ORDINALS = {
    "første": 1, "anden": 2, "tredje": 3, "fjerde": 4, "femte": 5, "sjette": 6, "syvende": 7, "ottende": 8, "niende": 9,
    "tiende": 10, "ellevte": 11, "tolvte": 12, "trettende": 13, "fjortende": 14, "femtende": 15, "sekstende": 16,
    "syttende": 17, "attende": 18, "nittende": 19, "tyvende": 20, "tredivte": 30,
}  # fmt: skip


def ordinal(norm: str) -> int | None:
    """The day that an ordinal names.

    >>> ordinal("fireogtyvende"), ordinal("tolvte"), ordinal("ende")
    (24, 12, None)
    """
    unit, joined, ten = norm.partition("og")
    if joined and unit in UNITS and ten in ("tyvende", "tredivte"):
        return UNITS[unit] + ORDINALS[ten]
    return ORDINALS.get(norm)


@lru_cache(maxsize=65536)
def is_number(norm: str) -> bool:
    """Whether a word is a number or a part of one, written or said."""
    if any(character.isdigit() for character in norm):
        return bool(_ONLY_DIGITS.fullmatch(norm)) or sum(character.isdigit() for character in norm) * 2 > len(norm)
    plain = norm in PLURALS or norm in REPEATS or norm in HUNDREDS | THOUSANDS
    return plain or is_half(norm) or value(norm) is not None


def ends_half(before: str, norm: str) -> bool:
    """`halv treds`: the second word of a number that speech-to-text has cut in two."""
    return before == "halv" and norm in HALVES


@lru_cache(maxsize=65536)
def is_split(norm: str, following: str) -> bool:
    """`tret ten`: a number word that was cut in two, and no two numbers.

    >>> is_split("tret", "ten"), is_split("fyr", "re"), is_split("hun", "drede"), is_split("fem", "ten"), is_split("om", "ti")
    (True, True, True, False, False)
    """
    return not (is_number(norm) and is_number(following)) and _whole(norm, following) is not None


def _whole(norm: str, following: str) -> int | None:
    whole = norm + following
    if len(whole) < SHORTEST_SPLIT or not norm.isalpha() or not following:
        return None
    if whole in HUNDREDS | THOUSANDS:
        return 100 if whole in HUNDREDS else 1000
    return _small(whole)


@lru_cache(maxsize=65536)
def begins_number(norm: str) -> bool:
    """Whether a word may be the first half of a number word."""
    return len(norm) >= 2 and any(word.startswith(norm) and len(word) > len(norm) + 1 for word in _LONG)


def is_half(norm: str) -> bool:
    """`treog`, the first half of a number that speech-to-text has cut in two."""
    return norm.endswith("og") and norm[:-2] in UNITS


def digits(norms: Sequence[str]) -> str:
    """The digits a run of words stands for, fillers and unknown words left out."""
    out: list[str] = []
    index = 0
    while index < len(norms):
        text, used = _read(norms, index)
        out.append(text)
        index += used
    return "".join(out)


def count(norms: Sequence[str]) -> int:
    """How many numbers a run of words holds.

    >>> count(["fire", "tusind", "to", "hundrede"]), count(["toogtyve", "femoghalvtreds"])
    (1, 2)
    """
    found = index = 0
    while index < len(norms):
        text, used = _read(norms, index)
        found += bool(text)
        index += used
    return found


def _read(norms: Sequence[str], index: int) -> tuple[str, int]:
    """The digits that begin at `index`, and how many words they took."""
    norm = norms[index]
    if any(character.isdigit() for character in norm):
        return "".join(character for character in norm if character.isdigit()), 1
    following = norms[index + 1] if index + 1 < len(norms) else ""
    if norm in REPEATS and (again := value(following)) is not None:
        return str(again) * REPEATS[norm], 2
    if following in PLURALS and (count := value(norm)) is not None and count <= 9:
        return PLURALS[following] * count, 2
    if norm == "halv" and following in HALVES:
        return str(_SMALL[HALVES[following]]), 2
    if following and is_split(norm, following):
        return str(_whole(norm, following)), 2
    number, used = _cardinal(norms, index)
    if number is None:
        day = ordinal(norm)
        return ("" if day is None else f"{day:02}", 1)
    return str(number), used


def _cardinal(norms: Sequence[str], index: int) -> tuple[int | None, int]:
    """A number below a million that begins at `index`: tens and units, hundreds, thousands."""
    total, used = _below_hundred(norms, index)
    if total is None and norms[index] in HUNDREDS | THOUSANDS:
        total, used = 1, 0
    if total is None:
        return None, 1
    if total >= 100 and total % 100 == 0:
        rest, more = _rest(norms, index + used, 1000 if total % 1000 == 0 else 100)
        return total + rest, used + more
    for names, factor in ((THOUSANDS, 1000), (HUNDREDS, 100)):
        if index + used < len(norms) and norms[index + used] in names and total < factor:
            total, used = total * factor, used + 1
            rest, more = _rest(norms, index + used, factor)
            total, used = total + rest, used + more
    return total, used


def _rest(norms: Sequence[str], index: int, below: int) -> tuple[int, int]:
    skipped = 1 if index < len(norms) and norms[index] == "og" else 0
    if index + skipped >= len(norms):
        return 0, 0
    number, used = _below_hundred(norms, index + skipped)
    if number is None:
        return 0, 0
    after = index + skipped + used
    if below > 100 and after < len(norms) and norms[after] in HUNDREDS and number < 10:
        rest, more = _rest(norms, after + 1, 100)
        return number * 100 + rest, skipped + used + 1 + more
    return (number, skipped + used) if skipped or (below == 1000 and number >= 10) else (0, 0)


def _tens(norms: Sequence[str], index: int) -> tuple[int | None, int]:
    """Tens after "tre og": in one word, heard askew, or in two ("halv fems")."""
    if index + 1 < len(norms) and ends_half(norms[index], norms[index + 1]):
        return _SMALL[HALVES[norms[index + 1]]], 2
    known = _small(norms[index])
    return (known, 1) if known is not None and known in TENS.values() else (None, 0)


def _below_hundred(norms: Sequence[str], index: int) -> tuple[int | None, int]:
    norm = norms[index]
    following = norms[index + 1] if index + 1 < len(norms) else ""
    if is_half(norm) and index + 1 < len(norms):
        tens, used = _tens(norms, index + 1)
        if tens is not None:
            return UNITS[norm[:-2]] + tens, 1 + used
    if norm in UNITS and UNITS[norm] and following == "og" and index + 2 < len(norms):
        tens, used = _tens(norms, index + 2)
        if tens is not None:
            return UNITS[norm] + tens, 2 + used
    if norm == "halv" and following in HALVES:
        return _SMALL[HALVES[following]], 2
    if norm in foreign.TENS and following in foreign.ENDS:
        return foreign.TENS[norm] + foreign.ENDS[following], 2
    return value(norm), 1
