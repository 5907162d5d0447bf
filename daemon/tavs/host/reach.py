"""Whom each program may reach, as the configuration says it: rules for nftables and for its unit.

1. A program answers its own peers from its own ports, and calls nobody but an endpoint that is named; the sweep does
   neither. What is not said here is refused.
2. A host name is looked up in /etc/hosts alone. Behind these rules nobody has a name service: questions to one are a
   way out.
3. Without a valid configuration nobody reaches anybody (`NOBODY`).
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from tavs.config import Config
from tavs.errors import ConfigError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Ports = tuple[int, int]
"""First and last."""

TABLE = "inet tavs"
LOOPBACK = ("127.0.0.0/8", "::1/128")
"""From where the figures are collected."""
DEFAULT_PORTS = {"http": 80, "https": 443}
LAST_PRIVILEGED = 1023


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What one program may send and receive."""

    program: str
    """Its user is `tavs-PROGRAM`, its unit `tavs-PROGRAM.service`."""
    udp: tuple[Ports, ...] = ()
    tcp: tuple[Ports, ...] = ()
    """Ports it serves."""
    peers: tuple[Network, ...] = ()
    """Who may use them."""
    endpoints: tuple[tuple[Address, int], ...] = ()
    """What it may call, by TCP."""


NOBODY = (Reach(program="listen"), Reach(program="desk"), Reach(program="keep"))


def reach(config: Config, hosts: Mapping[str, Sequence[Address]]) -> tuple[Reach, ...]:
    """Raises ConfigError for an address, a network or a port that is none, and for a host without an address."""
    siprec = config.intake.siprec
    signalling = [_listened(text, "[intake.siprec] listen") for text in siprec.listen]
    media = _ports(siprec.media_ports, "[intake.siprec] media_ports")
    listen = Reach(
        program="listen",
        udp=(*((port, port) for kind, port in signalling if kind == "udp"), media),
        tcp=tuple((port, port) for kind, port in signalling if kind != "udp"),
        peers=_networks((*siprec.allow, *siprec.media_allow), "[intake.siprec] allow"),
    )
    served = [(config.panel.listen, "[panel] listen"), (config.metrics.listen, "[metrics] listen")]
    ports = [_listened(f"tcp:{text}", key)[1] for text, key in served if text]
    agents = config.panel.allow if config.panel.listen else ()
    desk = Reach(
        program="desk",
        tcp=tuple((port, port) for port in ports),
        peers=_networks((*agents, *(LOOPBACK if config.metrics.listen else ())), "[panel] allow"),
        endpoints=_endpoints(config.advice.endpoint, hosts) if config.advice.engine != "local" else (),
    )
    return listen, desk, Reach(program="keep")


def known_hosts(text: str) -> dict[str, list[Address]]:
    """hosts(5): the addresses of each name; a line that is none is passed over.

    >>> known_hosts("127.0.0.1 localhost  # always\\n192.0.2.7 model.example model")["model"]
    [IPv4Address('192.0.2.7')]
    """
    found: dict[str, list[Address]] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        try:
            address = ipaddress.ip_address(words[0]) if words else None
        except ValueError:
            continue
        for name in words[1:] if address else ():
            found.setdefault(name.lower(), []).append(address)  # type: ignore[arg-type]
    return found


def nftables(reaches: Iterable[Reach]) -> str:
    """The ruleset, as nft(8) reads it: in one step it takes the place of what was loaded."""
    chains = "".join(_chain(each) for each in reaches)
    return (
        f"table {TABLE}\ndelete table {TABLE}\ntable {TABLE} {{\n"
        f'\tcomment "{hashlib.sha256(chains.encode()).hexdigest()}"\n{chains}}}\n'
    )


def mark(ruleset: str) -> str:
    """By which a ruleset can be told from another, also as nft(8) lists it; empty for one that is not ours."""
    found = re.search(r'^\tcomment "([0-9a-f]{64})"$', ruleset, re.MULTILINE)
    return found[1] if found else ""


def drop_in(each: Reach) -> str:
    """The same for the unit (systemd.resource-control(5)); the unit itself denies all."""
    allowed = [*each.peers, *dict.fromkeys(address for address, _ in each.endpoints)]
    bound = [f"{kind}:{_span(ports)}" for kind, all_ports in _served(each) for ports in all_ports]
    lines = [f"IPAddressAllow={item}" for item in allowed] + [f"SocketBindAllow={item}" for item in bound]
    return "\n".join(["# From the configuration, by tavs(8).", "[Service]", *lines, ""])


