"""Precision, recall and F1 of predicted entities.

============  ===========================================================================
module        content
============  ===========================================================================
`counts`      `Counts`, `PartialCounts`, averages over labels
`partial`     the four schemas of SemEval-2013 (Segura-Bedmar et al., 2013)
`scoring`     `score`, `score_tags` → `Scores`
`breakdowns`  scores by properties of an entity: seen in training, frequency, length
`signature`   the conditions of a score in one line
============  ===========================================================================
"""

from nerine.evaluation.metrics.breakdowns import breakdowns
from nerine.evaluation.metrics.counts import Averages, Counts, PartialCounts
from nerine.evaluation.metrics.scoring import Scores, score, score_tags
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
]
