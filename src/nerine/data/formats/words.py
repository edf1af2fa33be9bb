"""Word records: JSON with tokens and their tags, as in data sets on the hub.

::

    {"id": "7", "tokens": ["Mira", "left", "."], "ner_tags": ["B-person", "O", "O"]}

Tags are names in any notation, or numbers with `ReadOptions.tag_names`. The text is the tokens
joined by one space, or the field `text`, in which the tokens are found in order, or at `offsets`
([start, end] for each token). Other fields are kept in `Document.meta`. Word records cannot hold
scores of entities.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Token, joined_tokens
from nerine.core.errors import FormatError
from nerine.core.files import errors_at, json_line, read_records
from nerine.core.json_values import Refuse
from nerine.data.formats.head import Head
from nerine.data.formats.options import ReadLog, ReadOptions, WriteOptions
from nerine.data.formats.placed import read_each
from nerine.data.formats.records import Record, id_of, is_ranges, meta_of, shown, with_meta
from nerine.data.formats.tagged_words import (
    Tagging,
    can_locate,
    decode_layers,
    entities_from_spans,
    locate_tokens,
    tags_from_entities,
    without_empty_tokens,
    words_to_tag,
)

TOKEN_FIELDS = ("tokens", "words")
TAG_FIELDS = ("ner_tags", "tags", "labels", "ner")

Row = Mapping[str, Any]


def recognises(head: Head) -> bool:
    """Whether a file holds word records, by its first one."""
    record = head.first_record
    has_tokens = any(isinstance(record.get(name), list) for name in TOKEN_FIELDS)
    tags = [record[name] for name in TAG_FIELDS if isinstance(record.get(name), list)]
    return has_tokens and any(_is_list_of(each, str) or _is_list_of(each, int) for each in tags)


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a file of word records, each with its place."""
    refuse = once(log.refuse)

    def rows() -> Iterator[tuple[str, Row]]:
        return ((f"{path}:{line}", record) for line, record in read_records(path, refuse))

    return TaggedRows(rows, options).documents(log)


def once(refuse: Refuse) -> Refuse:
    """As `refuse`, but only once for each place: files of tags are read twice."""
    known: set[str | None] = set()

    def refuse_once(error: FormatError) -> None:
        if error.place not in known:
            known.add(error.place)
            refuse(error)

    return refuse_once


def write(documents: Iterable[Document], options: WriteOptions) -> Iterator[str]:
    """Word records, a line for each document."""
    for document in documents:
        words = words_to_tag(document)
        surfaces = [document.surface(word) for word in words]
        tags = tags_from_entities(document.entities, words, options.scheme)
        own: Record = {"tokens": surfaces, "ner_tags": tags}
        if document.text != " ".join(surfaces):
            own["text"] = document.text
            if not can_locate(document.text, words):
                own["offsets"] = [[word.start, word.end] for word in words]
        yield f"{json_line(with_meta(document, own, document.meta))}\n"


def token_in_row(place: str, index: int) -> str:
    """The place of a token, by its index in the row at a place."""
    return f"{place}, token {index}"


