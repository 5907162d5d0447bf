"""A call placed by sipp, an implementation we did not write, from INVITE to the opened recording."""

import socket
import subprocess
import time

import numpy as np
import pytest
from appliance import METADATA, Box, Sipp, Sound
from tavs.events import Channel
from tavs.recording.ogg import decode
from tavs.recording.opened import open_recording, open_sealed
from tavs.recording.seal import TEXT
from tavs.rights.opening import lines

LAG_SAMPLES = 4000
"""Where in the recording the sound may begin: signalling and sipp's own start."""


def lag_and_likeness(sent: np.ndarray, heard: np.ndarray) -> tuple[int, float]:
    """How many samples later it was heard, and the correlation there."""
    size = len(sent) + len(heard)
    product = np.fft.irfft(
        np.fft.rfft(heard.astype(float), size) * np.conj(np.fft.rfft(sent.astype(float), size)), size
    )
    lag = int(np.argmax(product[: len(heard)]))
    overlap = min(len(sent), len(heard) - lag)
    return lag, float(np.corrcoef(sent[:overlap], heard[lag : lag + overlap])[0, 1])


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_is_recorded_transcribed_masked_and_ended(box: Box, sipp: Sipp, sound: Sound, transport: str) -> None:
    began = time.monotonic()
    client = sipp.call(box, transport, sound)
    assert client.wait(60) == 0, "sipp saw something else than it expected"
    lasted_s = time.monotonic() - began
    kept = box.wait_for_recording()
    shown = box.show(kept["call"])
    [recording] = [each for each in shown["artifacts"] if each["kind"] == "recording"]
    opened = open_recording(box.incoming / recording["file"], box.private_key)
    heard = decode(opened.ogg)
    assert opened.is_complete
    assert shown["end_reason"] == "bye"
    assert shown["extension"] == "4512"
    assert b"36766050" in opened.details[0]
    assert abs(len(heard) / 8000 - (sound.duration_s + 0.5)) <= 0.02 * lasted_s + 0.3
    lags = []
    for side, channel in enumerate((Channel.CUSTOMER, Channel.AGENT)):
        lag, likeness = lag_and_likeness(sound.sides[channel], heard[:, side])
        assert likeness >= 0.9, f"{channel}: {likeness:.2f}"
        assert lag <= LAG_SAMPLES
        lags.append(lag)
    assert abs(lags[0] - lags[1]) <= 320
    assert {"customer", "agent"} == {each["channel"] for each in shown["segments"]}
    for path in box.incoming.iterdir():
        assert b"36766050" not in path.read_bytes()


def test_a_transcript_is_sealed_and_quality_granted_where_the_invite_tells_of_consent_only(
    box: Box, sipp: Sipp, sound: Sound
) -> None:
    assert sipp.call(box, "tcp", sound).wait(60) == 0
    first = box.wait_for_recording()["call"]
    assert sipp.call(box, "tcp", sound, consent="yes;prompt=menu;version=3;language=da;pressed=1").wait(60) == 0

    def purposes(call: dict) -> set[tuple[str, str]]:  # type: ignore[type-arg]
        return {(each["kind"], each["purpose"]) for each in call["artifacts"]}

    box.wait_for(lambda: ("transcript", "quality") in purposes(box.calls()[0]))
    second, silent = box.calls()
    documented = {("recording", "documentation"), ("masked_transcript", "training")}
    assert first == silent["call"]
    assert documented == purposes(silent)
    assert [] == box.show(first)["consents"]
    assert {*documented, ("recording", "quality"), ("transcript", "quality")} == purposes(second)
    assert [("yes", "header", "menu")] == [
        (each["answer"], each["source"], each["prompt"]) for each in box.show(second["call"])["consents"]
    ]
    [path] = box.incoming.glob("*.transcript.0.tavs")
    assert path.name == f"{second['call']}.transcript.0.tavs"
    opened = open_sealed(path, box.private_key)
    said = lines(opened.of(TEXT))
    assert opened.is_complete
    assert {"customer", "agent"} == {each["channel"] for each in said}
    words = max((str(each["text"]) for each in said), key=len)
    assert not [each.name for each in box.home.rglob("*") if each.is_file() and words.encode() in each.read_bytes()]


@pytest.mark.parametrize("metadata", ["", "&lt;", METADATA[:200], METADATA.replace("<send>s1</send>", "")])
def test_metadata_that_is_broken_or_missing_costs_no_call(box: Box, sipp: Sipp, sound: Sound, metadata: str) -> None:
    client = sipp.call(box, "tcp", sound, metadata=metadata, wait_s=1.0)
    assert client.wait(60) == 0
    kept = box.wait_for_recording()
    assert box.show(kept["call"])["flags"]


def test_a_peer_that_is_not_allowed_gets_no_answer(box: Box) -> None:
    options = (
        b"OPTIONS sip:srs@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2:5;branch=z9hG4bK1;rport\r\n"
        b"From: <sip:a>;tag=1\r\n"
        b"To: <sip:b>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
    answers = {}
    for source in ("127.0.0.1", "127.0.0.2"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind((source, 0))
            peer.settimeout(1.0)
            peer.sendto(options, ("127.0.0.1", box.addresses["udp"]))
            try:
                answers[source] = peer.recv(2000)[:15]
            except TimeoutError:
                answers[source] = b""
    assert answers == {"127.0.0.1": b"SIP/2.0 200 OK\r", "127.0.0.2": b""}


def test_nonsense_on_the_wire_costs_no_call_beside_it(box: Box, sipp: Sipp, sound: Sound) -> None:
    client = sipp.call(box, "udp", sound, wait_s=3.0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        for data in (b"\xff" * 1400, b"INVITE\r\n\r\n", b"BYE sip:x SIP/2.0\r\nVia: x\r\n\r\n", b"\0" * 60):
            for port in (box.addresses["udp"], 24000, 24002):
                peer.sendto(data, ("127.0.0.1", port))
    with socket.create_connection(("127.0.0.1", box.addresses["tcp"])) as stream:
        stream.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        stream.settimeout(3)
        assert stream.recv(100) == b""
    assert client.wait(60) == 0
    assert box.wait_for_recording()


def test_sipp_is_the_real_one(sipp: Sipp) -> None:
    assert "SIPp" in subprocess.run(["sipp", "-v"], capture_output=True, text=True, check=False).stdout
