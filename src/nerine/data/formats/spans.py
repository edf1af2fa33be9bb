"""Span records: JSON lines with a text and the ranges of its entities.

Nerine's own form, with tokens only if the corpus has some::

    {"id": "7", "text": "Mira left.", "entities": [{"start": 0, "end": 4, "label": "person"}],
     "tokens": [[0, 4], [5, 9], [9, 10]]}

Two other forms are read too, recognised record by record, and written with `WriteOptions.style`:

- doccano: `"label": [[0, 4, "person"]]` (or `labels`; `data` for the text), in newer versions
  `"entities": [{"id": 1, "label": "person", "start_offset": 0, "end_offset": 4}]`. The first form
  is written, or the second if entities have more than their range.
- Prodigy: `"spans"` with `token_start` and `token_end` as well as `start` and `end`, `"tokens"`
  with their text, `"answer"`. Records that were rejected or ignored are an error, or skipped with
  `ReadOptions.skip_rejected`.

Entities may be listed in any order and are sorted. An entity's `score` is optional. Other fields
of the record are kept in `Document.meta`; those of an entity in `meta["entity_fields"]`, as
[start, end, label, fields], and those of tokens in `meta["token_fields"]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Entity, Token, check_no_overlap
from nerine.core.errors import FormatError
from nerine.core.files import errors_at, json_line, read_records
from nerine.data.formats.options import ReadLog, ReadOptions, Style, WriteOptions
from nerine.data.formats.records import Record, id_of, is_ranges, is_score, meta_of, with_meta
from nerine.data.formats.tagged_words import locate_tokens

TEXT_FIELDS = ("text", "data")
ENTITY_FIELDS = ("entities", "spans", "label", "labels")

_START, _END = ("start", "start_offset"), ("end", "end_offset")
_DERIVED_OF_TOKEN = ("text", "start", "end", "id", "ws")
_ITEM = '{"start": 0, "end": 4, "label": "person"} or [0, 4, "person"]'


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a file of span records, each with its place."""
    for line, record in read_records(path):
        place = f"{path}:{line}"
        answer = record.get("answer")
        if answer in ("reject", "ignore"):
            if options.skip_rejected:
                log.skipped += 1
                continue
            raise FormatError(
                f"the annotator's answer to this record is {answer!r}",
                place=place,
                expected="accepted records",
                hint="--skip-rejected (skip_rejected=True) skips such records and counts them",
            )
        with errors_at(place):
            document = _document(record, options, place)
        yield place, document


def _document(record: Record, options: ReadOptions, place: str) -> Document:
    text_fields = (options.text_field,) if options.text_field else TEXT_FIELDS
    text_field = next((name for name in text_fields if isinstance(record.get(name), str)), None)
    if text_field is None:
        raise FormatError(
            f"the record has no text; its fields are: {', '.join(record) or 'none'}",
            expected=f"a string in {' or '.join(map(repr, text_fields))}",
            hint="--text-field (text_field=…) names the field",
        )
    text = record[text_field]
    entity_field = _entity_field(record)
    if entity_field is not None:
        items = record[entity_field]
    elif options.unlabelled or "answer" in record or "_task_hash" in record:
        items = []  # Prodigy leaves `spans` out if there are none
    else:
        raise FormatError(
            f"the record has no entities; its fields are: {', '.join(record)}",
            expected=f"one of {', '.join(ENTITY_FIELDS)}",
            hint='write "entities": [] for a text without entities',
        )
    if not isinstance(items, list):
        raise FormatError(
            f"the field {entity_field!r} holds {items!r}",
            expected=f"a list of entities: {_ITEM}",
        )
    tokens, token_fields = _tokens(record, text, place)
    entities = sorted(
        (_entity(item, tokens is not None) for item in items),
        key=lambda pair: (pair[0].start, pair[0].end, pair[0].label),
    )
    meta = meta_of(record, {text_field, entity_field or "", "tokens"})
    entity_fields = [[e.start, e.end, e.label, fields] for e, fields in entities if fields]
    if entity_fields:
        meta["entity_fields"] = entity_fields
    if any(token_fields):
        meta["token_fields"] = token_fields
    document = Document(text, tuple(each for each, _ in entities), tokens, id_of(record), meta)
    check_no_overlap(document)
    return document


def _entity_field(record: Record) -> str | None:
    return next((name for name in ENTITY_FIELDS if name in record), None)


