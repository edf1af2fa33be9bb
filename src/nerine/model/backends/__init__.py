"""Batch → logits. Each backend is one module; the rest of the path does not know which it is."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from nerine.model.batching import Batch


class Backend(Protocol):
    """Runs a model."""

    @property
    def name(self) -> str:
        """What it is called in a report, such as `pytorch`."""

    @property
    def workers(self) -> int:
        """How many batches it runs best at once, each called from a thread of its own."""

    @property
    def token_budget(self) -> int:
        """The most subwords, padding included, of a batch that it runs well."""

    def logits(self, batch: Batch, *, alone: bool = True) -> npt.NDArray[np.float32]:
        """Runs one batch.

        Args:
            batch: The batch.
            alone: Whether no other batch runs at the same time, so that this one may take every
                thread there is.

        Returns:
            The logits of the batch's `rows`, `(rows, tags)`.
        """
        ...
