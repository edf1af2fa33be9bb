"""Results as lines and tables."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from nerine.cli.terminal import cell, fitting, table, titled
from nerine.core.display import pieces, visible
from nerine.core.document import Document, Entity

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from nerine.cli.terminal import Titled
    from nerine.data.statistics import CorpusStatistics
    from nerine.evaluation.epochs import EpochRecord
    from nerine.evaluation.metrics import Counts, Scores, Signature
    from nerine.model import explanation

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")
_SCORES = ("precision", "recall", "F1", "support")
_BEFORE, _LONGEST = 80, 240
"""An example shows so much of a text before its first entity, and so much in all."""


def colours_of(labels: Iterable[str]) -> dict[str, str]:
    """A colour for each label."""
    return dict(zip(labels, itertools.cycle(_COLOURS), strict=False))


def plain_line(document: Document) -> str:
    """The text in one line, its entities as `[Mira Okonjo](person)`."""
    return "".join(
        visible(f"[{piece}]({entity.label})" if entity else piece)
        for piece, entity in pieces(document)
    )


def coloured_line(document: Document, colours: dict[str, str]) -> Text:
    """The text in one line, each entity in its label's colour with the label behind it."""
    line = cell("")
    for piece, entity in pieces(document):
        if entity is None:
            line.append_text(cell(piece))
            continue
        colour = colours.get(entity.label, _COLOURS[0])
        line.append_text(cell(piece, f"bold {colour}"))
        line.append_text(cell(f" {entity.label} ", f"reverse {colour}"))
    return line


def print_documents(
    documents: Iterable[Document], labels: Iterable[str], on: Console, *, indent: str = ""
) -> None:
    """A line for each text, coloured where the console has colours."""
    colours = colours_of(labels)
    for document in documents:
        if on.color_system and not on.no_color:
            line = coloured_line(document, colours)
        else:
            line = cell(plain_line(document))
        on.print(cell(indent) + line, soft_wrap=True)


def scores_table(evaluation: Scores) -> Table:
    """Scores of each label and over all of them."""
    result = table(("label", *_SCORES), numbers=_SCORES)
    for label, counts in evaluation.labels.items():
        result.add_row(cell(label), *_scores(counts))
    result.add_section()
    result.add_row(cell("all labels", "bold"), *_scores(evaluation.overall))
    return result


def _scores(counts: Counts) -> list[str]:
    scores = (counts.precision, counts.recall, counts.f1)
    return [*(f"{score:.4f}" for score in scores), f"{counts.gold:,}"]


def print_evaluation(evaluation: Scores, title: str, signature: Signature, on: Console) -> None:
    """The table of scores, and what they were counted over."""
    on.print(titled(title, scores_table(evaluation)))
    on.print(
        f"token accuracy {evaluation.accuracy:.4f} over {evaluation.tokens:,} tokens of "
        f"{evaluation.documents:,} documents"
    )
    on.print(cell(str(signature)), soft_wrap=True)


def epochs_table(records: Sequence[EpochRecord], marked: EpochRecord | None, mark: str) -> Table:
    """A row for each epoch, as in the notebook, with `mark` in that of `marked`."""
    names = (
        "epoch",
        "training loss",
        "validation loss",
        "precision",
        "recall",
        "F1",
        "accuracy",
    )
    result = table((*names, ""), numbers=names)
    for record in records:
        values = (
            record.training_loss,
            record.validation_loss,
            record.precision,
            record.recall,
            record.f1,
            record.accuracy,
        )
        result.add_row(
            f"{record.epoch:g}",
            *(f"{value:.4f}" for value in values),
            cell(mark if record is marked else "", "bold"),
        )
    return result


def explanation_tables(tables: Sequence[explanation.Table], width: int) -> Iterator[Titled]:
    """Tables of an explanation; one that is too wide comes in parts, each with its first columns.

    Yields nothing shortened: a cell that is wider than `width` is folded.
    """
    for each in tables:
        groups = fitting(each.columns, each.rows, width)
        for part, columns in enumerate(groups, start=1):
            title = each.title + (f" ({part} of {len(groups)})" if len(groups) > 1 else "")
            names = [each.columns[index] for index in columns]
            result = table(names, numbers=_number_columns(each))
            for row in each.rows:
                result.add_row(*(cell(row[index]) for index in columns))
            yield titled(title, result)


def _number_columns(shown: explanation.Table) -> list[str]:
    return [
        name
        for index, name in enumerate(shown.columns)
        if shown.rows and all(_is_number(row[index]) for row in shown.rows)
    ]


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdecimal()


def print_statistics(statistics: CorpusStatistics, on: Console) -> None:
    """All statistics of a corpus."""
    on.print(cell(f"corpus  {statistics.source}"))
    on.print(cell(f"hash    {statistics.hash}"))
    on.print(cell(f"scheme  {statistics.scheme or 'none: entities are given as ranges'}"))
    on.print(cell(f"labels  {', '.join(statistics.labels) or 'none'}"), soft_wrap=True)
    for title, make in (
        ("Splits", _splits_table),
        ("Entities", _labels_table),
        ("Lengths in characters", _lengths_table),
        ("Texts seen before, and entities known from train", _repetition_table),
    ):
        on.print()
        on.print(titled(title, make(statistics)))
    for label, documents in statistics.examples.items():
        on.print()
        on.print(cell(label, "bold"))
        excerpts = [_excerpt(document, label) for document in documents]
        print_documents(excerpts, statistics.labels, on, indent="  ")


def _splits_table(statistics: CorpusStatistics) -> Table:
    names = ("documents", "tokens", "characters", "entities", "distinct")
    result = table(("split", *names), numbers=names)
    for name, split in statistics.splits.items():
        result.add_row(
            name,
            f"{split.documents:,}",
            "none" if split.tokens is None else f"{split.tokens:,}",
            f"{split.characters:,}",
            f"{split.entities:,}",
            f"{split.distinct_entities:,}",
        )
    return result


def _labels_table(statistics: CorpusStatistics) -> Table:
    result = table(("label", *statistics.splits), numbers=list(statistics.splits))
    for label in statistics.labels:
        counts = (split.entities_by_label.get(label, 0) for split in statistics.splits.values())
        result.add_row(cell(label), *(f"{count:,}" for count in counts))
    return result


def _lengths_table(statistics: CorpusStatistics) -> Table:
    names = list(next(iter(statistics.splits.values())).lengths)
    result = table(("split", *names), numbers=names)
    for name, split in statistics.splits.items():
        result.add_row(name, *(f"{split.lengths[each]:,}" for each in names))
    return result


def _repetition_table(statistics: CorpusStatistics) -> Table:
    """Texts that stand in a split more than once, or in an earlier split too."""
    earlier = list(dict.fromkeys(first for first, _ in statistics.shared_texts))
    names = ("repeated", *(f"also in {split}" for split in earlier), "entities known")
    result = table(("split", *names), numbers=names)
    for name, split in statistics.splits.items():
        shared = [statistics.shared_texts.get((first, name)) for first in earlier]
        counts = ("" if count is None else f"{count:,}" for count in shared)
        known = "" if split.seen_in_train is None else f"{split.seen_in_train:.1%}"
        result.add_row(name, f"{split.duplicates:,}", *counts, known)
    return result


def _excerpt(document: Document, label: str) -> Document:
    """A long text cut to what stands around its first entity with `label`."""
    if len(document.text) <= _LONGEST:
        return document
    wanted = next(entity for entity in document.entities if entity.label == label)
    start = max(0, wanted.start - _BEFORE)
    end = max(start + _LONGEST, wanted.end)
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
