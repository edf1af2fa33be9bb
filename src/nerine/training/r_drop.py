"""R-Drop: two passes with different dropout shall agree (Liang et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from nerine.model.heads.tags import IGNORED
from nerine.training.losses import Batch, Loss, divergence


@dataclass(frozen=True, slots=True)
class RDropLoss:
    """A loss on each batch twice, and the divergence of the two passes.

    The model sees each window twice in one batch, with the same masked words and other dropout, so
    a step takes about twice the time. `weight` is the α of Liang et al. (2021, equation 3), whose
    loss is halved here, so that it is as large as that of one pass.
    """

    inner: Loss
    weight: float

    def augment(self, batch: Batch) -> Batch:
        """The augmented batch with each of its rows twice."""
        return {name: torch.cat([each, each]) for name, each in self.inner.augment(batch).items()}

    def __call__(self, outputs: Any, batch: Batch) -> torch.Tensor:
        """½ · (loss of both passes) + α/4 · (KL(p₁ ‖ p₂) + KL(p₂ ‖ p₁)), summed over words."""
        logits = outputs["logits"]
        size = len(logits) // 2
        passes = [logits[:size], logits[size:]]
        rows = {name: each[:size] for name, each in batch.items()}
        losses = [self.inner({"logits": each}, rows) for each in passes]
        words = rows["labels"] != IGNORED
        first, second = (each[words] for each in passes)
        apart = divergence(first, second) + divergence(second, first)
        return (losses[0] + losses[1]) / 2 + self.weight / 4 * apart
