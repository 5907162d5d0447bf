"""The sealed file: an authenticated stream that its writer cannot read back.

    magic line · 24 bytes of stream header · chunks of (4-byte big-endian length, ciphertext)

1. Each file has a random key, sealed to the site's public key (libsodium's sealed box: X25519, XSalsa20-Poly1305)
   and kept in a file of its own. Destroying that file is the erasure.
2. The stream is libsodium's secretstream (XChaCha20-Poly1305): a changed, swapped, dropped or foreign chunk is refused,
   and a missing FINAL tag shows a file that was cut off. So do zeros up to the end: after a power cut ext4 may know of
   a file's new length and not of its content. Who may write zeros may cut the file as well.
3. The call and the part are associated data of every chunk: a chunk opens only in its own file.
4. A chunk's plain text begins with its kind: `A` a piece of the Ogg stream, `D` details as JSON, `T` an utterance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

import nacl.exceptions
import nacl.public
import nacl.utils
from nacl import bindings as sodium

from tavs.errors import StoreError
from tavs.events import CallId

MAGIC = b"tavs sealed 1\n"
KEY_BYTES = sodium.crypto_secretstream_xchacha20poly1305_KEYBYTES
HEADER_BYTES = sodium.crypto_secretstream_xchacha20poly1305_HEADERBYTES
TAG_MESSAGE = sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
TAG_FINAL = sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
CHUNK_LIMIT_BYTES = 1 << 20
"""A second of sound is some 4 KiB, raw metadata at the most 64 KiB."""

Kind = Literal[b"A", b"D", b"T"]
AUDIO: Kind = b"A"
DETAILS: Kind = b"D"
TEXT: Kind = b"T"


def identity(call: CallId, part: int) -> bytes:
    return f"{call}.{part}".encode("ascii")


def sealed_key(key: bytes, public_key: bytes, call: CallId, part: int) -> bytes:
    """The key file: the key and whose it is, for the holder of the private key only."""
    return nacl.public.SealedBox(nacl.public.PublicKey(public_key)).encrypt(key + identity(call, part))


def opened_key(sealed: bytes, private_key: bytes, call: CallId, part: int) -> bytes:
    """Raises StoreError for another site's key, a damaged file or the key of another recording."""
    try:
        plain = nacl.public.SealedBox(nacl.public.PrivateKey(private_key)).decrypt(sealed)
    except nacl.exceptions.CryptoError:
        raise StoreError(
            "a recording's key does not open", "use the private key of the site that recorded it"
        ) from None
    if plain[KEY_BYTES:] != identity(call, part):
        raise StoreError("a recording's key belongs to another recording", "restore the key file from a backup")
    return plain[:KEY_BYTES]


class Sealer:
    """Chunks in, bytes of the file out."""

    def __init__(self, call: CallId, part: int) -> None:
        self.key = sodium.crypto_secretstream_xchacha20poly1305_keygen()
        self._identity = identity(call, part)
        self._state = sodium.crypto_secretstream_xchacha20poly1305_state()
        self._header = sodium.crypto_secretstream_xchacha20poly1305_init_push(self._state, self.key)

    def begin(self) -> bytes:
        return MAGIC + self._header

    def chunk(self, kind: Kind, data: bytes) -> bytes:
        return self._push(kind + data, TAG_MESSAGE)

    def final(self) -> bytes:
        return self._push(b"", TAG_FINAL)

    def _push(self, plain: bytes, tag: int) -> bytes:
        sealed = sodium.crypto_secretstream_xchacha20poly1305_push(self._state, plain, self._identity, tag)
        return len(sealed).to_bytes(4, "big") + sealed


@dataclass(frozen=True, slots=True)
class Chunk:
    kind: bytes
    data: bytes

    def __repr__(self) -> str:
        return f"Chunk({len(self.data)} bytes)"


class Opener:
    """Chunks of a sealed file up to its end or to where it was cut off."""

    def __init__(self, file: BinaryIO, key: bytes, call: CallId, part: int) -> None:
        self.is_complete = False
        """Whether the FINAL chunk was there."""
        self._file = file
        self._key = key
        self._identity = identity(call, part)

    def __iter__(self) -> Iterator[Chunk]:
        """Raises StoreError for a file that is none of ours or was changed."""
        if (magic := self._file.read(len(MAGIC))) != MAGIC[: len(magic)]:
            if self._is_zero_from(magic):
                return
            raise StoreError("a file is not a sealed recording", "check which file was asked for")
        header = self._file.read(HEADER_BYTES)
        if len(header) < HEADER_BYTES:
            return
        state = sodium.crypto_secretstream_xchacha20poly1305_state()
        sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, header, self._key)
        while len(prefix := self._file.read(4)) == 4:
            length = int.from_bytes(prefix, "big")
            if length > CHUNK_LIMIT_BYTES:
                raise StoreError("a chunk of a recording is longer than any we write", "the file was changed")
            if len(sealed := self._file.read(length)) < length:
                return
            try:
                plain, tag = self._pull(state, sealed)
            except StoreError:
                if self._is_zero_from((prefix + sealed)[-1:]):
                    return
                raise
            if tag == TAG_FINAL:
                self.is_complete = True
                return
            yield Chunk(plain[:1], plain[1:])

    def _is_zero_from(self, last: bytes) -> bool:
        """Whether what was read last, and all that follows, was never written."""
        pieces = iter(lambda: self._file.read(CHUNK_LIMIT_BYTES), b"")
        return not last.strip(b"\0") and all(not piece.strip(b"\0") for piece in pieces)

    def _pull(self, state: sodium.crypto_secretstream_xchacha20poly1305_state, sealed: bytes) -> tuple[bytes, int]:
        try:
            return sodium.crypto_secretstream_xchacha20poly1305_pull(state, sealed, self._identity)
        except (RuntimeError, ValueError, nacl.exceptions.CryptoError):
            raise StoreError("a chunk of a recording was changed or is not its own", "compare with a backup") from None
