"""The loop of adaptation: transformers' Trainer on masked words, with a held-out loss."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_model, save_model
from torch.nn import functional
from torch.utils.data import DataLoader
from transformers import TrainerCallback

from nerine.core.errors import DivergenceError, TrainingError
from nerine.core.filenames import WEIGHTS_FILE
from nerine.model.backends.lean import filled_up
from nerine.model.batching import BudgetSampler
from nerine.model.heads.tags import IGNORED
from nerine.model.ragged import IntArray
from nerine.training.adaptation.masking import HELD_OUT, Key, MaskingCollator
from nerine.training.adaptation.measurements import (
    LOSS_KEY,
    Measurement,
    best_measurement,
    measurements_in,
)
from nerine.training.adaptation.settings import AdaptationSettings
from nerine.training.adaptation.texts import Division, Texts
from nerine.training.losses import Batch
from nerine.training.resumable import ResumableTrainer, arguments_of
from nerine.training.states import States

_ROUND_TO = 64
"""Numbers of subwords to predict are rounded up to a multiple: oneDNN keeps a kernel for each."""


class AdaptationTrainer(ResumableTrainer):
    """Trains a masked-language model on the windows of texts, and measures the held-out loss."""

    def __init__(
        self,
        model: Any,
        settings: AdaptationSettings,
        *,
        collator: MaskingCollator,
        division: Division,
        states: States,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        """`settings` has a number of steps; the windows of `division` are those of `collator`."""
        super().__init__(
            states,
            model=model,
            args=arguments_of(settings, states.folder, settings.validate_every),
            train_dataset=_Keys(),
            eval_dataset=_Keys(),  # required by Trainer
            data_collator=collator,
            compute_loss_func=_mean_loss,  # so that Trainer counts the subwords to predict
            callbacks=[*callbacks],
        )
        self._trained = model
        self.settings = settings
        self.texts, self.division = collator.texts, division
        self._began = time.monotonic()

    def measurements(self) -> tuple[Measurement, ...]:
        """The measurements so far, including those before the run was resumed."""
        return tuple(measurements_in(self.state.log_history))

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The windows to train on, anew in each pass."""
        windows = self.division.train
        sampler = sampler_of(windows, self.texts, self.settings)
        return self.batches(_Passes(sampler, windows))

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor | Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """The mean loss of the subwords to predict in all batches of a step.

        Raises `DivergenceError` if it is not finite.
        """
        loss = summed_loss(self._trained, inputs)
        self._check_finite(loss)
        return _mean_loss(loss, inputs["labels"], num_items_in_batch)

    def _check_finite(self, loss: torch.Tensor) -> None:
        if not torch.isfinite(loss):
            raise DivergenceError(
                f"the loss is {float(loss.detach())} at step {self.state.global_step + 1}",
                expected="a finite loss",
                hint="lower --learning-rate or --max-gradient-norm, or use --precision fp32; "
                "--resume continues from the last saved state",
            )

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Measures the held-out loss, if that has not been done at this step, and logs it.

        The state before the first step is saved, since its weights may be the best ones.
        """
        step = self.state.global_step
        if any(each.step == step for each in self.measurements()):
            return {}  # a resumed run
        metrics = {LOSS_KEY: self.held_out_loss(), "eval_seconds": time.monotonic() - self._began}
        self.log(metrics)
        best = best_measurement(self.measurements())
        self.state.best_global_step, self.state.best_metric = best.step, best.loss
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        if not step:
            self._save_checkpoint(self._trained, None)
        return metrics

    def held_out_loss(self) -> float:
        """The mean loss of the held-out subwords to predict."""
        windows = self.division.held_out
        total, number = 0.0, 0
        self._trained.eval()
        settings = dataclasses.replace(self.settings, seed=0)  # the same batches in every run
        sampler = sampler_of(windows, self.texts, settings)
        for batch in self.batches(_Passes(sampler, windows, HELD_OUT)):
            with torch.no_grad(), self.accelerator.autocast():
                loss = summed_loss(self._trained, batch)
            self._check_finite(loss)
            total += float(loss)
            number += int((batch["labels"] != IGNORED).sum())
        return total / number

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        """Whether the last measurement is the best; `evaluate` has noted that."""
        return self.state.best_global_step == self.state.global_step

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Writes the weights alone; the rest of the encoder does not change."""
        save_model(self._trained, str(Path(output_dir or "") / WEIGHTS_FILE))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        load_model(self._trained, Path(resume_from_checkpoint, WEIGHTS_FILE))

    def load_best(self) -> None:
        """Loads the weights with the lowest held-out loss.

        Raises `TrainingError` if their state is damaged.
        """
        best = self.state.best_global_step or 0
        if not self._states.is_complete(best):
            raise TrainingError(
                "the state with the lowest held-out loss is damaged",
                place=str(self._states.path(best)),
                expected="each file with the hash in its manifest, complete.json",
                hint="adapt again in another folder",
            )
        self._load_from_checkpoint(str(self._states.path(best)))


