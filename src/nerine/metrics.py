"""Counts over entities → scores.

An entity is correct if its start, its end and its label are those of a gold entity, in code
points. For entities on token boundaries this is the count of seqeval's strict mode.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nerine.document import Document, Token
from nerine.errors import CorpusError
from nerine.schemes import TagScheme
from nerine.segmentation import rule_words, word_spans


@dataclass(frozen=True, slots=True)
class Counts:
    """How many entities are gold, how many were predicted, and how many of these are correct.

    `precision`, `recall` and `f1` are from 0 to 1, and 0 where nothing is to be counted.
    """

    correct: int = 0
    predicted: int = 0
    gold: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.correct + other.correct,
            self.predicted + other.predicted,
            self.gold + other.gold,
        )

    @property
    def precision(self) -> float:
        """Correct ÷ predicted."""
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Correct ÷ gold."""
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall: 2 · correct ÷ (predicted + gold)."""
        both = self.predicted + self.gold
        return 2 * self.correct / both if both else 0.0

    def to_dict(self) -> dict[str, float]:
        """For JSON; `support` is the number of gold entities."""
        return {
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "support": self.gold,
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one prediction over a set of documents is worth.

    `overall` adds up the labels (micro average). `accuracy` is the share of tokens whose IOB2 tag
    is the gold one, over the documents' own tokens, or over words by the rule where they have
    none; `tokens` is how many these are.
    """

    overall: Counts
    labels: Mapping[str, Counts]
    accuracy: float
    tokens: int
    documents: int

    def to_dict(self) -> dict[str, Any]:
        """For JSON: scores from 0 to 1."""
        return {
            "overall": self.overall.to_dict(),
            "accuracy": self.accuracy,
            "labels": {label: counts.to_dict() for label, counts in self.labels.items()},
            "documents": self.documents,
            "tokens": self.tokens,
        }


def score(gold: Sequence[Document], predicted: Sequence[Document]) -> Evaluation:
    """Compares the entities of documents that stand side by side and have the same texts."""
    counts: dict[str, Counts] = {}
    right = tokens = 0
    for reference, output in side_by_side(gold, predicted):
        _count_entities(counts, reference, output)
        hits, size = _count_tokens(reference, output)
        right += hits
        tokens += size
    return Evaluation(
        overall=sum(counts.values(), Counts()),
        labels=dict(sorted(counts.items())),
        accuracy=right / tokens if tokens else 0.0,
        tokens=tokens,
        documents=len(gold),
    )


def side_by_side(
    gold: Sequence[Document], predicted: Sequence[Document]
) -> Iterator[tuple[Document, Document]]:
    """Each gold document with its predicted one; raises `CorpusError` if they do not belong."""
    if len(gold) != len(predicted):
        raise CorpusError(
            f"{len(predicted)} predicted documents for {len(gold)} gold ones",
            expected="as many of one as of the other, in the same order",
        )
    for index, (reference, output) in enumerate(zip(gold, predicted, strict=True)):
        if reference.text != output.text:
            raise CorpusError(
                f"the texts of document {index} differ: "
                f"{reference.text[:60]!r} and {output.text[:60]!r}",
                expected="the same text, gold and predicted",
            )
        yield reference, output


def _count_entities(counts: dict[str, Counts], gold: Document, predicted: Document) -> None:
    wanted = _ranges(gold)
    found = _ranges(predicted)
    for column, ranges in (("gold", wanted), ("predicted", found), ("correct", wanted & found)):
        for label, number in Counter(label for _, _, label in ranges).items():
            counts[label] = counts.get(label, Counts()) + Counts(**{column: number})


def _ranges(document: Document) -> set[tuple[int, int, str]]:
    return {(entity.start, entity.end, entity.label) for entity in document.entities}


def _count_tokens(gold: Document, predicted: Document) -> tuple[int, int]:
    units = rule_words(gold.text) if gold.tokens is None else gold.tokens
    pairs = zip(_tags(gold, units), _tags(predicted, units), strict=True)
    return sum(left == right for left, right in pairs), len(units)


def _tags(document: Document, units: Sequence[Token]) -> Iterable[str]:
    spans, _ = word_spans(document, units)
    return TagScheme.IOB2.encode(spans, len(units))
