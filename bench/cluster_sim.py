"""Simulated runs of a billion documents on a cluster: the real scheduler and a fake tagger.

    python -m bench.cluster_sim [--documents 1000000000] [--shards 10000 100000] [--seed 0]

The clock is simulated. A worker tags `_RATE` documents a second. Workers and nodes die at random
moments, and come back; the driver is killed and started again, and its workers end with it. Some
attempts take many times as long as usual (a Pareto distribution), and some nodes are slow. A shard
whose attempt was not the first to end, or ended by a death, is work that is thrown away.

The table has the time against the ideal (no failure, all workers busy to the end, and no loading),
the share of the workers' time that was thrown away, and the memory that the driver allocated for
shards and scheduler.
"""

from __future__ import annotations

import argparse
import gc
import heapq
import itertools
import math
import random
import resource
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nerine.serving.cluster.scheduler import SHORT, Scheduler
from nerine.serving.files.records import Position
from nerine.serving.files.shards import Shard

_RATE = 1000.0  # documents a second; a small student on one core
_BYTES = 110  # of a short text
_LOADING = 20.0  # seconds until a worker is ready
_NOTICED, _NODE_NOTICED = 1.0, 30.0  # seconds until the driver knows of a death
_NODE_AWAY = 300.0
_DRIVER_AWAY = 60.0  # the lease of a driver on another machine has to expire
_SPREAD = 0.1  # of the times of ordinary attempts, as the sigma of a lognormal distribution
_TAIL, _MOST_TAIL = 1.1, 50.0
_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class World:
    """A cluster and its misfortunes.

    Attributes:
        name: What it is called in the table.
        nodes: The number of nodes.
        workers: The number of workers of a node.
        worker_hours: The mean time between two deaths of a worker.
        node_hours: The mean time between two deaths of a node.
        driver_deaths: How often the driver is killed, at random within the ideal time.
        tail: The share of attempts that are slow by a Pareto distribution.
        slow_nodes: The share of nodes of half the speed.
        poisoned: The number of shards that kill each worker.
        has_backups: Whether slow shards are tagged a second time.
    """

    name: str
    nodes: int = 125
    workers: int = 8
    worker_hours: float = math.inf
    node_hours: float = math.inf
    driver_deaths: int = 0
    tail: float = 0.0
    slow_nodes: float = 0.0
    poisoned: int = 0
    has_backups: bool = True


