"""The configuration: what can be set, its default, and which file said so.

1. The descriptions below are the one source; the commented samples and the manual page come out of them.
2. `tavs.toml` first, then `masking.toml` (the keys of [masking] without their table), then `conf.d/*.toml` in lexical
   order; the later file wins key by key.
3. An unknown key is refused with its file and the nearest known key. Secrets are never read from here.
"""

from __future__ import annotations

import difflib
import tomllib
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from tavs.errors import ConfigError
from tavs.host.home import Home

OWN_TABLE = "masking"
OWN_FILE = "masking.toml"
"""The one table with a file of its own: those who answer for masking are not those who run the box."""


def described(text: str) -> msgspec.Meta:
    return msgspec.Meta(description=text)


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Site(Section, frozen=True):
    name: Annotated[str, described("Name of the site, shown in status and notices.")] = "Tavs"
    language: Annotated[Literal["da"], described("Language spoken on the calls.")] = "da"
    timezone: Annotated[str, described("IANA time zone in which calendar periods are counted.")] = "Europe/Copenhagen"


class Siprec(Section, frozen=True):
    listen: Annotated[
        tuple[str, ...], described("Addresses to answer SIPREC on, as `udp:ADDRESS:PORT` or `tcp:ADDRESS:PORT`.")
    ] = ("udp:0.0.0.0:5060", "tcp:0.0.0.0:5060")
    allow: Annotated[
        tuple[str, ...], described("Networks (CIDR) of the PBX; packets of others are dropped before parsing.")
    ] = ("127.0.0.0/8",)
    media_address: Annotated[
        str, described("Address offered for RTP; empty means the address the PBX reached us on.")
    ] = ""
    media_ports: Annotated[str, described("UDP ports for RTP and RTCP, as `FIRST-LAST`.")] = "20000-20999"
    media_allow: Annotated[
        tuple[str, ...], described("Networks from which RTP is taken besides the address in the PBX's SDP.")
    ] = ()


class Intake(Section, frozen=True):
    siprec: Siprec = Siprec()


class Speech(Section, frozen=True):
    live: Annotated[bool, described("Turn what is said into text during the call; recordings are made either way.")] = (
        True
    )
    model: Annotated[str, described("Name of a speech model in the catalogue.")] = "tavs-nano-da"
    workers: Annotated[int, described("Speech-to-text processes."), msgspec.Meta(ge=1, le=64)] = 1
    agent_channel: Annotated[
        Literal["off", "context", "live"],
        described("The agent's words: never transcribed, transcribed in memory to understand answers, or shown too."),
    ] = "context"


PersonalLabel = Literal["PERSON", "ADDRESS", "LOCATION", "ORG", "HEALTH", "URL_USER"]


class Masking(Section, frozen=True):
    hold_back_s: Annotated[
        float,
        described("Longest time an unfinished number, name or address is held back, in seconds of the call."),
        msgspec.Meta(ge=0.5, le=4.0),
    ] = 4.0
    health: Annotated[bool, described("Mask the health of persons as well.")] = True
    organisations: Annotated[bool, described("Mask employers and small firms as well.")] = True
    names: Annotated[
        str, described("Name of a model in the catalogue that finds names; empty means word lists and cues alone.")
    ] = "tavs-names-da"
    always: Annotated[
        dict[PersonalLabel, tuple[str, ...]],
        described('Words of the site to mask wherever they are said, by label: `always = { ORG = ["…"] }`.'),
    ] = msgspec.field(default_factory=dict)
    never: Annotated[
        tuple[str, ...],
        described("Words of the trade that are never masked, one by one; a name, a town or a number is refused."),
    ] = ()


class Advice(Section, frozen=True):
    engine: Annotated[
        Literal["local", "openai"],
        described("Who picks the sections: the ranker on this box, or a model behind an OpenAI-compatible endpoint."),
    ] = "local"
    endpoint: Annotated[
        str, described("Base URL of that endpoint, as `https://HOST:PORT/v1`; the only host the desk may reach.")
    ] = ""
    model: Annotated[str, described("Name of the model at the endpoint.")] = ""
    ca: Annotated[str, described("File of the certificate authority that signed it; empty means the system's.")] = ""
    deadline_s: Annotated[
        float,
        described("Longest time an advice may take in all, one retry included, in seconds."),
        msgspec.Meta(ge=0.2, le=10.0),
    ] = 2.0
    a_minute: Annotated[
        int, described("Suggestions an agent is shown in a minute at most."), msgspec.Meta(ge=1, le=20)
    ] = 4
    embeddings: Annotated[
        str, described("Name of a sentence-embedding model in the catalogue, beside the ranker; empty means none.")
    ] = ""


class Panel(Section, frozen=True):
    listen: Annotated[
        str, described("Address and port of the agents' page, always TLS; empty means there is none.")
    ] = "0.0.0.0:8443"
    allow: Annotated[
        tuple[str, ...], described("Networks (CIDR) from which the page may be opened; others are not answered.")
    ] = ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
    language: Annotated[Literal["da", "en"], described("Language of the page until an agent chooses another.")] = "da"
    proxies: Annotated[
        tuple[str, ...], described("Networks of reverse proxies whose single sign-on is trusted; empty means none.")
    ] = ()
    proxy_header: Annotated[str, described("Header in which such a proxy names the account that is signed in.")] = (
        "X-Remote-User"
    )


class Recording(Section, frozen=True):
    codec: Annotated[Literal["opus"], described("Codec of the sealed recordings.")] = "opus"
    documentation: Annotated[bool, described("Record calls for documentation.")] = True


