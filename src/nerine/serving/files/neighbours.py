"""The records around those of a shard, which are sentences of the same document.

A field or column says of which document a record is. A shard, or what is left of one, begins and
ends anywhere; its first and last records have the same neighbours as in the whole file, since the
records before and after it are read as well. So the output depends neither on where shards begin
nor on where a run was interrupted.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nerine.core.context import NEIGHBOURS, neighbours, preceding
from nerine.core.streams import Pause
from nerine.serving.files.lines import closing
from nerine.serving.files.records import BEGIN, Position, Record

if TYPE_CHECKING:
    from nerine.serving.files.inputs import RecordReader


def uses_context(reader: RecordReader, tagger: Any) -> bool:
    """Whether a tagger sees records around each one, and an input says which they are."""
    settings = getattr(tagger, "settings", None)
    return reader.has_documents and getattr(settings, "context", 0) > 0


def records_in_context(
    reader: RecordReader, start: Position, end: int | None
) -> Generator[Record | Pause]:
    """The records from `start` to the one that ends at `end`, each with those around it."""
    with closing(reader.records(_far_enough(reader, start))) as records:
        for found in neighbours(records, _keyed):
            if isinstance(found, Pause):
                yield found
                continue
            record, context = found
            if record.after.offset <= start.offset:
                continue
            yield replace(record, context=context) if context else record
            if end is not None and record.after.offset >= end:
                return


def _keyed(record: Record) -> tuple[str, str | None]:
    return record.text or "", record.document


def _far_enough(reader: RecordReader, start: Position) -> Position:
    """A place before `start` from which on the neighbours of the record at `start` are read."""
    place = start
    for place in reader.before(start) if start != BEGIN else ():
        if _has_neighbours(reader, place, start):
            break
    return place


def _has_neighbours(reader: RecordReader, place: Position, start: Position) -> bool:
    """Whether the records from `place` to `start` are enough, or none before them is needed."""
    documents = size = 0
    document = None
    with closing(reader.records(place)) as records:
        for record in records:
            if isinstance(record, Pause):
                continue
            if record.after.offset > start.offset:
                break
            if not documents or record.document != document:
                documents, document, size = documents + 1, record.document, 0
            left = preceding(record.text or "")
            size += len(left) + 1 if left else 0
    return documents > 1 or document is None or size >= NEIGHBOURS
