"""Scores to trust: how often an entity with this score is right, and which ones to keep.

============  ====================================================================
module        what lives there
============  ====================================================================
`bins`        reliability: scores beside the share of entities that are correct
`thresholds`  targets, thresholds, and the record of a fit that a checkpoint keeps
`fitting`     gold and predicted entities → thresholds that meet a target
============  ====================================================================

::

    report = reliability(corpus.validation, tagger.predict(corpus.validation))
    report.error  # the expected calibration error, 0 for scores that are what they say

Fit on validation, never on what is scored afterwards. A threshold can only drop entities: the
recall of the decoder without one is the most that any threshold leaves. Reliability is that of
DeGroot & Fienberg (1983), the calibration error that of Guo et al. (2017).
"""

from nerine.evaluation.calibration.bins import (
    Bin,
    Binning,
    Judged,
    Reliability,
    judged,
    reliability,
)
from nerine.evaluation.calibration.fitting import calibrate, fit_thresholds
from nerine.evaluation.calibration.thresholds import Calibration, Target, Thresholds, apply

__all__ = [
    "Bin",
    "Binning",
    "Calibration",
    "Judged",
    "Reliability",
    "Target",
    "Thresholds",
    "apply",
    "calibrate",
    "fit_thresholds",
    "judged",
    "reliability",
]
