"""`nerine train`: corpus → checkpoint."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import nerine
from nerine.cli import INTERRUPTED
from nerine.cli.flags import setting_options
from nerine.cli.options import (
    CorpusReading,
    corpus_notes,
    corpus_options,
    given_corpus_flags,
    json_option,
)
from nerine.cli.show import epochs_table
from nerine.cli.terminal import cell, console, print_json, speaks, working
from nerine.core.errors import SettingsError
from nerine.training.recipes import RECIPES, Settings, read_settings, recipe
from nerine.training.settings import TrainingSettings

if TYPE_CHECKING:
    from nerine.training.run import TrainingRun


@click.command(
    epilog="""\b
Examples:
  nerine train sample -o runs/sample
  nerine train wnut17/ --encoder distilbert/distilbert-base-uncased -o runs/wnut --epochs 3
  nerine train wnut17/ -o runs/wnut --resume
  nerine train wnut17/ -o runs/notebook --recipe notebook --learning-rate 5e-5

A run is made of a recipe, what a settings file changes in it, and what flags change in both. A
resumed run keeps the settings with which it began.
"""
)
@click.argument("corpus")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Folder for the checkpoint; new or empty, or that of the run to resume.",
)
@click.option(
    "--recipe",
    "recipe_name",
    type=click.Choice(list(RECIPES)),
    help="Settings to begin with.  [default: default]",
)
@click.option(
    "--settings",
    "settings_file",
    type=click.Path(path_type=Path),
    metavar="FILE.toml",
    help="Settings that differ from the recipe: settings.toml of a run, or one by hand.",
)
@click.option("--resume", is_flag=True, help="Go on with the run in RUN that was interrupted.")
@setting_options
@corpus_options
@json_option
@click.pass_context
def train(
    context: click.Context,
    corpus: str,
    output: Path,
    recipe_name: str | None,
    settings_file: Path | None,
    resume: bool,
    changes: dict[str, Any],
    reading: CorpusReading,
    as_json: bool,
) -> None:
    """Fine-tune an encoder on CORPUS and keep the best epoch.

    CORPUS is a folder with a file for each split, "sample", or a data set on the hub as
    owner/name or owner/name@revision. Its test split is not looked at.
    """
    settings = recipe(recipe_name or "default")
    if resume and recipe_name is None:
        settings = saved_settings(output / "run.json", settings)
    if settings_file:
        settings = read_settings(settings_file, settings)
    settings = settings.changed(changes)
    with working(f"reading {corpus}"):
        loaded = reading.load(corpus)
    run = run_training(loaded, output, settings, resume=resume)
    if speaks():
        notes = [*corpus_notes(loaded), *run.notes]
        if as_json:
            print_json(run_as_json(run, notes))
        else:
            print_run(run, notes)
        if run.interrupted:
            say_how_to_resume(run, corpus, given_corpus_flags(context))
    if run.interrupted:
        context.exit(INTERRUPTED)


def saved_settings(path: Path, base: Settings) -> Settings:
    """The settings with which the run began whose marker is at `path`; `base` if there is none."""
    if not path.is_file():
        return base
    try:
        return base.changed(dict(json.loads(path.read_text(encoding="utf-8"))["settings"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"cannot be read: {error!r}", place=str(path), hint="begin in another folder"
        ) from error
    except SettingsError as error:
        raise error.at(str(path)) from error


def run_training(
    corpus: nerine.Corpus, output: Path, settings: TrainingSettings, *, resume: bool = False
) -> TrainingRun:
    """The run, shown as it goes on where there is a terminal."""
    from nerine.cli.progress import training_display

    with training_display() as listener:
        return nerine.train(
            corpus, output=output, settings=settings, resume=resume, listener=listener
        )


def run_as_json(run: TrainingRun, notes: list[str]) -> dict[str, Any]:
    """For JSON; `best` is the number of the epoch that was kept."""
    ended = run.interrupted is None
    return {
        "checkpoint": str(run.folder) if ended else None,
        "best": run.best.epoch if ended else None,
        "epochs": [record.to_dict() for record in run.epochs],
        "notes": notes,
        "interrupted": run.interrupted,
    }


def print_run(run: TrainingRun, notes: list[str]) -> None:
    """The notes, a row for each epoch, and where the checkpoint lies."""
    on = console()
    for note in notes:
        on.print(cell(f"note: {note}"), soft_wrap=True)
    kept = run.best if run.interrupted is None else None
    if run.epochs:
        on.print(epochs_table(run.epochs, kept, "kept"))
    if kept:
        on.print(cell(f"the checkpoint is in {run.folder}"), soft_wrap=True)


def say_how_to_resume(run: TrainingRun, corpus: str, flags: str = "") -> None:
    """On standard error."""
    words = ["nerine", "train", corpus, "-o", str(run.folder), "--resume"]
    say_how_to_go_on(run, " ".join(part for part in (shlex.join(words), flags) if part))


def say_how_to_go_on(run: TrainingRun, command: str) -> None:
    """That a run was stopped, and the `command` that resumes it, on standard error."""
    on = console(stderr=True)
    on.print(cell(f"stopped by {run.interrupted}; the state was saved"), soft_wrap=True)
    on.print(cell(f"go on with: {command}"), soft_wrap=True)
