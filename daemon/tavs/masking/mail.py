"""EMAIL and URL_USER: addresses of people on the net, written or said ("karsten snabel-a outlook punktum dk")."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from tavs.masking.span import Span, Window
from tavs.masking.spoken import ARTICLES, is_number

AT = frozenset(["@", "krølla", "krøllalfa", "alfakrøll", "at-tegn"])
_AT = re.compile(r"sn[aæeo]b(el|le|ele|ell|il)[- ]?(a|ar|ad|ag|er|ah|ha|a')?")
"""`snabel-a` in the ways it is heard: snablea, snabelag, snabeler."""
DOT = frozenset(["punktum", "dot", "prik", "."])
_DOT = re.compile(r"pun[gk]?[kt]{0,2}[uo]m|punt[uo]m")
UNDERSCORE = ("under", "streg")
INSIDE = DOT | frozenset(["bindestreg", "understreg", "underscore", "streg"])
BEFORE_MAIL = frozenset(
    """
    er mail email e-mail mailen mailadresse adresse på til det den min hans hendes hedder ja jo og så ved skriv send
    jeg har her dig jer os bruge bruger nej hvad
    """.split()
)
BEFORE_USER = frozenset(
    [
        "er",
        "hedder",
        "som",
        "ind",
        "sig",
        "på",
        "det",
        "min",
        "mit",
        "facebook",
        "instagram",
        "snapchat",
        "tiktok",
        "linkedin",
        "under",
    ]
)
LONGEST_DOT = 9
LONGEST_LOCAL = 8
LONGEST_DOMAIN = 6
LONGEST_USER = 4
AMBIGUOUS = frozenset(["me", "de", "se", "no", "info", "net"])
"""Top levels that are words as well."""
TOP_LEVEL = frozenset(["dk", "com", "net", "org", "eu", "de", "se", "no", "nu", "info", "me", "io", "uk"])
_MAIL = re.compile(r"\S+@\S+")
_URL = re.compile(r"(https?://|www\.)\S+|\S*[a-zæøå0-9-]+\.(dk|com|net|org|eu|nu|io|me|info)(/\S*)?")
_HANDLE = re.compile(r"@\w{2,}")


def find(window: Window) -> list[Span]:
    found: list[Span] = []
    for index, norm in enumerate(window.norms):
        if _HANDLE.fullmatch(norm):
            found.append(Span(index, index + 1, "URL_USER"))
        elif _MAIL.search(norm):
            found.append(Span(index, index + 1, "EMAIL"))
        elif _URL.fullmatch(norm):
            found.append(Span(index, index + 1, "URL_USER"))
        elif length := _at(window, index):
            is_cut = window.is_forced and ends_open(window.norms)
            end = len(window.norms) if is_cut else _domain_end(window, index + length)
            found.append(Span(_local_start(window, index), end, "EMAIL"))
        elif norm in ("ve", "v") and window.norm(index + 1) == norm == window.norm(index + 2):
            found.append(Span(index, _domain_end(window, index + 3), "URL_USER"))
        elif norm in ("www", "hjemmeside", "profil", "brugernavn", "brugernavnet", "profilnavn"):
            found += _said_url(window, index)
        elif _is_joint(window, index) and not _is_in_mail(window, index):
            found.append(Span(_user_start(window, index), _domain_end(window, index), "URL_USER"))
        elif _is_asked_for(window, index):
            found.append(Span(index, _with_number(window, index + 1), "URL_USER"))
    return found


def ends_open(norms: Sequence[str]) -> bool:
    """Whether an address has been begun of which no end was said: an at-sign without a top level behind it."""
    at = next((index for index in reversed(range(len(norms))) if is_at(norms[index])), None)
    if at is None:
        return False
    after = norms[at + 1 :]
    said = any(_is_dot(before) and norm in TOP_LEVEL for before, norm in pairwise(after))
    is_over = said or any(map(_has_top_level, after)) or list(after[-2:]) == ["d", "k"]
    return not is_over and len(after) <= LONGEST_DOMAIN


def _has_top_level(norm: str) -> bool:
    """`outlook.dk` in one word."""
    _, dot, last = norm.rpartition(".")
    return bool(dot) and last in TOP_LEVEL


def _is_dot(norm: str) -> bool:
    return norm in DOT or bool(_DOT.fullmatch(norm))


@lru_cache(maxsize=65536)
def is_at(norm: str) -> bool:
    return norm in AT or bool(_AT.fullmatch(norm))


def is_part(norm: str) -> bool:
    """A word after which an address is not finished."""
    return is_at(norm) or norm in INSIDE or bool(_DOT.fullmatch(norm))


def _at(window: Window, index: int) -> int:
    """How many words the at-sign takes; 0 where there is none."""
    norm, following = window.norm(index), window.norm(index + 1)
    if norm in AT:
        return 1
    if _AT.fullmatch(norm):
        return 2 if following in ("a", "a.", "ad", "ah") else 1
    return 2 if norm in ("sna", "snab", "snabe") and _AT.fullmatch(norm + following) else 0


def _dot(window: Window, index: int) -> int:
    """How many words a full stop takes that is said; 0 where there is none."""
    norm, following = window.norm(index), window.norm(index + 1)
    if _is_dot(norm):
        return 1
    return (
        2 if norm.startswith("pun") and len(norm + following) < LONGEST_DOT and _DOT.fullmatch(norm + following) else 0
    )


def _is_joint(window: Window, index: int) -> bool:
    """`under streg`, or a full stop before a top level: what only a name on the net has."""
    norm, following = window.norm(index), window.norm(index + 1)
    if norm in ("understreg", "underscore") or (norm, following) == UNDERSCORE:
        return True
    used = _dot(window, index)
    top, rest = window.norm(index + used), window.norm(index + used + 1)
    return used > 0 and index > 0 and (top in TOP_LEVEL - AMBIGUOUS or top + rest == "dk")


def _is_in_mail(window: Window, index: int) -> bool:
    near = range(max(0, index - LONGEST_LOCAL), min(len(window.norms), index + LONGEST_LOCAL))
    return any(_at(window, other) and window.same_turn(other, index) for other in near)


def _user_start(window: Window, index: int) -> int:
    start = index
    while start > 0 and index - start < LONGEST_USER and window.same_turn(start - 1, index):
        norm = window.norm(start - 1)
        if norm in BEFORE_MAIL or norm in BEFORE_USER or window.said[start - 1].word.ends_clause:
            break
        start -= 1
    return start


def _is_asked_for(window: Window, index: int) -> bool:
    """The first word after the other side's question for a user name, or after "kalder sig"."""
    norm, expected = window.norm(index), window.expected[index]
    if _calls_himself(window, index) and any(map(is_number, window.norms[index : index + LONGEST_USER])):
        return True
    if window.lexicon.is_ordinary(norm) or is_number(norm):
        return False
    if _calls_himself(window, index):
        return True
    is_question = expected is not None and expected.label == "URL_USER"
    return is_question and (
        index == 0 or not window.same_turn(index - 1, index) or window.norm(index - 1) in BEFORE_USER
    )


