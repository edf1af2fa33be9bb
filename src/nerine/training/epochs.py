"""Epoch records: read from Trainer's log, written to the run's folder."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from nerine.core.files import write_text
from nerine.evaluation.epochs import EPOCHS_FILE, EpochRecord


def write_epochs(folder: Path, records: Sequence[EpochRecord]) -> None:
    """Writes `epochs.json` into a run's folder."""
    values = [record.to_dict() for record in records]
    write_text(folder / EPOCHS_FILE, json.dumps(values, indent=2) + "\n")


def epoch_records(log: Sequence[Mapping[str, float]]) -> Iterator[EpochRecord]:
    """A record for each evaluation in Trainer's log."""
    for entry, loss in with_training_losses(log, "eval_f1"):
        yield EpochRecord(
            epoch=entry["epoch"],
            step=int(entry["step"]),
            training_loss=math.nan if loss is None else loss,
            documents=int(entry["eval_documents"]),
            **{
                name.removeprefix("eval_"): value
                for name, value in entry.items()
                if name.startswith("eval_") and name != "eval_documents"
            },
        )


def with_training_losses(
    log: Sequence[Mapping[str, float]], key: str
) -> Iterator[tuple[Mapping[str, float], float | None]]:
    """Each entry of Trainer's log with this key, and the mean training loss since the one before.

    Trainer logs the mean loss over the steps since its last entry. These are less than an epoch if
    a state was saved within the epoch. The loss is None if no step was logged.
    """
    losses: list[float] = []
    steps: list[int] = []
    logged = 0
    for entry in log:
        if "loss" in entry:
            losses.append(entry["loss"])
            steps.append(int(entry["step"]) - logged)
            logged = int(entry["step"])
        if key in entry:
            yield entry, float(np.average(losses, weights=steps)) if losses else None
            losses, steps = [], []
