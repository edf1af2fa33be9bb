"""Exponential moving average (EMA) of the weights, which is scored and kept.

At a high learning rate the weights wander around a good point; their average lies closer to it
(Polyak & Juditsky, 1992). After n steps a new step has a weight of at least 9 / (10 + n), so that
the average follows the early steps quickly.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_model, save_model
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

_LAST_WEIGHTS = "last.safetensors"


class EMA(TrainerCallback):
    """The moving average of a module's weights over the steps of a run.

    `model` has the averaged weights; with a `decay` of 0 it is the trained module itself.
    """

    def __init__(self, trained: Any, decay: float) -> None:
        self._trained = trained
        self._decay = decay
        self.model: Any = copy.deepcopy(trained) if decay else trained

    @torch.no_grad()
    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Adds the weights after this step to the average."""
        if not self._decay:
            return
        steps = state.global_step
        decay = min(self._decay, (1 + steps) / (10 + steps)) if steps > 1 else 0.0
        for mean, current in zip(self.model.parameters(), self._trained.parameters(), strict=True):
            if current.requires_grad:
                mean.lerp_(current, 1 - decay)

    def save(self, folder: Path) -> None:
        """Writes the last weights to `folder`, next to the average in the checkpoint there."""
        if self._decay:
            save_model(self._trained, str(folder / _LAST_WEIGHTS))

    def load(self, folder: Path) -> None:
        """Loads the last weights from `folder`, to resume from them."""
        if self._decay:
            load_model(self._trained, folder / _LAST_WEIGHTS)
