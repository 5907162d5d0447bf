"""The certificate of the agents' page: made once, self-signed, until the site puts its own in its place.

| | development home | installed box |
|---|---|---|
| certificate (PEM, with its chain) | `etc/tavs/panel/certificate.pem` | the same |
| key (PEM, without a passphrase) | `etc/tavs/keys/panel-key.key` | credential `panel-key` |

1. What is there is never made anew: a certificate that the site installed stays, also where it is unusable.
2. A pair that has changed on disk is taken for the next connection, those that are open go on. A pair that does not
   fit, as when one of the two has been replaced and the other not yet, changes nothing.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tavs.errors import ConfigError
from tavs.host import credentials
from tavs.host.files import write_whole
from tavs.host.home import Home

CREDENTIAL = "panel-key"
DAYS = 825
"""The longest that every browser takes, also from a certificate authority of the site."""
LONGEST_NAME = 64
"""Of a common name (RFC 5280 appendix A.1, ub-common-name)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    certificate: Path
    key: Path

    def stamp(self) -> tuple[tuple[int, ...], ...]:
        """Changes when one of the two files does."""
        return _stamp(self.certificate), _stamp(self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What may be shown of a certificate."""

    expires_at: datetime
    fingerprint: str
    """SHA-256 as browsers show it: pairs of hexadecimal digits."""
    names: tuple[str, ...]
    is_self_signed: bool


def places(home: Home) -> Places:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    key = Path(folder) / CREDENTIAL if folder else credentials.store(home).path(CREDENTIAL)
    return Places(certificate=home.etc / "panel/certificate.pem", key=key)


def create(home: Home, now: datetime) -> bool:
    """Make a pair where neither half is there; says whether it did. Raises ConfigError, OSError."""
    there, keys = places(home), credentials.store(home)
    if there.certificate.exists() or there.key.exists():
        return False
    keys.prepare()
    there.certificate.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    private = ec.generate_private_key(ec.SECP256R1())
    certificate = _self_signed(private, now).public_bytes(serialization.Encoding.PEM)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_whole(there.key, keys.encode(CREDENTIAL, pem), 0o600)
    write_whole(there.certificate, certificate, 0o644)
    return True


def read(home: Home) -> Known:
    """Raises ConfigError."""
    path = places(home).certificate
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path}: no certificate can be read ({type(error).__name__})", "PEM, the certificate itself first"
        ) from None
    return Known(
        expires_at=found.not_valid_after_utc,
        fingerprint=found.fingerprint(hashes.SHA256()).hex(":").upper(),
        names=_names(found),
        is_self_signed=found.issuer == found.subject,
    )


class ServerContext:
    """The TLS side of the page for as long as it is served; new connections get the newest usable pair."""

    def __init__(self, home: Home) -> None:
        """Raises ConfigError where the pair cannot be used."""
        self._places = places(home)
        self._stamp = self._places.stamp()
        self._newest = self.context = _loaded(self._places)
        self.context.sni_callback = self._choose

    def reload(self) -> bool:
        """Take a pair that has changed; says whether it did. Raises ConfigError, once for each change."""
        stamp = self._places.stamp()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        self._newest = _loaded(self._places)
        return True

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _first: ssl.SSLContext) -> None:
        """Called in every handshake. Loading into one context would leave an old pair of another kind of key in it."""
        connection.context = self._newest


def _loaded(there: Places) -> ssl.SSLContext:
    """TLS 1.2 and later, with the ciphers that the TLS library thinks good."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(there.certificate, there.key, password=_no_passphrase)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise ConfigError(
            f"the page's certificate cannot be used ({type(error).__name__})",
            f"{there.certificate} and {there.key}: PEM, of one pair, the key without a passphrase",
        ) from None
    return context


def _no_passphrase() -> str:
    raise ValueError("a key with a passphrase")  # else the library would ask on the terminal


def _self_signed(private: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    names = _own_names()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:LONGEST_NAME])])
    addresses = _own_addresses()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(
            x509.SubjectAlternativeName([*map(x509.DNSName, names), *map(x509.IPAddress, addresses)]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=False,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .sign(private, hashes.SHA256())
    )


def _own_names() -> list[str]:
    """Of this machine, its host name first; only what a certificate can carry."""
    named = [socket.gethostname(), socket.getfqdn(), "localhost"]
    return list(dict.fromkeys(name for name in named if name.isascii() and name)) or ["localhost"]


def _own_addresses() -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Under which others may reach this machine. No packet is sent: connecting a datagram socket only picks a route."""
    found = {ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")}
    with contextlib.suppress(OSError):  # a host name that resolves nowhere
        found |= {ipaddress.ip_address(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None)}
    for family, elsewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:  # no route, no family
            probe.connect((elsewhere, 9))
            found.add(ipaddress.ip_address(probe.getsockname()[0]))
    usable = [each for each in found if not each.is_unspecified and not each.is_link_local]
    return sorted(usable, key=lambda each: (each.version, int(each)))


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = held.get_values_for_type(x509.IPAddress)
    return (*held.get_values_for_type(x509.DNSName), *map(str, addresses))


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino
