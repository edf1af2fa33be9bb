"""The documents of a BioC file in JSON, one by one, in any of its wrappings."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from nerine.core.errors import FormatError
from nerine.core.files import opened
from nerine.core.strict_json import STRICT, kind_of

EXPECTED = "a BioC collection, or documents with passages"

_COLLECTIONS = ("documents", "PubTator3")
_CHUNK = 128 * 1024
_LONGEST = 64 * 1024 * 1024
_WHITE = re.compile(r"[ \t\r\n]*")
_COLLECTION_START = re.compile(
    r'(\[?\s*)\{[^{}\[\]]*("infons"\s*:\s*\{[^{}]*\}[^{}\[\]]*)?"(documents|PubTator3)"\s*:\s*\['
)


class _Text:
    """A part of a file from its position on; more is read as it is needed."""

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self._stream = stream
        self._path = path
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._is_over = False
        self._text = ""
        self._line = 1

    @property
    def place(self) -> str:
        return f"{self._path}:{self._line}"

    def starts(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """A match at the position."""
        return pattern.match(self._text)

    def pass_over(self, length: int) -> str:
        """Moves the position on; returns what was passed."""
        passed, self._text = self._text[:length], self._text[length:]
        self._line += passed.count("\n")
        return passed

    def next_sign(self) -> str:
        """The next character that is no white space; "" at the end of the file."""
        while True:
            white = _WHITE.match(self._text)
            self.pass_over(white.end() if white else 0)
            if self._text or not self._more():
                return self._text[:1]

    def value(self, start: str = "") -> Any:
        """The JSON value at the position, which is passed over; `start` comes before it."""
        while True:
            try:
                value, end = STRICT.raw_decode(start + self._text)
            except RecursionError as error:
                raise self.error(error) from None
            except ValueError as error:
                if len(self._text) > _LONGEST:
                    found = ValueError(f"no value ends within {_LONGEST:,} characters")
                    raise self.error(found) from None
                if not self._more():
                    raise self.error(error) from None
            else:
                if end < len(start) + len(self._text) or not self._more():  # a number may go on
                    self.pass_over(end - len(start))
                    return value

    def error(self, error: Exception) -> FormatError:
        """The error for something else than valid JSON at the position."""
        return FormatError(f"this is not valid JSON: {error}", place=self.place, expected=EXPECTED)

    def _more(self) -> bool:
        """Reads as much again as there is; returns whether there was more."""
        if self._is_over:
            return False
        raw = self._stream.read(max(_CHUNK, len(self._text)))
        self._is_over = not raw
        try:
            self._text += self._decoder.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            raise FormatError(
                f"byte 0x{error.object[error.start]:02x} is not UTF-8",
                place=str(self._path),
                expected="a file in UTF-8",
            ) from None
        return bool(raw)


def read_json_documents(path: Path) -> Iterator[tuple[str, Any]]:
    """The documents of a file with their places.

    The file is a collection, a document, an array of these, or one of them a line. A document may
    have 64 million characters; of an array or a collection, one document is held in memory.
    """
    with opened(path) as stream:
        text = _Text(stream, path)
        while sign := text.next_sign():
            collection = text.starts(_COLLECTION_START)
            if collection or sign == "[":
                yield from _listed(text, text.pass_over(collection.end() if collection else 1))
            else:
                place = text.place
                yield from ((place, each) for each in _documents_in([text.value()], place))


def _documents_in(values: list[Any], place: str) -> Iterator[Any]:
    for each in values:
        found = each if isinstance(each, dict) else {}
        names = [name for name in _COLLECTIONS if isinstance(found.get(name), list)]
        if names:
            yield from found[names[0]]
        elif "passages" in found:
            yield each
        else:
            raise FormatError(
                f"this is {kind_of(each)} without documents and passages",
                place=place,
                expected=EXPECTED,
            )


def _listed(text: _Text, start: str) -> Iterator[tuple[str, Any]]:
    """The elements of a list that begins with `start`: an array, or that of a collection."""
    is_first = True
    while (sign := text.next_sign()) != "]":
        if not is_first:
            if sign != ",":
                raise text.error(ValueError("a comma or the end of the documents is missing"))
            text.pass_over(1)
            text.next_sign()
        place = text.place
        value = text.value()
        found = _documents_in([value], place) if start == "[" else [value]
        yield from ((place, each) for each in found)
        is_first = False
    place = text.place
    whole = text.value(start)
    # an array may go on with other collections
    others = whole[1:] if start != "[" and isinstance(whole, list) else []
    yield from ((place, each) for each in _documents_in(others, place))
