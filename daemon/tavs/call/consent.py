"""What the PBX says of the customer's answer in a SIP header of the recording session. Pure.

The header's name is the site's (`[consent] sip_header`); its value is `yes` or `no` (`1`, `0`), with parameters that
say what was asked: `yes;prompt=menu;version=3;language=da;pressed=1`. Anything else is unclear, and so no consent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

ANSWERS: dict[str, Literal["yes", "no"]] = {
    "yes": "yes",
    "1": "yes",
    "true": "yes",
    "no": "no",
    "0": "no",
    "false": "no",
}
_WORD = re.compile(r"[A-Za-z0-9_.*#-]{1,32}")
_NUMBER = re.compile(r"[0-9]{4}")
"""A menu asks for a key; more digits are a number that the caller typed, and do not belong into a sidecar."""


@dataclass(frozen=True, slots=True)
class HeardAnswer:
    answer: Literal["yes", "no", "unclear"]
    pressed: str = field(default="", repr=False)
    prompt: str = ""
    prompt_version: str = ""
    language: str = ""


def parse(value: str) -> HeardAnswer:
    """Never raises: what cannot be read is unclear.

    >>> parse("yes;prompt=menu;version=3").answer, parse("maybe").answer, parse("").answer
    ('yes', 'unclear', 'unclear')
    """
    word, *parameters = (part.strip() for part in value.split(";"))
    known = dict(part.partition("=")[::2] for part in parameters)
    named = {
        field: known[name] if _WORD.fullmatch(known.get(name, "")) else ""
        for field, name in {
            "pressed": "pressed", "prompt": "prompt", "prompt_version": "version", "language": "language",
        }.items()
    }  # fmt: skip
    if _NUMBER.search(named["pressed"]):
        named["pressed"] = ""
    return HeardAnswer(ANSWERS.get(word.lower(), "unclear"), **named)


def is_consent(answers: Iterable[HeardAnswer]) -> bool:
    """Whether every answer is a yes, and there is one: enough to write a transcript, which the desk judges again."""
    given = {each.answer for each in answers}
    return given == {"yes"}
