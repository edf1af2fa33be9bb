"""The records of a JSON file, whichever way they are written down, read one by one.

A file of records is one of these, in any indentation::

    {"text": "a"}               objects one after another, usually one a line (JSON lines)
    {"text": "b"}

    [{"text": "a"}, …]          one array

    ["a", {"entities": []}]     pairs one after another; an array that begins with a string is one
    ["b", {"entities": []}]     record, one that begins with anything else is an array of records

    {"data": [{"text": "a"}]}   one object with the list of records under a usual name (`LISTS`)

At most one record is held in memory, or the whole object if records are in an object's list. A
record has at most `LONGEST` characters.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from nerine.core.errors import FormatError
from nerine.core.strict_json import kind_of, refuse_constant

LISTS = ("data", "examples", "annotations", "documents", "records", "items", "rows")
"""Names under which an object holds the records of a file."""

_RASA = ("rasa_nlu_data", "common_examples")

LONGEST = 64 * 1024 * 1024
_CHUNK = 64 * 1024
_WHITE = re.compile(r"[ \t\r\n]*")
_CUT = "the file ends before the JSON does: export or copy it again"
_PYTHON = "Python's tuples and quotes are not JSON: write the data with json.dump(data, file)"
_EXPECTED = 'JSON records such as {"text": "…", "entities": []}, one a line or in one array'


Refuse = Callable[[FormatError], None]
"""Raises the error of a record that cannot be read, or notes it."""


def ignore(_: FormatError) -> None:
    """For a first pass over a file: errors are raised or noted when it is read."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are there once each: of two fields of one name one would be lost."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise ValueError(f"the field {twice[:60]!r} is there twice in one object")
    return found


UNIQUE = json.JSONDecoder(parse_constant=refuse_constant, object_pairs_hook=_unique)
"""Decodes JSON without NaN, Infinity and fields of the same name in one object."""


class JsonValues:
    """The records of a JSON file with the numbers of their first lines.

    Args:
        pieces: The text of the file in pieces, such as lines with their ends.
        name: The file's name, for errors.
        refuse: Gets the error of a record that cannot be read; if it does not raise it, reading
            continues with the next line, or ends inside an array.
    """

    def __init__(self, pieces: Iterator[str], name: str, refuse: Refuse | None = None) -> None:
        self._pieces = pieces
        self._name = name
        self._refuse = refuse
        self._text = ""  # what was read and not yet decoded, from `_at` on
        self._at = 0
        self._line = 1  # the line of `_at`
        self._is_over = self._is_in_array = False

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        is_first, is_list = True, False
        while True:
            if not is_first:
                yield from self._whole_lines()
            if self._next() is None:
                return
            try:
                is_list = is_first and self._next() == "[" and self._begins_list()
                if is_list:
                    yield from self._elements()
                    self._check_end()
                    return
                line, value = self._value()
            except FormatError as error:
                if self._refuse is None:
                    raise
                self._refuse(error)
                if is_list:
                    return
                self._skip_line()
                is_first = False
                continue
            members = list_in(value) if is_first else None
            is_first = False
            if members is None or self._next() is not None:
                yield line, value
            else:  # of places inside the object only its first line is known
                yield from ((line, member) for member in members)

    def _whole_lines(self) -> Iterator[tuple[int, Any]]:
        """The values of the lines that follow, as long as each of them is one whole object."""
        self._move(_past_white(self._text, self._at))
        while self._at == len(self._text):
            piece = next(self._pieces, None)
            if piece is None:
                self._is_over = True
                return
            end = -1
            if piece.startswith("{") and piece.endswith("\n"):
                with contextlib.suppress(ValueError, RecursionError):  # it is decoded again below
                    value, end = UNIQUE.raw_decode(piece)
            if end < 0 or _past_white(piece, end) < len(piece):
                self._text, self._at = piece, 0
                return
            self._line += 1
            yield self._line - 1, value

    def _skip_line(self) -> None:
        """Moves to the line after that in which the value at hand begins."""
        while "\n" not in self._text[self._at :]:
            self._at = len(self._text)
            if not self._fill(1):
                return
        self._move(self._text.index("\n", self._at) + 1)

    def _next(self) -> str | None:
        """The next character that is not white space; None at the end of the file."""
        while True:
            self._move(_past_white(self._text, self._at))
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._fill(1):
                return None

    def _move(self, position: int) -> None:
        self._line += self._text.count("\n", self._at, position)
        self._at = position

    def _fill(self, wanted: int) -> bool:
        """Reads at least `wanted` more characters; False if the file is at its end."""
        pieces = [self._text[self._at :]]
        found = 0
        while found < wanted and not self._is_over:
            piece = next(self._pieces, None)
            self._is_over = piece is None
            pieces.append(piece or "")
            found += len(pieces[-1])
        if not found:
            return False  # positions in the text stay as they are
        self._text, self._at = "".join(pieces), 0
        return True

    def _begins_list(self) -> bool:
        """Whether the array at hand is a list of records rather than a record."""
        while True:
            first = _past_white(self._text, self._at + 1)
            if first < len(self._text):
                return self._text[first] != '"'
            if not self._fill(_CHUNK):
                return True

    def _elements(self) -> Iterator[tuple[int, Any]]:
        self._is_in_array = True
        self._move(self._at + 1)
        if self._next() == "]":
            self._move(self._at + 1)
            return
        while True:
            if self._next() is None:
                raise self._error("the array does not end", self._line, _CUT)
            yield self._value()
            mark = self._next()
            if mark not in (",", "]"):
                found = "the array does not end" if mark is None else f"{mark!r} follows a record"
                raise self._error(
                    f"this is not valid JSON: {found}", self._line, _CUT if mark is None else None
                )
            self._move(self._at + 1)
            if mark == "]":
                return

    def _check_end(self) -> None:
        if self._next() is not None:
            raise FormatError(
                "this is not one JSON array: more follows its end",
                place=f"{self._name}:{self._line}",
                expected="one array, or records one a line",
            )

    def _value(self) -> tuple[int, Any]:
        """The next value, with the number of its first line."""
        line = self._line
        while True:
            if len(self._text) - self._at > LONGEST:
                raise FormatError(
                    f"a record has more than {LONGEST:,} characters",
                    place=f"{self._name}:{line}",
                    expected=_EXPECTED,
                )
            wanted = max(len(self._text) - self._at, _CHUNK)
            try:
                value, end = UNIQUE.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                is_cut = error.pos >= len(self._text.rstrip()) or self._text[-1] != "\n"
                if is_cut and self._fill(wanted):
                    continue
                raise self._invalid(error, line) from None
            except (ValueError, RecursionError) as error:
                # a number of thousands of digits, NaN, or nesting beyond Python's limit
                deep = isinstance(error, RecursionError)
                reason = "it is nested too deeply" if deep else str(error)
                raise self._error(f"this is not valid JSON: {reason}", line) from None
            if end == len(self._text) and not isinstance(value, dict | list) and self._fill(wanted):
                continue  # a number may go on
            self._move(end)
            return line, value

    def _invalid(self, error: json.JSONDecodeError, first: int) -> FormatError:
        """The error for a value that cannot be decoded, at the line where it goes wrong."""
        own, _, rest = self._text[self._at :].partition("\n")
        if "\n" in self._text[self._at : error.pos + 1] and _is_value(rest.partition("\n")[0]):
            # the line is cut short: the next one begins a record of its own
            try:
                UNIQUE.decode(own)
            except json.JSONDecodeError as shorter:
                return self._error(_described(shorter), first)
        length = len(self._text.rstrip())
        line = first + self._text.count("\n", self._at, min(error.pos, length))
        is_cut = error.pos >= length or error.msg.startswith("Unterminated string")
        is_cut = is_cut or (self._is_in_array and self._is_over and self._text[length - 1] != "]")
        hint = _CUT if is_cut and self._text[self._at] in "[{" else None
        if self._text[error.pos : error.pos + 80].lstrip()[:1] in ("(", "'"):
            hint = _PYTHON
        return self._error(_described(error), line, hint)

    def _error(self, found: str, line: int, hint: str | None = None) -> FormatError:
        return FormatError(found, place=f"{self._name}:{line}", expected=_EXPECTED, hint=hint)


