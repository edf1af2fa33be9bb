"""Span records: JSON lines with a text and the ranges of its entities.

Ours, with tokens only where the corpus has some::

    {"id": "7", "text": "Mira left.", "entities": [{"start": 0, "end": 4, "label": "person"}],
     "tokens": [[0, 4], [5, 9], [9, 10]]}

Read as well, told apart record by record, and written with `style`:

- doccano: `"label": [[0, 4, "person"]]` (or `labels`; `data` for the text), in newer versions
  `"entities": [{"id": 1, "label": "person", "start_offset": 0, "end_offset": 4}]`. The first form
  is written, or the second where entities have more than their range.
- Prodigy: `"spans"` with `token_start` and `token_end` beside `start` and `end`, `"tokens"` with
  their text, `"answer"`. Records that were rejected or ignored are an error, or skipped.

Entities may stand in any order; they are put in order. An entity has its `score` where one is
known. Any other fields of the record are kept in `Document.meta`; those of an entity or a token
in `meta["entity_fields"]`, as [start, end, label, fields], and `meta["token_fields"]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Entity, Token, check_no_overlap
from nerine.core.errors import FormatError
from nerine.core.files import errors_at, json_line, read_records
from nerine.data.formats.comments import is_ranges
from nerine.data.formats.options import ReadLog, ReadOptions, Style, WriteOptions
from nerine.data.formats.records import Record, id_of, meta_of, with_meta
from nerine.data.formats.tagged import locate_tokens

TEXT_FIELDS = ("text", "data")
ENTITY_FIELDS = ("entities", "spans", "label", "labels")

_START, _END = ("start", "start_offset"), ("end", "end_offset")
_DERIVED_OF_TOKEN = ("text", "start", "end", "id", "ws")
_ITEM = '{"start": 0, "end": 4, "label": "person"} or [0, 4, "person"]'


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a file of span records, each with its place."""
    for line, record in read_records(path):
        place = f"{path}:{line}"
        if record.get("answer") in ("reject", "ignore"):
            _skip(record["answer"], options, log, place)
            continue
        with errors_at(place):
            document = _document(record, options, place)
        yield place, document


def _skip(answer: str, options: ReadOptions, log: ReadLog, place: str) -> None:
    if not options.skip_rejected:
        raise FormatError(
            f"the annotator's answer to this record is {answer!r}",
            place=place,
            expected="accepted records",
            hint="--skip-rejected (skip_rejected=True) leaves such records out and counts them",
        )
    log.skipped += 1


def _document(record: Record, options: ReadOptions, place: str) -> Document:
    text_field = _text_field(record, options, place)
    text = record[text_field]
    entity_field = _entity_field(record)
    items = record[entity_field] if entity_field else _none_known(record, options, place)
    if not isinstance(items, list):
        raise FormatError(
            f"the field {entity_field!r} holds {items!r}",
            place=place,
            expected=f"a list of entities: {_ITEM}",
        )
    tokens, token_fields = _tokens(record, text, place)
    found = sorted(
        (_entity(item, tokens is not None, place) for item in items),
        key=lambda pair: (pair[0].start, pair[0].end, pair[0].label),
    )
    meta = meta_of(record, {text_field, entity_field or "", "tokens"})
    extras = [[e.start, e.end, e.label, fields] for e, fields in found if fields]
    if extras:
        meta["entity_fields"] = extras
    if any(token_fields):
        meta["token_fields"] = token_fields
    document = Document(text, tuple(entity for entity, _ in found), tokens, id_of(record), meta)
    check_no_overlap(document)
    return document


def _text_field(record: Record, options: ReadOptions, place: str) -> str:
    names = (options.text_field,) if options.text_field else TEXT_FIELDS
    for name in names:
        if isinstance(record.get(name), str):
            return name
    raise FormatError(
        f"the record has no text; its fields are: {', '.join(record) or 'none'}",
        place=place,
        expected=f"a string in {' or '.join(map(repr, names))}",
        hint="--text-field (text_field=…) names the field",
    )


def _entity_field(record: Record) -> str | None:
    return next((name for name in ENTITY_FIELDS if name in record), None)


def _none_known(record: Record, options: ReadOptions, place: str) -> list[Any]:
    """No entities where there need be none, as in Prodigy's records, which leave `spans` out."""
    if options.unlabelled or "answer" in record or "_task_hash" in record:
        return []
    raise FormatError(
        f"the record has no entities; its fields are: {', '.join(record)}",
        place=place,
        expected=f"one of {', '.join(ENTITY_FIELDS)}",
        hint='write "entities": [] for a text without entities',
    )


def _entity(item: Any, has_tokens: bool, place: str) -> tuple[Entity, Record]:
    """An entity, and its fields that mean nothing here."""
    if isinstance(item, list) and len(item) == 3:
        item = dict(zip(("start", "end", "label"), item, strict=True))
    if not isinstance(item, dict):
        raise FormatError(f"{item!r} is no entity", place=place, expected=_ITEM)
    start, end = _first_of(_START, item), _first_of(_END, item)
    label, score = item.get("label"), item.get("score")
    has_range = type(start) is int and type(end) is int
    if not (has_range and isinstance(label, str) and _is_score(score)):
        raise FormatError(
            f"{item!r} is no entity",
            place=place,
            expected=f'{_ITEM}, offsets as whole numbers, and a "score" from 0 to 1 if any',
        )
    # with tokens, Prodigy's numbers of tokens say again what the range says
    derived = ("token_start", "token_end") if has_tokens else ()
    known = {*_START, *_END, "label", "score", *derived}
    fields = {key: value for key, value in item.items() if key not in known}
    return Entity(start, end, label, score), fields


