"""Losses and scores of a run's epochs, as its folder keeps them.

RUN/epochs.json    a list with an object for each epoch, written when the run ends
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nerine.core.errors import CheckpointError

EPOCHS_FILE = "epochs.json"


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """What is known after an epoch.

    Attributes:
        epoch: How many epochs are done.
        step: How many steps are done.
        training_loss: The mean loss of a word in training, since the epoch before.
        validation_loss: That of the validation split.
        precision: The strict precision on the validation split, from 0 to 1.
        recall: The strict recall there, from 0 to 1.
        f1: The strict F1 there, from 0 to 1.
        accuracy: The share of tokens there whose tag is right, as in `Scores`.
        seconds: How many seconds had passed since the call that trained it began.
    """

    epoch: float
    step: int
    training_loss: float
    validation_loss: float
    precision: float
    recall: float
    f1: float
    accuracy: float
    seconds: float

    def to_dict(self) -> dict[str, float]:
        """For JSON: losses, scores and seconds by their names."""
        return dataclasses.asdict(self)


def read_epochs(folder: str | Path) -> tuple[EpochRecord, ...] | None:
    """The epochs of a run that has ended; None where the folder does not tell.

    Checkpoints that Nerine did not train have no such file, nor have runs of before it was
    written. Raises `CheckpointError` for a file that is there and cannot be read.
    """
    path = Path(folder) / EPOCHS_FILE
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return tuple(_record(value) for value in values)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(
            f"cannot be read: {error!r}",
            place=str(path),
            expected="a list with the scores of each epoch",
            hint="copy it again from where the run was made, or delete it: no other file needs it",
        ) from error


def _record(value: Mapping[str, float]) -> EpochRecord:
    """The record of one object; `step` alone is a whole number."""
    numbers = {name: float(number) for name, number in value.items() if name != "step"}
    return EpochRecord(step=int(value["step"]), **numbers)
