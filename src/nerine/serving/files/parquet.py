"""Parquet with the text in one of its columns: row groups as they were, with a column more.

A Parquet file cannot be cut back and gone on with: what it holds is said at its end. So the
entities of each row are rendered as a line of JSON first; with the last one there, the input is
read again, row group by row group, and written with the new column. Needs the extra `datasets`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from nerine.core.document import Entity
from nerine.core.errors import FormatError
from nerine.core.extras import import_extra
from nerine.serving.files.lines import unreadable
from nerine.serving.files.records import Position, Record, entities_json, missing, taken

_BATCH = 1024
_TEXTS = ("string", "large_string", "string_view")


class ParquetSource:
    """The rows of a Parquet file. A place is a row, from 1."""

    dropped = b"null\n"

    def __init__(self, path: Path, column: str, into: str) -> None:
        self.name = str(path)
        self._path = path
        self._column, self._into = column, into
        self._row = 0

    @property
    def size(self) -> int | None:
        """The number of rows."""
        with self._opened() as file:
            return int(file.metadata.num_rows)

    def _opened(self) -> Any:
        parquet = import_extra("pyarrow.parquet", "datasets", "tagging Parquet")
        try:
            return parquet.ParquetFile(self._path)
        except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
            raise FormatError(f"this is no Parquet: {error}", place=self.name) from None

    def done(self, position: Position) -> int:
        """How many of them are done at `position`."""
        return position.offset

    def check(self) -> None:
        """Raises `FormatError` if there is no such column of strings, or one of our name."""
        with self._opened() as file:
            schema = file.schema_arrow
        if self._column not in schema.names:
            raise missing(self._column, schema.names, self.name, "column")
        if self._into in schema.names:
            raise taken(self._into, self.name, "column")
        kind = schema.field(self._column).type
        cell = kind.value_type if str(kind).startswith("dictionary<") else kind
        if str(cell) not in _TEXTS:
            raise FormatError(
                f"the column {self._column!r} is of type {kind}",
                place=self.name,
                expected="a column of strings",
            )

    def records(self, start: Position) -> Iterator[Record]:
        """A record for each row from `start` on; `raw` is its text alone."""
        row = start.offset
        for text in self._texts(row):
            row += 1
            self._row = row
            fault = None if text is not None else f"the column {self._column!r} is empty"
            raw = b"" if text is None else text.encode("utf-8", "surrogatepass")
            yield Record(raw, row, Position(row, row + 1), text, fault)

    def _texts(self, first: int) -> Iterator[str | None]:
        begin = 0
        try:
            with self._opened() as file:
                for group in range(file.num_row_groups):
                    rows = file.metadata.row_group(group).num_rows
                    if begin + rows > first:
                        yield from self._group(file, group, max(0, first - begin))
                    begin += rows
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise unreadable(error, self.name) from error
            raise FormatError(
                f"the data are broken: {error}", place=f"{self.name}, after row {self._row}"
            ) from error

    def _group(self, file: Any, group: int, skipped: int) -> Iterator[str | None]:
        for batch in file.iter_batches(_BATCH, row_groups=[group], columns=[self._column]):
            if skipped < batch.num_rows:
                yield from batch.column(self._column)[skipped:].to_pylist()
            skipped = max(0, skipped - batch.num_rows)

    def rendered(self, record: Record, entities: Sequence[Entity]) -> bytes:  # noqa: ARG002
        """The entities as a line of JSON."""
        return f"{entities_json(entities)}\n".encode()

    def assemble(self, rendered: Path, output: Path) -> None:
        """Writes the row groups with the entities that stand in `rendered`."""
        parquet = import_extra("pyarrow.parquet", "datasets", "tagging Parquet")
        with self._opened() as file, rendered.open("rb") as lines:
            schema = file.schema_arrow.append(_field(self._into))
            with parquet.ParquetWriter(output, schema, compression=_compression(file)) as writer:
                for group in range(file.num_row_groups):
                    table = _with_entities(file.read_row_group(group), lines, schema)
                    writer.write_table(table, row_group_size=max(1, table.num_rows))


def _field(name: str) -> Any:
    arrow = import_extra("pyarrow", "datasets", "tagging Parquet")
    members = {"start": "int64", "end": "int64", "label": "string", "score": "float64"}
    entity = arrow.struct([(key, arrow.type_for_alias(kind)) for key, kind in members.items()])
    return arrow.field(name, arrow.list_(entity))


def _with_entities(table: Any, lines: BinaryIO, schema: Any) -> Any:
    """The rows of a row group that did not fail, with their entities from as many lines."""
    arrow = import_extra("pyarrow", "datasets", "tagging Parquet")
    found = [json.loads(lines.readline()) for _ in range(table.num_rows)]
    field = schema.field(schema.names[-1])
    whole = table.append_column(field, arrow.array(found, type=field.type)).cast(schema)
    return whole.filter(arrow.array([each is not None for each in found], type=arrow.bool_()))


def _compression(file: Any) -> str:
    """The codec of the first column, which is that of all where one program wrote them."""
    if not file.num_row_groups or not file.metadata.num_columns:
        return "snappy"
    name = str(file.metadata.row_group(0).column(0).compression).lower()
    return "none" if name == "uncompressed" else name
