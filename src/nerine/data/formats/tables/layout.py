"""Layout of a table: what its rows are, and which of its named columns hold what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from nerine.core.display import listed
from nerine.core.errors import FormatError
from nerine.core.tags import are_tags, is_tag
from nerine.data.formats.options import ReadOptions
from nerine.data.formats.tables.cells import is_structured

Kind = Literal["tokens", "entities", "documents"]
"""What a row is: a token, an entity, or a whole document."""

_MOST_SHOWN = 20
EXTRAS = "extras"
WRITTEN = ("sentence_id", "words", "labels", EXTRAS)
"""The columns of the tables of tokens that Nerine writes."""
ENTITY_COLUMNS = ("record", "id", "entity", "label", "start", "end", "score")
"""The columns of its tables of entities, which lack the texts (`entity_table`)."""

_NAMES: dict[str, tuple[str, ...]] = {
    "sentence": (
        *("sentence #", "sentence#", "sentence id", "sentence idx", "sentence index"),
        *("sentence no", "sentence num", "sentence number", "sentenceid", "sentence nr"),
        *("sent", "sent id", "sent idx", "sent no", "sent num", "sent number", "sentid"),
    ),
    "document": (
        *("document id", "document", "document #", "document no", "document number"),
        *("doc id", "doc", "doc #", "doc no", "docid", "documentid", "article id", "text id"),
        *("file", "filename", "file name", "id"),
    ),
    "line": ("line", "line number"),
    "token": ("tokens", "words", "token", "word", "form", "tokenized text"),
    "tag": (
        *("ner tags", "tags", "labels", "ner", "tag", "label", "ner tag", "ner label"),
        *("word labels", "ner labels", "iob", "bio", "iob tag", "bio tag", "iob2", "nertag"),
    ),
    "text": ("text", "sentence", "content", "document text", "data"),
    "entities": ("entities", "spans", "annotations", "label", "labels", "ner"),
    "start": (
        *("start", "begin", "start offset", "begin offset", "start char", "begin char"),
        *("start index", "start idx", "start pos", "start position", "char start", "offset start"),
        *("startoffset", "beginoffset", "start character", "span start", "entity start"),
    ),
    "end": (
        *("end", "stop", "end offset", "stop offset", "end char", "end index", "end idx"),
        *("end pos", "end position", "char end", "offset end", "endoffset", "end character"),
        *("span end", "entity end"),
    ),
    "label": (
        *("label", "type", "tag", "class", "category", "entity type", "entity label", "labels"),
        *("ner label", "label name", "entity class", "entity group"),
    ),
    "surface": (
        *("entity", "surface", "mention", "span", "entity text", "span text", "surface form"),
        *("mention text", "entity name", "entity mention", "span surface", "covered text"),
    ),
}
_NUMBERED = re.compile(r"\D{0,20}\d{1,9}(?:\.0)?", re.ASCII)
_OF_NER = ("ner tags", "ner", "ner tag", "ner label", "ner labels", "nertag")


@dataclass(frozen=True, slots=True)
class Layout:
    """What the rows of a table are, and the indices of the columns that hold their parts.

    `columns` has a part's name, such as `token` or `start`; `others` are the columns without part.
    """

    kind: Kind
    names: tuple[str, ...]
    columns: dict[str, int] = field(default_factory=dict)

    @property
    def others(self) -> list[int]:
        """The named columns that are kept as they are."""
        used = set(self.columns.values())
        return [i for i, name in enumerate(self.names) if name.strip() and i not in used]

    def __contains__(self, part: str) -> bool:
        return part in self.columns

    def cell(self, cells: Sequence[str], part: str) -> str:
        """The cell of a part; an empty one if the table has no such column."""
        index = self.columns.get(part)
        return "" if index is None else cells[index]

    def describe(self) -> str:
        """The columns in words, for a note."""
        plural = {"tokens": "a token", "entities": "an entity", "documents": "a document"}
        parts = [f"{self.names[index]!r} is the {part}" for part, index in self.columns.items()]
        kept = [repr(self.names[index]) for index in self.others]
        unnamed = sum(not name.strip() for name in self.names)
        also = [f"kept: {listed(kept, _MOST_SHOWN)}"] if kept else []
        also += [f"{unnamed} without a name not kept"] if unnamed else []
        return f"each row is {plural[self.kind]}: {'; '.join([', '.join(parts), *also])}"


def plain_name(name: str) -> str:
    """A column's name in lower case, its words separated by one space."""
    return re.sub(r"[\s_.\-]+", " ", name.casefold()).strip()


