"""How sure a score is, and whether one system is better than another.

============  ==============================================================================
module        what lives there
============  ==============================================================================
`samples`     strict counts of each document as arrays, and F1 over resampled documents
`intervals`   bootstrap intervals around precision, recall and F1 (Efron & Tibshirani, 1993)
`comparison`  two systems or more, each of one seed or several, on the same documents
============  ==============================================================================

The unit is the document: entities of one text are not independent of each other.
"""

from nerine.evaluation.significance.comparison import (
    Comparison,
    Difference,
    System,
    SystemScore,
    compare,
)
from nerine.evaluation.significance.intervals import (
    Interval,
    Intervals,
    ScoreIntervals,
    score_intervals,
)

__all__ = [
    "Comparison",
    "Difference",
    "Interval",
    "Intervals",
    "ScoreIntervals",
    "System",
    "SystemScore",
    "compare",
    "score_intervals",
]
