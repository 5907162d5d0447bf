"""CPR: the Danish personal number, ten digits: day, month, year, and four more (cpr.dk, "Personnummeret i CPR").

Modulus 11 decides nothing: numbers that fail it are given out since 2007 (cpr.dk, "Personnumre uden kontrolciffer").
"""

from __future__ import annotations

CUES = (
    "personnumret", "fødselsnummer", "fødselsnummeret", "socialsecurity", "bindestregen", "sidstecifre", "tisifre", "ticifre", "sekscifre", "firecifre",
    "cpr", "cprnummer", "cprnummeret", "cprnr", "personnummer", "personnummeret", "personnr", "seperr", "seper",
    "seperrnummer", "seperrnr", "cepernummer", "cepeernummer", "firesidste", "firebagest", "firebagerste",
    "sidstefire", "sidstefirecifre", "sepernummer",
)  # fmt: skip


def is_shaped(digits: str) -> bool:
    """Whether ten digits begin with a day and a month; numbers made up for those without one add 60 to the day.

    >>> is_shaped("1204612286"), is_shaped("7204612286"), is_shaped("4571123456")
    (True, True, False)
    """
    return len(digits) == 10 and is_day(digits[:4])


def is_day(digits: str) -> bool:
    """Whether four digits are a day and a month."""
    day, month = int(digits[:2]) % 60, int(digits[2:4])
    return 1 <= day <= 31 and 1 <= month <= 12
