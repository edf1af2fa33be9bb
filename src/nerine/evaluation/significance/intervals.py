"""Bootstrap confidence intervals of scores (Efron & Tibshirani, 1993).

Documents are drawn with replacement, as many as there are, and scored, many times over. The
interval lies between two quantiles of these scores, corrected for bias and skewness (BCa; Efron,
1987): F1 is a ratio of sums, whose distribution is not symmetric.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from nerine.core.document import Document, labels_of
from nerine.core.errors import SettingsError
from nerine.evaluation.significance.samples import (
    FloatArray,
    bootstrap_sums,
    document_counts,
    f1,
    precision,
    recall,
)

SAMPLES = 1000
LEVEL = 0.95
FEW_DOCUMENTS = 30
"""With fewer documents, intervals are too narrow and the bootstrap's p is too small."""

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Interval:
    """Bounds of a confidence interval.

    Attributes:
        low: The lower bound of a precision, recall or F1 from 0 to 1, or of a difference of two.
        high: The upper bound.
    """

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Intervals:
    """Confidence intervals of precision, recall and F1.

    Attributes:
        precision: The interval of precision.
        recall: The interval of recall.
        f1: The interval of F1.
    """

    precision: Interval
    recall: Interval
    f1: Interval


@dataclass(frozen=True, slots=True)
class ScoreIntervals:
    """Confidence intervals of strict scores, and how they were sampled.

    Attributes:
        overall: The intervals over all labels.
        labels: The intervals of each label.
        level: The confidence level, between 0 and 1.
        samples: The number of bootstrap samples.
        seed: The seed of the samples.
        documents: The number of documents.
    """

    overall: Intervals
    labels: Mapping[str, Intervals]
    level: float
    samples: int
    seed: int
    documents: int

    def to_dict(self) -> dict[str, Any]:
        """The fields for JSON."""
        return asdict(self)


def score_intervals(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    *,
    level: float = LEVEL,
    samples: int = SAMPLES,
    seed: int = 0,
) -> ScoreIntervals:
    """Confidence intervals of strict precision, recall and F1, over all labels and for each.

    `level` is between 0 and 1. A sample without entities scores 0, as a corpus does. With fewer
    than about 30 documents, or a handful of entities of a label, intervals are too narrow
    (`bench/significance.py`).
    """
    check_sampling(level, samples, seed)
    labels = labels_of([*gold, *predicted])
    counts = document_counts(gold, predicted, labels)
    sums = bootstrap_sums(counts, samples, np.random.default_rng(seed)) if len(counts) else counts
    overall, *by_label = (
        Intervals(
            *(
                bca_interval(measure, counts[:, column], measure(sums[:, column]), level)
                for measure in (precision, recall, f1)
            )
        )
        for column in range(1 + len(labels))
    )
    by_name = dict(zip(labels, by_label, strict=True))
    return ScoreIntervals(overall, by_name, level, samples, seed, len(gold))


def check_sampling(level: float, samples: int, seed: int) -> None:
    """Raises `SettingsError` if the level, the number of samples or the seed is out of range."""
    if not 0 < level < 1:
        raise SettingsError(
            f"{level} is not a valid confidence level",
            place="level",
            expected="a number between 0 and 1, such as 0.95",
        )
    if samples < 1:
        raise SettingsError(f"{samples} is too small", place="samples", expected="at least 1")
    if seed < 0:
        raise SettingsError(f"{seed} is negative", place="seed", expected="0 or more")


def bca_interval(
    measure: Callable[[FloatArray], FloatArray],
    counts: FloatArray,
    scores: FloatArray,
    level: float,
) -> Interval:
    """The BCa interval of a measure of `counts` (documents, 3).

    `scores` (samples,) are its values over bootstrap samples of the documents.
    """
    if not len(counts):
        return Interval(0.0, 0.0)
    total = counts.sum(axis=0)
    value = float(measure(total))
    # Half of the ties count as below: with few entities a score takes few values.
    below = float(np.mean(scores < value) + np.mean(scores == value) / 2)
    if not 0 < below < 1 or np.ptp(scores) == 0:
        return percentile_interval(scores, level)
    bias = _NORMAL.inv_cdf(below)
    left_out = measure(total - counts)  # the jackknife: scores with one document left out
    distances = left_out.mean() - left_out
    spread = float(np.sum(distances**2)) ** 1.5
    acceleration = float(np.sum(distances**3)) / (6 * spread) if spread else 0.0

    def corrected(z: float) -> float:
        rest = 1 - acceleration * (bias + z)
        if rest <= 0:  # so far out that the correction has no bound
            return float(bias + z > 0)
        return _NORMAL.cdf(bias + (bias + z) / rest)

    low = _NORMAL.inv_cdf((1 - level) / 2)
    bounds = np.quantile(scores, [corrected(low), corrected(-low)])
    return Interval(float(bounds[0]), float(bounds[1]))


def percentile_interval(scores: FloatArray, level: float) -> Interval:
    """The interval between the quantiles of `scores` that hold the share `level`."""
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))
