"""Keys made, shown and rotated by the command line: what lives opens after it, and the old key is gone."""

import json

import nacl.exceptions
import nacl.public
import pytest
from office import CUSTOMER_SAID, FIRST, LOCALLY, MASKED, NUMBER, OTHER_NUMBER, PROMPTED, SECOND, Office
from tavs.errors import StoreError
from tavs.host import credentials
from tavs.recording.opened import open_sealed

REASON = "klage over Torben"
HELD = ("--reason", REASON, "--owner", "Klageafdelingen")


def fingerprints(office: Office) -> dict[str, str]:
    return {each["name"]: each["fingerprint"] for each in office.json("keys", "status")["keys"]}


def reasons(office: Office, private: bytes) -> list[str]:
    box = nacl.public.SealedBox(nacl.public.PrivateKey(private))
    rows = office.connection.execute("select reason_sealed from holds order by id").fetchall()
    return [box.decrypt(sealed).decode() for (sealed,) in rows]


def test_init_makes_what_is_missing_and_leaves_what_is_there(today: Office) -> None:
    before = fingerprints(today)
    assert set(credentials.NAMES) == set(before)
    (today.home.keys / "desk.key").unlink()
    assert fingerprints(today)["desk"] is None
    assert "desk" in today.tavs("keys", "status").stdout and "missing" in today.tavs("keys", "status").stdout
    done = today.tavs("keys", "init")
    assert (0, "") == (done.returncode, done.stderr)
    after = fingerprints(today)
    assert after["desk"] not in (None, before["desk"])
    assert {**before, "desk": None} == {**after, "desk": None}


def test_a_fingerprint_is_no_key(today: Office) -> None:
    told = today.tavs("keys", "status").stdout
    for path in today.home.keys.iterdir():
        assert path.read_bytes().hex() not in told
        assert 0o600 == path.stat().st_mode & 0o777


@pytest.mark.parametrize("is_archived", [False, True])
def test_after_the_rotation_of_the_sites_key_recordings_transcripts_and_reasons_open(
    today: Office, is_archived: bool
) -> None:
    today.call(FIRST, answers=[PROMPTED], parts=2)
    today.tavs("hold", "add", FIRST, *HELD)
    today.tavs("hold", "add", FIRST, *HELD)
    today.tavs("hold", "release", "1")
    if is_archived:
        assert 0 == today.tavs("sweep").returncode
    old = credentials.load("site-private", today.home)
    before = fingerprints(today)
    done = today.tavs("keys", "rotate", "site")
    assert (0, "site: 3 keys wrapped anew\n", "") == (done.returncode, done.stdout, done.stderr)
    new = credentials.load("site-private", today.home)
    assert {"site-private", "site-public"} == {name for name, key in fingerprints(today).items() if key != before[name]}
    assert [REASON, REASON] == reasons(today, new)
    with pytest.raises(nacl.exceptions.CryptoError):
        reasons(today, old)
    sealed = sorted(today.home.var.rglob("*.tavs"))
    assert 3 == len(sealed)
    for path in sealed:
        assert open_sealed(path, new).is_complete
        with pytest.raises(StoreError, match="does not open"):
            open_sealed(path, old)
    assert 2 == len(today.json("recording", "export", FIRST, "--purpose", "documentation", "--case", "K-1")["files"])
    assert [{"count": 3, "key": "site"}] == [
        {name: row[name] for name in ("count", "key")} for row in today.audited("key")
    ]
    assert 0 == today.tavs("audit", "verify").returncode


def test_what_is_recorded_after_a_rotation_is_sealed_to_the_new_key(today: Office) -> None:
    today.call(FIRST)
    assert 0 == today.tavs("keys", "rotate", "site").returncode
    today.call(SECOND, answers=[PROMPTED])
    today.tavs("hold", "add", SECOND, *HELD)
    private = credentials.load("site-private", today.home)
    transcript = open_sealed(today.home.incoming / f"{SECOND}.transcript.0.tavs", private)
    assert CUSTOMER_SAID.encode() in transcript.chunks[1].data
    assert [REASON] == reasons(today, private)


def test_masked_text_opens_after_the_rotation_of_the_desks_key(today: Office) -> None:
    today.call(FIRST)
    old = credentials.load("desk", today.home)
    done = today.tavs("keys", "rotate", "desk")
    assert (0, "desk: 1 keys wrapped anew\n") == (done.returncode, done.stdout)
    assert old != credentials.load("desk", today.home)
    assert [MASKED] == [each["text"] for each in today.json("show", FIRST)["segments"]]


def test_calls_of_a_number_are_found_before_and_after_the_rotation_of_the_index(today: Office) -> None:
    today.call(FIRST)
    done = today.tavs("keys", "rotate", "index")
    assert (0, "index: 0 keys wrapped anew\n") == (done.returncode, done.stdout)
    today.call(SECOND)
    for number in (NUMBER, LOCALLY):
        assert [SECOND, FIRST] == [e["call"] for e in today.json("subject", "find", "--number", number)["calls"]]
    assert [] == today.json("subject", "find", "--number", OTHER_NUMBER)["calls"]
    assert "1\n2\n" == today.tavs("hold", "add", "--number", NUMBER, *HELD).stdout
    assert {FIRST, SECOND} == {e["call"] for e in today.json("calls")["calls"] if e["holds"]}


def test_an_index_key_goes_with_the_last_of_its_calls(today: Office) -> None:
    today.call(FIRST)
    today.tavs("keys", "rotate", "index")
    [kept] = [name for name in fingerprints(today) if name.startswith("index-")]
    today.tavs("keys", "rotate", "index")
    assert kept in fingerprints(today)
    today.connection.execute("delete from calls")
    today.tavs("keys", "rotate", "index")
    assert kept not in fingerprints(today)


def test_the_index_is_not_rotated_under_a_hold_over_a_number(today: Office) -> None:
    today.call(FIRST)
    today.tavs("hold", "add", "--number", NUMBER, *HELD)
    before = fingerprints(today)
    assert "holds over a number stand" in today.refused("keys", "rotate", "index")
    assert before == fingerprints(today)
    today.tavs("hold", "release", "1")
    assert 0 == today.tavs("keys", "rotate", "index").returncode


def test_a_rotation_that_cannot_open_everything_keeps_the_old_key(today: Office) -> None:
    today.call(FIRST)
    today.tavs("hold", "add", FIRST, *HELD)
    stranger = bytes(nacl.public.PrivateKey.generate().public_key)
    key = today.home.incoming / f"{FIRST}.0.key"
    key.write_bytes(nacl.public.SealedBox(nacl.public.PublicKey(stranger)).encrypt(b"x" * 80))
    old = credentials.load("site-private", today.home)
    assert "1 of 1 key files open with neither" in today.refused("keys", "rotate", "site", code=1)
    assert old == credentials.load("site-private", today.home)
    assert [REASON] == reasons(today, old)
    assert ["site"] == today.json("keys", "status")["unfinished"]
    assert "was interrupted: run it again" in today.tavs("keys", "status").stdout
    assert [] == today.audited("key")


def test_keys_that_systemd_hands_over_are_not_rotated_from_here(today: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(today.home.keys))
    assert "systemd" in today.refused("keys", "rotate", "desk")


def test_every_key_has_its_place_in_the_status_as_json(today: Office) -> None:
    document = json.loads(today.tavs("keys", "status", "--json").stdout)
    assert {"keys", "unfinished"} == set(document)
    assert all(16 == len(each["fingerprint"]) for each in document["keys"])
