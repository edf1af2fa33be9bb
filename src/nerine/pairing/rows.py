"""A tolerant reader of column files, for systems' outputs.

It takes any line ends, TABs or runs of spaces line by line, any number of columns, files with
tags alone, and a last sentence that nothing ends. Tags of an unknown form are read as `O`. Every
such repair is counted. Gold files are read by `nerine.formats.columns`, which is strict.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nerine.errors import FormatError, SettingsError
from nerine.formats.comments import own_key
from nerine.formats.files import stream_lines
from nerine.formats.layout import is_docstart, is_tag
from nerine.formats.options import SPACE, TAB, ReadOptions, separator_named
from nerine.pairing.repairs import Repairs
from nerine.schemes import OUTSIDE

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True, slots=True)
class Row:
    """A line with a token and its tag; `token` is None where the line has a tag alone.

    `ends` says that a sentence ends after this row.
    """

    line: int
    token: str | None
    tag: str
    ends: bool = False


def read_rows(path: Path, options: ReadOptions, repairs: Repairs) -> list[Row]:
    """The rows of a column file, in order."""
    rows: list[Row] = []
    for number, line in _lines(path, repairs):
        stripped = line.rstrip(" \t")
        if not stripped.strip() or is_docstart(stripped):
            _end_sentence(rows)
            continue
        begins = not rows or rows[-1].ends
        if begins and _is_comment(stripped, options):
            continue
        rows.append(_row(stripped, number, path, options, repairs))
    _end_sentence(rows)
    if not rows:
        raise FormatError("there is no row", place=str(path), expected="a token and a tag a line")
    return rows


def sentences_in(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows of each sentence, by the file's own breaks."""
    sentences: list[list[Row]] = [[]]
    for row in rows:
        sentences[-1].append(row)
        if row.ends:
            sentences.append([])
    return [sentence for sentence in sentences if sentence]


def _lines(path: Path, repairs: Repairs) -> Iterable[tuple[int, str]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", place=str(path)) from error
    pieces = _LINE.findall(content.removeprefix(codecs.BOM_UTF8))
    returns = [index for index, piece in enumerate(pieces, start=1) if b"\r" in piece]
    if returns:
        repairs.add("lines that end with a carriage return", f"{path}:{returns[0]}", len(returns))
    return stream_lines((piece.rstrip(b"\r\n") for piece in pieces), str(path))


def _end_sentence(rows: list[Row]) -> None:
    if rows and not rows[-1].ends:
        rows[-1] = replace(rows[-1], ends=True)


def _is_comment(line: str, options: ReadOptions) -> bool:
    if not line.startswith("#"):
        return False
    return own_key(line) is not None or len(_cut(line, options)) == 1


def _cut(line: str, options: ReadOptions) -> list[str]:
    separator = separator_named(options.separator) if options.separator else None
    if separator == TAB or (separator is None and TAB in line):
        return line.split(TAB)
    return [column for column in line.split(SPACE) if column]


def _row(line: str, number: int, path: Path, options: ReadOptions, repairs: Repairs) -> Row:
    place = f"{path}:{number}"
    columns = _cut(line, options)
    if len(columns) == 1:
        if not is_tag(columns[0]):
            raise FormatError(
                f"there is one column, {line[:60]!r}, and it is no tag",
                place=place,
                expected="a token and its tag, or a tag alone",
            )
        repairs.add("lines with a tag and no token", place)
        return Row(number, None, columns[0])
    token = columns[_column(options.token_column, "token_column", len(columns), place)]
    tag = columns[_column(options.tag_column, "tag_column", len(columns), place)].strip()
    if not is_tag(tag):
        repairs.add("tags of an unknown form, read as O", place)
        tag = OUTSIDE
    return Row(number, token, tag)


def _column(column: int | str, name: str, width: int, place: str) -> int:
    if isinstance(column, str):
        raise SettingsError(
            f"{name} is {column!r}",
            place=place,
            expected="a number, as the columns of this file have no names",
        )
    if not -width <= column < width:
        raise FormatError(
            f"there is no column {column}, which {name} names",
            place=place,
            expected=f"a number from {-width} to {width - 1}, as there are {width} columns",
        )
    return column
