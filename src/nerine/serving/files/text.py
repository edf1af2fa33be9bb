"""Text files, in which a line is a document, and JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nerine.core.document import Entity
from nerine.core.errors import FormatError, SettingsError
from nerine.core.files import json_line, json_record, line_text
from nerine.core.streams import Pause
from nerine.serving.files.lines import Lines, LongLine, size_of
from nerine.serving.files.options import USUAL_ID, TaggingOptions
from nerine.serving.files.records import (
    BEGIN,
    Position,
    Record,
    add_member,
    document_missing,
    entities_json,
    id_missing,
    name_taken,
    text_missing,
)
from nerine.serving.files.remote import File, scanned
from nerine.serving.files.shards import (
    WHOLE,
    Piece,
    Shard,
    hashes_of,
    pieces_between_lines,
    pieces_of,
    places_before,
)
from nerine.serving.files.written import WrittenText, in_json_line, in_text_line


class _Number(str):
    """A number as it is written, since its value is not needed."""

    __slots__ = ()


_DECODER = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_Number)


class LineReader:
    """Base of the readers of files of lines."""

    header = b""
    failed_output = b""
    notes: tuple[str, ...] = ()

    def __init__(self, lines: Lines, options: TaggingOptions) -> None:
        self.name = lines.name
        self._lines = lines
        self._options = options
        self._added = options.added
        self._member = json_line(options.into).encode()

    @property
    def has_documents(self) -> bool:
        """Whether records say of which document they are."""
        return self._options.document is not None

    @property
    def has_records_in_lines(self) -> bool:
        """Whether each line is a record, and any of them can be read first."""
        return self._lines.path is not None and not self._lines.compression

    def before(self, position: Position) -> Iterator[Position]:
        """Places of records before one, further and further back; the last is the beginning."""
        if self._lines.path is not None and self.has_records_in_lines:
            yield from places_before(self._lines.path, position)
        yield BEGIN

    @property
    def size(self) -> int | None:
        """The size of the file in bytes; None for standard input."""
        return self._lines.size

    @property
    def end(self) -> int | None:
        """Where the last record ends, in bytes; None if only the data tell."""
        return None if self._lines.compression else self._lines.size

    @property
    def repeated_header(self) -> bytes:
        """The beginning of a file with later records."""
        return b""

    def pieces(self, size: int) -> Iterator[Piece]:
        """Consecutive pieces of about `size` bytes; one if it can't be read from the middle."""
        if self._lines.path is None or self._lines.compression:
            return pieces_of(self, (), self.end)
        return self._pieces(self._lines.path, size)

    def _pieces(self, file: File, size: int) -> Iterator[Piece]:
        return pieces_between_lines(file, size)

    def hashes(self, ends: Sequence[int | None], start: int = 0) -> Iterator[str | None]:
        """The hashes of consecutive pieces, the first of them from byte `start` on."""
        if self._lines.path is None:
            yield from [None] * len(ends)
            return
        starts = (start, *(end or 0 for end in ends[:-1]))
        ranges = ((a, None if b is None else b - a) for a, b in zip(starts, ends, strict=True))
        with scanned(self._lines.path) as stream:
            yield from hashes_of(stream, ([each] for each in ranges))

    def done(self, position: Position) -> int:
        """How many of these bytes lie before `position`."""
        return self._lines.done(position)

    def assemble(self, rendered: Path, output: Path, shard: Shard = WHOLE) -> None:  # noqa: ARG002
        """Moves the rendered records, which are the output."""
        rendered.replace(output)

    def count(self, output: Path, compression: str) -> int:
        """The number of records in an output, without empty lines."""
        lines = Lines(output, compression).after(BEGIN)
        return sum(1 for line in lines if not isinstance(line, Pause) and line.strip())

    def whole_record(self, record: Record) -> str:
        """All of a record that failed; bytes that are not UTF-8 become \\udc80 to \\udcff."""
        return record.raw.decode("utf-8", "surrogateescape")

    def entities_json(self, record: Record, entities: Sequence[Entity]) -> str:
        """The entities of a record as a JSON array, with their texts unless they are compact."""
        return entities_json(entities, None if self._options.compact else record.text)

    def render_null(self, record: Record) -> bytes:
        """The record's own bytes with null instead of entities."""
        return add_member(record.raw, self._member, "null")


