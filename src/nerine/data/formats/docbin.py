"""spaCy's DocBin files (`.spacy`), the input of `spacy train`. Needs the extra `spacy`.

A `Doc` becomes a `Document`: its text, its tokens except white space, its entities. Tags, lemmas,
dependencies, categories and knowledge base ids are not read; the log counts the documents that
have some.

Entities are `doc.ents`, or the spans of the group that `ReadOptions.control` names, such as "sc",
which may overlap. Without that option, and if no entities are annotated but one group is there, its
spans are the entities, and a note says so; several groups are an error. One file is read in one way
only. A `Doc` without annotation of entities is "unlabelled", a span without a label "no-label".

A document is written with its tokens, or words by the rule, cut so that every entity is a run of
tokens; the characters between them become tokens too, so that `doc.text` is exactly the text.
`doc.user_data["nerine"]` holds what a `Doc` cannot, as JSON (see `records`). `doc.ents` cannot hold
entities that overlap: if some document has any, those of all documents are written as the span
group "sc", as spaCy's span categorizer takes them.

Reading runs no code of the file: a DocBin is msgpack in zlib, and so is its user data. The only
types that srsly decodes beyond those of JSON are numbers and arrays, from their bytes; an array of
objects is an error. Nothing is unpickled. A file that unpacks to far more than its size is refused.
"""

from __future__ import annotations

import itertools
import json
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError
from nerine.core.extras import import_extra
from nerine.core.files import json_line, read_bytes
from nerine.data.formats.options import ReadLog, ReadOptions, WriteOptions
from nerine.data.formats.placed import read_each
from nerine.data.formats.records import extras_of, with_extras
from nerine.data.formats.sizes import (
    MOST_VALUES,
    MOST_VALUES_PER_BYTE,
    check_unpacked_size,
    count_values,
)
from nerine.data.formats.unusual import treat

EXTENSIONS = (".spacy",)
GROUP = "sc"
"""The name of spaCy's span categorizer for its spans."""

_KEY = "nerine"
_UNREAD = ("TAG", "POS", "MORPH", "LEMMA", "DEP")


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a DocBin file; a place is the file and the document's number, from 1."""
    reader = _Reader(options, log)
    docs = ((f"{path}:{number}", doc) for number, doc in enumerate(_read_docs(path), start=1))
    return read_each(docs, lambda doc, _: reader.document(doc), log)


def _read_docs(path: Path) -> Iterator[Any]:
    spacy = import_extra("spacy", "spacy", "reading a DocBin")
    try:
        check_unpacked_size(path)
        content = read_bytes(path)
        most = MOST_VALUES + MOST_VALUES_PER_BYTE * len(content)
        count_values(zlib.decompress(content), most)
        found = spacy.tokens.DocBin().from_bytes(content)
        for packed in (*found.span_groups, *found.user_data):
            count_values(packed or b"", most)
        yield from found.get_docs(spacy.vocab.Vocab())
    except FormatError:
        raise
    except Exception as error:  # zlib, msgpack, numpy and spaCy raise many kinds
        raise FormatError(
            f"spaCy cannot read this file: {type(error).__name__}: {error}",
            place=str(path),
            expected="a DocBin, as DocBin.to_disk writes it",
        ) from error


