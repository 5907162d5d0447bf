"""Who can open the key backups: a key pair whose private half lies on a stick, away from the box. Pure.

1. Both halves are one line of text each, fit to be printed and typed in again: letters and digits 2–7 in fours, with a
   check at their end, so that a slip is found and never taken for another key.
2. The identity (private half) also names the box that it was made on, by the fingerprint of that box's audit key: a
   backup that somebody else made up is then refused.
3. A line of one kind is never taken for the other.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field

import nacl.public

from tavs.errors import UsageError
from tavs.host.credentials import fingerprint
from tavs.host.key_files import KEY_BYTES

RECIPIENT, IDENTITY = "tavs-backup-recipient-1", "tavs-backup-identity-1"
CHECK_BYTES = 3
"""Together with a key 35 bytes, which base32 writes without padding."""
GROUP = 4
LIMIT_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class Recipient:
    public: bytes

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.public)

    def text(self) -> str:
        return f"{RECIPIENT} {_grouped(RECIPIENT, self.public)}\n"


@dataclass(frozen=True, slots=True)
class Identity:
    private: bytes = field(repr=False)
    box: str = ""
    """Fingerprint of the audit key of the box it was made on; empty where it was typed in without."""

    @property
    def recipient(self) -> Recipient:
        return Recipient(bytes(nacl.public.PrivateKey(self.private).public_key))

    def text(self) -> str:
        """What goes to the stick and may be printed: whoever has it, and a key backup, can open everything kept."""
        return (
            "# Opens the key backups of Tavs. Keep it away from the box, and a print of it in a safe.\n"
            f"# recipient {self.recipient.fingerprint}\n"
            f"{IDENTITY} {_grouped(IDENTITY, self.private)}\n"
            f"box {self.box}\n"
        )


def new_identity(box: str) -> Identity:
    return Identity(bytes(nacl.public.PrivateKey.generate()), box)


def parse_recipient(text: str) -> Recipient:
    """Raises UsageError for anything but a recipient."""
    return Recipient(_key(text, RECIPIENT, "a recipient"))


def parse_identity(text: str) -> Identity:
    """Raises UsageError for anything but an identity; the text itself is never repeated."""
    box = re.search(r"^box +([0-9a-f]{16})\s*$", text[:LIMIT_CHARACTERS], re.MULTILINE)
    return Identity(_key(text, IDENTITY, "an identity"), box[1] if box else "")


def _key(text: str, kind: str, called: str) -> bytes:
    found = re.search(rf"^{kind} +([A-Za-z2-7 -]+)$", text[:LIMIT_CHARACTERS], re.MULTILINE)
    if found is None:
        raise UsageError(f"that is not {called} of a backup", "`tavs backup recipient PATH` makes a pair")
    letters = re.sub(r"[ -]", "", found[1]).upper()
    try:
        plain = base64.b32decode(letters)
    except ValueError:
        plain = b""
    key, check = plain[:KEY_BYTES], plain[KEY_BYTES:]
    if len(plain) != KEY_BYTES + CHECK_BYTES or check != _check(kind, key):
        raise UsageError(f"{called} of a backup is mistyped or cut off", "compare it with its print, letter by letter")
    return key


def _grouped(kind: str, key: bytes) -> str:
    letters = base64.b32encode(key + _check(kind, key)).decode("ascii")
    return " ".join(letters[at : at + GROUP] for at in range(0, len(letters), GROUP))


def _check(kind: str, key: bytes) -> bytes:
    return hashlib.sha256(kind.encode("ascii") + key).digest()[:CHECK_BYTES]
