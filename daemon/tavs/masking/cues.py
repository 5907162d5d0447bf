"""Words that announce a personal detail: the agent's question, or the speaker's own "mit cpr-nummer er".

Cues are compared without spaces and hyphens, so "c p r nummer", "cpr-nummer" and "seperr nummer" are one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tavs.events import Channel
from tavs.masking import account, card, claim, cpr, iban, passport, phone, plate, policy, vin

CUES: dict[str, tuple[str, ...]] = {
    "CPR": cpr.CUES,
    "PHONE": phone.CUES,
    "ACCOUNT": account.CUES,
    "CARD": card.CUES,
    "POLICY": policy.CUES,
    "CLAIM": claim.CUES,
    "PASSPORT": passport.CUES,
    "IBAN": iban.CUES,
    "PLATE": plate.CUES,
    "VIN": vin.CUES,
    "EMAIL": (
        "mail", "email", "mailen", "emailen", "mailadresse", "emailadresse", "mailadressen", "emailadressen",
    ),
    "ADDRESS": (
        "adresse", "etage", "etagen", "hvilkensal", "hvilkenopgang", "adressen", "vejnavn", "vejnavnet", "husnummer", "husnummeret", "borpå", "bordu", "borde",
        "bordudu", "bordenhenne", "bopæl", "flyttettil", "heddervejen", "heddergaden", "gadenavn", "vejenhedder",
        "bornedepå",
    ),
    "LOCATION": (
        "postnummer", "postnummeret", "postnr", "hvilkenby", "byen",
    ),
    "DATE_OF_BIRTH": (
        "født", "fødselsdato", "fødselsdatoen", "fødselsdag", "fødselsdagen", "fødselsår",
    ),
    "PERSON": (
        "navn", "navnet", "hedder", "talermed", "taltmed", "talemed", "fuldenavn", "mitnavner", "efternavn",
        "fornavn", "mellemnavn", "stavesdet", "staves", "staverdu", "stavesdit",
    ),
    "ORG": (
        "arbejderhos", "ansathos", "arbejdsgiver", "arbejdsplads", "firmahedder", "firmaethedder", "arbejderfor",
        "arbejderpå", "ansatpå", "ansatved", "firmanavn",
    ),
    "URL_USER": (
        "facebook", "instagram", "snapchat", "tiktok", "linkedin", "brugernavn", "brugernavnet", "profil",
        "profilen", "hjemmeside", "hjemmesiden", "profilnavn",
    ),
    "NUMBER": (
        "nummer", "nummeret", "nr", "kode", "koden", "referencenummer", "ordrenummer", "referencen", "kundenr",
        "medlemsnummer", "serienummer", "imei", "fakturanummer", "bookingnummer", "pinkode", "adgangskode",
    ),
}  # fmt: skip
LABEL_OF = {cue: label for label, cues in CUES.items() for cue in cues}
LONGEST_CUE_WORDS = 4
NUMERIC = frozenset(
    [
        "CPR",
        "PHONE",
        "ACCOUNT",
        "CARD",
        "IBAN",
        "POLICY",
        "CLAIM",
        "PLATE",
        "VIN",
        "PASSPORT",
        "NUMBER",
        "DATE_OF_BIRTH",
    ]
)
EXPECTED_MS = 20_000
"""How long a question waits for its answer, and an answer for its next piece."""


@dataclass(slots=True)
class Expectation:
    """What is being talked about: the last cue or the last masked number, and when."""

    label: str
    channel: Channel
    at_ms: int
    is_answered: bool = False
    """A piece of it has been said already."""

    def is_fresh(self, at_ms: int) -> bool:
        return at_ms - self.at_ms <= EXPECTED_MS


def cue_at(norms: Sequence[str], end: int) -> str | None:
    """The label that the words up to `end` (exclusive) announce; longer cues win."""
    for length in range(min(LONGEST_CUE_WORDS, end), 0, -1):
        joined = "".join(norms[end - length : end]).replace("-", "")
        if joined in LABEL_OF:
            return LABEL_OF[joined]
    return None
