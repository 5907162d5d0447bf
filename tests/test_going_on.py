"""What a listener makes of what it is handed by the one before it."""

import json
import os
import socket
from collections.abc import Iterator

import pytest
from tavs.call import kept_call
from tavs.call.kept_call import KeptCall
from tavs.going_on import find
from tavs.host.memory_file import FIRST_PLACE, MemoryFile
from test_srs import Box

PORTS = (43_400, 43_401, 43_402, 43_403)


class Left:
    """A call as a listener has left it: memory and bound sockets, and duplicates of both for whoever comes next."""

    def __init__(self) -> None:
        box = Box()
        box.invite()
        [dialog] = box.server.changed()
        dialog.ports = {0: PORTS[0], 1: PORTS[2]}
        start = box.floor.started[0]
        self.call = start.call
        kept = KeptCall(
            dialog=dialog, at=start.at, started_s=start.started_s, trunk=start.trunk, part=0, begins_ms=1_000
        )
        self.state = kept_call.serialize(kept)
        self.memory = MemoryFile.begin("left")
        self.memory.write(self.state)
        self.memory.mark(4_500)
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in PORTS]
        for port, each in zip(PORTS, self.sockets, strict=True):
            each.bind(("127.0.0.1", port))

    def handed(self, *, without: int | None = None) -> list[tuple[str, int]]:
        found = [(f"call-{self.call}", os.dup(self.memory.descriptor))]
        return found + [
            (f"call-{self.call}", os.dup(each.fileno())) for place, each in enumerate(self.sockets) if place != without
        ]

    def close(self) -> None:
        self.memory.close()
        for each in self.sockets:
            each.close()


@pytest.fixture
def left() -> Iterator[Left]:
    one = Left()
    yield one
    one.close()


def test_a_call_that_is_all_there_can_go_on_and_its_sealed_sound_is_known(left: Left) -> None:
    found = find(left.handed())
    assert {left.call: 3_500} == found.to_go_on()
    assert set(PORTS) == set(found.calls[left.call].sockets)
    found.calls[left.call].let_go()


@pytest.mark.parametrize("missing", range(len(PORTS)))
def test_a_call_without_one_of_its_sockets_cannot_go_on_and_its_goodbye_is_there(left: Left, missing: int) -> None:
    found = find(left.handed(without=missing))
    assert {} == found.to_go_on()
    farewell = found.calls[left.call].farewell
    assert farewell is not None and farewell.data.startswith(b"BYE ")
    found.calls[left.call].let_go()


def test_a_state_of_another_schema_cannot_go_on_and_its_goodbye_is_there(left: Left) -> None:
    document = json.loads(left.state)
    left.memory.write(json.dumps(document | {"schema": 99, "state": None}).encode())
    found = find(left.handed())
    assert {} == found.to_go_on()
    assert found.calls[left.call].farewell
    found.calls[left.call].let_go()


def test_memory_that_was_cut_at_any_length_is_no_call_to_go_on_with(left: Left) -> None:
    size = os.fstat(left.memory.descriptor).st_size
    whole = os.pread(left.memory.descriptor, size, 0)
    for length in [*range(0, 12), FIRST_PLACE, *range(size - len(left.state) - 40, size, 97), size - 1]:
        os.truncate(left.memory.descriptor, 0)
        os.pwrite(left.memory.descriptor, whole[:length], 0)
        found = find(left.handed())
        assert {} == found.to_go_on(), f"after {length} of {size} bytes"
        found.calls[left.call].let_go()


def test_a_state_under_the_name_of_another_call_is_not_believed(left: Left) -> None:
    other = "0192f0c1-0000-7000-8000-000000000001"
    found = find([(f"call-{other}", descriptor) for _, descriptor in left.handed()])
    assert {} == found.to_go_on()
    for each in found.calls.values():
        each.let_go()


def test_what_has_no_name_of_ours_is_closed() -> None:
    names = ["", "stored", "call-", "call-../../etc", "stream-x", "sip"]
    memories = [MemoryFile.begin("x").descriptor for _ in names]
    found = find(zip(names, memories, strict=True))
    assert ([], {}, {}) == (found.listeners, found.streams, found.calls)
    for each in memories:
        with pytest.raises(OSError, match="descriptor"):
            os.fstat(each)


def test_listeners_and_connections_are_told_apart() -> None:
    with socket.socket() as listener, socket.socketpair()[0] as stream:
        found = find([("sip", os.dup(listener.fileno())), ("stream-17", os.dup(stream.fileno()))])
        assert 1 == len(found.listeners)
        assert [17] == list(found.streams)
        for each in (*found.listeners, *found.streams.values()):
            each.close()
