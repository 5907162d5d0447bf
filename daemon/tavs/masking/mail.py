"""EMAIL and URL_USER: addresses of people on the net, written or said ("karsten snabel-a outlook punktum dk")."""

from __future__ import annotations

import re

from tavs.masking.span import Span, Window
from tavs.masking.spoken import is_number

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
    ["er", "hedder", "på", "det", "min", "mit", "facebook", "instagram", "snapchat", "tiktok", "linkedin", "under"]
)
LONGEST_DOT = 9
LONGEST_LOCAL = 8
LONGEST_DOMAIN = 6
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
            found.append(Span(_local_start(window, index), _domain_end(window, index + length), "EMAIL"))
        elif norm in ("www", "hjemmeside", "profil", "brugernavn", "brugernavnet", "profilnavn"):
            found += _said_url(window, index)
    return found


def is_part(norm: str) -> bool:
    """A word after which an address is not finished."""
    return norm in AT or norm in INSIDE or bool(_AT.fullmatch(norm)) or bool(_DOT.fullmatch(norm))


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
    if norm in DOT or _DOT.fullmatch(norm):
        return 1
    return (
        2 if norm.startswith("pun") and len(norm + following) < LONGEST_DOT and _DOT.fullmatch(norm + following) else 0
    )


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
        if end > index and window.norm(end - 1) not in INSIDE and window.norm(end) not in INSIDE:
            if not any(_dot(window, end + offset) for offset in (1, 2)):
                break
        end += 1
        if norm.rpartition(".")[2] in TOP_LEVEL:
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
