"""The advisory model may be slow, broken, huge or hostile; the agent gets sections of the terms all the same."""

import asyncio
import gzip
import json
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from scripted import (
    CALL,
    CANDIDATES,
    Asked,
    Behaviour,
    Notes,
    Scripted,
    answer,
    asking,
    certificate,
    chooses,
    closes_at_once,
    completion,
    drips,
    goes_on_for_ever,
    hangs,
    heads_for_ever,
    heard,
    says,
    speaks_another_protocol,
    stops_halfway,
    streams_for_ever,
)
from tavs.advice.breaker import FAILURES, REST_S, State
from tavs.advice.endpoint import endpoint, trust
from tavs.advice.engine import Picked
from tavs.advice.openai import UNDER_WAY, Outcome, configured
from tavs.config import Advice
from tavs.errors import ConfigError, StoreError
from tavs.events import CallId
from tavs.host import credentials
from tavs.host.clock import SimulatedClock
from tavs.host.home import Home

FALLBACK = Picked(CANDIDATES, engine="fallback")
SHORT_S = 0.4
OTHER = CallId("0192f0c1-0000-7000-8000-000000000002")


def run(what: Awaitable[None]) -> None:
    """A test that hangs fails instead."""

    async def bounded() -> None:
        async with asyncio.timeout(30):
            await what

    asyncio.run(bounded())


def test_the_models_choice_comes_out_in_its_order_with_whole_sentences() -> None:
    async def ask() -> None:
        content = json.dumps(
            {"sections": [{"id": "S2", "quote": "Anmeld det til politiet."},
                          {"id": "S1", "quote": "vand, der trænger op gennem gulvet"}]}
        )  # fmt: skip
        async with Scripted(says(content)) as server:
            engine = asking(server.url)
            picked = await engine.pick(CALL, heard("der er vand i min kælder"), CANDIDATES)
            await engine.close()
        assert ((CANDIDATES[1], CANDIDATES[0]), "openai") == (picked.ranked, picked.engine)
        assert {
            ("indboforsikring", "7.1"): "Anmeld det til politiet.",
            (
                "husforsikring",
                "4.2",
            ): "Den dækker ikke vand, der trænger op gennem gulvet, medmindre der er højvandslukke.",
        } == picked.quotes
        assert 1 == engine.outcomes[Outcome.PICKED]

    run(ask())


def test_a_model_that_finds_nothing_shows_nothing() -> None:
    async def ask() -> None:
        async with Scripted(chooses()) as server:
            engine = asking(server.url)
            assert Picked((), {}, "openai") == await engine.pick(CALL, heard("goddag"), CANDIDATES)
            await engine.close()

    run(ask())


def test_without_candidates_nothing_is_asked() -> None:
    async def ask() -> None:
        async with Scripted(chooses()) as server:
            engine = asking(server.url)
            assert Picked() == await engine.pick(CALL, heard("goddag"), ())
            await engine.close()
            assert [] == server.asked

    run(ask())


LATE = {"hangs": hangs, "drips": drips, "goes on for ever": goes_on_for_ever}
BROKEN = {
    "broken JSON": (answer(b'{"choices": [{"message": {"content": "'), Outcome.NO_COMPLETION),
    "deep JSON": (answer(b'{"choices": ' + b"[" * 30_000), Outcome.NO_COMPLETION),
    "no UTF-8": (answer(b'{"choices": [{"message": {"content": "\xff\xfe"}}]}'), Outcome.NO_COMPLETION),
    "a web page": (answer(b"<!doctype html><h1>Sign in</h1>"), Outcome.NO_COMPLETION),
    "nothing": (answer(b""), Outcome.NO_COMPLETION),
    "no choice": (answer(b'{"choices": []}'), Outcome.NO_COMPLETION),
    "compressed": (
        answer(gzip.compress(completion('{"sections":[]}')), headers={"Content-Encoding": "gzip"}),
        Outcome.NO_COMPLETION,
    ),
    "ten megabytes": (answer(b" " * 10_000_000), Outcome.TOO_LARGE),
    "streams for ever": (streams_for_ever, Outcome.TOO_LARGE),
    "not found": (answer(b"", "404 Not Found"), Outcome.STATUS),
    "wrong key": (answer(b"", "401 Unauthorized"), Outcome.STATUS),
    "free text": (says("Ja, det er dækket."), Outcome.BROKE_RULES),
    "unknown section": (chooses("S3"), Outcome.BROKE_RULES),
    "extra field": (says('{"sections":[],"note":"betal"}'), Outcome.BROKE_RULES),
    "tool call": (says(None, tool_calls=[{"function": {"name": "pay"}}]), Outcome.BROKE_RULES),
}
RETRIED = {
    "closes at once": (closes_at_once, Outcome.UNREACHABLE),
    "stops halfway": (stops_halfway, Outcome.UNREACHABLE),
    "heads for ever": (heads_for_ever, Outcome.UNREACHABLE),
    "another protocol": (speaks_another_protocol, Outcome.UNREACHABLE),
    "server error": (answer(b"", "500 Internal Server Error"), Outcome.STATUS),
    "too many requests": (answer(b"", "429 Too Many Requests", {"Retry-After": "3600"}), Outcome.STATUS),
}


