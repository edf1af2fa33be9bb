"""`nerine distill`: train a smaller and faster checkpoint to predict as another does."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import click

import nerine
from nerine.cli.flags import FILE, json_option, output_option
from nerine.cli.model_options import ModelOptions, model_options
from nerine.cli.options import CorpusOptions, corpus_options, notes_on
from nerine.cli.predict import file_texts
from nerine.cli.terminal import working
from nerine.cli.training import end_run, run_settings, setting_options, settings_file_option
from nerine.core.streams import Pause
from nerine.training.settings import DistillationSettings


@click.command(
    epilog="""\b
Examples:
  nerine distill runs/wnut --layers 3 --data wnut17/ -o runs/wnut-small
  nerine distill runs/wnut --keep 1,3,5 --data wnut17/ --unlabelled posts.txt -o runs/wnut-small
  nerine distill runs/wnut --layers 3 --data wnut17/ -o runs/wnut-small --resume

The student has the tokenizer, tags, words and windows of its teacher, and is an ordinary
checkpoint. Unlabelled texts help, the more the better, if they are of the kind to be tagged.
"""
)
@click.argument("teacher")
@click.option(
    "--data",
    required=True,
    metavar="CORPUS",
    help='Folder with a file for each split, "sample", or a data set on the hub. The student is '
    "trained on the training split; the validation split chooses the epoch.",
)
@click.option(
    "--unlabelled",
    multiple=True,
    type=FILE,
    metavar="FILE",
    help="Further texts, labelled by the teacher alone: a .txt file with a text in each line, JSON "
    "lines, or a column file. May be repeated.",
)
@output_option(
    "STUDENT", "Folder for the student: a new or empty one, or that of the run to resume."
)
@settings_file_option
@click.option("--resume", is_flag=True, help="Resume the interrupted run in STUDENT.")
@setting_options(DistillationSettings())
@model_options
@corpus_options
@json_option
def distill(
    teacher: str,
    data: str,
    unlabelled: tuple[Path, ...],
    output: Path,
    settings_file: Path | None,
    resume: bool,
    changes: dict[str, Any],
    model: ModelOptions,
    reading: CorpusOptions,
    as_json: bool,
) -> None:
    """Train a student, made of some layers of TEACHER, to predict as TEACHER does.

    TEACHER is a checkpoint: a folder or hub id, made by Nerine or not. The test split is not used.
    """
    resumed = output if resume else None
    settings = run_settings(DistillationSettings(), changes, settings_file, resumed)
    with working(f"reading {data}"):
        corpus = reading.load(data)
        options = reading.options.accepting("unlabelled")
        read = itertools.chain(*(file_texts(path, None, options) for path in unlabelled))
        texts = [text for text in read if not isinstance(text, Pause)]
    from nerine.cli.progress import training_display

    with training_display() as listener:
        run = nerine.distill(
            teacher,
            corpus,
            output=output,
            settings=settings,
            unlabelled=texts,
            revision=model.revision,
            scheme=model.scheme,
            tags=model.tags,
            usage=model.usage,
            resume=resume,
            listener=listener,
        )
    end_run(run, notes_on(corpus), as_json=as_json)
