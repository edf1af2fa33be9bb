"""`nerine suspects`: labels of a corpus that are likely wrong."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nerine.cli import INTERRUPTED
from nerine.cli.flags import resuming_command, setting_options_from
from nerine.cli.options import (
    CorpusReading,
    corpus_notes,
    corpus_options,
    json_option,
)
from nerine.cli.outputs import check_output
from nerine.cli.terminal import cell, console, print_json, table, titled, working
from nerine.core.display import counted
from nerine.core.files import json_line, replacing
from nerine.training.recipes import CROSS_VALIDATION

if TYPE_CHECKING:
    from rich.table import Table

    from nerine.core.document import Document, Entity
    from nerine.curation.label_errors import Findings, Suspect
    from nerine.data.corpus import Corpus

_SHOWN = 20
_ON_PAGE = 1000
_OF_MODEL = {"revision", "scheme"}
"""Settings of training that say something of a finished model too."""
_OF_FOLDS = ("folds", "work", "keep_work", "resume")


@click.command(
    epilog="""\b
Examples:
  nerine suspects wnut17/ -o suspects.jsonl --html review.html
  nerine suspects wnut17/ -o suspects.jsonl --split train --split validation --folds 5
  nerine suspects wnut17/ -o suspects.jsonl --resume
  nerine suspects wnut17/ -o suspects.jsonl --split validation --model runs/wnut

Kinds: missed (no label, perhaps an entity), type (another label), boundary (other ends), spurious
(a label, perhaps no entity). They take turns in the list; within a kind, the likeliest comes first.
"""
)
@click.argument("corpus")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE.jsonl",
    help="File for all suspects, a JSON object a line; whole or not at all.",
)
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path),
    metavar="FILE.html",
    help=f"A page to go through the first {_ON_PAGE:,} suspects.",
)
@click.option(
    "--split",
    "splits",
    multiple=True,
    metavar="NAME",
    help="Split to look at; may be given again.  [default: train]",
)
@click.option(
    "--folds",
    type=click.IntRange(min=2),
    default=3,
    show_default=True,
    help="Parts; each is judged by a model that is trained on the others.",
)
@click.option(
    "--model",
    metavar="CHECKPOINT",
    help="Judge by this model, which was not trained on these splits, and train none.",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Folder for the folds' models, removed at the end.  [default: FILE.jsonl.work]",
)
@click.option("--keep-work", is_flag=True, help="Do not remove the folds' models at the end.")
@click.option("--resume", is_flag=True, help="Go on with the folds of a call that was interrupted.")
@setting_options_from(CROSS_VALIDATION)
@corpus_options
@json_option
@click.pass_context
def suspects(
    context: click.Context,
    corpus: str,
    output: Path,
    page: Path | None,
    splits: tuple[str, ...],
    model: str | None,
    changes: dict[str, Any],
    reading: CorpusReading,
    as_json: bool,
    folds: int,
    work: Path | None,
    keep_work: bool,
    resume: bool,
) -> None:
    """Rank the labels of CORPUS that are likely wrong.

    Models are trained by cross-validation, so that each document is judged by one that has not
    seen its labels; the recipe is the default one with 3 epochs. CORPUS is a folder, a single file,
    "sample", or a data set on the hub as owner/name or owner/name@revision.
    """
    _check_outputs(output, page, corpus)
    if model:
        _check_flags(context, changes)
    with working(f"reading {corpus}"):
        loaded = reading.load(corpus)
    work = work or output.with_name(f"{output.name}.work")
    try:
        if model:
            findings = _by_model(loaded, splits or ("train",), model, changes)
        else:
            findings = _by_folds(
                loaded, splits or ("train",), work, changes, folds=folds, resume=resume
            )
    except KeyboardInterrupt:
        _say_how_to_resume(context, None if model else work)
        context.exit(INTERRUPTED)
    _write(findings, output, page)
    if not model and not keep_work:
        _remove(work)
    notes = [*corpus_notes(loaded), *findings.notes]
    if as_json:
        print_json({**findings.to_dict(), "notes": notes})
    else:
        _print(findings, notes, [output, *([page] if page else [])])


def _check_outputs(output: Path, page: Path | None, corpus: str) -> None:
    """Raises now what would else be raised after the training."""
    if page and page.resolve() == output.resolve():
        raise click.UsageError("-o and --html name the same file")
    for path in (output, page):
        if path:
            check_output(path, [corpus])


def _check_flags(context: click.Context, changes: dict[str, Any]) -> None:
    """Raises where `--model` comes with a flag that would have no effect."""
    typed = click.core.ParameterSource.COMMANDLINE
    given = [name for name in _OF_FOLDS if context.get_parameter_source(name) is typed]
    useless = [*given, *(name for name in changes if name not in _OF_MODEL)]
    if useless:
        flag = useless[0].replace("_", "-")
        raise click.UsageError(f"--{flag} is for training, and --model leaves nothing to train")


def _by_model(
    corpus: Corpus, splits: tuple[str, ...], model: str, changes: dict[str, Any]
) -> Findings:
    with working(f"judging by {model}"):
        from nerine.curation.label_errors import suspects_of
        from nerine.model.loading.checkpoint import load_checkpoint
        from nerine.model.tagger import Tagger

        checkpoint = load_checkpoint(model, **changes)
        tagger = Tagger.from_checkpoint(checkpoint)
        return suspects_of(corpus, splits, tagger, checkpoint.provenance)


def _by_folds(
    corpus: Corpus,
    splits: tuple[str, ...],
    work: Path,
    changes: dict[str, Any],
    *,
    folds: int,
    resume: bool,
) -> Findings:
    settings = CROSS_VALIDATION.changed(changes)
    from nerine.cli.progress import training_display
    from nerine.curation.label_errors import CrossValidation, cross_validated_suspects

    with training_display() as listener:
        validation = CrossValidation(corpus, work, splits, folds, settings)
        return cross_validated_suspects(validation, resume=resume, listener=listener)


def _say_how_to_resume(context: click.Context, work: Path | None) -> None:
    on = console(stderr=True)
    if work is None or not work.exists():
        on.print(cell("interrupted"))
        return
    on.print(cell(f"interrupted; what was trained is kept in {work}"), soft_wrap=True)
    on.print(cell(f"go on with: {resuming_command(context)}"), soft_wrap=True)


def _write(findings: Findings, output: Path, page: Path | None) -> None:
    from nerine.curation.label_errors.page import review_page

    with replacing(output) as stream:
        for record in findings.to_dict()["suspects"]:
            stream.write(f"{json_line(record)}\n".encode())
    if page:
        with replacing(page) as stream:
            shown = findings.suspects[:_ON_PAGE]
            stream.write(review_page(shown, total=len(findings.suspects)).encode())


def _remove(work: Path) -> None:
    """Removes the folds' runs, and their folder if nothing else is in it."""
    for folder in work.glob("fold-*-of-*"):
        shutil.rmtree(folder)
    if not any(work.iterdir()):
        work.rmdir()


