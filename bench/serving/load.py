"""The load generator: closed loops of clients, and arrivals at a rate of their own.

    python -m bench.serving.load JOB OUTPUT

An *open loop* sends a request when it is due, whether or not earlier ones have been answered, and
counts its latency from that moment: a server that stalls is charged for all requests that were due
meanwhile (no coordinated omission). Arrivals are a Poisson process with a fixed seed. A request
that finds all connections taken waits for one, and its latency counts on.

A *closed loop* has a number of clients; each sends its next request after an answer.

The generator runs in a process of its own, and says how much of a core it took. JOB and OUTPUT are
JSON: the fields of `Job` and of `Measurement`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import uvloop

from bench.serving.answers import Found, number_wrong, tagging_request
from bench.serving.connection import Answer, Connection, request

_CONNECTIONS = 1000
_SEED = 17
_IDLE = 4.0
"""Seconds after which a free connection is not used again; uvicorn closes it after 5."""

_PATIENCE = 60.0
"""Seconds for which the generator waits for the last answers."""


@dataclass(frozen=True, slots=True)
class Job:
    """A load on one server.

    Attributes:
        port: The server's port on this machine.
        path: Where it takes texts.
        texts: The texts, sent in turn.
        expected: The entities of each text; None if they are not compared.
        clients: The number of clients of a closed loop.
        rate: Requests a second of an open loop; None for a closed one.
        seconds: How long it is measured.
        warmup: Seconds before that, whose requests do not count.
        requests: The number of requests after which a closed loop ends, in place of seconds.
    """

    port: int
    path: str
    texts: Sequence[str]
    expected: Sequence[Found] | None = None
    clients: int = 32
    rate: float | None = None
    seconds: float = 10.0
    warmup: float = 1.0
    requests: int | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a load showed.

    Attributes:
        sent: The requests that count.
        rate: Accepted answers (200) a second; in an open loop those to requests due in the window.
        latencies: Milliseconds to the accepted answers: p50, p95 and p99.
        statuses: The number of answers by status.
        lost: Requests without an answer.
        wrong: Accepted answers that are not the expected ones.
        late: Milliseconds from when requests were due until they were sent: p99.
        refused: Milliseconds to the answers with 429: p99.
        core: The share of a core that the generator took.
    """

    sent: int
    rate: float
    latencies: tuple[float, float, float]
    statuses: dict[str, int]
    lost: int
    wrong: int
    late: float
    refused: float
    core: float

    def share(self, status: int) -> float:
        """The share of the requests that were answered with this status."""
        return self.statuses.get(str(status), 0) / max(self.sent, 1)

    @property
    def failed(self) -> int:
        """Requests that were neither accepted nor refused, the lost ones included."""
        return self.sent - sum(self.statuses.get(status, 0) for status in ("200", "429"))


