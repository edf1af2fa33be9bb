"""Tables with a row for each entity, for spreadsheets, data frames and databases.

::

    record,id,entity,label,start,end,score
    1,t-17,Mira Okonjo,person,0,11,0.980000

`record` is the number of the text, from 1, and `id` its own id, empty if it has none. A text
without entities has no row. The tables hold no texts, so they cannot be read as a corpus.

CSV is for spreadsheets: a file begins with a byte order mark, without which Excel takes UTF-8 for
another encoding. No cell is changed. Spreadsheets read cells that begin with one of `=+-@` as
formulas: they are counted, and `escape_formulas` writes an apostrophe before them. TSV, JSON lines
and Parquet are for programs.
"""

from __future__ import annotations

import codecs
import csv
import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, get_args

from nerine.core.display import counted
from nerine.core.document import Document, Entity
from nerine.core.errors import FormatError
from nerine.core.extras import import_extra
from nerine.core.files import json_line
from nerine.data.formats.records import id_of
from nerine.data.formats.tables.layout import ENTITY_COLUMNS
from nerine.data.formats.tables.rows import LONGEST, quoted_cell

TableFormat = Literal["csv", "tsv", "jsonl", "parquet"]

TABLE_FORMATS: tuple[TableFormat, ...] = get_args(TableFormat)

_TYPES = ("int64", "string", "string", "string", "int64", "int64", "float64")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_TEXTS = slice(1, 4)
"""The columns that hold what a stranger wrote."""
_BATCH = 1024


@dataclass(frozen=True, slots=True)
class EntityTable:
    """A form of the table.

    Attributes:
        format: Its format. The rows of Parquet are JSON lines until `write_parquet` reads them.
        delimiter: The character between the cells of CSV.
        has_mark: Whether CSV begins with a byte order mark.
        escape_formulas: Whether CSV has an apostrophe before cells that begin like formulas.
    """

    format: TableFormat
    delimiter: str = ","
    has_mark: bool = True
    escape_formulas: bool = False

    @property
    def header(self) -> bytes:
        """What stands before the rows."""
        if not self._has_cells:
            return b""
        mark = codecs.BOM_UTF8 if self.format == "csv" and self.has_mark else b""
        return mark + f"{self._sign.join(ENTITY_COLUMNS)}\n".encode()

    def rows(self, record: int, id_: str | None, text: str, entities: Sequence[Entity]) -> bytes:
        """The rows of a text's entities.

        Args:
            record: The number of the text.
            id_: Its id as JSON; None if it has none.
            text: The text.
            entities: Its entities.

        Raises:
            FormatError: If a cell holds half of a surrogate pair, which only JSON can escape.
        """
        shown = (self._row(record, id_, text[each.start : each.end], each) for each in entities)
        rows = "".join(shown)
        try:
            return rows.encode()
        except UnicodeEncodeError as error:
            raise FormatError(
                f"{error.object[error.start]!r} is half of a surrogate pair, which UTF-8 lacks"
            ) from None

    def _row(self, record: int, id_: str | None, surface: str, entity: Entity) -> str:
        score = None if entity.score is None else f"{entity.score:.6f}"
        numbers = (str(entity.start), str(entity.end), score)
        if not self._has_cells:
            if self.format == "parquet" and id_ is not None:
                id_ = json_line(_bare(id_))
            texts = (id_, json_line(surface), json_line(entity.label))
            values = zip(ENTITY_COLUMNS, (str(record), *texts, *numbers), strict=True)
            members = (f'"{name}": {"null" if value is None else value}' for name, value in values)
            return f"{{{', '.join(members)}}}\n"
        cells = [str(record), _bare(id_), surface, entity.label, *(each or "" for each in numbers)]
        if self.escape_formulas and self.format == "csv":
            cells[_TEXTS] = [f"'{each}" if is_formula(each) else each for each in cells[_TEXTS]]
        return f"{self._sign.join(quoted_cell(each, self._sign) for each in cells)}\n"

    @property
    def _has_cells(self) -> bool:
        return self.format in ("csv", "tsv")

    @property
    def _sign(self) -> str:
        return "\t" if self.format == "tsv" else self.delimiter

    def count(self, lines: Iterable[str]) -> tuple[int, int]:
        """The number of rows in the lines of a table, and of those with formulas in CSV."""
        if not self._has_cells:
            return sum(1 for _ in lines), 0
        csv.field_size_limit(LONGEST)
        rows = formulas = 0
        for row in itertools.islice(csv.reader(lines, delimiter=self._sign, strict=True), 1, None):
            rows += 1
            formulas += self.format == "csv" and any(map(is_formula, row[_TEXTS]))
        return rows, formulas


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would read a cell as a formula."""
    return cell.startswith(_FORMULA)


def formula_note(name: str, rows: int) -> str:
    """The note about rows with cells that a spreadsheet would read as formulas."""
    found = counted(rows, "row has a cell that begins", "rows have cells that begin")
    return (
        f"{name}: {found} with one of = + - @, which a spreadsheet reads as a formula; "
        "--escape-formulas (escape_formulas=True) writes an apostrophe before it"
    )


def write_entity_table(documents: Iterable[Document], stream: BinaryIO, table: EntityTable) -> None:
    """Writes the table of the documents' entities to a stream."""
    rows = (
        table.rows(number, id_json(document), document.text, document.entities)
        for number, document in enumerate(documents, start=1)
    )
    if table.format == "parquet":
        write_parquet(rows, stream)
        return
    stream.write(table.header)
    stream.writelines(rows)


def id_json(document: Document) -> str | None:
    """The id of a document as its file has it, in JSON; None if it has none."""
    if document.id is None:
        return None
    stored = document.meta.get("id")
    return json_line(stored if id_of(document.meta) == document.id else document.id)


def write_parquet(rows: Iterable[bytes], target: Path | BinaryIO) -> None:
    """Writes rows that are rendered as JSON lines as Parquet.

    Raises `MissingExtraError` without the extra `datasets`.
    """
    arrow = import_extra("pyarrow", "datasets", "writing Parquet")
    parquet = import_extra("pyarrow.parquet", "datasets", "writing Parquet")
    types = map(arrow.type_for_alias, _TYPES)
    schema = arrow.schema(list(zip(ENTITY_COLUMNS, types, strict=True)))
    lines = (line for piece in rows for line in piece.splitlines())
    with parquet.ParquetWriter(target, schema) as writer:
        while batch := [json.loads(line) for line in itertools.islice(lines, _BATCH)]:
            writer.write_table(arrow.Table.from_pylist(batch, schema=schema))


def _bare(id_: str | None) -> str:
    """An id in JSON as a cell: a string without its quotes, anything else as it is."""
    if id_ is None:
        return ""
    return str(json.loads(id_)) if id_.startswith('"') else id_
