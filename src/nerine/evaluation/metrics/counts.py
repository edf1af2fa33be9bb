"""Counts, and the scores that follow from them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """How many entities are gold, how many were predicted, and how many of these are correct.

    `precision`, `recall` and `f1` are from 0 to 1, and 0 where nothing is to be counted.

    Attributes:
        correct: How many predicted entities are correct.
        predicted: How many entities were predicted.
        gold: How many gold entities there are.
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
        """The harmonic mean of precision and recall, from 0 to 1."""
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
class Averages:
    """Means of the labels' scores: each label counts alike (macro), or by its support.

    Attributes:
        precision: The mean precision, from 0 to 1.
        recall: The mean recall, from 0 to 1.
        f1: The mean F1, from 0 to 1.
    """

    precision: float
    recall: float
    f1: float

    def to_dict(self) -> dict[str, float]:
        """For JSON: precision, recall and F1."""
        return {"precision": self.precision, "recall": self.recall, "f1": self.f1}


def macro_average(counts: Collection[Counts]) -> Averages:
    """The mean over labels, each of which counts alike; 0 without labels."""
    return _average(counts, [1] * len(counts))


def weighted_average(counts: Collection[Counts]) -> Averages:
    """The mean over labels, each by its number of gold entities; 0 without any."""
    return _average(counts, [each.gold for each in counts])


def _average(counts: Collection[Counts], weights: list[int]) -> Averages:
    total = sum(weights)
    if not total:
        return Averages(0.0, 0.0, 0.0)
    return Averages(
        *(
            sum(w * getattr(each, name) for each, w in zip(counts, weights, strict=True)) / total
            for name in ("precision", "recall", "f1")
        )
    )


@dataclass(frozen=True, slots=True)
class PartialCounts:
    """The five counts of MUC-5 (Chinchor & Sundheim, 1993).

    Each gold entity is correct, incorrect, partial or missing; each predicted one is correct,
    incorrect, partial or spurious. A partial one counts half.

    Attributes:
        correct: Entities that agree.
        incorrect: Entities that do not.
        partial: Entities that agree in part.
        missing: Gold entities beside which no predicted one was set.
        spurious: Predicted entities beside which no gold one was set.
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
        """How many entities are gold; MUC calls them possible."""
        return self.correct + self.incorrect + self.partial + self.missing

    @property
    def predicted(self) -> int:
        """How many entities were predicted; MUC calls them actual."""
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
        """The harmonic mean of precision and recall."""
        both = self.predicted + self.gold
        return 2 * self._credit / both if both else 0.0

    @property
    def _credit(self) -> float:
        return self.correct + self.partial / 2

    def to_dict(self) -> dict[str, float]:
        """For JSON: the counts of entities, then precision, recall and F1."""
        return {
            "correct": self.correct,
            "incorrect": self.incorrect,
            "partial": self.partial,
            "missing": self.missing,
            "spurious": self.spurious,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
        }
