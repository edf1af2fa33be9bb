"""Confidence intervals of scores, and significance tests of differences between systems.

============  ==========================================================================
module        content
============  ==========================================================================
`samples`     strict counts of each document as arrays, and bootstrap samples of them
`intervals`   bootstrap intervals of precision, recall and F1 (Efron & Tibshirani, 1993)
`comparison`  two or more systems, of one or several seeds, on the same documents
============  ==========================================================================

The unit of sampling is the document: entities of one text are not independent of each other.
"""

from nerine.evaluation.significance.comparison import Comparison, Difference, System, compare
from nerine.evaluation.significance.intervals import Intervals, ScoreIntervals, score_intervals

__all__ = [
    "Comparison",
    "Difference",
    "Intervals",
    "ScoreIntervals",
    "System",
    "compare",
    "score_intervals",
]
