"""Recordings on disk: aligned, sealed, and readable after a crash."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import nacl.public
import numpy as np
import pytest
from tavs.call.session import CallStart, Description
from tavs.errors import StoreError
from tavs.events import CallId, Channel, GapKind, Sidecar, SidecarState, SoundGap
from tavs.host.clock import RealClock
from tavs.recording.ogg import decode
from tavs.recording.opened import open_recording
from tavs.recording.recorder import Recorder
from tavs.recording.recover import conclude, recover
from tavs.recording.sealed_file import free_part

CALL = CallId("0192f0c1-0000-7000-8000-000000000001")
PRIVATE = nacl.public.PrivateKey.generate()
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def begin(folder: Path):  # type: ignore[no-untyped-def]
    recorder = Recorder(folder=folder, public_key=bytes(PRIVATE.public_key), clock=RealClock())
    return recorder.begin(begun(CALL, AT), None)


def begun(call: CallId, at: datetime) -> CallStart:
    return CallStart(
        call=call, at=at, started_s=0.0, source="siprec", trunk="t", streams=(), description=Description(extension="1")
    )


def speechlike(seconds: int) -> np.ndarray:
    """Two different tones that come and go, so that alignment can be measured."""
    t = np.arange(seconds * 8000) / 8000
    left = np.sin(2 * np.pi * 440 * t) * (np.sin(2 * np.pi * 1.3 * t) > 0)
    right = np.sin(2 * np.pi * 620 * t) * (np.sin(2 * np.pi * 0.9 * t) > 0)
    return (np.stack([left, right], axis=1) * 8000).astype(np.int16)


def test_both_sides_come_back_aligned_and_of_the_same_length(tmp_path: Path) -> None:
    sound = speechlike(5)
    recording = begin(tmp_path)
    recording.details(b'{"number":"secret"}')
    for start in range(0, len(sound), 8000):
        recording.write(sound[start : start + 8000])
    sidecar = recording.close(call_ended_at=AT, gaps=())
    opened = open_recording(tmp_path / sidecar.file, bytes(PRIVATE))
    heard = decode(opened.ogg)
    assert opened.is_complete
    assert (b'{"number":"secret"}',) == opened.details
    assert 5000 == sidecar.duration_ms
    assert len(sound) == len(heard)
    for side in (0, 1):
        assert np.corrcoef(sound[:, side], heard[:, side])[0, 1] > 0.95


def test_nothing_of_the_sound_or_the_details_lies_open(tmp_path: Path) -> None:
    recording = begin(tmp_path)
    recording.details(b"+4520123456")
    recording.write(speechlike(1))
    recording.close(call_ended_at=AT, gaps=())
    for path in tmp_path.iterdir():
        data = path.read_bytes()
        assert b"OggS" not in data
        assert b"4520123456" not in data


def test_a_process_killed_in_the_middle_leaves_all_but_the_last_second(tmp_path: Path) -> None:
    code = f"""
import os, sys
sys.path[:0] = {sys.path!r}
import numpy as np
from pathlib import Path
from datetime import UTC, datetime
from tavs.call.session import CallStart, Description
from tavs.host.clock import RealClock
from tavs.recording.recorder import Recorder
start = CallStart(call={CALL!r}, at=datetime.now(UTC), started_s=0.0, source="siprec", trunk="", streams=(),
    description=Description())
recording = Recorder(folder=Path({str(tmp_path)!r}), public_key=bytes.fromhex({bytes(PRIVATE.public_key).hex()!r}),
    clock=RealClock()).begin(start, None)
for _ in range(20):
    recording.write(np.full((4000, 2), 1000, dtype=np.int16))
