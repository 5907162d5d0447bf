"""An appliance as a user starts it, and sipp as the PBX."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tavs.events import Channel

HERE = Path(__file__).parent
CALL_WAV = Path(__file__).parents[2] / "daemon/tavs/demo/call.wav"
READY_S, WAIT_S = 30.0, 40.0
CONSENT_HEADER = "X-Quality-Consent"
METADATA = (
    '<?xml version="1.0"?><recording xmlns="urn:ietf:params:xml:ns:recording:1"><datamode>complete</datamode>'
    '<participant participant_id="p1"><nameID aor="sip:+4536766050@pbx"/></participant>'
    '<participant participant_id="p2"><nameID aor="sip:4512@pbx"/></participant>'
    '<stream stream_id="s1"><label>leg-1</label></stream><stream stream_id="s2"><label>leg-2</label></stream>'
    '<participantstreamassoc participant_id="p1"><send>s1</send></participantstreamassoc>'
    '<participantstreamassoc participant_id="p2"><send>s2</send></participantstreamassoc></recording>'
)


@dataclass
class Box:
    """`tavs run` in a process, as a user starts it."""

    home: Path
    process: subprocess.Popen[str]
    addresses: dict[str, int]
    log: Path

    @property
    def said(self) -> str:
        """What the programs have written since they were ready."""
        return self.log.read_text(encoding="utf-8")

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TAVS_HOME": str(self.home)}
        return subprocess.run(
            [sys.executable, "-m", "tavs", *arguments], capture_output=True, text=True, env=environment, check=False
        )

    def calls(self) -> list[dict]:  # type: ignore[type-arg]
        done = self.command("calls", "--json")
        return list(json.loads(done.stdout)["calls"]) if done.returncode == 0 else []

    def show(self, call: str) -> dict:  # type: ignore[type-arg]
        return dict(json.loads(self.command("show", call, "--json").stdout))

    @property
    def incoming(self) -> Path:
        return self.home / "var/lib/tavs/recordings/incoming"

    @property
    def private_key(self) -> bytes:
        return (self.home / "etc/tavs/keys/site-private.key").read_bytes()

    def wait_for(self, condition: Callable[[], object], patience_s: float = WAIT_S) -> None:
        until = time.monotonic() + patience_s
        while not condition():
            assert self.process.poll() is None, "tavs run has ended"
            assert time.monotonic() < until, "it did not happen in time"
            time.sleep(0.2)

    def wait_for_recording(self) -> dict:  # type: ignore[type-arg]
        def kinds() -> set[str]:
            return {artifact["kind"] for call in self.calls() for artifact in call["artifacts"]}

        self.wait_for(lambda: "recording" in kinds())
        return self.calls()[0]

    def pids(self, *words: str) -> list[int]:
        """Processes below this box whose command line holds these words."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    command = (entry / "cmdline").read_bytes().decode().split("\0")
                    environment = (entry / "environ").read_bytes()
                except OSError:
                    continue
                ours = f"TAVS_HOME={self.home}\0".encode() in environment
                if ours and all(word in command for word in words):
                    found.append(int(entry.name))
        return found


@dataclass(frozen=True)
class Sound:
    pcap: Path
    sides: dict[Channel, np.ndarray]
    """int16 at 8 kHz, as it was encoded."""

    @property
    def duration_s(self) -> float:
        return len(self.sides[Channel.CUSTOMER]) / 8000


@dataclass(frozen=True)
class Sipp:
    """The SIPREC client we did not write."""

    folder: Path

    def call(
        self,
        box: Box,
        transport: str,
        sound: Sound,
        *,
        metadata: str = METADATA,
        wait_s: float | None = None,
        consent: str = "",
    ) -> subprocess.Popen[str]:
        scenario = self.folder / "scenario.xml"
        wait_ms = round((sound.duration_s if wait_s is None else wait_s) * 1000)
        text = (HERE / "siprec.xml").read_text(encoding="utf-8")
        text = text.replace("SOUND_MS", str(wait_ms)).replace("[field1]", str(sound.pcap)).replace("[field0]", metadata)
        if consent:
            text = text.replace("Require: siprec", f"Require: siprec\n      {CONSENT_HEADER}: {consent}")
        scenario.write_text(text, encoding="utf-8")
        kind = {"udp": "u1", "tcp": "t1"}[transport]
        return subprocess.Popen(
            ["sipp", f"127.0.0.1:{box.addresses[transport]}", "-sf", str(scenario), "-t", kind, "-m", "1",
             "-i", "127.0.0.1", "-mi", "127.0.0.1", "-mp", "26000", "-timeout", "60", "-timeout_error", "-nostdin", "-trace_err",
             "-error_file", str(self.folder / "errors.log")],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.folder,
        )  # fmt: skip
