"""A small Debian 12 that boots beside this machine: systemd-nspawn around a tree made by debootstrap.

1. The tree is made once and kept in TAVS_BOX_CACHE (/var/cache/tavs-box), on a file system that can carry an overlay;
   a machine writes to a layer of its own, which is the ground of other machines once it is off. What the appliance keeps
   (/var/lib/tavs) lies on the file system itself, as on a real box, or on a small disk of its own.
2. Whatever becomes of this process, nothing stays: the machine and its PBX die with it, mounts live in the machine's
   own mount namespace, and the next machine clears away the folders of dead processes.
3. A machine has control groups of its own, so that two beside each other do not share theirs. It is not told to any
   service manager of this machine (`--register=no --keep-unit`): there need not be one.
4. Its only network is a cable to a namespace in which a PBX stands. Neither reaches anything else.
5. Nothing waits for ever: every command has a limit.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

SUITE = "bookworm"
PACKAGES = "dbus,e2fsprogs,iproute2,libpam-systemd,libstdc++6,nftables,procps,python3,systemd,systemd-sysv,zlib1g,ca-certificates"
"""What a Debian server has, and what the packages of the project depend on: they are installed without any network."""
CONTROL_GROUPS = Path("/sys/fs/cgroup")
BOOT_S, STOP_S, COMMAND_S = 60.0, 40.0, 60.0
BOX_ADDRESS, PBX_ADDRESS, STRANGER_ADDRESS = "192.0.2.2", "192.0.2.1", "192.0.2.77"
"""RFC 5737: the box, its PBX, and another address on the same cable."""
_numbers = itertools.count(1)
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

Done = subprocess.CompletedProcess[str]
Found = TypeVar("Found")


def cache() -> Path:
    return Path(os.environ.get("TAVS_BOX_CACHE", "/var/cache/tavs-box"))


def impossible() -> str | None:
    """Why there can be no machine here, as tests/skips.txt says it; None where there can."""
    if os.geteuid():
        return "a machine is booted by root alone"
    if not all(map(shutil.which, ("systemd-nspawn", "nsenter", "unshare", "setpriv", "ip"))):
        return "systemd-nspawn (Debian systemd-container) is not installed"
    if not (_tree().exists() or shutil.which("debootstrap")):
        return "debootstrap is not installed"
    return None


def tree() -> Path:
    """The folder every machine is a copy of."""
    found = _tree()
    if not found.exists():
        made = Path(tempfile.mkdtemp(prefix=f"{SUITE}.", dir=_made(cache())))
        _run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(made)], limit_s=600)
        made.chmod(0o755)
        shutil.rmtree(made / "var/cache/apt/archives", ignore_errors=True)
        made.rename(found)
    return found


@dataclass(frozen=True)
class Ground:
    """What a machine begins with."""

    layers: tuple[Path, ...]
    """The uppermost first."""
    kept: Path | None = None
    """A /var/lib/tavs, of which it gets a copy."""


@dataclass
class Machine:
    folder: Path
    ground: Ground
    name: str
    disk_bytes: int = 0
    """Size of a disk of its own below /var/lib/tavs, as a loop file; 0: none."""
    init: int = 0
    """The machine's first process, as this machine numbers it; 0 while it is off."""
    _outside: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _pbx: Pbx | None = field(default=None, repr=False)

    def as_ground(self) -> Ground:
        """For machines that begin as this one ended."""
        assert not self.init, "the machine is on"
        return Ground((self.folder / "written", *self.ground.layers), self.folder / "kept")

    @property
    def pbx(self) -> Pbx:
        assert self._pbx, "the machine is off"
        return self._pbx

    # --- power -------------------------------------------------------------------------------------------------------

    def boot(self) -> float:
        """Boot and wait until the machine has settled; how long that took, in seconds."""
        began = time.monotonic()
        log = self.folder / "console.log"
        with log.open("ab") as output:
            self._outside = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "unshare", "--mount", "--propagation", "private", "sh", "-euc",
                 _START, "sh", self.name, str(self.folder), ":".join(map(str, self.ground.layers)), str(self._disk())],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        self.init = wait_for(self._first_process, BOOT_S, f"the machine does not start, see {log}")
        self._pbx = Pbx(self.init)
        wait_for(lambda: self._state() in {"running", "degraded"}, BOOT_S, f"the machine does not boot, see {log}")
        return time.monotonic() - began

    def power_off(self) -> None:
        """As a person does it."""
        if self.init:
            self.run("systemctl", "poweroff", check=False)
            with suppress(subprocess.TimeoutExpired):
                assert self._outside
                self._outside.wait(STOP_S)
        self.cut_power()

    def cut_power(self) -> None:
        """At once. What was written stays: it is this machine's memory that is lost, not the disk's."""
        if self._pbx:
            self._pbx.close()
        _end_control_groups(self.name)
        if self._outside:
            self._outside.kill()
            self._outside.wait(STOP_S)
        self.init, self._outside, self._pbx = 0, None, None

    def reboot(self) -> float:
        self.power_off()
        return self.boot()

    # --- inside ------------------------------------------------------------------------------------------------------

    def run(self, *command: str, check: bool = True, given: str | None = None, limit_s: float = COMMAND_S) -> Done:
        """A command as root of the machine. What it must not print is not in the message of a failure."""
        done = subprocess.run(
            self.entered(*command), input=given, capture_output=True, text=True, check=False, timeout=limit_s
        )
        assert not check or done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr[-2000:]}"
        return done

    def entered(self, *command: str) -> list[str]:
        assert self.init, "the machine is off"
        bare = [
            "env",
            "-i",
            "-C",
            "/",
            f"PATH={PATH}",
            "LC_ALL=C.UTF-8",
            "HOME=/root",
            "DEBIAN_FRONTEND=noninteractive",
        ]
        return ["nsenter", "--target", str(self.init), "--all", *bare, *command]

    def shell(self, script: str, *, check: bool = True, limit_s: float = COMMAND_S) -> Done:
        return self.run("sh", "-euc", script, check=check, limit_s=limit_s)

    def json(self, *command: str) -> dict[str, object]:
        done = self.run(*command, check=False)
        found = json.loads(done.stdout)
        assert isinstance(found, dict)
        return found

    def path(self, inside: str) -> Path:
        """A file of a machine that is on, as this machine sees it."""
        assert self.init, "the machine is off"
        return Path(f"/proc/{self.init}/root") / inside.lstrip("/")

    def write(self, inside: str, text: str | bytes, mode: int = 0o644) -> None:
        place = self.path(inside)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode() if isinstance(text, str) else text)
        place.chmod(mode)

    # --- units -------------------------------------------------------------------------------------------------------

    def property(self, unit: str, name: str) -> str:
        return self.run("systemctl", "show", "--value", "-p", name, unit).stdout.strip()

    def main_pid(self, unit: str) -> int:
        """As the machine numbers it; 0 where it does not run."""
        return int(self.property(unit, "MainPID"))

    def outside_pid(self, unit: str) -> int:
        """The same process as this machine numbers it."""
        inside = str(self.main_pid(unit))
        for status in Path("/proc").glob("[0-9]*/status"):
            with suppress(OSError):
                for line in status.read_text().splitlines():
                    numbers = line.split()[1:] if line.startswith("NSpid:") else []
                    if len(numbers) > 1 and numbers[-1] == inside and self._is_ours(status.parent):
                        return int(status.parent.name)
        return 0

    def wait_active(self, *units: str, limit_s: float = 30.0) -> None:
        wait_for(
            lambda: all(self.property(unit, "ActiveState") == "active" for unit in units),
            limit_s,
            lambda: self.run("systemctl", "--no-pager", "--lines=20", "status", *units, check=False).stdout[-3000:],
        )

    def journal(self, *units: str, since: str = "") -> list[dict[str, object]]:
        arguments = [f"--unit={unit}" for unit in units] + ([f"--after-cursor={since}"] if since else [])
        self.run("journalctl", "--sync")
        lines = self.run("journalctl", "--no-pager", "--output=json", *arguments).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def cursor(self) -> str:
        """The end of the journal; what comes later is read by `journal(since=…)`."""
        self.run("journalctl", "--sync")
        last = self.run("journalctl", "--no-pager", "--lines=1", "--output=json").stdout
        return str(json.loads(last)["__CURSOR"])

    def said(self, *units: str, since: str = "") -> str:
        """What units said, for a search in it."""
        return "\n".join(str(entry.get("MESSAGE", "")) for entry in self.journal(*units, since=since))

    # --- how it is made ----------------------------------------------------------------------------------------------

    def _first_process(self) -> int:
        assert self._outside
        assert self._outside.poll() is None, (
            f"the machine has ended: {(self.folder / 'console.log').read_text()[-2000:]}"
        )
        children = Path(f"/proc/{self._outside.pid}/task/{self._outside.pid}/children").read_text().split()
        return next((int(each) for each in children if _command(int(each)) == "systemd"), 0)

    def _state(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            return self.run("systemctl", "is-system-running", check=False, limit_s=10).stdout.strip()
        return ""

    def _is_ours(self, process: Path) -> bool:
        return (process / "ns/pid").readlink() == Path(f"/proc/{self.init}/ns/pid").readlink()

    def _disk(self) -> Path | str:
        if not self.disk_bytes:
            return ""
        image = self.folder / "disk"
        if not image.exists():
            with image.open("wb") as file:
                file.truncate(self.disk_bytes)
            _run(["mkfs.ext4", "-q", "-m", "0", str(image)])
        return image


_START = """
for controller in /sys/fs/cgroup/*/; do
  [ -e "$controller/cgroup.procs" ] || continue
  case $controller in */systemd/|*/unified/) ;; *) continue ;; esac
  mkdir -p "$controller/$1"; echo $$ >"$controller/$1/cgroup.procs"
done
if [ -e /sys/fs/cgroup/cgroup.procs ]; then mkdir -p "/sys/fs/cgroup/$1"; echo $$ >"/sys/fs/cgroup/$1/cgroup.procs"; fi
mkdir -p "$2/root" "$2/written" "$2/work" "$2/kept"
mount -t overlay overlay -o "lowerdir=$3,upperdir=$2/written,workdir=$2/work" "$2/root"
mkdir -p "$2/root/var/lib/tavs"
if [ -n "$4" ]; then mount -o loop "$4" "$2/root/var/lib/tavs"; else mount --bind "$2/kept" "$2/root/var/lib/tavs"; fi
exec systemd-nspawn --directory="$2/root" --machine="$1" --boot --register=no --keep-unit --quiet --console=pipe \
  --private-network
"""
"""NAME FOLDER GROUND DISK. Its own control groups, its disk, then the machine."""


class Pbx:
    """A network namespace at the other end of the machine's cable."""

    def __init__(self, init: int) -> None:
        self._holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sleep", "infinity"], stdin=subprocess.DEVNULL
        )
        wait_for(lambda: _command(self._holder.pid) == "sleep", 10, "the PBX's namespace does not come")
        here = str(self._holder.pid)
        pair = f"type veth peer name box0 netns {init}".split()
        self.run("ip", "link", "add", "pbx0", *pair)
        for address in (PBX_ADDRESS, STRANGER_ADDRESS):
            self.run("ip", "address", "add", f"{address}/24", "dev", "pbx0")
        for link in ("lo", "pbx0"):
            self.run("ip", "link", "set", link, "up")
        inside = ["nsenter", "--target", str(init), "--net", "ip"]
        _run([*inside, "address", "add", f"{BOX_ADDRESS}/24", "dev", "box0"])
        _run([*inside, "link", "set", "box0", "up"])
        _run([*inside, "route", "add", "default", "via", PBX_ADDRESS])
        self.pid = here

    def entered(self, *command: str) -> list[str]:
        return ["nsenter", "--target", str(self._holder.pid), "--net", *command]

    def run(self, *command: str, limit_s: float = COMMAND_S) -> Done:
        return _run(self.entered(*command), limit_s=limit_s)

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()


