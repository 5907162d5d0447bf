"""VIN: chassis numbers of seventeen letters and digits without I, O and Q (ISO 3779), or parts of them."""

from __future__ import annotations

import re

CUES = (
    "vin", "vinnummer", "chassisnumber", "stelnumret", "chassinummer",
    "stelnummer", "stelnummeret", "stelnr", "chassisnummer",
)  # fmt: skip

_WRITTEN = re.compile(r"(?=.*\d)(?=.*[a-z])[a-hj-npr-z0-9]{11,17}")


def is_shaped(norm: str) -> bool:
    """A word without spaces that is a chassis number, or most of one.

    >>> is_shaped("wvwzzz1kz8w123456"), is_shaped("ulykkesforsikring")
    (True, False)
    """
    return bool(_WRITTEN.fullmatch(norm)) and sum(map(str.isdigit, norm)) >= 3
