"""Identities as they are typed, key backups, manifests and receipts as they lie on a disk: whole, or refused."""

from __future__ import annotations

import io
import itertools
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import nacl.utils
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from office import FIRST, SECOND
from small_life import Life, snapshot
from tavs.backup import receipts
from tavs.backup.envelope import CHUNK_ENTRIES, Entry, entries, outer, write
from tavs.backup.manifest import (
    KEYS_LIVE,
    Found,
    Keys,
    Manifest,
    Recording,
    Setting,
    is_too_old,
    parse,
    plan,
    serialize,
    superseded,
)
from tavs.backup.recipient import Identity, new_identity, parse_identity, parse_recipient
from tavs.errors import StoreError, UsageError
from tavs.host import credentials
from tavs.store.database import open_reader

AT = datetime(2031, 3, 1, 12, tzinfo=UTC)
SEED = bytes(range(32))
BOX = credentials.audit_public(SEED).hex()
IDENTITY = new_identity("0123456789abcdef")


def test_an_identity_is_read_as_it_was_written_and_as_it_is_typed() -> None:
    text = IDENTITY.text()
    assert IDENTITY == parse_identity(text)
    typed = "\n".join(line for line in text.splitlines() if line.startswith("tavs-backup")).lower()
    assert Identity(IDENTITY.private) == parse_identity(typed)
    assert IDENTITY.recipient == parse_recipient(IDENTITY.recipient.text())
    assert "private" not in repr(IDENTITY)


@given(st.data())
def test_a_slip_of_the_pen_is_never_another_key(data: st.DataObject) -> None:
    text = IDENTITY.text()
    start = text.index("tavs-backup-identity-1 ") + len("tavs-backup-identity-1 ")
    place = data.draw(st.integers(start, text.index("\nbox") - 1).filter(lambda at: text[at] != " "))
    other = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567").filter(lambda letter: letter != text[place]))
    with pytest.raises(UsageError):
        parse_identity(text[:place] + other + text[place + 1 :])
    with pytest.raises(UsageError):
        parse_identity(text[:place])


