"""Learning curves of runs that differ in nothing but their processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from nerine.evaluation.epochs import EpochRecord
from nerine.training.run import TrainingRun

EXACT: Mapping[str, Any] = {"dropout": 0.0, "precision": "fp32"}
"""Settings with which a run has no noise, so that only the order of sums differs."""
TOLERANCE = 1e-4
"""Of losses, relative, for any number of processes; sums of fp32 differ in their last digits."""


class Listener:
    """Keeps the progress, and calls `do` when step `after` is heard of."""

    def __init__(self, after: int = 0, do: Callable[[], Any] = lambda: None) -> None:
        self.after, self.do = after, do
        self.steps: list[int] = []
        self.records: list[EpochRecord] = []
        self.begun: list[tuple[int, int]] = []

    def started(self, step: int, steps: int) -> None:
        self.begun.append((step, steps))

    def stepped(self, step: int) -> None:
        self.steps.append(step)
        if step == self.after:
            self.do()

    def evaluated(self, record: EpochRecord, *, best: bool) -> None:
        self.records.append(record)


def assert_same_curve(run: TrainingRun, other: TrainingRun) -> None:
    """The same losses and scores in each epoch, and about the same weights."""
    assert_same_records(run.epochs, other.epochs)
    found, expected = (load_file(each.folder / "model.safetensors") for each in (run, other))
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=0.01, atol=0.001, err_msg=name)


def assert_same_records(found: Sequence[EpochRecord], expected: Sequence[EpochRecord]) -> None:
    for record, other in zip(found, expected, strict=True):
        assert record.training_loss == pytest.approx(other.training_loss, rel=TOLERANCE)
        assert record.validation_loss == pytest.approx(other.validation_loss, rel=TOLERANCE)
        names = ("epoch", "step", "f1", "precision", "recall", "accuracy", "documents")
        assert [getattr(record, name) for name in names] == [getattr(other, name) for name in names]


def children(pid: int | None = None) -> list[int]:
    """The processes that one, by default this one, has started and that have not ended."""
    pid = pid or os.getpid()
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
