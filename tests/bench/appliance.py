"""Speed and size of the whole appliance beside their targets: `python tests/bench/appliance.py [--short]`.

JSON on standard output, a table on standard error. Nothing is asserted: machines differ, figures are for reading.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from tavs.audio import g711
from tavs.demo.place import payloads
from tavs.events import CallId, Channel
from tavs.host.home import Home
from tavs.run import Appliance, prepare
from tavs.store import view
from tavs.store.database import open_reader

sys.path.insert(0, str(Path(__file__).parent))
from load import Load

WAV = Path(__file__).parents[2] / "daemon/tavs/demo/call.wav"
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
SETTLE_S = 8.0

Figures = dict[str, list[object]]


def p95(values: list[float]) -> float:
    return float(np.percentile(values, 95)) if values else float("nan")


@contextmanager
def home(configuration: str = "") -> Iterator[Home]:
    with tempfile.TemporaryDirectory(prefix="tavs-bench-") as folder:
        place = Home(Path(folder))
        prepare(place)
        text = '[intake.siprec]\nlisten = ["tcp:127.0.0.1:0"]\nmedia_ports = "28000-29999"\n' + configuration
        (place.etc / "conf.d/50-bench.toml").write_text(text)
        yield place


def children(name: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if name in command and str(os.getpid()) != entry.name:
                found.append(int(entry.name))
    return found


def peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def receive_errors() -> int:
    names, values = [
        line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Udp:")
    ]
    return int(dict(zip(names, values, strict=True))["RcvbufErrors"])


def generate(port: int, calls: int, seconds: float, out: multiprocessing.Queue[tuple[int, float]]) -> None:
    load = Load("127.0.0.1", port, payloads(WAV), calls)
    asyncio.run(load.run(seconds))
    out.put((load.packets_sent, load.latest_tick_s))


async def under_load(box: Appliance, calls: int, seconds: float) -> tuple[int, float]:
    """Packets sent, and how late the generator's worst tick was."""
    out: multiprocessing.Queue[tuple[int, float]] = multiprocessing.get_context("spawn").Queue()
    port = int(box.sip_addresses[0].rpartition(":")[2])
    process = multiprocessing.get_context("spawn").Process(target=generate, args=(port, calls, seconds, out))
    process.start()
    while process.is_alive():
        await asyncio.sleep(0.5)
    await asyncio.sleep(SETTLE_S)
    return out.get(timeout=5)


def memory(figures: Figures, where: str) -> None:
    for name, word, target in (
        ("listen", "listen", 200),
        ("desk", "desk", 120),
        ("speech worker", "tavs.speech.worker", 200),
    ):
        peaks = [peak_mb(pid) for pid in children(word)]
        if peaks:
            figures[f"memory of {name}, {where}, MB"] = [round(max(peaks)), f"<= {target}"]


async def ready(figures: Figures, runs: int) -> None:
    times = []
    for _ in range(runs):
        with home() as place:
            began = time.perf_counter()
            async with Appliance(place, quiet=True).running():
                times.append(time.perf_counter() - began)
    figures["tavs run ready, s (median)"] = [round(float(np.median(times)), 2), "<= 3"]


def speech_share() -> float:
    sound = g711.decode(b"".join(payloads(WAV)[Channel.CUSTOMER]), g711.ALAW).astype(float)
    frames = sound[: len(sound) - len(sound) % 160].reshape(-1, 160)
    return float((np.abs(frames).max(axis=1) > 300).mean())


async def live(figures: Figures, calls: int, seconds: float) -> None:
    with home() as place:
        box = Appliance(place, quiet=True)
        async with box.running():
            await under_load(box, calls, seconds)
            memory(figures, f"{calls} live calls")
        connection = open_reader(place.database)
        rows = connection.execute("select delay_ms - held_ms, held_ms from segments").fetchall()
        shown = connection.execute(
            "select suggestions.delay_ms, suggestions.delay_ms - held_ms from suggestions join segments on segment = segments.id"
        ).fetchall()
        lost = connection.execute("select count(*) from gaps where kind in ('overload', 'speech', 'relay')").fetchone()[
            0
        ]
        connection.close()
    figures["customer's share of speech"] = [round(speech_share(), 2), ">= 0.4"]
    figures[f"phrase -> masked text beyond the hold, p50 ms, {calls} live calls"] = [
        round(float(np.median([r[0] for r in rows]))),
        "",
    ]
    figures[f"phrase -> masked text beyond the hold, p95 ms, {calls} live calls"] = [
        round(p95([r[0] for r in rows])),
        "<= 1000",
    ]
    figures["held back by the gate, p95 ms"] = [round(p95([r[1] for r in rows])), "<= 4000"]
    figures["phrase -> suggestion beyond the hold, p95 ms"] = [round(p95([s[1] for s in shown])), "<= 1500"]
    figures["phrase -> suggestion with the hold, p95 ms"] = [round(p95([s[0] for s in shown])), ""]
    figures["segments, suggestions"] = [f"{len(rows)}, {len(shown)}", ""]
    figures["segments or events lost"] = [lost, "0"]


async def recorded(figures: Figures, calls: int, seconds: float) -> None:
    with home("[speech]\nlive = false\n") as place:
        box = Appliance(place, quiet=True)
        errors = receive_errors()
        async with box.running():
            [listener] = children("listen")
            before = cpu_s(listener)
            sent, late_s = await under_load(box, calls, seconds)
            figures[f"CPU of listen, {calls} recorded calls, cores"] = [
                round((cpu_s(listener) - before) / (seconds + SETTLE_S), 2),
                "",
            ]
            memory(figures, f"{calls} recorded calls")
        found = view.calls(place)
        gaps = []
        connection = open_reader(place.database)
        for call in found:
            gaps += [gap for gap in view.gaps(connection, CallId(call["call"])) if gap["kind"] == "loss"]
        kept = [each for call in found for each in call["artifacts"] if each["kind"] == "recording"]
        durations = [
            row[0] / 1000 for row in connection.execute("select duration_ms from artifacts where kind = 'recording'")
        ]
        connection.close()
    figures["recordings closed"] = [len(kept), str(calls)]
    figures["seconds a recording, shortest"] = [round(min(durations, default=0), 1), f">= {seconds:.0f}"]
    figures["packets sent"] = [sent, ""]
    figures["packets lost in recordings"] = [sum(int(gap["count"]) for gap in gaps), "0"]
    figures["receive-buffer errors"] = [receive_errors() - errors, "0"]
    figures["generator's worst tick, ms late"] = [round(late_s * 1000), ""]


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="a minute of each instead of the whole measurement")
    parser.add_argument("--only", choices=["ready", "live", "recorded"])
    arguments = parser.parse_args()
    figures: Figures = {}
    if arguments.only in (None, "ready"):
        await ready(figures, 5)
    if arguments.only in (None, "live"):
        await live(figures, 4, 60 if arguments.short else 180)
    if arguments.only in (None, "recorded"):
        await recorded(figures, 60, 60 if arguments.short else 600)
    for name, (measured, target) in figures.items():
        print(f"{name:66} {measured!s:>10}  {target}", file=sys.stderr)
    print(json.dumps({name: {"measured": measured, "target": target} for name, (measured, target) in figures.items()}))


if __name__ == "__main__":
    asyncio.run(main())
