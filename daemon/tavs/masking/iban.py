"""IBAN: two letters, two check digits, up to thirty more (ISO 13616-1); a wrong check digit may be misheard."""

from __future__ import annotations

import re

CUES = (
    "iban", "ibannummer",
)  # fmt: skip

_WRITTEN = re.compile(r"[a-z]{2}\d{2}[a-z0-9]{8,30}")


def is_shaped(norm: str) -> bool:
    """A word without spaces that is an IBAN by its form.

    >>> is_shaped("dk5000400440116243"), is_shaped("dk50")
    (True, False)
    """
    return bool(_WRITTEN.fullmatch(norm))
