"""Batch → logits. Each backend is one module; the rest of the path does not know which it is."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from nerine.batching import Batch


class Backend(Protocol):
    """Runs a model.

    - `name`: what it is called in a report, such as `pytorch`.
    - `workers`: how many batches it runs best at once, each called from a thread of its own.
    - `token_budget`: the most subwords, padding included, of a batch that it runs well.
    """

    @property
    def name(self) -> str: ...
    @property
    def workers(self) -> int: ...
    @property
    def token_budget(self) -> int: ...

    def logits(self, batch: Batch, *, alone: bool = True) -> npt.NDArray[np.float32]:
        """The logits of the batch's `rows`, (rows × tags).

        `alone` says that no other batch runs at the same time, so that this one may take every
        thread there is.
        """
        ...
