"""One key a call for its masked text, in a file of its own, wrapped by the desk's key; destroying it is the erasure."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import nacl.exceptions
import nacl.secret
import nacl.utils

from tavs.errors import StoreError
from tavs.events import CallId
from tavs.host.files import write_whole

REMEMBERED = 256
"""Keys of running calls that are kept unwrapped."""


class TextKeys:
    def __init__(self, folder: Path, desk_key: bytes) -> None:
        self._folder = folder
        self._desk = nacl.secret.SecretBox(desk_key)
        self._known: OrderedDict[CallId, nacl.secret.Aead] = OrderedDict()

    def seal(self, call: CallId, place: int, text: str) -> bytes:
        """`place` is the row's own number in the call: a blob opens only where it was put."""
        return bytes(self._box(call, make=True).encrypt(text.encode(), _associated(call, place)))

    def open(self, call: CallId, place: int, sealed: bytes) -> str:
        """Raises StoreError when the key is destroyed or the blob was changed."""
        try:
            return self._box(call, make=False).decrypt(sealed, _associated(call, place)).decode()
        except nacl.exceptions.CryptoError:
            raise StoreError("a sealed text does not open", "it was changed, or it belongs to another row") from None

    def _box(self, call: CallId, *, make: bool) -> nacl.secret.Aead:
        if call not in self._known:
            self._known[call] = nacl.secret.Aead(self._key(call, make=make))
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return self._known[call]

    def _key(self, call: CallId, *, make: bool) -> bytes:
        path = self._folder / f"{call}.key"
        try:
            return bytes(self._desk.decrypt(path.read_bytes()))
        except FileNotFoundError:
            if not make:
                raise StoreError("the key of a call's text is gone", "what was sealed with it is erased") from None
        except nacl.exceptions.CryptoError:
            raise StoreError("the key of a call's text does not open", "use the desk key that wrapped it") from None
        key = nacl.utils.random(nacl.secret.Aead.KEY_SIZE)
        write_whole(path, self._desk.encrypt(key), 0o660)
        return key


def _associated(call: CallId, place: int) -> bytes:
    return f"{call}.{place}".encode("ascii")
