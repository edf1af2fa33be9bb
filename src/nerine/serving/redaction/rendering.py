"""The records of one input are written again, without the names that were found in them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from nerine.core.document import Document, Entity
from nerine.core.errors import FormatError, SettingsError, TaggingError
from nerine.core.extras import import_extra
from nerine.core.streams import Pause
from nerine.serving.files.blocks import Listener
from nerine.serving.files.compression import compressed
from nerine.serving.files.parquet import ParquetReader, codec_of
from nerine.serving.files.records import BEGIN, Record
from nerine.serving.files.tables import CsvReader
from nerine.serving.files.text import TextReader
from nerine.serving.files.written import Change, WrittenText
from nerine.serving.redaction.mapping import MappingWriter
from nerine.serving.redaction.redactor import Redactor

Reader = TextReader | CsvReader | ParquetReader

_PART = 1 << 20
_OFTEN = 1024
"""Number of records after which the progress is told."""
_HALF_OF_LAST_DIGIT = 5e-7
"""Scores are kept with six decimals: one that may reach its threshold counts as if it did."""


@dataclass(slots=True)
class Done:
    """What was done so far.

    Attributes:
        records: How many records were read, without empty lines between them.
        failures: How many of them failed.
        nulls: How many have null instead of a text.
        replaced: How many entities were replaced, by label.
        elsewhere: How many other places of their names were replaced, by label.
        below: How many entities stay, since they score below the threshold, by label.
        fields: The other fields or columns, which were left as they are.
        notes: Notes for the user on how the inputs were read.
    """

    records: int = 0
    failures: int = 0
    nulls: int = 0
    replaced: Counter[str] = field(default_factory=Counter)
    elsewhere: Counter[str] = field(default_factory=Counter)
    below: Counter[str] = field(default_factory=Counter)
    fields: dict[str, None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Found:
    """What a tagging run has found in an input, record by record.

    Args:
        entities: The lines with its entities, in order.
        failures: The lines with the failures of all inputs, in order.
        name: The name of the input.
    """

    def __init__(self, entities: BinaryIO, failures: Lines, name: str) -> None:
        self._entities = Lines(entities)
        self._failures = failures
        self._name = name

    def entities(self, record: Record) -> list[Entity]:
        """The entities of a record; raises `FormatError` if it failed."""
        failed = self._failures.take(
            lambda line: (line["file"], line["line"]) == (self._name, record.number)
        )
        if record.error is not None or failed:
            raise FormatError(record.error or failed[0]["reason"])
        return [
            Entity(line["start"], line["end"], line["label"], line["score"])
            for line in self._entities.take(lambda line: line["record"] == record.number)
        ]

    def check_end(self) -> None:
        """Raises `TaggingError` if there is more than the input has records."""
        if self._entities.has_more:
            raise TaggingError("the input has changed meanwhile", place=self._name)


class Lines:
    """JSON lines, with one read ahead."""

    def __init__(self, stream: BinaryIO) -> None:
        self._lines: Iterator[dict[str, Any]] = map(json.loads, stream)
        self._next = next(self._lines, None)

    def take(self, belongs: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """The next lines, as long as they belong together."""
        taken = []
        while self._next is not None and belongs(self._next):
            taken.append(self._next)
            self._next = next(self._lines, None)
        return taken

    @property
    def has_more(self) -> bool:
        """Whether a line is left."""
        return self._next is not None


class Rendering:
    """Writes records without their names, and what was replaced to a mapping.

    Args:
        redactor: Says what becomes of entities. Its tagger's thresholds and rules apply.
        failed: Receives the records that failed, without their content.
        mapping: Receives what was replaced, if anything does.
    """

    def __init__(
        self,
        redactor: Redactor,
        failed: BinaryIO,
        mapping: MappingWriter | None,
    ) -> None:
        self.done = Done()
        self._redactor = redactor
        self._thresholds, self._rules = redactor.tagger.thresholds, redactor.tagger.rules
        self._failed = failed
        self._mapping = mapping

    def lines(
        self,
        reader: TextReader | CsvReader,
        found: Found,
        output: BinaryIO,
        compression: str,
        listener: Listener | None,
    ) -> None:
        """Writes an input that consists of lines to a stream, compressed in parts."""
        part: list[bytes] = []
        size = position = 0
        before, after = hashlib.sha256(), hashlib.sha256()
        for record in self._told(reader, listener):
            new = self._record(reader, record, found, position)
            if new is None:
                continue
            before.update(record.raw)
            after.update(new)
            position += len(new)
            part.append(new)
            size += len(new)
            if size >= _PART:
                output.write(compressed(b"".join(part), compression))
                part, size = [], 0
        if part or not position:
            output.write(compressed(b"".join(part), compression))
        self._end(found, before, after)

    def table(
        self, reader: ParquetReader, found: Found, output: Path, listener: Listener | None
    ) -> None:
        """Writes a Parquet file; its row groups keep their sizes."""
        arrow = import_extra("pyarrow", "datasets", "redacting Parquet")
        parquet = import_extra("pyarrow.parquet", "datasets", "redacting Parquet")
        hashes = hashlib.sha256(), hashlib.sha256()
        records, row = self._told(reader, listener), 1
        with reader.open() as file:
            schema, codec = file.schema_arrow, codec_of(file.metadata)
            others = (name for name in schema.names if name != reader.column)
            self.done.fields.update(dict.fromkeys(others))
            with parquet.ParquetWriter(output, schema, compression=codec) as writer:
                for group in range(file.num_row_groups):
                    table = file.read_row_group(group)
                    pairs = []
                    for _ in range(table.num_rows):
                        pairs.append(self._texts(reader, next(records), found, row))
                        row += pairs[-1] is not None
                    for pair in filter(None, pairs):
                        for digest, text in zip(hashes, pair, strict=True):
                            digest.update(framed(text))
                    kept = arrow.array((pair is not None for pair in pairs), type=arrow.bool_())
                    texts = [pair and pair[1] for pair in pairs]
                    table = with_texts(table, reader.column, texts).filter(kept)
                    writer.write_table(table, row_group_size=max(1, table.num_rows))
        self._end(found, *hashes)

    def _told(self, reader: Reader, listener: Listener | None) -> Iterator[Record]:
        """The records of an input; a listener is told how far they are."""
        if listener:
            listener.started(reader.name, 0, reader.size)
        for number, record in enumerate(reader.records(BEGIN), start=1):
            if isinstance(record, Pause):
                continue
            yield record
            if listener and number % _OFTEN == 0:
                listener.advanced(reader.done(record.after), self.done.records)

    def _record(
        self, reader: TextReader | CsvReader, record: Record, found: Found, start: int
    ) -> bytes | None:
        """The bytes of a record, which begin at `start` of the output; None if it failed."""
        if record.text is None and record.error is None:
            self._pass(record)
            return record.raw
        try:
            entities = found.entities(record)
            written = reader.written_text(record)
            self.done.fields.update(dict.fromkeys(written.others))
            return self._new(record.number, record.text or "", entities, written, start)
        except FormatError as error:
            self._fail(reader, record, error)
            return None

    def _texts(
        self, reader: ParquetReader, record: Record, found: Found, row: int
    ) -> tuple[str | None, str | None] | None:
        """A text of a table, and what it becomes as that of a `row`; None if it failed."""
        if record.text is None and record.error is None:
            self._pass(record)
            return None, None
        text = record.text or ""
        try:
            written = WrittenText(text, 0, len(text))
            return text, self._new(row, text, found.entities(record), written).decode()
        except FormatError as error:
            self._fail(reader, record, error)
            return None

    def _new(
        self,
        number: int,
        text: str,
        entities: Sequence[Entity],
        written: WrittenText,
        start: int = 0,
    ) -> bytes:
        """What is written for a text with these entities. Counts it, and tells the mapping.

        `number` is that of the record, or of a table's row in the output.
        """
        above = [each for each in entities if self._is_replaced(each)]
        changes = self._redactor.changes(self._ruled(Document(text, tuple(above))))
        new, splices = written.spliced(text, changes)
        self.done.records += 1
        for change in changes:
            counter = self.done.replaced if change.is_found else self.done.elsewhere
            counter[change.label] += 1
        for entity in entities:
            if not self._is_replaced(entity) and not _is_in(entity, changes):
                self.done.below[entity.label] += 1
        if splices and self._mapping is not None:
            self._mapping.write_record(number, splices, start)
        return new

    def _ruled(self, document: Document) -> Document:
        """A document with the entities that rules find, too."""
        if self._rules is None:
            return document
        try:
            return self._rules.apply(document)
        except SettingsError as error:  # a pattern that takes too long on this text
            raise FormatError(error.found) from None

    def _is_replaced(self, entity: Entity) -> bool:
        if self._thresholds is None or entity.score is None:
            return True
        return entity.score + _HALF_OF_LAST_DIGIT >= self._thresholds.of(entity.label)

    def _pass(self, record: Record) -> None:
        """Counts a record without a text."""
        self.done.records += record.is_null
        self.done.nulls += record.is_null

    def _fail(self, reader: Reader, record: Record, error: FormatError) -> None:
        """Writes which record failed and why, but not what it holds."""
        self.done.records += 1
        self.done.failures += 1
        values = {"file": reader.name, "line": record.number, "reason": error.found}
        self._failed.write(f"{json.dumps(values)}\n".encode())

    def _end(self, found: Found, before: Any, after: Any) -> None:
        """Checks that all that was found is used, and writes the hashes to the mapping."""
        found.check_end()
        if self._mapping is not None:
            self._mapping.write(restored=before.hexdigest(), redacted=after.hexdigest())


def _is_in(entity: Entity, changes: Sequence[Change]) -> bool:
    """Whether a change is made inside of an entity."""
    return any(each.start < entity.end and entity.start < each.end for each in changes)


def framed(text: str | None) -> bytes:
    """A text of a table for hashing: with its size, so that texts can't run together."""
    content = None if text is None else text.encode()
    return b"null " if content is None else b"%d %b" % (len(content), content)


def with_texts(table: Any, column: str, texts: Sequence[str | None]) -> Any:
    """An Arrow table with other texts in a column of strings, whose type stays."""
    arrow = import_extra("pyarrow", "datasets", "redacting Parquet")
    index = table.schema.get_field_index(column)
    kind = table.schema.field(index).type
    if arrow.types.is_dictionary(kind):
        cells = arrow.array(texts, type=kind.value_type).dictionary_encode().cast(kind)
    else:
        cells = arrow.array(texts, type=kind)
    return table.set_column(index, table.schema.field(index), cells)
