"""`nerine report`: checkpoint or predictions, and corpus → a page on what is right and wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nerine.cli.options import (
    CorpusReading,
    ModelChoice,
    PredictedReading,
    Sampling,
    chosen_split,
    corpus_options,
    json_option,
    predicted_options,
    reading_notes,
    sampling_options,
    split_option,
    split_shown,
    tagging_options,
)
from nerine.cli.outputs import check_output
from nerine.cli.score import paired, pairing_notes
from nerine.cli.terminal import json_text, print_json, working
from nerine.core.display import counted, visible
from nerine.core.document import Document
from nerine.core.errors import FormatError
from nerine.core.files import replacing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nerine.data.corpus import Corpus
    from nerine.evaluation.report import Report

_ENDINGS = {".html": "html", ".htm": "html", ".json": "json", ".md": "markdown"}


@click.command(
    short_help="Write a page on what is right and wrong.",
    epilog="""\b
Examples:
  nerine report runs/wnut wnut17/ -o report.html
  nerine report runs/wnut wnut17/ --split validation -o report.md
  nerine report predicted.jsonl wnut17/ -o report.html
  nerine report runs/wnut wnut17/ --json | jq .overall
""",
)
@click.argument("run")
@click.argument("corpus")
@split_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The report; replaced if it is there."
)
@click.option(
    "--to",
    type=click.Choice(["html", "json", "markdown"]),
    help="What to write; by default the name of OUTPUT tells.",
)
@tagging_options
@predicted_options
@sampling_options
@corpus_options
@json_option
def report(
    run: str,
    corpus: str,
    split: str | None,
    output: Path | None,
    to: str | None,
    model: ModelChoice,
    theirs: PredictedReading,
    sampling: Sampling,
    reading: CorpusReading,
    as_json: bool,
) -> None:
    """Report on RUN over a split of CORPUS: scores, and each mistake in its context.

    RUN is a checkpoint, a folder or hub id, or a file of predictions as `nerine score` takes
    them. The page is one file that needs nothing else, neither a network nor a server. --json
    prints the report to standard output.
    """
    if output is None and not as_json:
        raise click.UsageError("-o names the report to write, or --json prints it")
    if output:
        check_output(output, [run, corpus])
    form = _form(output, to) if output else None
    loaded = reading.load(corpus)
    made = _make(run, loaded, chosen_split(loaded, split), model, theirs, sampling)
    if output and form:
        with replacing(output) as file:
            file.write(_content(made, form).encode())
        click.echo(visible(f"wrote {output}: {_summary(made)}"), err=True)
    if as_json:
        print_json(made.to_dict())


def _form(output: Path, to: str | None) -> str:
    """Which form to write."""
    form = to or _ENDINGS.get(output.suffix.lower())
    if form is None:
        raise FormatError(
            f"the ending {output.suffix!r} tells no form of a report",
            place=str(output),
            expected=f"one of {', '.join(_ENDINGS)}",
            hint="--to states it: html, json or markdown",
        )
    return form


def _make(
    run: str,
    corpus: Corpus,
    split: str,
    model: ModelChoice,
    theirs: PredictedReading,
    sampling: Sampling,
) -> Report:
    from nerine.evaluation.report import make_report

    name = split_shown(corpus, split)
    gold = corpus.split(split)
    is_file = Path(run).is_file()
    found = _of_file(run, corpus, split, model, theirs) if is_file else _of_model(run, model, gold)
    with working(f"counting over {counted(len(gold), 'document')}"):
        return make_report(
            gold,
            title=f"{found['checkpoint']} on {corpus.source}, {name}",
            corpus=corpus.source,
            split=name,
            train=corpus.splits.get("train") if split != "train" else None,
            places=[corpus.place(split, index) for index in range(len(gold))],
            notes=[
                *corpus.notes,
                *reading_notes({split: corpus.logs[split]}),
                *found.pop("notes"),
            ],
            **found,
            **sampling.given,
        )


def _of_file(
    path: str, corpus: Corpus, split: str, model: ModelChoice, theirs: PredictedReading
) -> dict[str, Any]:
    """What `make_report` is to know of predictions in a file."""
    if model != ModelChoice():
        raise click.UsageError(
            "--revision, --scheme, --tags, --backend and --thresholds are for a checkpoint, "
            "and RUN is a file"
        )
    pairing = paired(corpus, split, Path(path), theirs)
    return {
        "checkpoint": path,
        "predicted": pairing.predicted,
        "lenient": None if pairing.lenient == pairing.predicted else pairing.lenient,
        "scheme": pairing.scheme.value if pairing.scheme else None,
        "notes": pairing_notes(pairing),
    }


def _of_model(checkpoint: str, model: ModelChoice, gold: Sequence[Document]) -> dict[str, Any]:
    """What `make_report` is to know of a checkpoint."""
    from nerine.evaluation.epochs import read_epochs

    epochs = read_epochs(checkpoint)
    tagger = model.load(checkpoint)
    with working(f"tagging {counted(len(gold), 'document')}"):
        predicted = tagger.predict(gold)
    limits = f"predicted entities below the thresholds ({model.thresholds}) are left out"
    notes = [] if model.thresholds is None else [limits]
    return {"checkpoint": tagger.name, "predicted": predicted, "epochs": epochs, "notes": notes}


def _content(made: Report, form: str) -> str:
    from nerine.evaluation.report import to_html, to_markdown

    if form == "json":
        return json_text(made.to_dict()) + "\n"
    return to_html(made) if form == "html" else to_markdown(made)


def _summary(made: Report) -> str:
    overall = made.scores.overall
    return f"F1 {overall.f1:.4f} over {counted(made.scores.documents, 'document')}"