def _entity(item: Any, has_tokens: bool) -> tuple[Entity, Record]:
    """An entity, and its fields that a `Document` has no place for."""
    if isinstance(item, list) and len(item) == 3:
        item = dict(zip(("start", "end", "label"), item, strict=True))
    fields = item if isinstance(item, dict) else {}
    start: Any = next((fields[name] for name in _START if name in fields), None)
    end: Any = next((fields[name] for name in _END if name in fields), None)
    label, score = fields.get("label"), fields.get("score")
    has_range = type(start) is int and type(end) is int
    if not (has_range and isinstance(label, str) and (score is None or is_score(score))):
        raise FormatError(
            f"{item!r} is not a valid entity",
            expected=f'{_ITEM}, offsets as whole numbers, and an optional "score" from 0 to 1',
        )
    # with tokens, Prodigy's token numbers only repeat the range
    derived = ("token_start", "token_end") if has_tokens else ()
    known = {*_START, *_END, "label", "score", *derived}
    rest = {key: value for key, value in fields.items() if key not in known}
    return Entity(start, end, label, score), rest


def _tokens(record: Record, text: str, place: str) -> tuple[tuple[Token, ...] | None, list[Record]]:
    """The tokens, and for each its fields that a `Document` has no place for."""
    values = record.get("tokens")
    if values is None:
        return None, []
    if is_ranges(values):
        return tuple(Token(start, end) for start, end in values), []
    if isinstance(values, list) and all(isinstance(value, str) for value in values):
        return locate_tokens(text, values, lambda i: f"{place}, token {i}"), []
    fields = []
    for value in values if isinstance(values, list) else [None]:
        token = value if isinstance(value, dict) else {}
        start, end = token.get("start"), token.get("end")
        is_range = type(start) is int and type(end) is int and 0 <= start < end
        if not is_range or token.get("text", text[start:end]) != text[start:end]:
            raise FormatError(
                "the field 'tokens' does not agree with the text",
                expected='[start, end] for each token, or {"text": "Mira", "start": 0, "end": 4}',
            )
        fields.append({key: value for key, value in token.items() if key not in _DERIVED_OF_TOKEN})
    return tuple(Token(value["start"], value["end"]) for value in values), fields


def write(documents: Iterable[Document], options: WriteOptions) -> Iterator[str]:
    """Span records, a line for each document."""
    for document in documents:
        meta = dict(document.meta)
        own: Record = {"text": document.text, **_own_fields(document, meta, options.style)}
        record = with_meta(document, own, meta)
        if _entity_field(record) not in own:
            raise FormatError(
                f"meta has the field {_entity_field(record)!r}, which would be read as the "
                "entities",
                expected=f"other names in meta than {', '.join(ENTITY_FIELDS)}",
            )
        yield f"{json_line(record)}\n"


def _own_fields(document: Document, meta: Record, style: Style) -> Record:
    """The fields of entities and tokens in a style; their other fields are taken out of `meta`."""
    entities, tokens = document.entities, document.tokens
    extras: list[Record] = [{} for _ in entities]
    stored = meta.get("entity_fields")
    if isinstance(stored, list) and all(
        isinstance(entry, list) and [type(part) for part in entry] == [int, int, str, dict]
        for entry in stored
    ):
        del meta["entity_fields"]
        known = {(start, end, label): extra for start, end, label, extra in stored}
        extras = [known.get((each.start, each.end, each.label), {}) for each in entities]
    scores: list[Record] = [{} if e.score is None else {"score": e.score} for e in entities]
    if style == "prodigy":
        extras = [score | extra for score, extra in zip(scores, extras, strict=True)]
        return _prodigy_fields(document, extras, meta)
    own: Record = {}
    if style == "doccano" and not any(extras) and not any(scores):
        own["label"] = [[each.start, each.end, each.label] for each in entities]
    else:
        start, end = ("start_offset", "end_offset") if style == "doccano" else ("start", "end")
        own["entities"] = [
            {start: each.start, end: each.end, "label": each.label, **score, **extra}
            for each, score, extra in zip(entities, scores, extras, strict=True)
        ]
    if tokens is not None:
        own["tokens"] = [[token.start, token.end] for token in tokens]
    return own


def _prodigy_fields(document: Document, entity_fields: list[Record], meta: Record) -> Record:
    tokens = document.tokens or ()
    first = {token.start: index for index, token in enumerate(tokens)}
    last = {token.end: index for index, token in enumerate(tokens)}
    spans = []
    for entity, extra in zip(document.entities, entity_fields, strict=True):
        span: Record = {"start": entity.start, "end": entity.end, "label": entity.label}
        if entity.start in first and entity.end in last:
            span |= {"token_start": first[entity.start], "token_end": last[entity.end]}
        spans.append(span | extra)
    if document.tokens is None:
        return {"spans": spans}
    fields = meta.get("token_fields")
    if isinstance(fields, list) and [type(each) for each in fields] == [dict] * len(tokens):
        del meta["token_fields"]
    else:
        fields = [{}] * len(tokens)
    shown_tokens = [
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
    return {"spans": spans, "tokens": shown_tokens}
