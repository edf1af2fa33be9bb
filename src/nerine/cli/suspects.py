"""`nerine suspects`: find label errors of a corpus, by cross-validation or by a model."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nerine.cli.cluster import Spread, spread_options
from nerine.cli.completion import CHECKPOINT, CORPUS
from nerine.cli.failures import INTERRUPTED
from nerine.cli.flags import (
    FILE,
    default_option,
    json_option,
    output_option,
    threads_option,
)
from nerine.cli.help import Command
from nerine.cli.model_options import tag_names
from nerine.cli.options import CorpusOptions, corpus_options, notes_on
from nerine.cli.outputs import check_output
from nerine.cli.resuming import print_resuming_command, resuming_command
from nerine.cli.terminal import (
    Titled,
    noted_console,
    print_json,
    print_line,
    print_notes,
    table,
    working,
)
from nerine.cli.training import setting_options
from nerine.core.display import counted
from nerine.core.files import json_line, replacing
from nerine.training.settings import TrainingSettings

if TYPE_CHECKING:
    from rich.console import Console

    from nerine.curation.label_errors import LabelErrorReport
    from nerine.data.corpus import Corpus

_SHOWN = 20
_ON_PAGE = 1000
_OF_MODEL = {"revision", "scheme"}
_OF_USAGE = {"words", "decoding", "max_length"}
"""Settings of training that also apply to a trained model."""
_OF_FOLDS = ("folds", "work", "keep_work", "resume", "processes", "on", "workers", "address")


@click.command(
    cls=Command,
    short_help="Find labels that are likely wrong.",
    epilog="""\b
Examples:
  nerine suspects wnut17/ -o suspects.jsonl --html review.html
  nerine suspects wnut17/ -o suspects.jsonl --folds 5 --resume
  nerine suspects wnut17/ -o suspects.jsonl --folds 5 --on ray --work /shared
  nerine suspects wnut17/ -o new.jsonl --split test --checkpoint runs/wnut

