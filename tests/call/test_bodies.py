"""Session descriptions, multipart bodies and recording metadata, as PBXs send them and as they should not."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tavs.call import attribution, sdp, sip
from tavs.call.metadata import CONTENT_TYPES, Metadata
from tavs.call.multipart import parts
from tavs.call.party import party_ref
from tavs.call.session import Codec
from tavs.errors import PeerError
from tavs.events import Channel

CAPTURES = Path(__file__).parents[1] / "captures/siprec"
KEY = bytes(range(32))


def leaves(name: str) -> dict[str, bytes]:
    message = sip.parse((CAPTURES / name).read_bytes())
    return {part.content_type: part.body for part in parts(message.first("content-type"), message.body)}


def metadata(name: str) -> Metadata:
    document = next(body for kind, body in leaves(name).items() if kind in CONTENT_TYPES)
    return Metadata().merged(document)


@pytest.mark.parametrize(
    "name", ["invite_two_legs.sip", "invite_oracle_draft.sip", "invite_prefixed_elements.sip", "invite_bare_lf.sip"]
)
def test_every_dialect_says_who_sends_which_stream(name: str) -> None:
    known = metadata(name)
    assert [Channel.CUSTOMER, Channel.AGENT] == attribution.channels(["1", "2"], known)
    assert [Channel.AGENT, Channel.CUSTOMER] == attribution.channels(["2", "1"], known)
    assert "4512" == attribution.extension(known)
    assert "+4520123456" == attribution.customer_number(known)


def test_without_metadata_the_first_is_the_customer_and_one_alone_is_unknown() -> None:
    assert [Channel.CUSTOMER, Channel.AGENT] == attribution.channels(["a", "b"], Metadata())
    assert [Channel.UNKNOWN] == attribution.channels(["a"], Metadata())


def test_partial_metadata_is_merged_and_complete_replaces() -> None:
    known = metadata("invite_two_legs.sip")
    partial = (
        b'<recording><datamode>partial</datamode><participant participant_id="new"><nameID aor="sip:4599@x"/></participant>'
        b'<participantstreamassoc participant_id="new"><send>UAAMm5GRQKSCMVvLyl4rFw==</send></participantstreamassoc></recording>'
    )
    assert 3 == len(known.merged(partial).participants)
    assert 1 == len(known.merged(partial.replace(b"partial", b"complete")).participants)


@pytest.mark.parametrize("name", ["invite_broken_metadata.sip", "invite_entity_bomb.sip"])
def test_broken_metadata_and_entities_are_refused(name: str) -> None:
    with pytest.raises(PeerError):
        metadata(name)


def test_metadata_is_bounded_in_depth_and_number() -> None:
    for document in (b"<recording>" + b"<a>" * 100, b"<recording>" + b"<a/>" * 9000 + b"</recording>", b"x" * 200_000):
        with pytest.raises(PeerError):
            Metadata().merged(document)


def test_every_media_line_is_answered_in_order_with_its_label() -> None:
    offer = sdp.parse(leaves("invite_video_and_srtp.sip")["application/sdp"])
    answered = [sdp.Answered(media=media, port=5000 if media.is_decodable else 0) for media in offer]
    text = sdp.answer(answered, address="192.0.2.20", session_id=1, version=2).decode()
    assert ["m=audio 5000 RTP/AVP 8 0 101", "m=video 0 RTP/AVP 99", "m=audio 0 RTP/SAVP 8"] == [
        line for line in text.splitlines() if line.startswith("m=")
    ]
    assert ["a=label:1", "a=label:3", "a=label:4", "a=mid:x"] == [
        line for line in text.splitlines() if line.startswith(("a=label", "a=mid"))
    ]
    assert 1 == text.count("a=recvonly")


def test_static_payload_types_need_no_rtpmap_and_other_rates_are_not_ours() -> None:
    offer = sdp.parse(
        b"v=0\r\nm=audio 4 RTP/AVP 0 13 8 9 96 97\r\na=rtpmap:96 PCMA/16000\r\na=rtpmap:97 pcmu/8000/1\r\n"
    )
    assert {0: Codec.PCMU, 13: Codec.CN, 8: Codec.PCMA, 97: Codec.PCMU} == offer[0].payload_types


def test_inactive_and_unspecified_addresses_are_understood() -> None:
    offer = sdp.parse(leaves("invite_all_inactive.sip")["application/sdp"])
    assert [False, False] == [media.is_active for media in offer]
    assert [None, None] == [media.remote for media in offer]
    assert all(media.is_decodable for media in offer)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(CAPTURES.glob("*.sip"))), st.integers(0, 4000), st.binary(max_size=8), st.integers(0, 30))
def test_no_mutated_body_raises_anything_but_a_peer_error(path: Path, place: int, put: bytes, drop: int) -> None:
    body = sip.parse(path.read_bytes()).body
    place %= len(body)
    mutated = body[:place] + put + body[place + drop :]
    for part in parts("multipart/mixed; boundary=xyz", mutated):
        for read in (sdp.parse, Metadata().merged):
            try:
                read(part.body)
            except PeerError as error:
                assert error.message


def test_a_number_has_one_reference_however_it_is_written() -> None:
    forms = ["+4520123456", "20123456", "0045 20 12 34 56", "sip:+4520123456@pbx;user=phone", "tel:+45-20-12-34-56"]
    references = {party_ref(form, KEY) for form in forms}
    assert 1 == len(references)
    assert party_ref("+4520123457", KEY) not in references
    assert party_ref("20123456", bytes(32)) not in references


@pytest.mark.parametrize("number", ["", "anonymous", "sip:anonymous@anonymous.invalid", "4512", "+", "x" * 500])
def test_no_number_no_reference(number: str) -> None:
    assert party_ref(number, KEY) is None
