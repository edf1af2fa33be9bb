"""Reliability: is an entity with a score of 0.8 right in eight cases of ten?

Predicted entities are put into bins by their score. In each bin the mean score is what the model
claims and the precision is what came true (DeGroot & Fienberg, 1983). The expected calibration
error is the mean distance of the two, weighted by the bins' counts, the maximum one the largest
distance (Guo et al., 2017). Both grow with chance where bins hold few entities: scores that are
exactly right have an error above 0 in a small sample.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import fsum
from typing import Any, Literal, get_args

from nerine.core.document import Document, Entity
from nerine.core.errors import CorpusError, SettingsError
from nerine.evaluation.metrics.scoring import ranges_of, side_by_side

Binning = Literal["width", "mass"]
"""Bins of equal width, or of about equally many entities."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A predicted entity's label and score, and whether a gold entity is the very same."""

    label: str
    score: float
    correct: bool


@dataclass(frozen=True, slots=True)
class Bin:
    """The predicted entities whose score is from `low` to `high`.

    `mean_score` and `precision`, the share that is correct, are from 0 to 1.
    """

    low: float
    high: float
    count: int
    mean_score: float
    precision: float

    @property
    def gap(self) -> float:
        """How far the scores are above the precision; negative where they are too modest."""
        return self.mean_score - self.precision


@dataclass(frozen=True, slots=True)
class Reliability:
    """What the scores of `entities` predicted entities are worth.

    - `bins`: in the order of their scores; a bin without entities is left out.
    - `error`: the expected calibration error; `largest_error`: the maximum calibration error.
    - `brier`: the mean squared distance of score and outcome, 1 for a correct entity, else 0
      (Brier, 1950). It needs no bins, and falls when scores tell right from wrong entities.
    - `labels`: the same for each predicted label alone.

    All three errors are from 0, the best, to 1; they are 0 where nothing was predicted. Gold
    entities that were missed have no score and do not count.
    """

    bins: tuple[Bin, ...]
    error: float
    largest_error: float
    brier: float
    entities: int
    labels: Mapping[str, Reliability] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "entities": self.entities,
            "error": self.error,
            "largest_error": self.largest_error,
            "brier": self.brier,
            "bins": [asdict(each) for each in self.bins],
            "labels": {label: each.to_dict() for label, each in self.labels.items()},
        }


def reliability(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    *,
    bins: int = 10,
    binning: Binning = "width",
) -> Reliability:
    """Compares the scores of predicted entities with the share of them that is correct.

    Bins of equal width are half-open, `[low, high)`, the last one closed. In bins of equal mass,
    `low` and `high` are the lowest and the highest score, and equal scores are never parted.

    Raises `CorpusError` for documents that do not belong together and for predicted entities
    without a score.
    """
    if bins < 1:
        raise SettingsError(f"{bins} bins", place="bins", expected="at least 1")
    if binning not in get_args(Binning):
        raise SettingsError(
            f"{binning!r} is not known", place="binning", expected=" or ".join(get_args(Binning))
        )
    found = judged(gold, predicted)
    labels = {
        label: _reliability(members, bins, binning, {})
        for label, members in sorted(by_label(found).items())
    }
    return _reliability(found, bins, binning, labels)


def judged(gold: Sequence[Document], predicted: Sequence[Document]) -> list[Judged]:
    """Every predicted entity, judged by the gold ones of its document, in order."""
    result = []
    for index, (reference, output) in enumerate(side_by_side(gold, predicted)):
        wanted = set(ranges_of(reference))
        for entity in output.entities:
            correct = (entity.start, entity.end, entity.label) in wanted
            place = f"predicted document {output.id or index}"
            result.append(Judged(entity.label, score_of(entity, place), correct))
    return result


def by_label(found: Iterable[Judged]) -> dict[str, list[Judged]]:
    """The entities of each predicted label."""
    result: dict[str, list[Judged]] = {}
    for each in found:
        result.setdefault(each.label, []).append(each)
    return result


def score_of(entity: Entity, place: str) -> float:
    """An entity's score; raises `CorpusError` where it has none, or one that is no probability."""
    if entity.score is not None and 0 <= entity.score <= 1:
        return entity.score
    found = "no score" if entity.score is None else f"the score {entity.score!r}"
    raise CorpusError(
        f"the entity [{entity.start}, {entity.end}) as {entity.label} has {found}",
        place=place,
        expected="a probability from 0 to 1 for every predicted entity",
        hint="a tagger's entities have scores, and so have files that nerine predict wrote",
    )


def _reliability(
    found: Sequence[Judged], bins: int, binning: Binning, labels: Mapping[str, Reliability]
) -> Reliability:
    filled = _binned(found, bins, binning)
    gaps = [abs(each.gap) for each in filled]
    weighted = fsum(each.count * gap for each, gap in zip(filled, gaps, strict=True))
    squares = fsum((each.score - each.correct) ** 2 for each in found)
    size = max(1, len(found))
    return Reliability(
        bins=filled,
        error=weighted / size,
        largest_error=max(gaps, default=0.0),
        brier=squares / size,
        entities=len(found),
        labels=labels,
    )


def _binned(found: Sequence[Judged], bins: int, binning: Binning) -> tuple[Bin, ...]:
    members: dict[int, list[Judged]] = {}
    ordered = sorted(each.score for each in found)
    edges = [index / bins for index in range(bins + 1)]
    for each in found:
        if binning == "width":
            index = bisect_right(edges, each.score, hi=bins) - 1
        else:  # by the rank of the first one with this score
            index = bisect_left(ordered, each.score) * bins // len(ordered)
        members.setdefault(index, []).append(each)
    if binning == "width":
        return tuple(
            _bin(members[index], edges[index], edges[index + 1]) for index in sorted(members)
        )
    return tuple(_bin(members[index]) for index in sorted(members))


def _bin(members: Sequence[Judged], low: float | None = None, high: float | None = None) -> Bin:
    scores = [each.score for each in members]
    return Bin(
        low=min(scores) if low is None else low,
        high=max(scores) if high is None else high,
        count=len(members),
        mean_score=fsum(scores) / len(members),
        precision=sum(each.correct for each in members) / len(members),
    )
