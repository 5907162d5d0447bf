"""RTP packets: each length is checked before it is used."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tavs.audio.rtp import RtpPacket
from tavs.errors import PeerError


@given(
    st.integers(0, 127),
    st.booleans(),
    st.integers(0, 65535),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.binary(),
)
def test_what_is_written_can_be_read(
    kind: int, marker: bool, number: int, time: int, ssrc: int, payload: bytes
) -> None:
    packet = RtpPacket(
        payload_type=kind, marker=marker, sequence_number=number, timestamp=time, ssrc=ssrc, payload=payload
    )
    assert packet == RtpPacket.parse(packet.serialize())


def test_csrc_extension_and_padding_are_no_payload() -> None:
    header = bytes([0xB1, 8]) + bytes.fromhex("0001000000a000000005")
    data = header + b"csrc" + b"\xbe\xde\x00\x01" + b"ext." + b"sound" + b"\0\0\3"
    assert b"sound" == RtpPacket.parse(data).payload
    for cut in range(len(header) + 4 + 8):
        with pytest.raises(PeerError):
            RtpPacket.parse(data[:cut])


@given(st.binary(max_size=64))
def test_any_bytes_are_a_packet_or_a_peer_error(data: bytes) -> None:
    try:
        RtpPacket.parse(data)
    except PeerError as error:
        assert "RTP" in error.message
