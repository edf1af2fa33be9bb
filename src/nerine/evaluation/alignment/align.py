"""Align a file of predictions, or two columns of one file, with gold documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nerine.core.display import counted
from nerine.core.document import Document, labels_of
from nerine.core.errors import CorpusError, FormatError, SettingsError
from nerine.core.tags import Reading, ReadScheme, TagScheme
from nerine.data.formats import ReadLog, ReadOptions, read_placed
from nerine.data.formats.columns.detection import find_layout
from nerine.evaluation.alignment.changed_tokens import CHANGED_TOKENS
from nerine.evaluation.alignment.columns import align_rows, broken_tags, predicted_scheme, read_tags
from nerine.evaluation.alignment.detection import predicted_format
from nerine.evaluation.alignment.repairs import Repair, Repairs
from nerine.evaluation.alignment.rows import Columns, read_sentences
from nerine.evaluation.alignment.texts import Placed, align_documents

_DEFAULT = ReadOptions()


@dataclass(frozen=True, slots=True)
class Alignment:
    """Gold and predicted documents with equal texts, in the same order.

    Attributes:
        gold: The gold documents.
        predicted: The same documents with predicted entities, by the strict reading of tags.
        lenient: Those by the lenient reading of tags; equal to `predicted` if the file has no tags,
            or legal ones.
        places: The places of the gold documents, such as `file:line`.
        repairs: The repairs that were made to the file.
        scheme: The scheme of the predicted tags; None if the file has no tags.
        is_conlleval: Whether the lenient reading finds what the script conlleval.pl finds (Tjong
            Kim Sang & Buchholz, 2000): all tags, gold and predicted, are `O`, `B-` and `I-`. Of the
            letters of other schemes it does not know some, and reads others in its own way.
        remarks: Notes on how the file was read, such as which of its columns holds the tags.
    """

    gold: tuple[Document, ...]
    predicted: tuple[Document, ...]
    lenient: tuple[Document, ...]
    places: tuple[str, ...]
    repairs: tuple[Repair, ...]
    scheme: TagScheme | None = None
    is_conlleval: bool = False
    remarks: tuple[str, ...] = ()

    def read(self, reading: Reading) -> tuple[Document, ...]:
        """The predicted documents by a reading of the tags."""
        return self.lenient if reading == "lenient" else self.predicted

    @property
    def unknown_labels(self) -> tuple[str, ...]:
        """Predicted labels that no gold entity has."""
        known = labels_of(self.gold)
        return tuple(label for label in labels_of(self.lenient) if label not in known)

    @property
    def notes(self) -> list[str]:
        """Notes on how the file was read and repaired, and on labels that gold lacks."""
        notes = [*self.remarks, *(f"tolerated: {each}" for each in self.repairs)]
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
            "is_conlleval": self.is_conlleval,
        }


def align_file(
    gold: Sequence[Document],
    places: Sequence[str],
    path: Path,
    *,
    gold_scheme: TagScheme | None = None,
    gold_columns: Columns | None = None,
    format: str | None = None,  # noqa: A002 - the word for it
    options: ReadOptions = _DEFAULT,
    changed_tokens: float = CHANGED_TOKENS,
) -> Alignment:
    """Aligns a file of predicted documents, in any format, with gold documents.

    Args:
        gold: The gold documents.
        places: The place of each gold document, such as `file:line`.
        path: The file of predicted documents.
        gold_scheme: The tag scheme of the gold documents, used if the predicted tags are
            compatible with more than one.
        gold_columns: The number of columns in the gold file and the indices of its tags' columns,
            used if the file has as many columns, and several with tags.
        format: The format of the file; by default it is detected from the content.
        options: How the file is read.
        changed_tokens: The share, from 0 to 1, of the tokens of a column file that may differ from
            the gold ones, if the sentences are the same.

    Raises:
        CorpusError: If the file cannot be aligned.
        FormatError: If the file cannot be read.
        SettingsError: If the share is out of range.
    """
    if not 0 <= changed_tokens <= 1:
        raise SettingsError(
            f"{changed_tokens} is not a valid share",
            place="changed_tokens",
            expected="a number from 0 to 1",
        )
    placed_gold = list(zip(places, gold, strict=True))
    format = format or predicted_format(path, options)  # noqa: A001
    if format == "columns" and options.tag_column is None and gold_columns:
        options = _with_layers(path, options, gold_columns)
    if format == "columns" and not isinstance(options.tag_column, tuple):
        file = ColumnFile(path, options, changed_tokens, Repairs(), gold_columns, remarks=[])
        return _align_column_file(placed_gold, gold_scheme, file)

    def read(options: ReadOptions) -> tuple[list[Placed], ReadLog]:
        log = ReadLog()
        tolerant = replace(options, repair=True).accepting("unlabelled")
        with _hints_on_predictions(path):
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
    leniently = aligned
    if strict is not lenient:
        leniently = align_documents(placed_gold, lenient, Repairs())
    return Alignment(
        gold=tuple(gold),
        predicted=aligned,
        lenient=leniently,
        places=tuple(places),
        repairs=repairs.made(),
        scheme=log.scheme,
        is_conlleval=_is_conlleval(gold, gold_scheme, log.scheme),
        remarks=tuple(log.notes),
    )


def _with_layers(path: Path, options: ReadOptions, gold_columns: Columns) -> ReadOptions:
    """The options with the layers of tags that gold has, if the file has the same."""
    width, layers = gold_columns
    if len(layers) == 1:
        return options
    layered = replace(options, tag_column=layers)
    try:
        layout = find_layout(path, layered)
    except FormatError:
        return options
    kinds = {each.kind for each in layout.columns if each.index in layers}
    return layered if layout.width == width and kinds <= {"tags", "outside"} else options


@contextmanager
def _hints_on_predictions(path: Path) -> Iterator[None]:
    """Says of options of reading, which are for gold, how they are used on predictions."""
    try:
        yield
    except (FormatError, SettingsError) as error:
        if "--" not in (error.hint or "") or "--predicted" in (error.hint or ""):
            raise
        hint = (
            f"{error.hint}; for predictions it is an option of nerine convert {path.name} "
            "converted.jsonl, whose output can be scored"
        )
        raise type(error)(
            error.found, expected=error.expected, place=error.place, hint=hint
        ) from None


def align_columns(
    path: Path,
    gold_column: int,
    predicted_column: int,
    options: ReadOptions = _DEFAULT,
    *,
    predicted_scheme: ReadScheme | None = None,
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
    file = ColumnFile(path, predicted_options, 0.0, repairs)
    return _align_column_file(gold, log.scheme, file)


@dataclass(frozen=True, slots=True)
class ColumnFile:
    """A system's column file, how to read it, and the notes on that."""

    path: Path
    options: ReadOptions
    changed_tokens: float
    repairs: Repairs
    gold_columns: Columns | None = None
    remarks: list[str] | None = None


