"""Counts of entities, and the precision, recall and F1 that follow from them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of correct, predicted and gold entities.

    `precision`, `recall` and `f1` are from 0 to 1, and 0 if their denominator is 0.

    Attributes:
        correct: Number of predicted entities that are correct.
        predicted: Number of predicted entities.
        gold: Number of gold entities.
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
        """Correct ÷ predicted, from 0 to 1."""
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Correct ÷ gold, from 0 to 1."""
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, from 0 to 1."""
        both = self.predicted + self.gold
        return 2 * self.correct / both if both else 0.0

    def to_dict(self) -> dict[str, float]:
        """Scores for JSON; `support` is the number of gold entities."""
        return measures(self) | {"support": self.gold}


@dataclass(frozen=True, slots=True)
class Averages:
    """Weighted means of the scores of several labels.

    Attributes:
        precision: Mean precision, from 0 to 1.
        recall: Mean recall, from 0 to 1.
        f1: Mean F1, from 0 to 1.
    """

    precision: float
    recall: float
    f1: float

    @classmethod
    def of(cls, counts: Collection[Counts], weights: Collection[int]) -> Averages:
        """Means of scores, each with a weight; 0 if the weights sum to 0."""
        total = sum(weights)
        if not total:
            return cls(0.0, 0.0, 0.0)
        pairs = list(zip(weights, counts, strict=True))
        return cls(
            precision=sum(weight * each.precision for weight, each in pairs) / total,
            recall=sum(weight * each.recall for weight, each in pairs) / total,
            f1=sum(weight * each.f1 for weight, each in pairs) / total,
        )

    def to_dict(self) -> dict[str, float]:
        """Precision, recall and F1 for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class PartialCounts:
    """The five counts of MUC-5 (Chinchor & Sundheim, 1993).

    Each gold entity is correct, incorrect, partial or missing; each predicted one is correct,
    incorrect, partial or spurious. A partial one counts half.

    Attributes:
        correct: Entities that match.
        incorrect: Entities that were aligned and do not match.
        partial: Entities that match in part.
        missing: Gold entities without a predicted one.
        spurious: Predicted entities without a gold one.
    """

    correct: int = 0
    incorrect: int = 0
    partial: int = 0
    missing: int = 0
    spurious: int = 0

    def __add__(self, other: PartialCounts) -> PartialCounts:
        return PartialCounts(
            self.correct + other.correct,
            self.incorrect + other.incorrect,
            self.partial + other.partial,
            self.missing + other.missing,
            self.spurious + other.spurious,
        )

    @property
    def gold(self) -> int:
        """Number of gold entities ("possible" in MUC)."""
        return self.correct + self.incorrect + self.partial + self.missing

    @property
    def predicted(self) -> int:
        """Number of predicted entities ("actual" in MUC)."""
        return self.correct + self.incorrect + self.partial + self.spurious

    @property
    def precision(self) -> float:
        """(Correct + partial ÷ 2) ÷ predicted, from 0 to 1."""
        return self._credit / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """(Correct + partial ÷ 2) ÷ gold, from 0 to 1."""
        return self._credit / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, from 0 to 1."""
        both = self.predicted + self.gold
        return 2 * self._credit / both if both else 0.0

    @property
    def _credit(self) -> float:
        return self.correct + self.partial / 2

    def to_dict(self) -> dict[str, float]:
        """The five counts, then precision, recall and F1, for JSON."""
        return asdict(self) | measures(self)


def measures(counts: Counts | PartialCounts) -> dict[str, float]:
    """Precision, recall and F1 of counts, by name."""
    return {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1}
