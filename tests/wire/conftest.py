"""An appliance of its own per test, and sipp beside it."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from appliance import CALL_WAV, CONSENT_HEADER, Box, Sipp, Sound
from tavs.audio import g711
from tavs.audio.rtp import RtpPacket
from tavs.demo.place import payloads
from tavs.events import Channel


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    home = tmp_path / "home"
    (home / "etc/tavs/conf.d").mkdir(parents=True)
    (home / "etc/tavs/conf.d/50-test.toml").write_text(
        '[intake.siprec]\nlisten = ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]\nallow = ["127.0.0.1/32"]\n'
        'media_ports = "24000-24999"\n[speech]\nagent_channel = "live"\n'
        f'[consent]\nsip_header = "{CONSENT_HEADER}"\n'
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "tavs", "run", "--home", str(home)], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    addresses: dict[str, int] = {}
    for line in process.stderr:
        if line.startswith("tavs: ready:"):
            for address in line.split()[2:]:
                kind, _, port = address.split(":")
                addresses[kind] = int(port)
            break
    assert addresses, "tavs run did not become ready"
    # From here on somebody has to read what the programs say, or they would wait for it.
    log = tmp_path / "log"
    with log.open("wb") as sink:
        reader = subprocess.Popen(["cat"], stdin=process.stderr, stdout=sink)
    yield Box(home, process, addresses, log)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    reader.wait(5)


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """Ten seconds of the synthetic call as a pcap with both streams."""
    coded = {channel: packets[200:700] for channel, packets in payloads(CALL_WAV).items()}
    path = tmp_path_factory.mktemp("pcap") / "call.pcap"
    records = []
    for number in range(500):
        for side, channel in enumerate((Channel.CUSTOMER, Channel.AGENT)):
            packet = RtpPacket(
                payload_type=8,
                marker=number == 0,
                sequence_number=number + 1,
                timestamp=number * 160,
                ssrc=100 + side,
                payload=coded[channel][number],
            )
            records.append((number * 20_000 + side * 100, _frame(6000 + 2 * side, packet.serialize())))
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    body = b"".join(
        struct.pack("<IIII", 1 + at // 1_000_000, at % 1_000_000, len(data), len(data)) + data for at, data in records
    )
    path.write_bytes(header + body)
    sides = {channel: g711.decode(b"".join(packets), g711.ALAW) for channel, packets in coded.items()}
    return Sound(path, sides)


def _frame(port: int, payload: bytes) -> bytes:
    """Ethernet, IPv4 and UDP around a packet, as a pcap holds it."""
    udp = struct.pack("!HHHH", port, port, 8 + len(payload), 0) + payload
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
    return b"\0" * 12 + b"\x08\x00" + ip + udp


@pytest.fixture
def sipp(tmp_path: Path) -> Sipp:
    if not shutil.which("sipp"):
        pytest.skip("sipp (Debian sip-tester) is not installed")
    if os.geteuid():
        pytest.skip("sipp plays sound by raw sockets, which need root")
    folder = tmp_path / "sipp"
    folder.mkdir()
    return Sipp(folder)
