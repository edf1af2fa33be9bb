"""Who tags which shard: each one is done exactly once, however workers fail, and it always ends."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.serving.cluster.scheduler import PATIENCE, Assignment, Fault, GivenUp, Scheduler


def with_workers(scheduler: Scheduler, *nodes: str) -> Scheduler:
    """The scheduler with workers 0, 1, … on these nodes."""
    for worker, node in enumerate(nodes):
        scheduler.join(worker, node)
    return scheduler


# -- the order -----------------------------------------------------------------------------------


def test_shards_are_given_out_in_order_to_whoever_is_idle() -> None:
    scheduler = with_workers(Scheduler([2, 5, 7]), "a", "b")
    assert scheduler.assign(0) == [(0, 2), (1, 5)]
    assert scheduler.assign(0) == []
    assert scheduler.done(1, 1)
    assert scheduler.assign(1) == [(1, 7)]
    assert (scheduler.open, scheduler.running) == (2, 2)
    assert scheduler.done(0, 2)
    assert scheduler.done(1, 3)
    assert scheduler.is_finished
    assert scheduler.wake(3) is None


def test_large_shards_go_first() -> None:
    scheduler = with_workers(Scheduler(range(5), [1.0, 9.0, 1.0, 1.5, 30.0]), "a")
    order = []
    for now in range(5):
        order += [shard for _, shard in scheduler.assign(now)]
        scheduler.done(0, now)
    assert order == [4, 1, 0, 2, 3]


def test_nothing_to_do_is_finished() -> None:
    assert Scheduler([]).is_finished


def test_a_worker_without_a_shard_cannot_have_done_it() -> None:
    with pytest.raises(ValueError, match="worker 0 has no shard"):
        with_workers(Scheduler([1]), "a").done(0, 1)


# -- failures ------------------------------------------------------------------------------------


def test_a_shard_that_failed_goes_to_another_worker_before_fresh_ones() -> None:
    scheduler = with_workers(Scheduler(range(4)), "a", "b")
    scheduler.assign(0)
    scheduler.failed(0, 1, "a fault")
    assert scheduler.assign(1) == [(0, 2)]  # not shard 0 again
    scheduler.done(1, 2)
    assert scheduler.assign(2) == [(1, 0)]


def test_the_last_shard_waits_for_another_worker_but_not_forever() -> None:
    scheduler = with_workers(Scheduler(range(2)), "a", "b")
    scheduler.assign(0)
    scheduler.failed(0, 1, "a fault")
    assert scheduler.assign(1) == []
    assert scheduler.wake(1) == 1 + PATIENCE
    assert scheduler.assign(1 + PATIENCE) == [(0, 0)]


def test_an_only_worker_tries_again_after_the_others() -> None:
    scheduler = with_workers(Scheduler(range(2)), "a")
    scheduler.assign(0)
    scheduler.failed(0, 0, "a fault")
    assert scheduler.assign(0) == [(0, 1)]
    scheduler.done(0, 1)
    assert scheduler.assign(1) == [(0, 0)]


def test_a_shard_is_given_up_after_its_attempts_and_the_others_go_on() -> None:
    scheduler = with_workers(Scheduler(range(3), attempts=2), "a", "b")
    assert scheduler.assign(0) == [(0, 0), (1, 1)]
    scheduler.failed(0, 1, "first")
    scheduler.done(1, 1)
    assert scheduler.assign(1) == [(0, 2), (1, 0)]
    scheduler.failed(1, 2, "second")
    assert scheduler.given_up == [GivenUp(0, 2, "second")]
    assert not scheduler.is_finished
    scheduler.done(0, 3)
    assert scheduler.is_finished


def test_a_worker_that_died_is_gone_and_its_shard_goes_elsewhere() -> None:
    scheduler = with_workers(Scheduler(range(2)), "a", "b")
    scheduler.assign(0)
    scheduler.lost(0, 1)
    assert scheduler.assign(1) == []
    scheduler.join(2, "a")
    assert scheduler.assign(1) == [(2, 0)]


def test_a_worker_of_a_bad_node_rests_longer_each_time() -> None:
    scheduler = with_workers(Scheduler(range(9)), "a", "b")
    now, rests = 0.0, []
    for _ in range(6):
        assigned = dict(scheduler.assign(now))
        if 1 in assigned:
            scheduler.done(1, now)
        scheduler.failed(0, now, "disk full", "node")
        rested = scheduler.wake(now)
        assert rested is not None
        rests.append(rested - now)
        now = rested
    assert rests == [5, 10, 20, 30, 30, 30]


def test_the_first_fault_of_a_shard_alone_costs_its_worker_nothing() -> None:
    scheduler = with_workers(Scheduler(range(9)), "a", "b")
    scheduler.assign(0)
    scheduler.failed(0, 0, "a fault")
    assert scheduler.assign(0) == [(0, 2)]
    scheduler.failed(0, 0, "a fault")
    assert scheduler.assign(0) == []
    assert scheduler.wake(0) == 5


@pytest.mark.parametrize("workers", [1, 4])
def test_a_disk_that_is_full_for_all_is_hopeless_in_minutes(workers: int) -> None:
    scheduler = with_workers(Scheduler(range(1000)), *"abcd"[:workers])
    now, failed = 0.0, 0
    while scheduler.hopeless is None:
        for worker, _ in scheduler.assign(now):
            scheduler.failed(worker, now, "disk full", "node")
            failed += 1
        now = scheduler.wake(now) or now
    assert scheduler.hopeless == "disk full"
    assert failed == max(10, 4 * workers)
    assert now < 300


def test_workers_that_die_before_they_get_a_shard_are_hopeless_too() -> None:
    scheduler = Scheduler(range(3))
    for worker in range(10):
        assert scheduler.hopeless is None
        scheduler.join(worker, "a")
        scheduler.lost(worker, 0, "no memory")
    assert scheduler.hopeless == "no memory"


# -- backups -------------------------------------------------------------------------------------


def slow_tail(*nodes: str, sizes: list[float] | None = None) -> Scheduler:
    """Shard 0 is being tagged by worker 0 since time 0; the others took 10 s for a size of 1."""
    scheduler = with_workers(Scheduler(range(4), sizes, short=0.0), *nodes)
    assert scheduler.assign(0)[0] == (0, 0)
    for now in (10, 20):
        assert scheduler.done(1, now)
        assert len(scheduler.assign(now)) == 1
    assert scheduler.done(1, 30)
    return scheduler


def test_an_idle_worker_of_another_node_repeats_a_slow_shard() -> None:
    scheduler = with_workers(Scheduler(range(2)), "a", "a", "b")
    assert scheduler.assign(0) == [(0, 0), (1, 1)]
    scheduler.done(1, 10)
    assert scheduler.assign(14.9) == []
    assert scheduler.assign(16) == [(2, 0)]
    assert scheduler.assign(99) == []  # two attempts are enough
    assert scheduler.done(2, 26)
    assert scheduler.is_finished
    assert not scheduler.done(0, 30)
    assert scheduler.repeated == 1


def test_on_one_node_any_idle_worker_does() -> None:
    scheduler = slow_tail("a", "a")
    assert scheduler.assign(31.2) == [(1, 0)]


def test_a_node_does_not_repeat_its_own_shards_if_there_are_others() -> None:
    scheduler = with_workers(Scheduler(range(3), [1.0, 1.0, 1.9]), "a", "a", "b")
    scheduler.assign(0)
    scheduler.done(1, 10)
    assert scheduler.assign(20) == []  # worker 2 of the other node is still busy
    scheduler.done(2, 20)
    assert scheduler.assign(22) == [(2, 0)]


def test_a_large_shard_may_take_longer() -> None:
    scheduler = slow_tail("a", "b", sizes=[4.0, 1.0, 1.0, 1.0])
    assert scheduler.assign(59) == []
    assert scheduler.assign(61) == [(1, 0)]


def test_short_shards_get_no_backup() -> None:
    scheduler = with_workers(Scheduler(range(2), short=5.0), "a", "b")
    scheduler.assign(0)
    scheduler.done(1, 0.1)
    assert scheduler.assign(4.9) == []
    assert scheduler.assign(6.1) == [(1, 0)]


def test_backups_can_be_left_out() -> None:
    scheduler = with_workers(Scheduler(range(2), short=math.inf), "a", "b")
    scheduler.assign(0)
    scheduler.done(1, 1)
    assert scheduler.assign(1e9) == []
    assert scheduler.wake(1e9) is None


def test_there_is_no_backup_while_fresh_shards_are_left() -> None:
    scheduler = with_workers(Scheduler(range(9)), "a", "b")
    scheduler.assign(0)
    for number in range(1, 8):
        scheduler.done(1, 10 * number)
        assert scheduler.assign(10 * number) == [(1, number + 1)]


def test_a_shard_whose_first_attempt_fails_is_done_by_its_backup() -> None:
    scheduler = with_workers(Scheduler(range(2), attempts=1), "a", "b")
    scheduler.assign(0)
    scheduler.done(1, 10)
    assert scheduler.assign(20) == [(1, 0)]
    scheduler.failed(0, 21, "a fault")
    assert scheduler.given_up == []
    assert scheduler.done(1, 30)
    assert scheduler.is_finished


# -- laws ----------------------------------------------------------------------------------------


class World:
    """A cluster that fails at random as often as `faults` says, and accounts of its own."""

    def __init__(self, shards: int, poison: set[int], faults: int, chance: random.Random) -> None:
        self.scheduler = Scheduler(range(shards), attempts=3)
        self.poison, self.faults, self.chance = poison, faults, chance
        self.now = 0.0
        self.at: dict[int, int] = {}  # worker -> its shard
        self.ids = itertools.count()
        self.completed: Counter[int] = Counter()
        self.failed: Counter[int] = Counter()
        self.in_a_row = 0
        for _ in range(chance.randint(1, 6)):
            self.join()

    def join(self) -> None:
        self.scheduler.join(next(self.ids), self.chance.choice("ab"))

    def step(self) -> None:
        for assignment in self.scheduler.assign(self.now):
            self.check(assignment)
            self.at[assignment.worker] = assignment.shard
        self.now += self.chance.choice([0.0, 0.3, 2.0, 30.0])
        if not self.at:
            wake = self.scheduler.wake(self.now)
            self.now = max(self.now, wake or 0.0)
            return
        worker = self.chance.choice([*self.at])
        shard = self.at.pop(worker)
        fails = self.faults > 0 and self.chance.random() < 0.4
        self.faults -= fails
        if fails and self.chance.random() < 0.5:
            self.failed[shard] += 1
            self.in_a_row += 1
            self.scheduler.lost(worker, self.now)
            self.join()
        elif fails or shard in self.poison:
            self.failed[shard] += 1
            self.in_a_row += 1
            fault: Fault = self.chance.choice(["shard", "node"])
            self.scheduler.failed(worker, self.now, "a fault", fault)
        else:
            self.in_a_row = 0
            first = self.scheduler.done(worker, self.now)
            assert first == (self.completed[shard] == 0)
            self.completed[shard] += 1

    def check(self, given: Assignment) -> None:
        """A shard that is given out is not done, and has at most one more attempt elsewhere."""
        assert given.worker not in self.at
        assert not self.completed[given.shard]
        assert [*self.at.values()].count(given.shard) <= 1
        assert given.shard not in {each.shard for each in self.scheduler.given_up}


@given(
    st.integers(0, 12),
    st.sets(st.integers(0, 11), max_size=2),
    st.integers(0, 40),
    st.randoms(use_true_random=False),
)
def test_each_shard_is_done_once_or_given_up_and_it_always_ends(
    shards: int, poison: set[int], faults: int, chance: random.Random
) -> None:
    world = World(shards, poison, faults, chance)
    scheduler = world.scheduler
    steps = 0
    while not scheduler.is_finished and scheduler.hopeless is None:
        world.step()
        steps += 1
        assert steps < 1000
    given_up = {each.shard for each in scheduler.given_up}
    assert len(given_up) == len(scheduler.given_up)
    assert not given_up & {*world.completed}
    assert all(world.failed[shard] >= 3 for shard in given_up)
    assert scheduler.open == shards - len(given_up) - len(world.completed)
    assert scheduler.repeated == world.completed.total() - len(world.completed)
    if scheduler.hopeless is None:
        assert {*world.completed} | given_up == {*range(shards)}
        if not faults:
            assert given_up == poison & {*range(shards)}
    else:
        assert world.in_a_row >= 10
