"""Documents → span records, in the styles of Nerine, doccano and Prodigy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nerine.core.document import Document
from nerine.core.errors import FormatError
from nerine.core.files import json_line
from nerine.data.formats.options import WriteOptions
from nerine.data.formats.records import Record, with_meta
from nerine.data.formats.spans.layouts import (
    ENTITY_FIELDS,
    OFFSETS,
    entity_field_of,
    stated_unit,
)


def write(documents: Iterable[Document], options: WriteOptions) -> Iterator[str]:
    """Span records, a line for each document."""
    for document in documents:
        meta = dict(document.meta)
        own: Record = {"text": document.text, **_own_fields(document, meta, options)}
        if depends_on_unit(document):
            own[OFFSETS] = "code-points"
        record = with_meta(document, own, meta)
        if OFFSETS not in own and stated_unit(record) is not None:
            raise FormatError(
                f"meta has the field {OFFSETS!r}, which would be read as the unit of offsets",
                expected="another name in meta",
            )
        if entity_field_of(record) not in own:
            raise FormatError(
                f"meta has the field {entity_field_of(record)!r}, which would be read as the "
                "entities",
                expected=f"other names in meta than {', '.join(ENTITY_FIELDS)}",
            )
        yield f"{json_line(record)}\n"


def depends_on_unit(document: Document) -> bool:
    """Whether the ranges of entities would be others in UTF-16 code units."""
    end = max((entity.end for entity in document.entities), default=0)
    return any(character > "\uffff" for character in document.text[:end])


def _own_fields(document: Document, meta: Record, options: WriteOptions) -> Record:
    """The fields of entities and tokens in a style; their other fields are taken out of `meta`."""
    entities, tokens, style = document.entities, document.tokens, options.style
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
    if options.entity_texts:
        texts = [{"text": document.surface(each)} for each in entities]
        scores = [text | score for text, score in zip(texts, scores, strict=True)]
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
