"""What of a box goes into its backups: closed recordings, settings, and everything that opens something.

1. Content is what is sealed, and what is not personal: sealed files with their sidecars, configuration, terms,
   reviews. Whatever opens something goes into the key backup only: keys of recordings and texts, the box's own keys,
   and all that lies beside the panel's key (its accounts too).
2. A file may move from `incoming/` to `archive/`, or go for good, while it is looked for: it is looked for in both, and
   what is gone is no error.
3. Models are not in it: they come with their package or their bundle.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from tavs.backup.envelope import Entry
from tavs.backup.manifest import Folder, Found, Recording
from tavs.errors import ConfigError
from tavs.events import Sidecar, SidecarState
from tavs.host import credentials
from tavs.host.home import Home
from tavs.store.files import KEY, SEALED, SIDECAR

FOLDERS: tuple[Folder, ...] = ("incoming", "archive")
"""In the order in which a file passes through them."""
KEY_LIMIT_BYTES = 64 << 10
"""No key file is longer than some 200 bytes, nor a certificate or a list of accounts longer than this."""
NOT_SETTINGS = ("keys", "panel")


def folder(home: Home, name: Folder) -> Path:
    return home.incoming if name == "incoming" else home.archive


def recordings(home: Home, known: Mapping[str, Recording]) -> Iterator[Found]:
    """Closed sealed files with their sidecars. Sidecars of files in `known` are not read again."""
    sizes: dict[str, tuple[Folder, int]] = {}
    for place in FOLDERS:
        with os.scandir(folder(home, place)) as found:
            for each in found:
                if each.name.endswith((SEALED, SIDECAR)):
                    try:
                        sizes[each.name] = (place, each.stat(follow_symlinks=False).st_size)
                    except FileNotFoundError:
                        continue
    for name, (place, sidecar_size) in sorted(sizes.items()):
        stem = name.removesuffix(SIDECAR)
        if not name.endswith(SIDECAR) or f"{stem}{SEALED}" not in sizes:
            continue
        size = sizes[f"{stem}{SEALED}"][1]
        before = known.get(stem)
        if (before and (before.size, before.sidecar_size) == (size, sidecar_size)) or sidecar(home, stem):
            yield Found(stem, place, size, sidecar_size)


def sidecar(home: Home, stem: str) -> Sidecar | None:
    """None while the file or its call is not closed, and where the sidecar is gone or unreadable."""
    path = located(home, f"{stem}{SIDECAR}")
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Sidecar) if path else None
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    is_closed = found and found.state is not SidecarState.OPEN and found.sha256 and found.call_ended_at
    return found if is_closed else None


def located(home: Home, name: str) -> Path | None:
    """Where a file of a recording lies now."""
    return next((path for each in FOLDERS if (path := folder(home, each) / name).exists()), None)


def settings(home: Home) -> Iterator[tuple[str, Path]]:
    """(path below the root, file) of configuration, terms and reviews."""
    for top in (home.etc, home.terms, home.reviews):
        for place, folders, names in os.walk(top):
            here = Path(place)
            if here == home.etc:
                folders[:] = [each for each in folders if each not in NOT_SETTINGS]
            folders.sort()
            for name in sorted(names):
                path = here / name
                if stat.S_ISREG(path.lstat().st_mode):
                    yield str(path.relative_to(home.root)), path


def keys(home: Home) -> Iterator[Entry]:
    """Everything that opens something, the box's own keys first."""
    store = credentials.store(home)
    kept = sorted(store.kept_index(), key=lambda path: path.stat().st_mtime_ns)
    for name, path in [*((name, store.path(name)) for name in credentials.NAMES), *((store.name(p), p) for p in kept)]:
        if path.exists():
            yield Entry(place="master", name=name, data=store.read(name, path))
    for each in FOLDERS:
        yield from _files("recording", folder(home, each), KEY)
    yield from _files("text", home.text_keys, KEY)
    yield from _files("panel", home.etc / "panel", "")


def unreadable(home: Home) -> int:
    """How many sealed files have no key beside them."""
    sealed = (path for each in FOLDERS for path in folder(home, each).glob(f"*{SEALED}"))
    return sum(not path.with_suffix(KEY).exists() for path in sealed)


def missing_keys(home: Home) -> list[str]:
    return [each.name for each in credentials.status(home) if not each.is_present]


def _files(place: str, top: Path, ending: str) -> Iterator[Entry]:
    if not top.exists():
        return
    with os.scandir(top) as found:
        names = sorted(each.name for each in found if each.name.endswith(ending))
    for name in names:
        path = top / name
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                continue
            data = path.read_bytes()
        except FileNotFoundError:
            continue
        if len(data) > KEY_LIMIT_BYTES:
            raise ConfigError(f"{name} is too long for a key", f"move {path} elsewhere: it is none of ours")
        yield msgspec.convert((place, name, data), Entry)
