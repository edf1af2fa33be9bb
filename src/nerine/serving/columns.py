"""Texts in a column: a batch of rows → the same batch with a column of their entities.

Engines for tables hand such batches to a function: Ray Data, Spark and `datasets` do. A batch is a
`pyarrow.Table`, a `pyarrow.RecordBatch`, or a mapping of names to lists or NumPy arrays. Needs
pyarrow, which these engines bring, as the extra `datasets` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, overload

from nerine.core.arguments import checked
from nerine.core.document import Document, Entity
from nerine.core.errors import FormatError, NerineError, SettingsError
from nerine.core.extras import import_extra
from nerine.model.given import CheckpointLike, as_tagger, with_thresholds
from nerine.model.loading.thresholds import ThresholdChoice
from nerine.model.tagger import Tagger
from nerine.serving.arrow import entities_type, is_text

Batch = TypeVar("Batch")
Cell = str | NerineError | None
"""A text, None for a null, or the error for a cell that holds something else."""

_MEMBERS = ("start", "end", "label", "score")
_KINDS = "a pyarrow.Table, a pyarrow.RecordBatch, or a dictionary of lists or arrays"


class ColumnTagger:
    """Tags the texts in a column of a batch of rows.

    The batch keeps its rows, their order and its other columns, and gets a column of entities:
    `list<struct<start: int64, end: int64, label: string, score: double>>`, whose `start` and `end`
    count code points. The entities of a null are null; those of a text without any are an empty
    list.

    It can be pickled if its tagger can: the pickle says where the checkpoint lies, and a process
    loads it once.

    ::

        tag = ColumnTagger("runs/wnut", text="body")
        tagged = tag(pyarrow.table({"body": ["Mira left Lisbon.", None]}))

    Args:
        checkpoint: A tagger, or what `Tagger.load` loads: a folder or a hub id.
        text: The column that holds the texts.
        into: The column that receives the entities.
        errors: A column that receives the reason for each text that cannot be tagged, whose
            entities are null then, and null for all others. None to raise an error instead.
        labels: The labels whose entities are kept; None for all.
        thresholds: As for `Tagger.load`; None for those of the tagger.

    Attributes:
        tagger: The tagger.

    Raises:
        ArgumentError: If an argument has another type.
        CheckpointError: If the checkpoint cannot be loaded, or no thresholds are saved with it.
        SettingsError: If the model has no such label, a threshold is outside 0 to 1, or two columns
            would have the same name.
    """

    @checked
    def __init__(
        self,
        checkpoint: CheckpointLike,
        *,
        text: str = "text",
        into: str = "entities",
        errors: str | None = None,
        labels: Iterable[str] | None = None,
        thresholds: ThresholdChoice = None,
    ) -> None:
        if len({text, into, errors}) < 3:
            raise SettingsError(
                f"the columns of the texts, entities and errors are {text!r}, {into!r}, {errors!r}",
                expected="three names",
            )
        self.text, self.into, self.errors = text, into, errors
        self.tagger = with_thresholds(self._opened(checkpoint), thresholds)
        self._labels = None if labels is None else known_labels(labels, self.tagger.labels)

    def _opened(self, checkpoint: CheckpointLike) -> Tagger:
        return as_tagger(checkpoint)

    @overload
    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]: ...

    @overload
    def __call__(self, batch: Batch) -> Batch: ...

    def __call__(self, batch: Any) -> Any:
        """The batch with the entities of its texts.

        Args:
            batch: A `pyarrow.Table`, a `pyarrow.RecordBatch`, or a mapping of names to lists or
                NumPy arrays. What is added to a mapping is a list next to a list of texts, and a
                `pyarrow.Array` next to an array.

        Raises:
            CheckpointError: If many texts all fail in the same way: then the model is the cause.
            FormatError: If it has no column of texts, or has a column of the name of one that is
                added. Without `errors`, also if a cell holds something else than text or null, or
                the model fails on a text.
            MissingExtraError: If pyarrow is not installed.
        """
        arrow = _arrow()
        if isinstance(batch, Mapping):
            self.check_names(list(batch))
            values = batch[self.text]
            columns = self._columns(_cells_of_values(values, self.text))
            if isinstance(values, list):
                columns = {name: column.to_pylist() for name, column in columns.items()}
            return {**batch, **columns}
        if not isinstance(batch, arrow.Table | arrow.RecordBatch):
            raise FormatError(
                f"a batch is a {type(batch).__module__}.{type(batch).__name__}",
                expected=_KINDS,
                hint='batch_format="pyarrow" in Ray Data, with_format("arrow") in datasets',
            )
        self.check_names(batch.schema.names)
        added = self._columns(_cells_of_column(batch.column(self.text), self.text))
        fields = [arrow.field(name, column.type) for name, column in added.items()]
        schema = arrow.schema([*batch.schema, *fields], metadata=batch.schema.metadata)
        return type(batch).from_arrays([*batch.columns, *added.values()], schema=schema)

    def pipe(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches of a stream, one after another, as `ColumnTagger.__call__` gives each.

        Args:
            batches: The batches.
        """
        return map(self, batches)

    def check_names(self, names: Sequence[str]) -> None:
        """Raises `FormatError` unless one column has the texts, and the new ones have new names.

        Args:
            names: The names of the columns.
        """
        if names.count(self.text) != 1:
            count = "several columns" if self.text in names else "no column"
            raise FormatError(
                f"{count} called {self.text!r}, which should hold the texts",
                expected=f"one of {', '.join(map(repr, names))}",
                hint="text=… names it",
            )
        for option, name in self.added.items():
            if name in names:
                raise FormatError(
                    f"the column {name!r} exists already",
                    expected="a new name for a column that is added",
                    hint=f"{option}=… names it",
                )

    @property
    def added(self) -> dict[str, str]:
        """The names of the columns that are added, by their options."""
        options = {"into": self.into, "errors": self.errors}
        return {option: name for option, name in options.items() if name is not None}

    def _columns(self, cells: Sequence[Cell]) -> dict[str, Any]:
        """The columns to add: entities and, if asked for, errors."""
        arrow = _arrow()
        entities: list[list[dict[str, Any]] | None] = [None] * len(cells)
        reasons: list[str | None] = [None] * len(cells)
        for row, outcome in enumerate(self._outcomes(cells)):
            if isinstance(outcome, Exception):
                reasons[row] = self._reason(outcome, row)
            elif outcome is not None:
                entities[row] = self._members(outcome.entities)
        columns = {self.into: arrow.array(entities, entities_type())}
        if self.errors is not None:
            columns[self.errors] = arrow.array(reasons, arrow.string())
        return columns

    def _outcomes(self, cells: Sequence[Cell]) -> Iterator[Document | Exception | None]:
        """What becomes of each cell: a tagged document, None for a null, or an error."""
        tagged = self.tagger.pipe_with_errors(cell for cell in cells if isinstance(cell, str))
        for cell in cells:
            if not isinstance(cell, str):
                yield cell
                continue
            outcome = next(tagged)
            yield outcome if isinstance(outcome, Document) else outcome.error

    def _reason(self, error: Exception, row: int) -> str:
        """Why a text cannot be tagged; raises `FormatError` if errors have no column."""
        kind = type(error).__name__
        reason = error.found if isinstance(error, NerineError) else f"{kind}: {error}"
        if self.errors is None:
            raise FormatError(
                reason,
                place=f"row {row + 1} of a batch, in the column {self.text!r}",
                expected="a text or null, which the model can tag",
                hint="errors=… names a column for such reasons, and all other rows are tagged",
            ) from error
        return reason

    def _members(self, entities: Sequence[Entity]) -> list[dict[str, Any]]:
        return [
            {name: getattr(entity, name) for name in _MEMBERS}
            for entity in entities
            if self._labels is None or entity.label in self._labels
        ]


