"""Training states on disk: whole or not there, and checked before they are used.

RUN/run.json                   settings and corpus of the run, written first
RUN/checkpoints/step-00000213  a checkpoint with the states of optimizer, schedule and dice
RUN/checkpoints/.step-…part    one that is being written
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
    """The training states below one run's folder."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.folder = run / "checkpoints"

    def path(self, step: int) -> Path:
        """Where the state after `step` is or would be."""
        return self.folder / f"step-{step:08d}"

    def staging(self, step: int) -> Path:
        """Where the state after `step` is written before it takes its place."""
        return self.folder / f".step-{step:08d}.part"

    def clear_staging(self, step: int) -> None:
        """Removes what a run that was killed may have left in the staging place."""
        shutil.rmtree(self.staging(step), ignore_errors=True)

    def commit(self, step: int, inner: str) -> None:
        """Gives a staged state its name, once its contents are on the disk with a manifest.

        `inner` is the folder inside the staging place into which Trainer wrote.
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
        """The steps whose states have their names, in order."""
        return sorted(int(path.name.removeprefix("step-")) for path in self.folder.glob("step-*"))

    def is_whole(self, step: int) -> bool:
        """Whether each file of the state is as it was when it was written."""
        folder = self.path(step)
        try:
            manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
            return all(file_hash(folder / name) == digest for name, digest in manifest.items())
        except (OSError, ValueError, AttributeError):
            return False

    def newest_whole(self) -> tuple[int | None, list[int]]:
        """The newest state that is whole, and the newer ones that are not."""
        broken: list[int] = []
        for step in reversed(self.steps()):
            if self.is_whole(step):
                return step, broken
            broken.append(step)
        return None, broken

    def keep_only(self, steps: Iterable[int]) -> None:
        """Deletes other states, and whatever was left half-written."""
        kept = {self.path(step) for step in steps}
        for path in [*self.folder.glob("step-*"), *self.folder.glob(".step-*.part")]:
            if path not in kept:
                shutil.rmtree(path, ignore_errors=True)

    def remove(self) -> None:
        """Deletes all states: the run has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)
