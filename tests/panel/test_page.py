"""The page as a browser meets it: signing in, what is shown to whom, what is refused."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl

import httpx
import pytest
from house import ANNA, AT, BO, CALL, OTHER_CALL, PASSWORD, PATIENCE_S, Browser, House, token_in
from tavs.errors import ConfigError
from tavs.events import CallDescribed, CallState
from tavs.panel import accounts, session
from tavs.panel.app import App
from tavs.panel.door import MOST_UNFINISHED


def test_an_agent_signs_in_and_sees_the_page_of_the_own_extensions(house: House) -> None:
    async def scenario() -> None:
        async with house.served(), house.client() as client:
            assert "/login" == (await client.get("/")).headers["location"]
            answer = await house.sign_in(client)
            assert (303, "/") == (answer.status_code, answer.headers["location"])
            cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("__Host-tavs="))
            for needed in ("Secure", "HttpOnly", "SameSite=strict", "Path=/"):
                assert needed in cookie
            assert "anna 4512 Tavs" in (await client.get("/")).text
            assert "/" == (await client.get("/login")).headers["location"]

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["anna", "nobody", "", "bo\n", "x" * 500])
def test_a_wrong_password_and_an_unknown_account_read_the_same(house: House, name: str) -> None:
    async def scenario() -> None:
        async with house.served(), house.client() as client:
            answer = await house.sign_in(client, name, "et helt andet kodeord")
            assert 401 == answer.status_code
            assert "wrong_login" in answer.text
            assert "__Host-tavs=" not in "".join(answer.headers.get_list("set-cookie"))

    asyncio.run(scenario())


def test_an_unknown_account_costs_the_same_hash_as_a_known_one(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []
    monkeypatch.setattr(accounts.passwords, "is_right", lambda _, kept: looked_at.append(kept) or False)
    roster = accounts.Roster(house.home)
    roster.reload()
    assert roster.check("anna", "x") is roster.check("nobody", "x") is None
    parameters = {kept.rpartition("$")[0].rpartition("$")[0] for kept in looked_at}
    assert (2, 1) == (len(looked_at), len(parameters))


def test_guessing_is_slowed_for_the_guesser_and_not_for_the_others(house: House) -> None:
    async def scenario() -> None:
        async with house.served():
            async with house.client("127.0.0.2") as guesser:
                answers = [(await house.sign_in(guesser, "anna", f"forkert gæt {n}")).status_code for n in range(14)]
                assert [401] * 10 + [429] * 4 == answers
                assert 429 == (await house.sign_in(guesser, "anna")).status_code
            async with house.client("127.0.0.3") as client:
                assert 303 == (await house.sign_in(client, "anna")).status_code

    asyncio.run(scenario())


def test_a_crowd_of_guessers_waits_in_a_short_line_and_leaves_the_desk_to_the_others(house: House) -> None:
    async def scenario() -> None:
        async with house.served(), house.agent("bo") as (other, _), contextlib.AsyncExitStack() as stack:
            crowd = [await stack.enter_async_context(house.client(f"127.0.1.{n}")) for n in range(1, 91)]
            tokens = [token_in((await guesser.get("/login")).text) for guesser in crowd]
            guesses = [
                guesser.post(
                    "/login",
                    data={"account": f"x{n}", "password": "forkert", "token": token},
                    headers=house.own(),
                )
                for n, (guesser, token) in enumerate(zip(crowd, tokens, strict=True))
            ]
            guessing = asyncio.gather(*guesses)
            async with Browser(other).listening() as heard:
                await anext(heard)
                house.begin(OTHER_CALL, BO)
                assert "call" == (await anext(heard)).kind
            answers = {answer.status_code for answer in await guessing}
            assert {401} <= answers <= {401, 429}
            async with house.client("127.0.0.3") as client:
                assert 303 == (await house.sign_in(client, "anna")).status_code

    asyncio.run(scenario())


def test_another_agents_call_is_invisible_on_every_way(house: House) -> None:
    async def scenario() -> None:
        house.begin(CALL, ANNA)
        house.begin(OTHER_CALL, BO)
        row = house.say("hemmeligt", OTHER_CALL)
        foreign = house.suggest(row, OTHER_CALL)
        async with house.served(), house.agent("anna") as (client, token):
            browser = Browser(client)
            async with browser.listening() as heard:
                first = await anext(heard)
                assert [CALL] == [call["call"] for call in first.data["calls"]]
                house.say("mere hemmeligt", OTHER_CALL, 1)
                house.say("mit eget")
                assert "mit eget" == (await anext(heard)).data["text"]
            nowhere = OTHER_CALL.replace("2", "9")
            for call in (OTHER_CALL, nowhere, "", "%00", "' or 1=1"):
                assert 404 == (await client.get("/section/hus/2.1", params={"call": call})).status_code
            judged = [await judge(house, client, token, number) for number in (foreign, foreign + 1000)]
            assert [404, 404] == judged
            assert 0 == house.connection.execute("select count(*) from feedback").fetchone()[0]

    asyncio.run(scenario())


def test_a_section_is_shown_as_it_was_in_force_on_the_day_of_the_call(house: House) -> None:
    async def scenario() -> None:
        house.begin()
        async with house.served(), house.agent() as (client, _):
            shown = (await client.get("/section/hus/2.1", params={"call": CALL})).json()
            assert ("Skybrud", "Vi dækker skade ved skybrud.") == (shown["title"], shown["text"])
            assert {"doc", "number", "title", "product", "version", "text"} == set(shown)
            assert 404 == (await client.get("/section/hus/9.9", params={"call": CALL})).status_code

    asyncio.run(scenario())


def test_feedback_is_stored_and_shown_and_goes_with_what_was_said(house: House) -> None:
    async def scenario() -> None:
        house.begin()
        number = house.suggest(house.say("vand i kælderen"))
        async with house.served(), house.agent() as (client, token):
            async with Browser(client).listening() as heard:
                await anext(heard)
                for verdict in ("opened", "useful", "useful", "not_useful"):
                    assert 204 == await judge(house, client, token, number, verdict)
                told = [(await anext(heard)).data["verdicts"] for _ in range(4)]
            assert [["opened"], ["opened", "useful"], ["opened", "useful"], ["opened", "not_useful"]] == told
            async with Browser(client).listening() as heard:
                again = (await anext(heard)).data["calls"][0]["suggestions"][0]
                assert ["opened", "not_useful"] == again["verdicts"]
        house.connection.execute("delete from segments")
        assert 0 == house.connection.execute("select count(*) from feedback").fetchone()[0]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b'{"suggestion": 1, "verdict": "liked"}', b'{"suggestion": 99999999999999999999}', b"\xff"],
)
def test_feedback_of_another_form_is_refused(house: House, body: bytes) -> None:
    async def scenario() -> None:
        async with house.served(), house.agent() as (client, token):
            answer = await client.post("/feedback", content=body, headers=house.own(**{"x-token": token}))
            assert 400 == answer.status_code

    asyncio.run(scenario())


def test_markup_in_what_was_said_stays_text(house: House) -> None:
    said = '</script><img src=x onerror="alert(1)">\r\n\r\ndata: x\n\nevent: signed_out\u2028'

    async def scenario() -> None:
        house.begin()
        house.say(said)
        async with house.served(), house.agent() as (client, _), Browser(client).listening() as heard:
            shown = await anext(heard)
            assert "snapshot" == shown.kind
            assert said == shown.data["calls"][0]["segments"][0]["text"]

    asyncio.run(scenario())


def test_a_form_of_another_page_changes_nothing(house: House) -> None:
    async def scenario() -> None:
        async with house.served(), house.agent() as (client, token):
            for headers in (
                {},
                {"origin": "https://elsewhere.example"},
                {"origin": "null"},
                {"origin": house.url, "sec-fetch-site": "cross-site"},
                {"origin": house.url, "sec-fetch-site": "same-site"},
                {"origin": house.url.replace("https", "http")},
            ):
                for path in ("/logout", "/language", "/feedback", "/login"):
                    data = {"token": token, "language": "en", "account": "anna", "password": PASSWORD}
                    assert 403 == (await client.post(path, data=data, headers=headers)).status_code
            for token_sent in ("", "x" * 43, "æ"):
                data = {"token": token_sent, "language": "en"}
                for path in ("/logout", "/language"):
                    assert 403 == (await client.post(path, data=data, headers=house.own())).status_code
            assert 200 == (await client.get("/")).status_code

    asyncio.run(scenario())


def test_signing_in_needs_the_token_of_the_page_where_it_is_done(house: House) -> None:
    async def scenario() -> None:
        async with house.served(), house.client() as client:
            data = {"account": "anna", "password": PASSWORD, "token": "x" * 43}
            answer = await client.post("/login", data=data, headers=house.own())
            assert 403 == answer.status_code
            assert "form_expired" in answer.text

    asyncio.run(scenario())


def test_a_chosen_language_holds(house: House) -> None:
    async def scenario() -> None:
        async with house.served(), house.agent() as (client, token):
            assert 'lang="da"' in (await client.get("/")).text
            answer = await client.post("/language", data={"language": "en", "token": token}, headers=house.own())
            assert 303 == answer.status_code
            assert 'lang="en"' in (await client.get("/")).text
            for odd in ("", "xx", "../da"):
                data = {"language": odd, "token": token}
                assert 400 == (await client.post("/language", data=data, headers=house.own())).status_code
            await client.post("/logout", data={"token": token}, headers=house.own())
            assert 'lang="en"' in (await client.get("/login")).text

    asyncio.run(scenario())


def test_signing_out_ends_the_session_and_its_open_page(house: House) -> None:
    async def scenario() -> None:
        async with house.served(), house.agent() as (client, token):
            async with Browser(client).listening() as heard:
                await anext(heard)
                await client.post("/logout", data={"token": token}, headers=house.own())
                assert ["signed_out"] == [sent.kind async for sent in heard]
            assert "/login" == (await client.get("/")).headers["location"]
            async with Browser(client).listening() as heard:
                assert ["signed_out"] == [sent.kind async for sent in heard]

    asyncio.run(scenario())


def test_whoever_is_not_signed_in_is_not_told_how_much_passes(house: House) -> None:
    house.begin()
    house.say("goddag")

    async def scenario() -> None:
        async with house.served(), house.client() as stranger, Browser(stranger).listening() as heard:
            assert [("signed_out", "0")] == [(sent.kind, sent.id.rpartition("-")[2]) async for sent in heard]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "change",
    [
        lambda home: accounts.remove(home, "anna"),
        lambda home: accounts.set_password(home, "anna", "fire ganske andre ord"),
        lambda home: accounts.end_sessions(home, "anna", AT),
    ],
    ids=["removed", "password", "ended"],
)
def test_a_changed_account_is_signed_out_at_once(house: House, change: object) -> None:
    async def scenario() -> None:
        async with house.served(), house.agent("anna") as (client, _), house.agent("bo") as (other, _):
            async with Browser(client).listening() as heard:
                await anext(heard)
                change(house.home)  # type: ignore[operator]
                assert ["signed_out"] == [sent.kind async for sent in heard]
            assert 303 == (await client.get("/")).status_code
            assert 200 == (await other.get("/")).status_code

    asyncio.run(scenario())


@pytest.mark.parametrize(("idle_s", "goes_on"), [(session.IDLE_S - 60, True), (session.IDLE_S + 60, False)])
def test_a_session_ends_when_nobody_uses_it(house: House, idle_s: float, goes_on: bool) -> None:
    async def scenario() -> None:
        async with house.served(), house.agent() as (client, _):
            house.clock.moved_s = idle_s
            assert (200 if goes_on else 303) == (await client.get("/")).status_code
            house.clock.moved_s = session.LONGEST_S + 60
            assert 303 == (await client.get("/")).status_code

    asyncio.run(scenario())


def test_a_transferred_call_leaves_the_screen_it_was_on(house: House) -> None:
    async def scenario() -> None:
        house.begin()
        number = house.suggest(house.say("før omstillingen"))
        async with house.served(), house.agent("anna") as (client, token), house.agent("bo") as (other, _):
            async with Browser(client).listening() as old, Browser(other).listening() as new:
                assert [CALL] == [call["call"] for call in (await anext(old)).data["calls"]]
                assert [] == (await anext(new)).data["calls"]
                house.tell(CallDescribed(call=CALL, extension=BO, state=CallState(is_recorded=True)))
                assert [] == (await anext(old)).data["calls"]
                moved = (await anext(new)).data["calls"][0]
                assert (BO, "før omstillingen") == (moved["extension"], moved["segments"][0]["text"])
            assert 404 == await judge(house, client, token, number)

    asyncio.run(scenario())


def test_every_answer_carries_the_same_strict_headers(house: House) -> None:
    async def scenario() -> None:
        async with house.served(), house.agent() as (client, _):
            for path in (
                "/",
                "/login",
                "/nowhere",
                "/static/",
                "/static/panel.css",
                "/section/a/b",
                "/static/notes.txt",
            ):
                answer = await client.get(path)
                policy = answer.headers["content-security-policy"]
                assert "default-src 'none'" in policy
                assert "unsafe" not in policy
                assert "frame-ancestors 'none'" in policy
                assert "nosniff" == answer.headers["x-content-type-options"]
                assert "max-age=31536000" == answer.headers["strict-transport-security"]
                assert "server" not in answer.headers
                stored = path.startswith("/static")
                assert ("no-cache" if stored else "no-store") == answer.headers["cache-control"]
            assert "text/css; charset=utf-8" == (await client.get("/static/panel.css")).headers["content-type"]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static",
        "/static/notes.txt",
        "/static/../accounts.json",
        "/static/%2e%2e%2faccounts.json",
        "/x",
        "/events/",
    ],
)
def test_nothing_else_is_there(house: House, path: str) -> None:
    async def scenario() -> None:
        async with house.served(), house.client() as client:
            answer = await client.get(path)
            assert (404, True) == (answer.status_code, len(answer.text) < 30)

    asyncio.run(scenario())


def test_a_trusted_proxy_signs_in_and_nobody_else_may_pretend_to_be_one(house: House) -> None:
    house.settings = {"proxies": ["127.0.0.9/32"], "proxy_header": "X-Remote-User"}

    async def scenario() -> None:
        async with house.served():
            said = {"x-remote-user": "anna"}
            async with house.client("127.0.0.9", said) as proxy:
                assert "/" == (await proxy.get("/login")).headers["location"]
                assert 303 == (await proxy.get("/")).status_code
                page = (await proxy.get("/")).text
                assert "anna 4512" in page
                cookies = dict(proxy.cookies)
                assert "/" == (await proxy.get("/", headers={"x-remote-user": "bo"})).headers["location"]
                assert "bo 4600" in (await proxy.get("/", headers={"x-remote-user": "bo"})).text
                assert 403 == (await proxy.get("/", headers={"x-remote-user": "nobody"})).status_code
                twice = await proxy.request("GET", "/", headers=[("x-remote-user", "bo"), ("x-remote-user", "anna")])
                assert 403 == twice.status_code
            async with house.client("127.0.0.2", said) as liar:
                assert "/login" == (await liar.get("/")).headers["location"]
                liar.cookies.update(cookies)
                assert "/login" == (await liar.get("/")).headers["location"]

    asyncio.run(scenario())


@pytest.mark.parametrize("charset", ["utf-8", "latin-1"])
def test_a_proxy_names_accounts_with_danish_letters(house: House, charset: str) -> None:
    house.settings = {"proxies": ["127.0.0.9/32"], "proxy_header": "X-Remote-User"}
    accounts.add(house.home, "søren", PASSWORD, extensions=("4700",), language="", now=AT)

    async def scenario() -> None:
        async with house.served(), house.client("127.0.0.9") as proxy:
            said = [(b"x-remote-user", "Søren".encode(charset))]
            assert 303 == (await proxy.get("/", headers=said)).status_code
            assert "søren 4700" in (await proxy.get("/", headers=said)).text

    asyncio.run(scenario())


def test_another_network_is_not_answered(house: House) -> None:
    house.settings = {"allow": ["127.0.0.1/32"]}

    async def scenario() -> None:
        async with house.served():
            async with house.client() as client:
                assert 200 == (await client.get("/login")).status_code
            async with house.client("127.0.0.2") as stranger:
                with pytest.raises(httpx.TransportError):
                    await stranger.get("/login")

    asyncio.run(scenario())


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_tls_and_plain_http_are_not_spoken(house: House) -> None:
    async def scenario() -> None:
        async with house.served():
            old = house.tls()
            old.set_ciphers("DEFAULT@SECLEVEL=0")
            old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            old.maximum_version = ssl.TLSVersion.TLSv1_1
            port = int(house.url.rpartition(":")[2])
            with pytest.raises((ssl.SSLError, OSError)):
                await asyncio.open_connection("127.0.0.1", port, ssl=old)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /login HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"HTTP" not in await reader.read()
            writer.close()

    asyncio.run(scenario())


def test_large_and_broken_requests_are_refused(house: House) -> None:
    async def scenario() -> None:
        async with house.served(), house.client() as client:
            answer = await client.post("/login", data={"account": "x" * 20_000}, headers=house.own())
            assert 413 == answer.status_code
            with contextlib.suppress(httpx.TransportError):  # closed before all of it was read
                assert 400 == (await client.get("/login", headers={"x-long": "y" * 60_000})).status_code
            answer = await client.post("/login", content=b"\xff=\xff", headers=house.own())
            assert 415 == answer.status_code
            many = "&".join(f"a{n}=1" for n in range(1000))
            kind = {"content-type": "application/x-www-form-urlencoded"}
            assert 400 == (await client.post("/login", content=many, headers=house.own(**kind))).status_code
            assert 405 == (await client.delete("/login")).status_code
            assert 405 == (await client.head("/events")).status_code

    asyncio.run(scenario())


def test_what_fails_inside_is_an_answer_without_details(
    house: House, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async def broken(self: App, request: object) -> None:
        raise ValueError("hemmeligt")

    monkeypatch.setattr(App, "page", broken)

    async def scenario() -> None:
        async with house.served(), house.client() as client:
            answer = await client.get("/")
            assert (500, "500 Internal Server Error\n") == (answer.status_code, answer.text)

    asyncio.run(scenario())
    assert "hemmeligt" not in capfd.readouterr().err


def test_whoever_opens_a_connection_and_says_nothing_is_closed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tavs.panel.serve.REQUEST_S", 0.2)

    async def scenario() -> None:
        async with house.served():
            port = int(house.url.rpartition(":")[2])
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=house.tls())
            writer.write(b"GET /login HT")
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            writer.close()

    asyncio.run(scenario())


def test_machines_that_open_connections_and_say_nothing_keep_out_only_themselves(house: House) -> None:
    async def scenario() -> None:
        async with house.served(), contextlib.AsyncExitStack() as silent:
            assert house.panel
            for address in [f"127.0.0.{2 + number % 2}" for number in range(2 * 200)]:
                connection = silent.enter_context(socket.socket())
                connection.setblocking(False)
                connection.bind((address, 0))
                with contextlib.suppress(OSError):
                    await asyncio.get_running_loop().sock_connect(connection, house.panel.bound)
            async with asyncio.timeout(PATIENCE_S):
                while house.panel.refused < 2 * (200 - MOST_UNFINISHED):
                    await asyncio.sleep(0.01)
            assert 2 * MOST_UNFINISHED == house.panel.inside
            async with house.client() as browser:
                assert 200 == (await browser.get("/login")).status_code
            async with house.client("127.0.0.2") as beside:
                with pytest.raises(httpx.TransportError):
                    await beside.get("/login")

    asyncio.run(scenario())


def test_finished_handshakes_are_not_counted_with_those_under_way(house: House) -> None:
    async def scenario() -> None:
        async with house.served(), contextlib.AsyncExitStack() as there:
            assert house.panel and house.panel.bound
            for _ in range(2 * MOST_UNFINISHED):
                _, writer = await asyncio.open_connection(*house.panel.bound, ssl=house.tls())
                there.callback(writer.close)
            assert (0, 2 * MOST_UNFINISHED) == (house.panel.refused, house.panel.inside)

    asyncio.run(scenario())


def test_a_silent_connection_that_closes_makes_room_for_the_next(house: House) -> None:
    async def scenario() -> None:
        async with house.served():
            assert house.panel and house.panel.bound
            for _ in range(2 * MOST_UNFINISHED):
                _, writer = await asyncio.open_connection(*house.panel.bound)
                writer.close()
                async with asyncio.timeout(PATIENCE_S):
                    while house.panel.inside:
                        await asyncio.sleep(0)
            async with house.client() as browser:
                assert 200 == (await browser.get("/login")).status_code

    asyncio.run(scenario())


def test_a_socket_that_was_handed_over_is_served_again_after_a_stop(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as handed:
        house.handed = handed

        async def scenario() -> None:
            for _ in range(2):
                async with house.served(), house.client() as client:
                    assert handed.getsockname()[1] == int(house.url.rpartition(":")[2])
                    assert 200 == (await client.get("/login")).status_code

        asyncio.run(scenario())


def test_a_page_on_all_addresses_knows_an_ipv4_peer_by_its_own_address(house: House) -> None:
    house.settings = {"listen": "[::]:0", "allow": ["127.0.0.1/32"]}

    async def scenario() -> None:
        async with house.served(), house.client() as client:
            assert 200 == (await client.get("/login")).status_code

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "settings",
    [
        {"listen": "8443"},
        {"listen": "host:8443"},
        {"listen": "0.0.0.0:x"},
        {"listen": "0.0.0.0:70000"},
        {"allow": ["10.0.0.1/8"]},
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_at_the_start(house: House, settings: dict[str, object]) -> None:
    house.settings = settings
    with pytest.raises(ConfigError) as refused:
        house.make_panel()
    assert "panel." in refused.value.message


def test_a_page_that_cannot_be_served_is_told_and_takes_nothing_with_it(
    house: House, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tavs.panel.serve.AGAIN_S", 0.05)
    taken = socket.create_server(("127.0.0.1", 0))
    house.settings = {"listen": f"127.0.0.1:{taken.getsockname()[1]}"}

    async def scenario() -> None:
        async def let_go() -> None:
            await asyncio.sleep(0.3)
            taken.close()

        freed = asyncio.create_task(let_go())
        async with house.served(), house.client() as client:
            assert 200 == (await client.get("/login")).status_code
        await freed

    asyncio.run(scenario())
    assert 1 == capfd.readouterr().err.count("panel-unusable")


async def judge(house: House, client: httpx.AsyncClient, token: str, number: int, verdict: str = "useful") -> int:
    answer = await client.post(
        "/feedback", json={"suggestion": number, "verdict": verdict}, headers=house.own(**{"x-token": token})
    )
    return answer.status_code


def test_a_token_in_a_page_is_not_that_of_another_session(house: House) -> None:
    async def scenario() -> None:
        async with house.served(), house.agent() as (_, first), house.agent() as (client, second):
            assert first != second
            assert second == token_in((await client.get("/")).text)
            answer = await client.post("/logout", data={"token": first}, headers=house.own())
            assert 403 == answer.status_code

    asyncio.run(scenario())
