"""Long numbers of every kind: CPR, PHONE, ACCOUNT, CARD, POLICY, CLAIM, PASSPORT, NUMBER.

1. Every run of four digits and more is masked, written or said, across fillers and self-corrections, unless its company
   proves it harmless: an amount, a measure, a paragraph, a year, a time.
2. What is being talked about chooses the label and masks shorter pieces too; without it the form chooses, which each
   kind's own file knows. No checksum decides whether a number is masked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tavs.masking import account, card, cpr, phone
from tavs.masking.cues import NUMERIC
from tavs.masking.lexicon import BRANDS, SERVANTS
from tavs.masking.span import Span, Window
from tavs.masking.spoken import (
    ARTICLES,
    FILLERS,
    TEENS,
    TENS,
    count,
    digits,
    ends_half,
    is_number,
    is_split,
    ordinal,
)
from tavs.masking.spoken import UNITS as UNIT_WORDS

MASKED_DIGITS = 4
SHAPES: dict[str, Callable[[str], bool]] = {
    "CPR": cpr.is_shaped,
    "CARD": card.is_shaped,
    "ACCOUNT": account.is_shaped,
    "PHONE": phone.is_shaped,
}
"""Kinds of numbers that can be told by their form, the more telling first."""
TAKING_BACK = frozenset(["nej", "undskyld", "vent", "mener", "altså"])
LONGEST_TEN = 8
LONGEST_COUNT = 7
"""Digits that anything is counted in; more are no amount."""
TENFOLD = ("tusen", "thousand")
ROUND = frozenset(["tusind", "hundrede", "hundred"])
"""Alone they are politeness ("tusind tak") or a guess, not a number."""
UNITS = frozenset(
    """
    kr kroner krone kronerne procent % pct kvm kvadratmeter m2 kubikmeter km kilometer meter m centimeter cm mm millimeter
    liter kilo kg gram ton watt volt grader år årig årige års årene måneder måned måneders uger uge ugers dage dag dages
    døgn timer time timers minutter minut minutters sekunder gange gang stk styk stykker personer værelser etager tommer hk
    hestekræfter mio millioner million mia milliarder euro dollar pund bankdage hverdage arbejdsdage børn voksne gear
    mand kvadrat kilowatt kwh døre hjul point a4
    """.split()
)
HARMLESS_BEFORE = frozenset(
    """
    paragraf § punkt kapitel afsnit side stk stykke klokken kl årgang model version bilag afsnittet punktet
    halv over kvart kanal afdeling lektion sæson
    """.split()
)
AMOUNT_BEFORE = frozenset(
    """
    koster kostede kostet pris prisen beløb beløbet regning regningen selvrisiko selvrisikoen erstatning erstatningen
    betalt betale betaler betalte værdi værdien præmie præmien sum summen højst mindst cirka ca omkring knap godt maks
    maksimalt
    """.split()
)
YEAR_BEFORE = frozenset(["i", "fra", "siden", "år", "året", "opført", "bygget", "købt", "tilbage", "sommeren",
                         "vinteren", "foråret", "efteråret", "årgang"])  # fmt: skip
BUILT = frozenset(["opført", "bygget", "købt", "årgang", "renoveret", "indregistreret"])
"""Of a thing, whatever else is being talked about."""
MONTHS = frozenset(
    "januar februar marts april maj juni juli august september oktober november december jan feb mar apr jun jul aug sep "
    "sept okt nov dec".split()
)
_TIME = re.compile(r"\d{1,2}[.:]\d{2}")
_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}([./-](\d{2}|\d{4}))?")
_AMOUNT = re.compile(r"\d{1,3}(\.\d{3})+(,\d{2}|,-)?|\d+,(\d{2}|-)")


def find(window: Window) -> list[Span]:
    found: list[Span] = []
    for start, end in runs(window):
        for begun, ended in _apart(window, start, end):
            if label := _label(window, begun, ended):
                found += [Span(first, last, label) for first, last in _pieces(window, begun, ended)]
    return found


def runs(window: Window) -> Iterator[tuple[int, int]]:
    """Stretches of number words with the fillers between them; articles count inside a stretch only."""
    index = 0
    while index < len(window.norms):
        if not _begins(window, index):
            index += 1
            continue
        end = last = index + 1
        while end < len(window.norms) and window.same_turn(index, end):
            norm = window.norm(end)
            if _is_counted(window, end):
                end += 1
                last = end
            elif norm in FILLERS and end - last < 4:
                end += 1
            else:
                break
        if window.is_forced and end == len(window.norms):
            last = end  # what goes on behind a forced end is masked to the end
        while (
            last > index + 1
            and not (window.is_forced and last == len(window.norms))
            and (_is_only_article(window, index, last) or window.norm(last - 1) == "halv")
        ):
            last -= 1
        yield index, last
        index = max(last, index + 1)


def _apart(window: Window, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A run cut at its commas where a number of its own kind ends or begins: `fra 2016, to`, `på 7713, 318 kroner`."""
    last = next((index for index in range(end - 1, start, -1) if window.said[index - 1].word.ends_clause), start)
    if window.norm(end).strip(".-") in UNITS and last > start:
        yield from _apart(window, start, last)
        start = last
    for index in range(start + 1, end):
        if window.said[index - 1].word.ends_clause and _is_a_year_or_amount(window, start, index):
            yield start, index
            start = index
    yield start, end


