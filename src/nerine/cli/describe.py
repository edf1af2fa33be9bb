"""`nerine describe`: the splits, labels, lengths, repetition and examples of a corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nerine.cli.completion import CORPUS
from nerine.cli.documents import print_documents
from nerine.cli.flags import json_option
from nerine.cli.help import Command
from nerine.cli.options import CorpusOptions, corpus_options, notes_on
from nerine.cli.terminal import noted_console, print_json, print_line, print_numbers
from nerine.core.document import Document, Entity

if TYPE_CHECKING:
    from rich.console import Console

    from nerine.data.statistics import CorpusStatistics

_BEFORE, _LONGEST = 80, 240
"""The most characters of an example before its first entity, and in all."""


@click.command(
    cls=Command,
    short_help="Show the splits, labels and examples of a corpus.",
    epilog="""\b
Examples:
  nerine describe sample
  nerine describe wnut17/ --json
  nerine describe owner/name@main --config en
  nerine describe eng.train --tag-column -1 --scheme-in IOB1
""",
)
@click.argument("corpus", type=CORPUS)
@corpus_options
@json_option
def describe(corpus: str, reading: CorpusOptions, as_json: bool) -> None:
    """Describe CORPUS: splits, labels, lengths, repetition, examples.

    CORPUS is a folder, a single file, "sample", or a data set on the hub as owner/name or
    owner/name@revision.
    """
    from nerine.data.statistics import describe_corpus

    loaded = reading.load(corpus)
    statistics = describe_corpus(loaded)
    notes = notes_on(loaded)
    if as_json:
        print_json({**statistics.to_dict(), "notes": notes})
        return
    on = noted_console(notes)
    for key, value in (
        ("corpus", statistics.source),
        ("hash", statistics.hash),
        ("scheme", statistics.scheme or "none: entities are given as ranges"),
        ("labels", ", ".join(statistics.labels) or "none"),
    ):
        print_line(on, f"{key:<6}  {value}")
    print_statistics(statistics, on)
    for label, documents in statistics.examples.items():
        on.print()
        print_line(on, label, "bold")
        excerpts = [_excerpt(document, label) for document in documents]
        print_documents(excerpts, statistics.labels, on, indent="  ")


def print_statistics(statistics: CorpusStatistics, on: Console) -> None:
    """Prints tables of sizes, entities, lengths and repetition for each split."""
    splits = statistics.splits
    sizes, entities, lengths, repetition = [], [], [], []
    earlier = list(dict.fromkeys(first for first, _ in statistics.shared_texts))
    for name, split in splits.items():
        tokens = "none" if split.tokens is None else f"{split.tokens:,}"
        others = (split.characters, split.entities, split.distinct_entities)
        numbers = [f"{number:,}" for number in others]
        sizes.append((name, f"{split.documents:,}", tokens, *numbers))
        lengths.append((name, *(f"{length:,}" for length in split.lengths.values())))
        shared = [statistics.shared_texts.get((first, name)) for first in earlier]
        also = ["" if count is None else f"{count:,}" for count in shared]
        known = "" if split.seen_in_train is None else f"{split.seen_in_train:.1%}"
        repetition.append((name, f"{split.duplicates:,}", *also, known))
    for label in statistics.labels:
        counts = (split.entities_by_label.get(label, 0) for split in splits.values())
        entities.append((label, *(f"{count:,}" for count in counts)))
    size_names = ("documents", "tokens", "characters", "entities", "distinct")
    length_names = list(next(iter(splits.values())).lengths)
    also_names = [f"also in {split}" for split in earlier]
    for title, key, names, rows in (
        ("Splits", "split", size_names, sizes),
        ("Entities", "label", list(splits), entities),
        ("Lengths in characters", "split", length_names, lengths),
        (
            "Texts seen before, and entities known from train",
            "split",
            ("repeated", *also_names, "entities known"),
            repetition,
        ),
    ):
        on.print()
        print_numbers(on, title, key, names, rows)


def _excerpt(document: Document, label: str) -> Document:
    """A long text cut to the surroundings of its first entity with `label`."""
    if len(document.text) <= _LONGEST:
        return document
    first = next(entity for entity in document.entities if entity.label == label)
    start = max(0, first.start - _BEFORE)
    end = max(start + _LONGEST, first.end)
    head, tail = "…" if start else "", "…" if end < len(document.text) else ""
    shift = len(head) - start
    return Document(
        f"{head}{document.text[start:end]}{tail}",
        tuple(
            Entity(entity.start + shift, entity.end + shift, entity.label)
            for entity in document.entities
            if entity.start >= start and entity.end <= end
        ),
    )
