"""Trainer of transformers, with states that a killed run resumes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from accelerate.data_loader import prepare_data_loader
from safetensors import SafetensorError
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainingArguments
from transformers.trainer import TRAINER_STATE_NAME

from nerine.core.errors import TrainingError
from nerine.training.adaptation.settings import AdaptationSettings
from nerine.training.parallel.group import in_first, seed_noise
from nerine.training.settings import RunSettings
from nerine.training.states import States

_SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}
"""The settings' names of schedules, and transformers' names."""
_RANDOM_STATE = "rng_state.pth"
"""Trainer's file of the random state of one process."""


class ResumableTrainer(Trainer):
    """Trainer that keeps `states` and is silent.

    `save_model` writes what a subclass's `_save` does; `_load_from_checkpoint` reads it.
    """

    def __init__(self, states: States, **options: Any) -> None:
        """`options` are Trainer's."""
        super().__init__(**options)
        self.remove_callback(PrinterCallback)  # a listener shows the progress
        self._states = states

    def batches(self, sampler: Any) -> DataLoader[Any]:
        """Batches of the training data on the device, each made of what `sampler` gives."""
        loader: DataLoader[Any] = DataLoader(
            self.train_dataset,  # type: ignore[arg-type] # it has the methods of a map-style one
            batch_sampler=sampler,
            collate_fn=self.data_collator,
        )
        prepared: DataLoader[Any] = prepare_data_loader(
            loader, self.args.device, num_processes=1, process_index=0, put_on_device=True
        )
        return prepared

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Writes the training state to a staging folder, renames it, and deletes old states.

        The last two states and that of the best epoch are kept.
        """
        in_first(self._write_state)

    def _write_state(self) -> None:
        step = self.state.global_step
        try:
            folder = self._states.stage(step, f"checkpoint-{step}")
            self.save_model(str(folder), _internal_call=True)
            self._save_optimizer_and_scheduler(str(folder))
            self._save_scaler(str(folder))
            if self.args.world_size == 1:
                self._save_rng_state(str(folder))
            self.state.save_to_json(str(folder / TRAINER_STATE_NAME))
            self._states.commit(step, folder.name)
        except (OSError, SafetensorError, RuntimeError) as error:
            raise TrainingError(
                f"the state after step {step} cannot be written: {error}",
                place=str(self._states.folder),
                hint="free some disk space; --resume continues from the last complete state",
            ) from error
        best = self.state.best_global_step
        kept = self._states.steps()[-2:]
        self._states.keep_only(kept if best is None else [*kept, best])

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """Continues with the noise of one process, if one has saved it and continues.

        Several processes draw their noise by the number of each step.
        """
        if self.args.world_size == 1 and Path(checkpoint or "", _RANDOM_STATE).is_file():
            super()._load_rng_state(checkpoint)
        else:
            seed_noise(self.args.seed, self.state.global_step)

    def _get_output_dir(self, trial: Any) -> str:
        return str(self._states.staging(self.state.global_step))


def arguments_of(
    settings: RunSettings | AdaptationSettings, folder: Path, every: int | None
) -> TrainingArguments:
    """Trainer's arguments for a run whose states are in `folder`.

    Callbacks validate, log and save at given steps if it does so `every` so many, else Trainer
    does at the end of each epoch.
    """
    strategy = "epoch" if every is None else "no"
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=settings.epochs or 1,
        max_steps=settings.steps or -1,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation,
        learning_rate=settings.learning_rate or 0.0,
        lr_scheduler_type=_SCHEDULES[settings.schedule],
        warmup_steps=settings.warmup,  # below 1: a share of all steps
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_gradient_norm,
        bf16=settings.precision == "bf16",
        fp16=settings.precision == "fp16",
        use_cpu=not torch.accelerator.is_available(),
        dataloader_pin_memory=torch.accelerator.is_available(),
        seed=settings.seed,
        eval_strategy=strategy,
        save_strategy=strategy,
        logging_strategy=strategy,
        metric_for_best_model="f1",
        greater_is_better=True,
        report_to=list(settings.report_to) or "none",
        remove_unused_columns=False,
        disable_tqdm=True,
        accelerator_config={"even_batches": False},
    )
