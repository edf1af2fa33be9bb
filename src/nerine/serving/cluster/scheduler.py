"""Which worker tags which shard: a state machine without clock, threads, files and network.

Its user tells it what happened and when, and carries out what it assigns. So the driver of a
cluster and a simulation of one take the same decisions.

**Order.** Shards are given out by their numbers, those that are much larger than the median first,
since a run ends no sooner than its largest shard.

**Failures.** A shard that failed, or whose worker died, is tried again by a worker that has not
failed it, and by the same one only if no other takes it for `PATIENCE` seconds. After `attempts`
failures it is given up; the other shards go on. A worker that fails rests: at once if the fault is
its node's, such as a full disk, else from its second failure in a row; twice as long each time.
If all workers only fail, `Scheduler.hopeless` says so.

**Backups.** When no shard is left to be given out, an idle worker tags a shard a second time that
is still being tagged: one worker on a slow machine would hold up the run. These are the backup
tasks of MapReduce (Dean and Ghemawat, OSDI 2004, section 3.6). A shard gets one when it has taken
longer than `SLOW` times the median time for its size, as in Spark (`spark.speculation.multiplier`),
the slowest first, and on another node than the first attempt if there are several. Whichever
attempt ends first counts.
"""

from __future__ import annotations

import heapq
import math
from array import array
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import Literal, NamedTuple

ATTEMPTS = 4
"""Failures after which a shard is given up."""
SLOW = 1.5
"""Multiple of the median time after which a shard gets a backup."""
SHORT = 5.0
"""Seconds within which no shard gets a backup."""
PATIENCE = 60.0
"""Seconds until a shard is tried again by a worker that has failed it, if others are busy."""

Fault = Literal["shard", "node"]
"""What a failure is taken to be the fault of."""

_REST, _LONGEST_REST = 5.0, 30.0
_REMEMBERED = 1001  # times of shards, for the median
_LOOKED_AT = 64  # shards that are to be tried again
_LOOK = 1.0  # seconds between two looks for slow shards
_LARGE = 2
_LEAST_FAILURES = 10
_FAILURES_A_WORKER = 4
_OPEN, _DONE, _GIVEN_UP = range(3)


class Assignment(NamedTuple):
    """A shard for a worker."""

    worker: int
    shard: int


class GivenUp(NamedTuple):
    """A shard that is not tried any more, with the reason of its last failure."""

    shard: int
    attempts: int
    reason: str


@dataclass(slots=True)
class _Worker:
    node: str
    shard: int | None = None
    since: float = 0.0
    failures: int = 0
    """In a row."""


@dataclass(slots=True)
class _Trouble:
    """A shard that failed."""

    attempts: int
    workers: tuple[int, ...]
    reason: str
    since: float


