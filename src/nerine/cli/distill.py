"""`nerine distill`: a trained checkpoint → a smaller and faster one."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import nerine
from nerine.cli import INTERRUPTED
from nerine.cli.flags import resuming_command, setting_options_from
from nerine.cli.options import (
    CorpusReading,
    ModelChoice,
    corpus_notes,
    corpus_options,
    json_option,
    model_options,
)
from nerine.cli.predict import file_texts
from nerine.cli.terminal import print_json, speaks, working
from nerine.cli.train import print_run, run_as_json, saved_settings, say_how_to_go_on
from nerine.data.formats import ReadOptions
from nerine.training.recipes import read_settings
from nerine.training.settings import DistillationSettings

if TYPE_CHECKING:
    from nerine.core.document import Document


@click.command(
    epilog="""\b
Examples:
  nerine distill runs/wnut --layers 3 --data wnut17/ -o runs/wnut-small
  nerine distill runs/wnut --keep 1,3,5 --data wnut17/ --unlabelled posts.txt -o runs/wnut-small
  nerine distill runs/wnut --layers 3 --data wnut17/ -o runs/wnut-small --resume

The student has its teacher's tokenizer, tags, words and windows, and is a checkpoint like any
other. The more unlabelled text of the kind that is to be tagged, the better.
"""
)
@click.argument("teacher")
@click.option(
    "--data",
    required=True,
    metavar="CORPUS",
    help='Folder with a file for each split, "sample", or a data set on the hub. Its training '
    "split is learned from, its validation split chooses the epoch.",
)
@click.option(
    "--unlabelled",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Further texts, of which only the teacher says what is in them: a .txt file with a text "
    "in each line, JSON lines, or a column file. May be given again.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="STUDENT",
    help="Folder for the student; new or empty, or that of the run to resume.",
)
@click.option(
    "--settings",
    "settings_file",
    type=click.Path(path_type=Path),
    metavar="FILE.toml",
    help="Settings other than the default ones: settings.toml of a run, or one by hand.",
)
@click.option("--resume", is_flag=True, help="Go on with the run in STUDENT that was interrupted.")
@setting_options_from(DistillationSettings())
@model_options
@corpus_options
@json_option
@click.pass_context
def distill(
    context: click.Context,
    teacher: str,
    data: str,
    unlabelled: tuple[Path, ...],
    output: Path,
    settings_file: Path | None,
    resume: bool,
    changes: dict[str, Any],
    model: ModelChoice,
    reading: CorpusReading,
    as_json: bool,
) -> None:
    """Make a student of some layers of TEACHER and let it learn what TEACHER says of texts.

    TEACHER is a checkpoint: a folder or hub id, made by Nerine or not. The test split is not
    looked at.
    """
    settings = DistillationSettings()
    if resume:
        settings = saved_settings(output / "run.json", settings)
    if settings_file:
        settings = read_settings(settings_file, settings)
    settings = settings.changed(changes)
    with working(f"reading {data}"):
        corpus = reading.load(data)
        texts = _texts(unlabelled, reading.options)
    run = _run(teacher, corpus, texts, output, settings, model, resume=resume)
    if speaks():
        notes = [*corpus_notes(corpus), *run.notes]
        if as_json:
            print_json(run_as_json(run, notes))
        else:
            print_run(run, notes)
        if run.interrupted:
            say_how_to_go_on(run, resuming_command(context))
    if run.interrupted:
        context.exit(INTERRUPTED)


def _texts(files: tuple[Path, ...], options: ReadOptions) -> list[str | Document]:
    options = dataclasses.replace(options, unlabelled=True)
    sources = [file_texts(path, None, options) for path in files]
    return list(itertools.chain.from_iterable(sources))


def _run(
    teacher: str,
    corpus: nerine.Corpus,
    texts: list[str | Document],
    output: Path,
    settings: DistillationSettings,
    model: ModelChoice,
    *,
    resume: bool,
) -> nerine.TrainingRun:
    """The run, shown as it goes on where there is a terminal."""
    from nerine.cli.progress import training_display

    with training_display() as listener:
        return nerine.distill(
            teacher,
            corpus,
            output=output,
            settings=settings,
            unlabelled=texts,
            revision=model.revision,
            scheme=model.scheme,
            tags=model.tags,
            resume=resume,
            listener=listener,
        )
