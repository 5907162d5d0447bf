"""ACCOUNT: a Danish bank account, registration number of four digits and account number of up to ten (Finans Danmark)."""

from __future__ import annotations

CUES = (
    "konto", "kontoen", "kontonummer", "kontonummeret", "kontonr", "reg", "regnr", "regnummer", "nemkonto",
    "registreringsnummeribanken", "regnummeret", "bankkonto",
)  # fmt: skip


def is_shaped(digits: str) -> bool:
    """Whether digits are a registration and an account number together.

    >>> is_shaped("15514400112233"), is_shaped("4400112233")
    (True, False)
    """
    return len(digits) == 14
