"""Guessing is slow, memory bounded, and whoever knows the password gets in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tavs.panel.limits import MOST_REMEMBERED, QUIET_S, Buckets, LoginLimit, network


def test_an_address_has_ten_tries_and_then_one_every_six_seconds() -> None:
    limit = LoginLimit()
    assert 10 == sum(limit.allows("10.0.0.1", f"{n}", 0.0) for n in range(50))
    assert 10 == sum(limit.allows("10.0.0.1", f"{n}", n * 1.0) for n in range(1, 61))


def test_a_right_password_costs_no_try() -> None:
    limit = LoginLimit()
    for _ in range(100):
        assert limit.allows("10.0.0.1", "anna", 0.0)
        limit.was_right("10.0.0.1", "anna", 0.0)


def test_ten_thousand_bad_logins_from_many_addresses_cost_bounded_memory_and_lock_nobody_out() -> None:
    limit = LoginLimit()
    allowed = sum(
        limit.allows(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", "anna" if n % 2 else f"name {n}", n / 1000)
        for n in range(10_000)
    )
    assert 10_000 == allowed  # each came from an address that had not guessed before
    assert 2 * MOST_REMEMBERED >= len(limit)
    assert limit.allows("192.168.1.1", "anna", 10.0)


def test_while_an_account_is_guessed_at_an_address_has_one_try_a_minute() -> None:
    limit = LoginLimit()
    attackers = [f"10.0.0.{n}" for n in range(50)]
    tries = sum(limit.allows(address, "anna", second) for second in range(600) for address in attackers)
    assert 30 + 600 / 2 + 50 * 600 / QUIET_S >= tries


@given(mistyped=st.integers(0, 3), pause_s=st.floats(1.0, 70.0))
def test_the_right_password_gets_in_within_a_minute_however_the_account_is_attacked(
    mistyped: int, pause_s: float
) -> None:
    limit, now_s = LoginLimit(), 0.0
    for n in range(200):
        limit.allows(f"10.0.{n}.1", "anna", now_s)
    for _ in range(mistyped):
        limit.allows("192.168.1.1", "anna", now_s)
    waited_s = 0.0
    while not limit.allows("192.168.1.1", "anna", now_s + waited_s):
        waited_s += pause_s
        for n in range(200):
            limit.allows(f"10.0.{n}.1", "anna", now_s + waited_s)
    assert waited_s < QUIET_S + pause_s


def test_an_ipv6_network_counts_as_one_and_a_mapped_address_as_itself() -> None:
    assert network("2001:db8::1") == network("2001:db8::ffff:1")
    assert network("2001:db8::1") != network("2001:db8:0:1::1")
    assert "10.0.0.1" == network("::ffff:10.0.0.1") == network("10.0.0.1")
    assert "nonsense" == network("nonsense")


def test_tokens_come_back_with_time_and_never_beyond_the_size() -> None:
    buckets = Buckets(2, 10.0)
    assert [True, True, False] == [buckets.take("k", 0.0) for _ in range(3)]
    assert [True, False] == [buckets.take("k", 10.0) for _ in range(2)]
    assert [True, True, False] == [buckets.take("k", 1000.0) for _ in range(3)]
