"""Signs that a model has made a text up: loops, more words than a mouth can say, words it does not believe itself.

Whisper invents most where a window is shorter than it was trained for (PAINS P9, P11); a doubtful segment is tried once
more with the full window.
"""

from __future__ import annotations

import zlib
from collections import Counter

FASTEST_CHARACTERS_S = 22.0
"""Danish read aloud runs at 13–16 characters a second; 22 is a hurried auctioneer."""
SHORTEST_S = 0.6
LEAST_PROBABILITY = 0.75
"""Mean token probability below which the embedded model was mostly wrong on its sample clips."""
LOOP_NGRAM = 4
LOOP_COUNT = 4
"""RELIABILITY R-32."""
COMPRESSION_LIMIT = 2.4
"""OpenAI's own threshold for loops (whisper, `compression_ratio_threshold`)."""
COMPRESSION_FROM_CHARACTERS = 80


def is_doubtful(text: str, duration_s: float, probability: float) -> bool:
    if not text:
        return False
    too_fast = len(text) / max(duration_s, SHORTEST_S) > FASTEST_CHARACTERS_S
    return too_fast or probability < LEAST_PROBABILITY or is_loop(text)


def is_loop(text: str) -> bool:
    """The same four words four times, one word ten times in a row, or text that compresses like a loop."""
    words = text.lower().split()
    grams = Counter(zip(*(words[start:] for start in range(LOOP_NGRAM)), strict=False))
    if grams and max(grams.values()) >= LOOP_COUNT:
        return True
    raw = text.encode()
    return len(raw) >= COMPRESSION_FROM_CHARACTERS and len(raw) / len(zlib.compress(raw)) > COMPRESSION_LIMIT
