"""Word records: JSON lines with tokens and their tags, as data sets on the hub have them.

::

    {"id": "7", "tokens": ["Mira", "left", "."], "ner_tags": ["B-person", "O", "O"]}

Tags are names, or numbers where `tag_names` is given. The text is the tokens joined by one space,
or `text` where the record has one, in which the tokens are found in order, or stand at `offsets`
([start, end] for each token). Other fields are kept in `Document.meta`. Scores of entities have
no place in word records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Token
from nerine.core.errors import FormatError
from nerine.core.files import errors_at, json_line, read_records
from nerine.core.tags import TagScheme, detect_scheme
from nerine.data.formats.comments import is_ranges
from nerine.data.formats.options import ReadLog, ReadOptions, WriteOptions
from nerine.data.formats.records import Record, id_of, meta_of, with_meta
from nerine.data.formats.tagged import (
    TagChecker,
    can_locate,
    entities_of,
    joined_tokens,
    locate_tokens,
    spans_of,
    tags_of,
    words_to_tag,
)

TOKEN_FIELDS = ("tokens", "words")
TAG_FIELDS = ("ner_tags", "tags", "labels", "ner")

Row = Mapping[str, Any]


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a file of word records, each with its place."""
    table = TagTable(lambda: read_records(path), lambda line: f"{path}:{line}", options)
    return table.documents(log)


def write(documents: Iterable[Document], options: WriteOptions) -> Iterator[str]:
    """Word records, a line for each document."""
    for document in documents:
        yield f"{json_line(_record(document, options.scheme))}\n"


def _record(document: Document, scheme: TagScheme) -> Record:
    words = words_to_tag(document)
    surfaces = [document.surface(word) for word in words]
    own: Record = {"tokens": surfaces, "ner_tags": tags_of(document.entities, words, scheme)}
    if document.text != " ".join(surfaces):
        own["text"] = document.text
        if not can_locate(document.text, words):
            own["offsets"] = [[word.start, word.end] for word in words]
    return with_meta(document, own, document.meta)


@dataclass(frozen=True, slots=True)
class TagTable:
    """Rows of tokens and tags, from wherever.

    `rows()` gives the numbered rows, from the first one each time; `place` says where row n
    stands; `names` are those of tags that are numbers, where the source knows them.
    """

    rows: Callable[[], Iterable[tuple[int, Row]]]
    place: Callable[[int], str]
    options: ReadOptions
    names: tuple[str, ...] | None = None
    checker: TagChecker = field(default_factory=TagChecker)

    def documents(self, log: ReadLog) -> Iterator[tuple[str, Document]]:
        """The rows as documents, each with its place."""
        scheme = self.options.scheme or detect_scheme(
            self._tags(row, self.place(number)) for number, row in self.rows()
        )
        log.scheme = scheme
        for number, row in self.rows():
            place = self.place(number)
            with errors_at(place):
                document = self._document(row, place, scheme, log)
            yield place, document

    def _document(self, row: Row, place: str, scheme: TagScheme, log: ReadLog) -> Document:
        tags = self._tags(row, place)
        surfaces = self._surfaces(row, place)
        if len(tags) != len(surfaces):
            raise FormatError(
                f"there are {len(surfaces)} tokens and {len(tags)} tags",
                place=place,
                expected="one tag for each token",
            )
        spans = spans_of(tags, scheme, self.options, log, lambda i: f"{place}, token {i}")
        text, tokens, used = _text_and_tokens(row, surfaces, place)
        meta = meta_of(row, {*used, self._token_field(row, place), self._tag_field(row, place)})
        return Document(text, entities_of(tokens, spans), tokens, id_of(row), meta)

    def _surfaces(self, row: Row, place: str) -> list[str]:
        name = self._token_field(row, place)
        surfaces = row[name]
        if not _is_list_of(surfaces, str):
            raise FormatError(
                f"the field {name!r} holds {_brief(surfaces)}",
                place=place,
                expected="a list of strings",
            )
        if "" in surfaces:
            raise FormatError(
                f"token {surfaces.index('')} is empty",
                place=place,
                expected="at least one character in every token",
            )
        return list(surfaces)

    def _tags(self, row: Row, place: str) -> list[str]:
        name = self._tag_field(row, place)
        values = row[name]
        if _is_list_of(values, int):
            values = [self._tag_named(value, name, place) for value in values]
        if not _is_list_of(values, str):
            raise FormatError(
                f"the field {name!r} holds {_brief(values)}",
                place=place,
                expected="a list of tags, or of their numbers",
            )
        self.checker.check(values, lambda index: f"{place}, token {index}")
        return list(values)

    def _tag_named(self, number: int, column: str, place: str) -> str:
        known = self.options.known_tag_names
        names = self.options.tag_names or self.names or known.get(column)
        if names is None:
            raise FormatError(
                f"the tags are numbers, such as {number}, without names",
                place=place,
                expected="tags such as 'B-person'",
                hint="--tag-names (tag_names=…) gives the names in the order of their numbers",
            )
        if not 0 <= number < len(names):
            raise FormatError(
                f"there is no tag number {number}",
                place=place,
                expected=f"a number from 0 to {len(names) - 1}: {', '.join(names)}",
            )
        return names[number]

    def _token_field(self, row: Row, place: str) -> str:
        return _field(row, self.options.token_column, TOKEN_FIELDS, "tokens", place)

    def _tag_field(self, row: Row, place: str) -> str:
        return _field(row, self.options.tag_column, TAG_FIELDS, "tags", place)


def _field(row: Row, stated: int | str, usual: Sequence[str], what: str, place: str) -> str:
    """The field that is stated by its name, or the first of the usual ones."""
    names = (stated,) if isinstance(stated, str) else usual
    for name in names:
        if name in row:
            return name
    option = {"tokens": "token", "tags": "tag"}[what]
    raise FormatError(
        f"no field holds the {what}; there are: {', '.join(row) or 'none'}",
        place=place,
        expected=" or ".join(repr(name) for name in names),
        hint=f"--{option}-column ({option}_column=…) names the field",
    )


def _text_and_tokens(
    row: Row, surfaces: list[str], place: str
) -> tuple[str, tuple[Token, ...], set[str]]:
    """The text, where the tokens stand in it, and the fields that said so."""
    text = row.get("text")
    if not isinstance(text, str):
        return " ".join(surfaces), joined_tokens(surfaces), set()
    if "offsets" not in row:
        return text, locate_tokens(text, surfaces, lambda i: f"{place}, token {i}"), {"text"}
    ranges = row["offsets"]
    if not is_ranges(ranges) or [text[start:end] for start, end in ranges] != surfaces:
        raise FormatError(
            "the field 'offsets' does not agree with the tokens and the text",
            place=place,
            expected="[start, end] for each token, with text[start:end] the token",
        )
    return text, tuple(Token(start, end) for start, end in ranges), {"text", "offsets"}


def _is_list_of(values: object, kind: type) -> bool:
    return isinstance(values, list) and all(type(value) is kind for value in values)


def _brief(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"
