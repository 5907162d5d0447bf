"""Where the advisory model is: one host, checked before anything is sent to it."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import httpx

from tavs.config import Advice
from tavs.errors import ConfigError

PORTS = {"http": 80, "https": 443}
EXAMPLE = "write it as https://HOST:PORT/v1"
MODEL_NAME_LIMIT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    url: str
    """Where the chat completions are."""
    host: str
    """HOST:PORT, as the log of what leaves the box names it."""


def endpoint(advice: Advice) -> Endpoint:
    """The endpoint of the configuration. Raises ConfigError; plain http is for this machine only."""
    if not advice.endpoint:
        raise ConfigError("advice.engine is openai and advice.endpoint is empty", EXAMPLE)
    name = advice.model
    if not name or not name.isprintable() or len(name) > MODEL_NAME_LIMIT:
        raise ConfigError("advice.model names no model", "the endpoint lists its models at /v1/models")
    parts = _split(advice.endpoint)
    if parts.scheme not in PORTS:
        raise ConfigError("advice.endpoint is neither https nor http", EXAMPLE)
    if not parts.hostname:
        raise ConfigError("advice.endpoint names no host", EXAMPLE)
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigError("advice.endpoint holds more than host, port and path", "a key belongs into a credential")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ConfigError("advice.endpoint is plain http and not this machine", "use https; [advice] ca names its CA")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    place = f"{host}:{parts.port or PORTS[parts.scheme]}"
    return Endpoint(url=f"{parts.scheme}://{place}{parts.path.rstrip('/')}/chat/completions", host=place)


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def trust(ca: str) -> ssl.SSLContext:
    """Verified TLS against the site's authority, or the system's. Raises ConfigError.

    Not `ssl.create_default_context`: that one writes the keys of a connection wherever SSLKEYLOGFILE points.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not ca:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return context
    try:
        context.load_verify_locations(cafile=ca)
    except OSError as error:
        raise ConfigError(
            f"advice.ca: {ca} cannot be used ({type(error).__name__})", "it is a PEM file that the desk can read"
        ) from None
    return context


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if parts.port == 0:
            raise ValueError
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        raise ConfigError("advice.endpoint is no address", EXAMPLE) from None
    return parts
