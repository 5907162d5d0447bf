"""Bytes of a text file → characters: UTF-8 or UTF-16 by their marks, UTF-8, and what Windows wrote before it."""

from __future__ import annotations

import codecs
import unicodedata


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
