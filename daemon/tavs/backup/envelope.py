"""The key backup: everything that opens what is kept, in one file that only the recipient can open.

    magic line · JSON line {made_at, recipient, box, sealed_key} · 24 bytes of stream header ·
    chunks of (4-byte big-endian length, ciphertext) · 64 bytes of signature

1. The stream is libsodium's secretstream under a random key, which is sealed to the recipient (X25519); the box itself
   cannot read back what it wrote. The two lines in clear are associated data of every chunk.
2. The last chunk carries the FINAL tag: a file that was cut off is refused whole.
3. The box signs the SHA-256 of everything before with its audit key: who only knows the recipient can make nothing up,
   and whoever has no identity can still tell whether a file is whole.
4. It is made anew whole each time, so that a destroyed key is in no backup younger than its destruction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec
import nacl.exceptions
import nacl.public
import nacl.signing
from nacl import bindings as sodium

from tavs.backup.recipient import Identity, Recipient
from tavs.errors import StoreError
from tavs.host.credentials import audit_public, fingerprint

MAGIC = b"tavs key backup 1\n"
SIGNED = b"tavs key backup 1 "
HEADER_BYTES = sodium.crypto_secretstream_xchacha20poly1305_HEADERBYTES
TAG_MESSAGE = sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
TAG_FINAL = sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
SIGNATURE_BYTES = 64
CHUNK_ENTRIES = 1000
"""A key of a recording takes some 200 bytes."""
CHUNK_LIMIT_BYTES = 16 << 20
"""A thousand entries, each of them small (box.py)."""
OUTER_LIMIT_BYTES = 4096
BLOCK_BYTES = 1 << 20

Place = Literal["master", "recording", "text", "panel"]


class Entry(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One key file, or one file beside the panel's key."""

    place: Place
    name: str
    data: bytes

    def __repr__(self) -> str:
        return f"Entry({self.place}, {len(self.data)} bytes)"


class Outer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be known of a key backup without opening it."""

    made_at: datetime
    recipient: bytes
    """Public half of the recipient."""
    box: bytes
    """Public half of the audit key of the box that made it."""
    sealed_key: bytes


def write(file: BinaryIO, entries: Iterable[Entry], recipient: Recipient, seed: bytes, made_at: datetime) -> int:
    """Write a key backup, signed with the audit seed; how many entries it has. Raises OSError."""
    key = sodium.crypto_secretstream_xchacha20poly1305_keygen()
    sealed = nacl.public.SealedBox(nacl.public.PublicKey(recipient.public)).encrypt(key)
    outer = Outer(made_at=made_at, recipient=recipient.public, box=audit_public(seed), sealed_key=bytes(sealed))
    lines = MAGIC + msgspec.json.encode(outer) + b"\n"
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    header = sodium.crypto_secretstream_xchacha20poly1305_init_push(state, key)
    digest, count = hashlib.sha256(), 0

    def put(piece: bytes) -> None:
        digest.update(piece)
        file.write(piece)

    def push(chunk: list[Entry], tag: int) -> None:
        plain = msgspec.msgpack.encode(chunk)
        pushed = sodium.crypto_secretstream_xchacha20poly1305_push(state, plain, lines, tag)
        put(len(pushed).to_bytes(4, "big") + pushed)

    put(lines + header)
    waiting: list[Entry] = []
    for entry in entries:
        waiting.append(entry)
        count += 1
        if len(waiting) == CHUNK_ENTRIES:
            push(waiting, TAG_MESSAGE)
            waiting = []
    push(waiting, TAG_FINAL)
    file.write(nacl.signing.SigningKey(seed).sign(SIGNED + digest.digest()).signature)
    return count


def outer(path: Path) -> Outer:
    """Whether a key backup is whole and signed by the box that it names. Raises StoreError."""
    with _opened(path) as file:
        found = _outer(file)
        digest, left = hashlib.sha256(), path.stat().st_size - SIGNATURE_BYTES
        file.seek(0)
        while left > 0 and (block := file.read(min(left, BLOCK_BYTES))):
            digest.update(block)
            left -= len(block)
        signature = file.read(SIGNATURE_BYTES)
    try:
        nacl.signing.VerifyKey(found.box).verify(SIGNED + digest.digest(), signature)
    except (ValueError, nacl.exceptions.CryptoError):
        raise _changed() from None
    return found


def entries(path: Path, identity: Identity) -> Iterator[Entry]:
    """Everything in a key backup. Raises StoreError for another identity, a changed or a cut file."""
    with _opened(path) as file:
        found = _outer(file)
        lines = MAGIC + msgspec.json.encode(found) + b"\n"
        try:
            key = nacl.public.SealedBox(nacl.public.PrivateKey(identity.private)).decrypt(found.sealed_key)
        except nacl.exceptions.CryptoError:
            raise StoreError(
                f"the key backup does not open with the identity {identity.recipient.fingerprint}",
                f"it was made for {fingerprint(found.recipient)}: use that stick",
            ) from None
        state = sodium.crypto_secretstream_xchacha20poly1305_state()
        sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, file.read(HEADER_BYTES), key)
        tag = TAG_MESSAGE
        while tag != TAG_FINAL:
            length = int.from_bytes(file.read(4), "big")
            if length > CHUNK_LIMIT_BYTES:
                raise _changed()
            try:
                plain, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(state, file.read(length), lines)
                yield from msgspec.msgpack.decode(plain, type=list[Entry])
            except (RuntimeError, ValueError, nacl.exceptions.CryptoError, msgspec.MsgspecError):
                raise _changed() from None


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise StoreError(
            f"the key backup cannot be read ({type(error).__name__})", "name the file with --keys; is it mounted?"
        ) from None


def _outer(file: BinaryIO) -> Outer:
    if file.read(len(MAGIC)) != MAGIC:
        raise StoreError("that is not a key backup", "key backups lie in the folder `keys` of a backup")
    try:
        return msgspec.json.decode(file.readline(OUTER_LIMIT_BYTES), type=Outer)
    except msgspec.MsgspecError:
        raise _changed() from None


def _changed() -> StoreError:
    return StoreError("the key backup was changed or cut off", "use another copy of it")