@pytest.mark.parametrize("behaviour", LATE.values(), ids=LATE)
def test_a_slow_endpoint_gives_the_rankers_answer_at_the_deadline(behaviour: Behaviour) -> None:
    async def ask() -> None:
        async with Scripted(behaviour) as server:
            engine = asking(server.url, deadline_s=SHORT_S)
            assert FALLBACK == await engine.pick(CALL, heard("vand i kælderen"), CANDIDATES)
            await engine.close()
            assert {Outcome.LATE: 1} == engine.outcomes
            assert 1 == len(server.asked)

    run(ask())


@pytest.mark.parametrize(("behaviour", "outcome"), BROKEN.values(), ids=BROKEN)
def test_a_broken_answer_gives_the_rankers_and_is_not_asked_for_again(behaviour: Behaviour, outcome: Outcome) -> None:
    async def ask() -> None:
        async with Scripted(behaviour) as server:
            engine = asking(server.url)
            assert FALLBACK == await engine.pick(CALL, heard("vand i kælderen"), CANDIDATES)
            await engine.close()
            assert {outcome: 1} == engine.outcomes
            assert 1 == len(server.asked)

    run(ask())


@pytest.mark.parametrize(("behaviour", "outcome"), RETRIED.values(), ids=RETRIED)
def test_a_failed_connection_is_tried_once_more_and_each_attempt_is_in_the_log(
    behaviour: Behaviour, outcome: Outcome
) -> None:
    async def ask() -> None:
        ledger = Notes()
        async with Scripted(behaviour) as server:
            engine = asking(server.url, ledger)
            assert FALLBACK == await engine.pick(CALL, heard("vand i kælderen"), CANDIDATES)
            await engine.close()
            assert {outcome: 1} == engine.outcomes
            assert [row["payload"] for row in ledger.rows] == [each.body for each in server.asked]
            assert 2 == len(server.asked)

    run(ask())


@pytest.mark.parametrize("first", [value[0] for value in RETRIED.values()], ids=list(RETRIED))
def test_the_second_attempt_counts_when_it_works(first: Behaviour) -> None:
    async def ask() -> None:
        async with Scripted(first, chooses("S2")) as server:
            engine = asking(server.url)
            assert "openai" == (await engine.pick(CALL, heard("tyveri"), CANDIDATES)).engine
            await engine.close()

    run(ask())


@pytest.mark.parametrize("status", ["400 Bad Request", "422 Unprocessable Content", "500 Internal Server Error"])
def test_a_server_that_does_not_know_the_form_of_the_schema_is_asked_in_the_other_form_from_then_on(
    status: str,
) -> None:
    async def knows_json_object(asked: Asked, writer: asyncio.StreamWriter) -> None:
        knows = "json_object" == asked.document["response_format"]["type"]
        await (chooses("S1") if knows else answer(b"", status))(asked, writer)

    async def ask() -> None:
        async with Scripted(knows_json_object) as server:
            engine = asking(server.url)
            for _ in range(2):
                assert "openai" == (await engine.pick(CALL, heard("vand"), CANDIDATES)).engine
            await engine.close()
            forms = [each.document["response_format"]["type"] for each in server.asked]
            assert ["json_schema", "json_object", "json_object"] == forms

    run(ask())


