"""`nerine train`: fine-tune an encoder on a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nerine.cli.options import FILE, CorpusOptions, corpus_notes, corpus_options, json_option
from nerine.cli.terminal import working
from nerine.cli.training import (
    end_run,
    run_settings,
    run_training,
    setting_options,
    settings_file_option,
)
from nerine.training.recipes import RECIPES, recipe
from nerine.training.settings import TrainingSettings


@click.command(
    epilog="""\b
Examples:
  nerine train sample -o runs/sample
  nerine train wnut17/ --encoder distilbert/distilbert-base-uncased -o runs/wnut --epochs 3
  nerine train wnut17/ -o runs/wnut --resume
  nerine train wnut17/ -o runs/notebook --recipe notebook --learning-rate 5e-5

The settings are those of a recipe, changed by a settings file, then by options. A resumed run keeps
the settings that it began with.
"""
)
@click.argument("corpus")
@click.option(
    "-o",
    "--output",
    required=True,
    type=FILE,
    metavar="RUN",
    help="Folder for the checkpoint: a new or empty one, or that of the run to resume.",
)
@click.option(
    "--recipe",
    "recipe_name",
    type=click.Choice(list(RECIPES)),
    help="Settings to start from.  [default: default]",
)
@settings_file_option
@click.option("--resume", is_flag=True, help="Resume the interrupted run in RUN.")
@setting_options(TrainingSettings())
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
    reading: CorpusOptions,
    as_json: bool,
) -> None:
    """Fine-tune an encoder on CORPUS and keep the best epoch.

    CORPUS is a folder with a file for each split, "sample", or a data set on the hub as
    owner/name or owner/name@revision. Its test split is not used.
    """
    resumed = output if resume and recipe_name is None else None
    settings = run_settings(recipe(recipe_name or "default"), changes, settings_file, resumed)
    with working(f"reading {corpus}"):
        loaded = reading.load(corpus)
    run = run_training(loaded, output, settings, resume=resume)
    end_run(context, run, corpus_notes(loaded), as_json=as_json)
