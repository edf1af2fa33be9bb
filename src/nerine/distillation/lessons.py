"""What a student learns from a batch: labels, and its teacher's probabilities and states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from nerine.encoding import IGNORED
from nerine.settings import DistillationSettings
from nerine.training.data import UNKNOWN
from nerine.training.objectives import Batch, cross_entropy, drawn_words, with_hidden_words


@dataclass(frozen=True, slots=True)
class Lesson:
    """An `Objective`: student and teacher see the same windows, and are to say the same.

    Some words are hidden behind the mask token, and others are replaced by subwords drawn from the
    whole vocabulary: the teacher says what may stand there, and what of a word that the corpus
    lacks. `ordinary_ids` are the subwords to draw from; `kept` the layers of the teacher that the
    student began with.
    """

    teacher: Any
    kept: Sequence[int]
    settings: DistillationSettings
    mask_id: int | None
    ordinary_ids: torch.Tensor

    @property
    def asked(self) -> Mapping[str, Any]:
        """The hidden states of every layer."""
        return {"output_hidden_states": True} if self.settings.hidden_weight else {}

    def shown(self, batch: Batch) -> Batch:
        """The batch with words hidden and others replaced, of which the label is not known."""
        batch = with_hidden_words(batch, self.settings.masking, self.mask_id)
        if not self.settings.replacing:
            return batch
        ids, labels = batch["input_ids"], batch["labels"]
        replaced = drawn_words(batch["words"], self.settings.replacing)
        drawn = torch.randint(len(self.ordinary_ids), ids.shape, device=ids.device)
        others = self.ordinary_ids.to(ids.device)[drawn]
        return {
            **batch,
            "input_ids": torch.where(replaced, others, ids),
            "labels": labels.masked_fill(replaced & (labels != IGNORED), UNKNOWN),
        }

    def loss(self, outputs: Any, batch: Batch) -> torch.Tensor:
        """(1 - w) · T² · KL(teacher ‖ student) + w · cross-entropy + v · distance of hidden states.

        KL is that of the softened distributions. The distance is a mean over positions, and counts
        once for each word, as the others do.
        """
        seen = {name: batch[name] for name in ("input_ids", "attention_mask")}
        with torch.no_grad():
            taught = self.teacher(**seen, **self.asked)
        words = batch["labels"] != IGNORED
        settings = self.settings
        soft = divergence(taught["logits"][words], outputs["logits"][words], settings.temperature)
        hard = cross_entropy(outputs["logits"], batch["labels"])
        total = (1 - settings.gold_weight) * soft + settings.gold_weight * hard
        if not settings.hidden_weight:
            return total
        apart = self._apart(taught["hidden_states"], outputs["hidden_states"], batch)
        return total + settings.hidden_weight * words.sum() * apart

    def _apart(self, taught: Any, said: Any, batch: Batch) -> torch.Tensor:
        """1 - the cosine between hidden states behind the same layers, a mean over positions.

        The first entry of hidden states is that of the embeddings.
        """
        real = batch["attention_mask"].bool()
        cosines = [
            functional.cosine_similarity(taught[layer + 1][real], mine[real], dim=-1)
            for layer, mine in zip(self.kept, said[1:], strict=True)
        ]
        return 1 - torch.stack(cosines).mean()


def divergence(
    teacher: torch.Tensor, student: torch.Tensor, temperature: float = 1.0
) -> torch.Tensor:
    """T² · KL(teacher ‖ student), summed over words, of logits (words × tags) divided by T.

    The gradient of the softened distributions shrinks with T²: the factor makes up for it, so that
    the weight of gold labels means the same at every temperature (Hinton, Vinyals & Dean, 2015, 2).
    """
    target = functional.log_softmax(teacher.float() / temperature, dim=-1)
    said = functional.log_softmax(student.float() / temperature, dim=-1)
    summed = functional.kl_div(said, target, reduction="sum", log_target=True)
    return summed * temperature**2
