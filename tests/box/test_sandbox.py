"""What each program cannot do, tried by force from where it runs, and whom it cannot reach, told by who listens there."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from box import DESK, INCOMING, KEEP, LISTEN, SITE_FILE, Box
from machine import BOX_ADDRESS, PBX_ADDRESS, STRANGER_ADDRESS, wait_for

SCORES = {LISTEN: 1.5, DESK: 1.5, KEEP: 0.7}
"""systemd-analyze security; 0 is best, 10 is worst."""
PLACES = {
    LISTEN: (INCOMING, "/var/lib/tavs/db/tavs.db"),
    DESK: ("/var/lib/tavs/db", "/etc/credstore/tavs.site-public"),
    KEEP: ("/var/lib/tavs/metrics", "/etc/tavs/panel/foreign"),
}
"""A folder that a unit may write, and a file of another one's."""
STRANGER_PORT = 9000
LEFT_OUT = (
    "Type=", "NotifyAccess=", "ExecStart=", "ExecReload=", "Restart", "Watchdog", "Sockets=", "FileDescriptorStoreMax=",
    "OnFailure=", "PartOf=", "StartLimit", "WantedBy=", "Requires=tavs-relay", "Wants=", "After=", "Documentation=",
)  # fmt: skip
"""Lines of a unit that say how the program is run and not what it may do."""
HERE = Path(__file__).parent

STRANGER = """
import selectors, socket, sys
address, port = sys.argv[1], int(sys.argv[2])
selector = selectors.DefaultSelector()
for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
    server = socket.socket(socket.AF_INET, kind)
    server.bind((address, port))
    if kind == socket.SOCK_STREAM:
        server.listen()
    selector.register(server, selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in selector.select():
        if key.fileobj.type == socket.SOCK_DGRAM:
            print("udp", key.fileobj.recvfrom(100)[1][0], flush=True)
        else:
            print("tcp", key.fileobj.accept()[1][0], flush=True)
"""
SENDER = """
import socket, sys
address, port = sys.argv[1], int(sys.argv[2])
for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as sender:
        sender.settimeout(2)
        try:
            sender.connect((address, port))
            sender.send(b"x")
        except OSError:
            pass
"""
OPTIONS = """
import socket, sys
source, target, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    sender.bind((source, 0))
    sender.settimeout(2)
    here = ":".join(map(str, sender.getsockname()))
    sender.sendto(
        f"OPTIONS sip:srs@{target} SIP/2.0\\r\\nVia: SIP/2.0/UDP {here};branch=z9hG4bK1\\r\\nMax-Forwards: 70\\r\\n"
        f"From: <sip:a@{source}>;tag=1\\r\\nTo: <sip:srs@{target}>\\r\\nCall-ID: 1@{source}\\r\\nCSeq: 1 OPTIONS\\r\\n"
        "Content-Length: 0\\r\\n\\r\\n".encode(),
        (target, port),
    )
    try:
        print(sender.recv(2000).split(b"\\r\\n")[0].decode())
    except OSError:
        print("no answer")
"""