@contextmanager
def machine(ground: Ground | None = None, disk_bytes: int = 0) -> Iterator[Machine]:
    """A machine that is off; it and its folder are gone at the end."""
    top = _made(cache() / "machines")
    _clear(top)
    folder = top / f"{os.getpid()}-{next(_numbers)}"
    folder.mkdir()
    new = Machine(folder, ground or Ground((tree(),)), _name(folder), disk_bytes)
    if new.ground.kept:
        _run(["cp", "-a", str(new.ground.kept), str(folder / "kept")])
    try:
        yield new
    finally:
        new.cut_power()
        _remove(folder)


def wait_for(condition: Callable[[], Found], limit_s: float, what: str | Callable[[], str]) -> Found:
    until = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < until, what if isinstance(what, str) else what()
        time.sleep(0.1)
    return found


def _tree() -> Path:
    return cache() / SUITE


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _run(command: Sequence[str], limit_s: float = COMMAND_S) -> Done:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit_s)
    assert done.returncode == 0, f"{command[:4]} ended with {done.returncode}: {done.stderr[-2000:]}"
    return done


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def _name(folder: Path) -> str:
    return f"tavs-box-{folder.name}"


def _clear(top: Path) -> None:
    """Folders of processes that are gone."""
    for folder in top.glob("[0-9]*-*"):
        if not Path("/proc", folder.name.partition("-")[0]).exists():
            _end_control_groups(_name(folder))
            _remove(folder)


def _remove(folder: Path) -> None:
    _run(["rm", "-rf", "--one-file-system", str(folder)])


def _end_control_groups(name: str) -> None:
    """Ends what is still in them: the machine's first process takes all others with it."""
    until = time.monotonic() + STOP_S
    while tops := [each for each in (CONTROL_GROUPS / name, *CONTROL_GROUPS.glob(f"*/{name}")) if each.exists()]:
        for folder in (Path(folder) for top in tops for folder, _, _ in os.walk(top, topdown=False)):
            with suppress(OSError):
                for pid in (folder / "cgroup.procs").read_text().split():
                    os.kill(int(pid), signal.SIGKILL)
                folder.rmdir()
        assert time.monotonic() < until, f"processes of {name} are still there"
        time.sleep(0.05)
