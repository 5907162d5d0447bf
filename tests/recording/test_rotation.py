"""Rotation: what lives opens with the new key, what was shredded opens with nothing, wherever the power is cut."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import nacl.exceptions
import nacl.public
import nacl.secret
import pytest
from tavs.call.party import party_ref
from tavs.errors import ConfigError, StoreError, UsageError
from tavs.events import CallId
from tavs.host import credentials
from tavs.host.credentials import KeyStatus, fingerprint
from tavs.host.home import Home
from tavs.recording import rotation
from tavs.recording.opened import open_recording
from tavs.recording.rotation import (
    REAL_DISK,
    Disk,
    Key,
    Rewrap,
    Rotated,
    retire_index,
    rotate_desk,
    rotate_index,
    unfinished,
)
from tavs.recording.seal import AUDIO, Sealer, sealed_key
from tavs.store.text_keys import TextKeys

SOUND = b"OggS and a second of sound"
TEXT = "vandet løb ud over hele gulvet"
NUMBER = "+4512345678"


class Killed(BaseException):
    """The process is gone."""


class MortalDisk(Disk):
    """Gone at its n-th step, before it or in the middle of it; keeps the steps it has done."""

    def __init__(self, step: int = -1, *, halfway: bool = False) -> None:
        self.step = step
        self.halfway = halfway
        self.done: list[tuple[str, str]] = []

    def write(self, path: Path, content: bytes, mode: int) -> None:
        self._live("write", path, lambda: super(MortalDisk, self).write(path, content[: len(content) // 2], mode))
        super().write(path, content, mode)

    def overwrite(self, path: Path) -> None:
        before = path.read_bytes()
        self._live("overwrite", path, lambda: path.write_bytes(bytes(len(before) // 2) + before[len(before) // 2 :]))
        super().overwrite(path)

    def rename(self, path: Path, target: Path) -> None:
        self._live("rename", target, lambda: super(MortalDisk, self).rename(path, target))
        super().rename(path, target)

    def unlink(self, path: Path) -> None:
        self._live("unlink", path, lambda: super(MortalDisk, self).unlink(path))
        super().unlink(path)

    def sync(self, folder: Path) -> None:
        self._live("sync", folder, lambda: None)
        super().sync(folder)

    def _live(self, verb: str, path: Path, half: Callable[[], object]) -> None:
        if len(self.done) == self.step:
            if self.halfway:
                half()
            raise Killed
        self.done.append((verb, path.name))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    return new_home(tmp_path / "home")


def new_home(root: Path) -> Home:
    home = Home(root)
    for folder in (home.incoming, home.archive, home.text_keys):
        folder.mkdir(parents=True)
    credentials.create(home)
    return home


def call(number: int) -> CallId:
    return CallId(f"0192f0c1-0000-7000-8000-{number:012x}")


def record(home: Home, folder: Path, number: int) -> Path:
    sealer = Sealer(call(number), 0)
    sealed = folder / f"{call(number)}.0.tavs"
    sealed.write_bytes(sealer.begin() + sealer.chunk(AUDIO, SOUND) + sealer.final())
    key = sealed.with_suffix(".key")
    key.write_bytes(sealed_key(sealer.key, credentials.load("site-public", home), call(number), 0))
    key.chmod(0o640)
    return sealed


def recordings(home: Home, count: int) -> list[Path]:
    return [record(home, (home.incoming, home.archive)[number % 2], number) for number in range(count)]


def opens(sealed: Path, private_key: bytes) -> bool:
    try:
        return SOUND == open_recording(sealed, private_key).ogg
    except StoreError:
        return False


def reasons(home: Home) -> Path:
    """A row of the database that is sealed to the site."""
    return home.var / "reasons"


def seal_reason(home: Home) -> None:
    public_key = nacl.public.PublicKey(credentials.load("site-public", home))
    reasons(home).write_bytes(nacl.public.SealedBox(public_key).encrypt(TEXT.encode()))


def reason(home: Home) -> str:
    private_key = nacl.public.PrivateKey(credentials.load("site-private", home))
    return nacl.public.SealedBox(private_key).decrypt(reasons(home).read_bytes()).decode()


def rotate_site(home: Home, disk: Disk = REAL_DISK) -> Rotated:
    def elsewhere(rewrap: Rewrap) -> None:
        if reasons(home).exists():
            reasons(home).write_bytes(rewrap(reasons(home).read_bytes()))

    return rotation.rotate_site(home, elsewhere, disk)


def write_texts(home: Home, count: int) -> list[bytes]:
    keys = TextKeys(home.text_keys, credentials.load("desk", home))
    return [keys.seal(call(number), 1, TEXT) for number in range(count)]


def texts(home: Home, sealed: list[bytes]) -> list[str]:
    keys = TextKeys(home.text_keys, credentials.load("desk", home))
    return [keys.open(call(number), 1, blob) for number, blob in enumerate(sealed)]


def files(home: Home, pattern: str) -> set[str]:
    return {path.name for path in home.root.rglob(pattern)}


def moments(rotate: Callable[[Home, Disk], object], home: Home, scratch: Path) -> Iterator[tuple[Home, MortalDisk]]:
    """The home as each step of a rotation leaves it that is killed there, before the step and halfway through."""
    whole = MortalDisk()
    rotate(Home(shutil.copytree(home.root, scratch / "whole")), whole)
    for step in range(len(whole.done)):
        for halfway in (False, True):
            left = Home(shutil.copytree(home.root, scratch / f"{step}-{halfway}"))
            disk = MortalDisk(step, halfway=halfway)
            with pytest.raises(Killed):
                rotate(left, disk)
            yield left, disk


def test_every_recording_opens_with_the_new_key_and_none_with_the_old(home: Home) -> None:
    sealed, old = recordings(home, 4), credentials.load("site-private", home)
    rotated = rotate_site(home)
    new = credentials.load("site-private", home)
    assert (Key.SITE, 4) == (rotated.key, rotated.count)
    assert fingerprint(credentials.load("site-public", home)) == rotated.sha256[:16]
    assert [True] * 4 == [opens(path, new) for path in sealed]
    assert [False] * 4 == [opens(path, old) for path in sealed]
    assert opens(record(home, home.incoming, 9), new)


def test_key_files_keep_their_modes(home: Home) -> None:
    [sealed] = recordings(home, 1)
    key = sealed.with_suffix(".key")
    key.chmod(0o660)
    before = os.umask(0o077)
    try:
        rotate_site(home)
    finally:
        os.umask(before)
    assert 0o660 == stat.S_IMODE(key.stat().st_mode), "the sweep has to overwrite it one day"
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in home.keys.iterdir()}


def test_key_files_stay_their_owners_when_root_wraps_them(home: Home) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    [sealed] = recordings(home, 1)
    key = sealed.with_suffix(".key")
    os.chown(key, 12345, 12346)
    rotate_site(home)
    assert (12345, 12346) == (key.stat().st_uid, key.stat().st_gid)


def test_r04_what_was_shredded_opens_neither_from_the_old_image_nor_from_the_new(home: Home, tmp_path: Path) -> None:
    sealed, old = recordings(home, 40), credentials.load("site-private", home)
    shredded, living = sealed[:20], sealed[20:]
    old_image = Home(shutil.copytree(home.root, tmp_path / "old"))
    for path in shredded:
        Disk().overwrite(path.with_suffix(".key"))
        path.with_suffix(".key").unlink()
    rotate_site(home)
    new_image, new = Home(shutil.copytree(home.root, tmp_path / "new")), credentials.load("site-private", home)

    def count(image: Home, paths: list[Path], key: bytes) -> int:
        return sum(opens(image.root / path.relative_to(home.root), key) for path in paths)

    assert (0, 20) == (count(new_image, shredded, new), count(new_image, living, new))
    assert 0 == count(old_image, shredded, new)
    assert (0, 0) == (count(new_image, shredded, old), count(new_image, living, old))
    assert 20 == count(old_image, shredded, old), "the attack itself works: the old image with the key of its time"
    assert old not in b"".join(path.read_bytes() for path in new_image.root.rglob("*") if path.is_file())


def test_killed_at_any_step_a_rotation_of_the_site_goes_on_where_it_stopped(home: Home, tmp_path: Path) -> None:
    sealed, old = recordings(home, 3), credentials.load("site-private", home)
    seal_reason(home)
    for left, disk in moments(rotate_site, home, tmp_path):
        here = [left.root / path.relative_to(home.root) for path in sealed]
        either = [path.read_bytes() for path in left.keys.glob("site-private.key*") if path.suffix != ".part"]
        assert all(any(opens(path, key) for key in either) for path in here), disk.done
        assert 3 == rotate_site(left).count, disk.done
        new = credentials.load("site-private", left)
        assert [True] * 3 == [opens(path, new) for path in here], disk.done
        assert opens(record(left, left.incoming, 9), new), disk.done
        assert TEXT == reason(left), disk.done
        assert old not in [path.read_bytes() for path in left.keys.iterdir()], disk.done
        assert set() == files(left, "*.new") | files(left, "*.part"), disk.done
        assert () == unfinished(left)


def test_killed_at_any_step_a_rotation_of_the_desk_goes_on_where_it_stopped(home: Home, tmp_path: Path) -> None:
    sealed, old = write_texts(home, 3), credentials.load("desk", home)
    for left, disk in moments(rotate_desk, home, tmp_path):
        rotate_desk(left)
        assert [TEXT] * 3 == texts(left, sealed), disk.done
        assert old not in [path.read_bytes() for path in left.keys.iterdir()], disk.done
        assert set() == files(left, "*.new") | files(left, "*.part"), disk.done


def test_killed_at_any_step_a_rotation_of_the_index_loses_no_number(home: Home, tmp_path: Path) -> None:
    old = credentials.load("index", home)
    for left, disk in moments(rotate_index, home, tmp_path):
        assert old in credentials.index_keys(left), disk.done
        rotate_index(left)
        keys = credentials.index_keys(left)
        assert old in keys[1:], disk.done
        assert len(set(keys)) == len(keys), disk.done
        assert set() == files(left, "*.part"), disk.done


def test_killed_at_any_step_a_retired_index_key_is_gone_after_the_next_run(home: Home, tmp_path: Path) -> None:
    rotate_index(home)
    for left, disk in moments(partial(retire, living=[]), home, tmp_path):
        retire(left, Disk(), living=[])
        assert [credentials.load("index", left)] == credentials.index_keys(left), disk.done


def retire(home: Home, disk: Disk, *, living: list[str]) -> int:
    return retire_index(home, living, disk)


def test_the_old_key_is_destroyed_only_after_everything_else_is_on_the_disk(home: Home) -> None:
    recordings(home, 4)
    disk = MortalDisk()
    rotate_site(home, disk)
    place = disk.done.index(("overwrite", "site-private.key"))
    before, after = disk.done[:place], disk.done[place:]
    assert [("overwrite", "site-private.key"), ("rename", "site-private.key"), ("sync", "keys")] == after
    assert [("rename", "site-public.key"), ("sync", "keys")] == before[-2:]
    last_wrapped = max(place for place, (verb, name) in enumerate(before) if verb == "rename" and ".0.key" in name)
    assert {("sync", "incoming"), ("sync", "archive")} <= set(before[last_wrapped:])


def test_what_a_killed_run_renamed_is_synced_by_the_next_one_before_the_old_key_goes(home: Home) -> None:
    recordings(home, 2)
    killed, disk = MortalDisk(7), MortalDisk()
    with pytest.raises(Killed):
        rotate_site(home, killed)
    assert [("sync", "keys"), *["write", "rename"] * 2] == [killed.done[2], *(verb for verb, _ in killed.done[3:])]
    rotate_site(home, disk)
    before = disk.done[: disk.done.index(("overwrite", "site-private.key"))]
    assert {"incoming", "archive", "keys"} == {name for verb, name in before if verb == "sync"}


def test_a_key_file_that_opens_with_neither_key_stops_before_anything_old_is_destroyed(home: Home) -> None:
    sealed, old = recordings(home, 4), credentials.load("site-private", home)
    damaged = [path.with_suffix(".key") for path in sealed[1:3]]
    whole = [path.read_bytes() for path in damaged]
    damaged[0].write_bytes(b"")
    damaged[1].write_bytes(bytes(len(whole[1])))
    with pytest.raises(StoreError, match="2 of 4 key files"):
        rotate_site(home)
    assert old == credentials.load("site-private", home)
    assert (Key.SITE,) == unfinished(home)
    for path, content in zip(damaged, whole, strict=True):
        path.write_bytes(content)
    assert 4 == rotate_site(home).count
    assert all(opens(path, credentials.load("site-private", home)) for path in sealed)


def test_a_sealed_row_that_opens_with_neither_key_stops_before_anything_old_is_destroyed(home: Home) -> None:
    old = credentials.load("site-private", home)
    seal_reason(home)
    sealed = reasons(home).read_bytes()
    reasons(home).write_bytes(sealed[:-1])
    with pytest.raises(StoreError, match="sealed text in the database"):
        rotate_site(home)
    assert old == credentials.load("site-private", home)
    reasons(home).write_bytes(sealed)
    rotate_site(home)
    assert TEXT == reason(home)


def test_a_recording_that_was_begun_while_a_rotation_lay_still_is_wrapped_anew_too(home: Home, tmp_path: Path) -> None:
    recordings(home, 2)
    for left, disk in moments(rotate_site, home, tmp_path):
        begun = record(left, left.incoming, 9)
        rotate_site(left)
        assert opens(begun, credentials.load("site-private", left)), disk.done


def test_what_was_shredded_while_a_rotation_lay_still_does_not_come_back(home: Home, tmp_path: Path) -> None:
    sealed = recordings(home, 2)
    for left, disk in moments(rotate_site, home, tmp_path):
        key = left.root / sealed[0].relative_to(home.root).with_suffix(".key")
        key.unlink()
        rotate_site(left)
        assert set() == files(left, f"{key.name}*"), disk.done


def test_masked_text_opens_with_the_new_desk_key_and_not_with_the_old(home: Home) -> None:
    sealed, old = write_texts(home, 3), credentials.load("desk", home)
    rotated = rotate_desk(home)
    assert (Key.DESK, 3) == (rotated.key, rotated.count)
    assert [TEXT] * 3 == texts(home, sealed)
    for path in home.text_keys.iterdir():
        with pytest.raises(nacl.exceptions.CryptoError):
            nacl.secret.SecretBox(old).decrypt(path.read_bytes())


def test_calls_that_earlier_index_keys_have_hashed_are_found_until_those_keys_are_retired(home: Home) -> None:
    refs = []
    for _ in range(3):
        refs.append(party_ref(NUMBER, credentials.load("index", home)))
        rotate_index(home)
    keys = credentials.index_keys(home)
    assert [*reversed(refs)] == [party_ref(NUMBER, key) for key in keys[1:]]
    assert 2 == retire_index(home, {str(refs[1]).partition(":")[0]})
    assert [keys[0], keys[2]] == credentials.index_keys(home)


def test_what_is_shown_of_keys_is_their_fingerprints(home: Home) -> None:
    shown = credentials.status(home)
    assert [*credentials.NAMES] == [key.name for key in shown]
    assert all(key.is_present for key in shown)
    secrets = [path.read_bytes() for path in home.keys.iterdir()]
    assert {fingerprint(secret) for secret in secrets} == {key.fingerprint for key in shown}
    assert not any(secret.hex()[:16] in repr(shown) for secret in secrets)
    (home.keys / "desk.key").write_bytes(b"short")
    rotate_index(home)
    assert KeyStatus("desk", None) in credentials.status(home)
    assert 1 == sum(key.name.startswith("index-") for key in credentials.status(home))


def test_a_private_half_that_is_kept_elsewhere_is_not_made_anew(home: Home) -> None:
    (home.keys / "site-private.key").unlink()
    (home.keys / "audit-public.key").unlink()
    credentials.create(home)
    assert not (home.keys / "site-private.key").exists()
    assert credentials.audit_public(credentials.load("audit", home)) == credentials.load("audit-public", home)
    with pytest.raises(ConfigError, match="site-private cannot be read"):
        rotate_site(home)


ALL: list[Callable[[Home], Rotated | int]] = [
    rotate_site,
    rotate_desk,
    rotate_index,
    partial(retire_index, living_key_ids=()),
]


@pytest.mark.parametrize("rotate", ALL, ids=("site", "desk", "index", "retire"))
def test_keys_that_systemd_holds_are_not_rotated(
    home: Home, rotate: Callable[[Home], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(home.keys))
    before = {path.name: path.read_bytes() for path in home.keys.iterdir()}
    with pytest.raises(UsageError, match="systemd"):
        rotate(home)
    assert before == {path.name: path.read_bytes() for path in home.keys.iterdir()}


@pytest.mark.parametrize("rotate", ALL, ids=("site", "desk", "index", "retire"))
def test_two_rotations_at_once_are_refused(home: Home, rotate: Callable[[Home], object]) -> None:
    class Impatient(Disk):
        def sync(self, folder: Path) -> None:
            with pytest.raises(UsageError, match="another rotation"):
                rotate(home)
            super().sync(folder)

    recordings(home, 1)
    assert 1 == rotate_site(home, Impatient()).count


def test_a_disk_that_refuses_is_a_sentence_and_leaves_the_old_key(home: Home) -> None:
    class FullDisk(Disk):
        def write(self, path: Path, content: bytes, mode: int) -> None:
            raise OSError(28, "No space left on device")

    recordings(home, 1)
    old = credentials.load("site-private", home)
    with pytest.raises(StoreError, match="no space left on device"):
        rotate_site(home, FullDisk())
    assert old == credentials.load("site-private", home)
