"""The relay: frames that come back as they went, and bytes that never do harm."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tavs.errors import PeerError
from tavs.events import CallEnded, CallId, Channel, Gap, GapKind, MaskedSegment, MaskedText
from tavs.relay import FRAME_LIMIT_BYTES, Received, RelaySender, parse, receive, serialize, short_path

CALL = CallId("0192f0c1-0000-7000-8000-000000000001")
SEGMENT = MaskedSegment(
    call=CALL,
    channel=Channel.CUSTOMER,
    sequence=1,
    t0_ms=0,
    t1_ms=900,
    text=MaskedText("jeg hedder <PERSON_1>"),
    labels=("PERSON",),
)
EVENTS = (
    SEGMENT,
    Gap(kind=GapKind.RELAY, count=3),
    CallEnded(call=CALL, at=datetime(2026, 3, 1, tzinfo=UTC), reason="bye"),
)


@pytest.mark.parametrize("event", [None, *EVENTS])
def test_a_frame_comes_back_as_it_went(event: object) -> None:
    frame = Received("ab", 7, event)  # type: ignore[arg-type]
    data = serialize(frame)
    assert frame == parse(data[4:])
    for cut in range(4, len(data)):
        with pytest.raises(PeerError):
            parse(data[4:cut])


@given(st.binary(max_size=300))
def test_any_bytes_are_a_frame_or_a_peer_error(data: bytes) -> None:
    try:
        parse(data)
    except PeerError as error:
        assert "relay" in error.message


def test_unknown_fields_types_and_long_frames_are_refused() -> None:
    import msgspec

    for event in (
        {"type": "Gap", "kind": "nonsense"},
        {"type": "Shell", "cmd": "x"},
        {"type": "MaskedSegment", "text": 5},
    ):
        with pytest.raises(PeerError):
            parse(msgspec.msgpack.encode(["ab", 1, event]))
    with pytest.raises(ValueError, match="frame"):
        serialize(Received("ab", 1, MaskedSegment(call=CALL, channel=Channel.AGENT, sequence=1, t0_ms=0, t1_ms=1,
                                                  text=MaskedText("x" * FRAME_LIMIT_BYTES))))  # fmt: skip


def test_a_stream_that_announces_too_much_ends_without_reading_it() -> None:
    async def read() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data((FRAME_LIMIT_BYTES + 1).to_bytes(4, "big"))
        async for _ in receive(reader):
            raise AssertionError("a frame came out")

    with pytest.raises(PeerError, match="limit"):
        asyncio.run(read())


def test_events_reach_a_desk_that_was_away_and_the_lost_ones_show_as_a_jump(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    path = deep / "relay.sock"

    async def run() -> list[Received]:
        sender = RelaySender(path, frames=3)
        for _ in range(5):
            sender.send(SEGMENT)
        found: list[Received] = []
        done = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            async for received in receive(reader):
                found.append(received)
                if len(found) == 4:
                    done.set()
            writer.close()

        running = asyncio.create_task(sender.run())
        await asyncio.sleep(0.05)
        with short_path(path) as reachable:
            server = await asyncio.start_unix_server(serve, reachable)
        sender.send(EVENTS[2])
        async with asyncio.timeout(5):
            await done.wait()
            await sender.drain(1)
        running.cancel()
        server.close()
        return found[:4]

    found = asyncio.run(run())
    assert [None, SEGMENT, SEGMENT, EVENTS[2]] == [each.event for each in found]
    assert [3, 3, 4, 5] == [each.sequence for each in found]


def test_text_prints_as_its_size() -> None:
    assert "jeg" not in repr(SEGMENT.text)
    assert os.sep not in repr(SEGMENT.text)