def find_layout(
    names: Sequence[str], first: Sequence[str], options: ReadOptions, place: str
) -> Layout | None:
    """The layout of a table with these columns; None if they do not tell it.

    `first` are the cells of its first row. Raises `FormatError` if several columns may be meant.
    """
    columns = _Columns(tuple(names), options, place)
    token, tag, text = columns.stated("token"), columns.stated("tag"), columns.find("text")
    token = columns.find("token") if token is None else token
    if tag is None and (entities := _entity_rows(columns, first, token, text)):
        return entities
    if token is not None:
        tag = columns.find_tag(token) if tag is None else tag
        cell = first[tag] if tag is not None and first and columns.names != WRITTEN else ""
        if is_structured(cell) or are_tags(cell):
            found = {"token": token, "tag": tag, "text": text}
            return columns.layout("documents", found, ("document", "sentence"))
        if tag is not None:
            return _token_rows(columns, {"token": token, "tag": tag}, first)
    if text is not None:
        tag = columns.find("entities") if tag is None else tag
        tag = columns.find_tag(text) if tag is None else tag
        if tag is not None:
            return columns.layout("documents", {"text": text, "tag": tag}, ("document", "sentence"))
    return None


def _token_rows(columns: _Columns, found: dict[str, int | None], first: Sequence[str]) -> Layout:
    """The layout of rows of tokens; next to a column of sentences, an `id` may be of anything.

    Where no other column tells the sentences, one of the name of texts may hold their numbers.
    """
    parts = ("sentence", EXTRAS) if columns.names == WRITTEN else ("sentence", "document")
    layout = columns.layout("tokens", found, parts)
    document = layout.columns.get("document")
    if "sentence" in layout and document is not None and plain_name(layout.names[document]) == "id":
        del layout.columns["document"]
    if "sentence" not in layout and document is None:
        number = columns.find("text", layout.columns)
        if number is not None and first and _NUMBERED.fullmatch(first[number]):
            layout.columns["sentence"] = number
    return layout


def _entity_rows(
    columns: _Columns, first: Sequence[str], token: int | None, text: int | None
) -> Layout | None:
    """The layout of rows of entities; None for tokens that have ranges too, and for other rows."""
    start, end, label = columns.find("start"), columns.find("end"), columns.find("label")
    if start is None or end is None or label is None:
        return None
    if token is not None and (text is None or (first and is_tag(first[label]))):
        return None
    found = {"start": start, "end": end, "label": label, "text": text, "surface": token}
    parts = ("document", "line") if token is not None else ("document", "line", "surface")
    return columns.layout("entities", found, parts)


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of a table, by their names."""

    names: tuple[str, ...]
    options: ReadOptions
    place: str

    def index(self, name: str) -> int:
        """The index of the column with exactly this name."""
        places = [index for index, each in enumerate(self.names) if each == name]
        if len(places) != 1:
            raise FormatError(
                f"{len(places)} columns are called {name!r}"
                if places
                else f"no column is called {name!r}",
                place=self.place,
                expected=f"one of {', '.join(map(repr, filter(str.strip, self.names)))}",
            )
        return places[0]

    def stated(self, part: Literal["token", "tag"]) -> int | None:
        """The column that an option names for a part."""
        column = getattr(self.options, f"{part}_column")
        return self.index(column) if isinstance(column, str) else None

    def find(self, part: str, taken: dict[str, int] | None = None) -> int | None:
        """The column that has the first of the part's usual names, of those that are there."""
        if part == "text" and self.options.text_field is not None:
            return self.index(self.options.text_field)
        plain = [plain_name(name) for name in self.names]
        used = set((taken or {}).values())
        for usual in _NAMES.get(part, (part,)):
            places = [i for i, name in enumerate(plain) if name == usual and i not in used]
            if len(places) > 1:
                raise FormatError(
                    f"{len(places)} columns are called {self.names[places[0]]!r}",
                    place=self.place,
                    expected="different names of columns",
                )
            if places:
                return places[0]
        return None

    def find_tag(self, other: int) -> int | None:
        """The column of the tags: the only one with a usual name, or with a name of NER."""
        plain = [plain_name(name) for name in self.names]
        places = [i for i, name in enumerate(plain) if name in _NAMES["tag"] and i != other]
        of_ner = [i for i in places if plain[i] in _OF_NER]
        chosen = of_ner if len(of_ner) == 1 else places
        if len(chosen) > 1:
            shown = " and ".join(repr(self.names[index]) for index in chosen)
            raise FormatError(
                f"the columns {shown} may all hold the tags",
                place=self.place,
                hint=f"--tag-column {self.names[chosen[0]]!r} (tag_column=…) names the one to read",
            )
        return chosen[0] if chosen else None

    def layout(self, kind: Kind, found: dict[str, int | None], more: Sequence[str]) -> Layout:
        """The layout of the columns found, and of those with the usual names of more parts."""
        columns = {part: index for part, index in found.items() if index is not None}
        for part in more:
            index = self.find(part, dict(columns))
            if index is not None:
                columns[part] = index
        return Layout(kind, self.names, columns)
