"""What a bundle tells of configuration, folders and machine: numbers, enums and what we named ourselves.

1. Of the configuration, what is a default or no free text is told as it is; of texts, those of SHOWN that are of their
   form. Everything else is hidden: a new key is until somebody decides.
2. Of a folder, how many files and how large; never a name of one.
"""

from __future__ import annotations

import ipaddress
import os
import platform
import re
from collections import Counter
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from zoneinfo import available_timezones

import msgspec
import pysqlite3.dbapi2 as sqlite3

from tavs import config as configuration
from tavs.catalogue import find, folders
from tavs.checks.machine import mounts
from tavs.errors import TavsError
from tavs.host.home import Home
from tavs.host.version import version

ENDINGS = frozenset({".tavs", ".json", ".key", ".db", ".part", ".md", ".html", ".txt", ".toml", ".prom", ".pem"})
LIBRARIES = (
    "numpy",
    "onnxruntime",
    "pywhispercpp",
    "av",
    "PyNaCl",
    "pysqlite3",
    "msgspec",
    "starlette",
    "cryptography",
)
_LISTENED = re.compile(r"((udp|tcp|tls):)?(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:]+\]):\d{1,5}")
_PORTS = re.compile(r"\d{1,5}-\d{1,5}")


def versions() -> dict[str, str]:
    return {
        "tavs": version(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "") if Path("/etc/os-release").exists() else "",
        **{name: metadata.version(name) for name in LIBRARIES if _is_there(name)},
    }


def config(home: Home) -> dict[str, object]:
    """By rule 1. Raises ConfigError."""
    loaded = configuration.load(home)
    known = configuration.keys()
    return {key: _shown(key, configuration.value(loaded.config, key), home) for key in known}


def places(home: Home) -> dict[str, object]:
    """By rule 2."""
    found = {
        "recordings/incoming": home.incoming,
        "recordings/archive": home.archive,
        "db": home.database.parent,
        "text-keys": home.text_keys,
        "models": home.models,
        "terms": home.terms,
        "reviews": home.reviews,
        "exports": home.exports,
        "metrics": home.metrics,
        "conf.d": home.etc / "conf.d",
    }
    return {name: _folder(path) for name, path in found.items()}


def machine(home: Home) -> dict[str, object]:
    return {
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": list(os.getloadavg()),
        "memory_bytes": _memory(),
        "booted_by_systemd": Path("/run/systemd/system").is_dir(),
        "disks": {
            name: _disk(path) for name, path in (("recordings", home.incoming), ("database", home.database.parent))
        },
    }


def _shown(key: str, value: object, home: Home) -> object:
    if isinstance(value, bool | int | float) or value == configuration.value(configuration.Config(), key):
        return value
    if isinstance(value, dict):
        return {name: f"{len(each)} words" for name, each in value.items()}  # its labels are an enum
    is_shown = SHOWN.get(key)
    if isinstance(value, tuple):
        return [str(each) if is_shown and is_shown(str(each), home) else "hidden" for each in value]
    if value in _choices(key) or (is_shown and is_shown(str(value), home)):
        return value
    return "hidden"


def _choices(key: str) -> tuple[object, ...]:
    """The words of a closed list; empty for a free text."""
    kind = configuration.keys()[key].type
    try:
        schema = msgspec.json.schema(kind)
    except TypeError:
        return ()
    return tuple(schema.get("enum", ()))


def _is_network(text: str, home: Home) -> bool:
    del home
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _is_model(text: str, home: Home) -> bool:
    try:
        find(text, folders(home))
    except TavsError:
        return False
    return True


def _is_address(text: str, home: Home) -> bool:
    del home
    return bool(_LISTENED.fullmatch(text) or _PORTS.fullmatch(text))


def _is_zone(text: str, home: Home) -> bool:
    del home
    return text in available_timezones()


SHOWN: dict[str, Callable[[str, Home], bool]] = {
    "site.timezone": _is_zone,
    "intake.siprec.listen": _is_address,
    "intake.siprec.allow": _is_network,
    "intake.siprec.media_address": _is_network,
    "intake.siprec.media_ports": _is_address,
    "intake.siprec.media_allow": _is_network,
    "speech.model": _is_model,
    "masking.names": _is_model,
    "advice.embeddings": _is_model,
    "panel.listen": _is_address,
    "panel.allow": _is_network,
    "panel.proxies": _is_network,
    "metrics.listen": _is_address,
}


def _folder(path: Path) -> object:
    try:
        found = [each.lstat() for each in path.iterdir()]
        endings = Counter(each.suffix if each.suffix in ENDINGS else "other" for each in path.iterdir())
        own = path.stat()
    except OSError as error:
        return type(error).__name__
    return {
        "mode": f"{own.st_mode & 0o7777:o}",
        "uid": own.st_uid,
        "gid": own.st_gid,
        "entries": len(found),
        "size_bytes": sum(each.st_size for each in found),
        "largest_bytes": max((each.st_size for each in found), default=0),
        "endings": dict(endings),
        "modes": dict(Counter(f"{each.st_mode & 0o7777:o} {each.st_uid}:{each.st_gid}" for each in found)),
    }


def _disk(path: Path) -> object:
    try:
        disk = os.statvfs(path)
        table = mounts(Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        return type(error).__name__
    place = path.resolve()
    mount = next((table[str(each)] for each in (place, *place.parents) if str(each) in table), None)
    return {
        "kind": mount.kind if mount else "",
        "size_bytes": disk.f_blocks * disk.f_frsize,
        "free_bytes": disk.f_bavail * disk.f_frsize,
        "free_files": disk.f_favail,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _memory() -> dict[str, int]:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    known = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    return {name: int(known[name][0]) * 1024 for name in ("MemTotal", "MemAvailable", "SwapTotal") if name in known}


def _is_there(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
