"""ADDRESS and LOCATION: where somebody lives or was, down to the floor.

1. A word that ends like a street is a street, with the house number, letter and floor behind it; so is one or two unknown
   words before a lone `vej` or `gade` with a number.
2. After "jeg bor på" and the question for an address, what is no ordinary word is an address, and numbers belong to it.
3. A postcode with its town, a town of the list, and an unknown name after "i", "ved", "fra" are a location.
"""

from __future__ import annotations

import re
from functools import lru_cache

from tavs.masking.lexicon import SERVANTS, lexicon
from tavs.masking.number import UNITS
from tavs.masking.sound import muffled
from tavs.masking.span import Span, Window
from tavs.masking.spoken import ARTICLES, digits, ends_half, is_number

SUFFIXES = (
    "vej", "vejen", "gade", "gaden", "allé", "alle", "alléen", "stræde", "strædet", "vænge", "vænget", "parken", "toften",
    "tofte", "bakken", "bakke", "stien", "sti", "plads", "pladsen", "torv", "torvet", "boulevard", "svinget", "krogen",
    "gaderne", "bygade", "lunden", "marken", "haven", "parkvej", "kaj", "kajen", "brygge", "bryggen", "gården", "ager", "ageren", "skrænten",
    "vangen", "skoven", "broen", "høj", "højen", "engen", "dalen", "kæret", "løkken", "volden", "passage", "stationsvej",
)  # fmt: skip
STRONG = ("vej", "vejen", "gade", "allé", "stræde", "vænget", "toften", "boulevard", "parkvej", "vangen", "svinget")
"""Endings that are a street wherever they stand at the end of a longer unknown word."""
NO_STREETS = frozenset(
    """
    omvej undervejs motorvej motorvejen landevej landevejen cykelsti fortovet stikvej afvej udvej genvej indkørsel hovedvej
    hovedvejen hjemvej hjemvejen vildvej halvvejs arbejdsplads parkeringsplads parkeringspladsen legeplads byggeplads
    cykelstien gangsti privatvej sidevej tilkørselsvej køkkenhaven forhaven baghaven græsplænen kolonihaven børnehaven
    terrassen vejhjælp togvej flugtvej luftvej fodgængerbroen campingplads campingpladsen skadeplads markedsplads
    """.split()
)
LONE = frozenset(["vej", "vejen", "gaden", "gade", "allé", "alle", "stræde", "vænge", "torv", "plads", "park"])
FLOOR = frozenset(
    """
    sal etage th tv mf st stuen stue venstre højre midt dør kl kld kælderen tilvenstre første anden tredje fjerde femte
    højere hø jre vens sjette lejlighed opgang bolig hus til 1.sal 2.sal 3.sal
    """.split()
)
FLOOR_BEGINS = frozenset(["første", "anden", "tredje", "fjerde", "femte", "sjette", "stuen", "st", "kælderen"])
STOREYS = frozenset(["sal", "etage", "th", "tv", "mf"])
"""Of these only an address can be the beginning."""
PREFIXES = frozenset(
    """
    vilde lange brede smalle grønne hvide røde sorte gamle gammel gl lille nørre sønder søndre nordre vester vestre øster østre ny nye sankt skt sct sanct dronning
    kong kronprins prinsesse hc h.c kirke høje ruds kongens store
    """.split()
)
"""First words of names of streets and towns of two words."""
PREPOSITIONS = frozenset(["i", "ved", "fra", "til", "på", "omkring", "nær", "uden"])
NUMBER_BEFORE = frozenset(["nummer", "er", "nr", "husnummer", "i", "ja", "og", "det"])
DEEP_CUES = frozenset(
    ["bor på", "bor i", "bor nede", "adressen er", "adresse er", "vejen hedder", "adressen", "vejnavn er"]
)
HESITATING = frozenset(["øh", "øhm"])
HOUSE_LETTERS = frozenset(["be", "bé", "ce", "ef"])
"""Letters of a house as they are said."""
LIVING = frozenset(
    "bor bo boet boede flyttet flyttede flytter lejlighed lejligheden hus huset adresse adressen hedder ejer lejer bolig boligen brevet brev sendes rækkehus".split()
)
LONGEST_HOUSE = 3
SHORTEST_HEARD, SHORTEST_TOWN = 5, 4
JOINING = HESITATING | {"og", "på"}
_NUMBERED = re.compile(r"\d{1,3}[a-zæøå]?")


