"""Calibration: the reliability of entity scores, and thresholds fitted on them.

=============  ================================================================
module         content
=============  ================================================================
`reliability`  reliability diagrams: scores against precision; calibration error
`thresholds`   targets, thresholds, and the record that a checkpoint keeps
`fitting`      thresholds that meet a target, fitted on predicted documents
=============  ================================================================

::

    diagram = reliability_diagram(corpus.validation, tagger.predict(corpus.validation))
    diagram.expected_calibration_error  # 0 for perfectly calibrated scores

Fit on validation, never on the documents that are scored afterwards. A threshold only drops
entities: recall never exceeds that without thresholds.
"""

from nerine.evaluation.calibration.fitting import calibrate, fit_thresholds
from nerine.evaluation.calibration.reliability import (
    Binning,
    ReliabilityDiagram,
    reliability_diagram,
)
from nerine.evaluation.calibration.thresholds import (
    Calibration,
    Target,
    Thresholds,
    apply_thresholds,
)

__all__ = [
    "Binning",
    "Calibration",
    "ReliabilityDiagram",
    "Target",
    "Thresholds",
    "apply_thresholds",
    "calibrate",
    "fit_thresholds",
    "reliability_diagram",
]
