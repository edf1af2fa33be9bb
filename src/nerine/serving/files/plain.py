"""Text files, in which a line is a document, and JSON lines."""

from __future__ import annotations

import codecs
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nerine.core.document import Entity
from nerine.core.errors import FormatError
from nerine.core.files import decoded, json_line, json_record
from nerine.serving.files.lines import Lines
from nerine.serving.files.records import (
    BEGIN,
    Position,
    Record,
    entities_json,
    missing,
    reason,
    spliced,
    taken,
)


class _Number(str):
    """A number as it is spelt; nobody needs its value, however large it is."""

    __slots__ = ()


_DECODER = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_Number)


class _Lined(ABC):
    """What text files and JSON lines have in common: a record is a line."""

    dropped = b""

    def __init__(self, lines: Lines, into: str) -> None:
        self.name = lines.name
        self._lines = lines
        self._into = into
        self._member = json_line(into).encode()

    @property
    def size(self) -> int | None:
        """The bytes of the file."""
        return self._lines.size

    def done(self, position: Position) -> int:
        """How many of them are done at `position`."""
        return self._lines.done(position)

    def assemble(self, rendered: Path, output: Path) -> None:
        """What was rendered is the output."""
        rendered.replace(output)

    def records(self, start: Position) -> Iterator[Record]:
        """A record for each line from `start` on."""
        offset, number = start
        for raw in self._lines.after(start):
            offset += len(raw)
            text = fault = None
            try:
                text = self._text(raw, number)
            except FormatError as error:
                fault = reason(error)
            yield Record(raw, number, Position(offset, number + 1), text, fault)
            number += 1

    @abstractmethod
    def _text(self, raw: bytes, number: int) -> str | None:
        """The text in a line; None where there is nothing to tag."""

    def _decoded(self, raw: bytes, number: int) -> str:
        """A line as text, without line end, and without byte order mark in the first one."""
        if number == BEGIN.line:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        return decoded(raw, f"{self.name}:{number}").removesuffix("\n").removesuffix("\r")


class TextSource(_Lined):
    """A text in each line; an empty line is an empty text. The output are JSON lines."""

    def check(self) -> None:
        """Raises `FormatError` if the first line is no text."""
        for raw in self._lines.peeked():
            self._decoded(raw, BEGIN.line)
            break
        self._lines.check_whole()

    def _text(self, raw: bytes, number: int) -> str:
        return self._decoded(raw, number)

    def rendered(self, record: Record, entities: Sequence[Entity]) -> bytes:
        """A JSON object with the text and the entities."""
        line = json_line({"text": record.text}).encode() + b"\n"
        return spliced(line, self._member, entities_json(entities))


class JsonSource(_Lined):
    """JSON lines with the text in one of their fields. Empty lines stay empty lines."""

    def __init__(self, lines: Lines, field: str, into: str) -> None:
        super().__init__(lines, into)
        self._field = field

    def check(self) -> None:
        """Raises `FormatError` if the first record lacks the field, or has one of our name."""
        for number, raw in enumerate(self._lines.peeked(), start=BEGIN.line):
            if raw.strip():
                self._members(raw, number)
                break
        self._lines.check_whole()

    def _members(self, raw: bytes, number: int) -> dict[str, Any]:
        place = f"{self.name}:{number}"
        members = json_record(self._decoded(raw, number), place, _DECODER)
        if self._field not in members:
            raise missing(self._field, [*members], place)
        if self._into in members:
            raise taken(self._into, place)
        return members

    def _text(self, raw: bytes, number: int) -> str | None:
        if not raw.strip():
            return None
        text = self._members(raw, number)[self._field]
        if type(text) is not str:
            raise FormatError(f"the field {self._field!r} holds no string")
        return text

    def rendered(self, record: Record, entities: Sequence[Entity]) -> bytes:
        """The record's own bytes, with a member more."""
        return spliced(record.raw, self._member, entities_json(entities))
