"""The keys of a development home: `etc/tavs/keys/NAME.key`, 32 bytes each, for their owner only."""

from __future__ import annotations

from pathlib import Path

from tavs.errors import ConfigError

KEY_BYTES = 32
SUFFIX = ".key"


class KeyFiles:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        return self._folder / f"{name}{SUFFIX}"

    def encode(self, name: str, key: bytes) -> bytes:
        del name
        return key

    def read(self, name: str, path: Path | None = None) -> bytes:
        return read_key(name, path or self.path(name), "a new home gets its keys by `tavs run`")

    def kept_index(self) -> list[Path]:
        return list(self._folder.glob(f"index-*{SUFFIX}"))

    def name(self, path: Path) -> str:
        return path.name.removesuffix(SUFFIX)

    def partial(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{SUFFIX}*.part"))

    def prepare(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def offer(self) -> None:
        """Its programs read the folder themselves."""


def read_key(name: str, path: Path, hint: str) -> bytes:
    """Raises ConfigError where the key is missing, unreadable or of another length."""
    try:
        key = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"the key {name} cannot be read ({type(error).__name__})", f"looked for {path}; {hint}"
        ) from None
    return checked(name, key, path)


def checked(name: str, key: bytes, path: Path) -> bytes:
    if len(key) != KEY_BYTES:
        raise ConfigError(
            f"the key {name} has {len(key)} bytes, not {KEY_BYTES}", f"restore {path} from the key backup"
        )
    return key
