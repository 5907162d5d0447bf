"""The page's certificate: made once, never over another, taken anew without a connection lost."""

from __future__ import annotations

import asyncio
import datetime
import shutil
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from house import AT, Browser, House
from tavs.errors import ConfigError
from tavs.host import certificate
from tavs.host.home import Home


def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    certificate.create(made, AT)
    return made


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def test_a_made_certificate_is_for_this_machine_alone_and_ends(tmp_path: Path) -> None:
    made = home(tmp_path)
    known = certificate.read(made)
    assert AT + datetime.timedelta(days=825) == known.expires_at
    assert {"localhost", "127.0.0.1", "::1"} <= set(known.names)
    assert known.is_self_signed
    assert (64 + 31, known.fingerprint.upper()) == (len(known.fingerprint), known.fingerprint)
    assert 0o600 == stat.S_IMODE(certificate.places(made).key.stat().st_mode)
    found = x509.load_pem_x509_certificate(certificate.places(made).certificate.read_bytes())
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_what_is_there_is_never_made_anew(tmp_path: Path) -> None:
    made = home(tmp_path)
    before = certificate.read(made).fingerprint
    assert not certificate.create(made, AT)
    certificate.places(made).key.unlink()
    assert not certificate.create(made, AT)
    assert before == certificate.read(made).fingerprint


def test_a_program_on_an_installed_box_has_its_key_as_a_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, handed = home(tmp_path), tmp_path / "handed"
    handed.mkdir()
    certificate.places(made).key.rename(handed / "panel-key")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(handed))
    assert handed / "panel-key" == certificate.places(made).key
    assert certificate.ServerContext(made).context


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_an_unusable_certificate_is_named_with_its_file(tmp_path: Path, content: bytes) -> None:
    made = home(tmp_path)
    certificate.places(made).certificate.write_bytes(content)
    for reader in (certificate.read, certificate.ServerContext):
        with pytest.raises(ConfigError) as refused:
            reader(made)
        assert "certificate.pem" in refused.value.message + refused.value.hint


def test_a_key_of_another_pair_or_with_a_passphrase_is_refused(tmp_path: Path) -> None:
    made, other = home(tmp_path / "a"), home(tmp_path / "b")
    shutil.copy(certificate.places(other).key, certificate.places(made).key)
    with pytest.raises(ConfigError):
        certificate.ServerContext(made)
    key = serialization.load_pem_private_key(certificate.places(other).key.read_bytes(), None)
    sealed = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"word")
    )
    certificate.places(other).key.write_bytes(sealed)
    with pytest.raises(ConfigError):
        certificate.ServerContext(other)


def test_a_new_certificate_is_served_and_open_streams_go_on(house: House, capfd: pytest.CaptureFixture[str]) -> None:
    async def scenario() -> None:
        places = certificate.places(house.home)
        async with house.served(), house.agent() as (client, _), Browser(client).listening() as heard:
            await anext(heard)
            before = await _served(house)
            pair, key = _of_the_site()
            places.certificate.write_bytes(pair)
            while "certificate-refused" not in capfd.readouterr().err:
                await asyncio.sleep(0.02)
            assert before == await _served(house)
            places.key.write_bytes(key)
            async with asyncio.timeout(10):
                while before == await _served(house):
                    await asyncio.sleep(0.02)
            assert "RSA" in type(x509.load_der_x509_certificate(await _served(house)).public_key()).__name__
            house.begin()
            assert "call" == (await anext(heard)).kind

    asyncio.run(scenario())


async def _served(house: House) -> bytes:
    """The certificate that a new connection is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", int(house.url.rpartition(":")[2]), ssl=context)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    assert isinstance(shown, bytes)
    return shown


def _of_the_site() -> tuple[bytes, bytes]:
    """A pair with another kind of key, as a site's own authority would give out."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tavs.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(AT)
        .not_valid_after(AT + datetime.timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), private
