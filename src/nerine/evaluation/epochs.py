"""Losses and scores after each epoch of a training run, in `epochs.json`.

RUN/epochs.json    a list with an object for each epoch, written when the run ends
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from nerine.core.errors import CheckpointError

EPOCHS_FILE = "epochs.json"


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """Losses and scores after an epoch.

    Attributes:
        epoch: Number of finished epochs.
        step: Number of finished steps.
        training_loss: Mean training loss of a word since the epoch before.
        validation_loss: Mean loss of a word on the validation split.
        precision: Strict precision on the validation split, from 0 to 1.
        recall: Strict recall there, from 0 to 1.
        f1: Strict F1 there, from 0 to 1.
        accuracy: Share of tokens there with the right tag, as in `Scores`.
        seconds: Seconds since the training call began.
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
        """The record for JSON."""
        return dataclasses.asdict(self)


def read_epochs(folder: str | Path) -> tuple[EpochRecord, ...] | None:
    """The epochs of a finished run; None if its folder has no `epochs.json`.

    Checkpoints that Nerine did not train have no such file.

    Raises:
        CheckpointError: If the file cannot be read.
    """
    path = Path(folder) / EPOCHS_FILE
    if not path.is_file():
        return None
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
        return tuple(
            EpochRecord(
                step=int(record["step"]),
                **{name: float(value) for name, value in record.items() if name != "step"},
            )
            for record in records
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(
            f"cannot be read: {error!r}",
            place=str(path),
            expected="a list with the scores of each epoch",
            hint="copy it again from the run, or delete it: no other file needs it",
        ) from error
