"""Streams over real sockets: nothing lost over a cut, nobody slowed by another, nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib

import httpx
import pytest
from house import ANNA, Browser, House, Sent
from tavs.panel import door, session, stream
from tavs.panel.board import Board


def test_a_browser_that_is_cut_off_reads_everything_once(house: House) -> None:
    async def scenario() -> None:
        house.begin()
        read: list[Sent] = []
        async with house.served(), house.agent() as (client, _):
            browser = Browser(client)
            for part in range(5):
                house.say(f"mens den var væk {part}", sequence=2 * part)
                async with browser.listening() as heard:
                    house.say(f"mens den var der {part}", sequence=2 * part + 1)
                    while not read or read[-1].data.get("t0_ms") != (2 * part + 1) * 1000:
                        read.append(await anext(heard))
        assert ["snapshot"] + ["segment"] * 9 == [sent.kind for sent in read]
        texts = [one["text"] for one in read[0].data["calls"][0]["segments"]] + [sent.data["text"] for sent in read[1:]]
        assert [f"mens den var {where} {part}" for part in range(5) for where in ("væk", "der")] == texts

    asyncio.run(scenario())


def test_a_desk_that_starts_again_brings_a_snapshot(house: House) -> None:
    async def scenario() -> None:
        house.begin()
        async with house.served(), house.agent() as (client, _):
            browser = Browser(client)
            async with browser.listening() as heard:
                before = await anext(heard)
        house.board = Board("another")
        async with house.served(), house.agent() as (client, _):
            again = Browser(client)
            again.last_id = before.id
            async with again.listening() as heard:
                assert "snapshot" == (await anext(heard)).kind

    asyncio.run(scenario())


def test_a_browser_that_never_reads_is_closed_and_costs_the_others_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "WRITE_S", 0.3)
    monkeypatch.setattr("tavs.panel.serve.SHUTDOWN_S", 0.3)

    async def scenario() -> None:
        house.begin()
        async with house.served(), house.agent() as (client, _):
            cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
            port = int(house.url.rpartition(":")[2])
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=house.tls(), limit=1024)
            writer.write(f"GET /events HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode())
            assert b"200 OK" in await reader.readline()
            async with Browser(client).listening() as heard:
                await anext(heard)
                inside = _doors(house)
                for number in range(300):
                    house.say("ord " * 2000, sequence=number)
                    assert number * 1000 == (await anext(heard)).data["t0_ms"]
                async with asyncio.timeout(10):
                    while _listening(house) > 1 or _doors(house) >= inside:
                        await asyncio.sleep(0.05)
            writer.transport.abort()

    asyncio.run(scenario())


def test_a_silent_stream_is_kept_alive(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream.EventStream.__init__, "__kwdefaults__", {"ping_s": 0.05})

    async def scenario() -> None:
        async with house.served(), house.agent() as (client, _), client.stream("GET", "/events") as response:
            assert "text/event-stream; charset=utf-8" == response.headers["content-type"]
            read = ""
            async for piece in response.aiter_text():
                read += piece
                if read.count(": ping\n\n") >= 3:
                    break
            assert read.startswith("retry: 2000\n\n")

    asyncio.run(scenario())


def test_a_browser_that_goes_leaves_nothing_behind(house: House) -> None:
    async def scenario() -> None:
        async with house.served():
            async with house.agent() as (client, _):
                for _ in range(20):
                    async with Browser(client).listening() as heard:
                        await anext(heard)
            async with asyncio.timeout(10):
                while _listening(house) or _doors(house):
                    await asyncio.sleep(0.02)

    asyncio.run(scenario())


def test_more_streams_than_a_browser_can_have_close_the_oldest(house: House) -> None:
    async def scenario() -> None:
        async with house.served(), house.agent() as (client, _), contextlib.AsyncExitStack() as stack:
            opened = []
            for _ in range(session.MOST_STREAMS + 1):
                opened.append(await stack.enter_async_context(Browser(client).listening()))
                await anext(opened[-1])
            assert [] == [sent async for sent in opened[0]]
            house.begin()
            assert "call" == (await anext(opened[1])).kind

    asyncio.run(scenario())


def test_a_stopping_desk_ends_streams_at_once_and_in_order(house: House) -> None:
    async def scenario() -> None:
        async with house.served(), house.agent() as (client, _):
            async with Browser(client).listening() as heard:
                await anext(heard)
                assert house.task
                house.task.cancel()
                assert [] == [sent async for sent in heard]
            await asyncio.wait([house.task])
            assert house.task.cancelled()
            with pytest.raises(httpx.ConnectError):
                await client.get("/login")

    asyncio.run(scenario())


def test_connections_are_bounded_in_all_and_of_one_address(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "MOST", 6)
    monkeypatch.setattr(door, "MOST_OF_ADDRESS", 4)

    async def scenario() -> None:
        async with house.served():
            port = int(house.url.rpartition(":")[2])
            idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(8)]
            await asyncio.sleep(0.2)
            assert 4 == _doors(house)
            async with house.client("127.0.0.2") as client:
                assert 200 == (await client.get("/login")).status_code
            async with house.client() as client:
                with pytest.raises(httpx.TransportError):
                    await client.get("/login")
            for _, writer in idle:
                writer.close()
            async with asyncio.timeout(10):
                while _doors(house):
                    await asyncio.sleep(0.02)
            async with house.client() as client:
                assert 200 == (await client.get("/login")).status_code

    asyncio.run(scenario())


def _listening(house: House) -> int:
    return len(house.board._browsers.get(ANNA, ()))


def _doors(house: House) -> int:
    assert house.panel
    return house.panel.inside
