"""Labels of a corpus that are likely wrong, by a model that was not trained on them."""

from __future__ import annotations

from nerine.curation.label_errors.cross_validation import CrossValidation
from nerine.curation.label_errors.finding import (
    LabelErrorReport,
    cross_validated_label_errors,
    find_label_errors,
)
from nerine.curation.label_errors.ranking import LabelError

__all__ = [
    "CrossValidation",
    "LabelError",
    "LabelErrorReport",
    "cross_validated_label_errors",
    "find_label_errors",
]
