"""How often somebody may try: token buckets, in bounded memory. Pure; time comes in as an argument.

1. An address has ten tries, one more every six seconds. An IPv6 address counts by its /64: that is one customer's net.
2. An account has thirty wrong tries, one more every two seconds. While they are used up, an address may try it only
   after a minute without a wrong password: guessing from many addresses gets slow, and whoever knows the password
   is never kept out for longer than that minute, from an address that guesses nothing.
3. A right password gives its tries back.
4. What is remembered is bounded; the least recent goes first, and goes as if it had been good.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

MOST_REMEMBERED = 4096
QUIET_S = 60.0


class Buckets:
    """One bucket a key: `size` tokens, one more every `refill_s` seconds."""

    def __init__(self, size: int, refill_s: float, most: int = MOST_REMEMBERED) -> None:
        self._size = size
        self._refill_s = refill_s
        self._most = most
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def level(self, key: str, now_s: float) -> float:
        level, at_s = self._levels.get(key, (float(self._size), now_s))
        return min(float(self._size), level + (now_s - at_s) / self._refill_s)

    def take(self, key: str, now_s: float) -> bool:
        """Whether there was a token; it is gone then."""
        level = self.level(key, now_s)
        if level < 1:
            return False
        self._set(key, level - 1, now_s)
        return True

    def give_back(self, key: str, now_s: float) -> None:
        self._set(key, min(float(self._size), self.level(key, now_s) + 1), now_s)

    def used_s_ago(self, key: str, now_s: float) -> float:
        return now_s - self._levels[key][1] if key in self._levels else float("inf")

    def _set(self, key: str, level: float, now_s: float) -> None:
        self._levels[key] = (level, now_s)
        self._levels.move_to_end(key)
        while len(self._levels) > self._most:
            self._levels.popitem(last=False)


class LoginLimit:
    def __init__(self) -> None:
        self._addresses = Buckets(10, 6.0)
        self._accounts = Buckets(30, 2.0)

    def __len__(self) -> int:
        return len(self._addresses) + len(self._accounts)

    def allows(self, address: str, account: str, now_s: float) -> bool:
        """Whether the password is looked at; it counts as wrong until `was_right`. A refusal costs nothing."""
        key = network(address)
        is_quiet = self._addresses.used_s_ago(key, now_s) >= QUIET_S
        if self._addresses.level(key, now_s) < 1:
            return False
        if not self._accounts.take(account, now_s) and not is_quiet:
            return False
        return self._addresses.take(key, now_s)

    def was_right(self, address: str, account: str, now_s: float) -> None:
        self._addresses.give_back(network(address), now_s)
        self._accounts.give_back(account, now_s)


def network(address: str) -> str:
    """What counts as one place: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.IPv6Network((found, 64), strict=False))
    return str(found)