Kinds: missed (an entity without a label), type (another label), boundary (other ends), spurious
(a label without an entity). The kinds take turns in the list; within a kind, the likeliest error
comes first.
""",
)
@click.argument("corpus", type=CORPUS)
@output_option(
    "FILE.jsonl",
    "File for all label errors, a JSON object in each line; written completely or not at all, and "
    "replaced if it exists.",
)
@click.option(
    "--html",
    "page",
    type=FILE,
    metavar="FILE.html",
    help=f"Page to review the first {_ON_PAGE:,} label errors.",
)
@click.option(
    "--split",
    "splits",
    multiple=True,
    default=["train"],
    show_default=True,
    metavar="NAME",
    help="Split to examine. May be repeated.",
)
@default_option(
    "--folds",
    3,
    "Number of folds; each is judged by a model that is trained on the others.",
    type=click.IntRange(min=2),
)
@click.option(
    "--checkpoint",
    type=CHECKPOINT,
    metavar="CHECKPOINT",
    help="Judge by this model instead of training any; it must not be trained on these splits.",
)
@click.option(
    "--tags",
    metavar="TAG,TAG,…",
    help="Tags of a --checkpoint not made by Nerine, as in nerine predict.",
)
@click.option(
    "--work",
    type=FILE,
    metavar="FOLDER",
    help="Folder for the models of the folds, removed at the end.  [default: FILE.jsonl.work]",
)
@click.option("--keep-work", is_flag=True, help="Keep the models of the folds at the end.")
@click.option("--resume", is_flag=True, help="Resume the folds of an interrupted call.")
@threads_option
@spread_options("Train the folds in N processes at the same time.")
@setting_options(TrainingSettings())
@corpus_options
@json_option
@click.pass_context
def suspects(
    context: click.Context,
    corpus: str,
    output: Path,
    page: Path | None,
    splits: tuple[str, ...],
    checkpoint: str | None,
    tags: str | None,
    changes: dict[str, Any],
    reading: CorpusOptions,
    as_json: bool,
    folds: int,
    work: Path | None,
    keep_work: bool,
    resume: bool,
    spread: Spread,
) -> None:
    """Find the labels of CORPUS that are likely wrong, the likeliest first.

    Models are trained by cross-validation, so that none judges labels that it was trained on.
    Settings that are not given are planned for each fold, as in nerine train.

    CORPUS is a folder, a single file, "sample", or a data set on the hub as owner/name or
    owner/name@revision.
    """
    check_output(output, [corpus])
    if page:
        check_output(page, [corpus])
        if page.resolve() == output.resolve():
            raise click.UsageError("-o and --html name the same file")
    if checkpoint:
        _check_no_training_options(context, changes)
        changes |= {"tags": tag_names(tags)} if tags else {}
    elif tags:
        raise click.UsageError("--tags is for a model of another program, which --checkpoint names")
    with working(f"reading {corpus}"):
        loaded = reading.load(corpus)
    work = work or output.with_name(f"{output.name}.work")
    try:
        report = _examine(
            loaded,
            splits,
            checkpoint,
            changes,
            work=work,
            folds=folds,
            resume=resume,
            spread=spread,
        )
    except KeyboardInterrupt:
        if checkpoint or not work.exists():
            raise click.Abort from None
        state = f"interrupted; the trained models are kept in {work}"
        print_resuming_command(state, resuming_command(context))
        context.exit(INTERRUPTED)
    _write(report, output, page)
    if not checkpoint and not keep_work:
        _remove_runs(work)
    notes = [*notes_on(loaded), *report.notes]
    if as_json:
        print_json({**report.to_dict(), "notes": notes})
        return
    on = noted_console(notes, {"": report.contamination})
    print_label_errors(report, on)
    for written in (output, *([page] if page else [])):
        print_line(on, f"wrote {written}")


def _check_no_training_options(context: click.Context, changes: dict[str, Any]) -> None:
    """Raises `UsageError` for an option of training, which has no effect with `--checkpoint`."""
    typed = click.core.ParameterSource.COMMANDLINE
    given = [name for name in _OF_FOLDS if context.get_parameter_source(name) is typed]
    useless = [*given, *(name for name in changes if name not in _OF_MODEL | _OF_USAGE)]
    if useless:
        flag = useless[0].replace("_", "-")
        raise click.UsageError(
            f"--{flag} is for training, and with --checkpoint no model is trained"
        )


def _examine(
    corpus: Corpus,
    splits: tuple[str, ...],
    model: str | None,
    changes: dict[str, Any],
    *,
    work: Path,
    folds: int,
    resume: bool,
    spread: Spread,
) -> LabelErrorReport:
    """The label errors by `model`, or by models that are trained by cross-validation."""
    if model:
        with working(f"judging by {model}"):
            from nerine.curation.label_errors import find_label_errors
            from nerine.model.loading.checkpoint import load_checkpoint
            from nerine.model.loading.usage import Usage
            from nerine.model.tagger import Tagger

            usage = Usage(**{name: changes.pop(name) for name in _OF_USAGE & {*changes}})
            checkpoint = load_checkpoint(model, usage=usage, **changes)
            tagger = Tagger.from_checkpoint(checkpoint)
        print_notes(tagger.notes)
        with working(f"judging by {model}"):
            return find_label_errors(corpus, splits, tagger)
    settings = TrainingSettings().changed(changes)
    from nerine.cli.progress import training_display
    from nerine.curation.label_errors import CrossValidation, cross_validated_label_errors

    with training_display() as listener:
        validation = CrossValidation(corpus, work, splits, folds, settings)
        return cross_validated_label_errors(
            validation,
            resume=resume,
            listener=listener,
            processes=spread.processes,
            cluster=spread.cluster,
        )


def _remove_runs(work: Path) -> None:
    """Removes the runs of the folds, and their folder if it is then empty."""
    for folder in work.glob("fold-*-of-*"):
        shutil.rmtree(folder)
    if not any(work.iterdir()):
        work.rmdir()


def _write(report: LabelErrorReport, output: Path, page: Path | None) -> None:
    from nerine.curation.label_errors.page import review_page

    with replacing(output) as stream:
        for record in report.to_dict()["suspects"]:
            stream.write(f"{json_line(record)}\n".encode())
    if page:
        with replacing(page) as stream:
            shown = report.label_errors[:_ON_PAGE]
            stream.write(review_page(shown, total=len(report.label_errors)).encode())


def print_label_errors(report: LabelErrorReport, on: Console) -> None:
    """Prints the first label errors as a table."""
    found = counted(len(report.label_errors), "suspect")
    entities = counted(report.entities, "entity", "entities")
    title = f"{found} in {counted(report.documents, 'document')} with {entities}"
    first = report.label_errors[:_SHOWN]
    if not first:
        print_line(on, title)
        return
    columns = ("", "kind", "place", "gold", "P(gold)", "proposed", "P(proposed)")
    rows = []
    for rank, label_error in enumerate(first, start=1):
        document = label_error.sample.document
        gold, proposed = (
            f"{document.surface(entity)} ({entity.label})" if entity else "no entity"
            for entity in (label_error.gold, label_error.proposed)
        )
        before, after = label_error.gold_probability, label_error.proposed_probability
        start = (str(rank), label_error.kind, label_error.sample.place)
        rows.append((*start, gold, f"{before:.3f}", proposed, f"{after:.3f}"))
    shown = table(columns, rows, numbers=("", "P(gold)", "P(proposed)"))
    on.print(Titled(f"{title}; the first {len(first)}", shown))
