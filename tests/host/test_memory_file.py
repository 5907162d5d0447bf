"""Memory that outlives its writer: what was written whole is there, whatever a kill cut off."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tavs.host.memory_file import FIRST_PLACE, LIMIT_BYTES, PLACE_BYTES, MemoryFile


def again(memory: MemoryFile) -> MemoryFile:
    """The same memory as the next process finds it."""
    return MemoryFile(os.dup(memory.descriptor))


def test_the_last_writing_and_the_mark_are_found_by_the_next_process() -> None:
    memory = MemoryFile.begin("test")
    assert (None, 0) == (memory.read(), memory.marked())
    for text in (b"one", b"two and more", b"three"):
        assert memory.write(text)
    memory.mark(12_345)
    assert (b"three", 12_345) == (again(memory).read(), again(memory).marked())
    following = again(memory)
    following.write(b"four")
    assert b"four" == again(memory).read()


def test_a_writing_that_was_cut_off_leaves_the_one_before_it() -> None:
    memory = MemoryFile.begin("test")
    memory.write(b"the first")
    memory.write(b"the second")
    place = FIRST_PLACE + PLACE_BYTES  # where the third is going to be written over the first
    before = os.pread(memory.descriptor, 200, place).ljust(200, b"\0")
    memory.write(b"the third, which is longer")
    after = os.pread(memory.descriptor, 200, place)
    for cut in range(28 + len(b"the third, which is longer")):
        os.pwrite(memory.descriptor, after[:cut] + before[cut:], place)
        found = again(memory).read()
        assert found == b"the second", f"after {cut} bytes"
    os.pwrite(memory.descriptor, after, place)
    assert b"the third, which is longer" == again(memory).read()


def test_memory_cut_at_every_length_is_the_last_whole_writing_or_nothing() -> None:
    memory = MemoryFile.begin("test")
    memory.write(b"only one")
    size = os.fstat(memory.descriptor).st_size
    for length in [*range(0, 64), FIRST_PLACE - 1, FIRST_PLACE, *range(size - 60, size)]:
        cut = MemoryFile.begin("cut")
        os.pwrite(cut.descriptor, os.pread(memory.descriptor, size, 0), 0)
        os.truncate(cut.descriptor, length)
        assert MemoryFile(cut.descriptor).read() is None
        os.close(cut.descriptor)


@given(st.binary(max_size=300), st.integers(0, 2 * PLACE_BYTES))
@settings(max_examples=60)
def test_noise_is_never_taken_for_a_writing(noise: bytes, place: int) -> None:
    memory = MemoryFile.begin("noise")
    os.pwrite(memory.descriptor, noise, place)
    assert MemoryFile(os.dup(memory.descriptor)).read() is None
    memory.close()


def test_more_than_there_is_room_for_is_refused_and_changes_nothing() -> None:
    memory = MemoryFile.begin("test")
    memory.write(b"small")
    assert not memory.write(bytes(LIMIT_BYTES + 1))
    assert b"small" == memory.read()


@pytest.mark.parametrize("size", [0, 1, 4096, 2 << 20, LIMIT_BYTES])
def test_any_length_up_to_the_limit_comes_back(size: int) -> None:
    memory = MemoryFile.begin("test")
    assert memory.write(os.urandom(16) + bytes(size - 16) if size >= 16 else bytes(size))
    assert size == len(again(memory).read() or b"")
    memory.close()