def _arrow() -> Any:
    return import_extra("pyarrow", "datasets", "tagging columns")


def known_labels(labels: Iterable[str], known: Sequence[str]) -> tuple[str, ...]:
    """The labels, sorted, so that equal ones have equal pickles; raises `SettingsError`."""
    chosen = sorted(set(labels))
    unknown = [label for label in chosen if label not in known]
    if unknown:
        raise SettingsError(
            f"the model has no label {', '.join(map(repr, unknown))}",
            place="labels",
            expected=f"some of {', '.join(map(repr, known))}",
        )
    return tuple(chosen)


def _cells_of_values(values: Any, name: str) -> list[Cell]:
    """The texts of a list or an array; raises `FormatError` for an array of something else."""
    kind = getattr(values, "dtype", None)
    if getattr(kind, "kind", "O") not in "OUT":
        raise _column_of(name, kind)
    return list(map(_cell_of_value, values))


def _cells_of_column(column: Any, name: str) -> list[Cell]:
    """The texts of a column of Arrow; raises `FormatError` if it holds something else."""
    if not is_text(column.type):
        raise _column_of(name, column.type)
    try:
        cells: list[Cell] = column.to_pylist()
    except UnicodeDecodeError:
        return list(map(_cell_of_scalar, column))
    return cells


def _column_of(name: str, kind: object) -> FormatError:
    return FormatError(f"the column {name!r} is of type {kind}", expected="a column of strings")


def _cell_of_scalar(scalar: Any) -> Cell:
    try:
        text: str | None = scalar.as_py()
    except UnicodeDecodeError as error:
        return FormatError(f"the text is not UTF-8: {error.reason} at byte {error.start}")
    return text


def _cell_of_value(value: Any) -> Cell:
    """A text, None for what pandas and Arrow take for null, or an error for anything else."""
    if value is None or isinstance(value, str):
        return value
    arrow = _arrow()
    try:
        is_null = arrow.array([value], from_pandas=True).null_count == 1  # such as NaN
    except arrow.ArrowException:
        is_null = False
    return None if is_null else FormatError(f"the cell is of type {type(value).__name__}")
