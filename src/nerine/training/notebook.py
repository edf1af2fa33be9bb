"""Progress of a training run below the cell of a notebook: a bar, and a table of the epochs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

from nerine.core.html import fragment
from nerine.core.shown import Grid
from nerine.evaluation.epochs import EpochRecord

_SECONDS = 0.5
"""The shortest time between two updates of the bar."""
_METADATA = {"nerine": "progress"}
"""What a saved notebook says of the output, so that tools know it."""
_COLUMNS = ("epoch", "training loss", "validation loss", "precision", "recall", "F1", "accuracy")


class NotebookProgress:
    """A `Listener` that IPython shows, as HTML or, where that is not shown, as text."""

    def __init__(self) -> None:
        self._records: list[EpochRecord] = []
        self._best: EpochRecord | None = None
        self._step = self._steps = 0
        self._handle: Any = None
        self._updated = 0.0

    def started(self, step: int, steps: int) -> None:
        """Shows the bar after `step` of `steps`."""
        from IPython import display

        show: Callable[..., Any] = display.display
        self._step, self._steps = step, steps
        self._handle = show(self, display_id=True, metadata=_METADATA)

    def stepped(self, step: int) -> None:
        """Moves the bar, unless it was moved just now."""
        self._step = step
        if step == self._steps or time.monotonic() - self._updated >= _SECONDS:
            self._update()

    def evaluated(self, record: EpochRecord, *, best: bool) -> None:
        """Adds an epoch to the table."""
        self._records.append(record)
        self._best = record if best else self._best
        self._update()

    def _update(self) -> None:
        self._updated = time.monotonic()
        if self._handle is not None:
            self._handle.update(self, metadata=_METADATA)

    def _table(self) -> Grid:
        rows = [
            (
                f"{each.epoch:g}",
                *(f"{loss:.4f}" for loss in (each.training_loss, each.validation_loss)),
                *(f"{each.precision:.4f}", f"{each.recall:.4f}", f"{each.f1:.4f}"),
                f"{each.accuracy:.4f}",
                "best" if each is self._best else "",
            )
            for each in self._records
        ]
        return Grid("", (*_COLUMNS, ""), rows)

    @property
    def _done(self) -> str:
        return f"step {self._step:,} of {self._steps:,}"

    def _repr_html_(self) -> str:
        bar = (
            f'<progress value="{self._step}" max="{max(self._steps, 1)}" style="width: 20em; '
            f'vertical-align: middle"></progress> {self._done}'
        )
        return fragment(bar, *([self._table().to_html()] if self._records else []))

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002 - IPython's signature
        parts = [self._done, *([str(self._table())] if self._records else [])]
        printer.text("\n".join(parts))


def notebook_progress() -> NotebookProgress | None:
    """A listener that shows a run below the current cell; None outside a notebook's kernel.

    Of several processes that train together, the first one shows it.
    """
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    is_first = os.environ.get("RANK", "0") == "0"
    return NotebookProgress() if is_first and getattr(shell, "kernel", None) else None
