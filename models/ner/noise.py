"""What the telephone and speech-to-text do to a sentence: case and punctuation go, words are misheard, split and joined."""

from __future__ import annotations

import random

Token = tuple[str, str]
"""A word and its IOB2 tag."""
MISHEARD = [
    ("hv", "v"), ("hj", "j"), ("nd", "n"), ("ld", "l"), ("rd", "r"), ("gn", "jn"), ("eg", "ej"), ("øg", "øj"), ("ag", "av"),
    ("ck", "k"), ("ch", "k"), ("ph", "f"), ("th", "t"), ("z", "s"), ("c", "k"), ("w", "v"), ("aa", "å"), ("å", "o"),
    ("æ", "e"), ("e", "æ"), ("ø", "u"), ("y", "ø"), ("d", ""), ("g", "k"), ("b", "p"), ("t", "d"), ("er", "r"),
    ("en", "n"), ("r", ""), ("o", "å"), ("i", "e"), ("u", "o"), ("ei", "aj"), ("sj", "sh"), ("tj", "ch"), ("x", "ks"),
    ("qu", "kv"), ("q", "k"), ("y", "j"), ("ie", "i"), ("ou", "u"),
]  # fmt: skip
FILLERS = ["øh", "øhm", "altså", "ja", "jo", "ik", "hm"]
SHORTEST_SPLIT = 5
PUNCTUATION = frozenset(".,;:!?()\"'-–…»«/")


def heard(sentence: list[Token], draw: random.Random) -> list[Token]:
    """The sentence as it may come from speech-to-text; sometimes as it was."""
    if draw.random() < 0.4:
        return sentence
    out = [(word.lower(), tag) for word, tag in sentence]
    if draw.random() < 0.85:
        out = [(word, tag) for word, tag in out if not set(word) <= PUNCTUATION] or out
    if draw.random() < 0.4:
        rate = draw.choice([0.05, 0.15, 0.3])
        out = [(misheard(word, draw) if draw.random() < rate else word, tag) for word, tag in out]
    if draw.random() < 0.25:
        out = _split(out, draw.choice([0.1, 0.3, 0.5]), draw)
    if draw.random() < 0.15 and len(out) > 2:
        at = draw.randrange(1, len(out))
        if not out[at][1].startswith("I-"):
            out.insert(at, (draw.choice(FILLERS), "O"))
    return out


def misheard(word: str, draw: random.Random) -> str:
    """The word with one sound taken for another."""
    options = [(old, new) for old, new in MISHEARD if old in word and len(word) > 2]
    if not options:
        return word
    old, new = draw.choice(options)
    at = draw.choice([index for index in range(len(word)) if word.startswith(old, index)])
    return (word[:at] + new + word[at + len(old) :]) or word


def cut(sentence: list[Token], draw: random.Random) -> list[Token]:
    """A piece of the sentence, as a gate that must not wait sees it."""
    if len(sentence) < 4 or draw.random() < 0.5:
        return sentence
    first = draw.randrange(0, len(sentence) // 2)
    last = draw.randrange(first + 2, len(sentence) + 1)
    piece = sentence[first:last]
    return [(word, _begun(tag) if not index else tag) for index, (word, tag) in enumerate(piece)]


def _split(sentence: list[Token], rate: float, draw: random.Random) -> list[Token]:
    """Words in two or three, as a weak recogniser writes what it does not know: "es ben", "sne tilde", "hjerne rystelse"."""
    out: list[Token] = []
    for word, tag in sentence:
        pieces = _pieces(word, draw) if len(word) >= SHORTEST_SPLIT and word.isalpha() and draw.random() < rate else [word]
        rest = "I" + tag[1:] if tag != "O" else "O"
        out += [(piece, rest if index else tag) for index, piece in enumerate(pieces)]
    return out


def _pieces(word: str, draw: random.Random) -> list[str]:
    middle = draw.randrange(2, len(word) - 1)
    rest = word[middle:]
    again = len(rest) >= SHORTEST_SPLIT + 2 and draw.random() < 0.3
    return [word[:middle], *(_pieces(rest, draw) if again else [rest])]


def _begun(tag: str) -> str:
    return "B" + tag[1:] if tag.startswith("I-") else tag
