"""A caller without a name: the keyed hash by which all calls of a number can be found, and nothing else."""

from __future__ import annotations

import hashlib
import hmac
import re

import phonenumbers

from tavs.events import PartyRef

KEY_ID_CHARACTERS = 8


def party_ref(number: str, index_key: bytes | None, region: str = "DK") -> PartyRef | None:
    """`KEYID:HEX` of a number, international, as dialled locally, or in a SIP or tel URI; None for one that is none.

    Without a key there is none either: such a call is found by its id and its time alone.
    """
    e164 = normalised(number, region)
    if e164 is None or index_key is None:
        return None
    digest = hmac.new(index_key, e164.encode("ascii"), hashlib.sha256).hexdigest()
    return PartyRef(f"{hashlib.sha256(index_key).hexdigest()[:KEY_ID_CHARACTERS]}:{digest}")


def normalised(number: str, region: str) -> str | None:
    """E.164 with its plus sign; None for short, withheld or malformed numbers."""
    user = re.sub(r"^(sips?|tel):", "", number.strip(), flags=re.IGNORECASE).partition("@")[0].partition(";")[0]
    digits = re.sub(r"[\s().\-/]", "", user)
    if not re.fullmatch(r"\+?\d{5,15}", digits):
        return None
    try:
        parsed = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
