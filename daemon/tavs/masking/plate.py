"""PLATE: Danish registration plates, two letters and four (trailers) or five digits (nummerpladebekendtgørelsen)."""

from __future__ import annotations

import re

CUES = (
    "numberplate", "licenceplate", "licenseplate", "registration", "regnr", "træktøjsplade", "indregistreringsnummer", "nummerskilt", "regskylt",
    "nummerplade", "nummerpladen", "registreringsnummer", "registreringsnummeret", "plade", "pladen",
)  # fmt: skip

_WRITTEN = re.compile(r"[a-zæøå]{2}\d{4,5}")


def is_shaped(norm: str) -> bool:
    """A word without spaces that is a plate by its form.

    >>> is_shaped("ab12345"), is_shaped("iphone13")
    (True, False)
    """
    return bool(_WRITTEN.fullmatch(norm))


def is_spelled(letters: int, digits: str) -> bool:
    """Two letters and the digits of a plate, said one by one."""
    return letters == 2 and 4 <= len(digits) <= 5
