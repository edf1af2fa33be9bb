"""Align a file of predictions, or two columns of one file, with gold documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nerine.core.display import counted
from nerine.core.document import Document, labels_of
from nerine.core.errors import CorpusError, FormatError
from nerine.core.tags import TagScheme
from nerine.data.formats import ReadLog, ReadOptions, detect_format, read_placed
from nerine.data.formats.column_layout import find_layout
from nerine.evaluation.alignment.columns import align_rows, broken_tags, predicted_scheme, read_tags
from nerine.evaluation.alignment.repairs import Repair, Repairs
from nerine.evaluation.alignment.rows import read_sentences
from nerine.evaluation.alignment.texts import Placed, align_documents

_DEFAULT = ReadOptions()


@dataclass(frozen=True, slots=True)
class Alignment:
    """Gold and predicted documents with equal texts, in the same order.

    Attributes:
        gold: The gold documents.
        predicted: The same documents with predicted entities, by the strict reading of tags.
        lenient: Those by conlleval's reading of tags (Tjong Kim Sang & Buchholz, 2000); equal to
            `predicted` if the file has no tags, or legal ones.
        places: The places of the gold documents, such as `file:line`.
        repairs: The repairs that were made to the file.
        scheme: The scheme of the predicted tags; None if the file has no tags.
    """

    gold: tuple[Document, ...]
    predicted: tuple[Document, ...]
    lenient: tuple[Document, ...]
    places: tuple[str, ...]
    repairs: tuple[Repair, ...]
    scheme: TagScheme | None = None

    @property
    def unknown_labels(self) -> tuple[str, ...]:
        """Predicted labels that no gold entity has."""
        known = labels_of(self.gold)
        return tuple(label for label in labels_of(self.lenient) if label not in known)

    @property
    def notes(self) -> list[str]:
        """Notes on the repairs of the file, and on labels that gold lacks."""
        notes = [
            f"tolerated: {each.what}: {each.count:,}, first at {each.first}"
            for each in self.repairs
        ]
        if self.unknown_labels:
            number = counted(len(self.unknown_labels), "predicted label")
            notes.append(f"{number} that gold lacks: {', '.join(self.unknown_labels)}")
        return notes

    def arguments(self) -> dict[str, Any]:
        """The arguments that `evaluate_predictions` and `make_report` take from an alignment."""
        return {
            "predicted": self.predicted,
            "lenient": None if self.lenient == self.predicted else self.lenient,
            "scheme": self.scheme.value if self.scheme else None,
        }


def align_file(
    gold: Sequence[Document],
    places: Sequence[str],
    path: Path,
    *,
    gold_scheme: TagScheme | None = None,
    format: str | None = None,  # noqa: A002 - the word for it
    options: ReadOptions = _DEFAULT,
) -> Alignment:
    """Aligns a file of predicted documents, in any format, with gold documents.

    Args:
        gold: The gold documents.
        places: The place of each gold document, such as `file:line`.
        path: The file of predicted documents.
        gold_scheme: The tag scheme of the gold documents, used if the predicted tags are
            compatible with more than one.
        format: The format of the file; by default it is detected.
        options: How the file is read.

    Raises:
        CorpusError: If the file cannot be aligned.
        FormatError: If the file cannot be read.
    """
    placed_gold = list(zip(places, gold, strict=True))
    if (format or detect_format(path)) == "columns":
        return _align_column_file(placed_gold, path, gold_scheme, options, Repairs())

    def read(options: ReadOptions) -> tuple[list[Placed], ReadLog]:
        log = ReadLog()
        tolerant = replace(options, repair=True).keeping("unlabelled")
        return list(read_placed(path, format, tolerant, log)), log

    lenient, log = read(options)
    if log.scheme is TagScheme.IOB1 and gold_scheme is TagScheme.IOB2 and not options.scheme:
        options = replace(options, scheme=gold_scheme)  # as in `predicted_scheme`
        lenient, log = read(options)
    repairs = Repairs()
    strict = lenient
    if log.scheme and log.faults:
        repairs.add(broken_tags(log.scheme), log.faults[0].place, log.repaired_tags)
        strict, _ = read(replace(options, reading="strict"))
    aligned = align_documents(placed_gold, strict, repairs)
    by_conlleval = aligned
    if strict is not lenient:
        by_conlleval = align_documents(placed_gold, lenient, Repairs())
    return Alignment(tuple(gold), aligned, by_conlleval, tuple(places), repairs.made(), log.scheme)


def align_columns(
    path: Path,
    gold_column: int,
    predicted_column: int,
    options: ReadOptions = _DEFAULT,
    *,
    predicted_scheme: TagScheme | None = None,
) -> Alignment:
    """Aligns the gold and the predicted tags of one column file, as conlleval takes them.

    Args:
        path: The column file.
        gold_column: The column of the gold tags, from 0, or from -1 backwards.
        predicted_column: The column of the predicted tags.
        options: How the gold tags are read; `repair` allows gold tags that break their scheme.
        predicted_scheme: The scheme of the predicted tags; by default it is detected.

    Raises:
        CorpusError: If the file has fewer than three columns, or no rows.
        FormatError: If the file cannot be read, or one column is named twice.
    """
    predicted_options = replace(options, tag_column=predicted_column, scheme=predicted_scheme)
    gold_options = replace(options, tag_column=gold_column)
    layout = find_layout(path, predicted_options)
    if 0 < layout.width < 3:
        raise CorpusError(
            f"{layout.width} columns",
            place=f"{path}:{layout.line}",
            expected="a token, its gold tag and its predicted tag in every line",
            hint="if the predicted tags are in another file, pass that file too",
        )
    layout = find_layout(path, gold_options)
    for column, content in ((layout.tag, "gold tags"), (layout.token, "tokens")):
        if layout.width and predicted_column % layout.width == column:
            raise FormatError(
                f"column {predicted_column} is named for both the {content} and the predicted tags",
                place=f"{path}:{layout.line}",
                expected=f"two different columns of {layout.width}",
            )
    gold = list(read_placed(path, "columns", gold_options, log := ReadLog()))
    if not gold:
        raise CorpusError("no documents", place=str(path), expected="at least one")
    repairs = Repairs()
    if log.scheme and log.faults:
        repairs.add(f"gold {broken_tags(log.scheme)}", log.faults[0].place, log.repaired_tags)
    return _align_column_file(gold, path, log.scheme, predicted_options, repairs)


def _align_column_file(
    gold: Sequence[Placed],
    path: Path,
    gold_scheme: TagScheme | None,
    options: ReadOptions,
    repairs: Repairs,
) -> Alignment:
    sentences = read_sentences(path, options, repairs)
    tags = [[row.tag for row in sentence] for sentence in sentences]
    scheme = options.scheme or predicted_scheme(tags, gold_scheme)
    aligned = align_rows(gold, sentences, path, repairs)
    strict, lenient = read_tags(gold, aligned, scheme, path, repairs)
    places = tuple(place for place, _ in gold)
    documents = tuple(document for _, document in gold)
    return Alignment(documents, strict, lenient, places, repairs.made(), scheme)
