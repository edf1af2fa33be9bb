"""Checkpoints of a training with several seeds, in one folder.

RUN/nerine.json, …    the kept checkpoint, whose provenance names the seeds
RUN/seed-0, …         the run of each seed
"""

from __future__ import annotations

from pathlib import Path

from nerine.core.errors import CheckpointError
from nerine.core.filenames import INFO_FILE
from nerine.core.strict_json import MEGABYTE, read_object

GROUP_KEY = "group"
"""The object in the provenance of the kept checkpoint with its `seeds`."""


def seed_folder(run: Path, seed: int) -> Path:
    """The folder of the run with this seed."""
    return run / f"seed-{seed}"


def seed_folders(run: Path) -> list[Path]:
    """The folders of the seeds' checkpoints; empty if `run` is not a group of seeds.

    Empty too if the kept checkpoint was copied without them. Raises `CheckpointError` if some are
    missing.
    """
    if not (run / INFO_FILE).is_file():
        return []
    provenance = read_object(run / INFO_FILE, 5 * MEGABYTE).get("provenance")
    group = provenance.get(GROUP_KEY) if isinstance(provenance, dict) else None
    seeds = group.get("seeds") if isinstance(group, dict) else None
    folders = [seed_folder(run, seed) for seed in seeds] if isinstance(seeds, list) else []
    missing = [folder for folder in folders if not (folder / INFO_FILE).is_file()]
    if len(missing) == len(folders):
        return []
    if missing:
        raise CheckpointError(
            f"the run {missing[0].name} is missing",
            place=str(run),
            expected=f"the runs {', '.join(folder.name for folder in folders)}",
            hint="copy the folder again, or name the runs one by one as NAME=FOLDER",
        )
    return folders
