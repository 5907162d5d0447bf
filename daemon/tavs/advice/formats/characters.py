"""Bytes of a text file → characters: UTF-8 or UTF-16 by their marks, UTF-8, and what Windows wrote before it."""

from __future__ import annotations

import codecs
import unicodedata

_BREAKS = "\v\f\x1c\x1d\x1e\x85"
"""Controls that stand between words."""
_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Unicode Standard Annex 9, section 2: they may show a line in another order than it is searched and quoted in."""
_CONTROLS = {place: None for place in (*range(0x20), *range(0x7F, 0xA0), *map(ord, _BIDI))}
_UNSEEN = _CONTROLS | {ord(each): " " for each in (*_BREAKS, "\t", "\n")}


def decoded(content: bytes) -> str:
    """Line ends as \\n, letters with their accents as one character. Never raises."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = content.decode("utf-16", errors="replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", errors="replace")
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))


def seen(line: str) -> str:
    """A line without what nobody sees in it: controls (C0, C1) and marks of writing direction."""
    return line.translate(_UNSEEN)
