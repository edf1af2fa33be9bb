"""A tagger and gold documents → scores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from nerine.core.document import Document
from nerine.evaluation.metrics import Scores, score


class Predictor(Protocol):
    """Anything that finds entities in documents, such as a `Tagger`."""

    def predict(self, texts: Iterable[str | Document], /) -> list[Document]:
        """The documents of some texts, in order, with predicted entities.

        Args:
            texts: The texts.
        """
        ...


def evaluate(tagger: Predictor, documents: Iterable[Document]) -> Scores:
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
