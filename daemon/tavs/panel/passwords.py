"""Passwords of agents: how they are kept, and which are refused. Pure but for the work itself.

1. Argon2id (RFC 9106). Its cost is bound by memory, so that cards of a guesser gain little; see MEMORY_BYTES.
2. A password is compared in Unicode's composed form (RFC 8265 section 4.2): "å" is one character or two, as typed.
3. Long is what counts (NIST SP 800-63B section 3.1.1): no rule about kinds of characters, but nothing that is tried
   first.
"""

from __future__ import annotations

import unicodedata

import nacl.exceptions
import nacl.pwhash.argon2id

from tavs.errors import UsageError

MEMORY_BYTES = 32 * 1024 * 1024
"""More than the 19 MiB at two passes that OWASP's sheet on password storage asks for; the panel has 150 MB in all."""
PASSES = 3
SHORTEST, LONGEST = 12, 256
"""Characters; the longest bounds what a stranger can have hashed."""
FEWEST_DIFFERENT = 5
RUNS = ("abcdefghijklmnopqrstuvwxyzæøå", "qwertyuiopå", "asdfghjklæø", "zxcvbnm", "01234567890123456789")
LONGEST_RUN = 6
COMMON = frozenset(
    "password passwort adgangskode kodeord kode løsen hemmelig hemmelighed velkommen welcome sommer vinter efterår"
    " forår januar februar marts april maj juni juli august september oktober november december mandag tirsdag onsdag"
    " torsdag fredag lørdag søndag danmark københavn aarhus odense aalborg forsikring kundeservice kunde agent"
    " telefon letmein admin administrator login skift changeme test hej hejmeddig jegelskerdig iloveyou"
    " fodbold brøndby".split()
)


def digest(password: str) -> str:
    """What is kept: parameters, salt and hash in one line. Takes about a tenth of a second: not for an event loop."""
    return nacl.pwhash.argon2id.str(_composed(password), opslimit=PASSES, memlimit=MEMORY_BYTES).decode("ascii")


def is_right(password: str, kept: str) -> bool:
    """Takes as long as `digest`, whatever the answer."""
    try:
        return bool(nacl.pwhash.argon2id.verify(kept.encode("ascii"), _composed(password)))
    except nacl.exceptions.InvalidkeyError:
        return False


def refuse_weak(password: str, name: str) -> None:
    """Raises UsageError for a password that is too short or that a guesser tries first."""
    composed = unicodedata.normalize("NFC", password)
    plain = composed.casefold()
    letters = "".join(character for character in plain if character.isalpha())
    if not SHORTEST <= len(composed) <= LONGEST:
        raise UsageError(
            f"a password has {SHORTEST} to {LONGEST} characters",
            "three or four words that do not belong together do well",
        )
    if len(set(plain)) < FEWEST_DIFFERENT or _longest_run(plain) > LONGEST_RUN:
        raise UsageError("the password is a row of keys", "three or four words that do not belong together do well")
    if letters in COMMON or letters in {word * 2 for word in COMMON} or (len(letters) < 4 and plain.isalnum()):
        raise UsageError("the password is one that is tried first", "take words that do not belong together")
    if name.casefold() in plain or plain in name.casefold():
        raise UsageError("the password holds the account's name", "take words that do not belong together")


def _composed(password: str) -> bytes:
    return unicodedata.normalize("NFC", password).encode()


def _longest_run(text: str) -> int:
    """Characters of the longest stretch that is typed by sliding along the keys, either way."""
    rows = [*RUNS, *(row[::-1] for row in RUNS)]
    longest = 0
    for begin in range(len(text)):
        length = 1
        while begin + length < len(text) and any(text[begin : begin + length + 1] in row for row in rows):
            length += 1
        longest = max(longest, length)
    return longest
