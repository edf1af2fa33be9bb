"""The training runs in a folder, as their records describe them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerine.core.errors import CheckpointError, NerineError
from nerine.core.filenames import INFO_FILE, RUN_FILE, WEIGHTS_FILE
from nerine.core.strict_json import MEGABYTE, read_object
from nerine.model.backends.saved import PYTORCH, read_saved
from nerine.model.loading.seeds import GROUP_KEY
from nerine.training.recipes import RECIPES

_MOST_BYTES = 5 * MEGABYTE
_OF_THE_RUN = frozenset(
    {"encoder", "revision", "seed", "head_seed", "report_to", "save_steps", "words", "precision"}
)
"""Settings that differ from run to run, or that the plan chooses, whatever the recipe."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A training run or another checkpoint that Nerine made. None stands for what is not recorded.

    Attributes:
        folder: Its folder.
        state: `ended`, `not ended`, or `unreadable`.
        corpus: The source of its corpus.
        recipe: The recipe that its settings are nearest to, with the settings that differ; for a
            student, its teacher.
        seeds: The number of seeds that were trained.
        f1: The F1 on the validation split, from 0 to 1.
        seconds: How long the training took.
        bytes: The size of the weights.
        optimized: The variants that `nerine optimize` made.
        chosen: The variant that runs by default.
        fault: What is wrong with an unreadable one.
    """

    folder: Path
    state: str
    corpus: str | None = None
    recipe: str | None = None
    seeds: int | None = None
    f1: float | None = None
    seconds: float | None = None
    bytes: int | None = None
    optimized: tuple[str, ...] = ()
    chosen: str | None = None
    fault: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fields for JSON."""
        return {**dataclasses.asdict(self), "folder": str(self.folder)}


def list_runs(folder: str | Path) -> list[RunSummary]:
    """The runs in a folder and its subfolders, by name; a folder that is a run is listed alone.

    The runs of the seeds of a group are part of the group. Raises `CheckpointError` if there is no
    such folder.
    """
    place = Path(folder).expanduser()
    if not place.is_dir():
        raise CheckpointError(
            "there is no such folder",
            place=str(folder),
            expected="a folder with training runs",
            hint="nerine runs FOLDER lists those in another folder",
        )
    return [_summary(each) for each in _run_folders(place)]


def _run_folders(folder: Path) -> Iterator[Path]:
    if (folder / INFO_FILE).is_file() or (folder / RUN_FILE).is_file():
        yield folder
        return
    for inner in sorted(folder.iterdir()):
        if inner.is_dir() and not inner.is_symlink() and not inner.name.startswith("."):
            yield from _run_folders(inner)


def _summary(folder: Path) -> RunSummary:
    try:
        started = _record(folder / RUN_FILE)
        if not (folder / INFO_FILE).is_file():
            corpus, settings = started.get("source"), started.get("settings") or {}
            recipe = _recipe_of(settings) if corpus else "adaptation of an encoder"
            return RunSummary(folder, "not ended", corpus, recipe)
        info = _record(folder / INFO_FILE)
        provenance = info.get("provenance") or {}
        saved = read_saved(folder)
        scores = (info.get("scores") or {}).get("validation") or {}
        teacher = provenance.get("teacher")
        group = provenance.get(GROUP_KEY) or {}
        weights = folder / WEIGHTS_FILE
        return RunSummary(
            folder,
            "ended",
            corpus=started.get("source") or (provenance.get("corpus") or {}).get("source"),
            recipe=f"distilled from {teacher['source']}"
            if teacher
            else _recipe_of(provenance.get("settings") or {}),
            seeds=len(group["seeds"]) if group else None,
            f1=scores.get("f1"),
            seconds=provenance.get("seconds") or scores.get("seconds"),
            bytes=weights.stat().st_size if weights.is_file() else None,
            optimized=tuple(saved.models) if saved else (),
            chosen=saved.chosen if saved else PYTORCH,
        )
    except (NerineError, LookupError, TypeError, AttributeError) as error:
        fault = error.found if isinstance(error, NerineError) else f"{error!r:.200}"
        return RunSummary(folder, "unreadable", fault=fault)


def _record(path: Path) -> Mapping[str, Any]:
    return read_object(path, _MOST_BYTES) if path.is_file() else {}


def _recipe_of(settings: Mapping[str, Any]) -> str | None:
    """The recipe with the fewest other settings, and these settings."""
    if not settings:
        return None
    differing = {name: _differences(recipe.to_dict(), settings) for name, recipe in RECIPES.items()}
    name = min(differing, key=lambda each: len(differing[each]))
    return ", ".join([name, *(f"{key}={value}" for key, value in differing[name].items())])


def _differences(recipe: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that differ from a recipe, apart from those that it leaves to the plan."""
    return {
        name: settings[name]
        for name, value in recipe.items()
        if name not in _OF_THE_RUN
        and value is not None
        and name in settings
        and settings[name] != value
    }
