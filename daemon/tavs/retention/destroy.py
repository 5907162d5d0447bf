"""The only place that destroys what was kept: the key's bytes first, then its name, then what it opened.

Invariants, each with a test of its name:

1. the_old_bytes_go_before_the_name: a key is unlinked only when random bytes stand in its place on the disk itself.
2. what_is_not_there_is_gone: after a crash at any step the same call is made again and ends what it began.
3. gone_means_gone_whatever_the_power_does: when `destroy` returns, no name and no old byte of a key comes back.
4. one_that_refuses_keeps_every_name: where a key cannot be overwritten, or the disk does not take it, nothing is
   unlinked; the caller may go on with the others.
5. a_folder_that_is_not_there_proves_nothing: its disk may only not be mounted, so that is an error.
6. no_link_leads_elsewhere: what lies in a folder is destroyed there, never what it points at.

Procedure: 1. Overwrite all keys in place, without cutting them short: their blocks would be freed with the bytes in
them. 2. Sync each file system once: 10,000 keys cost one wait. 3. Unlink the keys, then the files, several at a time.
4. Sync the folders.

What is overwritten is a wrapped key. A medium that writes elsewhere than told (flash, copy-on-write) may keep it; it
opens nothing once the key that wrapped it was rotated (recording/rotation.py). None of it needs free space.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tavs.errors import StoreError

UNLINKERS = 8
"""ext4 puts whoever unlinks to sleep for a moment; beside speech-to-text on every core each wakes 4 ms late, and 26,000
files one after the other took 70 s instead of 4."""

_LIBC = ctypes.CDLL(None, use_errno=True)


class Disk:
    """The few calls it takes. A folder is opened once, before anything in it is touched, and named by its descriptor:
    syncfs(2) tells of the failures since then."""

    def open(self, folder: Path) -> int:
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY)

    def overwrite(self, folder: int, name: str) -> None:
        """Random bytes in the place of a file's own; it waits neither for the disk nor for the reader of a pipe."""
        descriptor = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(os.fstat(descriptor).st_size))

    def sync(self, folders: Iterable[int]) -> None:
        """Everything written so far is on the disk, on each of the file systems that the folders lie on."""
        for folder in {os.fstat(folder).st_dev: folder for folder in folders}.values():
            if _LIBC.syncfs(folder) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))

    def unlink(self, folder: int, name: str) -> None:
        os.unlink(name, dir_fd=folder)

    def sync_folder(self, folder: int) -> None:
        os.fsync(folder)

    def close(self, folder: int) -> None:
        os.close(folder)


def destroy(keys: Sequence[Path], files: Sequence[Path], disk: Disk) -> None:
    """Both are gone when it returns, as far as they were there. Raises StoreError, and may then be called again."""
    with ExitStack() as opened:
        folders: dict[Path, int] = {}
        for folder in sorted({path.parent for path in (*keys, *files)}):
            with _blamed(f"the folder {folder.name} cannot be opened"):
                folders[folder] = disk.open(folder)
            opened.callback(disk.close, folders[folder])
        for key in keys:
            with _blamed(f"{key.name} cannot be overwritten"), suppress(FileNotFoundError):
                disk.overwrite(folders[key.parent], key.name)
        with _blamed("overwritten keys do not reach the disk"):
            disk.sync({folders[key.parent] for key in keys})
        for paths in (keys, files):
            with ThreadPoolExecutor(UNLINKERS) as pool:
                shares = [pool.submit(_unlink, paths[each::UNLINKERS], folders, disk) for each in range(UNLINKERS)]
            for share in shares:
                share.result()
        for folder, descriptor in folders.items():
            with _blamed(f"the folder {folder.name} cannot be synced"):
                disk.sync_folder(descriptor)


def _unlink(paths: Iterable[Path], folders: Mapping[Path, int], disk: Disk) -> None:
    for path in paths:
        with _blamed(f"{path.name} cannot be unlinked"), suppress(FileNotFoundError):
            disk.unlink(folders[path.parent], path.name)


@contextmanager
def _blamed(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{what} ({os.strerror(error.errno or 0).lower()})",
            "see to modes, mounts and the health of the disk; what is left goes with the next sweep",
        ) from None
