"""spaCy's DocBin files (`.spacy`), the input of `spacy train`. Needs the extra `spacy`.

A `Doc` becomes a `Document`: its text, its tokens except white space, its entities. Tags, lemmas,
dependencies, categories, span groups and knowledge base ids are not read; the log counts the
documents that have some. A `Doc` without annotation of entities is an error unless
`ReadOptions.unlabelled` is set.

A document is written with its tokens, or words by the rule, cut so that every entity is a run of
tokens; the characters between them become tokens too, so that `doc.text` is exactly the text.
`doc.user_data["nerine"]` holds what a `Doc` cannot, as JSON (see `records`).

Reading runs no code of the file: a DocBin is msgpack in zlib, and so is its user data. The only
types that srsly decodes beyond those of JSON are numbers and arrays, from their bytes; an array of
objects is an error. Nothing is unpickled.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError
from nerine.core.extras import import_extra
from nerine.core.files import errors_at, json_line, read_bytes
from nerine.data.formats.options import ReadLog, ReadOptions, WriteOptions
from nerine.data.formats.records import extras_of, with_extras
from nerine.data.formats.tagged_words import words_to_tag

EXTENSIONS = (".spacy",)
_KEY = "nerine"
_UNREAD = ("TAG", "POS", "MORPH", "LEMMA", "DEP")


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a DocBin file; a place is the file and the document's number, from 1."""
    for number, doc in enumerate(_read_docs(path), start=1):
        place = f"{path}:{number}"
        with errors_at(place):
            document = _document(doc, options, log)
        yield place, document


def _read_docs(path: Path) -> Iterator[Any]:
    spacy = import_extra("spacy", "spacy", "reading a DocBin")
    content = read_bytes(path)
    try:
        found = spacy.tokens.DocBin().from_bytes(content)
        yield from found.get_docs(spacy.vocab.Vocab())
    except Exception as error:  # zlib, msgpack, numpy and spaCy raise many kinds
        raise FormatError(
            f"spaCy cannot read this file: {type(error).__name__}: {error}",
            place=str(path),
            expected="a DocBin, as DocBin.to_disk writes it",
        ) from error


def _document(doc: Any, options: ReadOptions, log: ReadLog) -> Document:
    # spaCy says that an empty document has every annotation
    has_entities = doc.has_annotation("ENT_IOB")
    if len(doc) and not has_entities and not options.unlabelled:
        raise FormatError(
            "the entities of this document are not annotated",
            expected="annotated entities; doc.set_ents([]) says that the document has none",
        )
    unread = [name.lower() for name in _UNREAD if len(doc) and doc.has_annotation(name)]
    unread += ["categories"] if doc.cats else []
    unread += ["span groups"] if len(doc.spans) else []
    unread += ["other ids of entities"] if any(e.kb_id or e.ent_id for e in doc.ents) else []
    unread += ["other user data"] if doc.user_data.keys() - {_KEY} else []
    if unread:
        log.add_remark(f"with {', '.join(unread)} of spaCy, not read")
    if any(token.ent_iob == 0 for token in doc) and has_entities:
        log.add_remark("with tokens not annotated for entities, read as outside of any")
    written = doc.user_data.get(_KEY)
    if written is None:
        return _plain(doc)
    try:
        extras = json.loads(written)
    except (TypeError, ValueError, RecursionError):
        extras = None
    if not isinstance(extras, dict):
        raise FormatError(
            f"user_data[{_KEY!r}] holds {str(written)[:60]!r}",
            expected="the JSON object that Nerine wrote",
        )
    return with_extras(_plain(doc), extras)


def _plain(doc: Any) -> Document:
    """The document of `doc` without its user data."""
    # Token.is_space would ask the vocabulary, whose answer depends on the language
    words = (each for each in doc if not each.text.isspace())
    tokens = (Token(each.idx, each.idx + len(each)) for each in words)
    entities = (Entity(each.start_char, each.end_char, each.label_) for each in doc.ents)
    return Document(doc.text, tuple(entities), tuple(tokens))


def write(documents: Iterable[Document], options: WriteOptions) -> Iterator[bytes]:  # noqa: ARG001
    """The bytes of a DocBin file, in one piece."""
    spacy = import_extra("spacy", "spacy", "writing a DocBin")
    vocab = spacy.vocab.Vocab()
    found = spacy.tokens.DocBin(store_user_data=True)
    for document in documents:
        pieces = []  # start, end, and whether one space follows
        ranges = [(word.start, word.end) for word in words_to_tag(document)]
        edges = [(0, 0), *ranges, (len(document.text), len(document.text))]
        for (start, end), (following, _) in itertools.pairwise(edges):
            space = end > start and end < following and document.text[end] == " "
            if end > start:
                pieces.append((start, end, space))
            if end + space < following:
                pieces.append((end + space, following, False))
        words = [document.text[start:end] for start, end, _ in pieces]
        doc = spacy.tokens.Doc(vocab, words=words, spaces=[space for *_, space in pieces])
        first = {start: index for index, (start, _, _) in enumerate(pieces)}
        last = {end: index for index, (_, end, _) in enumerate(pieces)}
        doc.set_ents(
            [
                spacy.tokens.Span(doc, first[each.start], last[each.end] + 1, label=each.label)
                for each in document.entities
            ]
        )
        extras = extras_of(document, _plain(doc))
        if extras:
            doc.user_data[_KEY] = json_line(extras)
        found.add(doc)
    yield found.to_bytes()