def find(window: Window) -> list[Span]:
    found: list[Span] = []
    index = window.first if window.first else 0
    index = max(0, index - 6)
    while index < len(window.norms):
        span = _address(window, index) or _location(window, index)
        if span:
            found.append(span)
            index = span.end
        else:
            index += 1
    return found


def is_street(window: Window, index: int) -> bool:
    norm = window.norm(index)
    if norm in NO_STREETS or norm in LONE or len(norm) < 5 or not norm.endswith(SUFFIXES):
        return False
    if norm.endswith(STRONG) and _is_house_number(window, index + 1):
        return True
    if norm.endswith(STRONG) and not window.lexicon.is_ordinary(norm):
        return True
    numbered = is_number(window.norm(index + 1)) and not window.lexicon.is_ordinary(norm)
    return numbered or (
        window.said[index].word.is_capital
        and not window.said[index].word.begins_sentence
        and not window.lexicon.is_ordinary(norm)
    )


def _is_house_number(window: Window, index: int) -> bool:
    """A number of a house: small, and counting nothing."""
    norm = window.norm(index)
    if not is_number(norm) or norm in ARTICLES or not window.same_turn(index - 1, index):
        return False
    return len(digits([norm])) <= LONGEST_HOUSE and window.norm(numbered(window, index)) not in UNITS


def _is_lived_in(window: Window, index: int) -> bool:
    """`jeg har en lejlighed i enigheden fem`: any name with a house number, where living is talked of."""
    near = window.norms[max(0, index - 6) : index]
    is_placed = window.norm(index - 1) in ("i", "på", "til", "er", "hedder", "ved") and window.same_turn(
        index - 1, index
    )
    if not is_placed or not LIVING & set(near) or window.norm(index) in SERVANTS or is_number(window.norm(index)):
        return False
    return (
        len(window.norm(index)) > 3 and not window.said[index].word.ends_clause and _is_house_number(window, index + 1)
    )


def _address(window: Window, index: int) -> Span | None:
    start, end = index, index
    if is_street(window, index):
        end = index + 1
        start -= has_prefix(window, index)
    elif window.norm(index) in LONE and index and _is_lone_street(window, index):
        start, end = index - 1, index + 1
        while start and index - start < 3 and window.same_turn(start, start - 1) and _may_name(window, start - 1):
            start -= 1
    elif _is_numbered_name(window, index) or _is_lived_in(window, index):
        end = index + 1
    elif _is_cued(window, index):
        while (
            end < len(window.norms) and end - index < 3 and window.same_turn(index, end) and _may_be_street(window, end)
        ):
            end += 1
    else:
        return _rest_of_address(window, index)
    return Span(start, numbered(window, end), "ADDRESS") if end > index else None


def has_prefix(window: Window, index: int) -> bool:
    """Whether the word before is the first of a name of two ("nørre", "kirke", "sankt")."""
    return bool(index) and window.norm(index - 1) in PREFIXES and window.same_turn(index - 1, index)


def _is_lone_street(window: Window, index: int) -> bool:
    """`vilde bæk vej treog fyrre`: a lone street word with a name before it or a number behind it."""
    if not _may_name(window, index - 1) or not window.same_turn(index, index - 1):
        return False
    return is_number(window.norm(index + 1)) or not window.lexicon.is_ordinary(window.norm(index - 1))


def _may_name(window: Window, index: int) -> bool:
    norm = window.norm(index)
    return norm not in SERVANTS and not is_number(norm) and not window.said[index].word.ends_clause


