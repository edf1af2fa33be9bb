"""Confidence intervals of scores, and significance tests of differences between systems.

============  ==========================================================================
module        content
============  ==========================================================================
`samples`     strict counts of each document as arrays, and bootstrap samples of them
`intervals`   bootstrap intervals of precision, recall and F1 (Efron & Tibshirani, 1993)
`shares`      the interval of a share near 0 or 1, such as the recall of redaction
`comparison`  two or more systems, of one or several seeds, on the same documents
============  ==========================================================================

The unit of sampling is the document: entities of one text are not independent of each other.
"""

from nerine.evaluation.significance.comparison import Comparison, Difference, System, compare
from nerine.evaluation.significance.intervals import (
    Interval,
    Intervals,
    ScoreIntervals,
    score_intervals,
)
from nerine.evaluation.significance.shares import share_interval

__all__ = [
    "Comparison",
    "Difference",
    "Interval",
    "Intervals",
    "ScoreIntervals",
    "System",
    "compare",
    "score_intervals",
    "share_interval",
]
