"""Which entities are kept: what a caller may ask for."""

from __future__ import annotations

from typing import Literal

from nerine.core.errors import CheckpointError
from nerine.evaluation.calibration import Thresholds
from nerine.model.loading.checkpoint import Checkpoint

ThresholdChoice = Thresholds | float | Literal["saved"] | None
"""Thresholds; one for all labels; those that the checkpoint was saved with; or none."""


def chosen_thresholds(
    choice: ThresholdChoice, checkpoint: Checkpoint, name: str
) -> Thresholds | None:
    """The thresholds that a caller asks for, of the checkpoint called `name`."""
    if choice is None or isinstance(choice, Thresholds):
        return choice
    if choice != "saved":
        return Thresholds(choice)
    if checkpoint.calibration is None:
        raise CheckpointError(
            "no thresholds are saved with this checkpoint",
            place=name,
            hint=f"fit them first: nerine calibrate {name} CORPUS",
        )
    return checkpoint.calibration.thresholds