@contextmanager
def stranger(box: Box) -> Iterator[list[str]]:
    """Somebody on the cable whom no configuration names; who came, as `KIND ADDRESS`, once this ends."""
    heard: list[str] = []
    server = subprocess.Popen(
        box.machine.pbx.entered(sys.executable, "-c", STRANGER, STRANGER_ADDRESS, str(STRANGER_PORT)),
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stdout
        assert "ready" == server.stdout.readline().strip()
        yield heard
        time.sleep(0.3)
    finally:
        server.kill()
        heard += server.communicate()[0].splitlines()


def options(box: Box, source: str) -> str:
    return box.machine.pbx.run(sys.executable, "-c", OPTIONS, source, BOX_ADDRESS, "5060").stdout.strip()


def forbidden(box: Box, unit: str) -> dict[str, dict[str, object]]:
    """The twelve acts from inside a copy of the unit: the same lines but for what is run."""
    data, foreign = PLACES[unit]
    lines = box.machine.run("systemctl", "cat", unit).stdout.splitlines()
    kept = [line for line in lines if not line.startswith(LEFT_OUT)]
    script = "/usr/lib/tavs-forbidden.py"
    box.machine.write(script, (HERE / "forbidden.py").read_bytes(), 0o755)
    name, told = f"forbidden-{unit}", f"/run/forbidden-{unit}.json"
    run = (
        f"[Service]\nType=oneshot\nExecStart=/usr/bin/python3.11 -I {script} --data {data} --foreign {foreign}"
        f" --host {STRANGER_ADDRESS}:{STRANGER_PORT}\nStandardOutput=file:{told}\n"
    )
    box.machine.write(f"/run/systemd/system/{name}", "\n".join([*kept, run]))
    box.machine.shell(f"rm -f {told}; systemctl daemon-reload; systemctl start {name}")
    return dict(json.loads(box.machine.path(told).read_text()))


@pytest.fixture(scope="module", autouse=True)
def foreign(box: Box) -> None:
    box.machine.write("/etc/tavs/panel/foreign", "x", 0o600)


@pytest.mark.parametrize("unit", SCORES)
def test_the_exposure_of_a_running_unit_is_within_its_limit(box: Box, unit: str) -> None:
    told = box.machine.run("systemd-analyze", "security", "--no-pager", unit).stdout
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", told)
    assert score
    assert float(score[1]) <= SCORES[unit]


@pytest.mark.parametrize("unit", SCORES)
def test_twelve_forbidden_acts_are_refused(box: Box, unit: str) -> None:
    with stranger(box) as heard:
        acts = forbidden(box, unit)
    assert 12 == len(acts)
    assert {} == {name: told for name, told in acts.items() if not told["refused"]}
    assert [] == heard


def test_as_root_and_outside_of_a_unit_they_are_not_refused(box: Box) -> None:
    """The positive control. A machine in a container may itself not set the clock or load a module."""
    box.machine.write("/usr/lib/tavs-forbidden.py", (HERE / "forbidden.py").read_bytes(), 0o755)
    box.machine.shell("mkdir -p /root/data")
    with stranger(box) as heard:
        told = box.machine.run(
            "/usr/bin/python3.11", "-I", "/usr/lib/tavs-forbidden.py", "--data", "/root/data", "--foreign", SITE_FILE,
            "--host", f"{STRANGER_ADDRESS}:{STRANGER_PORT}",
        ).stdout  # fmt: skip
    refused = {name for name, each in json.loads(told).items() if each["refused"]}
    assert refused <= {"set the clock", "load a module"}
    assert heard


@pytest.mark.parametrize("user", ["tavs-listen", "tavs-desk", "tavs-keep"])
def test_no_program_reaches_a_host_that_the_configuration_does_not_name(box: Box, user: str) -> None:
    """By the packet filter alone: as the user, outside of any unit."""
    send = ("/usr/bin/python3", "-c", SENDER, STRANGER_ADDRESS, str(STRANGER_PORT))
    with stranger(box) as heard:
        box.machine.run("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *send)
    assert [] == heard
    with stranger(box) as heard:
        box.machine.run(*send)
    assert {f"udp {BOX_ADDRESS}", f"tcp {BOX_ADDRESS}"} == set(heard)


def test_the_pbx_is_answered_and_a_stranger_beside_it_is_not(box: Box) -> None:
    assert options(box, PBX_ADDRESS).startswith("SIP/2.0 200")
    assert "no answer" == options(box, STRANGER_ADDRESS)


def test_without_the_packet_filter_the_unit_alone_drops_strangers_or_the_program_does(box: Box) -> None:
    box.machine.run("nft", "delete", "table", "inet", "tavs")
    try:
        assert "no answer" == options(box, STRANGER_ADDRESS)
    finally:
        box.machine.run("systemctl", "reload-or-restart", "tavs-firewall.service")
    assert options(box, PBX_ADDRESS).startswith("SIP/2.0 200")


def test_a_check_tells_when_the_packet_filter_is_not_the_configurations(box: Box) -> None:
    box.machine.run("nft", "delete", "table", "inet", "tavs")
    told = box.tavs("check", check=False)
    box.machine.run("systemctl", "reload-or-restart", "tavs-firewall.service")
    assert "firewall" in "".join(line for line in told.splitlines() if line.startswith("trouble"))


def test_heard_speech_is_neither_swapped_nor_dumped(box: Box) -> None:
    for unit in (LISTEN, DESK, KEEP):
        assert "0" == box.machine.property(unit, "MemorySwapMax")
        assert "0" == box.machine.property(unit, "LimitCORE")
    limits = box.machine.shell(f"cat /proc/{box.machine.main_pid(LISTEN)}/limits").stdout
    assert re.search(r"Max core file size\s+0\s+0", limits)


def test_the_listener_cannot_read_what_it_must_not(box: Box) -> None:
    """Not even the names of what lies in the archive and the database's folder."""
    pid = box.machine.main_pid(LISTEN)
    for place in ("/var/lib/tavs/recordings/archive", "/var/lib/tavs/db", "/var/lib/tavs/text-keys", "/etc/credstore"):
        done = box.machine.shell(
            f"nsenter --target {pid} --mount --root=/proc/{pid}/root"
            f" setpriv --reuid=tavs-listen --regid=tavs-listen --init-groups ls {place}",
            check=False,
        )
        assert 0 != done.returncode, place
        assert "Permission denied" in done.stderr


def test_a_unit_that_fails_calls_the_sites_hook(box: Box) -> None:
    box.machine.write("/etc/tavs/failure.d/tell", '#!/bin/sh\necho "$1" >/run/failed-unit\n', 0o755)
    box.machine.shell("systemctl start tavs-failure@tavs-desk.service.service")
    wait_for(lambda: box.machine.path("/run/failed-unit").exists(), 10, "the hook was not called")
    assert DESK == box.machine.path("/run/failed-unit").read_text().strip()
    box.machine.shell("rm /etc/tavs/failure.d/tell")
