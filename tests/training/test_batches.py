"""Batches of an epoch, and the share of each that a process has."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.data_loader import SeedableRandomSampler
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import BatchSampler

from nerine.model.encoding import Encoder
from nerine.model.heads import TagHead
from nerine.model.heads.tags import IGNORED
from nerine.training.batches import RandomBatches, Shares, batches_of
from nerine.training.dataset import NO_EXAMPLE, Collator, make_examples
from nerine.training.initialization import new_checkpoint
from nerine.training.settings import RunSettings, TrainingSettings
from runs import corpus

LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=60)


@given(
    LENGTHS,
    st.sampled_from(["budget", "random"]),
    st.integers(1, 20),
    st.integers(8, 900),
    st.integers(1, 5),
    st.integers(0, 3),
)
def test_shares_are_the_batches_of_one_process(
    lengths: list[int], batching: str, batch_size: int, budget: int, processes: int, epoch: int
) -> None:
    settings = RunSettings(batch_size=batch_size, token_budget=budget).changed(
        {"batching": batching}
    )

    def batches() -> list[list[int]]:
        made = batches_of(np.array(lengths), settings)
        made.set_epoch(epoch)
        return list(made)

    shares = []
    for process in range(processes):
        own = Shares(batches_of(np.array(lengths), settings), process, processes)
        own.set_epoch(epoch)
        shares.append(list(own))
        assert len(own) == len(shares[-1]) == len(batches())
    for batch, *parts in zip(batches(), *shares, strict=True):
        real = [[index for index in part if index != NO_EXAMPLE] for part in parts]
        assert sorted(itertools.chain(*real)) == sorted(batch)
        assert max(map(len, real)) - min(map(len, real)) <= 1
        assert all(part == [NO_EXAMPLE] for part, own in zip(parts, real, strict=True) if not own)


@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 3), st.integers(0, 3))
def test_random_batches_are_those_of_transformers_trainer(
    examples: int, batch_size: int, seed: int, epoch: int
) -> None:
    sampler = SeedableRandomSampler(range(examples), data_seed=seed)
    sampler.set_epoch(epoch)
    expected = list(BatchSampler(sampler, batch_size, drop_last=False))
    found = RandomBatches(examples, batch_size, seed)
    found.set_epoch(epoch)
    assert list(found) == expected
    assert len(found) == len(expected)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_example_is_a_batch_without_a_target(encoder_of: Callable[[str], Path]) -> None:
    checkpoint = new_checkpoint(corpus(), TrainingSettings(encoder=str(encoder_of("bert"))))
    encoder = Encoder.of(checkpoint.tokenizer, checkpoint.settings)
    head = TagHead(checkpoint.settings)
    examples = make_examples(corpus().train, encoder, head)
    collator = Collator(examples, checkpoint.tokenizer.pad_token_id)
    batch = collator([NO_EXAMPLE])
    assert (batch["labels"] == IGNORED).all()
    alone = collator([3])
    both = collator([3, NO_EXAMPLE])
    assert int((both["labels"] != IGNORED).sum()) == int((alone["labels"] != IGNORED).sum())
    model = checkpoint.model.train()
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    loss = head.loss(logits, batch["labels"])
    loss.backward()
    assert float(loss) == 0.0
    assert all(
        not torch.any(weights.grad) for weights in model.parameters() if weights.grad is not None
    )
