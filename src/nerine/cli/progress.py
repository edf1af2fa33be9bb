"""Progress on a terminal: a bar, and in training a table with a row for each epoch."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from nerine.cli.scores import epochs_table, losses_table
from nerine.cli.terminal import console, is_main_process, print_line
from nerine.cli.verbosity import is_quiet
from nerine.core.display import counted, visible

if TYPE_CHECKING:
    from nerine.evaluation.epochs import EpochRecord
    from nerine.training.adaptation.measurements import Measurement

_TIMED_STEPS = 20


class _Rate(ProgressColumn):
    """Steps per second."""

    def render(self, task: Task) -> RenderableType:
        return Text(f"{task.speed:.1f} steps/s" if task.speed else "")


class _Documents(ProgressColumn):
    """Number of tagged documents, and their number per second."""

    def render(self, task: Task) -> RenderableType:
        number, elapsed = task.fields["documents"], task.elapsed
        rate = f", {number / elapsed:,.0f}/s" if number and elapsed else ""
        return Text(f"{counted(number, 'document')}{rate}")


class TaggingDisplay:
    """A `Listener` that shows a bar for the file that is being tagged."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=None, documents=0)

    def started(self, name: str, done: int, size: int | None) -> None:
        """An input begins, with `done` of its `size` done before."""
        self._bar.update(
            self._task, description=visible(PurePath(name).name), total=size, completed=done
        )

    def advanced(self, done: int, documents: int) -> None:
        """Sets the part of the input that is done, and the documents of this run."""
        self._bar.update(self._task, completed=done, documents=documents)


@contextlib.contextmanager
def tagging_display() -> Iterator[TaggingDisplay | None]:
    """A display on standard error if that is a terminal and the command not quiet, else None."""
    if is_quiet() or not sys.stderr.isatty():
        yield None
        return
    with tagging_bar(console(stderr=True)) as bar:
        yield TaggingDisplay(bar)


def tagging_bar(on: Console) -> Progress:
    """A bar with documents, their rate and the time left; it is erased at the end."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), _Documents())
    return Progress(
        *columns, TimeRemainingColumn(), console=on, transient=True, redirect_stdout=False
    )


class TrainingDisplay:
    """A `Listener` that shows a training run on a console; `live` erases it at the end."""

    def __init__(self, on: Console) -> None:
        self._records: list[EpochRecord] = []
        self._best: EpochRecord | None = None
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            console=on,
        )
        self._task = self._bar.add_task("getting ready", total=None)
        self._doing = "training"
        self._console = on
        self._steps = self._first = 0
        self._began = 0.0
        self._is_timed = False  # whether runs like this one have been timed
        self.live = Live(self, console=on, transient=True)

    def __rich__(self) -> RenderableType:
        """The table of the epochs so far, if any, above the bar."""
        if not self._records:
            return self._bar
        return Group(epochs_table(self._records, self._best, "best"), self._bar)

    def fold(self, number: int, folds: int) -> None:
        """The run of a fold begins, with an empty table."""
        self.run(f"fold {number} of {folds}")

    def seed(self, number: int, seeds: int) -> None:
        """The run of a seed begins, with an empty table."""
        self.run(f"seed {number} of {seeds}")

    def run(self, name: str) -> None:
        """The run called `name`, one of several, begins with an empty table."""
        self._records, self._best = [], None
        self._doing = name
        self._bar.reset(self._task, description=self._doing, total=None)
        self.live.refresh()  # so that no line printed now has the last table below it

    def ended(self, result: str) -> None:
        """One of several runs has ended; its result stays on the terminal."""
        print_line(self._console, result)
        self._is_timed = True

    def started(self, step: int, steps: int) -> None:
        """The run continues after `step` of `steps`."""
        self._bar.reset(self._task, description=self._doing, total=steps, completed=step)
        self._first, self._steps = step, steps

    def stepped(self, step: int) -> None:
        """`step` is done. After the first ones the time of the others is known."""
        self._bar.update(self._task, completed=step)
        done = step - self._first
        if done == 1:  # which is slower than the others
            self._began = time.monotonic()
        elif done == _TIMED_STEPS + 1 and step < self._steps and not self._is_timed:
            minutes = (time.monotonic() - self._began) / _TIMED_STEPS * (self._steps - step) / 60
            expected = "less than a minute" if minutes < 1 else f"about {minutes:.0f} min"
            print_line(self._console, f"{self._doing}: {expected} from now on")

    def evaluated(self, record: EpochRecord, *, best: bool) -> None:
        """Adds an epoch to the table."""
        self._records.append(record)
        self._best = record if best else self._best


class AdaptationDisplay(TrainingDisplay):
    """An `AdaptationListener` that shows an adaptation on a console; `live` erases it."""

    def __init__(self, on: Console) -> None:
        self._measurements: list[Measurement] = []
        self._lowest: Measurement | None = None
        super().__init__(on)
        self._doing = "adapting"

    def __rich__(self) -> RenderableType:
        """The table of the losses so far, if any, above the bar."""
        if not self._measurements:
            return self._bar
        return Group(losses_table(self._measurements, self._lowest, "lowest"), self._bar)

    def measured(self, measurement: Measurement, *, best: bool) -> None:
        """Adds a measurement to the table."""
        self._measurements.append(measurement)
        self._lowest = measurement if best else self._lowest


Display = TypeVar("Display", bound=TrainingDisplay)


@contextlib.contextmanager
def training_display() -> Iterator[TrainingDisplay | None]:
    """A display on standard error if that is a terminal and the command not quiet, else None."""
    with _shown(TrainingDisplay) as display:
        yield display


@contextlib.contextmanager
def adaptation_display() -> Iterator[AdaptationDisplay | None]:
    """A display on standard error if that is a terminal and the command not quiet, else None."""
    with _shown(AdaptationDisplay) as display:
        yield display


@contextlib.contextmanager
def _shown(kind: Callable[[Console], Display]) -> Iterator[Display | None]:
    if is_quiet() or not (is_main_process() and sys.stderr.isatty()):
        yield None
        return
    display = kind(console(stderr=True))
    with display.live:
        yield display