def test_a_server_that_has_answered_is_asked_in_the_same_form_after_a_failure() -> None:
    async def ask() -> None:
        async with Scripted(chooses("S1"), answer(b"", "503 Service Unavailable"), chooses("S1")) as server:
            engine = asking(server.url)
            for _ in range(2):
                assert "openai" == (await engine.pick(CALL, heard("vand"), CANDIDATES)).engine
            await engine.close()
            assert {"json_schema"} == {each.document["response_format"]["type"] for each in server.asked}

    run(ask())


def test_nobody_at_the_address_gives_the_rankers_answer() -> None:
    async def ask() -> None:
        engine = asking("http://127.0.0.1:9/v1")
        assert FALLBACK == await engine.pick(CALL, heard("vand"), CANDIDATES)
        await engine.close()
        assert {Outcome.UNREACHABLE: 1} == engine.outcomes

    run(ask())


def test_no_redirect_is_followed() -> None:
    async def ask() -> None:
        async with Scripted(chooses("S1")) as elsewhere:
            for status in ("301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"):
                moved = answer(b"", status, {"Location": f"{elsewhere.url}/chat/completions"})
                async with Scripted(moved) as server:
                    engine = asking(server.url)
                    assert FALLBACK == await engine.pick(CALL, heard("vand"), CANDIDATES)
                    await engine.close()
            assert 0 == elsewhere.connections

    run(ask())


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> None:
        async with Scripted(chooses("S1")) as proxy, Scripted(chooses("S1")) as server:
            for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
                monkeypatch.setenv(name, proxy.url)
            engine = asking(server.url)
            assert "openai" == (await engine.pick(CALL, heard("vand"), CANDIDATES)).engine
            await engine.close()
            assert (0, 1) == (proxy.connections, server.connections)

    run(ask())


def test_no_cookie_makes_one_call_known_to_the_next() -> None:
    async def ask() -> None:
        sets = answer(completion('{"sections":[]}'), headers={"Set-Cookie": "who=caller; Path=/"})
        async with Scripted(sets) as server:
            engine = asking(server.url)
            await engine.pick(CALL, heard("vand"), CANDIDATES)
            await engine.pick(OTHER, heard("tyveri"), CANDIDATES)
            await engine.close()
            assert 2 == len(server.asked)
            assert b"cookie" not in bytes(server.received).lower()
            assert 2 == len(server.asked[1].document["messages"])

    run(ask())


def test_the_site_authority_is_believed_and_no_other(tmp_path: Path) -> None:
    now = datetime.now(UTC) - timedelta(hours=1)
    ca, context = certificate(tmp_path / "right", "127.0.0.1", now)
    other, _ = certificate(tmp_path / "other", "127.0.0.1", now)
    mine, misnamed = certificate(tmp_path / "misnamed", "advisor.example", now)
    old, expired = certificate(tmp_path / "expired", "127.0.0.1", now - timedelta(days=9))

    async def ask() -> None:
        async with Scripted(chooses("S1"), tls=context) as server:
            for file, engine_name in ((str(ca), "openai"), (str(other), "fallback"), ("", "fallback")):
                engine = asking(server.url, ca=file)
                assert engine_name == (await engine.pick(CALL, heard("vand"), CANDIDATES)).engine
                await engine.close()
            assert 1 == len(server.asked)
        for file, tls in ((mine, misnamed), (old, expired)):
            async with Scripted(chooses("S1"), tls=tls) as server:
                engine = asking(server.url, ca=str(file))
                assert FALLBACK == await engine.pick(CALL, heard("vand"), CANDIDATES)
                await engine.close()
                assert [] == server.asked

    run(ask())


def test_no_variable_of_the_environment_writes_the_keys_of_a_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    assert trust("").keylog_filename is None


@pytest.mark.parametrize("failure", [StoreError("full"), TypeError("ours")], ids=["full disk", "our mistake"])
def test_what_cannot_be_written_down_is_not_sent(failure: Exception) -> None:
    async def ask() -> None:
        async with Scripted(chooses("S1")) as server:
            engine = asking(server.url, Notes(refuses=failure))
            assert FALLBACK == await engine.pick(CALL, heard("vand"), CANDIDATES)
            await engine.close()
            assert 0 == server.connections

    run(ask())


