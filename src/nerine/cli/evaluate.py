"""`nerine evaluate`: score a checkpoint on a corpus."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nerine.cli.completion import CHECKPOINT, CORPUS
from nerine.cli.flags import json_option
from nerine.cli.help import Command
from nerine.cli.model_options import ModelOptions, tag_documents, tagging_options
from nerine.cli.options import (
    CorpusOptions,
    corpus_options,
    errors_option,
    notes_on,
    split_option,
)
from nerine.cli.prediction_options import sampling_options
from nerine.cli.scores import print_errors, print_evaluation
from nerine.cli.terminal import noted_console, print_json, print_line
from nerine.data.corpus.given import GoldSplit

if TYPE_CHECKING:
    from nerine.core.errors import CheckpointError
    from nerine.data.corpus import Corpus
    from nerine.evaluation.contamination import Contamination
    from nerine.evaluation.evaluate import Evaluation
    from nerine.model.tagger import Tagger


@click.command(
    cls=Command,
    short_help="Score a checkpoint on a corpus.",
    epilog="""\b
Examples:
  nerine evaluate runs/wnut wnut17/
  nerine evaluate runs/wnut wnut17/ --split validation --json
  nerine evaluate runs/wnut wnut17/ --thresholds saved
  nerine evaluate runs/wnut wnut17/ --save
  nerine evaluate dslim/bert-base-NER conll2003/ --tag-column -1
""",
)
@click.argument("checkpoint", type=CHECKPOINT)
@click.argument("corpus", type=CORPUS)
@split_option
@errors_option
@click.option(
    "--save", is_flag=True, help="Save the scores with the checkpoint, for its model card."
)
@tagging_options
@sampling_options
@corpus_options
@json_option
def evaluate(
    checkpoint: str,
    corpus: str,
    split: str | None,
    show: int,
    save: bool,
    model: ModelOptions,
    sampling: dict[str, Any],
    reading: CorpusOptions,
    as_json: bool,
) -> None:
    """Score CHECKPOINT, a folder or hub id, on a split of CORPUS.

    CORPUS is a folder, a single file, "sample", or a data set on the hub as owner/name or
    owner/name@revision.

    A predicted entity is correct if its start, its end and its label are. Intervals are estimated
    by resampling the documents.
    """
    from nerine.evaluation.evaluate import evaluate_predictions
    from nerine.model.evaluate import seen_by

    loaded = reading.load(corpus)
    gold = GoldSplit.of(loaded, split)
    if save:
        _check_can_be_saved(checkpoint, model)
    tagger = model.load(checkpoint)
    seen = seen_by(tagger, gold)
    if save and seen.is_grave:
        raise _trained_on_error(gold, checkpoint)
    began = time.monotonic()
    predicted = tag_documents(tagger, gold.documents)
    seconds = time.monotonic() - began
    evaluation = evaluate_predictions(
        gold.documents,
        predicted,
        train=gold.training,
        split=gold.title,
        contamination=seen,
        rules=None if tagger.rules is None else tagger.rules.fingerprint,
        **sampling,
    )
    notes = notes_on(loaded)
    thresholds = tagger.thresholds.to_dict() if tagger.thresholds else None
    kept: dict[str, Any] = {} if thresholds is None else {"thresholds": thresholds}
    kept |= {} if tagger.rules is None else {"rules": tagger.rules.to_dict()}
    if save:
        path = _save(checkpoint, loaded, evaluation, tagger, seconds)
        kept["saved"] = str(path)
        notes += _unknown_notes(seen, path.name)
    if as_json:
        about: dict[str, Any] = {
            "checkpoint": tagger.name,
            "corpus": loaded.source,
            "hash": loaded.hash,
        }
        about |= {"split": gold.title, "notes": notes, **kept}
        print_json({"contamination": seen.to_dict(), **about, **evaluation.to_dict()})
        return
    on = noted_console(notes, {"": seen})
    limits = "" if model.thresholds is None else f", thresholds {model.thresholds}"
    limits += "" if model.rules is None else f", with the rules {model.rules}"
    title = f"{tagger.name} on {loaded.source}, {gold.title}{limits}"
    print_evaluation(evaluation, title, on)
    print_errors(evaluation.analysis, gold.places, show, on)
    if save:
        print_line(on, f"saved in {kept['saved']}")


def _check_can_be_saved(checkpoint: str, model: ModelOptions) -> None:
    """Raises `SettingsError` or `CheckpointError` if no scores can be saved with the checkpoint."""
    from nerine.model.loading.checkpoint import writable_info

    model.check_own_settings("the scores", "leave out --save")
    writable_info(Path(checkpoint).expanduser(), "evaluations")


def _trained_on_error(gold: GoldSplit, checkpoint: str) -> CheckpointError:
    from nerine.publishing.evaluations import trained_on_error

    return trained_on_error(f"{gold.name} of {gold.corpus.source}", checkpoint)


def _save(
    checkpoint: str, corpus: Corpus, evaluation: Evaluation, tagger: Tagger, seconds: float
) -> Path:
    """Saves an evaluation with its checkpoint, and returns the file's path."""
    from nerine.publishing.evaluation_record import evaluation_record
    from nerine.publishing.evaluations import save_evaluation

    backend = tagger.inference.backend
    record = evaluation_record(
        corpus,
        evaluation,
        thresholds=tagger.thresholds.to_dict() if tagger.thresholds else None,
        backend=backend.name,
        device=str(getattr(backend, "device", "cpu")),
        seconds=seconds,
    )
    return save_evaluation(Path(checkpoint).expanduser(), record)


def _unknown_notes(seen: Contamination, file: str) -> list[str]:
    """A note if no record tells whether the checkpoint has seen the texts."""
    from nerine.evaluation.contamination import Role

    note = f"nerine push refuses such scores until they are taken out of {file}"
    return [note] if seen.role is Role.UNKNOWN else []
