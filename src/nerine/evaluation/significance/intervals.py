"""Bootstrap intervals around scores (Efron & Tibshirani, 1993).

Documents are drawn with replacement, as many as there are, and the score is counted anew, many
times over. The interval lies between two quantiles of these scores, moved for bias and skewness
(BCa; Efron, 1987): F1 is a ratio of sums, whose distribution is not symmetric.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from nerine.core.document import Document
from nerine.core.errors import SettingsError
from nerine.evaluation.significance.samples import (
    FloatArray,
    document_counts,
    f1,
    precision,
    recall,
    resampled,
)

SAMPLES = 1000
LEVEL = 0.95
FEW_DOCUMENTS = 30
"""With fewer, intervals are too narrow and the bootstrap's p is too small."""

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Interval:
    """The bounds between which a score lies at a level of confidence.

    Attributes:
        low: The lower bound: a precision, recall or F1 from 0 to 1, or a difference of two.
        high: The upper bound of the same precision, recall, F1 or difference.
    """

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Intervals:
    """The intervals of one set of counts.

    Attributes:
        precision: That of precision.
        recall: That of recall.
        f1: That of F1.
    """

    precision: Interval
    recall: Interval
    f1: Interval


@dataclass(frozen=True, slots=True)
class ScoreIntervals:
    """The intervals of an evaluation, and how they were found.

    Attributes:
        overall: Those over all labels.
        labels: Those of each label.
        level: The probability with which an interval is to hold the true score.
        samples: How many times the documents were resampled.
        seed: The seed of the resamples.
        documents: How many documents there are.
    """

    overall: Intervals
    labels: Mapping[str, Intervals]
    level: float
    samples: int
    seed: int
    documents: int

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def score_intervals(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    *,
    level: float = LEVEL,
    samples: int = SAMPLES,
    seed: int = 0,
) -> ScoreIntervals:
    """Intervals around strict precision, recall and F1, over all labels and for each.

    `level` is from 0 to 1. A sample in which nothing is to be counted scores 0, as a corpus does.
    With fewer than about 30 documents, or a handful of entities of a label, intervals are too
    narrow (`bench/certainty.py`).
    """
    check_sampling(level, samples, seed)
    counts = document_counts(gold, predicted)
    values = np.concatenate([counts.overall[:, None], counts.values], axis=1)
    generator = np.random.default_rng(seed)
    sums = resampled(values, samples, generator) if len(values) else values
    found = [
        _intervals(values[:, index], sums[:, index], level) for index in range(values.shape[1])
    ]
    labels = dict(zip(counts.labels, found[1:], strict=True))
    return ScoreIntervals(found[0], labels, level, samples, seed, len(gold))


def check_sampling(level: float, samples: int, seed: int) -> None:
    """Raises `SettingsError` for a level, a number of samples or a seed that makes no sense."""
    if not 0 < level < 1:
        raise SettingsError(
            f"{level} is no level of confidence", place="level", expected="a number from 0 to 1"
        )
    if samples < 1:
        raise SettingsError(f"{samples} is too small", place="samples", expected="at least 1")
    if seed < 0:
        raise SettingsError(f"{seed} is negative", place="seed", expected="a number from 0 on")


def _intervals(counts: FloatArray, sums: FloatArray, level: float) -> Intervals:
    return Intervals(
        *(interval_of(each, counts, each(sums), level) for each in (precision, recall, f1))
    )


def interval_of(
    measure: Callable[[FloatArray], FloatArray],
    counts: FloatArray,
    scores: FloatArray,
    level: float,
) -> Interval:
    """The BCa interval of a measure of `counts` `(documents, 3)`.

    `scores` (samples) are its values over resampled documents.
    """
    if not len(counts):
        return Interval(0.0, 0.0)
    total = counts.sum(axis=0)
    value = float(measure(total))
    # Of ties, half count as below: with few entities a score takes few values.
    below = float(np.mean(scores < value) + np.mean(scores == value) / 2)
    if not 0 < below < 1 or np.ptp(scores) == 0:
        return _quantiles(scores, (1 - level) / 2, (1 + level) / 2)
    bias = _NORMAL.inv_cdf(below)
    skewness = _acceleration(measure(total - counts))
    low = _NORMAL.inv_cdf((1 - level) / 2)
    return _quantiles(scores, *(_moved(z, bias, skewness) for z in (low, -low)))


def _moved(z: float, bias: float, skewness: float) -> float:
    """The share of samples below a bound that stands at `z` in a normal distribution."""
    rest = 1 - skewness * (bias + z)
    if rest <= 0:  # so far out that the correction has no bound
        return float(bias + z > 0)
    return _NORMAL.cdf(bias + (bias + z) / rest)


def _acceleration(left_out: FloatArray) -> float:
    """From the scores with one document left out each (the jackknife)."""
    distances = left_out.mean() - left_out
    spread = float(np.sum(distances**2)) ** 1.5
    return float(np.sum(distances**3)) / (6 * spread) if spread else 0.0


def _quantiles(scores: FloatArray, low: float, high: float) -> Interval:
    bounds = np.quantile(scores, [low, high])
    return Interval(float(bounds[0]), float(bounds[1]))
