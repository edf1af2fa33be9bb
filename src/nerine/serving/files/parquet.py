"""Parquet with the text in one of its columns: row groups keep their sizes, and a column is added.

A Parquet file has its index at the end, so it cannot be written in parts. The entities of each row
are rendered as a line of JSON first. When all rows are tagged, the input is read again, row group
by row group, and written with the new column. Needs the extra `datasets`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nerine.core.document import Entity
from nerine.core.errors import FormatError
from nerine.core.extras import import_extra
from nerine.serving.files.lines import read_error
from nerine.serving.files.records import Position, Record, entities_json, name_taken, text_missing

_BATCH = 1024
_TEXT_TYPES = ("string", "large_string", "string_view")


class ParquetReader:
    """The rows of a Parquet file. Positions count rows."""

    failed_output = b"null\n"

    def __init__(self, path: Path, column: str, into: str) -> None:
        self.name = str(path)
        self._path = path
        self._column, self._into = column, into

    @property
    def size(self) -> int | None:
        """The number of rows."""
        with self._open() as file:
            return int(file.metadata.num_rows)

    def _open(self) -> Any:
        parquet = import_extra("pyarrow.parquet", "datasets", "tagging Parquet")
        try:
            return parquet.ParquetFile(self._path)
        except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
            raise FormatError(f"this is not Parquet: {error}", place=self.name) from None

    def done(self, position: Position) -> int:
        """How many rows lie before `position`."""
        return position.offset

    def check(self) -> None:
        """Raises `FormatError` if the column of strings is missing, or one named `into` exists."""
        with self._open() as file:
            schema = file.schema_arrow
        if self._column not in schema.names:
            raise text_missing(self._column, schema.names, self.name, "column")
        if self._into in schema.names:
            raise name_taken(self._into, self.name, "column")
        kind = schema.field(self._column).type
        cell = kind.value_type if str(kind).startswith("dictionary<") else kind
        if str(cell) not in _TEXT_TYPES:
            raise FormatError(
                f"the column {self._column!r} is of type {kind}",
                place=self.name,
                expected="a column of strings",
            )

    def records(self, start: Position) -> Iterator[Record]:
        """A record for each row from `start` on; `raw` is its text alone."""
        row = start.offset
        try:
            for text in self._texts(row):
                row += 1
                problem = None if text is not None else f"the column {self._column!r} is empty"
                raw = b"" if text is None else text.encode("utf-8", "surrogatepass")
                yield Record(raw, row, Position(row, row + 1), text, problem)
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise read_error(error, self.name) from error
            raise FormatError(
                f"the data are damaged: {error}", place=f"{self.name}, after row {row}"
            ) from error

    def _texts(self, first: int) -> Iterator[str | None]:
        """The column from row `first`, counted from 0, on."""
        with self._open() as file:
            for group in range(file.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                if first >= rows:
                    first -= rows
                    continue
                for batch in file.iter_batches(_BATCH, row_groups=[group], columns=[self._column]):
                    if first < batch.num_rows:
                        yield from batch.column(self._column)[first:].to_pylist()
                    first = max(0, first - batch.num_rows)

    def render(self, record: Record, entities: Sequence[Entity]) -> bytes:  # noqa: ARG002
        """The entities as a line of JSON."""
        return f"{entities_json(entities)}\n".encode()

    def assemble(self, rendered: Path, output: Path) -> None:
        """Writes the row groups without the rows that failed, with the entities in `rendered`."""
        arrow = import_extra("pyarrow", "datasets", "tagging Parquet")
        parquet = import_extra("pyarrow.parquet", "datasets", "tagging Parquet")
        members = {"start": "int64", "end": "int64", "label": "string", "score": "float64"}
        entity = arrow.struct([(key, arrow.type_for_alias(kind)) for key, kind in members.items()])
        field = arrow.field(self._into, arrow.list_(entity))
        with self._open() as file, rendered.open("rb") as lines:
            schema = file.schema_arrow.append(field)
            compression = "snappy"
            if file.num_row_groups and file.metadata.num_columns:
                # of the first column, and so of all columns if one program wrote them
                found = str(file.metadata.row_group(0).column(0).compression).lower()
                compression = "none" if found == "uncompressed" else found
            with parquet.ParquetWriter(output, schema, compression=compression) as writer:
                for group in range(file.num_row_groups):
                    table = file.read_row_group(group)
                    cells = [json.loads(lines.readline()) for _ in range(table.num_rows)]
                    column = arrow.array(cells, type=field.type)
                    kept = arrow.array([cell is not None for cell in cells], type=arrow.bool_())
                    table = table.append_column(field, column).cast(schema).filter(kept)
                    writer.write_table(table, row_group_size=max(1, table.num_rows))
