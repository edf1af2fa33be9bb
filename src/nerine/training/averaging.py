"""A running mean of the weights, which is scored and kept in the place of the last ones.

Steps at a high learning rate wander around a good place; their mean lies nearer to it (Polyak &
Juditsky, 1992). The mean is exponential, and young at the beginning: after n steps a new step
counts for at least 9 / (10 + n).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_model, save_model
from torch.optim.swa_utils import AveragedModel
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from nerine.checkpoint import WEIGHTS_FILE

_LAST_WEIGHTS = "last.safetensors"


class WeightAverage(TrainerCallback):
    """Keeps the mean of a model's weights over the steps of a run.

    `model` holds the mean; with a `decay` of 0 it is the trained model itself.
    """

    def __init__(self, trained: Any, decay: float) -> None:
        self._trained = trained
        self._decay = decay
        self._steps = 0
        self._averaged = AveragedModel(trained, multi_avg_fn=self._mix) if decay else None
        self.model: Any = self._averaged.module if self._averaged else trained

    def _mix(self, mean: Sequence[torch.Tensor], new: Sequence[torch.Tensor], _: object) -> None:
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        for averaged, current in zip(mean, new, strict=True):
            averaged.lerp_(current, 1 - decay)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._steps = state.global_step
        if self._averaged:
            self._averaged.update_parameters(self._trained)

    def save(self, folder: Path) -> None:
        """Writes the last weights beside the mean, which is the checkpoint in `folder`."""
        if self._averaged:
            save_model(self._trained, str(folder / _LAST_WEIGHTS))

    def load(self, folder: Path) -> None:
        """Takes up the mean and the last weights from `folder`, to go on from there."""
        load_model(self.model, folder / WEIGHTS_FILE)
        if self._averaged:
            load_model(self._trained, folder / _LAST_WEIGHTS)
            self._averaged.n_averaged.fill_(1)  # else the next step would replace the mean
