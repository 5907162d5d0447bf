"""Keys as systemd keeps them: never in clear on the disk, offered where they open, rotated like those of a home."""

import base64
import os
import stat
from functools import partial
from pathlib import Path

import nacl.public
import nacl.utils
import pytest
from tavs.errors import ConfigError, UsageError
from tavs.host import credentials, credstore
from tavs.host.credstore import OFFERED, Credstore, systemd_creds
from tavs.host.home import Home
from tavs.recording.rotation import rotate_index, rotate_site, unfinished

MACHINE = b"this machine "


def fake_creds(arguments: tuple[str, ...], given: bytes) -> bytes:
    """What systemd-creds does, as far as its files can be told apart: bound to a machine and to a name."""
    [name] = [each.removeprefix("--name=").encode() for each in arguments if each.startswith("--name=")]
    head = MACHINE + name + b" "
    if arguments[0] == "encrypt":
        return base64.b64encode(head + given)
    opened = base64.b64decode(Path(arguments[-2]).read_bytes())
    if not opened.startswith(head):
        raise ConfigError("systemd-creds refuses", "another machine, or another name")
    return opened.removeprefix(head)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A box below a folder."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setattr(Home, "is_installed", True)
    monkeypatch.setattr(credentials, "Credstore", partial(Credstore, creds=fake_creds))
    box = Home(tmp_path)
    for folder in (box.incoming, box.archive, box.text_keys):
        folder.mkdir(parents=True)
    return box


def secrets(home: Home) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (home.root / "etc/credstore.encrypted").iterdir()}


def test_every_secret_is_encrypted_under_its_name_and_every_public_half_is_clear(home: Home) -> None:
    credentials.create(home)
    assert {"tavs.site-private", "tavs.desk", "tavs.index", "tavs.audit"} == set(secrets(home))
    clear = home.root / "etc/credstore"
    assert {"tavs.site-public", "tavs.audit-public"} == {path.name for path in clear.iterdir()}
    public = nacl.public.PrivateKey(credentials.load("site-private", home)).public_key
    assert bytes(public) == (clear / "tavs.site-public").read_bytes() == credentials.load("site-public", home)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in home.root.rglob("tavs.*"))


def test_no_key_lies_on_the_disk_in_clear(home: Home) -> None:
    credentials.create(home)
    keys = [credentials.load(name, home) for name in ("site-private", "desk", "index", "audit")]
    rotate_index(home)
    found = [path for path in home.root.rglob("*") if path.is_file() and any(key in path.read_bytes() for key in keys)]
    assert [] == found


def test_keys_that_are_there_stay(home: Home) -> None:
    credentials.create(home)
    before = secrets(home)
    (home.root / "etc/credstore.encrypted/tavs.desk").unlink()
    credentials.create(home)
    after = secrets(home)
    assert before.pop("tavs.desk") != after.pop("tavs.desk")
    assert before == after


def test_what_does_not_open_here_is_not_offered_and_is_not_made_anew(home: Home) -> None:
    credentials.create(home)
    assert ["index"] == [path.name for path in home.offered_keys.iterdir()]
    foreign = base64.b64encode(b"another machine index " + nacl.utils.random(32))
    (home.root / "etc/credstore.encrypted/tavs.index").write_bytes(foreign)
    credentials.create(home)
    assert [] == list(home.offered_keys.iterdir())
    assert foreign == secrets(home)["tavs.index"]
    with pytest.raises(ConfigError, match="index does not open on this machine"):
        credentials.load("index", home)
    assert credentials.optional("index", home) is None


def test_a_key_under_another_name_does_not_open(home: Home) -> None:
    credentials.create(home)
    folder = home.root / "etc/credstore.encrypted"
    (folder / "tavs.desk").write_bytes((folder / "tavs.index").read_bytes())
    with pytest.raises(ConfigError, match="desk does not open"):
        credentials.load("desk", home)


def test_the_sites_key_is_rotated_and_the_old_one_destroyed(home: Home) -> None:
    credentials.create(home)
    wrapped = home.incoming / "0192f0c1-0000-7000-8000-000000000001.0.key"
    wrapped.write_bytes(
        nacl.public.SealedBox(nacl.public.PublicKey(credentials.load("site-public", home))).encrypt(b"k" * 32)
    )
    old = credentials.load("site-private", home)
    assert 1 == rotate_site(home, lambda rewrap: None).count
    new = credentials.load("site-private", home)
    assert old != new
    assert b"k" * 32 == nacl.public.SealedBox(nacl.public.PrivateKey(new)).decrypt(wrapped.read_bytes())
    assert () == unfinished(home)
    assert [] == [path for path in home.root.rglob("*") if path.suffix in (".new", ".part")]


def test_earlier_index_keys_are_kept_by_their_id(home: Home) -> None:
    credentials.create(home)
    old = credentials.load("index", home)
    rotate_index(home)
    assert [credentials.load("index", home), old] == credentials.index_keys(home)
    assert any(each.name.startswith("index-") for each in credentials.status(home))


def test_a_program_that_was_handed_its_keys_changes_none(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials.create(home)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(home.root))
    for change in (credentials.create, rotate_index):
        with pytest.raises(UsageError, match="systemd hands over"):
            change(home)


def test_a_credential_that_was_not_offered_is_missing_and_not_a_key(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "index").write_bytes(credstore.ABSENT)
    with pytest.raises(ConfigError, match="the key index is missing"):
        credentials.load("index", home)
    assert credentials.optional("index", home) is None


def test_the_units_agree_with_the_code_on_what_is_offered() -> None:
    units = Path(__file__).parents[2] / "packaging/systemd"
    text = "".join((units / f"tavs-{program}.service").read_text() for program in ("listen", "desk", "keep"))
    for name in OFFERED:
        assert (
            f"LoadCredentialEncrypted={name}:/run/tavs/keys/{name}\nSetCredential={name}:{credstore.ABSENT.decode()}\n"
            in text
        )
    assert len(OFFERED) == text.count("SetCredential=")


def test_systemd_creds_that_is_missing_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="does not answer"):
        systemd_creds(("encrypt", "--name=desk", "-", "-"), b"")
    refuses = tmp_path / "systemd-creds"
    refuses.write_text("#!/bin/sh\nexit 1\n")
    refuses.chmod(0o755)
    with pytest.raises(ConfigError, match="refuses"):
        systemd_creds(("encrypt", "--name=desk", "-", "-"), b"")


def test_files_made_as_root_belong_to_whom_the_folder_belongs_to(tmp_path: Path) -> None:
    from tavs.host.files import create, write_whole

    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(tmp_path, 12345, 12346)
    write_whole(tmp_path / "whole", b"", 0o664)
    os.close(create(tmp_path / "made", 0o660))
    for name, mode in (("whole", 0o664), ("made", 0o660)):
        found = (tmp_path / name).stat()
        assert (12345, 12346, mode) == (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode))
    os.chown(tmp_path / "whole", 54321, 54321)
    write_whole(tmp_path / "whole", b"again", 0o664)
    assert 54321 == (tmp_path / "whole").stat().st_uid
