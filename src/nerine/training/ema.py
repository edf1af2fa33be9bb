"""Exponential moving average (EMA) of the weights, which is scored and kept.

At a high learning rate the weights wander around a good point; their average lies closer to it
(Polyak & Juditsky, 1992). After n steps a new step has a weight of at least 9 / (10 + n), so that
the average follows the early steps quickly.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, load_model, save_file, save_model
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from nerine.core.filenames import WEIGHTS_FILE
from nerine.model.adapted import sharing_copy
from nerine.model.loading import pretrained
from nerine.model.loading.sources import find_source
from nerine.training.lora import trained_weights

_LAST_WEIGHTS = "last.safetensors"
_AVERAGED_UPDATES = "average.safetensors"
"""The average of what LoRA trains, which the checkpoint next to it has in sums only."""


class EMA(TrainerCallback):
    """The moving average of a module's weights over the steps of a run.

    `model` has the averaged weights; with a `decay` of 0 it is the trained module itself. Both
    share the weights that are not trained.
    """

    def __init__(self, trained: Any, decay: float, *, has_updates: bool = False) -> None:
        """`has_updates` says whether LoRA gives the encoder in `trained` updates."""
        self._trained = trained
        self._decay = decay
        self._has_updates = has_updates
        frozen = [each for each in trained.parameters() if not each.requires_grad]
        self.model: Any = sharing_copy(trained, frozen) if decay else trained

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
        """Writes the last weights to `folder`, next to the average in the checkpoint there.

        With LoRA, these are the updates and the head, and those of the average are written, too.
        """
        if self._has_updates:
            save_file(trained_weights(self.model), folder / _AVERAGED_UPDATES)
            if self._decay:
                save_file(trained_weights(self._trained), folder / _LAST_WEIGHTS)
        elif self._decay:
            save_model(self._trained, str(folder / _LAST_WEIGHTS))

    def load_updates(self, folder: Path) -> None:
        """Loads the average of what LoRA trains from `folder`."""
        self.model.load_state_dict(load_file(folder / _AVERAGED_UPDATES), strict=False)

    def load(self, folder: Path) -> None:
        """Loads the last weights from `folder`, to resume from them."""
        if self._decay and self._has_updates:
            self._trained.load_state_dict(load_file(folder / _LAST_WEIGHTS), strict=False)
        elif self._decay:
            load_model(self._trained, folder / _LAST_WEIGHTS)


def load_weights(model: Any, folder: Path) -> None:
    """Sets the weights of a model to those of a checkpoint of the same model in `folder`.

    Some architectures have other names in their files than in memory, which transformers knows.
    """
    path = folder / WEIGHTS_FILE
    with safe_open(path, framework="pt") as file:
        names = set(file.keys())
    if names <= model.state_dict().keys():
        load_model(model, path)
    else:
        saved = pretrained.load_model(find_source(folder)).model
        model.load_state_dict(saved.state_dict())
