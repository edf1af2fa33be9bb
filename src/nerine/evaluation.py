"""A tagger and gold documents → scores."""

from __future__ import annotations

from collections.abc import Iterable

from nerine.document import Document
from nerine.metrics import Evaluation, score
from nerine.tagger import Tagger


def evaluate(tagger: Tagger, documents: Iterable[Document]) -> Evaluation:
    """Tags documents as a user's text would be tagged, and compares with their gold entities.

    Args:
        tagger: The tagger, with its thresholds if it has some.
        documents: Documents with gold entities.

    Returns:
        The scores, strict and partial.

    Raises:
        CorpusError: Where there is nothing that could be compared.
        CheckpointError: Where the model's logits are no finite numbers.
    """
    gold = list(documents)
    return score(gold, tagger.predict(gold))
