"""Losses and scores at each validation of a training run, in `epochs.json`.

RUN/epochs.json    a list with an object for each validation, written when the run ends
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerine.core.errors import CheckpointError

EPOCHS_FILE = "epochs.json"


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """Losses and scores at a validation.

    Attributes:
        epoch: Number of passes over the training split so far.
        step: Number of finished steps.
        training_loss: Mean training loss of a word since the validation before.
        validation_loss: Mean loss of a word on the validation split.
        precision: Strict precision on the validation split, from 0 to 1.
        recall: Strict recall there, from 0 to 1.
        f1: Strict F1 there, from 0 to 1.
        accuracy: Share of tokens there with the right tag, as in `Scores`.
        seconds: Seconds since the training call began.
        documents: Number of validation documents that were scored; None in the files of older
            versions, which scored all.
        validation_seconds: Seconds that this validation took; None in the files of older versions.
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
    documents: int | None = None
    validation_seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The record for JSON."""
        return dataclasses.asdict(self)


def best_record(records: Sequence[EpochRecord]) -> EpochRecord:
    """The record whose weights are kept: the one with the highest F1, then the lowest loss.

    Records that scored a sample of the validation split are left out if others scored all of it.

    Args:
        records: The records of a run, at least one.
    """
    most = max(record.documents or 0 for record in records)
    whole = [record for record in records if (record.documents or 0) == most]
    return max(whole, key=lambda record: (record.f1, -record.validation_loss))


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
                step=int(record.pop("step")),
                documents=record.pop("documents", None),
                validation_seconds=record.pop("validation_seconds", None),
                **{name: float(value) for name, value in record.items()},
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
