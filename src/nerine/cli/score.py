"""`nerine score`: gold and predicted files → scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nerine.cli.options import (
    CorpusReading,
    PredictedReading,
    Sampling,
    chosen_split,
    corpus_notes,
    corpus_options,
    errors_option,
    json_option,
    predicted_options,
    sampling_options,
    split_option,
    split_shown,
)
from nerine.cli.terminal import cell, console, print_json
from nerine.core.display import counted
from nerine.core.errors import CorpusError

if TYPE_CHECKING:
    from nerine.core.document import Document
    from nerine.data.corpus import Corpus
    from nerine.evaluation.alignment import Alignment

_GOLD_COLUMN, _PREDICTED_COLUMN = -2, -1
"""Where conlleval has the two tags of a line."""


@click.command(
    short_help="Score any system's file against a gold one.",
    epilog="""\b
Examples:
  nerine score test.conll predicted.conll
  nerine score wnut17/ predicted.jsonl --split test --json
  nerine score both.conll
  nerine score test.jsonl predicted.conll --predicted-scheme BIOES --errors 20

One column file with gold and predicted tags has them in its last two columns, as conlleval takes
them, or where --tag-column and --predicted-column say.
""",
)
@click.argument("gold")
@click.argument("predicted", required=False, type=click.Path(path_type=Path))
@split_option
@click.option("--train", metavar="CORPUS", help="Texts whose names count as seen in training.")
@errors_option
@predicted_options
@sampling_options
@corpus_options
@json_option
def score(
    gold: str,
    predicted: Path | None,
    split: str | None,
    train: str | None,
    errors: int,
    theirs: PredictedReading,
    sampling: Sampling,
    reading: CorpusReading,
    as_json: bool,
) -> None:
    """Score PREDICTED against GOLD: files of any format and of any system.

    GOLD is a corpus or a file of one, PREDICTED a file with the same documents. No model is
    needed. What a system's file gets slightly wrong is repaired and counted.
    """
    from nerine.evaluation.evaluate import evaluate_predictions

    if predicted is None:
        corpus, alignment = None, _one_file(gold, split, reading, theirs)
    else:
        corpus = reading.load(gold)
        split = chosen_split(corpus, split)
        alignment = paired(corpus, split, predicted, theirs)
    seen = _training_documents(corpus, train, split, reading)
    scheme = alignment.scheme.value if alignment.scheme else None
    assessment = evaluate_predictions(
        alignment.gold,
        alignment.predicted,
        lenient=None if alignment.lenient == alignment.predicted else alignment.lenient,
        train=seen,
        split=split_shown(corpus, split) if corpus and split else "all",
        scheme=scheme,
        **sampling.given,
    )
    notes = [*(corpus_notes(corpus) if corpus else []), *alignment_notes(alignment)]
    if as_json:
        print_json(
            {"gold": gold, "predicted": str(predicted or gold), "notes": notes}
            | assessment.to_dict()
        )
        return
    from nerine.cli.scores import print_assessment, print_errors

    on = console()
    for note in notes:
        on.print(cell(f"note: {note}"), soft_wrap=True)
    print_assessment(assessment, f"{predicted or gold} against {gold}", on)
    print_errors(assessment.analysis, alignment.places, errors, on)


def paired(corpus: Corpus, split: str, predicted: Path, theirs: PredictedReading) -> Alignment:
    """The documents of a split beside those of a file."""
    from nerine.evaluation.alignment import align_file

    gold = corpus.split(split)
    places = [corpus.place(split, index) for index in range(len(gold))]
    return align_file(
        gold,
        places,
        predicted,
        gold_scheme=corpus.logs[split].scheme if split in corpus.logs else None,
        format=theirs.format,
        options=theirs.options,
    )


def _one_file(
    path: str, split: str | None, reading: CorpusReading, theirs: PredictedReading
) -> Alignment:
    from nerine.evaluation.alignment import align_columns

    if not Path(path).is_file():
        raise CorpusError(
            "there is no predicted file",
            place=path,
            expected="GOLD and PREDICTED, or one column file with both tags",
        )
    if split is not None:
        raise click.UsageError("--split is for a corpus: one file with both tags is scored whole")
    columns = [reading.options.tag_column, theirs.options.tag_column]
    if isinstance(columns[0], str) or isinstance(columns[1], str):
        raise CorpusError(
            f"the columns {columns} are names", place=path, expected="numbers of columns"
        )
    # both options are the last column by default
    gold_column = _GOLD_COLUMN if columns[0] == columns[1] == _PREDICTED_COLUMN else columns[0]
    return align_columns(
        Path(path),
        gold_column,
        columns[1],
        reading.options,
        predicted_scheme=theirs.options.scheme,
    )


def _training_documents(
    corpus: Corpus | None, train: str | None, split: str | None, reading: CorpusReading
) -> list[Document] | None:
    """The documents whose names count as seen: of --train, or the corpus's own training split."""
    if train is not None:
        found = reading.load(train)
        return list(found.splits.get("train") or next(iter(found.splits.values())))
    if corpus is None or split == "train" or len(corpus.splits) < 2:
        return None
    return list(corpus.splits["train"]) if "train" in corpus.splits else None


def alignment_notes(alignment: Alignment) -> list[str]:
    """What was repaired, and labels that gold lacks."""
    notes = [
        f"tolerated: {each.what}: {each.count:,}, first at {each.first}"
        for each in alignment.repairs
    ]
    if alignment.unknown_labels:
        names = ", ".join(alignment.unknown_labels)
        notes.append(
            f"{counted(len(alignment.unknown_labels), 'predicted label')} that gold lacks: {names}"
        )
    return notes