def _is_numbered_name(window: Window, index: int) -> bool:
    """`Gravene 14, st. tv.`: an unknown name with a house number and a floor."""
    number, floor = window.norm(index + 1), window.norm(index + 2)
    if window.norm(index - 1) in ("på", "til") and _unknown(window, index) and is_number(number):
        end = numbered(window, index + 1)
        return end > index + 1 and window.norm(end) not in UNITS and number not in ARTICLES
    return bool(_NUMBERED.fullmatch(number)) and floor in FLOOR and floor != "til" and _unknown(window, index)


def _rest_of_address(window: Window, index: int) -> Span | None:
    """House number or floor alone, after an address was begun or asked for."""
    expected = window.expected[index]
    if expected is None or expected.label != "ADDRESS":
        return None
    if window.norm(index) in FLOOR_BEGINS and _begins_answer(window, index):
        return Span(index, numbered(window, index), "ADDRESS")
    text = digits([window.norm(index)]) if is_number(window.norm(index)) else ""
    is_rest = window.norm(index - 1) == "og" and is_number(window.norm(index - 2))
    if not text or len(text) > 4 or window.norm(index) in ARTICLES or is_rest:
        return None
    end = numbered(window, index)
    alone = index == 0 or not window.same_turn(index, index - 1) or window.norm(index - 1) in NUMBER_BEFORE
    if not alone or window.norm(end) in UNITS or window.norm(end - 1) == "til":
        return None
    return Span(index, end, "ADDRESS") if end > index else None


def _begins_answer(window: Window, index: int) -> bool:
    """The first word after the other side's question."""
    expected = window.expected[index]
    asked = expected is not None and expected.channel is not window.said[index].channel
    return asked and (index == 0 or not window.same_turn(index, index - 1))


def numbered(window: Window, index: int) -> int:
    """Past house number, letter and floor."""
    end = index
    while end < len(window.norms) and end - index < 10:
        norm = window.norm(end).strip(".")
        is_letter = len(norm) == 1 and norm.isalpha() and norm not in ("i", "å") and end > index
        is_letter = is_letter or (norm in HOUSE_LETTERS and end > index and is_number(window.norm(end - 1)))
        is_half = norm == "halv" or ends_half(window.norm(end - 1), norm)
        is_part = is_number(norm) or is_half or _NUMBERED.fullmatch(norm) or norm in FLOOR or norm in ("nummer", "nr")
        joins = norm in (JOINING if end > index else HESITATING) and _is_house(window, end + 1)
        if not (is_part or is_letter or joins):
            break
        end += 1
    while (
        end > index and window.norm(end - 1) in ("og", "til", "på", "nummer", "hus", "anden", "i") and end - index == 1
    ):
        end -= 1
    return end


def _is_house(window: Window, index: int) -> bool:
    return is_number(window.norm(index)) or window.norm(index) in FLOOR or window.norm(index) == "halv"


