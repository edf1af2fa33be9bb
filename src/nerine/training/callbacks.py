"""Callbacks of a training run: progress, early stopping, signals and saves."""

from __future__ import annotations

import logging
import signal
from typing import Any, Protocol

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from nerine.evaluation.epochs import EpochRecord, best_record
from nerine.training.epochs import epoch_records
from nerine.training.notebook import notebook_progress
from nerine.training.parallel.group import largest, processes, seed_noise
from nerine.training.parallel.launched import launched_processes
from nerine.training.settings import RunSettings
from nerine.training.signals import SignalHandlers

logger = logging.getLogger("nerine.train")


class Listener(Protocol):
    """Receives the progress of a training run."""

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

    def evaluated(self, record: EpochRecord, *, best: bool) -> None:
        """Called after each evaluation.

        Args:
            record: The losses and scores of the epoch.
            best: Whether it is the best epoch so far, whose weights are kept.
        """


class ProgressCallback(TrainerCallback):
    """Passes Trainer's events to a `Listener`."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Passes on the number of steps done and of all steps."""
        self._listener.started(state.global_step, state.max_steps)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Passes on the step's number."""
        self._listener.stepped(state.global_step)

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Passes on the record of the epoch."""
        records = list(epoch_records(state.log_history))
        self._listener.evaluated(records[-1], best=best_record(records) is records[-1])


class LogCallback(TrainerCallback):
    """Tells Trainer's events to the logger `nerine.train`."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Tells the number of steps done and of all steps."""
        logger.info("training: step %d of %d", state.global_step, state.max_steps)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Tells the step's number."""
        logger.debug("step %d of %d", state.global_step, state.max_steps)

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Tells the F1 and the losses of the validation."""
        records = list(epoch_records(state.log_history))
        last = records[-1]
        logger.info(
            "step %d: validation F1 %.4f%s, loss %.4f in training and %.4f in validation",
            last.step,
            last.f1,
            ", the best so far" if best_record(records) is last else "",
            last.training_loss,
            last.validation_loss,
        )

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Tells that the state was saved."""
        logger.debug("saved the state after step %d", state.global_step)


class Validations(TrainerCallback):
    """Validates, logs, stops early and saves the state at the steps that the settings give.

    Without `validate_every`, Trainer validates and saves at the end of each epoch. The callback's
    only state is Trainer's log, so a resumed run needs no other.
    """

    def __init__(self, settings: RunSettings) -> None:
        self._settings = settings

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Validates every so many steps and at the end, and saves every `save_steps`."""
        step, settings = state.global_step, self._settings
        if step in validations(settings, state.max_steps):
            control.should_evaluate = control.should_log = True
        is_due = settings.save_steps and step % settings.save_steps == 0
        if is_due and not _epoch_will_be_saved(args, state):
            control.should_save = control.should_log = True

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stops the run if so many validations of all documents have had no better F1."""
        settings = self._settings
        is_sampled = settings.validation_sample is not None and (
            state.global_step not in whole_validations(settings, state.max_steps)
        )
        if settings.early_stopping is None or is_sampled:
            return
        records = list(epoch_records(state.log_history))
        best = best_record(records)
        since = [each for each in records if each.documents == best.documents]
        if sum(each.step > best.step for each in since) >= settings.early_stopping:
            control.should_training_stop = True


def validations(settings: RunSettings, steps: int) -> list[int]:
    """The steps, of all `steps`, after which a run validates: every so many, and the last one.

    Empty if the run validates at the end of each epoch.
    """
    every = settings.validate_every
    return [] if every is None else [*range(every, steps, every), steps]


def whole_validations(settings: RunSettings, steps: int) -> list[int]:
    """Those of these steps at which all validation documents are scored, not a sample."""
    return validations(settings, steps)[-settings.whole_validations :]


class Interruption(TrainerCallback):
    """Stops on SIGINT or SIGTERM after the current step, with its state saved.

    A second signal kills the process. It is a context manager, which restores the signal handlers
    at its end. Outside the main thread signals cannot be handled, and it does nothing.

    Of several processes that train together, all stop after the same step if one gets a signal.
    Further signals have no effect, as a launcher may pass on one that each process has got already.
    """

    def __init__(self) -> None:
        self.received: str | None = None
        self._handlers = SignalHandlers(self._receive)

    def __enter__(self) -> Interruption:
        self._handlers.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._handlers.restore()

    def _receive(self, number: int) -> None:
        self.received = self.received or signal.Signals(number).name
        if launched_processes() == 1:
            self._handlers.restore()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stops the run after this step if a signal was received."""
        number = largest(signal.Signals[self.received] if self.received else 0)
        if number:
            self.received = signal.Signals(number).name
            control.should_training_stop = True
            control.should_save = control.should_log = not _epoch_will_be_saved(args, state)

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Skips the evaluation of an unfinished epoch; the resumed run evaluates it."""
        if self.received and not _epoch_will_be_saved(args, state):
            control.should_save = control.should_evaluate = control.should_log = False


class Noise(TrainerCallback):
    """Gives each of several processes its own dropout and masking.

    It depends on the seed, the step and the process alone, so a resumed run needs no random state.
    One process continues with its random state.
    """

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Seeds the noise of the step."""
        if args.world_size > 1:
            seed_noise(args.seed, state.global_step)


def make_callbacks(
    settings: RunSettings, interruption: Interruption, listener: Listener | None
) -> list[TrainerCallback]:
    """The callbacks of a run with these settings.

    Without a listener, a notebook shows the progress. Of several processes, the first one does.
    """
    shown: list[TrainerCallback] = []
    if processes().is_main_process:
        listener = listener or notebook_progress()
        shown = [*([ProgressCallback(listener)] if listener else []), LogCallback()]
    return [Validations(settings), Noise(), *shown, interruption]


def _epoch_will_be_saved(args: TrainingArguments, state: TrainerState) -> bool:
    """Whether Trainer validates and saves after this step, the last one of an epoch."""
    is_over = state.epoch is not None and float(state.epoch).is_integer()
    return args.save_strategy == "epoch" and is_over
