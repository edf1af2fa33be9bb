"""How training goes on, on a terminal: a bar, and a table that grows by a row an epoch."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING

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

from nerine.cli.show import epochs_table
from nerine.cli.terminal import console, speaks

if TYPE_CHECKING:
    from nerine.training import EpochRecord


class _Rate(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> RenderableType:
        return Text(f"{task.speed:.1f} steps/s" if task.speed else "")


class TrainingDisplay:
    """A `Listener` that shows a run on a console, and clears away when it is left.

    The result is printed by whoever called: what stands here is gone by then.
    """

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
        self._live = Live(get_renderable=self._shown, console=on, transient=True)

    def __enter__(self) -> TrainingDisplay:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def _shown(self) -> RenderableType:
        if not self._records:
            return self._bar
        return Group(epochs_table(self._records, self._best, "best"), self._bar)

    def fold(self, number: int, folds: int) -> None:
        """The run of a fold is next: the table begins again."""
        self._records, self._best = [], None
        self._doing = f"fold {number} of {folds}"
        self._bar.reset(self._task, description=self._doing, total=None)
        self._live.refresh()  # so that no line printed now has the last fold's table below it

    def started(self, step: int, steps: int) -> None:
        """The run goes on after `step` of `steps`."""
        self._bar.reset(self._task, description=self._doing, total=steps, completed=step)

    def stepped(self, step: int) -> None:
        """`step` is done."""
        self._bar.update(self._task, completed=step)

    def evaluated(self, record: EpochRecord, *, best: bool) -> None:
        """An epoch has been scored."""
        self._records.append(record)
        self._best = record if best else self._best


@contextlib.contextmanager
def training_display() -> Iterator[TrainingDisplay | None]:
    """A display on standard error if that is a terminal, else None."""
    if not (speaks() and sys.stderr.isatty()):
        yield None
        return
    with TrainingDisplay(console(stderr=True)) as display:
        yield display