@dataclass(frozen=True, slots=True)
class TaggedRows:
    """Rows of tokens and tags, from a file or a table.

    Attributes:
        rows: Returns the rows with their places, from the first one at each call.
        options: How to read.
        tag_names: The names of tags that are numbers, if the source has them.
        token_place: Returns the place of a token of the row that was returned last.
    """

    rows: Callable[[], Iterable[tuple[str, Row]]]
    options: ReadOptions
    tag_names: tuple[str, ...] | None = None
    token_place: Callable[[str, int], str] = token_in_row

    def documents(self, log: ReadLog) -> Iterator[tuple[str, Document]]:
        """The rows as documents, each with its place."""
        tagging = Tagging.detect(self._all_tags, self.options, log)
        yield from read_each(
            self.rows(), lambda row, place: self._document(row, place, tagging, log), log
        )

    def _all_tags(self) -> Iterator[list[str]]:
        for place, row in self.rows():
            with contextlib.suppress(FormatError):  # it is raised when the row is read
                yield self._tags(row, place)[0]

    def _document(self, row: Row, place: str, tagging: Tagging, log: ReadLog) -> Document:
        tags, tag_field = self._tags(row, place)
        token_field = _field(row, self.options.token_column, TOKEN_FIELDS, "token")
        surfaces = row[token_field]
        if not _is_list_of(surfaces, str):
            raise FormatError(
                f"the field {token_field!r} holds {shown(surfaces)}",
                expected="a list of strings",
            )
        if "" in surfaces and not self.options.repair:
            raise FormatError(
                f"token {surfaces.index('')} is empty",
                expected="at least one character in every token",
                hint="--repair (repair=True) leaves empty tokens out and counts them",
            )
        if len(tags) != len(surfaces):
            raise FormatError(
                f"there are {len(surfaces)} tokens and {len(tags)} tags",
                expected="one tag for each token",
            )

        def token_place(index: int) -> str:
            return self.token_place(place, index)

        tagging.check(tags, token_place)
        spans = decode_layers([tags], tagging, self.options, log, token_place)
        surfaces, spans = without_empty_tokens(surfaces, spans, log)
        text, used = row.get("text"), {token_field, tag_field}
        if not isinstance(text, str):
            text, tokens = " ".join(surfaces), joined_tokens(surfaces)
        elif "offsets" not in row:
            tokens = locate_tokens(text, surfaces, token_place)
            used.add("text")
        else:
            ranges = row["offsets"]
            if is_ranges(ranges) and len(ranges) > len(surfaces):
                ranges = [
                    pair for pair, each in zip(ranges, row[token_field], strict=False) if each
                ]
            if not is_ranges(ranges) or [text[start:end] for start, end in ranges] != surfaces:
                raise FormatError(
                    "the field 'offsets' does not agree with the tokens and the text",
                    expected="[start, end] for each token, with text[start:end] the token",
                )
            tokens = tuple(Token(start, end) for start, end in ranges)
            used |= {"text", "offsets"}
        entities = entities_from_spans(tokens, spans)
        return Document(text, entities, tokens, id_of(row), meta_of(row, used))

    def _tags(self, row: Row, place: str) -> tuple[list[str], str]:
        """The tags of a row as names, and their field."""
        with errors_at(place):
            field = _field(row, self.options.tag_column, TAG_FIELDS, "tag")
            values = row[field]
            if _is_list_of(values, int):
                known = self.options.known_tag_names
                names = self.options.tag_names or self.tag_names or known.get(field) or ()
                unnamed = [value for value in values if not 0 <= value < len(names)]
                if unnamed and not names:
                    raise FormatError(
                        f"the tags are numbers, such as {unnamed[0]}, without names",
                        expected="tags such as 'B-person'",
                        hint="--tag-names (tag_names=…) gives their names in order",
                    )
                if unnamed:
                    raise FormatError(
                        f"tag number {unnamed[0]} has no name",
                        expected=f"a number from 0 to {len(names) - 1}: {', '.join(names)}",
                    )
                values = [names[value] for value in values]
            if not _is_list_of(values, str):
                raise FormatError(
                    f"the field {field!r} holds {shown(values)}",
                    expected="a list of tags, or of their numbers",
                )
            return list(values), field


def _field(row: Row, stated: object, usual: Sequence[str], unit: str) -> str:
    """The field with the given name, or the first of the usual ones; `unit` is token or tag."""
    names = (stated,) if isinstance(stated, str) else usual
    for name in names:
        if name in row:
            return name
    raise FormatError(
        f"no field holds the {unit}s; the fields are: {', '.join(row) or 'none'}",
        expected=" or ".join(repr(name) for name in names),
        hint=f"--{unit}-column ({unit}_column=…) names the field",
    )


def _is_list_of(values: object, kind: type) -> bool:
    return isinstance(values, list) and set(map(type, values)) <= {kind}
