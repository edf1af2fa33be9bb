"""PubTator files: titles and abstracts, and their annotations by offsets.

::

    23|t|Mira Okonjo at Tandem Labs
    23|a|She moved there from Lisbon.
    23	0	11	Mira Okonjo	Person	P7
    23	48	54	Lisbon	Place
    23	moved	P7	Q597

A document is a title and an abstract, joined by a line end, over which offsets count; its id is the
one before the first bar. Blank lines between documents are usual, but not needed. The fourth column
must agree with the text except for white space. Offsets count code points, UTF-16 units or bytes,
as the fourth columns of the whole file show, or as `ReadOptions.offsets` states.

Columns after the type are kept in `meta["entity_fields"]`: the sixth is `identifier`, the seventh
`mentions`. Other lines of a document, such as relations, are kept in `meta["pubtator"]` without
their id.

Both are written again. Other meta, tokens and scores are not; a document without an id gets its
number. A text is written if its only line end is the one between title and abstract, which is not
its last character; a text without one is a title. The fourth column shows white space as spaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Entity
from nerine.core.errors import FormatError
from nerine.core.files import read_lines
from nerine.core.json_values import Refuse, ignore
from nerine.data.formats.head import Head
from nerine.data.formats.offsets import OffsetChecker
from nerine.data.formats.options import ReadLog, ReadOptions, WriteOptions
from nerine.data.formats.sizes import grown
from nerine.data.formats.standoff.regions import Passage, Region, document_of, stated_in

EXTENSIONS = (".pubtator",)

_TEXT_LINE = re.compile(r"([^|\t]+)\|([ta])\|(.*)", re.DOTALL)
_NUMBER = re.compile(r"\d{1,18}")
_ID = re.compile(r"[^\s|\ufeff]+")
_OTHER_ANNOTATION = re.compile(r"[^\t]*\t[^\t]*\t\d+\t\d+(?:\t|$)")
_UNFIT = re.compile(r"[\t\n\r]")
_FIELDS = ("identifier", "mentions")
_EXPECTED = "ID|t|TITLE, ID|a|ABSTRACT, then ID⇥START⇥END⇥TEXT⇥TYPE lines"


def recognises(head: Head) -> bool:
    """Whether a file begins with a title of PubTator's."""
    lines = head.filled(2)
    titles = [match for match in map(_TEXT_LINE.fullmatch, lines) if match]
    if not titles or titles[0][2] != "t" or not lines[0].startswith(titles[0][1]):
        return False
    return len(lines) == 1 or lines[1].startswith((f"{titles[0][1]}|", f"{titles[0][1]}\t"))


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a file, each with the place of its title."""
    checker = OffsetChecker(lambda: stated_in(_passages(path, ignore)), options, log)
    for passage in _passages(path, log.refuse):
        if passage.meta:
            log.add_note("pubtator: other lines than annotations, such as relations, are in meta")
        yield passage.place, document_of(passage, checker, options, log)


@dataclass(slots=True)
class _Article:
    """A document as its lines are read."""

    id: str
    place: str
    title: str
    abstract: str | None = None
    regions: list[Region] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def passage(self) -> Passage:
        text = f"{self.title}\n{self.abstract}" if self.abstract else self.title
        meta = {"pubtator": self.others} if self.others else {}
        if not self.abstract:  # PubTator had texts such as "NO ABSTRACT" there
            length = len(text.encode("utf-8", "surrogatepass"))
            self.regions = [
                replace(each, fault="empty") if each.start > length else each
                for each in self.regions
            ]
        return Passage(text, self.regions, self.place, self.id, meta=meta)

    def add(self, line: str, place: str) -> None:
        """Adds a line after the title."""
        abstract = _TEXT_LINE.fullmatch(line)
        own, _, rest = line.partition("\t")
        first = rest.partition("\t")[0]
        if abstract and abstract[1] == self.id and self.abstract is None and not self.regions:
            self.abstract = abstract[3]
        elif own != self.id or not rest:
            raise FormatError(
                f"{line[:60]!r} does not belong to the document {self.id!r} of {self.place}",
                place=place,
                expected=_EXPECTED,
            )
        elif first.isdigit():
            self.regions.append(_region(rest.split("\t"), place))
        elif _OTHER_ANNOTATION.match(rest):
            raise FormatError(
                f"{line[:60]!r} holds offsets in its fourth and fifth column",
                place=place,
                expected=f"{_EXPECTED}; other lines, such as relations, without offsets",
            )
        else:
            self.others.append(rest)


def _passages(path: Path, refuse: Refuse) -> Iterator[Passage]:
    """The documents of a file; `refuse` takes the errors of lines."""
    article: _Article | None = None
    size = 0
    for number, line in read_lines(path):
        place = f"{path}:{number}"
        match = _TEXT_LINE.fullmatch(line)
        if match and match[2] == "t":
            if article:
                yield article.passage()
            article, size = _Article(match[1], place, match[3]), 0
        elif article:
            try:
                if line.strip():
                    size = grown(size, line, path, number, "a title before each document")
                    article.add(line, place)
            except FormatError as error:
                refuse(error)
        elif line.strip():
            found = f"{line[:60]!r} comes before the first title"
            refuse(FormatError(found, place=place, expected=_EXPECTED))
    if article:
        yield article.passage()


def _region(columns: list[str], place: str) -> Region:
    if not 4 <= len(columns) <= 6 or not all(map(_NUMBER.fullmatch, columns[:2])):
        raise FormatError(
            f"{'⇥'.join(columns)[:60]!r} is not a valid annotation",
            place=place,
            expected="ID⇥START⇥END⇥TEXT⇥TYPE, and at most two more columns",
        )
    fields: dict[str, Any] = dict(zip(_FIELDS, columns[4:], strict=False))
    start, end, shown, label = int(columns[0]), int(columns[1]), columns[2], columns[3]
    return Region(start, end, label, place, shown, fields=fields)


def write(documents: Iterable[Document], options: WriteOptions) -> Iterator[str]:  # noqa: ARG001
    """Titles, abstracts and annotations, a blank line after each document."""
    for number, document in enumerate(documents, start=1):
        id_ = document.id or str(number)
        if not _ID.fullmatch(id_):
            raise FormatError(
                f"the id {id_[:60]!r} has white space or a bar",
                expected="ids without white space and bars in PubTator's files",
            )
        title, separator, abstract = document.text.partition("\n")
        if "\n" in abstract or "\r" in document.text or (separator and not abstract):
            raise FormatError(
                f"the text {document.text[:60]!r} has line ends that PubTator's files cannot hold",
                expected="a title, or a title and an abstract with one line end between them",
                hint='other formats hold any text: --to spans (format="spans")',
            )
        yield f"{id_}|t|{title}\n{id_}|a|{abstract}\n"
        for entity, other_columns in _with_columns(document):
            if _UNFIT.search(entity.label):
                raise FormatError(
                    f"the label {entity.label!r} has a TAB or a line end",
                    expected="labels without them in PubTator's files",
                )
            shown = re.sub(r"\s", " ", document.surface(entity))
            columns = (id_, str(entity.start), str(entity.end), shown, entity.label)
            yield "\t".join((*columns, *other_columns)) + "\n"
        for line in _other_lines(document):
            yield f"{id_}\t{line}\n"
        yield "\n"


def _with_columns(document: Document) -> Iterator[tuple[Entity, list[str]]]:
    """The entities with their other columns; an entity with two identifiers is there twice."""
    stored = document.meta.get("entity_fields")
    columns: dict[tuple[int, int, str], list[list[str]]] = {}
    for entry in stored if isinstance(stored, list) else ():
        if (
            isinstance(entry, list)
            and [type(part) for part in entry] == [int, int, str, dict]
            and isinstance(entry[3].get("identifier"), str)
        ):
            values = [entry[3][name] for name in _FIELDS if name in entry[3]]
            if all(isinstance(each, str) and not _UNFIT.search(each) for each in values):
                columns.setdefault((entry[0], entry[1], entry[2]), []).append(values)
    for entity in document.entities:
        for each in columns.get((entity.start, entity.end, entity.label), [[]]):
            yield entity, each


def _other_lines(document: Document) -> list[str]:
    lines = document.meta.get("pubtator", [])
    if isinstance(lines, list) and all(
        isinstance(line, str)
        and line
        and not {"\n", "\r"} & set(line)
        and not line.partition("\t")[0].isdigit()
        for line in lines
    ):
        return lines
    raise FormatError(
        "meta has the field 'pubtator' without the lines of a PubTator file",
        expected="lines without their ids that are not annotations",
    )