@pytest.mark.parametrize("text", ["", "hej", IDENTITY.text(), "tavs-backup-recipient-1 AAAA", "\0" * 9000])
def test_an_identity_or_anything_else_is_not_taken_for_a_recipient(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_recipient(text)
    assert not any(len(word) > 20 for word in (caught.value.message + caught.value.hint).split())


def test_a_recipient_is_not_taken_for_an_identity() -> None:
    with pytest.raises(UsageError):
        parse_identity(IDENTITY.recipient.text())


def key_backup(path: Path, count: int = 3) -> list[Entry]:
    given = [Entry(place="text", name=f"{number}.key", data=nacl.utils.random(72)) for number in range(count)]
    with path.open("wb") as file:
        assert count == write(file, iter(given), IDENTITY.recipient, SEED, AT)
    return given


@pytest.mark.parametrize("count", [0, 1, CHUNK_ENTRIES, 2 * CHUNK_ENTRIES + 1])
def test_a_key_backup_opens_with_its_identity_only(tmp_path: Path, count: int) -> None:
    path = tmp_path / "1.keys"
    given = key_backup(path, count)
    assert (AT, IDENTITY.recipient.public, BOX) == (outer(path).made_at, outer(path).recipient, outer(path).box.hex())
    assert given == list(entries(path, IDENTITY))
    with pytest.raises(StoreError, match="does not open with the identity"):
        list(entries(path, new_identity("")))
    assert not any(each.data in path.read_bytes() for each in given)


def test_a_key_backup_cut_or_changed_anywhere_is_refused(tmp_path: Path) -> None:
    path, changed = tmp_path / "1.keys", tmp_path / "2.keys"
    key_backup(path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        changed.write_bytes(whole[:length])
        with pytest.raises(StoreError):
            outer(changed)
    for place in range(len(whole)):
        changed.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(StoreError):
            outer(changed)


def test_a_stream_that_was_cut_is_refused_also_by_whoever_opens_it(tmp_path: Path) -> None:
    path, cut = tmp_path / "1.keys", tmp_path / "2.keys"
    key_backup(path, CHUNK_ENTRIES + 1)
    whole = path.read_bytes()
    for length in (len(whole) - 100, len(whole) // 2):
        cut.write_bytes(whole[:length])
        with pytest.raises(StoreError):
            list(entries(cut, IDENTITY))


def recording(number: int, size: int = 10) -> Recording:
    stem = f"0192f0c1-0000-7000-8000-{number:012d}.0"
    return Recording(stem=stem, folder="archive", size=size, sha256="0" * 64, sidecar_size=5, sidecar_sha256="1" * 64)


def manifest(**values: object) -> Manifest:
    base = Manifest(backup="ab" * 16, sequence=3, previous="", box=BOX, made_at=AT, recordings=(recording(1),))
    return msgspec.structs.replace(base, **values)


def test_a_manifest_is_what_was_signed_and_nothing_else() -> None:
    whole, sha256 = serialize(manifest(), SEED)
    assert (manifest(), sha256) == (parse(whole).manifest, parse(whole).sha256)
    for length in range(len(whole)):
        with pytest.raises(StoreError):
            parse(whole[:length])
    for place in range(len(whole)):
        with pytest.raises(StoreError):
            parse(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    with pytest.raises(StoreError):
        parse(serialize(manifest(), bytes(32))[0])


@pytest.mark.parametrize(
    "path", ["etc/tavs/../../passwd", "/etc/passwd", "etc/tavs", "var/lib/tavs/db/tavs.db", "etc/tavs/./x"]
)
def test_a_manifest_that_names_a_file_elsewhere_is_refused(path: str) -> None:
    setting = Setting(path=path, mode=0o644, size=1, sha256="0" * 64)
    with pytest.raises(StoreError):
        parse(serialize(manifest(settings=(setting,)), SEED)[0])


@given(st.binary(max_size=400))
def test_a_stranger_is_not_taken_for_a_manifest(whole: bytes) -> None:
    with pytest.raises(StoreError):
        parse(whole)


STEMS = st.integers(1, 6)


@given(st.sets(STEMS), st.sets(STEMS), st.sets(STEMS))
def test_only_what_the_manifest_knows_and_the_folder_holds_is_not_copied(
    on_box: set[int], known: set[int], there: set[int]
) -> None:
    found = [Found(recording(each).stem, "archive", 10, 5) for each in sorted(on_box)]
    sizes = {
        f"{recording(each).stem}{ending}": size for each in there for ending, size in ((".tavs", 10), (".json", 5))
    }
    result = plan(found, {recording(each).stem: recording(each) for each in known}, sizes)
    assert {recording(each).stem for each in on_box & known & there} == {each.stem for each in result.copied}
    assert {recording(each).stem for each in on_box - (known & there)} == {each.stem for each in result.missing}


@given(st.lists(st.tuples(st.integers(0, 60), st.sampled_from("ab")), max_size=8))
def test_the_newest_key_backup_never_goes_and_none_that_alone_opens_for_its_recipient_before_its_time(
    made: list[tuple[int, str]],
) -> None:
    known = [
        Keys(
            name=f"{at:08}.keys",
            size=1,
            sha256="0" * 64,
            made_at=AT - KEYS_LIVE * days / 30,
            recipient=who * 64,
            count=1,
        )
        for at, (days, who) in enumerate(made)
    ]
    going = superseded(known, AT)
    if known:
        assert max(known, key=lambda each: (each.made_at, each.name)) not in going or 1 < len(known)
        assert len(going) < len(known)
    for each in going:
        newer = [other for other in known if other not in going and other.made_at >= each.made_at]
        assert newer
        assert is_too_old(each, AT) or any(other.recipient == each.recipient for other in newer)


def receipts_of(life: Life, path: Path, **options: bool) -> receipts.Batch:
    seed = credentials.load("audit", life.home)
    with closing(open_reader(life.home.database)) as connection:
        return receipts.append(path, connection, seed, life.office.now, begin=0, **options)


def test_receipts_are_appended_and_read_back_whole(life: Life, tmp_path: Path) -> None:
    path = tmp_path / "receipts"
    first = receipts_of(life, path)
    life.hold(SECOND)
    whole = path.read_bytes()
    second = receipts_of(life, path)
    assert path.read_bytes().startswith(whole)
    tail = receipts.read(path, first_box := tail_box(life))
    assert (second, path.stat().st_size, first_box) == (tail.last, tail.length, tail.begin.box)
    audited = [line for line in tail.lines if isinstance(line, receipts.Audited)]
    assert list(range(1, second.sequence + 1)) == [line.sequence for line in audited]
    assert [line for line in tail.lines if isinstance(line, receipts.Row) and line.table == "holds"]
    later = receipts.read(path, after=first.sequence + 1)
    assert [second.sequence] == [line.sequence for line in later.lines if isinstance(line, receipts.Audited)]


def tail_box(life: Life) -> str:
    return credentials.load("audit-public", life.home).hex()


def test_receipts_cut_anywhere_count_up_to_their_last_batch_and_are_mended_by_the_next(
    life: Life, tmp_path: Path
) -> None:
    path = tmp_path / "receipts"
    first = receipts_of(life, path)
    end = path.stat().st_size
    life.hold(SECOND)
    second = receipts_of(life, path)
    whole = path.read_bytes()
    for length in range(end, len(whole)):
        path.write_bytes(whole[:length])
        assert (first, end) == (receipts.read(path).last, receipts.read(path).length)
        if length % 97 == 0:
            receipts_of(life, path)
            assert second.sequence == receipts.read(path).last.sequence
    path.write_bytes(whole[: end // 2])
    with pytest.raises(StoreError, match="no whole batch"):
        receipts.read(path)


def test_a_changed_line_of_the_receipts_is_refused(life: Life, tmp_path: Path) -> None:
    path = tmp_path / "receipts"
    receipts_of(life, path)
    life.hold(SECOND)
    receipts_of(life, path)
    lines = path.read_bytes().splitlines(keepends=True)
    for number in range(len(lines) - 1):
        for changed in (
            lines[:number] + lines[number + 1 :],
            [*lines[:number], lines[number].replace(b"2031", b"2032"), *lines[number + 1 :]],
        ):
            path.write_bytes(b"".join(changed))
            if changed != lines:
                with pytest.raises(StoreError):
                    receipts.read(path)


def test_the_receipts_of_another_box_are_refused(life: Life, tmp_path: Path) -> None:
    path = tmp_path / "receipts"
    receipts_of(life, path)
    with pytest.raises(StoreError, match="another box"):
        receipts.read(path, "0" * 64)


def test_receipts_hold_no_content_and_no_key(life: Life, tmp_path: Path) -> None:
    path = tmp_path / "receipts"
    life.hold(FIRST)
    receipts_of(life, path)
    whole = path.read_bytes()
    assert b"en sag" not in whole
    for key in itertools.chain(life.home.text_keys.iterdir(), life.home.archive.glob("*.key")):
        assert key.read_bytes() not in whole


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.binary(max_size=300))
def test_a_stranger_is_not_taken_for_receipts(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "stranger"
    path.write_bytes(whole)
    with pytest.raises(StoreError):
        receipts.read(path)


def test_nothing_that_opens_anything_lies_outside_of_the_key_backup(life: Life) -> None:
    life.backup()
    secrets = [credentials.load(name, life.home) for name in ("site-private", "desk", "index", "audit")]
    wrapped = [path.read_bytes() for path in (*life.home.text_keys.iterdir(), *life.home.archive.glob("*.key"))]
    assert 4 + 8 == len(secrets) + len(wrapped)
    for name in snapshot(life.disk):
        content = (life.disk / name).read_bytes()
        assert not [each for each in (*secrets, *wrapped) if each in content], name
    buffer = io.BytesIO(life.keys.read_bytes())
    assert not [each for each in (*secrets, *wrapped) if each in buffer.getvalue()]
