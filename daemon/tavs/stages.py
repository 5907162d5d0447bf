"""What carries a call, whichever call it is: from packets to sealed files and to masked text on the relay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from tavs.audio.sockets import MediaSockets
from tavs.ears import Ears
from tavs.relay import RelaySender
from tavs.speech.workers import SpeechWorkers


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """What carries a call."""

    media: MediaSockets
    incoming: Path
    """Where recordings are written."""
    public_key: bytes
    """Of the site: what they are sealed to."""
    ears: Ears
    workers: SpeechWorkers
    relay: RelaySender
    group: asyncio.TaskGroup
    writer: Executor
    on_media: Callable[[], None]
    """Told of every round of the sockets."""