def list_in(value: Any) -> list[Any] | None:
    """The records that an object holds under one of the names `LISTS`; None if it is a record.

    An object with a text of its own, or with several such lists, is taken as a record.
    """
    if not isinstance(value, dict) or any(isinstance(value.get(name), str) for name in _TEXTS):
        return None
    inner = value.get(_RASA[0])
    if isinstance(inner, dict) and isinstance(inner.get(_RASA[1]), list):
        return list(inner[_RASA[1]])
    found = [value[name] for name in LISTS if _are_records(value.get(name))]
    return list(found[0]) if len(found) == 1 else None


_TEXTS = ("text", "data", "content", "sentence", "document", "raw")
_TOKENS = ("tokens", "words", "tokenized_text")


def _are_records(value: Any) -> bool:
    """Whether a value is a list of objects with a text or tokens, or of pairs of text and object.

    One may be null, which annotators write for a text that was passed over.
    """
    if not isinstance(value, list) or not any(value):
        return False
    return all(each is None or _is_record(each) for each in value)


def _is_record(value: Any) -> bool:
    if isinstance(value, list):
        return [type(part) for part in value] == [str, dict]
    return (
        isinstance(value, dict)
        and not value.keys() & {"start", "start_offset", "begin", "offset"}  # an entity
        and (
            any(isinstance(value.get(name), str | dict) for name in _TEXTS)
            or any(isinstance(value.get(name), list) for name in _TOKENS)
        )
    )


def _is_value(line: str) -> bool:
    """Whether a line is a JSON object or array of its own."""
    try:
        return isinstance(UNIQUE.decode(line), dict | list)
    except (ValueError, RecursionError):
        return False


def _described(error: json.JSONDecodeError) -> str:
    return f"this is not valid JSON: {error.msg} (column {error.colno})"


def _past_white(text: str, position: int) -> int:
    """The first position from `position` on without white space of JSON."""
    found = _WHITE.match(text, position)
    return found.end() if found else position


def as_record(value: Any, place: str) -> dict[str, Any]:
    """A value as an object; raises `FormatError` if it is anything else."""
    if isinstance(value, dict):
        return value
    raise FormatError(f"this is {kind_of(value)}", place=place, expected=_EXPECTED)
