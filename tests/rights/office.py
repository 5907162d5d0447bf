"""A home with calls as the programs make them, and the command line beside it. Every name and number is invented."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from tavs.call.consent import HeardAnswer
from tavs.call.party import party_ref
from tavs.call.session import CallStart, Description
from tavs.events import (
    ArtifactClosed,
    CallEnded,
    CallId,
    CallStarted,
    Channel,
    ConsentHeard,
    Event,
    MaskedSegment,
    MaskedText,
)
from tavs.host import credentials
from tavs.host.clock import SimulatedClock
from tavs.host.home import Home
from tavs.recording.recorder import Recorder
from tavs.recording.transcript import Line, beginner
from tavs.relay import Received
from tavs.retention.policy import load
from tavs.run import prepare
from tavs.store.database import Connection, open_writer, transaction
from tavs.store.grants import enter_policy
from tavs.store.keeper import Keeper
from tavs.store.text_keys import TextKeys

NUMBER, LOCALLY = "+4520123456", "20 12 34 56"
OTHER_NUMBER = "+4530987654"
CUSTOMER_SAID = "hej, jeg hedder Rigmor Vestergaard."
AGENT_SAID = "hej, du taler med Torben Mikkelsen."
MASKED = "hej, jeg hedder <PERSON_1>."
PERSONAL = (NUMBER, "20123456", LOCALLY, "Rigmor", "Vestergaard", "Torben", "Mikkelsen")
"""What may stand nowhere but in sealed files and in the person's own copy."""
LASTED = timedelta(minutes=5)
YES, NO, UNCLEAR = (HeardAnswer(answer) for answer in ("yes", "no", "unclear"))
PROMPTED = HeardAnswer("yes", pressed="1", prompt="menu", prompt_version="3", language="da")


def call_id(number: int) -> CallId:
    return CallId(f"0192f0c1-0000-7000-8000-{number:012d}")


FIRST, SECOND, THIRD = call_id(1), call_id(2), call_id(3)


def tone(seconds: int = 1) -> np.ndarray:
    """Two voices that differ, int16 [n, 2] at 8 kHz."""
    t = np.arange(seconds * 8000) / 8000
    return (np.stack([np.sin(2 * np.pi * 440 * t), np.sin(2 * np.pi * 620 * t)], axis=1) * 8000).astype(np.int16)


class Office:
    """The home, its desk, and what its officers can type."""

    def __init__(self, root: Path, now: datetime) -> None:
        self.home = Home(root)
        prepare(self.home)
        self.clock = SimulatedClock(now)
        self.connection: Connection = open_writer(self.home.database)
        policy = load(self.home.retention)
        with transaction(self.connection):
            enter_policy(self.connection, policy, actor="desk", now=now)
        keys = TextKeys(self.home.text_keys, credentials.load("desk", self.home))
        zone = ZoneInfo("Europe/Copenhagen")
        self._keeper = Keeper(self.connection, keys, self.clock, zone)
        self._sequence = 0

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def hear(self, *events: Event) -> None:
        for event in events:
            self._keeper.apply(Received("boot", self._sequence, event))
            self._sequence += 1

    def call(
        self,
        call: CallId,
        *,
        number: str = NUMBER,
        answers: Sequence[HeardAnswer] = (),
        ended_at: datetime | None = None,
        parts: int = 1,
    ) -> None:
        """One call that has ended: recorded, heard, masked, and with a sealed transcript where an answer was given."""
        ended_at = ended_at or self.now
        reference = party_ref(number, credentials.load("index", self.home))
        consents = tuple(self._heard(answer, ended_at - LASTED) for answer in answers)
        start = CallStart(
            call=call, at=ended_at - LASTED, started_s=0.0, source="siprec", trunk="192.0.2.1", streams=(),
            description=Description(extension="4512", customer_number=number),
        )  # fmt: skip
        public = credentials.load("site-public", self.home)
        sidecars = []
        for part in range(parts):
            recorder = Recorder(folder=self.home.incoming, public_key=public, clock=self.clock)
            recording = recorder.begin(start, reference, part=part)
            recording.details(json.dumps({"number": number}).encode())
            recording.describe(extension="4512", party_ref=reference, consents=consents)
            recording.write(tone())
            sidecars.append(recording.close(call_ended_at=ended_at, gaps=()))
        if consents:
            transcript = beginner(self.home.incoming, public, self.clock, start, reference)(consents)
            for second, (channel, text) in enumerate(
                ((Channel.AGENT, AGENT_SAID), (Channel.CUSTOMER, CUSTOMER_SAID), (Channel.AGENT, "hvad kan jeg gøre?"))
            ):
                transcript.write(Line(channel=channel, t0_ms=second * 3000, t1_ms=second * 3000 + 2000, text=text))
            sidecars.append(transcript.close(call_ended_at=ended_at, consents=consents))
        self.hear(
            CallStarted(
                call=call, at=start.at, source="siprec", trunk="192.0.2.1", extension="4512", party_ref=reference
            ),
            MaskedSegment(
                call=call, channel=Channel.CUSTOMER, sequence=1, t0_ms=3000, t1_ms=5000, text=MaskedText(MASKED),
                labels=("PERSON",),
            ),
            CallEnded(call=call, at=ended_at, reason="bye"),
            *(ArtifactClosed(sidecar=each) for each in sidecars),
        )  # fmt: skip

    def grants(self, call: CallId) -> dict[tuple[str, str], str]:
        """(kind, purpose) of every grant that lives now, with the day of its end."""
        rows = self.connection.execute(
            "select kind, purpose, coalesce(ended_at, expires_at) from grants join artifacts on artifact = id"
            " where call = ? and coalesce(ended_at, expires_at) > ?",
            (call, self.now.isoformat()),
        )
        return {(kind, purpose): until[:10] for kind, purpose, until in rows}

    def audited(self, kind: str) -> list[dict[str, Any]]:
        """Details of the audit rows of a kind, each with who and which call."""
        rows = self.connection.execute(
            "select actor, call, detail from audit where kind = ? order by sequence", (kind,)
        )
        return [{"actor": actor, "call": call, **json.loads(detail)} for actor, call, detail in rows]

    def files(self, ending: str) -> list[str]:
        return sorted(path.name for path in self.home.var.rglob(f"*{ending}") if path.is_file())

    def tavs(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tavs", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "TAVS_HOME": str(self.home.root)},
            timeout=120,
        )

    def json(self, *arguments: str) -> dict[str, Any]:
        """What a command that went well says to a machine."""
        done = self.tavs(*arguments, "--json")
        assert 0 == done.returncode, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def refused(self, *arguments: str, code: int = 2) -> str:
        """What a command that must not go well says to a person: a sentence, no result, nothing personal."""
        done = self.tavs(*arguments)
        assert code == done.returncode, (done.stdout, done.stderr)
        assert "" == done.stdout
        assert "Traceback" not in done.stderr
        assert not [each for each in PERSONAL if each in done.stderr]
        return done.stderr

    def _heard(self, answer: HeardAnswer, at: datetime) -> ConsentHeard:
        return ConsentHeard(
            answer=answer.answer, source="header", pressed=answer.pressed, prompt=answer.prompt,
            prompt_version=answer.prompt_version, language=answer.language, at=at,
        )  # fmt: skip

    def close(self) -> None:
        with closing(self.connection):
            pass
