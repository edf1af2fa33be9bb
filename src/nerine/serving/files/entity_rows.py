"""The output as a table with a row for each entity, whatever the input is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from nerine.core.document import Entity
from nerine.core.extras import import_extra
from nerine.core.streams import Pause
from nerine.data.formats.entity_table import EntityTable, formula_note, write_parquet
from nerine.serving.files.lines import Lines
from nerine.serving.files.parquet import ParquetReader
from nerine.serving.files.records import BEGIN, Position, Record
from nerine.serving.files.shards import WHOLE, Piece, Shard
from nerine.serving.files.tables import CsvReader
from nerine.serving.files.text import TextReader


class EntityRows:
    """Reads the records of an input, and renders only their entities.

    `output` is the name of the output in notes.
    """

    failed_output = b""

    def __init__(
        self, reader: TextReader | CsvReader | ParquetReader, table: EntityTable, output: str
    ) -> None:
        self.name = reader.name
        self.header = self.repeated_header = table.header
        self._reader = reader
        self._table = table
        self._output = output
        self._notes: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on how the input was read, and on cells that look like formulas."""
        return (*self._reader.notes, *self._notes)

    @property
    def has_documents(self) -> bool:
        """Whether records say of which document they are."""
        return self._reader.has_documents

    def before(self, position: Position) -> Iterator[Position]:
        """Places of records before one, further and further back."""
        return self._reader.before(position)

    @property
    def size(self) -> int | None:
        """The size of the input, as its reader counts it."""
        return self._reader.size

    @property
    def end(self) -> int | None:
        """Where the last record ends."""
        return self._reader.end

    def pieces(self, size: int) -> Iterator[Piece]:
        """Consecutive pieces of the input."""
        return self._reader.pieces(size)

    def hashes(self, ends: Sequence[int | None], start: int = 0) -> Iterator[str | None]:
        """The hashes of consecutive pieces of the input."""
        return self._reader.hashes(ends, start)

    def done(self, position: Position) -> int:
        """How much of the input lies before `position`."""
        return self._reader.done(position)

    def check(self) -> None:
        """Raises an error if the input cannot be read, or Parquet cannot be written."""
        self._reader.check()
        if self._table.format == "parquet":
            import_extra("pyarrow.parquet", "datasets", "writing Parquet")

    def records(self, start: Position) -> Iterator[Record | Pause]:
        """The records from `start` on; those with nothing to tag leave nothing in the output."""
        for record in self._reader.records(start):
            if isinstance(record, Pause) or record.text is not None or record.error is not None:
                yield record
            else:
                yield replace(record, raw=b"")

    def whole_record(self, record: Record) -> str:
        """All of a record that failed."""
        return self._reader.whole_record(record)

    def render(self, record: Record, entities: Sequence[Entity]) -> bytes:
        """The rows of a record's entities. Raises `FormatError` if they cannot be written."""
        return self._table.rows(record.number, record.id, record.text or "", entities)

    def render_null(self, record: Record) -> bytes:  # noqa: ARG002 - the readers' signature
        """Nothing: a null has no entities."""
        return b""

    def count(self, output: Path, compression: str) -> int:
        """The number of rows in an output. Notes how many look like formulas."""
        if self._table.format == "parquet":
            parquet = import_extra("pyarrow.parquet", "datasets", "writing Parquet")
            with parquet.ParquetFile(output) as file:
                return int(file.metadata.num_rows)
        lines = Lines(output, compression).after(BEGIN)
        text = (line.decode() for line in lines if not isinstance(line, Pause))
        rows, formulas = self._table.count(text)
        if formulas:
            self._notes = (formula_note(self._output, formulas),)
        return rows

    def assemble(self, rendered: Path, output: Path, shard: Shard = WHOLE) -> None:  # noqa: ARG002
        """Moves the rendered rows, which are the output; those of Parquet are converted."""
        if self._table.format != "parquet":
            rendered.replace(output)
            return
        with rendered.open("rb") as rows:
            write_parquet(rows, output)