def measure(job: Job) -> Measurement:
    """Puts a load on a server, from a process of its own.

    Raises:
        CalledProcessError: If the generator failed.
        SystemExit: If no request was accepted: then there is nothing to compare.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("job.json", "measurement.json")]
        files[0].write_text(json.dumps(asdict(job)), encoding="utf-8")
        subprocess.run([sys.executable, "-m", "bench.serving.load", *files], check=True)
        found = json.loads(files[1].read_text(encoding="utf-8"))
    if "200" not in found["statuses"]:
        sys.exit(f"no request to port {job.port}{job.path} was accepted: {found['statuses']}")
    return Measurement(**{**found, "latencies": tuple(found["latencies"])})


@dataclass(slots=True)
class _Records:
    """The requests that count, in seconds, and their answers."""

    sent: int = 0
    late: list[float] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    bodies: Counter[tuple[int, bytes]] = field(default_factory=Counter)

    def add(self, text: int, seconds: float, answer: Answer | None) -> None:
        """Records what became of a request; without an answer it is lost."""
        if answer is None:
            return
        self.statuses[str(answer.status)] += 1
        if answer.status == 200:
            self.accepted.append(seconds)
            self.bodies[text, answer.body] += 1
        elif answer.status == 429:
            self.refused.append(seconds)


class _ClosedLoop:
    """Clients that send their next request after an answer; answers in the window count."""

    def __init__(self, job: Job) -> None:
        self.records = _Records()
        self.seconds = job.seconds
        self._job = job
        self._requests = [request(job.path, tagging_request(text)) for text in job.texts]
        self._number = 0
        self._begins = self._ends = math.inf

    async def run(self) -> None:
        self._begins = time.perf_counter() + self._job.warmup
        if self._job.requests is None:
            self._ends = self._begins + self._job.seconds
        await asyncio.gather(*(self._client() for _ in range(self._job.clients)))
        self.seconds = min(time.perf_counter(), self._ends) - self._begins

    async def _client(self) -> None:
        connection = await Connection.open(self._job.port)
        while not self._is_over():
            if not connection.is_open:
                connection = await Connection.open(self._job.port)
            text = self._number % len(self._requests)
            self._number += 1
            began = time.perf_counter()
            answer = await connection.ask(self._requests[text])
            ended = time.perf_counter()
            if self._begins <= ended <= self._ends and not self._is_over():
                self.records.sent += 1
                self.records.add(text, ended - began, answer)
        connection.close()

    def _is_over(self) -> bool:
        is_full = self.records.sent >= (self._job.requests or math.inf)
        return is_full or time.perf_counter() >= self._ends


class _OpenLoop:
    """Arrivals at a rate of their own; requests that are due in the window count."""

    def __init__(self, job: Job) -> None:
        self.records = _Records()
        self.seconds = job.seconds
        self._job = job
        self._requests = [request(job.path, tagging_request(text)) for text in job.texts]
        self._begins = 0.0
        self._pending = 0
        self._waiting: deque[tuple[int, float]] = deque()
        self._free: list[tuple[float, Connection]] = []
        self._connections: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        await self._arrivals()
        end = time.perf_counter() + _PATIENCE
        while (self._pending or self._waiting) and time.perf_counter() < end:
            await asyncio.sleep(0.01)
        for connection in self._connections:
            connection.close()
        await asyncio.sleep(0)  # in which they are closed

    async def _arrivals(self) -> None:
        draw = random.Random(_SEED)  # not for secrets
        rate = self._job.rate or 1.0
        due = time.perf_counter()
        self._begins = due + self._job.warmup
        end = self._begins + self._job.seconds
        number = 0
        while (due := due + draw.expovariate(rate)) < end:
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            elif number % 16 == 0:
                await asyncio.sleep(0)  # many are due; answers are read too
            self.records.sent += due >= self._begins
            self._waiting.append((number % len(self._requests), due))
            number += 1
            self._send_waiting()

    def _send_waiting(self) -> None:
        while self._waiting and self._free:
            freed, connection = self._free.pop()
            if connection.is_open and time.perf_counter() - freed < _IDLE:
                self._send(connection, *self._waiting.popleft())
            else:
                connection.close()
                self._connections.discard(connection)
        wanted = len(self._waiting) - len(self._opening)
        for _ in range(min(wanted, _CONNECTIONS - len(self._connections) - len(self._opening))):
            task = asyncio.ensure_future(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self) -> None:
        with contextlib.suppress(OSError):  # tried again when the next request is due
            connection = await Connection.open(self._job.port)
            self._connections.add(connection)
            self._take_back(connection)

    def _send(self, connection: Connection, text: int, due: float) -> None:
        if due >= self._begins:
            self.records.late.append(time.perf_counter() - due)
        self._pending += 1

        def done(answer: Answer | None) -> None:
            self._pending -= 1
            if due >= self._begins:
                self.records.add(text, time.perf_counter() - due, answer)
            self._take_back(connection)

        connection.send(self._requests[text], done)

    def _take_back(self, connection: Connection) -> None:
        self._free.append((time.perf_counter(), connection))
        self._send_waiting()


async def put_load(job: Job) -> Measurement:
    """Puts a load on a server, from this process.

    Raises:
        OSError: If nothing listens on the port.
    """
    loop = _ClosedLoop(job) if job.rate is None else _OpenLoop(job)
    began, used = time.perf_counter(), time.process_time()
    await loop.run()
    core = (time.process_time() - used) / (time.perf_counter() - began)
    records = loop.records
    p50, p95, p99 = (_percentile(records.accepted, share) for share in (0.5, 0.95, 0.99))
    return Measurement(
        sent=records.sent,
        rate=len(records.accepted) / loop.seconds,
        latencies=(p50, p95, p99),
        statuses=dict(records.statuses),
        lost=records.sent - records.statuses.total(),
        wrong=0 if job.expected is None else number_wrong(records.bodies, job.expected),
        late=_percentile(records.late, 0.99),
        refused=_percentile(records.refused, 0.99),
        core=core,
    )


def _percentile(seconds: Sequence[float], share: float) -> float:
    """Milliseconds under which this share of the values lies; not a number if there are none."""
    if not seconds:
        return math.nan
    return 1000 * sorted(seconds)[min(len(seconds) - 1, math.ceil(share * len(seconds)) - 1)]


def _read_job(path: Path) -> Job:
    job = json.loads(path.read_text(encoding="utf-8"))
    if job["expected"] is not None:
        job["expected"] = [[tuple(entity) for entity in text] for text in job["expected"]]
    return Job(**job)


def _run(job: Job) -> Measurement:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(put_load(job))


if __name__ == "__main__":
    measurement = _run(_read_job(Path(sys.argv[1])))
    Path(sys.argv[2]).write_text(json.dumps(asdict(measurement)), encoding="utf-8")
