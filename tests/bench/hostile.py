"""Text that tries to carry an identifier past masking: other digits, hidden characters, odd spacing, noise around it."""

from __future__ import annotations

import random
import re
import unicodedata

KINDS = ("cpr", "phone", "card", "account", "mail")
DIGITS = ("0123456789", "０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗")
WORDS = "nul en to tre fire fem seks syv otte ni".split()
HIDDEN = ["\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u0301", "\u202e"]
GAPS = [" ", "", "-", ".", " - ", "\u00a0", "\u2009", "/", " øh ", ", "]
NOISE = [
    "😀",
    "…",
    "ja altså",
    "det er",
    "øh",
    "mit nummer er",
    "§",
    "\x00",
    "\x1b[31m",
    "ß",
    "Ω",
    "کد",
    "和",
    "<b>",
    "𝕳𝖊𝖏",
    "nr.",
]
SHOWN = 4
"""Digits in a row that count as having come out."""


def example(draw: random.Random) -> tuple[str, str]:
    """(text, secret): the secret is the digits, or the user of a mail address, that may not come out."""
    kind = draw.choice(KINDS)
    if kind == "mail":
        user = "".join(draw.choice("bdfgklmnprstv") + draw.choice("aeiou") for _ in range(4))
        return wrapped(f"{user}@eksempel{draw.choice(['.dk', '.com'])}", draw), user
    length = {"cpr": 10, "phone": 8, "card": 16, "account": 14}[kind]
    digits = draw.choice("123456789") + "".join(draw.choice("0123456789") for _ in range(length - 1))
    return wrapped(disguised(digits, draw), draw), digits


def disguised(digits: str, draw: random.Random) -> str:
    if draw.random() < 0.25:
        return " ".join(WORDS[int(digit)] for digit in digits)
    script = draw.choice(DIGITS)
    gap, every = draw.choice(GAPS), draw.choice([2, 4, len(digits)])
    written = "".join(script[int(digit)] + (draw.choice(HIDDEN) if draw.random() < 0.1 else "") for digit in digits)
    pieces, piece, seen = [], "", 0
    for character in written:
        piece += character
        seen += unicodedata.digit(character, -1) >= 0
        if seen and seen % every == 0 and unicodedata.digit(character, -1) >= 0:
            pieces.append(piece)
            piece = ""
    return gap.join([*pieces, piece] if piece else pieces)


def wrapped(text: str, draw: random.Random) -> str:
    before = " ".join(draw.choice(NOISE) for _ in range(draw.randrange(4)))
    after = " ".join(draw.choice(NOISE) for _ in range(draw.randrange(4)))
    return f"{before} {text} {after}".strip()


def is_in(secret: str, released: str) -> bool:
    """Whether a readable part of the secret is left."""
    text = unicodedata.normalize("NFKC", released).casefold()
    if not secret.isdigit():
        return secret in re.sub(r"\W", "", text)
    said = re.sub(r"<[a-z_]+_\d+>", "|", text)
    spelled = "".join(str(WORDS.index(word)) if word in WORDS else word for word in re.split(r"(\W+)", said))
    runs = re.split(r"[^\d\W_]+|\|", "".join(str(unicodedata.digit(each, each)) for each in spelled))
    joined = [re.sub(r"\D", "", run) for run in runs]
    return any(secret[start : start + SHOWN] in run for run in joined for start in range(len(secret) - SHOWN + 1))
