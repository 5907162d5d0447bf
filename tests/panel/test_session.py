"""Sessions: few, short-lived, and gone at once when they end."""

from __future__ import annotations

from house import AT
from tavs.panel.accounts import Account
from tavs.panel.session import IDLE_S, LONGEST_S, MOST, MOST_OF_AN_ACCOUNT, MOST_STREAMS, Sessions
from tavs.panel.subscription import Subscription

ANNA = Account(name="anna", password="", extensions=("4512",), created_at=AT)


def sessions() -> tuple[Sessions, list[Subscription]]:
    ended: list[Subscription] = []
    return Sessions(ended.append), ended


def test_a_cookie_is_found_and_is_nowhere_in_memory() -> None:
    known, _ = sessions()
    cookie = known.open(ANNA, "da", 0.0)
    assert known.find(cookie, 1.0)
    assert None is known.find(cookie[:-1], 1.0)
    assert None is known.find("", 1.0)
    assert cookie not in repr(known.__dict__)
    assert cookie.encode() not in b"".join(known._sessions)


def test_a_session_ends_after_ten_hours_without_a_request_and_after_fourteen_in_any_case() -> None:
    known, _ = sessions()
    cookie = known.open(ANNA, "da", 0.0)
    assert known.find(cookie, IDLE_S)
    assert known.find(cookie, LONGEST_S)
    assert None is known.find(cookie, LONGEST_S + 1)
    idle = known.open(ANNA, "da", 0.0)
    assert None is known.find(idle, IDLE_S + 1)


def test_what_is_over_tells_its_streams_without_being_asked_for() -> None:
    known, ended = sessions()
    cookie = known.open(ANNA, "da", 0.0)
    session, stream = known.find(cookie, 0.0), Subscription(frozenset({"4512"}))
    assert session
    known.attach(session, stream)
    known.settle(lambda _: ANNA, IDLE_S)
    assert ([], 1) == (ended, len(known))
    known.settle(lambda _: ANNA, IDLE_S + 1)
    assert ([stream], 0) == (ended, len(known))


def test_an_account_has_a_few_sessions_and_the_oldest_gives_way() -> None:
    known, _ = sessions()
    cookies = [known.open(ANNA, "da", 0.0) for _ in range(MOST_OF_AN_ACCOUNT + 2)]
    assert [False, False, True] == [known.find(cookie, 0.0) is not None for cookie in cookies[:3]]
    assert MOST_OF_AN_ACCOUNT == len(known)


def test_sessions_are_bounded_in_all() -> None:
    known, _ = sessions()
    for number in range(MOST + 10):
        known.open(Account(name=f"a{number}", password="", extensions=("1",), created_at=AT), "da", 0.0)
    assert MOST == len(known)


def test_a_session_has_a_few_streams_and_the_oldest_gives_way() -> None:
    known, _ = sessions()
    session = known.find(known.open(ANNA, "da", 0.0), 0.0)
    assert session
    streams = [Subscription(frozenset()) for _ in range(MOST_STREAMS + 1)]
    for stream in streams:
        known.attach(session, stream)
    assert [True] + [False] * MOST_STREAMS == [stream.is_closed for stream in streams]
