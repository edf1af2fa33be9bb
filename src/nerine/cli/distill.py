"""`nerine distill`: train a checkpoint to predict as others do, on texts with labels or without."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import click

import nerine
from nerine.cli.completion import CHECKPOINT, CORPUS
from nerine.cli.flags import FILE, json_option, output_option, threads_option
from nerine.cli.help import Command
from nerine.cli.launched import in_first_process, launched_together
from nerine.cli.model_options import ModelOptions, model_options
from nerine.cli.options import CorpusOptions, corpus_options, notes_on
from nerine.cli.outputs import check_start, overwrite_option, remove_run
from nerine.cli.predict import file_texts
from nerine.cli.terminal import working
from nerine.cli.training import end_run, run_settings, setting_options, settings_file_option
from nerine.core.streams import Pause
from nerine.training.distillation.settings import DistillationSettings


@click.command(
    cls=Command,
    short_help="Train a model to predict as others do, on any texts.",
    epilog="""\b
Examples:
  nerine distill runs/wnut wnut17/ --layers 3 -o runs/small
  nerine distill runs/wnut wnut17/ --keep-layers 1,3,5 -o runs/small
  nerine distill runs/wnut wnut17/ --unlabelled posts.txt -o runs/small
  nerine distill runs/a wnut17/ --encoder NAME --unlabelled posts.txt -o runs/b
  nerine distill runs/a wnut17/ --teacher runs/b --teacher runs/c -o runs/small
  nerine distill runs/wnut wnut17/ --layers 3 -o runs/small --resume

The student has the tags, words and windows of its teacher, its tokenizer too without --encoder,
and is an ordinary checkpoint. Unlabelled texts help, the more the better, if they are of the kind
to be tagged.
""",
)
@click.argument("teacher", type=CHECKPOINT)
@click.argument("corpus", type=CORPUS)
@click.option(
    "--teacher",
    "others",
    multiple=True,
    type=CHECKPOINT,
    metavar="TEACHER",
    help="A further teacher with the same words and tags; the probabilities of all are averaged. "
    "May be repeated.",
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
@overwrite_option
@threads_option
@setting_options(DistillationSettings())
@model_options
@corpus_options
@json_option
def distill(
    teacher: str,
    corpus: str,
    others: tuple[str, ...],
    unlabelled: tuple[Path, ...],
    output: Path,
    settings_file: Path | None,
    resume: bool,
    overwrite: bool,
    changes: dict[str, Any],
    model: ModelOptions,
    reading: CorpusOptions,
    as_json: bool,
) -> None:
    """Train a student to predict as TEACHER does.

    The student is made of some layers of TEACHER, or of the encoder of --encoder. TEACHER is a
    checkpoint: a folder or hub id, made by Nerine or not. CORPUS is a folder with a file for each
    split, "sample", or a data set on the hub as owner/name or owner/name@revision. The student is
    trained on the training split; the validation split chooses the epoch; the test split is not
    learned from, and texts like its own are left out of the unlabelled ones.
    """
    check_start(resume=resume, overwrite=overwrite)
    resumed = output if resume else None
    from nerine.cli.progress import training_display

    with launched_together():
        settings = run_settings(DistillationSettings(), changes, settings_file, resumed)
        with working(f"reading {corpus}"):
            loaded = reading.load(corpus)
            options = reading.options.accepting("unlabelled")
            read = itertools.chain(*(file_texts(path, None, options) for path in unlabelled))
            texts = [text for text in read if not isinstance(text, Pause)]
        if overwrite:
            sources = [teacher, *others, corpus, *map(str, unlabelled)]
            in_first_process(lambda: remove_run(output, sources))
        with training_display() as listener:
            run = nerine.distill(
                [teacher, *others] if others else teacher,
                loaded,
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
    end_run(run, notes_on(loaded), as_json=as_json)
