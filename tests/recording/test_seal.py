"""Sealed files: what was written can be opened by the site, whole or cut, and by nobody else."""

import io

import nacl.public
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tavs.errors import StoreError
from tavs.events import CallId
from tavs.recording.seal import AUDIO, DETAILS, Opener, Sealer, opened_key, sealed_key

CALL, OTHER = CallId("0192f0c1-0000-7000-8000-000000000001"), CallId("0192f0c1-0000-7000-8000-000000000002")
CHUNKS = [(AUDIO, b"one" * 30), (DETAILS, b'{"a":1}'), (AUDIO, b"two" * 50)]


def sealed() -> tuple[bytes, bytes, list[int]]:
    """Key, bytes of a file, and where each of its chunks ends."""
    sealer = Sealer(CALL, 0)
    data = sealer.begin()
    ends = []
    for kind, plain in CHUNKS:
        data += sealer.chunk(kind, plain)
        ends.append(len(data))
    return sealer.key, data + sealer.final(), ends


KEY, FILE, ENDS = sealed()


def opened(data: bytes, call: CallId = CALL, part: int = 0) -> tuple[list[tuple[bytes, bytes]], bool]:
    opener = Opener(io.BytesIO(data), KEY, call, part)
    chunks = [(chunk.kind, chunk.data) for chunk in opener]
    return chunks, opener.is_complete


def test_a_whole_file_opens_and_says_so() -> None:
    assert (CHUNKS, True) == opened(FILE)


def test_a_file_cut_at_any_byte_opens_up_to_its_last_whole_chunk() -> None:
    for cut in range(len(FILE)):
        whole = sum(end <= cut for end in ENDS)
        assert (CHUNKS[:whole], False) == opened(FILE[:cut])


@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_ends_the_file_early(place: int, change: int) -> None:
    changed = bytearray(FILE)
    changed[place] ^= change
    try:
        chunks, is_complete = opened(bytes(changed))
    except StoreError:
        return
    assert not is_complete
    assert CHUNKS[: len(chunks)] == chunks


def test_a_chunk_of_another_call_or_part_is_refused() -> None:
    for call, part in ((OTHER, 0), (CALL, 1)):
        with pytest.raises(StoreError):
            opened(FILE, call, part)


def test_swapped_chunks_are_refused() -> None:
    start = ENDS[0] - (4 + len(CHUNKS[0][1]) + 1 + 17)
    one, two = FILE[start : ENDS[0]], FILE[ENDS[0] : ENDS[1]]
    with pytest.raises(StoreError):
        opened(FILE[:start] + two + one + FILE[ENDS[1] :])


def test_only_the_private_key_of_the_site_opens_the_key_of_its_own_recording() -> None:
    private, stranger = nacl.public.PrivateKey.generate(), nacl.public.PrivateKey.generate()
    wrapped = sealed_key(KEY, bytes(private.public_key), CALL, 0)
    assert KEY == opened_key(wrapped, bytes(private), CALL, 0)
    with pytest.raises(StoreError):
        opened_key(wrapped, bytes(stranger), CALL, 0)
    with pytest.raises(StoreError):
        opened_key(wrapped, bytes(private), OTHER, 0)
