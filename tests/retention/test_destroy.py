"""What is destroyed stays destroyed, wherever a crash falls. The invariants of destroy.py, each by its name."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tavs.errors import StoreError
from tavs.retention.destroy import Disk, destroy

OLD, NEW = b"K" * 72, b"\0" * 72
Result = TypeVar("Result")


class Stopped(Exception):
    """The power went."""


class Platter(Disk):
    """A disk that forgets what was not synced: after a crash any part of it is there and any part is not."""

    def __init__(self, keys: Iterable[Path], files: Iterable[Path]) -> None:
        self.keys = frozenset(keys)
        self.seen: dict[Path, bytes] = {**dict.fromkeys(keys, OLD), **dict.fromkeys(files, b"sealed")}
        """Names and contents as programs see them."""
        self.blocks = dict(self.seen)
        """What stands on the medium, under a name or under none any more."""
        self.names = set(self.seen)
        """The names on the medium."""
        self.steps_left = 1 << 30
        self._folders: list[Path] = []

    def crash(self, chance: random.Random) -> None:
        for path, content in self.seen.items():
            torn = chance.randint(0, len(content))
            self.blocks[path] = content[:torn] + self.blocks[path][torn:]
        self.names = {path for path in self.names if path in self.seen or chance.random() < 0.5}
        self.seen = {path: self.blocks[path] for path in self.names}
        self.steps_left = 1 << 30

    def open(self, folder: Path) -> int:
        self._step()
        self._folders.append(folder)
        return len(self._folders) - 1

    def overwrite(self, folder: int, name: str) -> None:
        self._step()
        path = self._folders[folder] / name
        if path not in self.seen:
            raise FileNotFoundError
        self.seen[path] = NEW

    def sync(self, folders: Iterable[int]) -> None:
        self._step()
        self.blocks.update(self.seen)

    def unlink(self, folder: int, name: str) -> None:
        self._step()
        path = self._folders[folder] / name
        if path not in self.seen:
            raise FileNotFoundError
        assert path not in self.keys or NEW == self.blocks[path], "the name goes and the old bytes stay"
        del self.seen[path]

    def sync_folder(self, folder: int) -> None:
        self._step()
        self.names -= {path for path in self.names - set(self.seen) if path.parent == self._folders[folder]}

    def close(self, folder: int) -> None:
        """Nothing of it is lost in a crash."""

    def _step(self) -> None:
        if self.steps_left == 0:
            raise Stopped
        self.steps_left -= 1


class Failing(Disk):
    """The real disk, until one call fails."""

    def __init__(self, works: int, number: int = errno.EIO) -> None:
        self.works = works
        self._number = number
        self.unlinked: list[str] = []

    def open(self, folder: Path) -> int:
        return self._tried(lambda: super(Failing, self).open(folder))

    def overwrite(self, folder: int, name: str) -> None:
        self._tried(lambda: super(Failing, self).overwrite(folder, name))

    def sync(self, folders: Iterable[int]) -> None:
        self._tried(lambda: super(Failing, self).sync(folders))

    def unlink(self, folder: int, name: str) -> None:
        self._tried(lambda: super(Failing, self).unlink(folder, name))
        self.unlinked.append(name)

    def sync_folder(self, folder: int) -> None:
        self._tried(lambda: super(Failing, self).sync_folder(folder))

    def _tried(self, call: Callable[[], Result]) -> Result:
        if self.works == 0:
            raise OSError(self._number, os.strerror(self._number))
        self.works -= 1
        return call()


def planted(home: Path, count: int = 3) -> tuple[list[Path], list[Path]]:
    """Keys in one folder, sealed files in another."""
    (home / "keys").mkdir(parents=True)
    (home / "archive").mkdir()
    keys = [home / f"keys/{number}.key" for number in range(count)]
    files = [home / f"archive/{number}.tavs" for number in range(count)]
    for key in keys:
        key.write_bytes(OLD)
    for file in files:
        file.write_bytes(b"sealed")
    return keys, files


def there(*paths: Path) -> list[Path]:
    return [path for path in paths if path.exists()]


@settings(max_examples=400, deadline=None)
@given(
    st.integers(0, 4), st.integers(0, 4), st.lists(st.integers(0, 30), max_size=4), st.randoms(use_true_random=False)
)
def test_the_old_bytes_go_before_the_name_and_gone_means_gone_whatever_the_power_does(
    key_count: int, file_count: int, crashes: list[int], chance: random.Random
) -> None:
    keys = [Path(f"keys/{number}.key") for number in range(key_count)]
    files = [Path(f"archive/{number}.tavs") for number in range(file_count)]
    disk = Platter(keys, files)
    for step in crashes:
        disk.steps_left = step
        with suppress(Stopped):
            destroy(keys, files, disk)
        disk.crash(chance)
    destroy(keys, files, disk)
    disk.crash(chance)
    assert {} == disk.seen
    assert [] == [path for path in keys if b"K" in disk.blocks[path]]


def test_what_is_not_there_is_gone(tmp_path: Path) -> None:
    keys, files = planted(tmp_path)
    keys[0].unlink()
    files[1].unlink()
    for _ in range(2):
        destroy(keys, files, Disk())
        assert [] == there(*keys, *files)


def test_a_failure_at_any_step_is_ended_by_the_next_call(tmp_path: Path) -> None:
    failures = 0
    while True:
        keys, files = planted(tmp_path / str(failures))
        try:
            destroy(keys, files, Failing(failures))
        except StoreError:
            failures += 1
            destroy(keys, files, Disk())
            assert [] == there(*keys, *files)
        else:
            break
    assert 2 + 3 + 1 + 6 + 2 == failures


def test_one_that_refuses_keeps_every_name(tmp_path: Path) -> None:
    keys, files = planted(tmp_path)
    for works in range(2 + 3 + 1):
        with pytest.raises(StoreError):
            destroy(keys, files, Failing(works))
        assert [*keys, *files] == there(*keys, *files)


def test_neighbours_stay_as_they_are(tmp_path: Path) -> None:
    keys, files = planted(tmp_path, count=6)
    destroy(keys[:3], files[:3], Disk())
    assert [*keys[3:], *files[3:]] == there(*keys, *files)
    assert {OLD} == {key.read_bytes() for key in keys[3:]}


def test_keys_are_unlinked_before_what_they_open(tmp_path: Path) -> None:
    keys, files = planted(tmp_path)
    disk = Failing(1 << 30)
    destroy(keys, files, disk)
    assert {path.name for path in keys} == set(disk.unlinked[: len(keys)])
    assert {path.name for path in files} == set(disk.unlinked[len(keys) :])


def test_a_key_is_overwritten_in_its_whole_length_and_its_other_names_lose_it_too(tmp_path: Path) -> None:
    keys, _ = planted(tmp_path, count=1)
    other = tmp_path / "a second name"
    other.hardlink_to(keys[0])
    destroy(keys, [], Disk())
    assert len(OLD) == len(other.read_bytes())
    assert b"KKKK" not in other.read_bytes()


def test_a_folder_that_is_not_there_proves_nothing(tmp_path: Path) -> None:
    keys, files = planted(tmp_path)
    with pytest.raises(StoreError, match="the folder elsewhere cannot be opened"):
        destroy([*keys, tmp_path / "elsewhere/1.key"], files, Disk())
    assert [*keys, *files] == there(*keys, *files)


def test_no_link_leads_elsewhere(tmp_path: Path) -> None:
    keys, files = planted(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(OLD)
    keys[0].unlink()
    keys[0].symlink_to(elsewhere)
    with pytest.raises(StoreError, match=r"^0\.key cannot be overwritten"):
        destroy(keys, files, Disk())
    assert OLD == elsewhere.read_bytes()
    files[0].unlink()
    files[0].symlink_to(elsewhere)
    destroy(keys[1:], files, Disk())
    assert OLD == elsewhere.read_bytes()


def test_a_pipe_in_the_place_of_a_key_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    keys, files = planted(tmp_path)
    keys[0].unlink()
    os.mkfifo(keys[0])
    with pytest.raises(StoreError, match=r"^0\.key cannot be overwritten"):
        destroy(keys, files, Disk())


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.EIO, "input/output error"), (errno.EACCES, "permission denied"), (errno.EROFS, "read-only file system")],
)
def test_a_refusal_names_the_file_and_nothing_above_it(tmp_path: Path, number: int, reason: str) -> None:
    keys, files = planted(tmp_path)
    with pytest.raises(StoreError) as refused:
        destroy(keys, files, Failing(3, number))
    assert f"1.key cannot be overwritten ({reason})" == refused.value.message


def test_a_sync_that_fails_says_so() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        Disk().sync([os.open("/dev/null", os.O_PATH)])


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    keys, files = planted(tmp_path)
    before = descriptors()
    for works in (1, 4, 1 << 30):
        with suppress(StoreError):
            destroy(keys, files, Failing(works))
    assert before == descriptors()
