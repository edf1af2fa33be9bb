"""The simulated cluster: deterministic, and its accounts agree with the scheduler's."""

from dataclasses import replace

import pytest

from bench.cluster_sim import WORLDS, Outcome, Simulation, World, row, shards_of

DOCUMENTS, SHARDS = 2_000_000, 200
BAD = replace(WORLDS[-1], nodes=4, workers=2, worker_hours=0.05, node_hours=0.2)


def run(world: World, seed: int = 0) -> Outcome:
    return Simulation(world, shards_of(DOCUMENTS, SHARDS), DOCUMENTS, seed).run()


@pytest.mark.parametrize("seed", range(10))
def test_each_shard_is_done_once_except_the_poisoned(seed: int) -> None:
    found = run(BAD, seed)
    assert len(found.given_up) == BAD.poisoned
    assert {*found.done} == {0, 1}
    assert [n for n, times in enumerate(found.done) if not times] == found.given_up
    assert found.deaths >= 4 * BAD.poisoned
    assert 0 < found.wasted < found.busy
    assert found.seconds > found.ideal


def test_equal_seeds_give_equal_runs() -> None:
    assert run(BAD, 1) == run(BAD, 1)
    assert run(BAD, 1).seconds != run(BAD, 2).seconds


def test_without_misfortunes_nothing_is_thrown_away() -> None:
    found = run(World("good", nodes=4, workers=2))
    assert found.attempts == SHARDS
    assert found.wasted == found.deaths == 0
    assert found.ideal < found.seconds < 1.3 * found.ideal


def test_backups_shorten_the_tail() -> None:
    slow = World("slow", nodes=20, workers=2, tail=0.05)
    assert run(slow).seconds < run(replace(slow, has_backups=False)).seconds


def test_the_table_has_a_row_for_a_run() -> None:
    assert row(World("good", nodes=4, workers=2), DOCUMENTS, SHARDS, 0).startswith("| 200 | good |")