def privileged(reaches: Iterable[Reach]) -> list[int]:
    """Ports that a program without rights cannot bind."""
    served = (ports for each in reaches for _, all_ports in _served(each) for ports in all_ports)
    return sorted({first for first, _ in served if first <= LAST_PRIVILEGED})


def _chain(each: Reach) -> str:
    """Chains for what a program sends, by its user, and for what comes to its ports.

    A packet without a socket (an ICMP error, a reset) has no user, and no rule about users is true of it: rules that
    refuse are therefore behind a jump for the user, never behind an exception for the others.
    """
    answers = [
        f"{kind} sport {_set(map(_span, ports))} {family} daddr {_set(peers)} accept"
        for kind, ports in _served(each)
        for family, peers in _families(each.peers)
    ]
    calls = [f"{_family(address)} daddr {address} tcp dport {port} accept" for address, port in each.endpoints]
    chains = {
        f"{each.program}_sends": [*answers, *calls, "counter reject with icmpx admin-prohibited"],
        f"{each.program}_out": [
            "type filter hook output priority filter; policy accept;",
            f'meta skuid "tavs-{each.program}" jump {each.program}_sends',
        ],
    }
    if served := list(_served(each)):
        chains[f"{each.program}_peers"] = [
            *(f"{family} saddr {_set(networks)} accept" for family, networks in _families(each.peers)),
            "counter drop",
        ]
        chains[f"{each.program}_in"] = [
            "type filter hook input priority filter; policy accept;",
            *(f"{kind} dport {_set(map(_span, ports))} jump {each.program}_peers" for kind, ports in served),
        ]
    return "".join(
        f"\tchain {name} {{\n" + "".join(f"\t\t{rule}\n" for rule in rules) + "\t}\n" for name, rules in chains.items()
    )


def _served(each: Reach) -> Iterable[tuple[str, tuple[Ports, ...]]]:
    return ((kind, ports) for kind, ports in (("udp", each.udp), ("tcp", each.tcp)) if ports)


def _families(networks: Sequence[Network]) -> Iterable[tuple[str, list[Network]]]:
    for family, version in (("ip", 4), ("ip6", 6)):
        if chosen := [each for each in networks if each.version == version]:
            yield family, chosen


def _family(address: Address) -> str:
    return "ip" if address.version == 4 else "ip6"


def _set(items: Iterable[object]) -> str:
    return f"{{ {', '.join(map(str, items))} }}"


def _span(ports: Ports) -> str:
    first, last = ports
    return str(first) if first == last else f"{first}-{last}"


def _networks(texts: Iterable[str], key: str) -> tuple[Network, ...]:
    """Without overlaps: nft(8) takes none."""
    found: dict[int, list[Network]] = {4: [], 6: []}
    for text in texts:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise ConfigError(f"{key}: {text!r} is no network", "write it as 192.0.2.0/24") from None
        found[network.version].append(network)
    return (*ipaddress.collapse_addresses(found[4]), *ipaddress.collapse_addresses(found[6]))  # type: ignore[type-var]


def _listened(text: str, key: str) -> tuple[str, int]:
    kind, _, place = text.partition(":")
    port = place.rpartition(":")[2]
    if not port.isdigit() or not 0 < int(port) <= 65535:
        raise ConfigError(f"{key}: {text!r} names no port", "a firewall needs to know it: write it as 0.0.0.0:5060")
    return kind, int(port)


def _ports(text: str, key: str) -> Ports:
    first, _, last = text.partition("-")
    if not (first.isdigit() and last.isdigit() and 0 < int(first) <= int(last) <= 65535):
        raise ConfigError(f"{key}: {text!r} is no range of ports", "write it as 20000-20999")
    return int(first), int(last)


def _endpoints(url: str, hosts: Mapping[str, Sequence[Address]]) -> tuple[tuple[Address, int], ...]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        host, port = "", 0
    if not host or not port:
        raise ConfigError("[advice] endpoint is no address of a model", "write it as https://HOST:PORT/v1")
    try:
        return ((ipaddress.ip_address(host), port),)
    except ValueError:
        addresses = hosts.get(host.lower(), ())
    if not addresses:
        raise ConfigError(
            f"[advice] endpoint: {host} is not in /etc/hosts",
            "write its address there: the desk may reach that host alone, and no name service",
        )
    return tuple((address, port) for address in addresses)