def _location(window: Window, index: int) -> Span | None:
    norm = window.norm(index)
    known = window.lexicon
    if len(norm) == 4 and norm.isdigit() and 1000 <= int(norm) <= 9990 and _is_town(window, index + 1):
        return Span(index, _town_end(window, index + 1), "LOCATION")
    if is_number(norm) and not norm.isdigit():
        end = index + 1
        while end < len(window.norms) and end - index < 7 and (is_number(window.norm(end)) or window.norm(end) == "og"):
            end += 1
        text = digits(window.norms[index:end])
        if len(text) == 4 and _is_town(window, end) and text[0] != "0":
            return Span(index, _town_end(window, end), "LOCATION")
    if f"{norm} {window.norm(index + 1)}" in known.towns and _is_after(window, index):
        return Span(index, index + 2, "LOCATION")
    joined = norm + window.norm(index + 1)
    if (
        joined in known.towns
        and not known.is_ordinary(joined)
        and joined not in known.ordinary
        and _is_after(window, index)
    ):
        return Span(index, index + 2, "LOCATION")
    if _is_after(window, index) and (words := _heard_town(window, index)):
        return Span(index, index + words, "LOCATION")
    if norm in known.towns and (not known.is_ordinary(norm) or _is_placed(window, index)):
        return Span(index - has_prefix(window, index), _town_end(window, index), "LOCATION")
    if (
        _is_placed(window, index)
        and _unknown(window, index)
        and window.said[index].word.is_capital
        and not known.is_first_name(norm)
    ):
        end = numbered(window, index + 1)
        is_house = end > index + 1 and window.norm(end) not in UNITS
        return Span(index, end, "ADDRESS") if is_house else Span(index, index + 1, "LOCATION")
    expected = window.expected[index]
    asked = expected is not None and expected.label == "LOCATION" and expected.channel is not window.said[index].channel
    return Span(index, index + 1, "LOCATION") if asked and _unknown(window, index) else None


def _heard_town(window: Window, index: int) -> int:
    """How many words are a town by their sound ("esp jerg"); 0 where none are, or where they are words of every day."""
    for words in (2, 1):
        whole = "".join(window.norms[index : index + words])
        is_said = index + words <= len(window.norms) and window.same_turn(index, index + words - 1)
        if is_said and len(whole) >= SHORTEST_HEARD and muffled(whole) in _muffled_towns():
            is_plain = window.lexicon.is_ordinary(whole) or window.norm(index) in SERVANTS
            return 0 if is_plain else words
    return 0


@lru_cache(maxsize=1)
def _muffled_towns() -> frozenset[str]:
    return frozenset(muffled(town.replace(" ", "")) for town in lexicon().towns if len(town) >= SHORTEST_TOWN)


def _is_town(window: Window, index: int) -> bool:
    if index >= len(window.norms) or window.said[index - 1].word.ends_clause or not window.same_turn(index, index - 1):
        return False
    norm = window.norm(index)
    listed = norm in window.lexicon.towns or norm in window.lexicon.town_heads
    written = window.said[index].word.is_capital and not window.lexicon.is_first_name(norm)
    return listed or (written and _unknown(window, index))


def _town_end(window: Window, index: int) -> int:
    two = f"{window.norm(index)} {window.norm(index + 1)}"
    if two in window.lexicon.towns or window.norm(index + 1) in ("nv", "sv", "nø", "sø", "n", "c", "k", "v", "ø"):
        return index + 2
    return index + 1


def _is_placed(window: Window, index: int) -> bool:
    return index > 0 and window.norm(index - 1) in PREPOSITIONS and window.said[index].word.is_capital


def _is_after(window: Window, index: int) -> bool:
    return index > 0 and window.norm(index - 1) in PREPOSITIONS


def _is_cued(window: Window, index: int) -> bool:
    if index == 0 or not _may_be_street(window, index):
        return False
    two = f"{window.norm(index - 2)} {window.norm(index - 1)}"
    if window.same_turn(index, index - 1) and (two in DEEP_CUES or window.norm(index - 1) == "adressen"):
        return True
    expected = window.expected[index]
    if expected is None or expected.label != "ADDRESS" or expected.channel is window.said[index].channel:
        return False
    return not window.same_turn(index, index - 1) or window.norm(index - 1) in ("er", "på", "i", "ja")


def _may_be_street(window: Window, index: int) -> bool:
    norm = window.norm(index)
    return _unknown(window, index) or (norm.endswith(SUFFIXES) and norm not in NO_STREETS and len(norm) > 5)


def _unknown(window: Window, index: int) -> bool:
    """A word that is neither ordinary nor kept nor a number."""
    norm = window.norm(index)
    if not norm or norm in SERVANTS or is_number(norm) or window.lexicon.is_kept(norm):
        return False
    return not window.lexicon.is_ordinary(norm) and any(map(str.isalpha, norm))
