"""What watches a run: signals, patience, and whoever shows the progress."""

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


class Listener(Protocol):
    """Whoever shows how a run goes on."""

    def started(self, step: int, steps: int) -> None:
        """The run begins or goes on.

        Args:
            step: How many steps are done.
            steps: How many steps there will be.
        """

    def stepped(self, step: int) -> None:
        """A step is done.

        Args:
            step: Which step, counted from 1.
        """

    def evaluated(self, record: EpochRecord, *, best: bool) -> None:
        """An epoch has been scored.

        Args:
            record: Its losses and scores.
            best: Whether it is the best one so far, whose weights are kept.
        """


class Informer(TrainerCallback):
    """Passes Trainer's events on to a `Listener`."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Says how many steps are done, and how many there are."""
        self._listener.started(state.global_step, state.max_steps)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Says that a step is done."""
        self._listener.stepped(state.global_step)

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Gives on the record of the epoch that was scored."""
        records = list(epoch_records(state.log_history))
        last = records[-1]
        best = all(record.f1 < last.f1 for record in records[:-1])
        self._listener.evaluated(last, best=best)


class Patience(TrainerCallback):
    """Stops after so many evaluations without a better F1. It keeps no state but Trainer's log."""

    def __init__(self, evaluations: int) -> None:
        self._evaluations = evaluations

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stops the run where the best epoch lies too far back."""
        scores = [record.f1 for record in epoch_records(state.log_history)]
        if len(scores) - 1 - scores.index(max(scores)) >= self._evaluations:
            control.should_training_stop = True


class Interruption(TrainerCallback):
    """On SIGINT or SIGTERM: ends the step, saves its state and stops. A second one kills.

    A context manager, since the signals' handlers are put back afterwards. Outside of the main
    thread signals cannot be caught, and nothing changes.
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
        """Stops the run behind this step if a signal has come."""
        if PartialState().num_processes > 1:  # all of them end at the same step
            heard = gather_object([self.received])
            self.received = next((name for name in heard if name), None)
        if self.received:
            control.should_training_stop = True
            control.should_save = control.should_log = not _epoch_is_over(state)

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Leaves an epoch that a signal cut short without scores."""
        # An epoch that is cut short is scored once the resumed run has gone through it.
        if self.received and not _epoch_is_over(state):
            control.should_save = control.should_evaluate = control.should_log = False


class PeriodicSave(TrainerCallback):
    """Saves every so many steps; the end of an epoch is saved anyway, after its scores."""

    def __init__(self, steps: int) -> None:
        self._steps = steps

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Saves where it is time to."""
        if state.global_step % self._steps == 0 and not _epoch_is_over(state):
            control.should_save = control.should_log = True


def _epoch_is_over(state: TrainerState) -> bool:
    return bool(state.epoch is not None and float(state.epoch).is_integer())
