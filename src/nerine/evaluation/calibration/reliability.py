"""Reliability diagrams: is an entity with a score of 0.8 correct in eight cases of ten?

Predicted entities are put into bins by their score. A bin's mean score is the model's confidence,
its precision the observed share of correct entities (DeGroot & Fienberg, 1983). The expected
calibration error is the mean distance of the two, weighted by the bins' counts, the maximum
calibration error the largest distance (Guo et al., 2017). Both grow by chance if bins hold few
entities: even perfectly calibrated scores have an error above 0 in a small sample.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import fsum
from typing import Any, Literal, get_args

from nerine.core.arguments import checked
from nerine.core.document import Document, Entity
from nerine.core.errors import CorpusError, SettingsError
from nerine.evaluation.metrics.scoring import document_pairs, ranges_of
from nerine.evaluation.plots import plot_reliability

Binning = Literal["width", "mass"]
"""Bins of equal width, or of about equally many entities."""


@dataclass(frozen=True, slots=True)
class ScoredEntity:
    """A predicted entity's label and score, and whether the entity is correct."""

    label: str
    score: float
    correct: bool


@dataclass(frozen=True, slots=True)
class Bin:
    """The predicted entities with scores from `low` to `high`.

    `mean_score` and `precision` are from 0 to 1.
    """

    low: float
    high: float
    count: int
    mean_score: float
    precision: float

    @property
    def gap(self) -> float:
        """Mean score minus precision: positive if overconfident, negative if underconfident."""
        return self.mean_score - self.precision


@dataclass(frozen=True, slots=True)
class ReliabilityDiagram:
    """Scores of predicted entities against their precision, in bins.

    All errors are from 0, the best, to 1, and 0 if nothing was predicted. Missed gold entities
    have no score and do not count.

    Attributes:
        bins: The bins with entities, by ascending score.
        expected_calibration_error: Mean gap of the bins, weighted by their counts.
        maximum_calibration_error: The largest gap of a bin.
        brier_score: Mean squared difference of score and outcome, 1 for a correct entity, else 0
            (Brier, 1950). It needs no bins, and falls if scores separate correct from wrong
            entities.
        entities: Number of predicted entities.
        labels: The diagram of each predicted label.
    """

    bins: tuple[Bin, ...]
    expected_calibration_error: float
    maximum_calibration_error: float
    brier_score: float
    entities: int
    labels: Mapping[str, ReliabilityDiagram] = field(default_factory=dict)

    def plot(self, *, ax: Any = None) -> Any:
        """Draws the precision of entities by their score.

        Args:
            ax: Matplotlib's axes to draw on; by default those of a new figure.

        Returns:
            The axes.

        Raises:
            MissingExtraError: If matplotlib is not installed.
        """
        return plot_reliability(self.bins, ax)

    def to_dict(self) -> dict[str, Any]:
        """Errors and bins for JSON."""
        return {
            "entities": self.entities,
            "error": self.expected_calibration_error,
            "largest_error": self.maximum_calibration_error,
            "brier": self.brier_score,
            "bins": [asdict(each) for each in self.bins],
            "labels": {label: each.to_dict() for label, each in self.labels.items()},
        }


@checked
def reliability_diagram(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    *,
    bins: int = 10,
    binning: Binning = "width",
) -> ReliabilityDiagram:
    """Reliability diagram of predicted entities, over all labels and for each.

    Bins of equal width are half-open, `[low, high)`, the last one closed. In bins of equal mass,
    `low` and `high` are the lowest and the highest score, and equal scores share a bin.

    Raises:
        CorpusError: If the documents' texts differ, or a predicted entity has no score.
        SettingsError: If the number of bins is below 1, or the binning is unknown.
    """
    if bins < 1:
        raise SettingsError(f"{bins} bins", place="bins", expected="at least 1")
    if binning not in get_args(Binning):
        raise SettingsError(
            f"{binning!r} is unknown", place="binning", expected=" or ".join(get_args(Binning))
        )
    entities = scored_entities(gold, predicted)
    by_name = sorted(by_label(entities).items())
    labels = {label: _diagram(members, bins, binning) for label, members in by_name}
    return replace(_diagram(entities, bins, binning), labels=labels)


def scored_entities(gold: Sequence[Document], predicted: Sequence[Document]) -> list[ScoredEntity]:
    """All predicted entities, in order; raises `CorpusError` if one has no score."""
    result = []
    for index, (gold_document, predicted_document) in enumerate(document_pairs(gold, predicted)):
        gold_ranges = set(ranges_of(gold_document))
        for entity in predicted_document.entities:
            correct = (entity.start, entity.end, entity.label) in gold_ranges
            place = f"predicted document {predicted_document.id or index}"
            result.append(ScoredEntity(entity.label, score_of(entity, place), correct))
    return result


def by_label(entities: Iterable[ScoredEntity]) -> dict[str, list[ScoredEntity]]:
    """Entities by predicted label."""
    result: dict[str, list[ScoredEntity]] = {}
    for each in entities:
        result.setdefault(each.label, []).append(each)
    return result


def score_of(entity: Entity, place: str) -> float:
    """An entity's score; raises `CorpusError` if it is missing or not a probability."""
    if entity.score is not None and 0 <= entity.score <= 1:
        return entity.score
    found = "no score" if entity.score is None else f"the score {entity.score!r}"
    raise CorpusError(
        f"the entity [{entity.start}, {entity.end}) as {entity.label} has {found}",
        place=place,
        expected="a probability from 0 to 1 for every predicted entity",
        hint="predict with a Tagger without rules, or read a file that nerine predict --json wrote",
    )


def _diagram(entities: Sequence[ScoredEntity], bins: int, binning: Binning) -> ReliabilityDiagram:
    ordered = sorted(each.score for each in entities)
    edges = [index / bins for index in range(bins + 1)]
    members: dict[int, list[ScoredEntity]] = {}
    for each in entities:
        if binning == "width":
            index = bisect_right(edges, each.score, hi=bins) - 1
        else:  # by the rank of the first entity with this score
            index = bisect_left(ordered, each.score) * bins // len(ordered)
        members.setdefault(index, []).append(each)
    filled = []
    for index in sorted(members):
        scores = [each.score for each in members[index]]
        filled.append(
            Bin(
                low=edges[index] if binning == "width" else min(scores),
                high=edges[index + 1] if binning == "width" else max(scores),
                count=len(scores),
                mean_score=fsum(scores) / len(scores),
                precision=sum(each.correct for each in members[index]) / len(scores),
            )
        )
    size = max(1, len(entities))
    return ReliabilityDiagram(
        bins=tuple(filled),
        expected_calibration_error=fsum(each.count * abs(each.gap) for each in filled) / size,
        maximum_calibration_error=max((abs(each.gap) for each in filled), default=0.0),
        brier_score=fsum((each.score - each.correct) ** 2 for each in entities) / size,
        entities=len(entities),
    )
