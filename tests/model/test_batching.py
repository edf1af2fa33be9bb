"""Batches under a token budget."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import get_args

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nerine.model.batching import Batching, BudgetSampler, Sharing, batches, make_batch
from nerine.model.encoding import Encoding, Windows

LENGTHS = st.lists(st.integers(1, 300), max_size=80)
SOME_LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=80)
BUDGETS = st.integers(1, 2000)


def flat(lengths: list[int]) -> Windows:
    """Windows of such lengths, without special tokens, whose first subwords each begin a word."""
    splits = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    none = np.empty(0, dtype=np.int64)
    encoding = Encoding(
        word_bounds=np.zeros((len(lengths), 2), dtype=np.int64),
        word_starts=np.zeros(len(lengths), dtype=np.int64),
        word_splits=np.arange(len(lengths) + 1),
        input_ids=np.arange(splits[-1]) + 1,
        offsets=np.zeros((splits[-1], 2), dtype=np.int64),
        subword_splits=splits,
    )
    return Windows(
        encoding=encoding,
        documents=np.arange(len(lengths)),
        firsts=np.zeros(len(lengths), dtype=np.int64),
        lasts=np.array(lengths, dtype=np.int64),
        words=np.arange(len(lengths)),
        positions=np.zeros(len(lengths), dtype=np.int64),
        splits=np.arange(len(lengths) + 1),
        before=none,
        after=none,
    )


def rounded(length: int) -> int:
    return -(-length // 4) * 4


@given(LENGTHS, BUDGETS)
def test_each_window_is_in_one_batch(lengths: list[int], budget: int) -> None:
    made = list(batches(flat(lengths), token_budget=budget, pad_id=0))
    indices = [int(index) for batch in made for index in batch.indices]
    assert sorted(indices) == list(range(len(lengths)))


@given(LENGTHS, BUDGETS)
def test_a_batch_keeps_to_the_budget_or_is_one_window(lengths: list[int], budget: int) -> None:
    for batch in batches(flat(lengths), token_budget=budget, pad_id=0):
        assert batch.input_ids.size <= budget or len(batch.indices) == 1


@given(LENGTHS, BUDGETS)
def test_the_longest_come_first(lengths: list[int], budget: int) -> None:
    made = list(batches(flat(lengths), token_budget=budget, pad_id=0))
    ordered = [lengths[index] for batch in made for index in batch.indices]
    assert ordered == sorted(lengths, reverse=True)


@given(LENGTHS, BUDGETS)
def test_a_batch_holds_what_its_windows_hold(lengths: list[int], budget: int) -> None:
    windows = flat(lengths)
    for batch in batches(windows, token_budget=budget, pad_id=-1):
        assert bool(((batch.input_ids == -1) == (batch.attention_mask == 0)).all())
        for row, index in enumerate(batch.indices.tolist()):
            held = batch.input_ids[row, : lengths[index]].tolist()
            assert held == windows[index].input_ids.tolist()
        assert batch.words.tolist() == batch.indices.tolist()
        firsts = windows.encoding.subword_splits[batch.indices] + 1
        assert batch.input_ids.reshape(-1)[batch.rows].tolist() == firsts.tolist()


@given(LENGTHS, BUDGETS, st.sampled_from(get_args(Sharing)), st.integers(1, 9))
def test_windows_share_a_batch_only_where_they_may(
    lengths: list[int], budget: int, sharing: Sharing, least: int
) -> None:
    windows = flat(lengths)
    made = batches(windows, token_budget=budget, pad_id=0, batching=Batching(sharing, least))
    assert sorted(int(each) for batch in made for each in batch.indices) == [*range(len(lengths))]
    for batch in made:
        length = batch.input_ids.shape[1]
        longest = max(lengths[index] for index in batch.indices)
        assert length == max(least, longest)
        assert batch.input_ids.size <= budget or len(batch.indices) == 1
        if sharing == "alone":
            assert len(batch.indices) == 1
        if sharing == "equal lengths":
            assert all(max(least, lengths[index]) == length for index in batch.indices)
        firsts = windows.encoding.subword_splits[batch.indices] + 1
        assert batch.input_ids.reshape(-1)[batch.rows].tolist() == firsts.tolist()


def cost(lengths: Sequence[int], budget: int, overhead: int) -> int:
    """The least cost of batches of falling lengths, by trying all first batches."""
    if not lengths:
        return 0
    sizes = [n for n in range(1, len(lengths) + 1) if n == 1 or n * lengths[0] <= budget]
    return min(n * lengths[0] + overhead + cost(lengths[n:], budget, overhead) for n in sizes)


@given(st.lists(st.integers(3, 20), max_size=9), st.integers(1, 60), st.integers(0, 30))
def test_batches_take_the_least_time(lengths: list[int], budget: int, overhead: int) -> None:
    made = batches(flat(lengths), token_budget=budget, pad_id=0, overhead=overhead)
    assert [lengths[each] for batch in made for each in batch.indices] == sorted(lengths)[::-1]
    for batch in made:
        assert batch.input_ids.size <= budget or len(batch.indices) == 1
    found = sum(batch.input_ids.size + overhead for batch in made)
    assert found == cost(sorted(lengths)[::-1], budget, overhead)


def test_windows_of_other_lengths_share_a_batch_if_that_is_faster() -> None:
    for overhead, shapes in ((2, [(1, 9), (2, 5)]), (9, [(3, 9)])):
        made = batches(flat([5, 9, 5]), token_budget=99, pad_id=0, overhead=overhead)
        assert [batch.input_ids.shape for batch in made] == shapes


def test_batches_of_one_length_are_as_large_as_the_budget_allows() -> None:
    made = batches(
        flat([5, 7, 5, 5, 7, 5]), token_budget=15, pad_id=0, batching=Batching("equal lengths")
    )
    assert [batch.input_ids.shape for batch in made] == [(2, 7), (3, 5), (1, 5)]


@given(SOME_LENGTHS)
def test_padding_is_masked(lengths: list[int]) -> None:
    windows = flat(lengths)
    batch = make_batch(windows, np.arange(len(windows)), pad_id=0)
    assert batch.input_ids.shape == batch.attention_mask.shape == (len(lengths), max(lengths))
    assert batch.attention_mask.sum(axis=1).tolist() == lengths
    assert bool(((batch.input_ids == 0) == (batch.attention_mask == 0)).all())
    for row, window in zip(batch.input_ids, windows, strict=True):
        assert row[: len(window.input_ids)].tolist() == window.input_ids.tolist()


@given(SOME_LENGTHS, BUDGETS, st.integers(0, 9))
def test_a_sampler_takes_each_window_once_in_every_epoch(
    lengths: list[int], budget: int, seed: int
) -> None:
    sampler = BudgetSampler(lengths, batch_size=16, token_budget=budget, seed=seed)
    for epoch in range(3):
        sampler.set_epoch(epoch)
        drawn = list(sampler)
        assert len(drawn) == len(sampler)
        assert sorted(itertools.chain(*drawn)) == list(range(len(lengths)))


@given(SOME_LENGTHS, BUDGETS)
def test_a_samplers_batches_keep_to_the_budget(lengths: list[int], budget: int) -> None:
    for drawn in BudgetSampler(lengths, batch_size=16, token_budget=budget, seed=0):
        longest = max(lengths[index] for index in drawn)
        assert longest * len(drawn) <= budget or len(drawn) == 1


@given(SOME_LENGTHS)
def test_a_samplers_batches_hold_windows_of_like_length(lengths: list[int]) -> None:
    drawn = [
        sorted(rounded(lengths[index]) for index in batch)
        for batch in BudgetSampler(lengths, batch_size=16, token_budget=600, seed=0)
    ]
    drawn.sort()
    assert all(left[-1] <= right[0] for left, right in itertools.pairwise(drawn))


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    lengths = np.random.default_rng(0).integers(1, 60, 200).tolist()

    def order(seed: int, epoch: int) -> list[list[int]]:
        sampler = BudgetSampler(lengths, batch_size=16, token_budget=300, seed=seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(1, 2) == order(1, 2)
    different = [order(1, 2), order(1, 3), order(2, 2), order(2, 1)]
    assert all(left != right for left, right in itertools.combinations(different, 2))


def test_an_iteration_leaves_the_next_one_alone() -> None:
    sampler = BudgetSampler([3] * 50, batch_size=16, token_budget=64, seed=0)
    assert list(sampler) == list(sampler)


def test_a_sampler_fills_batches_of_short_windows_to_their_size() -> None:
    lengths = np.random.default_rng(0).integers(4, 60, 1000).tolist()
    sampler = BudgetSampler(lengths, batch_size=16, token_budget=960, seed=0)
    assert sorted(len(batch) for batch in sampler) == [8, *[16] * 62]
