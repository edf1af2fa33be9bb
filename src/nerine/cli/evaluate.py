"""`nerine evaluate`: score a checkpoint on a corpus."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from nerine.cli.completion import CHECKPOINT, CORPUS
from nerine.cli.flags import json_option
from nerine.cli.help import Command
from nerine.cli.model_options import ModelOptions, tag_documents, tagging_options
from nerine.cli.options import (
    CorpusOptions,
    GoldSplit,
    corpus_options,
    errors_option,
    notes_on,
    split_option,
)
from nerine.cli.prediction_options import sampling_options
from nerine.cli.scores import print_errors, print_evaluation
from nerine.cli.terminal import noted_console, print_json, print_line


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

    loaded = reading.load(corpus)
    gold = GoldSplit.of(loaded, split)
    info = _info_to_save_with(checkpoint, model, gold) if save else None
    tagger = model.load(checkpoint)
    began = time.monotonic()
    predicted = tag_documents(tagger, gold.documents)
    seconds = time.monotonic() - began
    evaluation = evaluate_predictions(
        gold.documents, predicted, train=gold.training, split=gold.title, **sampling
    )
    notes = notes_on(loaded)
    thresholds = tagger.thresholds.to_dict() if tagger.thresholds else None
    kept: dict[str, Any] = {} if thresholds is None else {"thresholds": thresholds}
    if info is not None:
        from nerine.publishing.evaluation_record import evaluation_record
        from nerine.publishing.evaluations import save_evaluation

        record = evaluation_record(
            loaded,
            evaluation,
            provenance=info["provenance"],
            thresholds=thresholds,
            backend=tagger.inference.backend.name,
            device=str(getattr(tagger.inference.backend, "device", "cpu")),
            seconds=seconds,
        )
        path = save_evaluation(Path(checkpoint).expanduser(), record)
        kept["saved"] = str(path)
        notes += _role_notes(record, info, path.name)
    if as_json:
        about = {"checkpoint": tagger.name, "corpus": loaded.source, "hash": loaded.hash}
        print_json({**about, "split": gold.title, "notes": notes, **kept, **evaluation.to_dict()})
        return
    on = noted_console(notes)
    limits = "" if model.thresholds is None else f", thresholds {model.thresholds}"
    title = f"{tagger.name} on {loaded.source}, {gold.title}{limits}"
    print_evaluation(evaluation, title, on)
    print_errors(evaluation.analysis, gold.places, show, on)
    if save:
        print_line(on, f"saved in {kept['saved']}")


def _info_to_save_with(checkpoint: str, model: ModelOptions, gold: GoldSplit) -> dict[str, Any]:
    """The checkpoint's `nerine.json`; raises if the scores could not be saved with it."""
    from nerine.model.loading.checkpoint import writable_info
    from nerine.publishing.evaluations import trained_on_error
    from nerine.publishing.roles import trained_on

    model.check_own_settings("the scores", "leave out --save")
    info = writable_info(Path(checkpoint).expanduser(), "evaluations")
    if trained_on(gold.corpus, gold.name, info):
        raise trained_on_error(f"{gold.name} of {gold.corpus.source}", checkpoint)
    return info


def _role_notes(record: Any, info: dict[str, Any], file: str) -> list[str]:
    """A note if the texts had a role in the training of the checkpoint, or may have had one."""
    from nerine.publishing.roles import Role, role_of

    notes = {
        Role.CHOSE: "these texts chose the checkpoint: its card will say so",
        Role.UNKNOWN: "no record says whether the checkpoint has seen these texts: nerine push "
        f"refuses such scores until they are taken out of {file}",
    }
    role = role_of(record, info)
    return [notes[role]] if role in notes else []
