"""The loss of a student: the gold labels, and the teacher's probabilities for the same words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from nerine.model.heads import TagHead
from nerine.model.heads.tags import IGNORED
from nerine.model.loading.checkpoint import Checkpoint
from nerine.training.crf import fixed_pairs
from nerine.training.dataset import UNKNOWN
from nerine.training.distillation.settings import DistillationSettings
from nerine.training.distillation.teachers import (
    Columns,
    OneTeacher,
    Teaching,
    columns_of,
    in_columns,
)
from nerine.training.losses import Batch, divergence, gold_loss, mask_words, random_words


@dataclass(frozen=True, slots=True)
class DistillationLoss:
    """The distillation loss of Hinton, Vinyals & Dean (2015), on batches with changed words.

    Some words are masked, and others are replaced by random subwords, different ones each time.
    Teachers that are run on the batch label the changed texts too, and so show more than they do on
    the few texts that they were trained on. What is kept of teachers is about the texts as they
    are: then no word is replaced, and the student learns to predict it where it is masked, as in
    self-training with noise (Xie et al., 2020).

    A student made of layers of a single teacher with a CRF has its transitions. They stay as they
    are: `pairs` are their scores, as from `PairScores`. Two models whose softmax is the same for
    each word have the same logits but for a constant, so the same probabilities of sequences too.
    Other students learn scores from the gold labels, and their models give them with the logits.

    Attributes:
        teaching: What the teachers say of a batch.
        head: The head of the student.
        settings: The weights of the parts, and the shares of masked and replaced words.
        mask_id: The subword that masks, None for a tokenizer without one.
        ordinary_ids: The subwords to draw replacements from.
        labelled: The number of documents with gold labels, which are the first ones.
        columns: How the student's outputs are summed into tags; None if they are the tags.
        pairs: The scores of pairs of the student's CRF if they stay as they are, else None.
    """

    teaching: Teaching
    head: TagHead
    settings: DistillationSettings
    mask_id: int | None
    ordinary_ids: torch.Tensor
    labelled: int = 0
    columns: Columns | None = None
    pairs: torch.Tensor | None = None

    @classmethod
    def of(
        cls, teaching: Teaching, student: Checkpoint, settings: DistillationSettings, labelled: int
    ) -> DistillationLoss:
        """The loss for a student, with all subwords but the special tokens to draw from."""
        tokenizer = student.tokenizer
        ordinary = {*tokenizer.get_vocab().values()} - {*tokenizer.all_special_ids}
        own = student.settings
        several = own.outputs is not None and not isinstance(teaching, OneTeacher)
        return cls(
            teaching,
            TagHead(own),
            settings,
            tokenizer.mask_token_id,
            torch.tensor(sorted(ordinary)),
            labelled,
            columns_of(own, own.tags) if several else None,
            None if own.learned is None or settings.crf else fixed_pairs(own),
        )

    def augment(self, batch: Batch) -> Batch:
        """The batch with words masked and others replaced; the labels of these are unknown."""
        batch = mask_words(batch, self.settings.masking, self.mask_id)
        if not self.settings.replacing or not self.teaching.sees_changes:
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
        """(1 - w) · T² · KL(teachers ‖ student) + w · `gold_loss`, for a gold weight of w.

        The KL divergence is that of the distributions softened by the temperature T. A word of
        unknown label has the first term alone; in a text without labels that term counts as much as
        the teachers are certain, if the settings say so.
        """
        labels = batch["labels"]
        soft = self._soft(outputs["logits"], batch, labels != IGNORED)
        pairs = outputs.get("pairs") if self.pairs is None else self.pairs.to(labels.device)
        hard = gold_loss(self.head, outputs["logits"], batch, pairs, self.settings.crf_weight)
        return (1 - self.settings.gold_weight) * soft + self.settings.gold_weight * hard

    def _soft(self, logits: torch.Tensor, batch: Batch, words: torch.Tensor) -> torch.Tensor:
        """The weighted divergence from the teachers, summed over the positions `words`."""
        taught, predicted = self.teaching(batch, words), logits[words]
        if self.columns is not None:
            predicted = in_columns(predicted, self.columns)
        unlabelled = (batch["documents"] >= self.labelled)[:, None].expand_as(words)[words]
        if not self.teaching.sees_changes:
            said = ~taught.isnan().any(dim=1)
            taught, predicted, unlabelled = taught[said], predicted[said], unlabelled[said]
        weights = None
        if self.settings.confidence == "words":
            weights = torch.where(unlabelled, certainty(taught), 1.0)
        return divergence(taught, predicted, self.settings.temperature, weights)


def certainty(logits: torch.Tensor) -> torch.Tensor:
    """1 - H(p) / log(tags) of each word: 1 for a certain tag, 0 for equal probabilities.

    The weight of pseudo-labels by Iscen et al. (2019, 3.3). `logits` are `(words, tags)`.
    """
    log_probs = functional.log_softmax(logits.float(), dim=-1)
    entropy = -(log_probs.exp() * log_probs).sum(dim=-1)
    return (1 - entropy / math.log(logits.shape[-1])).clamp(0.0, 1.0)
