"""PHONE: telephone numbers, Danish ones of eight digits and foreign ones with their country (ITU-T E.164)."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers

CUES = (
    "phonenumber", "telefonnumret", "mobilnumret", "callme", "ringetilham", "ringetilhende", "hansnummer", "hendesnummer", "ditnummer", "mitnummer", "tilbagepå",
    "telefon", "telefonen", "telefonnummer", "telefonnummeret", "tlf", "tlfnr", "mobil", "mobilen", "mobilnummer",
    "mobilnummeret", "fastnet", "ringepå", "ringetilmigpå", "ringetildempå", "træffespå", "fatidigpå",
    "nummerduringerfra", "telefonnr", "mobilnr", "fangemigpå", "ringemigpå", "ringetilbagepå",
)  # fmt: skip


@lru_cache(maxsize=4096)
def is_shaped(digits: str) -> bool:
    """Whether a number can be dialled: in Denmark as it stands, elsewhere behind 00 or a country code.

    >>> is_shaped("22334455"), is_shaped("4522334455"), is_shaped("00460701234567"), is_shaped("0000")
    (True, True, True, False)
    """
    if len(digits) == 8:
        return digits[0] not in "01"
    if not 10 <= len(digits) <= 15:
        return False
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(f"+{digits.removeprefix('00')}"))
    except phonenumbers.NumberParseException:
        return False
