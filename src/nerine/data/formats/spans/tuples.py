"""spaCy's training tuples as JSON: pairs of a text and its annotations.

::

    [["Mira left.", {"entities": [[0, 4, "person"]]}],
     ["No names.", {"entities": []}]]

One array of pairs, a pair a line, or an object with the pairs in `annotations`, as the NER
annotator of tecoholic writes them. A pair that is null (a text passed over) is left out, with a
remark. Entities are read as in span records (`nerine.data.formats.spans`), also those of span
groups (`"spans": {"sc": [[0, 4, "person"]]}`), which are written if entities overlap. Other
annotations are kept in `Document.meta`.

What the pair cannot hold, such as ids, tokens and scores, is written as `"text"` among the
annotations, which spaCy ignores there; so is the unit of offsets where it matters, after an emoji.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Entity, check_no_overlap
from nerine.core.errors import DocumentError, FormatError
from nerine.core.files import errors_at, json_list, read_values
from nerine.core.json_values import Refuse
from nerine.core.strict_json import STRICT
from nerine.data.formats.head import Head
from nerine.data.formats.options import ReadLog, ReadOptions, WriteOptions
from nerine.data.formats.placed import read_each
from nerine.data.formats.records import Record, extras_of, shown, with_extras
from nerine.data.formats.spans.layouts import OFFSETS, stated_unit
from nerine.data.formats.spans.read import read_spans
from nerine.data.formats.spans.write import depends_on_unit

_EXTRAS = "text"
_ASIDE = "nerine_extras"
"""The name of the extras in a span record, whose text goes by their name."""

_KNOWN = ("cats", "links")
"""Annotations that spaCy knows, written back in their place."""

_LONG = re.compile(
    r"""\s*\{\s*"classes"\s*:\s*\[[^\]]*\]\s*,\s*"annotations"\s*:\s*\[\s*(\[|null)"""
)
"""The beginning of the NER annotator's file that is longer than the head."""

_NULL = "left out, as their records are null: the annotator passed over their texts"


def recognises(head: Head) -> bool:
    """Whether a file holds pairs of a text and its annotations."""
    value = head.first_value
    if value is None:
        return _LONG.match(head.text) is not None
    if isinstance(value, str):  # the file begins with a pair, not with an array of pairs
        with contextlib.suppress(ValueError, RecursionError):
            value = STRICT.raw_decode(head.text.lstrip())[0]
    return _is_pair(value) and ("entities" in value[1] or "spans" in value[1])


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a file of pairs, each with its place."""

    once = [log]  # remarks are counted in the first pass only

    def records(refuse: Refuse | None) -> Iterator[tuple[str, Record]]:
        counted = once.pop() if once else ReadLog()
        for line, value in read_values(path, refuse):
            place = f"{path}:{line}"
            if value is None:
                counted.add_remark(_NULL)
                continue
            try:
                with errors_at(place):
                    record = _record(value)
            except FormatError as error:
                if refuse is None:
                    raise
                refuse(error)
            else:
                yield place, record

    return read_each(read_spans(records, options, log), _with_aside, log)


def _with_aside(document: Document, _: str) -> Document:
    """A document with what its pair could not hold."""
    extras = document.meta.get(_ASIDE)
    if not isinstance(extras, dict):
        return document
    meta = {name: part for name, part in document.meta.items() if name != _ASIDE}
    plain = Document(document.text, document.entities, document.tokens, None, meta)
    return with_extras(plain, extras)


def _record(value: Any) -> Record:
    """A pair as a span record."""
    if not _is_pair(value):
        raise FormatError(
            f"{shown(value)} is not a pair of a text and its annotations",
            expected='["Mira left.", {"entities": [[0, 4, "person"]]}]',
        )
    text, annotations = value
    record = {"text": text, **{name: part for name, part in annotations.items() if name != "text"}}
    extras = annotations.get(_EXTRAS, text)
    if isinstance(extras, dict):
        record[_ASIDE] = extras
        record[OFFSETS] = extras.get(OFFSETS)
        if stated_unit(record) is None:
            del record[OFFSETS]
    elif extras != text:
        raise FormatError(f"the annotations have another text: {shown(extras)}", expected=text[:60])
    groups = record.get("spans")
    if isinstance(groups, dict):
        if not all(isinstance(group, list) for group in groups.values()):
            raise FormatError(f"the spans are {shown(groups)}", expected="lists by name")
        spans = [span for group in groups.values() for span in group]
        entities = record.get("entities") or []
        if not isinstance(entities, list):
            raise FormatError(f"the entities are {shown(entities)}", expected="a list")
        record |= {"entities": [*entities, *spans]}
        del record["spans"]
    return record


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and [type(part) for part in value] == [str, dict]


def write(documents: Iterable[Document], _: WriteOptions) -> Iterator[str]:
    """A JSON array of pairs, one a line."""
    return json_list(_pair(document) for document in documents)


def _pair(document: Document) -> list[Any]:
    entities = [[each.start, each.end, each.label] for each in document.entities]
    annotations: Record = {"entities": entities}
    try:
        check_no_overlap(document)
    except DocumentError:
        annotations = {"entities": [], "spans": {"sc": entities}}
    annotations |= {
        name: document.meta[name] for name in _KNOWN if isinstance(document.meta.get(name), dict)
    }
    plain = Document(
        document.text,
        tuple(Entity(each.start, each.end, each.label) for each in document.entities),
        meta={name: part for name, part in annotations.items() if name in _KNOWN},
    )
    extras = extras_of(document, plain)
    if depends_on_unit(document):
        extras[OFFSETS] = "code-points"
    return [document.text, annotations | ({_EXTRAS: extras} if extras else {})]
