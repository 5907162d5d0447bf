"""PASSPORT: Danish ones have nine digits, others letters too (ICAO 9303 part 4: nine characters)."""

from __future__ import annotations

CUES = (
    "passportnumber", "passport", "passportno",
    "pasnummer", "pasnummeret", "pasnr", "passet", "pas",
)  # fmt: skip