@dataclass
class _Reader:
    """Reads the `Doc`s of one file: the spans of `group`, or if it is None their entities."""

    options: ReadOptions
    log: ReadLog
    group: str | None = None
    is_settled: bool = False

    def __post_init__(self) -> None:
        if self.options.control is not None:
            self.group, self.is_settled = self.options.control, True

    def document(self, doc: Any) -> Document | None:
        """The document of a `Doc`; None if it is skipped."""
        # spaCy says that an empty document has every annotation
        group, is_annotated = self._choose(doc) if len(doc) else (self.group, True)
        if not is_annotated and not self._accepts_unlabelled(doc):
            return None
        plain = _plain(doc, self._labelled(doc, group) if is_annotated else ())
        self._add_remarks(doc, group)
        written = doc.user_data.get(_KEY)
        if written is None:
            return plain
        try:
            extras = json.loads(written)
        except (TypeError, ValueError, RecursionError):
            extras = None
        if not isinstance(extras, dict):
            raise FormatError(
                f"user_data[{_KEY!r}] is not the JSON object that Nerine wrote",
                expected="the JSON object that Nerine wrote",
            )
        return with_extras(plain, extras)

    def _choose(self, doc: Any) -> tuple[str | None, bool]:
        """The span group to read, None for the entities, and whether they are annotated."""
        groups = list(doc.spans)
        has_entities = doc.has_annotation("ENT_IOB")
        if self.options.control is not None:
            return self.group, self.options.control in groups
        if has_entities or not groups:
            found = None
        elif len(groups) == 1:
            found = groups[0]
        else:
            raise FormatError(
                f"no entities are annotated, but spans in several groups: {_counts(doc)}",
                expected="entities, or spans in one group",
                hint=f"--control {groups[0]} (control={groups[0]!r}) reads the spans of one group",
            )
        if not has_entities and found is None:
            return None, False
        if self.is_settled and found != self.group:
            before = "entities" if self.group is None else f"the span group {self.group!r}"
            name = found or self.group
            raise FormatError(
                f"the documents before this one have {before}, this one has "
                f"{_counts(doc) if found else 'entities'}",
                expected="one kind of annotation in the whole file",
                hint=f"--control {name} (control={name!r}) reads the spans of one group, and "
                '--skip unlabelled (skip={"unlabelled"}) leaves out documents without it',
            )
        if found is not None and not self.is_settled:
            self.log.add_note(f"entities are the spans of the group {found!r}")
        self.group, self.is_settled = found, True
        return found, True

    def _accepts_unlabelled(self, doc: Any) -> bool:
        if self.group is None:
            problem = "the entities of this document are not annotated"
            expected = "annotated entities; doc.set_ents([]) says that the document has none"
        else:
            groups = f": {_counts(doc)}" if len(doc.spans) else ""
            problem = f"the document has no span group {self.group!r}"
            expected = f"one of its span groups{groups}"
        return treat("unlabelled", problem, self.options, self.log, expected=expected)

    def _labelled(self, doc: Any, group: str | None) -> Iterator[Any]:
        """The spans to read, except those without a label, if they may be skipped."""
        for span in doc.ents if group is None else doc.spans.get(group, ()):
            if span.label_:
                yield span
            else:
                problem = f"the span {span.text[:60]!r} has no label"
                treat("no-label", problem, self.options, self.log, expected="a label for each span")

    def _add_remarks(self, doc: Any, group: str | None) -> None:
        """Remarks on what is not read of a `Doc`."""
        unread = [name.lower() for name in _UNREAD if len(doc) and doc.has_annotation(name)]
        unread += ["categories"] if doc.cats else []
        others = [name for name in doc.spans if name != group]
        unread += [f"span groups {', '.join(others)} (--control {others[0]})"] if others else []
        unread += ["entities"] if group is not None and doc.ents else []
        spans = doc.ents if group is None else doc.spans.get(group, ())
        unread += ["other ids of entities"] if any(e.kb_id or e.id for e in spans) else []
        unread += ["other user data"] if doc.user_data.keys() - {_KEY} else []
        if unread:
            self.log.add_remark(f"with {', '.join(unread)} of spaCy, not read")
        if group is None and doc.has_annotation("ENT_IOB") and any(t.ent_iob == 0 for t in doc):
            self.log.add_remark("with tokens not annotated for entities, read as outside of any")


def _counts(doc: Any) -> str:
    """The span groups of a `Doc` with the numbers of their spans."""
    return ", ".join(f"{name} ({len(spans)})" for name, spans in doc.spans.items())


def _plain(doc: Any, spans: Iterable[Any]) -> Document:
    """The document of `doc` with the entities `spans`, without its user data."""
    # Token.is_space would ask the vocabulary, whose answer depends on the language
    words = (each for each in doc if not each.text.isspace())
    tokens = tuple(Token(each.idx, each.idx + len(each)) for each in words)
    keys = {(each.start_char, each.end_char, each.label_) for each in spans}
    return Document(doc.text, tuple(Entity(*key) for key in sorted(keys)), tokens)


def write(documents: Iterable[Document], options: WriteOptions) -> Iterator[bytes]:  # noqa: ARG001
    """The bytes of a DocBin file, in one piece."""
    spacy = import_extra("spacy", "spacy", "writing a DocBin")
    vocab = spacy.vocab.Vocab()
    docs = []
    is_flat = True
    for document in documents:
        pieces = _pieces(document)
        words = [document.text[start:end] for start, end, _ in pieces]
        doc = spacy.tokens.Doc(vocab, words=words, spaces=[space for *_, space in pieces])
        first = {start: index for index, (start, _, _) in enumerate(pieces)}
        last = {end: index for index, (_, end, _) in enumerate(pieces)}
        spans = [
            spacy.tokens.Span(doc, first[each.start], last[each.end] + 1, label=each.label)
            for each in document.entities
        ]
        extras = extras_of(document, _plain(doc, spans))
        if extras:
            doc.user_data[_KEY] = json_line(extras)
        is_flat = is_flat and not document.overlapping()
        docs.append((doc, spans))
    found = spacy.tokens.DocBin(store_user_data=True)
    for doc, spans in docs:
        if is_flat:
            doc.set_ents(spans)
        else:
            doc.spans[GROUP] = spans
        found.add(doc)
    yield found.to_bytes()


def _pieces(document: Document) -> list[tuple[int, int, bool]]:
    """The tokens to write: start, end, and whether a space that is not a token follows."""
    # the rule needs the package regex, which reading does without
    from nerine.core.words import rule_words

    text = document.text
    words = document.tokens if document.tokens is not None else rule_words(text)
    starts = {each.start for each in document.entities}
    ends = {each.end for each in document.entities}
    bounds = sorted(starts | ends)
    edges = [(0, 0), *((word.start, word.end) for word in words), (len(text), len(text))]
    pieces: list[tuple[int, int, bool]] = []
    for (start, end), (following, _) in itertools.pairwise(edges):
        is_edge = end in starts or end + 1 in ends  # an entity has the space at its edge
        space = start < end < following and text[end] == " " and not is_edge
        for left, right, follows in ((start, end, space), (end + space, following, False)):
            inner = bounds[bisect_right(bounds, left) : bisect_left(bounds, right)]
            cut = [*itertools.pairwise([left, *inner, right])] if left < right else []
            pieces += [(one, two, follows and two == right) for one, two in cut]
    return pieces
