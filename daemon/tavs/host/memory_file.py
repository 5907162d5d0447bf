"""A few kilobytes in memory that outlive the process which writes them: a memfd that the service manager holds too.

1. Nothing of it is ever on a disk.
2. A kill at any moment leaves the last whole writing: there are two places, written in turn, each with its number and
   checksum. What is read is the newest that is whole.
3. Beside them stands one number that is written by itself, often, from any thread: how far something has come.
"""

from __future__ import annotations

import hashlib
import os
import struct

PLACE_BYTES = 4 << 20
"""Room for one writing; what is not used of it costs no memory."""
FIRST_PLACE = 4096
_MARK = struct.Struct("<Q")
_HEAD = struct.Struct("<QI16s")
"""The number of the writing, its length, its checksum."""
_CHECKED = struct.Struct("<QI")
LIMIT_BYTES = PLACE_BYTES - _HEAD.size
PIECE_BYTES = 1 << 20
"""What the kernel may be asked to copy at once."""


class MemoryFile:
    """Takes over a descriptor; `begin` makes a new one."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        found = [number for number, _ in self._whole()]
        self._number = max(found, default=0)

    @classmethod
    def begin(cls, name: str) -> MemoryFile:
        return cls(os.memfd_create(name, os.MFD_CLOEXEC))

    def write(self, data: bytes) -> bool:
        """Replace what is there; False for more than LIMIT_BYTES, of which nothing is written."""
        if len(data) > LIMIT_BYTES:
            return False
        self._number += 1
        head = _HEAD.pack(self._number, len(data), _checksum(self._number, data))
        written, begin = head + data, _place(self._number)
        while written:
            done = os.pwrite(self.descriptor, written[:PIECE_BYTES], begin)
            written, begin = written[done:], begin + done
        return True

    def read(self) -> bytes | None:
        """The newest whole writing; None where there is none."""
        return max(self._whole(), default=(0, None))[1]

    def mark(self, number: int) -> None:
        os.pwrite(self.descriptor, _MARK.pack(number), 0)

    def marked(self) -> int:
        """0 where nothing was marked."""
        read = os.pread(self.descriptor, _MARK.size, 0)
        return int(_MARK.unpack(read)[0]) if len(read) == _MARK.size else 0

    def close(self) -> None:
        os.close(self.descriptor)

    def _whole(self) -> list[tuple[int, bytes]]:
        return [found for place in (0, 1) if (found := self._read(place)) is not None]

    def _read(self, place: int) -> tuple[int, bytes] | None:
        begin = _place(place)
        head = os.pread(self.descriptor, _HEAD.size, begin)
        if len(head) < _HEAD.size:
            return None
        number, length, checksum = _HEAD.unpack(head)
        if length > LIMIT_BYTES:
            return None
        data = os.pread(self.descriptor, length, begin + _HEAD.size)
        return (number, data) if len(data) == length and checksum == _checksum(number, data) else None


def _place(number: int) -> int:
    return FIRST_PLACE + number % 2 * PLACE_BYTES


def _checksum(number: int, data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16, key=_CHECKED.pack(number, len(data))).digest()
