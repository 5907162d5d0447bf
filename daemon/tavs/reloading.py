"""What a configuration that was read again changes for a program at once, and what it has to be started anew for. Pure.

1. Every key is in the table below, with the programs that read it when they start and how each follows a change.
2. A program goes on with its old value of a key that needs a restart, and says which keys these are.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from tavs import config as configuration
from tavs.config import Config, Section

S = TypeVar("S", bound=Section)


class Program(enum.Enum):
    LISTEN = "listen"
    DESK = "desk"


class How(enum.Enum):
    LIVE = "at once"
    RESTART = "after a restart"


LISTEN_LIVE = {Program.LISTEN: How.LIVE}
LISTEN_RESTART = {Program.LISTEN: How.RESTART}
DESK_LIVE = {Program.DESK: How.LIVE}
DESK_RESTART = {Program.DESK: How.RESTART}
NOBODY: dict[Program, How] = {}
"""Read by commands, which begin anew each time."""

KEYS: dict[str, dict[Program, How]] = {
    "site.name": NOBODY,
    "site.language": NOBODY,
    "site.timezone": DESK_RESTART,
    "intake.siprec.listen": LISTEN_RESTART,
    "intake.siprec.allow": LISTEN_LIVE,
    "intake.siprec.media_address": LISTEN_RESTART,
    "intake.siprec.media_ports": LISTEN_RESTART,
    "intake.siprec.media_allow": LISTEN_LIVE,
    "speech.live": LISTEN_RESTART,
    "speech.model": LISTEN_RESTART,
    "speech.workers": LISTEN_RESTART,
    "speech.agent_channel": LISTEN_LIVE,
    "masking.hold_back_s": LISTEN_LIVE,
    "masking.health": LISTEN_LIVE,
    "masking.organisations": LISTEN_LIVE,
    "masking.names": LISTEN_LIVE,
    "masking.always": LISTEN_LIVE,
    "masking.never": LISTEN_LIVE,
    "advice.engine": DESK_RESTART,
    "advice.endpoint": DESK_RESTART,
    "advice.model": DESK_RESTART,
    "advice.ca": DESK_RESTART,
    "advice.deadline_s": DESK_LIVE,
    "advice.a_minute": DESK_LIVE,
    "advice.embeddings": DESK_RESTART,
    "panel.listen": DESK_RESTART,
    "panel.allow": DESK_RESTART,
    "panel.language": DESK_RESTART,
    "panel.proxies": DESK_RESTART,
    "panel.proxy_header": DESK_RESTART,
    "recording.codec": LISTEN_RESTART,
    "recording.documentation": LISTEN_LIVE,
    "consent.sip_header": LISTEN_LIVE,
    "notice.contact": NOBODY,
    "metrics.listen": DESK_RESTART,
}


@dataclass(frozen=True, slots=True)
class Changes:
    """Keys, dotted, in the order of the configuration."""

    live: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()

    def line(self) -> str:
        return f"reloaded; needs a restart: {', '.join(self.restart)}" if self.restart else "reloaded"


def changes(old: Config, new: Config, program: Program) -> Changes:
    """What is different for a program, by how it follows."""
    changed = [key for key in KEYS if configuration.value(old, key) != configuration.value(new, key)]
    by = {how: tuple(key for key in changed if KEYS[key].get(program) is how) for how in How}
    return Changes(by[How.LIVE], by[How.RESTART])


def followed(old: Config, new: Config, program: Program) -> Config:
    """The configuration in force after a reload: new where the program can follow, old where it cannot."""
    found = old
    for key in changes(old, new, program).live:
        found = _with(found, key, configuration.value(new, key))
    return found


def _with(section: S, key: str, value: object) -> S:
    name, _, rest = key.partition(".")
    return msgspec.structs.replace(section, **{name: _with(getattr(section, name), rest, value) if rest else value})
