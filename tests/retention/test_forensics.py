"""After destruction a raw image of the disk is searched: the keys are in no block of it, the neighbours' are."""

from __future__ import annotations

import errno
import os
import random
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nacl.public
import nacl.utils
import pytest
from tavs.errors import StoreError
from tavs.events import CallId
from tavs.recording.seal import DETAILS, Sealer, sealed_key
from tavs.retention.destroy import Disk, destroy
from tavs.store.text_keys import TextKeys

IMAGE_BYTES = 12 << 20
CALLS = 24
PIECE_BYTES = 16
"""A piece of a key this long is found nowhere by chance."""


@dataclass
class Stick:
    """An ext4 file system in an image file."""

    image: Path
    folder: Path
    is_mounted: bool = field(default=False, init=False)

    def mount(self) -> bool:
        commands = [
            ["mkfs.ext4", "-q", "-F", str(self.image)],
            ["mount", "-o", "loop,nodiscard", str(self.image), str(self.folder)],
        ]
        try:
            done = [subprocess.run(each, capture_output=True, check=False).returncode == 0 for each in commands]
        except FileNotFoundError:
            return False
        self.is_mounted = all(done)
        return self.is_mounted

    def unmount(self) -> None:
        if self.is_mounted:
            subprocess.run(["umount", str(self.folder)], check=True)  # and not --lazy: what waits is written now
            self.is_mounted = False

    def raw(self) -> bytes:
        os.sync()
        return self.image.read_bytes()


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[Stick]:
    yield from mounted(tmp_path, IMAGE_BYTES)


def mounted(folder: Path, image_bytes: int) -> Iterator[Stick]:
    """A file system of that size; skips the test where none may be mounted."""
    stick = Stick(folder / "image", folder / "stick")
    stick.folder.mkdir()
    with stick.image.open("wb") as file:
        file.truncate(image_bytes)
    if not stick.mount():
        pytest.skip("this machine does not let us mount a file system")
    yield stick
    stick.unmount()


@dataclass(frozen=True)
class Planted:
    """A call as it lies on the disk."""

    keys: tuple[Path, ...]
    sealed: Path
    spoken: bytes
    """What was said; it must never be found."""
    opened: bytes
    """The recording's key as it is without a wrap; the same."""
    wrapped: tuple[bytes, ...]
    """The key files' bytes."""


def plant(folder: Path, number: int, site: nacl.public.PrivateKey, texts: TextKeys) -> Planted:
    call = CallId(f"0192f0c1-0000-7000-8000-{number:012x}")
    spoken = b"planted sentence " + nacl.utils.random(12).hex().encode()
    sealer = Sealer(call, 0)
    sealed, key = folder / f"archive/{call}.0.tavs", folder / f"archive/{call}.0.key"
    _written(sealed, sealer.begin() + sealer.chunk(DETAILS, spoken) + sealer.final())
    _written(key, sealed_key(sealer.key, bytes(site.public_key), call, 0))
    _written(folder / f"archive/{call}.0.text", texts.seal(call, 0, spoken.decode()))
    keys = (key, folder / f"text-keys/{call}.key")
    return Planted(keys, sealed, spoken, sealer.key, tuple(each.read_bytes() for each in keys))


def plant_all(folder: Path) -> list[Planted]:
    (folder / "archive").mkdir()
    (folder / "text-keys").mkdir()
    site, texts = nacl.public.PrivateKey.generate(), TextKeys(folder / "text-keys", nacl.utils.random(32))
    return [plant(folder, number, site, texts) for number in range(CALLS)]


def _written(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def found(raw: bytes, needles: Sequence[bytes]) -> int:
    """How many of the needles are in the image, whole or in any piece."""
    pieces = ([each[start : start + PIECE_BYTES] for start in range(0, len(each), PIECE_BYTES)] for each in needles)
    return sum(any(piece in raw for piece in some if len(piece) == PIECE_BYTES) for some in pieces)


def wrapped(calls: Sequence[Planted]) -> list[bytes]:
    return [key for call in calls for key in call.wrapped]


def test_destroyed_keys_are_in_no_block_of_the_disk(stick: Stick) -> None:
    calls = plant_all(stick.folder)
    gone = random.Random(4).sample(calls, CALLS // 2)
    living = [call for call in calls if call not in gone]
    assert 2 * CALLS == found(stick.raw(), wrapped(calls)), "the search finds what is there"
    destroy([key for call in gone for key in call.keys], [call.sealed for call in gone], Disk())
    stick.unmount()
    raw = stick.image.read_bytes()
    assert 0 == found(raw, wrapped(gone))
    assert 2 * len(living) == found(raw, wrapped(living))
    assert 0 == found(raw, [each for call in calls for each in (call.spoken, call.opened)])


def test_the_platter_has_lost_the_keys_when_destroy_returns_and_not_only_at_the_end(stick: Stick) -> None:
    calls = plant_all(stick.folder)
    destroy([key for call in calls for key in call.keys], [], Disk())
    assert 0 == found(stick.image.read_bytes(), wrapped(calls))


def test_unlinking_alone_would_have_left_them_there(stick: Stick) -> None:
    """The positive control: why keys are overwritten."""
    calls = plant_all(stick.folder)
    for call in calls:
        for key in call.keys:
            key.unlink()
    stick.unmount()
    assert 2 * CALLS == found(stick.image.read_bytes(), wrapped(calls))


def test_a_disk_without_a_free_byte_still_destroys(stick: Stick) -> None:
    calls = plant_all(stick.folder)
    with (stick.folder / "other").open("wb", buffering=0) as file, pytest.raises(OSError) as full:
        while True:
            file.write(bytes(1 << 12))
    assert errno.ENOSPC == full.value.errno
    destroy([key for call in calls for key in call.keys], [call.sealed for call in calls], Disk())
    stick.unmount()
    assert 0 == found(stick.image.read_bytes(), wrapped(calls))


def test_a_disk_that_became_read_only_refuses_and_loses_nothing(stick: Stick) -> None:
    calls = plant_all(stick.folder)
    subprocess.run(["mount", "-o", "remount,ro", str(stick.folder)], check=True)
    with pytest.raises(StoreError, match="read-only file system"):
        destroy([key for call in calls for key in call.keys], [call.sealed for call in calls], Disk())
    stick.unmount()
    assert 2 * CALLS == found(stick.image.read_bytes(), wrapped(calls))
