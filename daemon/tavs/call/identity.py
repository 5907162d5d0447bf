"""The id of a call: UUID version 7 (RFC 9562 section 5.7), so that ids sort by the time the calls began."""

from __future__ import annotations

import os
import uuid
from datetime import datetime

from tavs.events import CallId


def new_call_id(at: datetime) -> CallId:
    milliseconds = int(at.timestamp() * 1000) & (1 << 48) - 1
    random = int.from_bytes(os.urandom(10), "big")
    value = milliseconds << 80 | 0x7 << 76 | (random >> 68) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    return CallId(str(uuid.UUID(int=value)))