def sampler_of(windows: IntArray, texts: Texts, settings: AdaptationSettings) -> BudgetSampler:
    """Batches of some windows of texts, by their places in `windows`."""
    return BudgetSampler(
        texts.lengths[windows].tolist(),
        batch_size=settings.batch_size,
        token_budget=settings.token_budget,
        seed=settings.seed,
    )


def steps_of_pass(texts: Texts, division: Division, settings: AdaptationSettings) -> int:
    """The steps of the optimizer in a pass over the windows to train on."""
    batches = len(sampler_of(division.train, texts, settings))
    return -(-batches // settings.gradient_accumulation)


def summed_loss(model: Any, batch: Batch) -> torch.Tensor:
    """The loss of a masked-language model, summed over the subwords to predict.

    Its output matrix is applied to the hidden states of these alone, `(predicted, width)`, which
    saves most of the time that the head of a small encoder takes. An architecture whose head uses
    the matrix in another way gives all logits, `(batch, length, vocabulary)`.
    """
    predicted = batch["labels"] != IGNORED

    def select(_: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
        hidden, *rest = given
        return filled_up(hidden[predicted], _ROUND_TO), *rest

    output = model.get_output_embeddings()
    handle = output.register_forward_pre_hook(select) if output is not None else None
    try:
        logits = model(**{name: batch[name] for name in batch if name != "labels"}).logits
    finally:
        if handle is not None:
            handle.remove()
    targets = batch["labels"][predicted]
    logits = logits[predicted] if logits.dim() > 2 else logits[: len(targets)]
    return functional.cross_entropy(logits.float(), targets, reduction="sum")


def _mean_loss(
    loss: torch.Tensor,
    labels: torch.Tensor,
    num_items_in_batch: torch.Tensor | int | None = None,
) -> torch.Tensor:
    """A summed loss over the number of subwords to predict in all batches of a step."""
    number = (labels != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
    return loss / number


class _Keys:
    """Gives a key itself, for Trainer; the collator looks up the rest."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, key: Key) -> Key:
        return key


class _Passes:
    """The batches of a sampler, each window with the number of the pass.

    `fixed` is the pass of windows whose masks are always the same.
    """

    def __init__(self, sampler: BudgetSampler, windows: IntArray, fixed: int | None = None) -> None:
        self._sampler, self._windows = sampler, windows
        self._epoch = 0
        self._fixed = fixed

    def set_epoch(self, epoch: int) -> None:
        """Chooses the order and the masks of the next iteration."""
        self._epoch = epoch
        self._sampler.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._sampler)

    def __iter__(self) -> Iterator[list[Key]]:
        epoch = self._epoch if self._fixed is None else self._fixed
        for batch in self._sampler:
            yield [(epoch, index) for index in self._windows[batch].tolist()]
