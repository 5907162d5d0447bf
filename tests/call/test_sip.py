"""SIP messages: bytes in, messages out, whole, in pieces, or refused."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tavs.call import sip
from tavs.errors import PeerError

CAPTURES = sorted((Path(__file__).parents[1] / "captures/siprec").glob("*.sip"))
MESSAGES = [path.read_bytes() for path in CAPTURES]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_a_capture_reads_the_same_whole_byte_by_byte_and_with_a_tail(path: Path) -> None:
    data = path.read_bytes()
    message = sip.parse(data)
    assert "INVITE" == message.method
    framer = sip.Framer()
    one_by_one = [found for index in range(len(data)) for found in framer.feed(data[index : index + 1])]
    assert [message] == one_by_one
    assert [message, message] == list(sip.Framer().feed(b"\r\n\r\n" + data + data + b"INVITE sip"))


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_what_is_written_again_reads_the_same(path: Path) -> None:
    message = sip.parse(path.read_bytes())
    again = sip.parse(sip.serialize(message))
    assert message.body == again.body
    assert [h for h in message.headers if h[0] != "content-length"][:5] == list(again.headers)[:5]


@pytest.mark.parametrize("data", MESSAGES[:3])
def test_a_datagram_cut_anywhere_is_refused_and_a_cut_stream_waits(data: bytes) -> None:
    for cut in range(0, len(data) - 1, 7):
        with pytest.raises(PeerError):
            sip.parse(data[:cut])
        assert [] == list(sip.Framer().feed(data[:cut]))


@pytest.mark.parametrize(
    "line",
    [
        "Content-Length: -1",
        "Content-Length: 99999999",
        "Content-Length: 1e3",
        "Content-Length: 5\r\nContent-Length: 6",
        "no colon",
    ],
)
def test_a_length_that_is_none_loses_the_framing(line: str) -> None:
    data = f"OPTIONS sip:a SIP/2.0\r\n{line}\r\n\r\n".encode()
    with pytest.raises(PeerError):
        list(sip.Framer().feed(data))


def test_headers_without_end_are_cut_off_at_the_limit() -> None:
    framer = sip.Framer()
    with pytest.raises(PeerError, match="too long"):
        for _ in range(100):
            list(framer.feed(b"X: " + b"y" * 1000 + b"\r\n"))


def test_a_header_of_unreasonable_length_is_refused() -> None:
    with pytest.raises(PeerError, match="too long"):
        sip.parse(b"OPTIONS sip:a SIP/2.0\r\nCall-ID: " + b"x" * 5000 + b"\r\n\r\n")


def test_compact_forms_folding_and_parameters() -> None:
    data = b'OPTIONS sip:a SIP/2.0\r\nv: SIP/2.0/UDP h;branch=1;rport\r\nf: "a;tag=no" <sip:x;tag=no>;tag=yes\r\n\r\n'
    message = sip.parse(data)
    assert "yes" == sip.parameter(message.first("from"), "tag")
    assert "" == sip.parameter(message.first("via"), "rport")
    assert sip.parameter(message.first("via"), "ttl") is None
    assert ['"a, b" <sip:1>', "<sip:2,3>;lr"] == sip.split_list('"a, b" <sip:1>, <sip:2,3>;lr')


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(MESSAGES), st.integers(0, 5000), st.binary(max_size=12), st.integers(0, 40))
def test_no_mutation_raises_anything_but_a_peer_error(data: bytes, place: int, put: bytes, drop: int) -> None:
    place %= len(data)
    mutated = data[:place] + put + data[place + drop :]
    for read in (sip.parse, lambda raw: list(sip.Framer().feed(raw))):
        try:
            read(mutated)
        except PeerError as error:
            assert "SIP" in error.message
