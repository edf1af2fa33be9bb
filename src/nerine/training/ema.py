"""A running mean of the weights, which is scored and kept in the place of the last ones.

Steps at a high learning rate wander around a good place; their mean lies nearer to it (Polyak &
Juditsky, 1992). The mean is exponential, and young at the beginning: after n steps a new step
counts for at least 9 / (10 + n).
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_model, save_model
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from nerine.core.filenames import WEIGHTS_FILE

_LAST_WEIGHTS = "last.safetensors"


class WeightAverage(TrainerCallback):
    """Keeps the mean of a model's weights over the steps of a run.

    `model` holds the mean; with a `decay` of 0 it is the trained model itself.
    """

    def __init__(self, trained: Any, decay: float) -> None:
        self._trained = trained
        self._decay = decay
        self._steps = 0
        self.model: Any = copy.deepcopy(trained) if decay else trained

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Mixes the weights of this step into the mean."""
        self._steps = state.global_step
        if self._decay:
            self._mix()

    @torch.no_grad()
    def _mix(self) -> None:
        young = (1 + self._steps) / (10 + self._steps) if self._steps > 1 else 0.0
        decay = min(self._decay, young)
        for mean, current in zip(self.model.parameters(), self._trained.parameters(), strict=True):
            if current.requires_grad:
                mean.lerp_(current, 1 - decay)

    def save(self, folder: Path) -> None:
        """Writes the last weights beside the mean, which is the checkpoint in `folder`."""
        if self._decay:
            save_model(self._trained, str(folder / _LAST_WEIGHTS))

    def load(self, folder: Path) -> None:
        """Takes up the mean and the last weights from `folder`, to go on from there."""
        load_model(self.model, folder / WEIGHTS_FILE)
        if self._decay:
            load_model(self._trained, folder / _LAST_WEIGHTS)
