"""What a run learns from a batch: what the model is shown, and the loss of what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch.nn import functional

from nerine.model.heads.tags import IGNORED
from nerine.training.dataset import UNKNOWN

Batch = Mapping[str, torch.Tensor]
"""The tensors that `Collator` makes."""


class Objective(Protocol):
    """What a run is after."""

    def shown(self, batch: Batch) -> Batch:
        """The batch as the model gets to see it, on which its loss is counted."""
        ...

    def loss(self, outputs: Any, batch: Batch) -> torch.Tensor:
        """The loss of the model's outputs for a batch as shown: a sum over its words.

        A position stands for a word where its label is not `IGNORED`.
        """
        ...


@dataclass(frozen=True, slots=True)
class GoldLabels:
    """Cross-entropy against the labels that were given, with a share of the words hidden.

    What stands around a name is seen again in other texts, the name itself hardly ever. Words are
    hidden behind `mask_id`; without one none are.
    """

    masking: float
    mask_id: int | None

    def shown(self, batch: Batch) -> Batch:
        """The batch with some words behind the mask token, all their subwords."""
        return with_hidden_words(batch, self.masking, self.mask_id)

    def loss(self, outputs: Any, batch: Batch) -> torch.Tensor:
        """The sum of -log p(label) over all words."""
        return cross_entropy(outputs["logits"], batch["labels"])


def with_hidden_words(batch: Batch, share: float, mask_id: int | None) -> Batch:
    """A batch with a `share` of its words, drawn at random, behind the mask token."""
    if not share or mask_id is None:
        return batch
    hidden = drawn_words(batch["words"], share)
    return {**batch, "input_ids": batch["input_ids"].masked_fill(hidden, mask_id)}


def drawn_words(words: torch.Tensor, share: float | torch.Tensor) -> torch.Tensor:
    """The positions `(batch, length)` of a share of the words, drawn at random.

    `words` numbers the word of each position. All positions of a word are drawn, or none. `share`
    is a number, or `(batch, 1)` one for each window.
    """
    drawn = torch.rand(len(words), int(words.max()) + 2, device=words.device)
    return (drawn.gather(1, words + 1) < share) & (words >= 0)


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The sum of -log p(label) over the words whose label is known.

    `logits` are `(…, tags)`, `labels` (…).
    """
    known = labels.masked_fill(labels == UNKNOWN, IGNORED)
    return functional.cross_entropy(
        logits.float().view(-1, logits.shape[-1]), known.view(-1), reduction="sum"
    )
