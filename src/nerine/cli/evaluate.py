"""`nerine evaluate`: checkpoint and corpus → scores."""

from __future__ import annotations

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
from nerine.markup import counted


@click.command(
    epilog="""\b
Examples:
  nerine evaluate runs/wnut wnut17/
  nerine evaluate runs/wnut wnut17/ --split validation --json
  nerine evaluate runs/wnut wnut17/ --thresholds saved
  nerine evaluate dslim/bert-base-NER conll2003/ --tag-column -1
"""
)
@click.argument("checkpoint")
@click.argument("corpus")
@split_option
@errors_option
@tagging_options
@sampling_options
@corpus_options
@json_option
def evaluate(
    checkpoint: str,
    corpus: str,
    split: str | None,
    errors: int,
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

    loaded = reading.load(corpus)
    split = chosen_split(loaded, split)
    shown = split_shown(loaded, split)
    documents = loaded.split(split)
    tagger = model.load(checkpoint)
    with working(f"tagging {counted(len(documents), 'document')}"):
        predicted = tagger.predict(documents)
    assessment = assess(
        documents,
        predicted,
        train=loaded.splits.get("train") if split != "train" else None,
        split=shown,
        **sampling.given,
    )
    notes = reading_notes(loaded.logs)
    if as_json:
        about = {"checkpoint": tagger.name, "corpus": corpus, "hash": loaded.hash, "split": shown}
        kept = {"thresholds": tagger.thresholds.to_dict()} if tagger.thresholds else {}
        print_json({**about, "notes": notes, **kept, **assessment.to_dict()})
        return
    on = console()
    for note in notes:
        on.print(cell(f"note: {note}"), soft_wrap=True)
    limits = "" if model.thresholds is None else f", thresholds {model.thresholds}"
    print_assessment(assessment, f"{tagger.name} on {corpus}, {shown}{limits}", on)
    places = [loaded.place(split, index) for index in range(len(documents))]
    print_errors(assessment.analysis, places, errors, on)
