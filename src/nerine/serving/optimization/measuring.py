"""Scores of a variant, its agreement with PyTorch, and its speed."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from time import perf_counter
from typing import Any

from nerine.core.document import Document
from nerine.evaluation.metrics import Counts, score
from nerine.evaluation.significance import score_intervals
from nerine.evaluation.significance.intervals import Interval
from nerine.model.tagger import Tagger
from nerine.serving.optimization.footprint import Footprint

ROUNDS = 3
_TIMED = 1000
"""The number of documents that are timed, spread over all of them."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """A variant's predictions against gold and against PyTorch.

    Attributes:
        counts: The counts against the gold entities.
        interval: The interval of its F1.
        same_documents: The share of documents with exactly the entities of PyTorch.
        same_f1: The F1 of its entities against those of PyTorch, from 0 to 1.
    """

    counts: Counts
    interval: Interval
    same_documents: float
    same_f1: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """One variant on the user's own documents.

    Attributes:
        variant: Its name.
        agreement: Its predictions against gold and against PyTorch.
        rate: Documents a second, from text to entities: the median of three rounds, in which the
            variants take turns.
        size: The bytes of the file with the weights.
        footprint: Memory and time to the first result, in a process of its own.
    """

    variant: str
    agreement: Agreement
    rate: float
    size: int
    footprint: Footprint

    @property
    def f1(self) -> float:
        """The F1 against the gold entities, from 0 to 1."""
        return self.agreement.counts.f1

    def to_dict(self) -> dict[str, Any]:
        """The fields for JSON."""
        return {
            "variant": self.variant,
            **self.agreement.counts.to_dict(),
            **{name: value for name, value in asdict(self.agreement).items() if name != "counts"},
            "documents_a_second": self.rate,
            "bytes": self.size,
            **asdict(self.footprint),
        }


def compare_with(
    gold: Sequence[Document], reference: Sequence[Document], found: Sequence[Document]
) -> Agreement:
    """Scores `found` against gold, and against the `reference` as if that were gold."""
    same = [ranges_of(one) == ranges_of(other) for one, other in zip(reference, found, strict=True)]
    agreement = score(reference, found).overall
    nothing_to_differ = agreement.gold + agreement.predicted == 0
    return Agreement(
        counts=score(gold, found).overall,
        interval=score_intervals(gold, found).overall.f1,
        same_documents=sum(same) / len(same),
        same_f1=1.0 if nothing_to_differ else agreement.f1,
    )


def ranges_of(document: Document) -> list[tuple[int, int, str]]:
    """The ranges and labels of a document's entities, without scores."""
    return [(each.start, each.end, each.label) for each in document.entities]


def rates(taggers: Mapping[str, Tagger], documents: Sequence[Document]) -> dict[str, float]:
    """Documents a second of each tagger, the median of rounds in which they take turns.

    Other work of the machine then slows all of them alike.
    """
    timed = documents[:: -(-len(documents) // _TIMED)]
    seconds: dict[str, list[float]] = {name: [] for name in taggers}
    gc.collect()
    for _ in range(ROUNDS):
        for name, tagger in taggers.items():
            began = perf_counter()
            tagger.predict(timed)
            seconds[name].append(perf_counter() - began)
    return {name: len(timed) / median(each) for name, each in seconds.items()}
