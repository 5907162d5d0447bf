"""Whether what runs is what is installed and configured, and can be reached: versions, files, ports, routes."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path

from tavs.config import Config
from tavs.control import State
from tavs.finding import Finding, Level
from tavs.host.clock import Clock
from tavs.host.home import Home
from tavs.host.version import version

SIP = 5060
LOCAL_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def findings(home: Home, config: Config, clock: Clock, state: State | None) -> Iterator[Finding]:
    """`state`: what the listener answers; None where it does not."""
    serious = Level.TROUBLE if home.is_installed else Level.NOTE
    if state is None:
        yield Finding(serious, "the listener does not answer, so no call is recorded", "systemctl status tavs-listen")
        yield from _ports(config, serious)
    else:
        yield Finding(Level.FINE, f"the listener answers, {state.calls} calls under way")
        yield from _versions(state)
        yield from _files(home, clock, state)
    yield from _own_ports(config)
    yield from _routes(config)


def _versions(state: State) -> Iterator[Finding]:
    if state.version != version():
        yield Finding(
            Level.TROUBLE,
            f"the listener is of version {state.version}, {version()} is installed",
            "systemctl restart tavs-listen: calls go on",
        )


def _files(home: Home, clock: Clock, state: State) -> Iterator[Finding]:
    read_at = clock.now().timestamp() - state.configured_s
    paths = [*home.etc.glob("*.toml"), *(home.etc / "conf.d").glob("*.toml")]
    newer = sorted(path.name for path in paths if path.stat().st_mtime > read_at)
    if newer:
        yield Finding(
            Level.NOTE,
            f"{', '.join(newer)} changed after the listener read it",
            "systemctl reload tavs-listen tavs-desk; what needs a restart is said in `systemctl status`",
        )


def _ports(config: Config, serious: Level) -> Iterator[Finding]:
    """Nobody of ours holds them now."""
    for text in config.intake.siprec.listen:
        kind, _, place = text.partition(":")
        host, _, port = place.rpartition(":")
        if port.isdigit() and int(port) and not _can_bind(kind, host.strip("[]"), int(port)):
            yield Finding(
                serious,
                f"{text} is held, by another program or for a listener that is to start again",
                f"ss -lntup 'sport = :{port}' shows which",
            )


def _can_bind(kind: str, host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as probe:
        if kind != "udp":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


def _own_ports(config: Config) -> Iterator[Finding]:
    """The kernel gives ports of its range to whoever asks for any."""
    first, _, last = config.intake.siprec.media_ports.partition("-")
    with contextlib.suppress(OSError, ValueError):
        low, high = map(int, LOCAL_PORTS.read_text(encoding="ascii").split())
        if int(first) <= high and low <= int(last):
            yield Finding(
                Level.NOTE,
                f"media_ports {first}-{last} overlap the ports that the kernel gives to anybody ({low}-{high})",
                f"sysctl net.ipv4.ip_local_reserved_ports={first}-{last}, in /etc/sysctl.d for good",
            )


def _routes(config: Config) -> Iterator[Finding]:
    """A hint only: that there is a way to a network does not say that somebody is there. Nothing is sent."""
    for text in config.intake.siprec.allow:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            yield Finding(Level.TROUBLE, f"[intake.siprec] allow: {text!r} is no network", "write it as 192.0.2.0/24")
            continue
        if not network.is_loopback and not _has_route(network):
            yield Finding(Level.NOTE, f"this machine has no way to {text}", "compare `ip route` with the PBX's address")


def _has_route(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    family = socket.AF_INET if network.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(network[min(1, network.num_addresses - 1)]), SIP))
        except OSError as error:
            return error.errno not in (errno.ENETUNREACH, errno.EHOSTUNREACH)
    return True
