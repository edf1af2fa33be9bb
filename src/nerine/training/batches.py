"""The batches of an epoch, and the share of each that one of several processes has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch

from nerine.model.batching import BudgetSampler
from nerine.model.ragged import IntArray
from nerine.training.dataset import NO_EXAMPLE
from nerine.training.settings import RunSettings

_WITHOUT_CONTEXT = 0.5
"""The probability that a window is trained on without its context."""


class Batches(Protocol):
    """The batches of each epoch, as indices of examples."""

    def set_epoch(self, epoch: int) -> None:
        """Chooses the order of the next iteration."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[list[int]]: ...


def batches_of(lengths: IntArray, settings: RunSettings, *, has_context: bool = False) -> Batches:
    """Batches of windows of these lengths, of like ones under a token budget or random ones.

    If the windows have context, some are without it, as in `WithoutContext`.
    """
    batches: Batches
    if settings.batching == "random":
        batches = RandomBatches(len(lengths), settings.batch_size, settings.seed)
    else:
        batches = BudgetSampler(
            lengths.tolist(),
            batch_size=settings.batch_size,
            token_budget=settings.token_budget,
            seed=settings.seed,
        )
    return WithoutContext(batches, len(lengths), settings.seed) if has_context else batches


class RandomBatches:
    """Batches of `batch_size` of so many examples, in an order that depends on seed and epoch."""

    def __init__(self, examples: int, batch_size: int, seed: int) -> None:
        self._examples = examples
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Chooses the order of the next iteration."""
        self._epoch = epoch

    def __len__(self) -> int:
        return -(-self._examples // self._batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(self._seed + self._epoch)
        order = torch.randperm(self._examples, generator=generator).tolist()
        for first in range(0, self._examples, self._batch_size):
            yield order[first : first + self._batch_size]


class DrawnBatches:
    """Batches of all labelled windows and of some unlabelled ones, others in each epoch.

    The unlabelled windows are divided by their lengths into as many groups as are drawn, and one of
    each group is in an epoch: no window comes a second time before all of its group were drawn. The
    borders between batches depend on the groups alone, so every epoch has the same number of
    batches.
    """

    def __init__(self, lengths: IntArray, labelled: int, drawn: int, settings: RunSettings) -> None:
        """`lengths` are those of the labelled windows, then of the others."""
        self._labelled = labelled
        falling = labelled + np.argsort(-lengths[labelled:], kind="stable")
        self._groups = np.array_split(falling, drawn)
        longest = np.array([lengths[group[0]] for group in self._groups], dtype=np.int64)
        self._batches = batches_of(np.concatenate((lengths[:labelled], longest)), settings)
        self._seed = settings.seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Chooses the windows of the next iteration, and their order."""
        self._epoch = epoch
        self._batches.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[int]]:
        random = np.random.default_rng(self._seed)  # the same order in a group in all epochs
        own = np.arange(self._labelled)
        drawn = [random.permutation(group)[self._epoch % len(group)] for group in self._groups]
        chosen = np.concatenate((own, np.array(drawn, dtype=np.int64))).tolist()
        for batch in self._batches:
            yield [chosen[index] for index in batch]


class WithoutContext:
    """Batches in which each window has lost its context with a probability of 1/2.

    The index of a window without it is that of the window plus the number of `windows`. The choice
    depends on seed and epoch alone, as the order of the batches does.
    """

    def __init__(self, batches: Batches, windows: int, seed: int) -> None:
        self._batches = batches
        self._windows = windows
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Chooses the order of the next iteration, and the windows without context."""
        self._batches.set_epoch(epoch)
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[int]]:
        random = np.random.default_rng((self._seed, self._epoch, 1))  # not that of the order
        shifts = np.where(random.random(self._windows) < _WITHOUT_CONTEXT, self._windows, 0)
        for batch in self._batches:
            yield [index + int(shifts[index]) for index in batch]


class Shares:
    """The share that one process has of each batch.

    The batches do not depend on the number of processes. Neighbours in a batch, which are of like
    length, go to different processes. A share of a batch with fewer examples than processes may
    be `NO_EXAMPLE` alone.
    """

    def __init__(self, batches: Batches, process: int, processes: int) -> None:
        """`process` is the number of the process, from 0."""
        self._batches = batches
        self._process = process
        self._processes = processes

    def set_epoch(self, epoch: int) -> None:
        """Chooses the order of the next iteration."""
        self._batches.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self._batches:
            yield batch[self._process :: self._processes] or [NO_EXAMPLE]