def _first_of(names: Iterable[str], item: Record) -> Any:
    return next((item[name] for name in names if name in item), None)


def _is_score(value: Any) -> bool:
    return value is None or (type(value) in (int, float) and 0 <= value <= 1)


def _tokens(record: Record, text: str, place: str) -> tuple[tuple[Token, ...] | None, list[Record]]:
    """The tokens, and for each one its fields that mean nothing here."""
    values = record.get("tokens")
    if values is None:
        return None, []
    if is_ranges(values):
        return tuple(Token(start, end) for start, end in values), []
    if isinstance(values, list) and all(isinstance(value, str) for value in values):
        return locate_tokens(text, values, lambda i: f"{place}, token {i}"), []
    if not isinstance(values, list) or not all(_is_token(value, text) for value in values):
        raise FormatError(
            "the field 'tokens' does not agree with the text",
            place=place,
            expected='[start, end] for each token, or {"text": "Mira", "start": 0, "end": 4}',
        )
    fields = [{k: v for k, v in value.items() if k not in _DERIVED_OF_TOKEN} for value in values]
    return tuple(Token(value["start"], value["end"]) for value in values), fields


def _is_token(value: Any, text: str) -> bool:
    if not isinstance(value, dict):
        return False
    start, end = value.get("start"), value.get("end")
    if type(start) is not int or type(end) is not int:
        return False
    return 0 <= start < end and value.get("text", text[start:end]) == text[start:end]


def write(documents: Iterable[Document], options: WriteOptions) -> Iterator[str]:
    """Span records, a line for each document."""
    for document in documents:
        yield f"{json_line(_record(document, options.style))}\n"


def _record(document: Document, style: Style) -> Record:
    meta = dict(document.meta)
    fields = _fields_of_entities(document, meta)
    own: Record = {"text": document.text}
    if style == "prodigy":
        own["spans"] = _prodigy_spans(document, fields)
    elif style == "doccano" and not any(fields) and all(e.score is None for e in document.entities):
        own["label"] = [[e.start, e.end, e.label] for e in document.entities]
    else:
        start, end = ("start_offset", "end_offset") if style == "doccano" else ("start", "end")
        own["entities"] = [
            {start: e.start, end: e.end, "label": e.label, **_score(e), **extra}
            for e, extra in zip(document.entities, fields, strict=True)
        ]
    if document.tokens is not None:
        own["tokens"] = (
            _prodigy_tokens(document, document.tokens, meta)
            if style == "prodigy"
            else [[token.start, token.end] for token in document.tokens]
        )
    record = with_meta(document, own, meta)
    if _entity_field(record) not in own:
        raise FormatError(
            f"meta has the field {_entity_field(record)!r}, which would be read as the entities",
            expected=f"other names in meta than {', '.join(ENTITY_FIELDS)}",
        )
    return record


def _score(entity: Entity) -> Record:
    return {} if entity.score is None else {"score": entity.score}


def _fields_of_entities(document: Document, meta: Record) -> list[Record]:
    """For each entity its other fields, taken out of `meta`; entities changed since have none."""
    entries = meta.get("entity_fields")
    if entries is None or not _are_entity_fields(entries):
        return [{} for _ in document.entities]
    del meta["entity_fields"]
    fields = {(start, end, label): extra for start, end, label, extra in entries}
    return [fields.get((e.start, e.end, e.label), {}) for e in document.entities]


def _are_entity_fields(entries: Any) -> bool:
    return isinstance(entries, list) and all(
        isinstance(entry, list) and [type(part) for part in entry] == [int, int, str, dict]
        for entry in entries
    )


def _prodigy_spans(document: Document, fields: list[Record]) -> list[Record]:
    tokens = document.tokens or ()
    first = {token.start: index for index, token in enumerate(tokens)}
    last = {token.end: index for index, token in enumerate(tokens)}
    spans = []
    for entity, extra in zip(document.entities, fields, strict=True):
        span: Record = {"start": entity.start, "end": entity.end, "label": entity.label}
        if entity.start in first and entity.end in last:
            span |= {"token_start": first[entity.start], "token_end": last[entity.end]}
        spans.append(span | _score(entity) | extra)
    return spans


def _prodigy_tokens(document: Document, tokens: tuple[Token, ...], meta: Record) -> list[Record]:
    fields = meta.get("token_fields")
    if not (isinstance(fields, list) and [type(each) for each in fields] == [dict] * len(tokens)):
        fields = [{}] * len(tokens)
    else:
        del meta["token_fields"]
    return [
        {
            "text": document.surface(token),
            "start": token.start,
            "end": token.end,
            "id": index,
            "ws": document.text[token.end : token.end + 1].isspace(),
            **extra,
        }
        for index, (token, extra) in enumerate(zip(tokens, fields, strict=True))
    ]
