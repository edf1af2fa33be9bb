"""spaCy's DocBin files (`.spacy`): what `spacy train` reads. Needs the extra `spacy`.

A `Doc` becomes a `Document`: its text, its tokens but for those of white space, its entities.
Tags, lemmas, dependencies, categories, span groups and knowledge base ids are not read; the log
says in how many documents there are some. A `Doc` without annotation of entities is an error
where entities are wanted.

A document is written with its tokens, or words by the rule, cut so that each entity is some of
them; what stands between them is a token too, so that `doc.text` is the text to the character.
What a `Doc` has no place for stands in `doc.user_data["nerine"]` as JSON (see `extras`).

Reading runs no code of the file: a DocBin is msgpack in zlib, and so is the user data inside it.
The only types beyond JSON's that srsly decodes are numbers and arrays, from their bytes; an array
of objects is an error. Nothing is unpickled.
"""

from __future__ import annotations

import importlib
import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError, MissingExtraError
from nerine.core.files import errors_at, json_line, read_bytes
from nerine.data.formats.extras import extras_of, with_extras
from nerine.data.formats.options import ReadLog, ReadOptions, WriteOptions
from nerine.data.formats.tagged import words_to_tag

EXTENSIONS = (".spacy",)
_KEY = "nerine"
_UNREAD = ("TAG", "POS", "MORPH", "LEMMA", "DEP")


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a DocBin file; a place is the file and the document's number, from 1."""
    for number, doc in enumerate(_docs(path), start=1):
        place = f"{path}:{number}"
        with errors_at(place):
            yield place, _document(doc, options, log, place)


def _docs(path: Path) -> Iterator[Any]:
    spacy = _spacy("reading a DocBin")
    content = read_bytes(path)
    try:
        found = spacy.tokens.DocBin().from_bytes(content)
        yield from found.get_docs(spacy.vocab.Vocab())
    except Exception as error:  # whatever zlib, msgpack, numpy and spaCy make of other bytes
        raise FormatError(
            f"spaCy cannot read this: {type(error).__name__}: {error}",
            place=str(path),
            expected="a DocBin, as DocBin.to_disk writes it",
        ) from error


def _document(doc: Any, options: ReadOptions, log: ReadLog, place: str) -> Document:
    if len(doc) and not doc.has_annotation("ENT_IOB") and not options.unlabelled:
        raise FormatError(
            "nobody has said what the entities of this document are",
            place=place,
            expected="annotated entities; doc.set_ents([]) says that there are none",
        )
    for what in _not_read(doc):
        log.remark(f"with {what}")
    written = doc.user_data.get(_KEY)
    return (
        _plain(doc) if written is None else with_extras(_plain(doc), _extras(written, place), place)
    )


def _plain(doc: Any) -> Document:
    """The document that stands in `doc`, without its user data."""
    # Token.is_space would ask the vocabulary, whose answer depends on the language
    words = (each for each in doc if not each.text.isspace())
    tokens = (Token(each.idx, each.idx + len(each)) for each in words)
    entities = (Entity(each.start_char, each.end_char, each.label_) for each in doc.ents)
    return Document(doc.text, tuple(entities), tuple(tokens))


def _not_read(doc: Any) -> Iterator[str]:
    # spaCy says of an empty document that it has every annotation
    found = [name.lower() for name in _UNREAD if len(doc) and doc.has_annotation(name)]
    found += ["categories"] if doc.cats else []
    found += ["span groups"] if len(doc.spans) else []
    found += ["other ids of entities"] if any(e.kb_id or e.ent_id for e in doc.ents) else []
    found += ["other user data"] if doc.user_data.keys() - {_KEY} else []
    if found:
        yield f"{', '.join(found)} of spaCy, not read"
    if any(token.ent_iob == 0 for token in doc) and doc.has_annotation("ENT_IOB"):
        yield "tokens whose entities nobody has said, read as outside of any"


def _extras(written: Any, place: str) -> dict[str, Any]:
    try:
        extras = json.loads(written)
    except (TypeError, ValueError, RecursionError):
        extras = None
    if not isinstance(extras, dict):
        raise FormatError(
            f"user_data[{_KEY!r}] holds {str(written)[:60]!r}",
            place=place,
            expected="a JSON object, which Nerine writes there",
        )
    return extras


def write(documents: Iterable[Document], options: WriteOptions) -> Iterator[bytes]:  # noqa: ARG001
    """The bytes of a DocBin file, in one piece."""
    spacy = _spacy("writing a DocBin")
    vocab = spacy.vocab.Vocab()
    found = spacy.tokens.DocBin(store_user_data=True)
    for document in documents:
        found.add(_doc(document, vocab, spacy))
    yield found.to_bytes()


def _doc(document: Document, vocab: Any, spacy: Any) -> Any:
    pieces = list(_pieces(document))
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
    return doc


def _pieces(document: Document) -> Iterator[tuple[int, int, bool]]:
    """The tokens that spaCy gets: start, end, and whether one space stands behind."""
    words = [(word.start, word.end) for word in words_to_tag(document)]
    edges = [(0, 0), *words, (len(document.text), len(document.text))]
    for (start, end), (following, _) in itertools.pairwise(edges):
        space = end > start and end < following and document.text[end] == " "
        if end > start:
            yield start, end, space
        if end + space < following:
            yield end + space, following, False


def _spacy(purpose: str) -> Any:
    try:
        spacy = importlib.import_module("spacy")
        importlib.import_module("spacy.tokens")
    except ImportError:
        raise MissingExtraError.of("spacy", "spacy", purpose) from None
    return spacy
