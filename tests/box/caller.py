"""sipp as the PBX of a machine: the scenario and the metadata of tests/wire, over a real cable."""

from __future__ import annotations

import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from appliance import CALL_WAV, CONSENT_HEADER, HERE, METADATA
from machine import BOX_ADDRESS, PBX_ADDRESS, Machine
from tavs.audio.rtp import RtpPacket
from tavs.demo.place import payloads
from tavs.events import Channel

PACKET_S = 0.02
SIP_PORT = 5060
AFTER_SOUND_S = 0.5
"""What the scenario waits on hold before it hangs up."""
PATIENCE_S = 60


@dataclass(frozen=True)
class Sound:
    pcap: Path
    duration_s: float


def cut(folder: Path, from_s: float, to_s: float) -> Sound:
    """A piece of the synthetic call as a pcap with both streams; to the end where `to_s` is 0."""
    first, last = round(from_s / PACKET_S), round(to_s / PACKET_S) or None
    coded = {channel: packets[first:last] for channel, packets in payloads(CALL_WAV).items()}
    count = min(map(len, coded.values()))
    path = folder / f"{first}-{first + count}.pcap"
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number in range(count):
            for side, channel in enumerate((Channel.CUSTOMER, Channel.AGENT)):
                rtp = RtpPacket(
                    payload_type=8,
                    marker=number == 0,
                    sequence_number=number + 1 & 0xFFFF,
                    timestamp=number * 160,
                    ssrc=100 + side,
                    payload=coded[channel][number],
                ).serialize()
                seconds, rest_us = divmod(number * 20_000 + side * 100, 1_000_000)
                frame = _frame(6000 + 2 * side, rtp)
                file.write(struct.pack("<IIII", 1 + seconds, rest_us, len(frame), len(frame)) + frame)
    return Sound(path, count * PACKET_S)


class Call:
    """One call under way; ended with its machine at the latest."""

    def __init__(
        self,
        machine: Machine,
        sound: Sound,
        folder: Path,
        *,
        transport: str = "udp",
        wait_s: float = 0.0,
        consent: str = "",
    ) -> None:
        self.lasts_s = wait_s or sound.duration_s
        text = (HERE / "siprec.xml").read_text(encoding="utf-8")
        text = text.replace("SOUND_MS", str(round(self.lasts_s * 1000)))
        text = text.replace("[field1]", str(sound.pcap)).replace("[field0]", METADATA)
        if consent:
            text = text.replace("Require: siprec", f"Require: siprec\n      {CONSENT_HEADER}: {consent}")
        self._errors = folder / "sipp-errors.log"
        scenario = folder / "scenario.xml"
        scenario.write_text(text, encoding="utf-8")
        limit_s = round(self.lasts_s) + PATIENCE_S
        self._sipp = subprocess.Popen(
            machine.pbx.entered(
                "sipp", f"{BOX_ADDRESS}:{SIP_PORT}", "-sf", str(scenario), "-t", {"udp": "u1", "tcp": "t1"}[transport],
                "-m", "1", "-i", PBX_ADDRESS, "-mi", PBX_ADDRESS, "-mp", "26000", "-timeout", str(limit_s),
                "-timeout_error", "-nostdin", "-trace_err", "-error_file", str(self._errors),
            ),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, cwd=folder,
        )  # fmt: skip

    @property
    def is_running(self) -> bool:
        return self._sipp.poll() is None

    def wait(self) -> None:
        """Until the PBX has hung up and had its answer."""
        code = self._sipp.wait(self.lasts_s + PATIENCE_S + 10)
        told = self._errors.read_text(errors="replace")[-1500:] if self._errors.exists() else ""
        assert code == 0, f"sipp saw something else than it expected: {told}"

    def kill(self) -> None:
        self._sipp.kill()
        self._sipp.wait()


def _frame(port: int, payload: bytes) -> bytes:
    """Ethernet, IPv4 and UDP around a packet; sipp takes the ports' distance from it, and no address."""
    udp = struct.pack("!HHHH", port, port, 8 + len(payload), 0) + payload
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
    return b"\0" * 12 + b"\x08\x00" + ip + udp
