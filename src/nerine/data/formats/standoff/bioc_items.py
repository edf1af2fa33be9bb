"""The documents of a BioC file, XML or JSON, as checked values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nerine.core.errors import FormatError
from nerine.core.files import errors_at, opened
from nerine.core.strict_json import kind_of
from nerine.data.formats.standoff.bioc_json import EXPECTED, read_json_documents
from nerine.data.formats.standoff.xml_nodes import Node, read_nodes

_NUMBER = re.compile(r"\s*(\d{1,18})\s*")
_PLURALS = {
    each: f"{each}s" for each in ("passage", "sentence", "annotation", "relation", "location")
}

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Annotation:
    """An annotation: its own text, and its locations as offset and length."""

    id: str | None
    infons: dict[str, Any]
    text: str | None
    locations: list[tuple[int, int]]
    place: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage or a sentence."""

    offset: int
    text: str | None
    infons: dict[str, Any]
    annotations: list[Annotation]
    place: str
    sentences: list[Piece] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Article:
    """A document of a file.

    Attributes:
        id: Its id.
        passages: Its passages.
        annotations: Those that belong to none of its passages.
        has_relations: Whether it, or a passage, has relations.
        place: Its file and line.
    """

    id: str | None
    passages: list[Piece]
    annotations: list[Annotation]
    has_relations: bool
    place: str


def read_articles(path: Path) -> Iterator[Article]:
    """The documents of a file."""
    with opened(path) as stream:
        is_xml = stream.read(4096).lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:1] == b"<"
    for place, item in _xml_items(path) if is_xml else read_json_documents(path):
        with errors_at(place):
            yield _article(item, str(path), place)


def _xml_items(path: Path) -> Iterator[tuple[str, Item]]:
    is_empty = True
    for node in read_nodes(path, "document"):
        is_empty = False
        yield f"{path}:{node.line}", _item_of(node)
    if is_empty:
        raise FormatError("the file has no <document>", place=str(path), expected=EXPECTED)


def _item_of(node: Node) -> Item:
    """An XML element in the form of BioC's JSON, with its line."""
    item: Item = {"line": node.line, "infons": {}, **node.attributes}
    for child in node.children:
        if child.tag == "infon":
            item["infons"][child.attributes.get("key", "")] = child.text
        elif child.tag in _PLURALS:
            item.setdefault(_PLURALS[child.tag], []).append(_item_of(child))
        else:
            item[child.tag] = child.text
    return item


def _article(item: Any, path: str, place: str) -> Article:
    item = _object(item, "document")
    passages = _items(item, "passages")
    id_ = item.get("id", item.get("_id"))
    return Article(
        None if id_ is None else str(id_)[:1000],
        [_piece(each, path, place) for each in passages],
        _annotations(item, path, place),
        any(each.get("relations") for each in (item, *passages)),
        place,
    )


def _piece(item: Item, path: str, around: str) -> Piece:
    place = f"{path}:{item['line']}" if "line" in item else around
    text = item.get("text")
    if not isinstance(text, str | None):
        raise FormatError(f"the text is {kind_of(text)}", place=place, expected="a string")
    return Piece(
        _number(item.get("offset"), "the offset of a passage or sentence", place),
        text,
        _object(item.get("infons") or {}, "object of infons"),
        _annotations(item, path, place),
        place,
        [_piece(each, path, place) for each in _items(item, "sentences")],
    )


def _annotations(item: Item, path: str, around: str) -> list[Annotation]:
    annotations = []
    for each in _items(item, "annotations"):
        text, id_ = each.get("text"), each.get("id")
        place = f"{path}:{each['line']}" if "line" in each else around
        if not isinstance(text, str | None):
            raise FormatError(
                f"the text of an annotation is {kind_of(text)}", place=place, expected="a string"
            )
        locations = [
            (
                _number(location.get("offset"), "an offset", place),
                _number(location.get("length"), "a length", place),
            )
            for location in _items(each, "locations")
        ]
        infons = _object(each.get("infons") or {}, "object of infons")
        annotations.append(
            Annotation(None if id_ is None else str(id_)[:1000], infons, text, locations, place)
        )
    return annotations


def _object(value: Any, what: str) -> Item:
    if not isinstance(value, dict):
        raise FormatError(f"the {what} is {kind_of(value)}", expected="an object")
    return value


def _items(item: Item, name: str) -> list[Item]:
    value = item.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise FormatError(f"the field {name!r} is {kind_of(value)}", expected="an array")
    return [_object(each, f"element of {name!r}") for each in value]


def _number(value: Any, what: str, place: str) -> int:
    """A number, which is a string in XML and in some JSON."""
    match = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    if match:
        return int(match[1])
    if type(value) is int and 0 <= value < 10**18:
        return value
    raise FormatError(
        f"{what} is {kind_of(value) if not isinstance(value, str) else repr(value[:60])}",
        place=place,
        expected="a whole number",
    )
