"""What a check tells: how bad it is, what it is, and what to do about it."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Level(enum.Enum):
    FINE = "fine"
    NOTE = "note"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    what: str
    remedy: str = ""

    @property
    def is_trouble(self) -> bool:
        return self.level is Level.TROUBLE

    def line(self) -> str:
        return f"{self.level.value:8}{self.what}" + (f" – {self.remedy}" if self.remedy else "")

    def document(self) -> dict[str, str]:
        return {"level": self.level.value, "what": self.what, "remedy": self.remedy}