def _align_column_file(
    gold: Sequence[Placed], gold_scheme: TagScheme | None, file: ColumnFile
) -> Alignment:
    path, repairs = file.path, file.repairs
    sentences = read_sentences(path, file.options, repairs, file.gold_columns, file.remarks)
    rows = [row for sentence in sentences for row in sentence]
    tags = [[row.tag for row in sentence] for sentence in sentences]
    stated = file.options.scheme if isinstance(file.options.scheme, TagScheme) else None
    scheme = stated or predicted_scheme(tags, gold_scheme)
    aligned = align_rows(gold, sentences, path, repairs, file.changed_tokens)
    strict, lenient = read_tags(gold, aligned, scheme, path, repairs)
    documents = tuple(document for _, document in gold)
    return Alignment(
        gold=documents,
        predicted=strict,
        lenient=lenient,
        places=tuple(place for place, _ in gold),
        repairs=repairs.made(),
        scheme=scheme,
        is_conlleval=all(row.unknown is None and row.tag[0] in "OBI" for row in rows)
        and _is_conlleval(documents, gold_scheme, scheme),
        remarks=tuple(file.remarks or ()),
    )


def _is_conlleval(
    gold: Sequence[Document], gold_scheme: TagScheme | None, scheme: TagScheme | None
) -> bool:
    """Whether the gold entities, and tags of these schemes, have `B-` and `I-` alone."""
    bounded = any(each is not None and each.bounds_both_ends for each in (gold_scheme, scheme))
    return not bounded and not any(document.overlapping() for document in gold)
