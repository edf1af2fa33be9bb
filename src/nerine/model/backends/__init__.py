"""Backends run a model: a batch → logits. Each is one module."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from nerine.model.batching import Batch, Batching


class Backend(Protocol):
    """Runs a model."""

    @property
    def name(self) -> str:
        """Its name in a report, such as `pytorch`."""

    @property
    def workers(self) -> int:
        """The number of batches that it runs best at the same time, each in its own thread."""

    @property
    def token_budget(self) -> int:
        """The size of a batch that it runs well, in subwords with padding."""

    @property
    def batch_overhead(self) -> int | None:
        """The time of a batch besides that of its subwords, in subwords; None if it is large."""

    @property
    def batching(self) -> Batching:
        """How windows are batched without a change in their logits."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of the model and how it runs."""

    def logits(self, batch: Batch, *, alone: bool = True) -> npt.NDArray[np.float32]:
        """Runs one batch.

        Args:
            batch: The batch.
            alone: Whether no other batch runs at the same time, so that this one may use all
                threads.

        Returns:
            The logits of the batch's `rows`, `(rows, tags)`.
        """
        ...
