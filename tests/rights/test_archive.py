"""An export: whole or not there, the same bytes for the same entries, and nothing in it changes unseen."""

import hashlib
import io
import json
import os
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tavs.errors import StoreError, UsageError
from tavs.rights.archive import FORMAT, MANIFEST, Fault, Trouble, verify_zip, write_zip

ENTRIES = [("call/recording-0.ogg", b"OggS" * 500), ("call/vcon.json", b"{}"), ("empty", b"")]
ABOUT: dict[str, str | int] = {"call": "0192f0c1-0000-7000-8000-000000000001", "sequence": 12}


def rewritten(path: Path, entries: list[tuple[str, bytes]]) -> Path:
    changed = path.with_name("changed.zip")
    with zipfile.ZipFile(changed, "w") as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return changed


def read(path: Path) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        return [(each.filename, archive.read(each)) for each in archive.infolist()]


@pytest.fixture
def export(tmp_path: Path) -> Path:
    write_zip(tmp_path / "export.zip", ENTRIES, ABOUT)
    return tmp_path / "export.zip"


def test_an_archive_holds_its_entries_and_a_manifest_that_names_them(export: Path) -> None:
    *entries, (name, manifest) = read(export)
    assert ENTRIES == entries
    assert MANIFEST == name
    assert {
        "format": FORMAT,
        "about": ABOUT,
        "entries": [
            {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in ENTRIES
        ],
    } == json.loads(manifest)
    assert [] == verify_zip(export)


def test_the_hash_is_that_of_the_file_and_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    target = tmp_path / "export.zip"
    digest = write_zip(target, ENTRIES, ABOUT)
    assert hashlib.sha256(target.read_bytes()).hexdigest() == digest
    assert 0o600 == stat.S_IMODE(target.stat().st_mode)
    assert [target] == list(tmp_path.iterdir())


NAMES = st.from_regex(r"\A[a-z0-9][a-z0-9._-]{0,20}\Z").filter(lambda name: name != MANIFEST.lower())


@given(st.dictionaries(NAMES, st.binary(max_size=300), max_size=5))
def test_the_same_entries_make_the_same_bytes(entries: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        one, other = Path(folder) / "one.zip", Path(folder) / "other.zip"
        assert write_zip(one, entries.items(), ABOUT) == write_zip(other, iter(entries.items()), ABOUT)
        assert one.read_bytes() == other.read_bytes()
        assert [] == verify_zip(one)
        assert list(entries.items()) == read(one)[:-1]


def test_what_is_there_already_is_never_overwritten(export: Path) -> None:
    before = export.read_bytes()
    with pytest.raises(UsageError) as caught:
        write_zip(export, [("other", b"")], ABOUT)
    assert before == export.read_bytes()
    assert "export.zip" not in caught.value.message + caught.value.hint


def test_an_export_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def entries() -> Iterator[tuple[str, bytes]]:
        yield "one", b"1"
        raise StoreError("a recording or its key is not there")

    with pytest.raises(StoreError, match="its key is not there"):
        write_zip(tmp_path / "export.zip", entries(), ABOUT)
    assert [] == list(tmp_path.iterdir())


def test_the_rest_of_a_killed_export_is_replaced_and_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    (tmp_path / ".export.zip.part").symlink_to(outside)
    write_zip(tmp_path / "export.zip", ENTRIES, ABOUT)
    assert b"mine" == outside.read_bytes()
    assert {"outside", "export.zip"} == {path.name for path in tmp_path.iterdir()}


def test_a_folder_that_cannot_be_written_is_said_without_its_name(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such file or directory") as caught:
        write_zip(tmp_path / "Name-Of-Somebody" / "export.zip", ENTRIES, ABOUT)
    assert "Somebody" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../x", "a/../x", "a//b", "a\\b", ".hidden", "a/.b", "a b", "å", "a\n", "C:x", MANIFEST, "manifest.JSON"]
)  # fmt: skip
def test_a_name_that_would_unpack_elsewhere_or_differently_is_our_bug(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not plain"):
        write_zip(tmp_path / "export.zip", [(name, b"")], ABOUT)
    assert [] == list(tmp_path.iterdir())


def test_two_spellings_of_one_name_are_our_bug(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="twice"):
        write_zip(tmp_path / "export.zip", [("a", b""), ("A", b"")], ABOUT)


@given(st.data())
def test_a_changed_byte_of_any_entry_is_found_and_named(data: st.DataObject) -> None:
    index = data.draw(st.sampled_from([0, 1]))
    name, content = ENTRIES[index]
    place = data.draw(st.integers(0, len(content) - 1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.zip"
        write_zip(path, ENTRIES, ABOUT)
        changed = bytearray(content)
        changed[place] ^= data.draw(st.integers(1, 255))
        raw = path.read_bytes()
        path.write_bytes(raw.replace(content, bytes(changed), 1))
        assert [Fault(name=name, what=Trouble.CHANGED)] == verify_zip(path)
        entries = [(each, bytes(changed) if each == name else old) for each, old in read_raw(raw)]
        assert [Fault(name=name, what=Trouble.CHANGED)] == verify_zip(rewritten(path, entries))


def read_raw(raw: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return [(each.filename, archive.read(each)) for each in archive.infolist()]


def test_an_entry_that_is_gone_added_or_there_twice_is_found_and_named(export: Path) -> None:
    whole = read(export)
    assert [Fault(name="call/vcon.json", what=Trouble.MISSING)] == verify_zip(
        rewritten(export, [each for each in whole if each[0] != "call/vcon.json"])
    )
    assert [Fault(name="more", what=Trouble.UNKNOWN)] == verify_zip(rewritten(export, [*whole, ("more", b"")]))
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = rewritten(export, [*whole, ("empty", b"x")])
    assert [Fault(name="empty", what=Trouble.REPEATED)] == verify_zip(twice)


def test_an_archive_cut_anywhere_is_not_taken_for_one(export: Path) -> None:
    raw = export.read_bytes()
    cut = export.with_name("cut.zip")
    for length in {*range(0, len(raw), 97), len(raw) - 1}:
        cut.write_bytes(raw[:length])
        with pytest.raises(StoreError, match="not a whole export"):
            verify_zip(cut)


@pytest.mark.parametrize(
    "manifest", [None, b"", b"[]", b"\xff", b'{"format": "other", "about": {}, "entries": []}', b'{"format": 1}']
)
def test_a_zip_of_somebody_else_is_not_taken_for_one(export: Path, manifest: bytes | None) -> None:
    entries = [("a", b"a")] + ([] if manifest is None else [(MANIFEST, manifest)])
    with pytest.raises(StoreError, match="not a whole export"):
        verify_zip(rewritten(export, entries))


def test_a_bomb_is_read_no_further_than_the_manifest_says(export: Path) -> None:
    bomb = export.with_name("bomb.zip")
    whole = dict(read(export))
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, whole[MANIFEST])
        for name, _ in ENTRIES:
            archive.writestr(name, os.urandom(1) * 50_000_000 if name == "empty" else whole[name])
    assert [Fault(name="empty", what=Trouble.CHANGED)] == verify_zip(bomb)