_STRAGGLERS = World("stragglers", tail=0.02, slow_nodes=0.02)
_FAILURES = replace(
    _STRAGGLERS,
    name="stragglers and failures",
    worker_hours=10.0,
    node_hours=50.0,
    driver_deaths=2,
    poisoned=3,
)
WORLDS = (
    World("nothing fails"),
    _STRAGGLERS,
    replace(_STRAGGLERS, name="stragglers, without backups", has_backups=False),
    _FAILURES,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A simulated run.

    Attributes:
        done: How often each shard was done, in the accounts of the simulation.
        given_up: The shards that were given up.
        seconds: The time until the end.
        ideal: The least time possible.
        busy: The time of all attempts.
        wasted: The time of those that did not count.
        attempts: The number of attempts.
        deaths: The number of workers that died with a shard.
    """

    done: Sequence[int]
    given_up: Sequence[int]
    seconds: float
    ideal: float
    busy: float
    wasted: float
    attempts: int
    deaths: int


@dataclass(slots=True)
class _Attempt:
    shard: int
    began: float
    is_poisoned: bool


class Simulation:
    """A run in a world.

    Args:
        world: The world.
        shards: The shards, of equal numbers of documents.
        documents: The number of documents of them all.
        seed: The seed of all that is random.
    """

    def __init__(self, world: World, shards: Sequence[Shard], documents: int, seed: int) -> None:
        self._world = world
        self._shards = shards
        self._chance = random.Random(seed)
        self._usual = documents / len(shards) / _RATE
        self._ideal = self._usual * len(shards) / (world.nodes * world.workers)
        self._events: list[tuple[float, int, str, int, int]] = []
        self._count = itertools.count()
        self._now = 0.0
        self._driver = 0  # the number of the present one; what others were told of is void
        self._node_lives = [0] * world.nodes
        self._ids = itertools.count()
        self._node_of: dict[int, int] = {}
        self._attempts: dict[int, _Attempt] = {}
        self._done = bytearray(len(shards))
        self._given_up: set[int] = set()
        slow = int(world.slow_nodes * world.nodes)
        self._speeds = [0.5] * slow + [1.0] * (world.nodes - slow)
        self._poisoned = {*self._chance.sample(range(len(shards)), world.poisoned)}
        self._busy = self._wasted = 0.0
        self._number = self._deaths = 0
        self._scheduler = self._new_scheduler()

    def _new_scheduler(self) -> Scheduler:
        left = [s for s in self._shards if not self._done[s.number]]
        sizes = ((s.end or 0) - s.start.offset for s in left)
        short = SHORT if self._world.has_backups else math.inf
        return Scheduler((s.number for s in left), sizes, short=short)

    def run(self) -> Outcome:
        """Runs it to its end."""
        self._start_all(_LOADING)
        for node in range(self._world.nodes):
            self._plan_death_of(node)
        for _ in range(self._world.driver_deaths):
            self._at(self._chance.random() * self._ideal, "driver dies")
        while not self._scheduler.is_finished:
            self._now, _, kind, subject, driver = heapq.heappop(self._events)
            if driver in (self._driver, -1):
                self._happens(kind, subject)
                self._assign()
        for attempt in self._attempts.values():
            self._count_time(attempt, counts=False)
        given_up = sorted(each.shard for each in self._scheduler.given_up)
        if self._scheduler.hopeless:
            raise RuntimeError(f"the scheduler gave up: {self._scheduler.hopeless}")
        return Outcome(
            self._done,
            given_up,
            self._now,
            self._ideal,
            self._busy,
            self._wasted,
            self._number,
            self._deaths,
        )

    def _at(self, moment: float, kind: str, subject: int = 0, driver: int = -1) -> None:
        heapq.heappush(self._events, (moment, next(self._count), kind, subject, driver))

    def _happens(self, kind: str, subject: int) -> None:
        match kind:
            case "joins":
                self._join(subject)
            case "done" if subject in self._attempts:
                attempt = self._attempts.pop(subject)
                first = self._scheduler.done(subject, self._now)
                self._done[attempt.shard] += first
                self._count_time(attempt, counts=first)
            case "dies" if subject in self._attempts:
                self._die(subject, _NOTICED)
                self._at(self._now + _LOADING, "joins", self._node_of[subject], self._driver)
            case "lost":
                self._scheduler.lost(subject, self._now, "its worker died")
            case "node dies":
                self._node_dies(subject)
            case "driver dies":
                self._driver_dies()

    def _join(self, node: int) -> None:
        worker = next(self._ids)
        self._node_of[worker] = node
        self._scheduler.join(worker, str(node))

    def _start_all(self, wait: float) -> None:
        for node in range(self._world.nodes):
            for _ in range(self._world.workers):
                self._at(self._now + wait, "joins", node, self._driver)

    def _die(self, worker: int, noticed: float) -> None:
        self._deaths += 1
        self._count_time(self._attempts.pop(worker), counts=False)
        self._at(self._now + noticed, "lost", worker, self._driver)

    def _node_dies(self, node: int) -> None:
        workers = [each for each in self._attempts if self._node_of[each] == node]
        for worker in workers:
            self._die(worker, _NODE_NOTICED)
            self._at(self._now + _NODE_AWAY, "joins", node, self._driver)
        self._plan_death_of(node)

    def _plan_death_of(self, node: int) -> None:
        if self._world.node_hours < math.inf:
            wait = self._chance.expovariate(1 / (self._world.node_hours * _HOUR))
            self._at(self._now + wait, "node dies", node)

    def _driver_dies(self) -> None:
        for attempt in self._attempts.values():
            self._count_time(attempt, counts=False)
        self._attempts.clear()
        self._node_of.clear()
        self._driver += 1
        self._scheduler = self._new_scheduler()
        self._start_all(_DRIVER_AWAY + _LOADING)

    def _assign(self) -> None:
        for worker, shard in self._scheduler.assign(self._now):
            self._begin(worker, shard)
        wake = self._scheduler.wake(self._now)
        if wake is not None and wake > self._now:
            self._at(wake, "wakes", driver=self._driver)

    def _begin(self, worker: int, shard: int) -> None:
        self._number += 1
        lasts = self._usual / self._speeds[self._node_of[worker]]
        lasts *= self._chance.lognormvariate(0.0, _SPREAD)
        if self._chance.random() < self._world.tail:
            lasts *= min(self._chance.paretovariate(_TAIL), _MOST_TAIL)
        death = math.inf
        if self._world.worker_hours < math.inf:
            death = self._chance.expovariate(1 / (self._world.worker_hours * _HOUR))
        if shard in self._poisoned:
            death = min(death, lasts / 2)
        self._attempts[worker] = _Attempt(shard, self._now, shard in self._poisoned)
        kind = "done" if lasts <= death else "dies"
        self._at(self._now + min(lasts, death), kind, worker, self._driver)

    def _count_time(self, attempt: _Attempt, *, counts: bool) -> None:
        seconds = self._now - attempt.began
        self._busy += seconds
        if not (counts or attempt.is_poisoned):
            self._wasted += seconds


def shards_of(documents: int, number: int) -> list[Shard]:
    """As many shards of short texts, as they are read from a manifest."""
    size = documents * _BYTES // number
    lines = documents // number
    return [
        Shard(n, 0, Position(n * size, n * lines + 1), (n + 1) * size, f"{n:064x}")
        for n in range(number)
    ]


def row(world: World, documents: int, number: int, seed: int) -> str:
    """A row of the table, from a run of its own."""
    gc.collect()
    tracemalloc.start()
    began = time.perf_counter()
    shards = shards_of(documents, number)
    scheduler = Scheduler(range(number), (1.0 for _ in shards))
    for worker in range(world.nodes * world.workers):
        scheduler.join(worker, str(worker % world.nodes))
    while not scheduler.is_finished:  # as the driver does, without the simulation's own memory
        for worker, _ in scheduler.assign(0.0):
            scheduler.done(worker, 1.0)
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del scheduler
    found = Simulation(world, shards, documents, seed).run()
    once = sum(times == 1 for times in found.done) == number - len(found.given_up)
    return (
        f"| {number:,} | {world.name} | {found.seconds / 60:.1f} min "
        f"| {found.seconds / found.ideal:.3f} | {found.wasted / found.busy:.2%} "
        f"| {found.attempts - number:,} | {found.deaths:,} | {len(found.given_up)} "
        f"| {'yes' if once else 'NO'} | {memory / (1 << 20):.0f} MiB "
        f"| {time.perf_counter() - began:.0f} s |"
    )


def main() -> None:
    """Prints one table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--documents", type=int, default=10**9)
    options.add_argument("--shards", type=int, nargs="+", default=[10**4, 10**5])
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    workers = WORLDS[0].nodes * WORLDS[0].workers
    print(
        f"{chosen.documents:,} documents, {workers:,} workers on {WORLDS[0].nodes} nodes, "
        f"{_RATE:,.0f} documents a second each, seed {chosen.seed}\n"
    )
    print(
        "| shards | the cluster | time | times the ideal | thrown away | attempts more than shards "
        "| workers died | given up | others done once | driver's memory | simulated in |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for number in chosen.shards:
        for world in WORLDS:
            print(row(world, chosen.documents, number, chosen.seed), flush=True)
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nresident memory of this process at its most, with the simulation: {resident:.0f} MiB")


if __name__ == "__main__":
    main()
