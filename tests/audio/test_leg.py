"""The timeline of a stream: whatever the wire does, the sound stays where it was said."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tavs.audio import g711
from tavs.audio.leg import BUFFER_SAMPLES, REORDER_S, Leg
from tavs.audio.rtp import RtpPacket
from tavs.call.session import Codec
from tavs.events import Channel, GapKind

FRAME = 160
TYPES = {8: Codec.PCMA, 0: Codec.PCMU, 13: Codec.CN, 101: Codec.TELEPHONE_EVENT}


def tone(count: int, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(count * FRAME) * 3000
    return g711.decode(g711.encode(noise.astype(np.int16), g711.ALAW), g711.ALAW)


def packet(number: int, sound: np.ndarray, *, ssrc: int = 5, first: int = 0, start: int = 0, kind: int = 8) -> bytes:
    payload = g711.encode(sound[number * FRAME : (number + 1) * FRAME], g711.ALAW)
    return RtpPacket(
        payload_type=kind,
        marker=False,
        sequence_number=(first + number) % 0x10000,
        timestamp=(start + number * FRAME) % 0x100000000,
        ssrc=ssrc,
        payload=payload,
    ).serialize()


def leg(origin_s: float = 0.0) -> Leg:
    return Leg(channel=Channel.CUSTOMER, payload_types=TYPES, origin_s=origin_s)


def test_sound_comes_out_as_it_went_in_across_both_wrap_arounds() -> None:
    sound = tone(200)
    one = leg()
    heard = []
    for number in range(200):
        one.feed(packet(number, sound, first=0xFFC0, start=0xFFFFE000), number * 0.02)
        heard.append(one.take(number * 0.02))
    assert np.array_equal(sound, np.concatenate([*heard, one.finish(4.0)]))
    assert one.gaps() == ()


def test_reordered_and_doubled_packets_change_nothing() -> None:
    sound = tone(100)
    one = leg()
    order = [n for pair in range(0, 100, 2) for n in (pair + 1, pair, pair)]
    one.feed(packet(0, sound), 0.0)
    for number in order[3:]:
        one.feed(packet(number, sound), number * 0.02)
    one.feed(packet(1, sound), 0.05)
    assert np.array_equal(sound, one.finish(2.0))
    assert one.counters.lost == 0
    assert one.counters.duplicate >= 49


def test_a_lost_packet_is_silence_and_a_gap_with_its_count() -> None:
    sound = tone(50)
    one = leg()
    for number in range(50):
        if number not in (10, 11):
            one.feed(packet(number, sound), number * 0.02)
    heard = one.finish(1.0)
    assert 8000 == len(heard)
    assert not heard[10 * FRAME : 12 * FRAME].any()
    assert [(GapKind.LOSS, 200, 240, 2)] == [(gap.kind, gap.t0_ms, gap.t1_ms, gap.packets) for gap in one.gaps()]
    assert 2 == one.counters.lost


def test_hold_is_silence_of_the_right_length_and_the_sound_after_it_is_whole() -> None:
    sound = tone(100)
    one = leg()
    for number in range(50):
        one.feed(packet(number, sound), number * 0.02)
    before = one.take(20.9)
    for number in range(50, 100):
        one.feed(packet(number, sound, first=20, start=90 * FRAME), 20.0 + number * 0.02)
    heard = np.concatenate([before, one.finish(22.0)])
    assert 22 * 8000 == len(heard)
    assert np.array_equal(sound[50 * FRAME :], heard[21 * 8000 :])
    assert [GapKind.SILENCE] == [gap.kind for gap in one.gaps()]


def test_a_second_voice_at_the_same_time_is_counted_and_not_heard() -> None:
    sound, foreign = tone(50), tone(50, seed=2)
    one = leg()
    for number in range(50):
        one.feed(packet(number, sound), number * 0.02)
        one.feed(packet(number, foreign, ssrc=6), number * 0.02)
    assert np.array_equal(sound, one.finish(1.0))
    assert 50 == one.counters.foreign


def test_a_new_source_is_heard_once_the_old_one_is_silent() -> None:
    sound = tone(100)
    one = leg()
    for number in range(50):
        one.feed(packet(number, sound), number * 0.02)
    for number in range(50, 100):
        one.feed(packet(number, sound, ssrc=6, first=777, start=123456), 0.3 + number * 0.02)
    heard = one.finish(2.3)
    assert np.array_equal(sound[50 * FRAME :], heard[int(1.3 * 8000) :])


def test_a_timestamp_that_jumps_far_ahead_does_not_lengthen_the_call() -> None:
    sound = tone(100)
    one = leg()
    for number in range(100):
        one.feed(packet(number, sound, start=0 if number < 50 else 10_000_000), number * 0.02)
    assert np.array_equal(sound, one.finish(2.0))


@pytest.mark.parametrize("ppm", [-500, 500])
def test_a_skewed_clock_keeps_the_length_of_the_call(ppm: int) -> None:
    one = leg()
    frame = g711.encode(np.zeros(FRAME, dtype=np.int16), g711.ALAW)
    seconds = 600
    for number in range(seconds * 50):
        at_s = number * 0.02 * (1 + ppm / 1e6)
        one.feed(
            RtpPacket(
                payload_type=8,
                marker=False,
                sequence_number=number % 0x10000,
                timestamp=number * FRAME,
                ssrc=1,
                payload=frame,
            ).serialize(),
            at_s,
        )
        if number % 50 == 0:
            one.take(at_s)
    assert 0 == one.counters.late


def test_telephone_events_and_comfort_noise_are_no_sound_and_no_gap() -> None:
    sound = tone(30)
    one = leg()
    for number in range(10):
        one.feed(packet(number, sound), number * 0.02)
    event = RtpPacket(payload_type=13, marker=False, sequence_number=10, timestamp=10 * FRAME, ssrc=5, payload=b"\x40")
    one.feed(event.serialize(), 0.2)
    for number in range(20, 30):
        one.feed(packet(number, sound, first=-9), number * 0.02)
    heard = one.finish(0.6)
    assert not heard[10 * FRAME : 20 * FRAME].any()
    assert np.array_equal(sound[20 * FRAME :], heard[20 * FRAME :])
    assert one.gaps() == ()


def test_what_is_no_rtp_is_counted_and_changes_nothing() -> None:
    one = leg()
    for data in (b"", b"\x80", b"\x00" * 40, b"\x80\xc8" + b"\x00" * 20, b"\xff" * 2000):
        one.feed(data, 0.0)
    assert not one.finish(0.1).any()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_loss_order_and_doubling_keeps_length_and_place(data: st.DataObject) -> None:
    count = 60
    sound = tone(count)
    kept = data.draw(st.sets(st.integers(1, count - 1)))
    arrivals = [(0, 0.0)] + [(n, n * 0.02 + data.draw(st.floats(0, REORDER_S - 0.03))) for n in kept]
    arrivals += [(n, n * 0.02 + 0.01) for n in data.draw(st.sets(st.integers(1, count - 1)))]
    one, heard = leg(), []
    for number, at_s in sorted(arrivals, key=lambda each: each[1]):
        one.feed(packet(number, sound), at_s)
        heard.append(one.take(at_s))
    heard.append(one.finish(count * 0.02))
    whole = np.concatenate(heard)
    assert count * FRAME == len(whole)
    for number in {n for n, _ in arrivals}:
        assert np.array_equal(
            sound[number * FRAME : (number + 1) * FRAME], whole[number * FRAME : (number + 1) * FRAME]
        )


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=400), st.floats(0, 100)), max_size=30))
def test_no_bytes_make_a_leg_raise_or_grow(datagrams: list[tuple[bytes, float]]) -> None:
    one = leg()
    for data, at_s in sorted(datagrams, key=lambda each: each[1]):
        one.feed(b"\x80\x08" + data, at_s)
    assert len(one.take(50.0)) <= 50 * 8000
    assert BUFFER_SAMPLES == len(one._sound)
