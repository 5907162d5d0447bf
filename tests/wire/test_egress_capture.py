"""Everything that leaves an appliance while a call full of identifiers runs through it, caught on the wire.

The appliance is alone in a network namespace whose only way out is one cable; the advisory model is at its other end.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tavs.demo.canary import Canaries
from tavs.demo.show import HERE as DEMO
from tavs.host.home import Home
from tavs.run import prepare

HERE = Path(__file__).parent
INSIDE, OUTSIDE = "10.77.0.1", "10.77.0.2"
TCP, IPV4, ARP = 6, b"\x08\x00", b"\x08\x06"
CALL_S = 150.0
QUIET = frozenset({"CI", "PYTEST_CURRENT_TEST", "GITHUB_ACTIONS", "TF_BUILD", "DO_NOT_TRACK"})
"""Where a library sees these it may keep a silence that it does not keep on a site's box."""
CONFIGURATION = """\
[intake.siprec]
listen = ["tcp:127.0.0.1:0"]
allow = ["127.0.0.1/32"]

[speech]
agent_channel = "live"

[panel]
listen = "127.0.0.1:0"

[advice]
engine = "openai"
endpoint = "{url}"
model = "scripted"
ca = "{ca}"
"""


@dataclass(frozen=True, slots=True)
class Left:
    """What came out of the appliance's namespace."""

    home: Home
    port: int
    frames: list[bytes]
    told: bytes
    """What the model was told, decrypted."""


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def cable() -> Iterator[tuple[str, str]]:
    """Two namespaces, joined; IPv6 is off in them, so that the kernel says nothing by itself."""
    one, other = (f"tavs-{name}-{os.getpid()}" for name in ("in", "out"))
    try:
        for space in (one, other):
            ip("netns", "add", space)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine does not let us make network namespaces")
    try:
        ip("link", "add", "t0", "netns", one, "type", "veth", "peer", "name", "t1", "netns", other)
        for space, link, address in ((one, "t0", INSIDE), (other, "t1", OUTSIDE)):
            ip("netns", "exec", space, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
            ip("-n", space, "address", "add", f"{address}/24", "dev", link)
            for each in ("lo", link):
                ip("-n", space, "link", "set", each, "up")
        ip("-n", one, "route", "add", "default", "via", OUTSIDE)  # whatever wants to go anywhere shows
        yield one, other
    finally:
        for space in (one, other):
            subprocess.run(["ip", "netns", "delete", space], check=False, capture_output=True)


@pytest.fixture(scope="module")
def left(cable: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Left:
    inside, outside = cable
    folder, home = tmp_path_factory.mktemp("far"), Home(tmp_path_factory.mktemp("home") / "home")
    environment = {name: value for name, value in os.environ.items() if name not in QUIET}
    environment["PYTHONPATH"] = os.pathsep.join([*sys.path, str(HERE.parent / "advice")])
    with subprocess.Popen(
        ["ip", "netns", "exec", outside, sys.executable, str(HERE / "far_side.py"), OUTSIDE, "t1", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as far:
        assert far.stdout is not None
        url = far.stdout.readline().strip()
        prepare(home)
        authority = next(folder.glob("*.pem"))
        (home.etc / "conf.d/90-test.toml").write_text(CONFIGURATION.format(url=url, ca=authority), encoding="utf-8")
        done = subprocess.run(
            ["ip", "netns", "exec", inside, sys.executable, str(HERE / "one_call.py"), str(home.root)],
            capture_output=True,
            env={**environment, "TAVS_HOME": str(home.root)},
            timeout=CALL_S,
            check=False,
        )
        far.send_signal(signal.SIGTERM)
        far.wait(20)
    assert 0 == done.returncode, "the appliance ended with an error"
    port = int(url.rpartition(":")[2].partition("/")[0])
    return Left(home, port, list(_frames((folder / "frames.bin").read_bytes())), (folder / "received.bin").read_bytes())


def _frames(data: bytes) -> Iterator[bytes]:
    while data:
        end = 4 + int.from_bytes(data[:4], "big")
        yield data[4:end]
        data = data[end:]


def test_packets_go_to_the_advisory_model_and_nowhere_else(left: Left) -> None:
    goals = set()
    for frame in left.frames:
        if frame[12:14] == ARP:
            continue
        assert IPV4 == frame[12:14]
        packet = frame[14:]
        header_bytes = (packet[0] & 15) * 4
        goals.add((packet[9], packet[16:20], int.from_bytes(packet[header_bytes + 2 : header_bytes + 4], "big")))
    assert {(TCP, bytes(map(int, OUTSIDE.split("."))), left.port)} == goals


def test_no_identifier_that_was_spoken_left_in_any_form(left: Left) -> None:
    script = json.loads((DEMO / "call.json").read_text(encoding="utf-8"))
    canaries = Canaries(script["identifiers"])
    assert b"<PHONE_1>" in left.told, "nothing of the call was sent, so this would show nothing"
    assert [] == canaries.search(left.told)
    assert [] == canaries.search(b"".join(left.frames))


def test_the_log_of_what_left_names_every_payload_and_proves_it(left: Left) -> None:
    environment = {**os.environ, "TAVS_HOME": str(left.home.root)}
    done = subprocess.run(
        [sys.executable, "-m", "tavs", "egress", "verify", "--json"], capture_output=True, env=environment, check=False
    )
    found = json.loads(done.stdout)
    assert (0, []) == (done.returncode, found["faults"])
    assert left.told.count(b"POST /v1/chat/completions") == found["proofs"]["proved"] > 0
