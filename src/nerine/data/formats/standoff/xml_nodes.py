"""XML files of untrusted origin, read element by element with bounded work.

No external file is loaded, and entities that a file defines itself are refused: a few lines of them
can stand for gigabytes of text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from nerine.core.errors import FormatError
from nerine.core.files import opened

_CHUNK = 64 * 1024
_DEEPEST = 100
_LONGEST = 64 * 1024 * 1024
_MOST_NODES = 1_000_000
_INVALID = (expat.ExpatError, ValueError, LookupError)


@dataclass(slots=True)
class Node:
    """An element.

    Attributes:
        tag: Its name.
        attributes: Its attributes.
        line: The number of the line on which it begins.
        pieces: Its text in pieces, without that of the elements inside.
        children: The elements inside.
    """

    tag: str
    attributes: dict[str, str]
    line: int
    pieces: list[str] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its text, without that of the elements inside."""
        return "".join(self.pieces)

    def first(self, tag: str) -> Node | None:
        """The first element with a name among its children."""
        return next((each for each in self.children if each.tag == tag), None)


class _Collector:
    """The handlers of a parser; collects the elements with one name."""

    def __init__(self, path: Path | str, tag: str | None, encoding: str | None = None) -> None:
        self.finished: list[Node] = []
        self.parser = expat.ParserCreate(encoding)
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.EntityDeclHandler = self._refuse
        self.parser.SkippedEntityHandler = self._refuse
        self._path = path
        self._tag = tag
        self._depth = 0
        self._fed = 0
        self._nodes = 0  # inside the outermost element that is open
        self._begin = 0  # of the outermost element that is open
        self._open: list[Node] = []

    @property
    def place(self) -> str:
        return f"{self._path}:{self.parser.CurrentLineNumber}"

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise FormatError(f"elements are nested more than {_DEEPEST} deep", place=self.place)
        if self._open or tag == self._tag or self._tag is None:
            node = Node(tag, attributes, self.parser.CurrentLineNumber)
            if self._open:
                self._open[-1].children.append(node)
                self._nodes += 1 + len(attributes)
            else:
                self._begin, self._nodes = self.parser.CurrentByteIndex, 0
            if self._nodes > _MOST_NODES:
                raise FormatError(
                    f"an element has more than {_MOST_NODES:,} elements and attributes inside",
                    place=self.place,
                )
            self._open.append(node)

    def _end(self, tag: str) -> None:  # noqa: ARG002
        self._depth -= 1
        if self._open:
            node = self._open.pop()
            if not self._open:
                self.finished.append(node)

    def _characters(self, text: str) -> None:
        if self._open:
            self._open[-1].pieces.append(text)

    def feed(self, chunk: bytes) -> None:
        """Parses a part of the file; an element or a tag that does not end is an error."""
        self._fed += len(chunk)
        begin = self.parser.CurrentByteIndex if not self._open else self._begin
        if self._fed - begin > _LONGEST:
            raise FormatError(
                f"an element or a tag has more than {_LONGEST:,} bytes", place=self.place
            )
        self.parser.Parse(chunk, not chunk)

    def _refuse(self, name: str, *_: object) -> NoReturn:
        raise FormatError(
            f"the file defines or uses an entity of its own, {name!r}",
            place=self.place,
            expected="XML with the usual entities: &lt; &gt; &amp; &quot; &apos; and numbers",
            hint="write its text in its place",
        )


def read_nodes(path: Path, tag: str | None = None) -> Iterator[Node]:
    """The elements of a file that are called `tag`, one by one; None means its root.

    Elements inside one of them are its children.
    """
    collector = _Collector(path, tag)
    with opened(path) as stream:
        while True:
            chunk = stream.read(_CHUNK)
            try:
                collector.feed(chunk)
            except _INVALID as error:
                raise FormatError(
                    f"this is not valid XML: {error}",
                    place=collector.place,
                    hint="the file may be cut short: export or copy it again",
                ) from None
            yield from collector.finished
            collector.finished.clear()
            if not chunk:
                return


def parse_nodes(text: str, place: str) -> Node:
    """The root of XML in a text, whose encoding is not that of its declaration.

    Args:
        text: The XML.
        place: Where it comes from.

    Raises:
        FormatError: If it is not valid XML, or has entities of its own.
    """
    collector = _Collector(place, None, "utf-8")
    try:
        collector.feed(text.encode())
        collector.feed(b"")
    except _INVALID as error:
        raise FormatError(f"this is not valid XML: {error}", place=collector.place) from None
    return collector.finished[0]
