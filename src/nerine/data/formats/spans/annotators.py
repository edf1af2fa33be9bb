"""Several records of one text by several annotators: which of them count.

Prodigy writes one record for each annotator (`_annotator_id`, or `_session_id`), as other tools do
with `annotator`. Texts are compared as a whole; of each that was annotated more than once only a
hash is held in memory.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from nerine.core.document import Document
from nerine.core.errors import FormatError
from nerine.core.json_values import Refuse, ignore
from nerine.data.formats.options import READ_ONE, UNION, ReadLog, ReadOptions
from nerine.data.formats.records import Record
from nerine.data.formats.spans.layouts import is_skipped, layout_of
from nerine.data.formats.unusual import treat

_BY = "by="
_NAME_FIELDS = ("_annotator_id", "_session_id", "annotator", "annotated_by")
_NAMES_OF_FIELDS = frozenset(_NAME_FIELDS)
_TIME_FIELDS = ("_timestamp",)


@dataclass(slots=True)
class _Group:
    """The records of one text: their annotators in order, and the index of the latest one.

    That is the last one if some have no time.
    """

    names: list[str] = field(default_factory=list)
    latest: int = 0
    has_times: bool = True
    time: float = 0.0
    seen: int = 0
    document: Document | None = None


class Annotators:
    """Chooses among the records of one text by several annotators.

    Args:
        records: Returns the records of the file with their places, from the first one.
        options: How to read; `annotations` says which records count.
        log: Gets a remark for each text with several annotators.
    """

    def __init__(
        self,
        records: Callable[[Refuse | None], Iterator[tuple[str, Record]]],
        options: ReadOptions,
        log: ReadLog,
    ) -> None:
        self._records = records
        self._options = options
        self._log = log
        self._groups: dict[bytes, _Group] | None = None
        self._names: set[str] = set()

    def chosen(self, record: Record) -> Record | None:
        """The record if it counts, else None. To be called once for each record, in order.

        A text without a record by the annotator who is asked for is unlabelled; if such texts are
        accepted, its first record comes without its entities.
        """
        way = self._options.annotations
        group = self._group(record)
        if group is None:
            is_read = not way.startswith(_BY) or is_skipped(record, self._options)
            return (
                record if is_read or self._name(record) == self._wanted() else self._without(record)
            )
        index = group.seen
        group.seen += 1
        if way == "union":
            return record
        if way == "error":
            raise FormatError(
                f"the text has records by {len(set(group.names))} annotators: "
                f"{', '.join(dict.fromkeys(name[:40] for name in group.names))}",
                expected="one record for each text",
                hint='--annotations first (annotations="first") reads the first one; '
                "latest, union and by=NAME are other ways",
            )
        wanted = group.latest if way == "latest" else 0
        if way.startswith(_BY):
            if self._wanted() not in group.names:
                return None if index else self._without(record, group.names)
            wanted = group.names.index(self._wanted())
        if index == wanted:
            shown = f"that by {group.names[index]}" if way.startswith(_BY) else f"the {way}"
            if way == "latest" and not group.has_times:
                shown = "the last in the file, as some have no time,"
            self._log.add_remark(READ_ONE.format(shown))
        return record if index == wanted else None

    def _wanted(self) -> str:
        """The annotator who is asked for; raises `FormatError` if the file has no such record."""
        wanted = self._options.annotations.removeprefix(_BY)
        if wanted not in self._names:
            names = ", ".join(sorted(name[:40] for name in self._names)[:10])
            raise FormatError(
                f"no record by {wanted!r} is in the file",
                expected=f"one of its annotators: {names}"
                if names
                else f"a field with the annotator: {', '.join(_NAME_FIELDS)}",
            )
        return wanted

    def _without(self, record: Record, names: Sequence[str] = ()) -> Record | None:
        """A record without its entities, if a text that another annotator labelled is read so."""
        by = ", ".join(dict.fromkeys(names)) or self._name(record) or "an unknown annotator"
        found = f"the text has no record by {self._wanted()!r}, but by {by[:100]}"
        if not treat("unlabelled", found, self._options, self._log):
            return None
        used = layout_of(record, self._options, ReadLog()).used
        return {
            name: [] if name in used and isinstance(part, list) else part
            for name, part in record.items()
        }

    def merged(self, record: Record, document: Document | None) -> Document | None:
        """A document with the entities of all records of its text; None before the last one."""
        group = self._group(record) if self._options.annotations == "union" else None
        if group is None:
            return document
        if document is None or group.document is None:
            document = document or group.document
        else:
            entities = {
                (each.start, each.end, each.label): each
                for each in (*document.entities, *group.document.entities)
            }
            document = replace(
                group.document, entities=tuple(entities[key] for key in sorted(entities))
            )
        group.document = document
        if group.seen < len(group.names):
            return None
        if document is not None:
            self._log.add_remark(UNION)
        return document

    def _group(self, record: Record) -> _Group | None:
        """The records of the record's text; None if it has one annotator."""
        if self._groups is None and (
            self._options.annotations.startswith(_BY) or self._name(record) is not None
        ):
            self._groups = self._found()
        if self._name(record) is None:
            return None
        return self._groups.get(self._key(record)) if self._groups else None

    def _found(self) -> dict[bytes, _Group]:
        """All texts with several annotators, by a first pass over the file."""
        groups: dict[bytes, _Group] = {}
        for _, record in self._records(ignore):
            name = self._name(record)
            if name is None:
                continue
            self._names.add(name)
            with contextlib.suppress(FormatError):  # it is raised when the record is read
                group = groups.setdefault(self._key(record), _Group())
                time: Any = next((record[n] for n in _TIME_FIELDS if n in record), None)
                if type(time) not in (int, float):
                    time, group.has_times = 0, False
                if not group.has_times:
                    group.latest = len(group.names)
                elif not group.names or time >= group.time:
                    group.latest, group.time = len(group.names), time
                group.names.append(name)
        return {key: group for key, group in groups.items() if len(set(group.names)) > 1}

    def _key(self, record: Record) -> bytes:
        text = layout_of(record, self._options, ReadLog()).text
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    def _name(self, record: Record) -> str | None:
        """The annotator of a record; None if it is unknown or the record is skipped."""
        if _NAMES_OF_FIELDS.isdisjoint(record):
            return None
        found = next((record[name] for name in _NAME_FIELDS if record.get(name) is not None), None)
        if is_skipped(record, self._options):
            return None
        return str(found)[:200] if isinstance(found, str | int) else None