class Scheduler:
    """Gives out the shards of a run.

    Args:
        shards: The numbers of the shards to be tagged.
        sizes: The size of each, in any unit; None if they are alike.
        attempts: Failures after which a shard is given up.
        short: Seconds within which no shard gets a backup; infinity for none at all.

    Attributes:
        given_up: The shards that are not tried any more.
        repeated: The number of attempts at shards that another attempt had done.
    """

    def __init__(
        self,
        shards: Iterable[int],
        sizes: Iterable[float] | None = None,
        *,
        attempts: int = ATTEMPTS,
        short: float = SHORT,
    ) -> None:
        numbers = array("q", shards)
        self._sizes = array("d", [1.0] * (max(numbers, default=-1) + 1))
        if sizes is not None:
            for number, size in zip(numbers, sizes, strict=True):
                self._sizes[number] = max(size, 1.0)
        self._states = bytearray(len(self._sizes))
        self._fresh = _large_first(numbers, self._sizes)
        self._next = 0
        self._open = len(numbers)
        self._attempts = attempts
        self._short = short
        self._again: deque[int] = deque()
        self._troubles: dict[int, _Trouble] = {}
        self._workers: dict[int, _Worker] = {}
        self._nodes: Counter[str] = Counter()
        self._idle: dict[int, None] = {}
        self._resting: list[tuple[float, int]] = []
        self._running: dict[int, list[int]] = {}
        self._paces: deque[float] = deque(maxlen=_REMEMBERED)
        self._look_for_slow_at = 0.0 if short < math.inf else math.inf
        self._failures = 0
        self._reason = ""
        self.given_up: list[GivenUp] = []
        self.repeated = 0

    # -- what is asked ---------------------------------------------------------------------------

    @property
    def is_finished(self) -> bool:
        """Whether each shard is done or given up."""
        return self._open == 0

    @property
    def open(self) -> int:
        """The number of shards that are neither done nor given up."""
        return self._open

    @property
    def running(self) -> int:
        """The number of shards that are being tagged, and not done."""
        return len(self._running)

    @property
    def hopeless(self) -> str | None:
        """The last reason, if so many attempts failed in a row that the rest would, too."""
        limit = max(_LEAST_FAILURES, _FAILURES_A_WORKER * len(self._workers))
        return self._reason if self._failures >= limit else None

    def shard_of(self, worker: int) -> int | None:
        """The shard that a worker has; None if it has none."""
        return self._workers[worker].shard

    def wake(self, now: float) -> float | None:
        """When `assign` may give more though nothing happens; None if never."""
        times = [time for time, worker in self._resting[:1]]
        if self._idle:
            times += [self._troubles[shard].since + PATIENCE for shard in islice(self._again, 1)]
            if self._is_given_out and self._running and self._paces:
                times.append(max(self._look_for_slow_at, now))
        return min((time for time in times if time < math.inf), default=None)

    # -- what is told ----------------------------------------------------------------------------

    def join(self, worker: int, node: str) -> None:
        """A worker is ready."""
        self._workers[worker] = _Worker(node)
        self._nodes[node] += 1
        self._idle[worker] = None

    def done(self, worker: int, now: float) -> bool:
        """The worker's shard is done. Returns whether it was not done before."""
        found = self._workers[worker]
        shard, pace = self._ended(worker), now - found.since
        found.failures = self._failures = 0
        self._idle[worker] = None
        if self._states[shard] == _DONE:
            self.repeated += 1
            return False
        self._paces.append(pace / self._sizes[shard])
        self._close(shard, _DONE)
        return True

    def failed(self, worker: int, now: float, reason: str, fault: Fault = "shard") -> None:
        """The worker's shard failed."""
        found = self._workers[worker]
        shard = self._ended(worker)
        found.failures += 1
        self._fail(shard, worker, now, reason)
        rests = found.failures - (fault == "shard")
        if rests:
            rest = min(_REST * 2 ** (rests - 1), _LONGEST_REST)
            heapq.heappush(self._resting, (now + rest, worker))
        else:
            self._idle[worker] = None

    def lost(self, worker: int, now: float, reason: str = "its worker died") -> None:
        """The worker died, with or without a shard."""
        found = self._workers[worker]
        if found.shard is None:
            self._failures, self._reason = self._failures + 1, reason
        else:
            self._fail(self._ended(worker), worker, now, reason)
        self.leave(worker)

    def leave(self, worker: int) -> None:
        """A worker that has no shard leaves."""
        found = self._workers.pop(worker)
        self._idle.pop(worker, None)
        self._nodes[found.node] -= 1
        self._nodes += Counter()  # without nodes that have no workers

    # -- assignments -----------------------------------------------------------------------------

    def assign(self, now: float) -> list[Assignment]:
        """The shards that are to be tagged from now on, each by a worker that had none."""
        while self._resting and self._resting[0][0] <= now:
            _, worker = heapq.heappop(self._resting)
            if worker in self._workers:
                self._idle[worker] = None
        assigned = []
        if self._again or not self._is_given_out:
            for worker in [*self._idle]:
                shard = self._next_for(worker, now)
                if shard is not None:
                    assigned.append(self._start(worker, shard, now))
        if self._idle and self._is_given_out and now >= self._look_for_slow_at:
            assigned += self._backups(now)
        return assigned

    @property
    def _is_given_out(self) -> bool:
        return self._next == len(self._fresh)

    def _next_for(self, worker: int, now: float) -> int | None:
        for place, shard in enumerate(self._again):
            if place == _LOOKED_AT:
                break
            if worker not in self._troubles[shard].workers:
                del self._again[place]
                return shard
        if not self._is_given_out:
            self._next += 1
            return self._fresh[self._next - 1]
        if self._again and self._is_left_by_others(self._again[0], now):
            return self._again.popleft()
        return None

    def _is_left_by_others(self, shard: int, now: float) -> bool:
        trouble = self._troubles[shard]
        there = sum(worker in self._workers for worker in {*trouble.workers})
        return there == len(self._workers) or now - trouble.since >= PATIENCE

    def _backups(self, now: float) -> Iterator[Assignment]:
        """Second attempts at the shards that take too long."""
        if not self._paces:
            return
        pace = median(self._paces)
        slow, following = [], math.inf
        for shard, workers in self._running.items():
            if len(workers) > 1:
                continue
            usual = pace * self._sizes[shard]
            since = self._workers[workers[0]].since
            if now - since > max(SLOW * usual, self._short):
                slow.append((since - usual, shard))
            else:
                following = min(following, since + max(SLOW * usual, self._short))
        for _, shard in sorted(slow):
            node = self._workers[self._running[shard][0]].node
            for worker in self._idle:
                if len(self._nodes) == 1 or self._workers[worker].node != node:
                    yield self._start(worker, shard, now)
                    break
        # soon again, as the median changes, but not after each shard
        self._look_for_slow_at = min(max(following, now + _LOOK / 10), now + _LOOK)

    def _start(self, worker: int, shard: int, now: float) -> Assignment:
        del self._idle[worker]
        found = self._workers[worker]
        found.shard, found.since = shard, now
        self._running.setdefault(shard, []).append(worker)
        return Assignment(worker, shard)

    # -- what follows from it --------------------------------------------------------------------

    def _ended(self, worker: int) -> int:
        """The shard of a worker, which has none from now on."""
        found = self._workers[worker]
        if found.shard is None:
            raise ValueError(f"worker {worker} has no shard")
        shard, found.shard = found.shard, None
        workers = self._running.get(shard, [])
        if worker in workers:  # else another attempt has done the shard
            workers.remove(worker)
            if not workers:
                del self._running[shard]
        return shard

    def _fail(self, shard: int, worker: int, now: float, reason: str) -> None:
        self._failures, self._reason = self._failures + 1, reason
        if self._states[shard] != _OPEN:
            return
        before = self._troubles.get(shard, _Trouble(0, (), "", 0.0))
        trouble = _Trouble(before.attempts + 1, (*before.workers, worker), reason, now)
        self._troubles[shard] = trouble
        if shard in self._running:  # by another attempt
            return
        if trouble.attempts < self._attempts:
            self._again.append(shard)
            return
        self.given_up.append(GivenUp(shard, trouble.attempts, reason))
        self._close(shard, _GIVEN_UP)

    def _close(self, shard: int, state: int) -> None:
        self._states[shard] = state
        self._open -= 1
        self._troubles.pop(shard, None)
        self._running.pop(shard, None)


def _large_first(numbers: Sequence[int], sizes: Sequence[float]) -> array[int]:
    """The numbers with those of large shards first, the largest at the front."""
    usual = median([sizes[number] for number in numbers]) if numbers else 0.0
    large = [number for number in numbers if sizes[number] > _LARGE * usual]
    if not large:
        return array("q", numbers)
    large.sort(key=lambda number: -sizes[number])
    rest = (number for number in numbers if sizes[number] <= _LARGE * usual)
    return array("q", [*large, *rest])
