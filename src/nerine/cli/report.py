"""`nerine report`: checkpoint or predictions, and corpus → a page on what is right and wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nerine import __version__
from nerine.cli.options import (
    CorpusReading,
    ModelChoice,
    corpus_options,
    json_option,
    model_options,
    reading_notes,
)
from nerine.cli.terminal import counted, json_text, print_json, working
from nerine.document import Document
from nerine.errors import FormatError
from nerine.formats import ReadLog, read_documents
from nerine.formats.files import replacing
from nerine.markup import visible

if TYPE_CHECKING:
    from nerine.corpus import Corpus
    from nerine.report import Report
    from nerine.training import EpochRecord

_ENDINGS = {".html": "html", ".htm": "html", ".json": "json", ".md": "markdown"}


@click.command(
    epilog="""\b
Examples:
  nerine report runs/wnut wnut17/ -o report.html
  nerine report runs/wnut wnut17/ --split validation -o report.md
  nerine report predicted.jsonl wnut17/ -o report.html
  nerine report runs/wnut wnut17/ --json | jq .evaluation.overall
"""
)
@click.argument("run")
@click.argument("corpus")
@click.option("--split", default="test", show_default=True, help="Which documents to report on.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The report; replaced if it is there."
)
@click.option(
    "--to",
    type=click.Choice(["html", "json", "markdown"]),
    help="What to write; by default the name of OUTPUT tells.",
)
@model_options
@corpus_options
@json_option
def report(
    run: str,
    corpus: str,
    split: str,
    output: Path | None,
    to: str | None,
    model: ModelChoice,
    reading: CorpusReading,
    as_json: bool,
) -> None:
    """Report on RUN over a split of CORPUS: scores, and each mistake in its context.

    RUN is a checkpoint, a folder or hub id, or a file of predictions: the documents of the split
    in their order, with predicted entities. The page is one file that needs nothing else, neither
    a network nor a server. --json prints the report to standard output.
    """
    if output is None and not as_json:
        raise click.UsageError("-o names the report to write, or --json prints it")
    form = _form(output, to) if output else None
    loaded = reading.load(corpus)
    made = _make(run, loaded, split, model)
    if output and form:
        with replacing(output) as file:
            file.write(_content(made, form).encode())
        click.echo(visible(f"wrote {output}: {_summary(made)}"), err=True)
    if as_json:
        print_json(made.to_dict())


def _form(output: Path, to: str | None) -> str:
    """Which form to write; what is wrong with the name is said before any work is done."""
    if not output.resolve().parent.is_dir():
        raise FormatError("there is no such folder", place=str(output.parent))
    form = to or _ENDINGS.get(output.suffix.lower())
    if form is None:
        raise FormatError(
            f"the ending {output.suffix!r} tells no form of a report",
            place=str(output),
            expected=f"one of {', '.join(_ENDINGS)}",
            hint="--to states it: html, json or markdown",
        )
    return form


def _make(run: str, corpus: Corpus, split: str, model: ModelChoice) -> Report:
    from nerine.metrics import Signature
    from nerine.report import make_report

    gold = corpus.split(split)
    logs = {split: corpus.logs[split]}
    epochs = None
    if Path(run).is_file():
        logs[run] = ReadLog()
        predicted = list(read_documents(run, log=logs[run]))
    else:
        epochs = _epochs(run)
        predicted = _tagged(run, model, gold)
    with working(f"counting over {counted(len(gold), 'document')}"):
        return make_report(
            gold,
            predicted,
            title=f"{run} on {corpus.source}, {split}",
            checkpoint=run,
            corpus=corpus.source,
            split=split,
            signature=str(
                Signature.of(
                    gold,
                    version=__version__,
                    split=split,
                    scheme=corpus.scheme.value if corpus.scheme else None,
                )
            ),
            train=corpus.splits.get("train") if split != "train" else None,
            epochs=epochs,
            places=[corpus.place(split, index) for index in range(len(gold))],
            notes=reading_notes(logs),
        )


def _tagged(run: str, model: ModelChoice, gold: tuple[Document, ...]) -> list[Document]:
    tagger = model.load(run)
    with working(f"tagging {counted(len(gold), 'document')}"):
        return tagger.predict(gold)


def _epochs(run: str) -> tuple[EpochRecord, ...] | None:
    from nerine.training import read_epochs

    return read_epochs(run)


def _content(made: Report, form: str) -> str:
    from nerine.report import to_html, to_markdown

    if form == "json":
        return json_text(made.to_dict()) + "\n"
    return to_html(made) if form == "html" else to_markdown(made)


def _summary(made: Report) -> str:
    overall = made.evaluation.overall
    return f"F1 {overall.f1:.4f} over {counted(made.evaluation.documents, 'document')}"
