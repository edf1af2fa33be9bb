"""GLiNER's training records: JSON with words and ranges of words, both ends included.

::

    [{"tokenized_text": ["Mira", "Okonjo", "left"], "ner": [[0, 1, "person"]]}]

The text is the words joined by one space, or the field `text`, in which the words are found in
order, or at `offsets` ([start, end] for each word). Entities may overlap; one that is listed twice
is read once, with a remark. Other fields are kept in `Document.meta`.

Words are a document's tokens, cut so that every entity is a run of words. Tokens that were cut or
are missing, and scores, are written as `nerine`; GLiNER's trainer ignores it and the other fields.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Entity, Token, joined_tokens
from nerine.core.errors import FormatError
from nerine.core.files import json_list, read_records
from nerine.data.formats.head import Head
from nerine.data.formats.options import ReadLog, ReadOptions, WriteOptions
from nerine.data.formats.placed import read_each
from nerine.data.formats.records import (
    Record,
    extras_of,
    id_of,
    is_ranges,
    meta_of,
    shown,
    with_extras,
    with_meta,
)
from nerine.data.formats.tagged_words import can_locate, locate_tokens
from nerine.data.formats.unusual import TWICE, treat

_WORDS, _ENTITIES, _EXTRAS = "tokenized_text", "ner", "nerine"


def recognises(head: Head) -> bool:
    """Whether a file holds GLiNER's records, by its first one."""
    record = head.first_record
    return isinstance(record.get(_WORDS), list) and isinstance(record.get(_ENTITIES, []), list)


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a file of GLiNER's records, each with its place."""
    records = ((f"{path}:{line}", record) for line, record in read_records(path, log.refuse))
    return read_each(records, lambda record, place: _document(record, options, log, place), log)


def _document(record: Record, options: ReadOptions, log: ReadLog, place: str) -> Document | None:
    words = record.get(_WORDS)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise FormatError(f"the field {_WORDS!r} holds {shown(words)}", expected="a list of words")
    if "" in words:
        raise FormatError(
            f"word {words.index('')} is empty", expected="at least one character in every word"
        )
    items = record.get(_ENTITIES)
    if items is None:
        if not treat("unlabelled", f"the record has no field {_ENTITIES!r}", options, log):
            return None
        items = []
    if not isinstance(items, list):
        raise FormatError(
            f"the field {_ENTITIES!r} holds {shown(items)}",
            expected='a list of [first word, last word, "label"]',
        )
    text, tokens, used = _text(record, words, place)
    labelled = [each for item in items if (each := _entity(item, tokens, options, log))]
    entities = {(each.start, each.end, each.label): each for each in labelled}
    if len(entities) < len(labelled):
        log.add_remark(TWICE)
    extras = record.get(_EXTRAS, {})
    if not isinstance(extras, dict):
        raise FormatError(f"the field {_EXTRAS!r} holds {shown(extras)}", expected="an object")
    meta = meta_of(record, {_WORDS, _ENTITIES, _EXTRAS, *used})
    ordered = tuple(entities[key] for key in sorted(entities))
    return with_extras(Document(text, ordered, tokens, id_of(record), meta), extras)


def _text(record: Record, words: list[str], place: str) -> tuple[str, tuple[Token, ...], set[str]]:
    """The text, its words, and the fields that hold them."""
    text = record.get("text")
    if not isinstance(text, str):
        return " ".join(words), joined_tokens(words), set()
    ranges = record.get("offsets")
    if ranges is None:
        return text, locate_tokens(text, words, lambda i: f"{place}, word {i}"), {"text"}
    if not is_ranges(ranges) or [text[start:end] for start, end in ranges] != words:
        raise FormatError(
            "the field 'offsets' does not agree with the words and the text",
            expected="[start, end] for each word, with text[start:end] the word",
        )
    return text, tuple(Token(start, end) for start, end in ranges), {"text", "offsets"}


def _entity(
    item: Any, tokens: tuple[Token, ...], options: ReadOptions, log: ReadLog
) -> Entity | None:
    """An entity; None if it has no label and is skipped."""
    is_triple = isinstance(item, list) and [type(part) for part in item[:2]] == [int, int]
    if not is_triple or len(item) != 3 or not isinstance(item[2], str | None):
        raise FormatError(
            f"{shown(item)} is not a valid entity",
            expected='[first word, last word, "label"], words counted from 0',
        )
    first, last, label = item
    if not 0 <= first <= last < len(tokens):
        raise FormatError(
            f"the entity {shown(item)} is outside the {len(tokens)} words",
            expected=f"0 <= first word <= last word <= {len(tokens) - 1}; the last word is part "
            "of the entity",
        )
    if not label:
        treat("no-label", f"the entity {shown(item)} has no label", options, log)
        return None
    return Entity(tokens[first].start, tokens[last].end, label)


def write(documents: Iterable[Document], _: WriteOptions) -> Iterator[str]:
    """A JSON array of records, one a line."""
    return json_list(_record(document) for document in documents)


def _record(document: Document) -> Record:
    words = _words(document)
    surfaces = [document.surface(word) for word in words]
    first = {word.start: index for index, word in enumerate(words)}
    last = {word.end: index for index, word in enumerate(words)}
    own: Record = {
        _WORDS: surfaces,
        _ENTITIES: [[first[e.start], last[e.end], e.label] for e in document.entities],
    }
    if document.text != " ".join(surfaces):
        own["text"] = document.text
        if not can_locate(document.text, words):
            own["offsets"] = [[word.start, word.end] for word in words]
    taken = [name for name in ("text", "offsets", _EXTRAS) if name in document.meta]
    if taken:
        raise FormatError(
            f"meta has the field {taken[0]!r}, which would be read as a part of the document",
            expected="another name in meta",
        )
    plain = Document(document.text, (), words, document.id, document.meta)
    extras = extras_of(document, plain)
    if extras:
        own[_EXTRAS] = extras
    return with_meta(document, own, document.meta)


def _words(document: Document) -> tuple[Token, ...]:
    """The document's tokens, or words by the rule, cut so that every entity is a run of words.

    A part of an entity at its beginning or end that no token covers becomes a word.
    """
    # the rule needs the package regex, which reading does without
    from nerine.core.words import rule_words

    tokens = document.tokens if document.tokens is not None else rule_words(document.text)
    parts = (*tokens, *document.entities)
    bounds = sorted({bound for part in parts for bound in (part.start, part.end)})
    starts = {entity.start for entity in document.entities}
    ends = {entity.end for entity in document.entities}
    remaining = iter(tokens)
    token = next(remaining, None)
    words = []
    for start, end in itertools.pairwise(bounds):
        while token is not None and token.end <= start:
            token = next(remaining, None)
        is_covered = token is not None and token.start <= start
        if is_covered or start in starts or end in ends:
            words.append(Token(start, end))
    return tuple(words)
