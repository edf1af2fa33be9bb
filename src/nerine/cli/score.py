"""`nerine score`: score a file of predictions against gold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nerine.cli.completion import CORPUS
from nerine.cli.flags import FILE, json_option
from nerine.cli.help import Command
from nerine.cli.options import (
    CorpusOptions,
    corpus_options,
    errors_option,
    notes_on,
    split_option,
)
from nerine.cli.prediction_options import PredictionOptions, prediction_options, sampling_options
from nerine.cli.terminal import noted_console, print_json
from nerine.core.errors import CorpusError
from nerine.data.corpus.given import GoldSplit

if TYPE_CHECKING:
    from nerine.evaluation.alignment import Alignment

_GOLD_COLUMN, _PREDICTED_COLUMN = -2, -1
"""The columns of the two tags in conlleval's files."""


@click.command(
    cls=Command,
    short_help="Score any system's file against gold.",
    epilog="""\b
Examples:
  nerine score test.conll predicted.conll
  nerine score wnut17/ predicted.jsonl --split test --json
  nerine score both.conll
  nerine score test.jsonl predicted.conll --predicted-scheme BIOES --show 20
  nerine score wnut17/ system.pred --split test --reading lenient

A column file with both gold and predicted tags has them in its last two columns, as in conlleval's
files, or in those that --tag-column and --predicted-column name.
""",
)
@click.argument("gold", type=CORPUS)
@click.argument("predicted", required=False, type=FILE)
@split_option
@click.option(
    "--train",
    type=CORPUS,
    metavar="CORPUS",
    help="Corpus whose entities count as seen in training.  [default: the training split of GOLD]",
)
@errors_option
@prediction_options
@sampling_options
@corpus_options
@json_option
def score(
    gold: str,
    predicted: Path | None,
    split: str | None,
    train: str | None,
    show: int,
    prediction: PredictionOptions,
    sampling: dict[str, Any],
    reading: CorpusOptions,
    as_json: bool,
) -> None:
    """Score PREDICTED against GOLD: files of any format and of any system.

    GOLD is a corpus or a file of one, PREDICTED a file with the same documents. No model is
    needed. Small faults in PREDICTED are repaired and counted. Where its tokens were changed, as by
    correcting their spelling, rows are aligned by position in sentences of the same length.
    """
    from nerine.evaluation.evaluate import evaluate_predictions

    if predicted is None:
        documents, alignment = None, _align_columns(gold, split, reading, prediction)
    else:
        documents = GoldSplit.of(reading.load(gold), split)
        alignment = prediction.align(documents, predicted)
    seen = documents.training if documents else None
    if train is not None:
        splits = reading.load(train).splits
        seen = splits.get("train") or next(iter(splits.values()))
    evaluation = evaluate_predictions(
        alignment.gold,
        train=seen,
        split=documents.title if documents else "all",
        reading=prediction.reading,
        **alignment.arguments(),
        **sampling,
    )
    notes = [*(notes_on(documents.corpus) if documents else []), *alignment.notes]
    if as_json:
        about = {"gold": gold, "predicted": str(predicted or gold), "notes": notes}
        print_json({"contamination": None, **about, **evaluation.to_dict()})
        return
    from nerine.cli.scores import print_errors, print_evaluation

    on = noted_console(notes, {"": None})
    print_evaluation(evaluation, f"{predicted or gold} against {gold}", on)
    print_errors(evaluation.analysis, alignment.places, show, on)


def _align_columns(
    path: str, split: str | None, reading: CorpusOptions, prediction: PredictionOptions
) -> Alignment:
    """The alignment of gold and predicted tags in one column file."""
    from nerine.evaluation.alignment import align_columns

    if not Path(path).is_file():
        raise CorpusError(
            "no file of predictions is given",
            place=path,
            expected="GOLD and PREDICTED, or one column file with both tags",
        )
    if split is not None:
        raise click.UsageError("--split needs a corpus; a file with both tags is scored as a whole")
    gold, predicted = reading.options.tag_column, prediction.options.tag_column
    if gold is None:
        gold = _GOLD_COLUMN if predicted is None else -1
    if predicted is None:
        predicted = _PREDICTED_COLUMN
    if not isinstance(gold, int) or not isinstance(predicted, int):
        raise CorpusError(
            f"the columns {[gold, predicted]} are not numbers",
            place=path,
            expected="numbers of columns",
        )
    return align_columns(
        Path(path),
        gold,
        predicted,
        reading.options,
        predicted_scheme=prediction.options.scheme,
    )