def test_the_row_is_there_before_the_first_byte() -> None:
    async def ask() -> None:
        ledger = Notes()
        rows_at_arrival: list[int] = []

        async def look(asked: Asked, writer: asyncio.StreamWriter) -> None:
            rows_at_arrival.append(len(ledger.rows))
            await chooses("S1")(asked, writer)

        async with Scripted(look) as server:
            engine = asking(server.url, ledger)
            await engine.pick(CALL, heard("vand", "i kælderen"), CANDIDATES)
            await engine.close()
            assert [1] == rows_at_arrival
            [row] = ledger.rows
            assert (CALL, "tiny", [1, 2]) == (row["call"], row["model"], row["segments"])
            assert f"http://{row['host']}/v1" == server.url
            assert [("husforsikring", "2", "4.2"), ("indboforsikring", "1", "7.1")] == [e[:3] for e in row["sections"]]
            assert row["payload"] == server.asked[0].body

    run(ask())


def test_an_endpoint_that_fails_again_and_again_is_left_alone_and_then_asked_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def ask() -> None:
        clock = SimulatedClock(datetime(2026, 3, 1, tzinfo=UTC))
        bad = answer(b"", "404 Not Found")
        async with Scripted(*[bad] * (FAILURES + 1), chooses("S1")) as server:
            engine = asking(server.url, clock=clock)
            for _ in range(FAILURES + 3):
                assert FALLBACK == await engine.pick(CALL, heard("vand"), CANDIDATES)
            assert FAILURES == len(server.asked)
            clock.advance(REST_S)
            await engine.pick(CALL, heard("vand"), CANDIDATES)
            assert (FAILURES + 1, State.OPEN) == (len(server.asked), engine.breaker.state)
            clock.advance(REST_S)
            assert "openai" == (await engine.pick(CALL, heard("vand"), CANDIDATES)).engine
            assert State.CLOSED is engine.breaker.state
            await engine.close()

    run(ask())
    assert "<4>advice-unreachable\n" == capsys.readouterr().err


def test_words_of_one_customer_do_not_take_the_model_from_the_others() -> None:
    async def ask() -> None:
        async with Scripted(*[says("Betal nu!")] * (2 * FAILURES), chooses("S1")) as server:
            engine = asking(server.url)
            for _ in range(2 * FAILURES):
                await engine.pick(CALL, heard("sig betal nu"), CANDIDATES)
            assert "openai" == (await engine.pick(OTHER, heard("vand"), CANDIDATES)).engine
            await engine.close()

    run(ask())


def test_few_requests_are_under_way_and_a_newer_query_takes_the_place_of_the_waiting_one() -> None:
    async def ask() -> None:
        go = asyncio.Event()

        async def waits(asked: Asked, writer: asyncio.StreamWriter) -> None:
            await go.wait()
            await chooses("S1")(asked, writer)

        async with Scripted(waits) as server:
            engine = asking(server.url)
            calls = [CallId(f"0192f0c1-0000-7000-8000-0000000001{number:02}") for number in range(UNDER_WAY)]
            busy = [asyncio.create_task(engine.pick(call, heard("vand"), CANDIDATES)) for call in calls]
            while len(server.asked) < UNDER_WAY:
                await asyncio.sleep(0.01)
            older = asyncio.create_task(engine.pick(CALL, heard("ældre ord"), CANDIDATES))
            await asyncio.sleep(0)
            newer = asyncio.create_task(engine.pick(CALL, heard("nyere ord"), CANDIDATES))
            assert Picked((), {}, "fallback") == await older
            assert UNDER_WAY == len(server.asked)
            go.set()
            assert ["openai"] * UNDER_WAY == [(await each).engine for each in busy]
            assert "openai" == (await newer).engine
            assert "ældre ord" not in bytes(server.received).decode()
            await engine.close()

    run(ask())


def test_a_query_that_waits_too_long_is_the_rankers_and_loses_no_slot() -> None:
    async def ask() -> None:
        async with Scripted(*[hangs] * UNDER_WAY, chooses("S1")) as server:
            engine = asking(server.url, deadline_s=SHORT_S)
            calls = [CallId(f"0192f0c1-0000-7000-8000-0000000001{number:02}") for number in range(3 * UNDER_WAY)]
            picks = await asyncio.gather(*(engine.pick(call, heard("vand"), CANDIDATES) for call in calls))
            assert {"fallback"} == {each.engine for each in picks[:UNDER_WAY]}
            engine.breaker = type(engine.breaker)()
            again = await asyncio.gather(*(engine.pick(call, heard("vand"), CANDIDATES) for call in calls))
            assert {"openai"} == {each.engine for each in again}
            await engine.close()

    run(ask())