class TextReader(LineReader):
    """Text files. An empty line is an empty text. The output is JSON lines."""

    def check(self) -> None:
        """Raises `FormatError` if the first line is not UTF-8."""
        if self.has_documents:
            raise SettingsError(
                "lines of text have no field that says of which document they are",
                place="document",
                expected="JSON lines, CSV, TSV or Parquet",
            )
        for raw in self._lines.peek():
            if not isinstance(raw, LongLine):  # which fails alone
                line_text(raw, self.name, BEGIN.line)
            break
        self._lines.check_whole()

    def records(self, start: Position) -> Iterator[Record | Pause]:
        """A record for each line from `start` on."""
        offset, number = start
        for raw in self._lines.after(start):
            if isinstance(raw, Pause):
                yield raw
                continue
            offset += size_of(raw)
            text = problem = id_ = document = None
            if isinstance(raw, LongLine):
                problem = raw.problem
            else:
                try:
                    text, id_, document = self._content(raw, number)
                except FormatError as error:
                    problem = error.found
            is_null = text is None and problem is None and bool(raw.strip())
            after = Position(offset, number + 1)
            yield Record(raw, number, after, text, problem, is_null, id_, document)
            number += 1

    def _content(self, raw: bytes, number: int) -> tuple[str | None, str | None, str | None]:
        """The text in a line, None if there is nothing to tag; its id and document as JSON."""
        return line_text(raw, self.name, number), None, None

    def written_text(self, record: Record) -> WrittenText:
        """How the text of a record is written. Raises `FormatError` if it can't be changed."""
        return in_text_line(record.raw)

    def render(self, record: Record, entities: Sequence[Entity]) -> bytes:
        """A JSON object with the text and the entities."""
        line = json_line({"text": record.text}).encode() + b"\n"
        return add_member(line, self._member, self.entities_json(record, entities))


class JsonLinesReader(TextReader):
    """JSON lines with the text in one of their fields, or null. Empty lines stay empty lines."""

    def __init__(self, lines: Lines, options: TaggingOptions) -> None:
        super().__init__(lines, options)
        self._field = options.text_field

    def check(self) -> None:
        """Raises `FormatError` if the first record lacks the field, or has one named `into`."""
        for number, raw in enumerate(self._lines.peek(), start=BEGIN.line):
            if raw.strip() and not isinstance(raw, LongLine):  # which fails alone
                self._members(raw, number)
                break
        self._lines.check_whole()

    def _members(self, raw: bytes, number: int) -> dict[str, Any]:
        place = f"{self.name}:{number}"
        members = json_record(line_text(raw, self.name, number), place, _DECODER)
        if self._field not in members:
            raise text_missing(self._field, [*members], place)
        if self._added in members:
            raise name_taken(self._added, place)
        if self._options.id is not None and self._options.id not in members:
            raise id_missing(self._options.id, [*members], place)
        if self._options.document is not None and self._options.document not in members:
            raise document_missing(self._options.document, [*members], place)
        return members

    def _content(self, raw: bytes, number: int) -> tuple[str | None, str | None, str | None]:
        if not raw.strip():
            return None, None, None
        members = self._members(raw, number)
        document = self._document_in(members)
        text = members[self._field]
        if text is None:
            return None, None, document
        if type(text) is not str:
            raise FormatError(f"the field {self._field!r} is not a string")
        has_id = self._options.rows == "entities"
        id_ = members.get(self._options.id or USUAL_ID) if has_id else None
        return text, None if id_ is None else _as_written(id_), document

    def _document_in(self, members: dict[str, Any]) -> str | None:
        """The document of a record as JSON; None if it is null, or not asked for."""
        name = self._options.document
        value = None if name is None else members[name]
        if not isinstance(value, str | None):  # numbers are strings here
            raise FormatError(f"the field {name!r} is not a string or a number")
        return None if value is None else _as_written(value)

    def written_text(self, record: Record) -> WrittenText:
        """How the text of a record is written. Raises `FormatError` if it can't be changed."""
        return in_json_line(record.raw, self._field)

    def render(self, record: Record, entities: Sequence[Entity]) -> bytes:
        """The record's own bytes with the entities added."""
        return add_member(record.raw, self._member, self.entities_json(record, entities))


def _as_written(value: Any) -> str:
    """A value that `_DECODER` read as JSON, its numbers as they were written."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_as_written, value))}]"
    if isinstance(value, dict):
        members = (f"{json_line(name)}: {_as_written(each)}" for name, each in value.items())
        return f"{{{', '.join(members)}}}"
    return json_line(value)