def _print(findings: Findings, notes: list[str], written: list[Path]) -> None:
    on = console()
    for note in notes:
        on.print(cell(f"note: {note}"), soft_wrap=True)
    found = counted(len(findings.suspects), "suspect")
    entities = counted(findings.entities, "entity", "entities")
    title = f"{found} in {counted(findings.documents, 'document')} with {entities}"
    first = findings.suspects[:_SHOWN]
    if first:
        on.print(titled(f"{title}; the first {len(first)}", _table(first)))
    else:
        on.print(cell(title), soft_wrap=True)
    for path in written:
        on.print(cell(f"wrote {path}"), soft_wrap=True)


def _table(suspects: tuple[Suspect, ...]) -> Table:
    columns = ("", "kind", "place", "gold", "P(gold)", "proposed", "P(proposed)")
    result = table(columns, numbers=("", "P(gold)", "P(proposed)"))
    for rank, suspect in enumerate(suspects, start=1):
        document = suspect.sample.document
        result.add_row(
            str(rank),
            suspect.kind,
            cell(suspect.sample.place),
            cell(_shown(document, suspect.gold)),
            f"{suspect.gold_probability:.3f}",
            cell(_shown(document, suspect.proposed)),
            f"{suspect.proposed_probability:.3f}",
        )
    return result


def _shown(document: Document, entity: Entity | None) -> str:
    return f"{document.surface(entity)} ({entity.label})" if entity else "no entity"
