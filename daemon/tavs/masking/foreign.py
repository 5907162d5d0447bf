"""Swedish, Norwegian and English number words, as far as they are no Danish words; simpler than the Danish ones.

>>> [value(norm) for norm in ("tjugofem", "tjuefem", "seventytwo", "hundra", "sjutton", "hus")]
[25, 25, 72, 100, 17, None]
"""

from __future__ import annotations

UNITS = {
    "zero": 0, "oh": 0, "noll": 0, "null": 0, "one": 1, "ett": 1, "ein": 1, "two": 2, "två": 2, "three": 3, "four": 4,
    "fyra": 4, "five": 5, "six": 6, "sex": 6, "seven": 7, "sju": 7, "eight": 8, "åtta": 8, "åtte": 8, "nine": 9, "nio": 9,
    "ten": 10, "tio": 10, "eleven": 11, "elva": 11, "twelve": 12, "thirteen": 13, "tretton": 13, "fourteen": 14,
    "fjorton": 14, "fifteen": 15, "femton": 15, "sixteen": 16, "sexton": 16, "seventeen": 17, "sjutton": 17,
    "eighteen": 18, "arton": 18, "nineteen": 19, "nitton": 19,
}  # fmt: skip
TENS = {
    "twenty": 20, "tjugo": 20, "tjue": 20, "thirty": 30, "trettio": 30, "tretti": 30, "forty": 40, "fyrtio": 40,
    "førti": 40, "fifty": 50, "femtio": 50, "femti": 50, "sixty": 60, "sextio": 60, "seksti": 60, "seventy": 70,
    "sjuttio": 70, "sytti": 70, "eighty": 80, "åttio": 80, "åtti": 80, "ninety": 90, "nittio": 90, "nitti": 90,
}  # fmt: skip
ENDS = {
    "en": 1, "ett": 1, "to": 2, "två": 2, "tre": 3, "fire": 4, "fyra": 4, "fem": 5, "seks": 6, "sex": 6, "sju": 7, "syv": 7,
    "åtta": 8, "åtte": 8, "ni": 9, "nio": 9, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9,
}  # fmt: skip
"""What stands behind the tens in one word."""
HUNDREDS = {"hundra": 100, "hundre": 100}
SMALL = UNITS | TENS | {f"{ten}{end}": many + one for ten, many in TENS.items() for end, one in ENDS.items()}


def value(norm: str) -> int | None:
    """The number a word stands for; None for a word that is no number word."""
    return SMALL.get(norm, HUNDREDS.get(norm))
