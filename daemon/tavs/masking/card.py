"""CARD: payment cards, 12 to 19 digits with a Luhn check digit (ISO/IEC 7812-1), their date and security code."""

from __future__ import annotations

from stdnum import luhn

CUES = (
    "kortetgårut", "udløb", "sikkerhedskoden", "expirydate", "cardnumber", "kontrolkoden", "cvckode", "cvckoden",
    "kortnummer", "kortnummeret", "kortet", "dankort", "dankortet", "visakort", "mastercard", "betalingskort",
    "udløbsdato", "udløbsdatoen", "udløber", "kontrolcifre", "sikkerhedskode", "cvc", "cvv", "kortnr",
)  # fmt: skip


def is_shaped(digits: str) -> bool:
    """Sixteen digits are a card however they check, for one may be misheard; other lengths must check.

    >>> is_shaped("4571123456789012"), is_shaped("371449635398431"), is_shaped("371449635398432")
    (True, True, False)
    """
    return len(digits) == 16 or (len(digits) in (15, 18, 19) and luhn.is_valid(digits))
