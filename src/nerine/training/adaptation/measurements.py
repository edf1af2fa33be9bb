"""Measurements of the held-out loss: read from Trainer's log, and passed to a listener."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from nerine.training.adaptation.settings import AdaptationSettings
from nerine.training.epochs import with_training_losses

logger = logging.getLogger("nerine.adapt")

LOSS_KEY = "eval_held_out_loss"
"""The key of the held-out loss in Trainer's log."""
_MOST_EXPONENT = 700.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """The held-out loss after some steps.

    Attributes:
        step: The number of steps, 0 before the first one.
        epoch: The number of passes over the texts.
        training_loss: The mean loss in training since the last measurement; None before the first
            step.
        loss: The mean loss of the held-out subwords to predict, in nats.
        seconds: Seconds since the run began or was resumed.
    """

    step: int
    epoch: float
    training_loss: float | None
    loss: float
    seconds: float

    @property
    def perplexity(self) -> float:
        """The exponential of the loss: among so many equally likely subwords it has to guess."""
        return math.exp(min(self.loss, _MOST_EXPONENT))

    def to_dict(self) -> dict[str, Any]:
        """The values for JSON."""
        return {
            "step": self.step,
            "epoch": self.epoch,
            "training_loss": self.training_loss,
            "loss": self.loss,
            "perplexity": self.perplexity,
            "seconds": self.seconds,
        }


def measurements_in(log: Sequence[Mapping[str, float]]) -> Iterator[Measurement]:
    """A measurement for each in Trainer's log."""
    for entry, loss in with_training_losses(log, LOSS_KEY):
        yield Measurement(
            step=int(entry["step"]),
            epoch=entry.get("epoch") or 0.0,
            training_loss=loss,
            loss=entry[LOSS_KEY],
            seconds=entry["eval_seconds"],
        )


def best_measurement(measurements: Sequence[Measurement]) -> Measurement:
    """The first measurement with the lowest loss, whose weights are kept."""
    return min(measurements, key=lambda each: each.loss)


class AdaptationListener(Protocol):
    """Receives the progress of an adaptation."""

    def started(self, step: int, steps: int) -> None:
        """Called when the run starts or resumes.

        Args:
            step: The number of steps done.
            steps: The number of steps in the whole run.
        """

    def stepped(self, step: int) -> None:
        """Called after each step.

        Args:
            step: The step's number, from 1.
        """

    def measured(self, measurement: Measurement, *, best: bool) -> None:
        """Called after each measurement of the held-out loss.

        Args:
            measurement: The losses.
            best: Whether it is the lowest loss so far, whose weights are kept.
        """


class Measuring(TrainerCallback):
    """Measures and saves at the steps that the settings give, and tells a listener and the log."""

    def __init__(self, settings: AdaptationSettings, listener: AdaptationListener | None) -> None:
        self._settings = settings
        self._listener = listener

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Passes on the number of steps done and of all steps."""
        logger.info("adapting: step %d of %d", state.global_step, state.max_steps)
        if self._listener:
            self._listener.started(state.global_step, state.max_steps)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Measures every so many steps and at the end, and saves every `save_steps`."""
        step, settings = state.global_step, self._settings
        if self._listener:
            self._listener.stepped(step)
        every = settings.validate_every or state.max_steps
        if step % every == 0 or step == state.max_steps:
            control.should_evaluate = control.should_save = control.should_log = True
        if settings.save_steps and step % settings.save_steps == 0:
            control.should_save = control.should_log = True

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Passes on the measurement."""
        found = [*measurements_in(state.log_history)]
        last, is_best = found[-1], best_measurement(found) is found[-1]
        logger.info("step %d: held-out loss %.4f%s", last.step, last.loss, ", the lowest" * is_best)
        if self._listener:
            self._listener.measured(last, best=is_best)
