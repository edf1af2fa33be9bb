"""Training states on disk, complete or absent, and verified before they are used.

RUN/run.json                   settings and corpus of the run, written first
RUN/checkpoints/step-00000213  a checkpoint with the optimizer, schedule and random states
RUN/checkpoints/.step-…part    a state that is being written
RUN/config.json, …             the best checkpoint, once the run has ended
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from nerine.core.files import file_hash, sync_files

_MANIFEST = "complete.json"


class States:
    """The training states in one run's folder."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.folder = run / "checkpoints"

    def path(self, step: int) -> Path:
        """The folder of the state after `step`, whether it exists or not."""
        return self.folder / f"step-{step:08d}"

    def staging(self, step: int) -> Path:
        """The folder in which the state after `step` is written before it is renamed."""
        return self.folder / f".step-{step:08d}.part"

    def stage(self, step: int, inner: str) -> Path:
        """An empty folder `inner` in the staging folder of the state after `step`."""
        folder = self.staging(step) / inner
        shutil.rmtree(folder.parent, ignore_errors=True)  # a killed run may have left a part of it
        folder.mkdir(parents=True)
        return folder

    def commit(self, step: int, inner: str) -> None:
        """Renames a staged state to its final name, after writing it to disk with a manifest.

        `inner` is the folder inside the staging folder into which Trainer wrote.
        """
        staged, final = self.staging(step) / inner, self.path(step)
        manifest = {file.name: file_hash(file) for file in staged.iterdir() if file.is_file()}
        text = json.dumps(manifest, indent=2)
        (staged / _MANIFEST).write_text(text + "\n", encoding="utf-8")
        sync_files(staged)
        if final.exists():
            shutil.rmtree(final)
        staged.rename(final)
        self.staging(step).rmdir()

    def steps(self) -> list[int]:
        """The steps of the committed states, in order."""
        return sorted(int(path.name.removeprefix("step-")) for path in self.folder.glob("step-*"))

    def is_complete(self, step: int) -> bool:
        """Whether each file of the state still has the hash in its manifest."""
        folder = self.path(step)
        try:
            manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
            return all(file_hash(folder / name) == digest for name, digest in manifest.items())
        except (OSError, ValueError, AttributeError):
            return False

    def newest_complete(self) -> tuple[int | None, list[int]]:
        """The step of the newest complete state, and the steps of newer, damaged ones."""
        damaged: list[int] = []
        for step in reversed(self.steps()):
            if self.is_complete(step):
                return step, damaged
            damaged.append(step)
        return None, damaged

    def keep_only(self, steps: Iterable[int]) -> None:
        """Deletes all other states, staged ones included."""
        kept = {self.path(step) for step in steps}
        for path in [*self.folder.glob("step-*"), *self.folder.glob(".step-*.part")]:
            if path not in kept:
                shutil.rmtree(path, ignore_errors=True)

    def remove(self) -> None:
        """Deletes all states, once the run has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)
