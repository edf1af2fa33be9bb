"""R-Drop: two passes with different dropout shall agree (Liang et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from nerine.model.heads.tags import IGNORED
from nerine.training.losses import Batch, Loss, divergence

_SEEN = "input_ids", "attention_mask", "labels"
"""The tensors of a batch that the model is given."""


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
        """The augmented batch, in which the model sees each row twice."""
        batch = self.inner.augment(batch)
        return {**batch, **{name: torch.cat([batch[name]] * 2) for name in _SEEN if name in batch}}

    def __call__(self, outputs: Any, batch: Batch) -> torch.Tensor:
        """½ · (loss of both passes) + α/4 · (KL(p₁ ‖ p₂) + KL(p₂ ‖ p₁)), summed over words."""
        logits = outputs["logits"]
        size = len(logits) // 2
        passes = [logits[:size], logits[size:]]
        rows = {name: each[:size] if name in _SEEN else each for name, each in batch.items()}
        pairs = outputs.get("pairs")  # of a CRF
        losses = [self.inner({"logits": each, "pairs": pairs}, rows) for each in passes]
        words = rows["labels"] != IGNORED
        first, second = (each[words] for each in passes)
        apart = divergence(first, second) + divergence(second, first)
        return (losses[0] + losses[1]) / 2 + self.weight / 4 * apart
