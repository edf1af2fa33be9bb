"""Records of epochs: from Trainer's log, and into the run's folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from nerine.core.files import write_text
from nerine.evaluation.epochs import EPOCHS_FILE, EpochRecord


def write_epochs(folder: Path, records: Sequence[EpochRecord]) -> None:
    """Writes `epochs.json` into the folder of a run."""
    values = [record.to_dict() for record in records]
    write_text(folder / EPOCHS_FILE, json.dumps(values, indent=2) + "\n")


def epoch_records(log: Sequence[Mapping[str, float]]) -> Iterator[EpochRecord]:
    """Trainer's log as one record an evaluation.

    Trainer logs the mean loss over the steps since it last did, which may be less than an epoch
    where a state was saved in between.
    """
    losses: list[float] = []
    steps: list[int] = []
    logged = 0
    for entry in log:
        if "loss" in entry:
            losses.append(entry["loss"])
            steps.append(int(entry["step"]) - logged)
            logged = int(entry["step"])
        if "eval_f1" in entry:
            yield EpochRecord(
                epoch=entry["epoch"],
                step=int(entry["step"]),
                training_loss=float(np.average(losses, weights=steps)),
                **{
                    name.removeprefix("eval_"): value
                    for name, value in entry.items()
                    if name.startswith("eval_")
                },
            )
            losses, steps = [], []
