"""Thresholds of a loaded model: those that a user states, or those saved with the checkpoint."""

from __future__ import annotations

from typing import Literal

from nerine.core.errors import CheckpointError
from nerine.evaluation.calibration import Thresholds
from nerine.model.loading.checkpoint import Checkpoint

ThresholdChoice = Thresholds | float | Literal["saved"] | None
"""Thresholds; one for all labels; those saved with the checkpoint; or none."""


def chosen_thresholds(
    choice: ThresholdChoice, checkpoint: Checkpoint, name: str
) -> Thresholds | None:
    """The thresholds of a choice; raises `CheckpointError` if none are saved with a checkpoint."""
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