class Consent(Section, frozen=True):
    sip_header: Annotated[
        str,
        described("SIP header by which the PBX tells the customer's answer (`yes`, `no`); empty means it tells none."),
    ] = ""


class Notice(Section, frozen=True):
    contact: Annotated[str, described("Where customers reach whoever answers for privacy, as the notice says it.")] = ""


class Config(Section, frozen=True):
    site: Site = Site()
    intake: Intake = Intake()
    speech: Speech = Speech()
    masking: Masking = Masking()
    advice: Advice = Advice()
    panel: Panel = Panel()
    recording: Recording = Recording()
    consent: Consent = Consent()
    notice: Notice = Notice()


@dataclass(frozen=True, slots=True)
class Effective:
    """The configuration in force and, for each key that a file set, the file."""

    config: Config
    origins: dict[str, Path]


def load(home: Home) -> Effective:
    """Read the site's files below `home`. Raises ConfigError; a missing file is an empty one."""
    merged: dict[str, Any] = {}
    origins: dict[str, Path] = {}
    for path in [home.etc / "tavs.toml", home.etc / OWN_FILE, *sorted((home.etc / "conf.d").glob("*.toml"))]:
        if not path.exists():
            continue
        read = _read(path)
        given = {OWN_TABLE: read} if path.name == OWN_FILE and path.parent == home.etc else read
        _merge(merged, given, Config, path=path, origins=origins, prefix="")
    try:
        return Effective(msgspec.convert(merged, Config), origins)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$.")
        key = place.rstrip("`")
        named = origins.get(key) or next((p for k, p in origins.items() if k.startswith(key.split("[")[0])), home.etc)
        raise ConfigError(
            f"{named}: {key or 'configuration'}: {reason[:1].lower()}{reason[1:]}",
            "`tavs config --effective` lists every key with its default",
        ) from None


def keys(section: type[Section] = Config, prefix: str = "") -> dict[str, msgspec.structs.FieldInfo]:
    """Every key that can be set, dotted, with its field."""
    found: dict[str, msgspec.structs.FieldInfo] = {}
    for field in msgspec.structs.fields(section):
        inner = _section(field.type)
        if inner:
            found |= keys(inner, f"{prefix}{field.name}.")
        else:
            found[prefix + field.name] = field
    return found


def value(config: Config, key: str) -> object:
    found: object = config
    for name in key.split("."):
        found = getattr(found, name)
    return found


def description(field: msgspec.structs.FieldInfo) -> str:
    for meta in getattr(field.type, "__metadata__", ()):
        if meta.description:
            return str(meta.description)
    return ""


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: cannot be read ({type(error).__name__})", "check owner, mode and encoding"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}", "strings stand in quotes, tables in [brackets]") from None


def _merge(
    into: dict[str, Any],
    new: dict[str, Any],
    section: type[Section],
    *,
    path: Path,
    origins: dict[str, Path],
    prefix: str,
) -> None:
    fields = {field.name: field for field in msgspec.structs.fields(section)}
    for name, item in new.items():
        key = prefix + name
        if name not in fields:
            raise ConfigError(f"{path}: unknown key {key}", _nearest(key))
        inner = _section(fields[name].type)
        if inner is None:
            into[name] = item
            origins[key] = path
        elif isinstance(item, dict):
            _merge(into.setdefault(name, {}), item, inner, path=path, origins=origins, prefix=f"{key}.")
        else:
            raise ConfigError(f"{path}: {key} is a table", f"write [{key}] and its keys below it")


def _nearest(key: str) -> str:
    known = list(keys())
    found = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
    last = difflib.get_close_matches(key.rpartition(".")[2], [k.rpartition(".")[2] for k in known], n=1, cutoff=0.6)
    if last:
        found = [next(k for k in known if k.rpartition(".")[2] == last[0])]
    return f"the nearest known key is {found[0]}"


def _section(annotation: object) -> type[Section] | None:
    origin = typing.get_origin(annotation)
    if (
        isinstance(annotation, type)
        and not isinstance(annotation, types.GenericAlias)
        and origin is None
        and issubclass(annotation, Section)
    ):
        return annotation
    return None


def sample() -> str:
    """The commented sample that ships as /etc/tavs/tavs.toml: every key with its description and default."""
    lines = ["# Tavs. Every key has a working default; the site's own values belong into conf.d/50-site.toml.", ""]
    return "\n".join(lines + _sample_lines(key for key in keys() if not key.startswith(f"{OWN_TABLE}.")))


def masking_sample() -> str:
    """The commented sample that ships as /etc/tavs/masking.toml."""
    lines = [
        "# What may travel. Every key has a working default. They may stand below [masking] in conf.d too.",
        "",
    ]
    return "\n".join(lines + _sample_lines(key for key in keys() if key.startswith(f"{OWN_TABLE}.")))


def _sample_lines(chosen: Iterable[str]) -> list[str]:
    lines: list[str] = []
    table, fields = "", keys()
    for key in chosen:
        section, _, name = key.rpartition(".")
        if section not in (table, OWN_TABLE):
            table = section
            lines += [f"[{section}]", ""]
        lines += [f"# {description(fields[key])}", f"#{name} = {_toml(value(Config(), key))}", ""]
    return lines


def _toml(item: object) -> str:
    if isinstance(item, bool):
        return str(item).lower()
    if isinstance(item, tuple):
        return f"[{', '.join(_toml(each) for each in item)}]"
    if isinstance(item, dict):
        return f"{{{', '.join(f'{name} = {_toml(each)}' for name, each in item.items())}}}"
    return f'"{item}"' if isinstance(item, str) else str(item)
