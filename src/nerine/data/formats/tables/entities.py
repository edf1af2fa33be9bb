"""Rows of entities → texts with their entities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nerine.core.errors import FormatError
from nerine.core.files import errors_at, read_lines
from nerine.data.formats.options import ReadLog
from nerine.data.formats.records import Record
from nerine.data.formats.sizes import grown, read_limited
from nerine.data.formats.span_rows import SpanRow
from nerine.data.formats.tables.layout import ENTITY_COLUMNS
from nerine.data.formats.tables.table import Table

_NUMBER = re.compile(r"(\d{1,15})(?:\.0+)?", re.ASCII)
"""A whole number; pandas writes `4.0` if another cell of the column is empty."""


@dataclass(slots=True)
class _Text:
    """The rows of one text so far."""

    id: str
    text: str
    line: int
    items: list[Record] = field(default_factory=list)
    size: int = 0


class EntityRows:
    """The texts of a table with a row for each entity.

    The text is in a column of the table, repeated in each of its rows or only in the first; a row
    without a range is a text without entities. Or it is in a file next to the table, which the
    column `File` names, as in the annotations of AWS Comprehend: each line of it is a text if the
    table has a column `Line`, or else the whole file.
    """

    def __init__(self, table: Table, log: ReadLog) -> None:
        self._table, self._layout, self._log = table, table.layout, log

    def texts(self) -> Iterator[tuple[str, SpanRow]]:
        """The texts with their places."""
        if self._layout.names == ENTITY_COLUMNS:
            raise FormatError(
                "this is a table of entities without the texts that they are in",
                place=str(self._table.path),
                expected="the output of nerine tag or nerine predict without --as entities",
            )
        if "text" in self._layout:
            numbers_rows = "document" in self._layout and self._numbers_rows()
            yield from self._in_table(numbers_rows)
        elif "document" in self._layout:
            yield from self._in_files()
        else:
            raise FormatError(
                f"no column holds the texts: {', '.join(map(repr, self._layout.names))}",
                place=f"{self._table.path}:1",
                expected="a column 'text', or a column 'File' with the name of the file that holds "
                "it",
                hint="--text-field (text_field=…) names the column of the texts",
            )

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        return ((line, cells) for line, cells in self._table.rows() if cells)

    def _numbers_rows(self) -> bool:
        """Whether the column of ids numbers entities: texts repeat in following rows, ids never."""
        repeats_text = False
        before: tuple[str, str] | None = None
        for _, cells in self._rows():
            found = self._layout.cell(cells, "document"), self._layout.cell(cells, "text")
            if before is not None:
                if found[0] in ("", before[0]):
                    return False
                repeats_text = repeats_text or found[1] in ("", before[1])
            before = found
        if repeats_text:
            name = self._layout.names[self._layout.columns["document"]]
            self._log.add_note(f"{name!r} numbers entities: following rows of one text are a text")
        return repeats_text

    def _in_table(self, numbers_rows: bool) -> Iterator[tuple[str, SpanRow]]:
        group: _Text | None = None
        ended: dict[str, int] = {}
        for line, cells in self._rows():
            place = f"{self._table.path}:{line}"
            key = "" if numbers_rows else self._layout.cell(cells, "document")
            text = self._layout.cell(cells, "text")
            if group is None or self._begins(group, key, text, place):
                if group is not None:
                    yield self._made(group)
                if key and key in ended:
                    raise FormatError(
                        f"the text {key!r} begins again, after its rows from line {ended[key]} on",
                        place=place,
                        expected="the rows of each text together",
                    )
                group = _Text(key, text, line)
                ended[key] = line
            item = None
            group.size = grown(group.size, "".join(cells), self._table.path, line, "another text")
            try:
                item = self._item(cells, place)
            except FormatError as error:
                self._log.refuse(error)
            if item is not None:
                if numbers_rows:
                    item["id"] = self._layout.cell(cells, "document")
                group.items.append(item)
        if group is not None:
            yield self._made(group)

    def _begins(self, group: _Text, key: str, text: str, place: str) -> bool:
        """Whether a row is of another text than the one before it."""
        if key:
            if key != group.id:
                return True
            if text not in ("", group.text):
                raise FormatError(
                    f"the id {key!r} has another text than in line {group.line}: {text[:60]!r}",
                    place=place,
                    expected="one text for each id",
                )
            return False
        return text not in ("", group.text)

    def _made(self, group: _Text) -> tuple[str, SpanRow]:
        return f"{self._table.path}:{group.line}", SpanRow(
            group.text, group.items, group.id or None, {}
        )

    def _item(self, cells: list[str], place: str) -> Record | None:
        """The entity in a row; None if the row has none."""
        layout = self._layout
        start, end, label = (layout.cell(cells, part).strip() for part in ("start", "end", "label"))
        if not (start or end or label):
            return None
        numbers = [_NUMBER.fullmatch(each) for each in (start, end)]
        if None in numbers:
            wrong = start if numbers[0] is None else end
            raise FormatError(
                f"{wrong[:40]!r} is not an offset",
                place=place,
                expected="whole numbers, or no start, end and label for a text without entities",
            )
        item: Record = {layout.names[index]: cells[index] for index in layout.others}
        item |= {"start": int(numbers[0][1]), "end": int(numbers[1][1])}  # type: ignore[index]
        item |= {"label": label or None}
        if surface := layout.cell(cells, "surface"):
            item["text"] = surface
        return item

    def _in_files(self) -> Iterator[tuple[str, SpanRow]]:
        """The texts in the files next to the table."""
        items: dict[str, dict[int, list[Record]]] = {}
        lines: dict[tuple[str, int], int] = {}
        for line, cells in self._rows():
            place = f"{self._table.path}:{line}"
            name, number = self._layout.cell(cells, "document"), 0
            if "line" in self._layout:
                found = _NUMBER.fullmatch(self._layout.cell(cells, "line").strip())
                if found is None:
                    raise FormatError("the row has no line number", place=place)
                number = int(found[1])
            self._check_name(name, place)
            item = self._item(cells, place)
            own = items.setdefault(name, {}).setdefault(number, [])
            own += [] if item is None else [item]
            lines.setdefault((name, number), line)
        for name, by_line in items.items():
            path = self._table.path.parent / name
            for number, text in self._texts_of(path):
                place = f"{path}:{number + 1}" if "line" in self._layout else str(path)
                id_ = f"{name}:{number}" if "line" in self._layout else name
                row = SpanRow(text, by_line.pop(number, []), id_, {})
                with errors_at(place):
                    yield place, row
            for number in by_line:
                raise FormatError(
                    f"the file {name} has no line {number}, counted from 0",
                    place=f"{self._table.path}:{lines[name, number]}",
                )

    def _check_name(self, name: str, place: str) -> None:
        """Raises `FormatError` unless `name` is that of a file next to the table."""
        if name in ("", ".", "..") or name != Path(name).name or "\\" in name or "\0" in name:
            raise FormatError(
                f"{name[:80]!r} is not the name of a file next to this one", place=place
            )
        path = self._table.path.parent / name
        if not path.is_file() or path.resolve().parent != self._table.path.resolve().parent:
            raise FormatError(
                f"the file {name!r}, which holds the texts, is not next to this one",
                place=place,
                expected=str(path),
                hint="copy the files of the texts to the folder of the table; if the table holds "
                "the texts, --text-field (text_field=…) names their column",
            )

    def _texts_of(self, path: Path) -> Iterator[tuple[int, str]]:
        if "line" in self._layout:
            yield from ((number - 1, text) for number, text in read_lines(path))
        else:
            yield 0, read_limited(path).removeprefix("\ufeff")