def _is_a_year_or_amount(window: Window, start: int, end: int) -> bool:
    if end - start > 1:
        return False
    norm, before = window.norm(start), window.norm(start - 1)
    is_year = len(norm) == 4 and norm[:2] in ("19", "20") and norm.isdigit()
    return bool(_AMOUNT.fullmatch(norm)) or (is_year and before in YEAR_BEFORE)


def _is_only_article(window: Window, start: int, end: int) -> bool:
    """A last word that belongs to what comes after the number ("fra 2021 og en Kia", "tre en halv")."""
    if end >= len(window.norms) or not window.same_turn(end - 1, end):
        return False
    before, last = window.norm(end - 2), window.norm(end - 1)
    begins = before == "og" or window.said[end - 2].word.ends_clause or window.norm(end) in UNITS
    return (last in ARTICLES and (end - start <= 2 or begins)) or last == "og"


def _pieces(window: Window, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A run cut where the speaker corrects himself; hesitations inside a number go with it."""
    first = start
    while first < end:
        last = first
        while last < end and not _is_correction(window, last, end):
            last += 1
        yield first, last
        first = last
        while first < end and not _is_counted(window, first):
            first += 1


def _is_correction(window: Window, index: int, end: int) -> bool:
    """Whether the words from here to the next number take back what was said."""
    while index < end and not _is_counted(window, index):
        if window.norm(index) in TAKING_BACK:
            return True
        index += 1
    return False


def _is_counted(window: Window, index: int) -> bool:
    norm = window.norm(index)
    before, after = window.norm(index - 1), window.norm(index + 1)
    is_half = norm == "halv" or ends_half(before, norm) or is_split(norm, after) or is_split(before, norm)
    return is_number(norm) or is_half or _is_day(window, index) or _is_unheard_ten(window, index)


def _is_unheard_ten(window: Window, index: int) -> bool:
    """`ni og fis`: what stands behind a unit and "og" inside a long number is the rest of it, whatever was heard."""
    is_joined = window.norm(index - 1) == "og" and window.norm(index - 2) in UNIT_WORDS and index >= 4
    norm = window.norm(index)
    if not is_joined or norm in SERVANTS or norm in UNITS or not norm.isalpha() or len(norm) > LONGEST_TEN:
        return False
    expected = window.expected[index]
    before = sum(is_number(each) for each in window.norms[max(0, index - 8) : index - 2])
    is_asked = expected is not None and expected.label in NUMERIC
    return before >= (2 if is_asked else 4)


def _is_day(window: Window, index: int) -> bool:
    """`fireogtyvende`: the day that a CPR number begins with, where one is asked for."""
    expected = window.expected[index] if index < len(window.expected) else None
    return expected is not None and expected.label == "CPR" and ordinal(window.norm(index)) is not None


def _begins(window: Window, index: int) -> bool:
    norm = window.norm(index)
    if _is_day(window, index):
        return True
    if norm == "halv" or is_split(norm, window.norm(index + 1)):
        return norm != "halv" or ends_half(norm, window.norm(index + 1))
    tens = window.norm(index + 2)
    if (
        norm in UNIT_WORDS
        and window.norm(index + 1) == "og"
        and (tens in TENS or ends_half(tens, window.norm(index + 3)))
    ):
        return True
    if not is_number(norm) or (norm in ROUND and not is_number(window.norm(index + 1))):
        return False
    following = index
    while window.norm(following) in ARTICLES:
        following += 1
    expected = window.expected[index]
    is_answer = following > index + 1 and expected is not None and expected.label in NUMERIC
    return norm not in ARTICLES or is_answer or is_number(window.norm(following))


def _label(window: Window, start: int, end: int) -> str | None:
    text = digits(window.norms[start:end])
    expected = window.expected[start]
    about = expected.label if expected and expected.label in NUMERIC else None
    if not text or _is_harmless(window, start, end, text, about):
        return None
    if about and ((len(text) >= 3 and about != "DATE_OF_BIRTH") or _stands_alone(window, start, end)):
        return _by_shape(text) if about == "NUMBER" else about
    if len(text) >= MASKED_DIGITS:
        return _by_shape(text)
    if _is_dictated(window, start, end):
        return _by_shape(text)
    is_unfinished = window.is_forced and end == len(window.norms) and len(text) >= 2
    return "NUMBER" if is_unfinished and about else None


def _is_harmless(window: Window, start: int, end: int, text: str, about: str | None) -> bool:
    after = [window.norm(end), window.norm(end + 1)]
    before = _words_before(window, start)
    if after[0].strip(".-") in UNITS or (after[0] in ("og", "komma") and after[1] in UNITS):
        return len(text) <= LONGEST_COUNT
    if before[0] in ("mellem", "imellem") and "og" in window.norms[start:end] and len(text) <= LONGEST_COUNT + 1:
        return True
    if before[0].strip(".") in HARMLESS_BEFORE:
        return len(text) <= 6
    if before[0] in BRANDS and len(text) <= 4:
        return True
    single = window.norms[start] if end - start == 1 else ""
    if _AMOUNT.fullmatch(single) and ("," in single or not _is_asked(window, start)):
        return True
    if any(word in AMOUNT_BEFORE for word in before) and len(text) <= 7 and (about is None or text.endswith("00")):
        return True
    if _is_counted_out(window, start, end) and len(text) <= LONGEST_COUNT and not _is_asked(window, start):
        return about is None or not _stands_alone(window, start, end)
    is_year = len(text) == 4 and text[:2] in ("19", "20")
    if is_year and BUILT & set(before):
        return True
    if is_year and about != "DATE_OF_BIRTH" and (before[0] in YEAR_BEFORE or before[0] in MONTHS):
        return True
    if about is not None:
        return False
    is_moment = bool(_TIME.fullmatch(single) or _DATE.fullmatch(single))
    return is_moment and (len(text) < 6 or not _is_long_ago(text))


def _words_before(window: Window, start: int) -> list[str]:
    """The three words before, as far as they belong to the same clause of the same voice."""
    found: list[str] = []
    for index in range(start - 1, start - 4, -1):
        if index < 0 or not window.same_turn(index, start) or window.said[index].word.ends_clause:
            break
        found.append(window.norm(index))
    return found + [""] * (3 - len(found))


def _is_long_ago(date: str) -> bool:
    """A full date of more than a decade ago is somebody's birthday rather than the day of a damage."""
    return (len(date) == 8 and date[4:6] == "19") or (len(date) == 8 and date[4:7] == "200")


def _is_counted_out(window: Window, start: int, end: int) -> bool:
    """Said in thousands and hundreds, as amounts are and numbers of people are not; a year of birth is."""
    norms = window.norms[start:end]
    magnitudes = sum("hundr" in norm or norm.startswith(TENFOLD) or "tusind" in norm for norm in norms)
    is_year = norms[0] in TEENS and any("hundr" in norm for norm in norms[:2])
    return magnitudes > 0 and not is_year and count(norms) == 1


def _is_dictated(window: Window, start: int, end: int) -> bool:
    """Single digits one after the other are no count, but for two neighbours that are a guess ("to tre stykker")."""
    norms = [norm for norm in window.norms[start:end] if is_number(norm)]
    single = [digits([norm]) for norm in norms]
    if len(single) < 2 or any(len(each) != 1 or not norm.isalpha() for each, norm in zip(single, norms, strict=True)):
        return False
    is_guess = len(single) == 2 and int(single[1]) == int(single[0]) + 1
    return not is_guess and not any(norm in ARTICLES for norm in norms[-1:])


def _is_asked(window: Window, start: int) -> bool:
    """Whether the other side asked for a number and this is the answer's first."""
    expected = window.expected[start]
    return (
        expected is not None
        and expected.label in NUMERIC
        and not expected.is_answered
        and expected.channel is not window.said[start].channel
    )


def _stands_alone(window: Window, start: int, end: int) -> bool:
    """A short piece that counts nothing: an answer or its next piece, with no content word on either side."""
    expected = window.expected[start]
    voice = window.said[start].channel
    if expected is None or (expected.channel is voice and not expected.is_answered):
        return False
    before = window.norm(start - 1)
    begins = start == 0 or window.said[start - 1].channel is not voice or window.said[start - 1].word.ends_clause
    if not begins and before not in FILLERS and not is_number(before):
        return False
    if end >= len(window.norms):
        return True
    last = window.said[end - 1]
    following = window.said[end]
    if last.word.ends_clause or following.channel is not last.channel:
        return True
    return window.norm(end) in FILLERS or (window.lexicon.is_ordinary(window.norm(end)) and len(window.norm(end)) <= 4)


def _by_shape(text: str) -> str:
    return next((label for label, kind in SHAPES.items() if kind(text)), "NUMBER")
