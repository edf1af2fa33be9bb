"""A small search for tests of tuning, in this process or in one that is killed.

python tests/support/searches.py OUTPUT ENCODER RUN STEP [resume]
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nerine
from nerine.evaluation.epochs import EpochRecord
from runs import corpus


class SearchRecorder:
    """Records the runs of a search, and calls `do` after a step of the run called `during`."""

    def __init__(
        self, during: str = "", step: int = 0, do: Callable[[], Any] = lambda: None
    ) -> None:
        self.during, self.step, self.do = during, step, do
        self.runs: list[str] = []
        self.results: list[str] = []
        self.begun: list[int] = []

    def run(self, name: str) -> None:
        self.runs.append(name)

    def ended(self, result: str) -> None:
        self.results.append(result)

    def started(self, step: int, steps: int) -> None:
        self.begun.append(step)

    def stepped(self, step: int) -> None:
        if self.runs[-1].startswith(f"{self.during},") and step == self.step:
            self.do()

    def evaluated(self, record: EpochRecord, *, best: bool) -> None: ...


def small_search(folder: Path, encoder: Path, **options: Any) -> nerine.Tuning:
    """Four trials of two settings, and two finalists with three seeds."""
    chosen: dict[str, Any] = {
        "names": ["masking", "freeze_embeddings"],
        "runs": 8,
        "finalists": 2,
        "learning_rate": 1e-2,
        "steps": 12,
        "validate_every": 4,
        "batch_size": 8,
        **options,
    }
    given = chosen.pop("corpus", None) or corpus()
    return nerine.tune(
        given, output=folder, encoder=str(encoder), max_length=64, overlap=8, **chosen
    )


if __name__ == "__main__":
    output, encoder, during, step, *rest = sys.argv[1:]
    killer = SearchRecorder(during, int(step), lambda: os.kill(os.getpid(), signal.SIGKILL))
    small_search(Path(output), Path(encoder), resume="resume" in rest, listener=killer)
