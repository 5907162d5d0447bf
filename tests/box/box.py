"""The installed appliance in a machine: what its commands tell, and calls placed to it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caller import Call, Sound
from machine import PBX_ADDRESS, Ground, Machine, wait_for

Row = dict[str, Any]

LISTEN, DESK, KEEP = "tavs-listen.service", "tavs-desk.service", "tavs-keep.service"
PROGRAMS = (LISTEN, DESK)
UNITS = (*PROGRAMS, "tavs-keep.timer", "tavs-relay.socket", "tavs-firewall.service", "tavs-keys.service", "tavs.target")
PACKAGES_AT = "/root/packages"
SITE_FILE = "/etc/tavs/conf.d/50-site.toml"
SITE = (
    f'[intake.siprec]\nallow = ["{PBX_ADDRESS}/32"]\n[speech]\nagent_channel = "live"\n'
    '[consent]\nsip_header = "X-Quality-Consent"\n'
)
INSTALL_S = 180.0
READY_S = 30.0
TEXT_S = 40.0
"""For a call to be closed and its last words to be kept."""
INCOMING = "/var/lib/tavs/recordings/incoming"
DATABASE = "/var/lib/tavs/db/tavs.db"
BEGINS_S, GOES_ON_S = 15.0, 20.0

OPENED = """
import json, sys
from tavs.host import credentials
from tavs.host.home import Home
from tavs.recording.ogg import decode
from tavs.recording.opened import open_recording

home = Home.current()
private = credentials.load("site-private", home)
found = []
for folder in (home.incoming, home.archive):
    for path in sorted(folder.glob(f"{sys.argv[1]}.*.tavs")):
        opened = open_recording(path, private)
        if opened.ogg:
            part = int(path.name.split(".")[1])
            found.append({"part": part, "is_complete": opened.is_complete, "seconds": len(decode(opened.ogg)) / 8000})
print(json.dumps(sorted(found, key=lambda each: each["part"])))
"""


@dataclass(frozen=True)
class Installed:
    """A machine on which the packages were installed while it ran, set up for its PBX, and turned off."""

    ground: Ground
    printed: str
    """What apt printed, which had nobody to ask."""
    states: dict[str, str]
    """ActiveState of every unit when apt came back."""
    check: str
    """`tavs check` of a box with the embedded defaults."""
    install_s: float


@dataclass
class Box:
    machine: Machine
    folder: Path
    """For what the PBX needs on this machine."""

    # --- packages ----------------------------------------------------------------------------------------------------

    def put(self, packages: Path, at: str = PACKAGES_AT) -> None:
        for deb in packages.glob("tavs*.deb"):
            self.machine.write(f"{at}/{deb.name}", deb.read_bytes())

    def apt(self, *arguments: str, check: bool = True) -> str:
        """As an operator calls it who answers no question; what it printed."""
        done = self.machine.run("apt-get", "-y", *arguments, check=check, limit_s=INSTALL_S)
        return done.stdout + done.stderr

    def install(self, at: str = PACKAGES_AT) -> tuple[float, str]:
        """How long it took, in seconds, and what was printed."""
        began = time.monotonic()
        done = self.machine.shell(f"apt-get -y install {at}/*.deb </dev/null", limit_s=INSTALL_S)
        return time.monotonic() - began, done.stdout + done.stderr

    def configure(self, text: str = SITE) -> None:
        """A site's settings, applied as the guide says it."""
        self.machine.write(SITE_FILE, text)
        self.machine.run("systemctl", "daemon-reload")
        self.machine.run("systemctl", "reload-or-restart", "tavs-firewall.service")
        self.machine.run("systemctl", "restart", *PROGRAMS, limit_s=READY_S)
        self.machine.wait_active(*PROGRAMS)

    # --- what is kept ------------------------------------------------------------------------------------------------

    def tavs(self, *arguments: str, check: bool = True, given: str | None = None) -> str:
        return self.machine.run("tavs", *arguments, check=check, given=given).stdout

    def python(self, script: str, *arguments: str) -> Any:
        """A script under the package's own Python; what it printed, as JSON."""
        command = ("/usr/lib/tavs/current/bin/python", "-I", "-c", script, *arguments)
        return json.loads(self.machine.run(*command).stdout)

    def calls(self) -> list[Row]:
        done = self.machine.run("tavs", "calls", "--json", check=False)
        return list(json.loads(done.stdout)["calls"]) if done.returncode == 0 else []

    def show(self, call: str) -> Row:
        return dict(json.loads(self.tavs("show", call, "--json")))

    def recordings(self, call: str) -> list[Row]:
        """Its parts, opened with the site's private key: length in seconds, whether the end is there."""
        return list(self.python(OPENED, call))

    # --- calls -------------------------------------------------------------------------------------------------------

    def place(self, sound: Sound, **how: Any) -> tuple[Call, str]:
        """A call and its id, once its recording grows."""
        before = self.sealed_files()
        call = Call(self.machine, sound, self.folder, **how)
        try:
            new = wait_for(lambda: self.sealed_files() - before, BEGINS_S, "no recording has begun")
        except AssertionError:
            call.kill()
            raise
        return call, next(iter(new)).split(".")[0]

    def record(self, sound: Sound) -> str:
        """A call of a few seconds, from its beginning to its closed recording."""
        placed, call = self.place(sound, wait_s=3.0)
        placed.wait()
        wait_for(lambda: self.recordings(call)[0]["is_complete"], TEXT_S, "the recording is not closed")
        return call

    def sealed_files(self) -> set[str]:
        return {path.name for path in self.machine.path(INCOMING).glob("*.tavs")}

    def sealed_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.machine.path(INCOMING).glob("*.tavs"))

    def wait_recording_grows(self) -> None:
        before = self.sealed_bytes()
        wait_for(lambda: self.sealed_bytes() > before, GOES_ON_S, "the recording does not go on")

    def wait_kept(self, call: str) -> Row:
        """What is shown of a call when it has ended and all of it is closed."""

        def closed() -> Row | None:
            if not any(each["call"] == call and each["ended_at"] for each in self.calls()):
                return None
            shown = self.show(call)
            recordings = [each for each in shown["artifacts"] if each["kind"] == "recording"]
            return shown if recordings else None

        return wait_for(closed, TEXT_S, "the call was not kept") or {}

    def lost_ms(self, call: str) -> int:
        """The gaps between its parts."""
        gaps: list[Row] = self.show(call)["gaps"]
        return round(1000 * sum(float(gap["t1"] - gap["t0"]) for gap in gaps if gap["kind"] == "interrupted"))
