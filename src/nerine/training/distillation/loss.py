"""The loss of a student: the gold labels, and the teacher's probabilities for the same words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from nerine.model.backends.lean import takes_mask
from nerine.model.backends.pytorch import default_device
from nerine.model.heads import TagHead
from nerine.model.heads.tags import IGNORED
from nerine.model.loading.checkpoint import Checkpoint
from nerine.training.crf import fixed_pairs
from nerine.training.dataset import UNKNOWN
from nerine.training.losses import Batch, divergence, gold_loss, mask_words, random_words
from nerine.training.settings import DistillationSettings


@dataclass(frozen=True, slots=True)
class DistillationLoss:
    """The distillation loss of Hinton, Vinyals & Dean (2015), on batches with changed words.

    Some words are masked, and others are replaced by random subwords, different ones each time.
    The teacher labels the changed texts too, and so shows more than it does on the few texts that
    it was trained on. `ordinary_ids` are the subwords to draw from.

    A student has the transitions of a teacher with a CRF. They stay as they are: `pairs` are their
    scores, as from `PairScores`. Two models whose softmax is the same for each word have the same
    logits but for a constant, so the same probabilities of sequences too.
    """

    teacher: Any
    head: TagHead
    settings: DistillationSettings
    mask_id: int | None
    ordinary_ids: torch.Tensor
    pairs: torch.Tensor | None = None

    @classmethod
    def of(cls, teacher: Checkpoint, settings: DistillationSettings) -> DistillationLoss:
        """The loss for a teacher, with all subwords but the special tokens to draw from."""
        tokenizer = teacher.tokenizer
        ordinary = {*tokenizer.get_vocab().values()} - {*tokenizer.all_special_ids}
        model = teacher.model.to(default_device()).eval()
        return cls(
            model,
            TagHead(teacher.settings),
            settings,
            tokenizer.mask_token_id,
            torch.tensor(sorted(ordinary)),
            None if teacher.settings.learned is None else fixed_pairs(teacher.settings),
        )

    def augment(self, batch: Batch) -> Batch:
        """The batch with words masked and others replaced; the labels of these are unknown."""
        batch = mask_words(batch, self.settings.masking, self.mask_id)
        if not self.settings.replacing:
            return batch
        ids, labels = batch["input_ids"], batch["labels"]
        # Some windows stay nearly unchanged, so that the student sees real contexts too.
        share = 2 * self.settings.replacing * torch.rand(len(ids), 1, device=ids.device)
        replaced = random_words(batch["words"], share)
        drawn = torch.randint(len(self.ordinary_ids), ids.shape, device=ids.device)
        others = self.ordinary_ids.to(ids.device)[drawn]
        return {
            **batch,
            "input_ids": torch.where(replaced, others, ids),
            "labels": labels.masked_fill(replaced & (labels != IGNORED), UNKNOWN),
        }

    def __call__(self, outputs: Any, batch: Batch) -> torch.Tensor:
        """(1 - w) · T² · KL(teacher ‖ student) + w · `gold_loss`, for a gold weight of w.

        The KL divergence is that of the distributions softened by the temperature T. A word of
        unknown label has the first term alone.
        """
        labels = batch["labels"]
        words = labels != IGNORED
        with torch.no_grad():
            mask = {"attention_mask": batch["attention_mask"]} if takes_mask(self.teacher) else {}
            taught = self.teacher(input_ids=batch["input_ids"], **mask).logits[words]
        soft = divergence(taught, outputs["logits"][words], self.settings.temperature)
        pairs = None if self.pairs is None else self.pairs.to(labels.device)
        hard = gold_loss(self.head, outputs["logits"], batch, pairs)
        return (1 - self.settings.gold_weight) * soft + self.settings.gold_weight * hard
