"""Callbacks of a training run: progress, early stopping, signals and periodic saves."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol

from accelerate import PartialState
from accelerate.utils import gather_object
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from nerine.evaluation.epochs import EpochRecord
from nerine.training.epochs import epoch_records
from nerine.training.settings import RunSettings


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
        *earlier, last = epoch_records(state.log_history)
        self._listener.evaluated(last, best=all(record.f1 < last.f1 for record in earlier))


class StopsAndSaves(TrainerCallback):
    """Early stopping, and periodic saves of the state, as the settings say.

    Its only state is Trainer's log, so a resumed run needs no other.
    """

    def __init__(self, settings: RunSettings) -> None:
        self._patience, self._steps = settings.early_stopping, settings.save_steps

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stops the run if so many evaluations have had no better F1."""
        scores = [record.f1 for record in epoch_records(state.log_history)]
        if self._patience and len(scores) - 1 - scores.index(max(scores)) >= self._patience:
            control.should_training_stop = True

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Saves the state every so many steps. The end of an epoch is saved in any case."""
        is_due = self._steps and state.global_step % self._steps == 0
        if is_due and not _epoch_is_over(state):
            control.should_save = control.should_log = True


class Interruption(TrainerCallback):
    """Stops on SIGINT or SIGTERM after the current step, with its state saved.

    A second signal kills the process. It is a context manager, which restores the signal handlers
    at its end. Outside the main thread signals cannot be handled, and it does nothing.
    """

    def __init__(self) -> None:
        self.received: str | None = None
        self._previous: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number).name
        self.__exit__()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stops the run after this step if a signal was received."""
        if PartialState().num_processes > 1:  # all processes stop at the same step
            received = gather_object([self.received])
            self.received = next((name for name in received if name), None)
        if self.received:
            control.should_training_stop = True
            control.should_save = control.should_log = not _epoch_is_over(state)

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Skips the evaluation of an unfinished epoch; the resumed run evaluates it."""
        if self.received and not _epoch_is_over(state):
            control.should_save = control.should_evaluate = control.should_log = False


def make_callbacks(
    settings: RunSettings, interruption: Interruption, listener: Listener | None
) -> list[TrainerCallback]:
    """The callbacks of a run with these settings."""
    progress = [ProgressCallback(listener)] if listener else []
    return [StopsAndSaves(settings), *progress, interruption]


def _epoch_is_over(state: TrainerState) -> bool:
    return bool(state.epoch is not None and float(state.epoch).is_integer())
