"""Counts over entities → scores.

============  =====================================================================
module        what lives there
============  =====================================================================
`counts`      `Counts`, `PartialCounts`, means over labels
`partial`     the four schemas of SemEval-2013 (Segura-Bedmar et al., 2013)
`tally`       the one count over spans
`scoring`     `score`, `score_tags` → `Scores`
`breakdowns`  scores by what an entity is like: seen in training, length, frequency
`signature`   what a score was counted over, in one line
============  =====================================================================
"""

from nerine.evaluation.metrics.breakdowns import breakdowns
from nerine.evaluation.metrics.counts import Averages, Counts, PartialCounts
from nerine.evaluation.metrics.scoring import Scores, score, score_tags, side_by_side
from nerine.evaluation.metrics.signature import Signature

__all__ = [
    "Averages",
    "Counts",
    "PartialCounts",
    "Scores",
    "Signature",
    "breakdowns",
    "score",
    "score_tags",
    "side_by_side",
]
