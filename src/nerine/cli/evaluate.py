"""`nerine evaluate`: checkpoint and corpus → scores."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nerine.cli.options import (
    CorpusReading,
    ModelChoice,
    Sampling,
    chosen_split,
    corpus_notes,
    corpus_options,
    errors_option,
    json_option,
    sampling_options,
    split_option,
    split_shown,
    tagging_options,
)
from nerine.cli.scores import print_assessment, print_errors
from nerine.cli.terminal import cell, console, print_json, working
from nerine.core.display import counted
from nerine.core.errors import SettingsError

if TYPE_CHECKING:
    from nerine.data.corpus import Corpus
    from nerine.evaluation.evaluate import Evaluation
    from nerine.model.tagger import Tagger


@click.command(
    epilog="""\b
Examples:
  nerine evaluate runs/wnut wnut17/
  nerine evaluate runs/wnut wnut17/ --split validation --json
  nerine evaluate runs/wnut wnut17/ --thresholds saved
  nerine evaluate runs/wnut wnut17/ --save
  nerine evaluate dslim/bert-base-NER conll2003/ --tag-column -1
"""
)
@click.argument("checkpoint")
@click.argument("corpus")
@split_option
@errors_option
@click.option(
    "--save", is_flag=True, help="Keep the scores beside the checkpoint, for its model card."
)
@tagging_options
@sampling_options
@corpus_options
@json_option
def evaluate(
    checkpoint: str,
    corpus: str,
    split: str | None,
    errors: int,
    save: bool,
    model: ModelChoice,
    sampling: Sampling,
    reading: CorpusReading,
    as_json: bool,
) -> None:
    """Score CHECKPOINT, a folder or hub id, on a split of CORPUS.

    CORPUS is a folder, a single file, "sample", or a data set on the hub as owner/name or
    owner/name@revision.

    An entity counts as correct if its start, its end and its label are. Intervals come from
    resampled documents.
    """
    from nerine.evaluation.evaluate import evaluate_predictions

    loaded = reading.load(corpus)
    split = chosen_split(loaded, split)
    shown = split_shown(loaded, split)
    documents = loaded.split(split)
    info = _info_to_save_with(checkpoint, model, loaded, split) if save else None
    tagger = model.load(checkpoint)
    began = time.monotonic()
    with working(f"tagging {counted(len(documents), 'document')}"):
        predicted = tagger.predict(documents)
    seconds = time.monotonic() - began
    assessment = evaluate_predictions(
        documents,
        predicted,
        train=loaded.splits.get("train") if split != "train" else None,
        split=shown,
        **sampling.given,
    )
    notes = corpus_notes(loaded)
    kept: dict[str, Any] = {"thresholds": tagger.thresholds.to_dict()} if tagger.thresholds else {}
    if info is not None:
        place, role = _save(checkpoint, info, tagger, loaded, assessment, seconds)
        kept, notes = {**kept, "saved": place}, [*notes, *role]
    if as_json:
        about = {"checkpoint": tagger.name, "corpus": loaded.source, "hash": loaded.hash}
        print_json({**about, "split": shown, "notes": notes, **kept, **assessment.to_dict()})
        return
    on = console()
    for note in notes:
        on.print(cell(f"note: {note}"), soft_wrap=True)
    limits = "" if model.thresholds is None else f", thresholds {model.thresholds}"
    print_assessment(assessment, f"{tagger.name} on {loaded.source}, {shown}{limits}", on)
    places = [loaded.place(split, index) for index in range(len(documents))]
    print_errors(assessment.analysis, places, errors, on)
    if save:
        on.print(cell(f"saved in {place}"), soft_wrap=True)


def _info_to_save_with(
    checkpoint: str, model: ModelChoice, corpus: Corpus, split: str
) -> dict[str, Any]:
    """What `nerine.json` says; refuses what cannot be saved, before anything is tagged."""
    from nerine.model.loading.checkpoint import writable_info
    from nerine.publishing.evaluations import trained_on_error
    from nerine.publishing.roles import trained_on

    if model.scheme is not None:
        raise SettingsError(
            "scores would be saved for another scheme than the checkpoint's own",
            place="--scheme",
            hint="leave it out, or leave out --save",
        )
    info = writable_info(Path(checkpoint).expanduser(), "evaluations")
    if trained_on(corpus, split, info):
        raise trained_on_error(f"{split} of {corpus.source}", checkpoint)
    return info


def _save(
    checkpoint: str,
    info: Mapping[str, Any],
    tagger: Tagger,
    corpus: Corpus,
    assessment: Evaluation,
    seconds: float,
) -> tuple[str, list[str]]:
    """Where the scores were saved, and what is to be said of their texts."""
    from nerine.publishing.evaluations import evaluation_record, save_evaluation
    from nerine.publishing.roles import Role, role_of

    record = evaluation_record(
        corpus,
        assessment,
        provenance=info["provenance"],
        thresholds=tagger.thresholds.to_dict() if tagger.thresholds else None,
        backend=tagger.inference.backend.name,
        device=str(getattr(tagger.inference.backend, "device", "cpu")),
        seconds=seconds,
    )
    place = save_evaluation(Path(checkpoint).expanduser(), record)
    said = {
        Role.CHOSE: "these texts chose the checkpoint: its card will say so",
        Role.UNKNOWN: "no record says whether the checkpoint has seen these texts: nerine push "
        f"refuses such scores until they are taken out of {place.name}",
    }
    role = role_of(record, info)
    return str(place), [said[role]] if role in said else []
