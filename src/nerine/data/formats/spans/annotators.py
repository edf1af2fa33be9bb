"""Several records of one text by several annotators: which of them count.

Prodigy writes one record for each annotator (`_annotator_id`, or `_session_id`), as other tools do
with `annotator`. Texts are compared as a whole; of each that was annotated more than once only a
hash is held in memory.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from nerine.core.document import Document
from nerine.core.errors import FormatError
from nerine.core.json_values import Refuse, ignore
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.records import Record
from nerine.data.formats.spans.layouts import is_rejected, layout_of
from nerine.data.formats.unusual import READ_ONE, UNION

_NAME_FIELDS = ("_annotator_id", "_session_id", "annotator", "annotated_by")
_NAMES_OF_FIELDS = frozenset(_NAME_FIELDS)
_TIME_FIELDS = ("_timestamp",)


@dataclass(slots=True)
class _Group:
    """The records of one text: their annotators in order, and the index of the latest one."""

    names: list[str] = field(default_factory=list)
    latest: int = 0
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

    def wants(self, record: Record) -> bool:
        """Whether a record counts. To be called once for each record, in order."""
        group = self._group(record)
        if group is None:
            return True
        index = group.seen
        group.seen += 1
        way = self._options.annotations
        if way == "union":
            return True
        if way == "error":
            raise FormatError(
                f"the text has records by {len(set(group.names))} annotators: "
                f"{', '.join(dict.fromkeys(name[:40] for name in group.names))}",
                expected="one record for each text",
                hint='--annotations first (annotations="first") reads the first one; '
                "latest, union and by=NAME are other ways",
            )
        wanted = {"first": 0, "latest": group.latest}.get(way)
        if wanted is None:
            name = way.removeprefix("by=")
            if name not in group.names:
                raise FormatError(
                    f"the text has no record by {name!r}",
                    expected=f"one of {', '.join(dict.fromkeys(group.names))}",
                )
            wanted = group.names.index(name)
        if index == wanted:
            shown = f"that by {group.names[index]}" if way.startswith("by=") else f"the {way}"
            self._log.add_remark(READ_ONE.format(shown))
        return index == wanted

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
        if self._name(record) is None:
            return None
        if self._groups is None:
            self._groups = self._found()
        return self._groups.get(self._key(record)) if self._groups else None

    def _found(self) -> dict[bytes, _Group]:
        """All texts with several annotators, by a first pass over the file."""
        groups: dict[bytes, _Group] = {}
        for _, record in self._records(ignore):
            name = self._name(record)
            if name is None:
                continue
            with contextlib.suppress(FormatError):  # it is raised when the record is read
                group = groups.setdefault(self._key(record), _Group())
                time = next((record[n] for n in _TIME_FIELDS if n in record), 0)
                time = time if type(time) in (int, float) else 0
                if not group.names or time >= group.time:
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
        if is_rejected(record) and self._options.treatment("rejected") == "skip":
            return None
        return str(found)[:200] if isinstance(found, str | int) else None