def test_a_desk_that_stops_is_not_kept_waiting() -> None:
    async def ask() -> None:
        async with Scripted(hangs) as server:
            engine = asking(server.url)
            pick = asyncio.create_task(engine.pick(CALL, heard("vand"), CANDIDATES))
            while not server.asked:
                await asyncio.sleep(0.01)
            pick.cancel()
            with pytest.raises(asyncio.CancelledError):
                await pick
            await engine.close()

    run(ask())


def test_the_key_is_shown_to_the_endpoint_and_written_nowhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path)
    home.keys.mkdir(parents=True)
    (home.keys / "advice-key.key").write_text("sk-tavs-invented-1\n")

    async def ask() -> None:
        async with Scripted(chooses("S1"), closes_at_once) as server:
            advice = Advice(engine="openai", endpoint=server.url, model="tiny", deadline_s=5.0)
            engine = configured(advice, home, Notes(), SimulatedClock(datetime(2026, 3, 1, tzinfo=UTC)))
            await engine.pick(CALL, heard("vand"), CANDIDATES)
            await engine.pick(CALL, heard("vand"), CANDIDATES)
            await engine.close()
            assert b"authorization: bearer sk-tavs-invented-1" in server.asked[0].head.lower()
            assert "sk-tavs" not in repr(vars(engine)) + repr(engine._client.headers)

    run(ask())
    shown = capsys.readouterr()
    assert "sk-tavs" not in shown.out + shown.err


@pytest.mark.parametrize("text", [b"", b"two words", b"line\nline", "nøgle".encode(), b"x" * 5000, b"\x00"])
def test_a_key_that_is_no_line_of_text_is_refused(tmp_path: Path, text: bytes) -> None:
    home = Home(tmp_path)
    home.keys.mkdir(parents=True)
    assert credentials.load_text("advice-key", home) is None
    (home.keys / "advice-key.key").write_bytes(text)
    with pytest.raises(ConfigError, match="advice-key"):
        credentials.load_text("advice-key", home)


def test_an_installed_box_has_the_key_from_its_service_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "advice-key").write_text("sk-tavs-invented-2")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert "sk-tavs-invented-2" == credentials.load_text("advice-key", Home(tmp_path / "home"))


@pytest.mark.parametrize(
    "url",
    [
        "", "advisor", "advisor:8000/v1", "https://", "https:///v1", "http://advisor.example/v1",
        "http://192.0.2.1:8000/v1", "http://localhost.example/v1", "ftp://127.0.0.1/v1", "file:///etc/passwd",
        "https://user:secret@advisor.example/v1", "https://advisor.example/v1?key=1", "https://advisor.example/#x",
        "https://advisor.example:99999/v1", "https://[::1/v1", "https://advisor.example:0/v1", "http://0.0.0.0/v1",
    ],
)  # fmt: skip
def test_a_bad_endpoint_is_refused_at_the_start_with_a_hint(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        endpoint(Advice(engine="openai", endpoint=url, model="tiny"))
    assert refused.value.hint
    assert "secret" not in refused.value.message


@pytest.mark.parametrize(
    ("url", "called", "host"),
    [
        ("https://advisor.example/v1/", "https://advisor.example:443/v1/chat/completions", "advisor.example:443"),
        ("http://localhost:8000/v1", "http://localhost:8000/v1/chat/completions", "localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000/chat/completions", "[::1]:8000"),
        ("https://10.1.2.3:8443/openai/v1", "https://10.1.2.3:8443/openai/v1/chat/completions", "10.1.2.3:8443"),
    ],
)
def test_a_good_endpoint_names_one_host(url: str, called: str, host: str) -> None:
    found = endpoint(Advice(engine="openai", endpoint=url, model="tiny"))
    assert (called, host) == (found.url, found.host)


def test_an_engine_without_model_or_authority_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no model"):
        endpoint(Advice(engine="openai", endpoint="https://advisor.example/v1"))
    (tmp_path / "empty.pem").write_text("")
    for file in (tmp_path / "missing.pem", tmp_path / "empty.pem"):
        with pytest.raises(ConfigError, match=r"advice\.ca"):
            trust(str(file))
