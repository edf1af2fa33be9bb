"""A tagger and gold documents → scores."""

from __future__ import annotations

from collections.abc import Iterable

from nerine.document import Document
from nerine.metrics import Evaluation, score
from nerine.tagger import Tagger


def evaluate(tagger: Tagger, documents: Iterable[Document]) -> Evaluation:
    """Tags `documents` as a user's text would be tagged, and compares with their gold entities."""
    gold = list(documents)
    return score(gold, tagger.predict(gold))
