"""Training losses, and the random changes of a batch that go with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch.nn import functional

from nerine.model.heads import TagHead
from nerine.model.heads.tags import IGNORED
from nerine.training.crf import sequence_loss
from nerine.training.dataset import UNKNOWN

Batch = Mapping[str, torch.Tensor]
"""The tensors that `Collator` makes."""


class Loss(Protocol):
    """A training loss, with the augmentation of the batches that it is computed on."""

    def augment(self, batch: Batch) -> Batch:
        """The batch as the model sees it, with words masked or replaced at random."""
        ...

    def __call__(self, outputs: Any, batch: Batch) -> torch.Tensor:
        """The loss of the model's outputs for an augmented batch, summed over its words.

        A position stands for a word if its label is not `IGNORED`.
        """
        ...


@dataclass(frozen=True, slots=True)
class GoldLoss:
    """The head's loss against the gold labels, with a share of the words masked.

    Contexts of names recur in other texts, the names themselves hardly ever. Masked words are
    replaced by `mask_id`; if it is None, no word is masked. With a CRF, `sequence_weight` is the
    weight of the loss of sequences; that of single words has the rest.
    """

    head: TagHead
    masking: float
    mask_id: int | None
    sequence_weight: float = 1.0

    def augment(self, batch: Batch) -> Batch:
        """The batch with all subwords of some words masked."""
        return mask_words(batch, self.masking, self.mask_id)

    def __call__(self, outputs: Any, batch: Batch) -> torch.Tensor:
        """`gold_loss`; a model with a CRF gives the scores of pairs of tags with its logits."""
        pairs = outputs.get("pairs")
        return gold_loss(self.head, outputs["logits"], batch, pairs, self.sequence_weight)


def gold_loss(
    head: TagHead,
    logits: torch.Tensor,
    batch: Batch,
    pairs: torch.Tensor | None,
    sequence_weight: float = 1.0,
) -> torch.Tensor:
    """The head's loss of the words of known label; with `pairs`, partly that of a CRF's sequences.

    Args:
        head: The head.
        logits: The model's logits, `(batch, length, outputs)`.
        batch: A batch; for a CRF one with sequences.
        pairs: The scores of pairs of a CRF, as from `PairScores`.
        sequence_weight: The weight of the loss of sequences; that of single words has the rest.
    """
    labels = batch["labels"]
    if pairs is None:
        return head.loss(logits, labels.masked_fill(labels == UNKNOWN, IGNORED))
    loss = _sequence_loss(head, logits, batch, pairs)
    if sequence_weight == 1:
        return loss
    words = gold_loss(head, logits, batch, None)
    return sequence_weight * loss + (1 - sequence_weight) * words


def _sequence_loss(
    head: TagHead, logits: torch.Tensor, batch: Batch, pairs: torch.Tensor
) -> torch.Tensor:
    """The loss of sequences; the labels of other words, such as blind ones, are unknown."""
    labels = batch["labels"]
    places = batch["sequences"]
    seen = places >= 0
    values = head.tag_logits(logits.float()).flatten(0, 1)[places.clamp(min=0)]
    blind = torch.from_numpy(head.blind_logits).to(values)
    return sequence_loss(
        torch.where(seen[..., None], values, blind),
        torch.where(seen, labels.flatten()[places.clamp(min=0)], UNKNOWN),
        batch["lengths"],
        batch["borders"],
        pairs,
    )


def mask_words(batch: Batch, share: float, mask_id: int | None) -> Batch:
    """A batch with a random `share` of its words replaced by the mask token."""
    if not share or mask_id is None:
        return batch
    masked = random_words(batch["words"], share)
    return {**batch, "input_ids": batch["input_ids"].masked_fill(masked, mask_id)}


def random_words(words: torch.Tensor, share: float | torch.Tensor) -> torch.Tensor:
    """The positions `(batch, length)` of a random share of the words.

    `words` numbers the word of each position. A word's positions are chosen together. `share` is
    a number, or one for each window, `(batch, 1)`.
    """
    drawn = torch.rand(len(words), int(words.max()) + 2, device=words.device)
    return (drawn.gather(1, words + 1) < share) & (words >= 0)


def divergence(
    teacher: torch.Tensor,
    student: torch.Tensor,
    temperature: float = 1.0,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """T² · KL(teacher ‖ student), summed over words, of logits `(words, tags)` divided by T.

    The gradient of the softened distributions shrinks with T². The factor cancels this, so that
    the weight of the gold labels means the same at every temperature (Hinton, Vinyals & Dean, 2015,
    2). `weights` `(words,)` are those of the words in the sum, by default 1.
    """
    target = functional.log_softmax(teacher.float() / temperature, dim=-1)
    predicted = functional.log_softmax(student.float() / temperature, dim=-1)
    if weights is None:
        summed = functional.kl_div(predicted, target, reduction="sum", log_target=True)
    else:
        each = functional.kl_div(predicted, target, reduction="none", log_target=True).sum(dim=-1)
        summed = (weights * each).sum()
    return summed * temperature**2
