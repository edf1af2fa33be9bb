"""`nerine evaluate`: checkpoint and corpus → scores."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nerine.cli.options import (
    CorpusReading,
    ModelChoice,
    Sampling,
    chosen_split,
    corpus_options,
    errors_option,
    json_option,
    reading_notes,
    sampling_options,
    split_option,
    split_shown,
    tagging_options,
)
from nerine.cli.scores import print_assessment, print_errors
from nerine.cli.terminal import cell, console, print_json, working
from nerine.errors import SettingsError
from nerine.markup import counted

if TYPE_CHECKING:
    from nerine.records import EvaluationRecord


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

    An entity counts as correct if its start, its end and its label are. Intervals come from
    resampled documents.
    """
    from nerine.assessment import assess

    info = _place_to_save(checkpoint, model) if save else {}
    loaded = reading.load(corpus)
    split = chosen_split(loaded, split)
    shown = split_shown(loaded, split)
    documents = loaded.split(split)
    tagger = model.load(checkpoint)
    began = time.monotonic()
    with working(f"tagging {counted(len(documents), 'document')}"):
        predicted = tagger.predict(documents)
    seconds = time.monotonic() - began
    assessment = assess(
        documents,
        predicted,
        train=loaded.splits.get("train") if split != "train" else None,
        split=shown,
        **sampling.given,
    )
    notes = reading_notes(loaded.logs)
    kept = {"thresholds": tagger.thresholds.to_dict()} if tagger.thresholds else {}
    saved: dict[str, str] = {}
    if save:
        from nerine.records import evaluation_of

        record = evaluation_of(
            loaded,
            documents,
            assessment,
            split=shown,
            provenance=info["provenance"],
            thresholds=kept.get("thresholds"),
            backend=tagger.backend.name,
            device=str(getattr(tagger.backend, "device", "cpu")),
            seconds=seconds,
        )
        saved = {"saved": _save(checkpoint, record, info, notes)}
    if as_json:
        about = {"checkpoint": checkpoint, "corpus": corpus, "hash": loaded.hash, "split": shown}
        print_json({**about, "notes": notes, **kept, **saved, **assessment.to_dict()})
        return
    on = console()
    for note in notes:
        on.print(cell(f"note: {note}"), soft_wrap=True)
    limits = "" if model.thresholds is None else f", thresholds {model.thresholds}"
    print_assessment(assessment, f"{checkpoint} on {corpus}, {shown}{limits}", on)
    places = [loaded.place(split, index) for index in range(len(documents))]
    print_errors(assessment.analysis, places, errors, on)
    for place in saved.values():
        on.print(cell(f"saved in {place}"), soft_wrap=True)


def _place_to_save(checkpoint: str, model: ModelChoice) -> dict[str, Any]:
    """The `nerine.json` of the checkpoint; refuses before anything is tagged."""
    from nerine.checkpoint import writable_info

    if model.scheme is not None:
        raise SettingsError(
            "scores would be saved for another scheme than the checkpoint's own",
            place="--scheme",
            hint="leave it out, or leave out --save",
        )
    return writable_info(Path(checkpoint).expanduser(), "evaluations")


def _save(checkpoint: str, record: EvaluationRecord, info: dict[str, Any], notes: list[str]) -> str:
    """Where the record was saved; notes what its texts were to the checkpoint, if anything."""
    from nerine.records import Role, role_of, save_evaluation

    if role_of(record, info) is Role.CHOSE:
        notes.append("these texts chose the checkpoint: its model card will say so")
    return str(save_evaluation(Path(checkpoint).expanduser(), record))
