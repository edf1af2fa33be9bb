"""Batch → logits. Each backend is one module; the rest of the path does not know which it is."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from nerine.batching import Batch


class Backend(Protocol):
    """Runs a model."""

    def logits(self, batch: Batch) -> npt.NDArray[np.float32]:
        """The logits of a batch, (batch × length × tags). Those of padding have no meaning."""
        ...