def _calls_himself(window: Window, index: int) -> bool:
    return window.norm(index - 1) == "sig" and window.norm(index - 2) in ("kalder", "kaldte")


def _with_number(window: Window, index: int) -> int:
    """Past the rest of a name that ends in a number, or past the number alone."""
    number = next((at for at in range(index, index + LONGEST_USER - 1) if is_number(window.norm(at))), index)
    index = number if all(window.norm(at) not in BEFORE_MAIL for at in range(index, number)) else index
    while index < len(window.norms) and is_number(window.norm(index)) and window.norm(index) not in ARTICLES:
        index += 1
    return index


def _local_start(window: Window, index: int) -> int:
    start = index
    while start > 0 and index - start < LONGEST_LOCAL and window.same_turn(start - 1, index):
        norm = window.norm(start - 1)
        if (norm in BEFORE_MAIL and start < index) or (
            window.said[start - 1].word.ends_sentence and norm not in INSIDE
        ):
            break
        start -= 1
    return start


def _domain_end(window: Window, index: int) -> int:
    end = index
    while end < len(window.norms) and end - index < LONGEST_DOMAIN:
        norm = window.norm(end)
        if (norm, window.norm(end + 1)) == UNDERSCORE:
            end += 3
            continue
        if used := _dot(window, end):
            end += used + 1
            if window.norm(end - 1) in TOP_LEVEL:
                break
            if window.norm(end - 1) + window.norm(end) in TOP_LEVEL or len(window.norm(end - 1)) == 1:
                end += 1
                break
            continue
        is_apart = end > index and window.norm(end - 1) not in INSIDE and window.norm(end) not in INSIDE
        if is_apart and not any(_dot(window, end + offset) for offset in (1, 2)):
            break
        end += 1
        if _has_top_level(norm):
            break
    return min(end, len(window.norms))


def _said_url(window: Window, index: int) -> list[Span]:
    start = index if window.norm(index) == "www" else index + 1
    while start < len(window.norms) and window.norm(start) in BEFORE_USER:
        start += 1
    end = start
    while end < len(window.norms) and end - start < LONGEST_LOCAL:
        joins = window.norm(end) in INSIDE or window.norm(end - 1) in INSIDE or end == start
        if not (joins or window.norm(end + 1) in INSIDE or is_number(window.norm(end))):
            break
        end += 1
    if end <= start or (end - start == 1 and window.lexicon.is_ordinary(window.norm(start))):
        return []
    return [Span(start, end, "URL_USER")]
