"""What a student learns from a batch: labels, and what its teacher says of the same words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from nerine.model.heads.tags import IGNORED
from nerine.training.dataset import UNKNOWN
from nerine.training.losses import Batch, cross_entropy, drawn_words, with_hidden_words
from nerine.training.settings import DistillationSettings


@dataclass(frozen=True, slots=True)
class Lesson:
    """An `Objective`: student and teacher see the same windows, and are to say the same.

    Some words are hidden behind the mask token, and others are replaced by subwords drawn from the
    whole vocabulary, anew each time: the teacher tells what may stand there, and what it makes of
    words that the texts lack. That is more than it says of the few texts that it has learned
    itself. `ordinary_ids` are the subwords to draw from.
    """

    teacher: Any
    settings: DistillationSettings
    mask_id: int | None
    ordinary_ids: torch.Tensor

    def shown(self, batch: Batch) -> Batch:
        """The batch with words hidden and others replaced, of which the label is not known."""
        batch = with_hidden_words(batch, self.settings.masking, self.mask_id)
        if not self.settings.replacing:
            return batch
        ids, labels = batch["input_ids"], batch["labels"]
        # Some windows stay nearly as they are, so that the student sees real contexts too.
        share = 2 * self.settings.replacing * torch.rand(len(ids), 1, device=ids.device)
        replaced = drawn_words(batch["words"], share)
        drawn = torch.randint(len(self.ordinary_ids), ids.shape, device=ids.device)
        others = self.ordinary_ids.to(ids.device)[drawn]
        return {
            **batch,
            "input_ids": torch.where(replaced, others, ids),
            "labels": labels.masked_fill(replaced & (labels != IGNORED), UNKNOWN),
        }

    def loss(self, outputs: Any, batch: Batch) -> torch.Tensor:
        """(1 - w) · T² · KL(teacher ‖ student) + w · cross-entropy, for a gold weight of w.

        KL is that of the distributions softened by the temperature T. A word without a label has
        its first term alone.
        """
        words = batch["labels"] != IGNORED
        with torch.no_grad():
            taught = self.teacher(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
            ).logits[words]
        soft = divergence(taught, outputs["logits"][words], self.settings.temperature)
        hard = cross_entropy(outputs["logits"], batch["labels"])
        return (1 - self.settings.gold_weight) * soft + self.settings.gold_weight * hard


def divergence(
    teacher: torch.Tensor, student: torch.Tensor, temperature: float = 1.0
) -> torch.Tensor:
    """T² · KL(teacher ‖ student), summed over words, of logits `(words, tags)` divided by T.

    The gradient of the softened distributions shrinks with T²: the factor makes up for it, so that
    the weight of gold labels means the same at every temperature (Hinton, Vinyals & Dean, 2015, 2).
    """
    target = functional.log_softmax(teacher.float() / temperature, dim=-1)
    said = functional.log_softmax(student.float() / temperature, dim=-1)
    summed = functional.kl_div(said, target, reduction="sum", log_target=True)
    return summed * temperature**2