os._exit(9)
"""
    assert 9 == subprocess.run([sys.executable, "-c", code], check=False).returncode
    [sidecar] = recover(tmp_path, RealClock())
    assert SidecarState.INTERRUPTED is sidecar.state
    opened = open_recording(tmp_path / sidecar.file, bytes(PRIVATE))
    assert not opened.is_complete
    assert 9 * 8000 <= len(decode(opened.ogg))
    assert [] == recover(tmp_path, RealClock())


def test_recovery_leaves_what_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "other.json").write_text(json.dumps({"call": 1}))
    assert [] == recover(tmp_path, RealClock())
    assert 2 == len(list(tmp_path.iterdir()))


def test_a_folder_that_cannot_be_written_is_a_sentence_not_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        begin(tmp_path / "missing")


def test_an_erased_key_makes_the_recording_unreadable(tmp_path: Path) -> None:
    recording = begin(tmp_path)
    recording.write(speechlike(1))
    sidecar = recording.close(call_ended_at=AT, gaps=())
    (tmp_path / f"{CALL}.0.key").unlink()
    with pytest.raises(StoreError, match="not there"):
        open_recording(tmp_path / sidecar.file, bytes(PRIVATE))


def lost(begin_ms: int, end_ms: int) -> SoundGap:
    return SoundGap(channel=Channel.UNKNOWN, kind=GapKind.INTERRUPTED, t0_ms=begin_ms, t1_ms=end_ms)


def part(folder: Path, number: int, gaps: tuple[SoundGap, ...] = ()):  # type: ignore[no-untyped-def]
    """A part of a call with two seconds of sound, still open; and what it says is sealed."""
    recorder = Recorder(folder=folder, public_key=bytes(PRIVATE.public_key), clock=RealClock())
    sealed_ms = [0]
    recording = recorder.begin(begun(CALL, AT), None, number, lost=gaps, on_sealed=sealed_ms.append)
    for _ in range(8):
        recording.write(np.full((2000, 2), 1000, dtype=np.int16))
    return recording, sealed_ms[-1]


def on_disk(folder: Path) -> list[Sidecar]:
    return [msgspec.json.decode(path.read_bytes(), type=Sidecar) for path in sorted(folder.glob("*.json"))]


def test_what_is_said_to_be_sealed_is_what_opens_after_a_crash(tmp_path: Path) -> None:
    recording, sealed_ms = part(tmp_path, 0)
    opened = open_recording(tmp_path / f"{CALL}.0.tavs", bytes(PRIVATE))
    assert abs(sealed_ms - len(decode(opened.ogg)) / 8) <= 20
    assert 1000 <= sealed_ms <= 2000
    recording.close(call_ended_at=AT, gaps=())


def test_a_part_of_a_call_that_goes_on_has_no_end_and_no_gap_until_the_call_has_ended(tmp_path: Path) -> None:
    part(tmp_path, 0)
    [first] = recover(tmp_path, RealClock(), {CALL: 1750})
    assert (SidecarState.INTERRUPTED, None, 1750, ()) == (
        first.state, first.call_ended_at, first.duration_ms, first.gaps
    )  # fmt: skip
    assert [] == recover(tmp_path, RealClock(), {CALL: 0})
    recording, _ = part(tmp_path, 1, (lost(1750, 2500),))
    second = recording.close(call_ended_at=AT, gaps=(lost(1750, 2500),))
    assert [msgspec.structs.replace(first, call_ended_at=AT)] == conclude(tmp_path, CALL, AT)
    assert [AT, AT] == [each.call_ended_at for each in on_disk(tmp_path)]
    assert second == on_disk(tmp_path)[1]
    assert [] == conclude(tmp_path, CALL, AT)


def test_where_nobody_goes_on_all_parts_get_the_end_of_the_last_byte(tmp_path: Path) -> None:
    recording, _ = part(tmp_path, 0)
    first = recording.close(call_ended_at=None, gaps=())
    part(tmp_path, 1, (lost(2000, 2500),))
    changed = recover(tmp_path, RealClock())
    assert [SidecarState.CLOSED, SidecarState.INTERRUPTED] == [each.state for each in changed]
    assert 1 == len({each.call_ended_at for each in changed})
    assert (tmp_path / changed[1].file).stat().st_mtime == pytest.approx(
        changed[0].call_ended_at.timestamp(), abs=0.001
    )
    assert first.sha256 == changed[0].sha256
    assert lost(2000, 2500) == changed[1].gaps[0]
    assert changed[1].gaps[1].t0_ms == 2500 + changed[1].duration_ms
    assert changed == on_disk(tmp_path)
    assert [] == recover(tmp_path, RealClock())


def test_only_the_calls_that_go_on_are_left_without_an_end(tmp_path: Path) -> None:
    part(tmp_path, 0)
    other = CallId("0192f0c1-0000-7000-8000-000000000002")
    [ended] = recover(tmp_path, RealClock(), {other: 5})
    assert ended.call_ended_at is not None


def test_a_part_that_a_listener_began_before_it_died_is_neither_overwritten_nor_in_the_way(tmp_path: Path) -> None:
    (tmp_path / f"{CALL}.1.key").write_bytes(b"begun")
    assert 2 == free_part(tmp_path, CALL, 1)
    assert 0 == free_part(tmp_path, CALL, 0)
