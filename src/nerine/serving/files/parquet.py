"""Parquet with the text in one of its columns: row groups keep their sizes, and a column is added.

A Parquet file has its index at the end, so it cannot be written in parts. The entities of each row
are rendered as a line of JSON first. When all rows are tagged, the input is read again, row group
by row group, and written with the new column. Rows that failed are left out, and are written to the
failures with all their columns. Needs the extra `datasets`.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from nerine.core.document import Entity
from nerine.core.errors import FormatError, NerineError
from nerine.core.extras import import_extra
from nerine.serving.arrow import entities_type, is_text
from nerine.serving.files.lines import LONGEST, read_error, too_long
from nerine.serving.files.options import USUAL_ID, TaggingOptions
from nerine.serving.files.records import (
    BEGIN,
    Position,
    Record,
    document_missing,
    entities_json,
    id_missing,
    name_taken,
    text_missing,
)
from nerine.serving.files.remote import File
from nerine.serving.files.shards import (
    WHOLE,
    ByteRange,
    Piece,
    Shard,
    check_content,
    hashes_of,
    pieces_of,
)

_BATCH = 1024
_BACK = 64
"""The rows before a place that are read first for the rows around the one there."""


class ParquetReader:
    """The rows of a Parquet file. Positions count rows.

    `column` is the one that holds the text.
    """

    header = b""
    repeated_header = b""
    failed_output = b"\n"
    notes: tuple[str, ...] = ()

    def __init__(self, path: File, options: TaggingOptions) -> None:
        self.name = str(path)
        self._path = path
        self._options = options
        self.column, self._added = options.text_field, options.added
        self._whole = _Rows(self)

    @property
    def has_documents(self) -> bool:
        """Whether rows say of which document they are."""
        return self._options.document is not None

    def before(self, position: Position) -> Iterator[Position]:
        """Places of rows before one, further and further back; the last is the beginning."""
        back = _BACK
        while back < position.offset:
            yield Position(position.offset - back, position.offset - back + 1)
            back *= 4
        yield BEGIN

    @property
    def size(self) -> int | None:
        """The number of rows."""
        with self.open() as file:
            return int(file.metadata.num_rows)

    @property
    def end(self) -> int | None:
        """The number of rows."""
        return self.size

    def pieces(self, size: int) -> Iterator[Piece]:
        """Consecutive row groups of about `size` bytes together, before compression."""
        with self.open() as file:
            groups = map(file.metadata.row_group, range(file.num_row_groups))
            cuts, rows, held = [], 0, 0
            for group in groups:
                if held >= size:
                    cuts.append(Position(rows, rows + 1))
                    held = 0
                rows += group.num_rows
                held += group.total_byte_size
        return pieces_of(self, cuts, rows)

    def hashes(self, ends: Sequence[int | None], start: int = 0) -> Iterator[str | None]:
        """The hashes of the column chunks between rows, those from row `start` on first.

        They are in the order of groups and columns. Raises `FormatError` for a damaged file.
        """
        with self.open() as file, self._path.open("rb") as stream:
            groups = _groups_between(file.metadata, start, ends)
            try:
                yield from hashes_of(stream, (_chunks_of(file.metadata, each) for each in groups))
            except (OSError, ValueError) as error:
                raise self._damage(error, self.name) from error

    @contextlib.contextmanager
    def open(self) -> Iterator[Any]:
        """The file, opened by pyarrow."""
        parquet = import_extra("pyarrow.parquet", "datasets", "tagging Parquet")
        with contextlib.ExitStack() as stack:
            source: Any = self._path  # whose reading pyarrow does itself
            if not isinstance(source, Path):
                source = stack.enter_context(source.open())
            try:
                file = stack.enter_context(parquet.ParquetFile(source))
            except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
                raise FormatError(f"this is not Parquet: {error}", place=self.name) from None
            yield file

    def done(self, position: Position) -> int:
        """How many rows lie before `position`."""
        return position.offset

    def check(self) -> None:
        """Raises `FormatError` if the column of strings is missing, or one named `into` exists."""
        with self.open() as file:
            schema = file.schema_arrow
        names: list[str] = schema.names
        if self.column not in names:
            raise text_missing(self.column, names, self.name, "column")
        if self._options.id is not None and self._options.id not in names:
            raise id_missing(self._options.id, names, self.name, "column")
        document = self._options.document
        if document is not None and document not in names:
            raise document_missing(document, names, self.name, "column")
        if self._added in names:
            raise name_taken(self._added, self.name, "column")
        kind = schema.field(self.column).type
        if not is_text(kind):
            raise FormatError(
                f"the column {self.column!r} is of type {kind}",
                place=self.name,
                expected="a column of strings",
            )

    def records(self, start: Position) -> Iterator[Record]:
        """A record for each row from `start` on; `raw` is its text alone."""
        row = start.offset
        try:
            for text, id_, document in self._cells(row):
                row += 1
                raw = b"" if text is None else text.encode("utf-8", "surrogatepass")
                problem = too_long(len(raw), len(raw)) if len(raw) > LONGEST else None
                after = Position(row, row + 1)
                kept = None if problem else text
                yield Record(raw, row, after, kept, problem, text is None, id_, document)
        except (OSError, ValueError) as error:
            raise self._damage(error, f"{self.name}, after row {row}") from error

    def _damage(self, error: OSError | ValueError, place: str) -> NerineError:
        """The error for data that cannot be read."""
        if isinstance(error, OSError) and error.errno is not None:
            return read_error(error, self.name)
        return FormatError(f"the data are damaged: {error}", place=place)

    def _cells(self, first: int) -> Iterator[tuple[str | None, str | None, str | None]]:
        """The text of each row from row `first`, counted from 0, on; its id, document as JSON."""
        with self.open() as file:
            id_name = self._options.id or USUAL_ID
            has_id = self._options.rows == "entities" and id_name in file.schema_arrow.names
            names = [id_name] if has_id else []
            names += [self._options.document] if self._options.document else []
            columns = [*dict.fromkeys((self.column, *names))]
            for group in range(file.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                if first >= rows:
                    first -= rows
                    continue
                for batch in file.iter_batches(_BATCH, row_groups=[group], columns=columns):
                    if first < batch.num_rows:
                        texts = batch.column(self.column)[first:].to_pylist()
                        ids, documents = (
                            [None] * len(texts)
                            if name is None
                            else [_id_json(cell) for cell in batch.column(name)[first:]]
                            for name in (id_name if has_id else None, self._options.document)
                        )
                        yield from zip(texts, ids, documents, strict=True)
                    first = max(0, first - batch.num_rows)

    def whole_record(self, record: Record) -> str:
        """All columns of a row that failed, as a JSON object."""
        return self._whole.json(record.number - 1)

    def render(self, record: Record, entities: Sequence[Entity]) -> bytes:
        """The entities as a line of JSON."""
        text = None if self._options.compact else record.text
        return f"{entities_json(entities, text)}\n".encode()

    def render_null(self, record: Record) -> bytes:  # noqa: ARG002
        """A null instead of entities, as a line of JSON."""
        return b"null\n"

    def count(self, output: Path, compression: str) -> int:  # noqa: ARG002
        """The number of rows in an output."""
        return int(ParquetReader(output, self._options).size or 0)

    def assemble(self, rendered: Path, output: Path, shard: Shard = WHOLE) -> None:
        """Writes the row groups of a shard with the entities in `rendered`.

        Rows that failed are left out. Raises `TaggingError` if the shard has changed.
        """
        arrow = import_extra("pyarrow", "datasets", "tagging Parquet")
        parquet = import_extra("pyarrow.parquet", "datasets", "tagging Parquet")
        field = arrow.field(self._options.into, entities_type(texts=not self._options.compact))
        with self.open() as file, rendered.open("rb") as lines:
            schema = file.schema_arrow.append(field)
            with parquet.ParquetWriter(
                output, schema, compression=codec_of(file.metadata)
            ) as writer:
                (groups,) = _groups_between(file.metadata, shard.start.offset, [shard.end])
                for group in groups:
                    table = file.read_row_group(group)
                    read = [lines.readline().strip() for _ in range(table.num_rows)]
                    cells = [json.loads(line) if line else None for line in read]
                    column = arrow.array(cells, type=field.type)
                    kept = arrow.array(map(bool, read), type=arrow.bool_())
                    table = table.append_column(field, column).cast(schema).filter(kept)
                    writer.write_table(table, row_group_size=max(1, table.num_rows))
        check_content(self, shard, self.name)  # it was read again


def codec_of(metadata: Any) -> str:
    """The compression of the first column, and so of all columns if one program wrote them."""
    if not metadata.num_row_groups:
        return "snappy"
    codec = metadata.row_group(0).column(0).compression.lower()
    return "none" if codec == "uncompressed" else str(codec)


def _groups_between(metadata: Any, start: int, ends: Iterable[int | None]) -> Iterator[list[int]]:
    """The row groups that begin from row `start` to each of `ends`."""
    first = group = 0
    for end in ends:
        groups = []
        while group < metadata.num_row_groups and (end is None or first < end):
            if first >= start:
                groups.append(group)
            first += metadata.row_group(group).num_rows
            group += 1
        yield groups


def _chunks_of(metadata: Any, groups: Iterable[int]) -> Iterator[ByteRange]:
    """Where the column chunks of row groups lie in the file."""
    for group in map(metadata.row_group, groups):
        for chunk in map(group.column, range(group.num_columns)):
            pages = (chunk.dictionary_page_offset, chunk.data_page_offset)
            yield min(filter(None, pages), default=0), max(0, chunk.total_compressed_size)


class _Rows:
    """Whole rows of a file, one after another in rising order, some rows at a time."""

    def __init__(self, reader: ParquetReader) -> None:
        self._reader = reader
        self._batches: Iterator[Any] = iter(())
        self._first = self._end = 0
        self._batch: Any = None

    def json(self, row: int) -> str:
        """A row, counted from 0, as a JSON object. What JSON cannot hold is written as a string."""
        if self._batch is None or row < self._first:
            self._batches, self._first, self._end = self._from(row), 0, 0
        while row >= self._end:
            self._first, self._batch = next(self._batches)
            self._end = self._first + self._batch.num_rows
        one = self._batch.slice(row - self._first, 1)
        values = (_value(column[0]) for column in one.columns)
        cells = zip(one.schema.names, values, strict=True)
        return "{" + ", ".join(f"{_json(name)}: {_json(value)}" for name, value in cells) + "}"

    def _from(self, row: int) -> Iterator[Any]:
        """Batches with the numbers of their first rows, from that with `row` on."""
        with self._reader.open() as file:
            first = 0
            for group in range(file.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                if row >= first + rows:
                    first += rows
                    continue
                for batch in file.iter_batches(_BATCH, row_groups=[group]):
                    yield first, batch
                    first += batch.num_rows


def _value(cell: Any) -> Any:
    """A cell as a Python value."""
    try:
        return cell.as_py()
    except Exception:  # such as nanoseconds or years that Python's times do not have
        return cell.cast("string").as_py()


def _id_json(cell: Any) -> str | None:
    """A cell as JSON; None if it is null."""
    return None if not cell.is_valid else _json(_value(cell))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_text_of)


def _text_of(value: Any) -> str:
    """A value that JSON cannot hold, such as a time, a decimal number or bytes (in base64)."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
