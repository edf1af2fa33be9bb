"""Validation: labelled documents, tagged in the same way as any text, against their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nerine.core.document import Document
from nerine.evaluation.metrics import Scores, score
from nerine.model.batching import look_aheads
from nerine.model.heads.tags import IGNORED
from nerine.model.inference import Inference
from nerine.model.logits import WordLogits
from nerine.model.ragged import BoolArray, IntArray
from nerine.training.crf import documents_loss
from nerine.training.dataset import UNKNOWN


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predicted documents, and the loss summed over their words with subwords and a tag."""

    documents: list[Document]
    loss: float
    words: int


def validate(inference: Inference, documents: Sequence[Document]) -> tuple[Scores, float]:
    """The scores of labelled documents, and the mean loss of the words with subwords and a tag."""
    return judge(documents, [predict(inference, documents)])


def predict(inference: Inference, documents: Sequence[Document]) -> Predictions:
    """The predictions for labelled documents."""
    predicted: list[Document] = []
    total = 0.0
    words = 0
    for ahead in look_aheads(documents):
        logits = inference.word_logits(ahead)
        predicted += inference.head.decode(ahead, logits)
        targets = np.concatenate(
            [
                inference.head.targets(document, encoding.words)[0]
                for document, encoding in zip(ahead, logits.encoding, strict=True)
            ]
        )
        # words of an entity whose label training lacks have no tag that could be right
        seen = (logits.encoding.word_starts >= 0) & (targets != IGNORED)
        total += _loss(inference, logits, targets, seen)
        words += int(seen.sum())
    return Predictions(predicted, total, words)


def _loss(inference: Inference, logits: WordLogits, targets: IntArray, seen: BoolArray) -> float:
    """The loss summed over the words `seen`, which is that of whole documents for a CRF."""
    values = torch.from_numpy(logits.values)
    if inference.settings.learned is None:
        return float(inference.head.loss(values[seen], torch.from_numpy(targets[seen])))
    known = torch.from_numpy(np.where(seen, targets, UNKNOWN))
    return documents_loss(values, known, logits.encoding.lengths.tolist(), inference.settings)


def judge(documents: Sequence[Document], shares: Sequence[Predictions]) -> tuple[Scores, float]:
    """The result of `validate`, from the predictions of shares.

    Of n shares, the first has the documents 0, n, 2n and so on, the second 1, n + 1 and so on.
    """
    predicted = [
        shares[index % len(shares)].documents[index // len(shares)]
        for index in range(len(documents))
    ]
    loss, words = sum(each.loss for each in shares), sum(each.words for each in shares)
    return score(documents, predicted), loss / max(words, 1)
