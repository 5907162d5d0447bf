"""The speech workers and the queue before them.

1. Native code runs in processes of its own: one that crashes or hangs is replaced, its segment tried once more.
2. Calls take turns; a call waits with at most WAITING_LIMIT segments. When a call is behind, the agent's segments are
   dropped first, then the oldest: late words help nobody, and the recording has them anyway.
3. A segment is answered with an utterance or with the reason why there is none.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import deque
from dataclasses import dataclass, field

from tavs.errors import ModelError
from tavs.events import CallId, Channel, GapKind
from tavs.host.clock import Clock
from tavs.host.journal import Message, say
from tavs.speech.utterance import Segment, Utterance

WAITING_LIMIT = 6
"""Segments of one call that wait: some twenty seconds of speech."""
START_TIMEOUT_S = 30.0
DEADLINE_S = 10.0
"""For one segment of at most six seconds; a model slower than this is no model for live text."""
SEGMENTS_A_WORKER = 5000
"""A worker is replaced after this many: native code leaks (PAINS P13)."""
RESTART_PAUSE_S = 0.2
TEXT_LIMIT_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Dropped:
    """There is no utterance for a segment."""

    kind: GapKind


@dataclass(slots=True, eq=False)
class _Job:
    segment: Segment
    answer: asyncio.Future[Utterance | Dropped]
    asked_s: float
    is_second_try: bool = False


@dataclass(slots=True)
class Counters:
    transcribed: int = 0
    dropped: int = 0
    failed: int = 0
    workers_lost: int = 0


@dataclass(slots=True)
class SpeechWorkers:
    model: str
    count: int
    clock: Clock
    threads: int = 1
    deadline_s: float = DEADLINE_S
    counters: Counters = field(default_factory=Counters)
    lag_s: float = 0.0
    """How long the segment last begun had waited."""
    _waiting: dict[CallId, deque[_Job]] = field(default_factory=dict)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _processes: set[asyncio.subprocess.Process] = field(default_factory=set)

    async def start(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Start every worker and wait until its model has answered once; their tasks. Raises ModelError."""
        processes = await asyncio.gather(*(self._begin() for _ in range(self.count)))
        return [
            group.create_task(self._work(process), name=f"speech worker {number}")
            for number, process in enumerate(processes)
        ]

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(process.pid for process in self._processes)

    async def transcribe(self, segment: Segment) -> Utterance | Dropped:
        job = _Job(segment, asyncio.get_running_loop().create_future(), self.clock.monotonic())
        async with self._changed:
            queue = self._waiting.setdefault(segment.call, deque())
            queue.append(job)
            if len(queue) > WAITING_LIMIT:
                self._drop_one(queue)
            self._changed.notify()
        return await job.answer

    async def close(self) -> None:
        """End every worker; their tasks are to be cancelled before."""
        await asyncio.gather(*(_end(process) for process in self._processes))

    def _drop_one(self, queue: deque[_Job]) -> None:
        job = next((each for each in queue if each.segment.channel is Channel.AGENT), queue[0])
        queue.remove(job)
        self.counters.dropped += 1
        _settle(job, Dropped(GapKind.OVERLOAD))

    async def _next(self) -> _Job:
        async with self._changed:
            while not self._waiting:
                await self._changed.wait()
            call, queue = next(iter(self._waiting.items()))
            job = queue.popleft()
            del self._waiting[call]
            if queue:
                self._waiting[call] = queue  # to the end of the line: calls take turns
        self.lag_s = self.clock.monotonic() - job.asked_s
        return job

    async def _work(self, process: asyncio.subprocess.Process) -> None:
        served = 0
        while True:
            job = await self._next()
            try:
                async with asyncio.timeout(self.deadline_s):
                    text = await _ask(process, job.segment)
            except (TimeoutError, OSError, asyncio.IncompleteReadError):
                self.counters.workers_lost += 1
                say(Message.SPEECH_WORKER_LOST, call=job.segment.call, lost=self.counters.workers_lost)
                await self._again(job)
                process = await self._replaced(process)
                served = 0
                continue
            self.counters.transcribed += 1
            _settle(job, _utterance(job.segment, text))
            served += 1
            if served >= SEGMENTS_A_WORKER:
                process = await self._replaced(process)
                served = 0

    async def _again(self, job: _Job) -> None:
        """The segment was being worked on when its worker was lost: once more, then never."""
        if job.is_second_try:
            self.counters.failed += 1
            _settle(job, Dropped(GapKind.SPEECH))
            return
        job.is_second_try = True
        async with self._changed:
            self._waiting = {job.segment.call: self._waiting.pop(job.segment.call, deque()), **self._waiting}
            self._waiting[job.segment.call].appendleft(job)
            self._changed.notify()

    async def _replaced(self, process: asyncio.subprocess.Process) -> asyncio.subprocess.Process:
        self._processes.discard(process)
        await _end(process)
        while True:
            try:
                return await self._begin()
            except ModelError:
                await asyncio.sleep(RESTART_PAUSE_S)

    async def _begin(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tavs.speech.worker",
            self.model,
            str(self.threads),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": str(self.threads)},
        )
        self._processes.add(process)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await _frame(process)
        except (TimeoutError, asyncio.IncompleteReadError):
            self._processes.discard(process)
            await _end(process)
            raise ModelError(
                f"a speech worker with model {self.model} does not start", "`tavs check` verifies the model's file"
            ) from None
        return process


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill a worker and wait until nothing of it is left, its pipes included."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    if process.stdin:
        process.stdin.close()
        with contextlib.suppress(OSError):
            await process.stdin.wait_closed()
    await process.wait()


async def _ask(process: asyncio.subprocess.Process, segment: Segment) -> str:
    assert process.stdin is not None
    samples = segment.samples.astype("float32").tobytes()
    process.stdin.write(len(samples).to_bytes(4, "big") + samples)
    await process.stdin.drain()
    return (await _frame(process)).decode("utf-8", "replace")


async def _frame(process: asyncio.subprocess.Process) -> bytes:
    """One frame from a worker. Raises IncompleteReadError when it has ended."""
    assert process.stdout is not None
    length = int.from_bytes(await process.stdout.readexactly(4), "big")
    if length > TEXT_LIMIT_BYTES:
        raise asyncio.IncompleteReadError(b"", length)
    return await process.stdout.readexactly(length)


def _utterance(segment: Segment, text: str) -> Utterance:
    return Utterance(
        call=segment.call,
        channel=segment.channel,
        sequence=segment.sequence,
        t0_ms=segment.t0_ms,
        t1_ms=segment.t1_ms,
        text=text,
    )


def _settle(job: _Job, answer: Utterance | Dropped) -> None:
    if not job.answer.done():
        job.answer.set_result(answer)


def most_useful_threads(workers: int) -> int:
    """Threads a worker gets on this machine: one core stays with the packets."""
    return max(1, ((os.cpu_count() or 1) - 1) // workers)
