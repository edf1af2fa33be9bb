"""Thresholds of a loaded model: those that a user states, or those saved with the checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from nerine.core.errors import CheckpointError
from nerine.evaluation.calibration import Thresholds

ThresholdChoice = Thresholds | float | Mapping[str, float] | Literal["saved"] | None
"""Thresholds; one for all labels, or for each of some; those saved with the checkpoint; or none."""


def chosen_thresholds(
    choice: ThresholdChoice, saved: Thresholds | None, name: str
) -> Thresholds | None:
    """The thresholds of a choice, which may be those `saved` with the checkpoint called `name`.

    Raises `CheckpointError` if none are saved.
    """
    if choice is None or isinstance(choice, Thresholds):
        return choice
    if isinstance(choice, Mapping):
        return Thresholds(0.0, choice)
    if choice != "saved":
        return Thresholds(choice)
    if saved is None:
        raise CheckpointError(
            "no thresholds are saved with this checkpoint",
            place=name,
            hint=f"fit them first: nerine calibrate {name} CORPUS",
        )
    return saved
