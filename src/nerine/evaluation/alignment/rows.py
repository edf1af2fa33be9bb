"""A tolerant reader of column files, for systems' outputs.

It takes any line ends, TABs or runs of spaces line by line, any number of columns, files with
tags alone, and a last sentence that nothing ends. Tags of an unknown form are read as `O`, if
there are others. Every such repair is counted. Gold files are read by `data.formats.columns`,
which is strict.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nerine.core.errors import FormatError
from nerine.core.files import stream_lines
from nerine.core.tags import OUTSIDE
from nerine.data.formats.column_comments import own_key
from nerine.data.formats.column_layout import (
    TAB,
    Layout,
    column_index,
    column_separator,
    is_docstart,
    is_tag,
)
from nerine.data.formats.options import ReadOptions
from nerine.evaluation.alignment.repairs import Repairs


@dataclass(frozen=True, slots=True)
class Row:
    """A line with a token and its tag; `token` is None where the line has a tag alone.

    `ends` says that a sentence ends after this row, `is_known` that the tag is one, and was not
    read as `O` for want of a known form.
    """

    line: int
    token: str | None
    tag: str
    ends: bool = False
    is_known: bool = True


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
    if not any(row.is_known for row in rows):
        raise FormatError(
            f"no line has a tag in column {options.tag_column}",
            place=f"{path}:{rows[0].line}",
            expected="'O', or tags such as 'B-person'",
            hint="--predicted-column (tag_column=…) says where the tags are",
        )
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
    # a carriage return alone ends a line only where no line feed does: it may stand in a token
    end = b"\n" if b"\n" in content else b"\r"
    pieces = content.removesuffix(end).split(end)
    if end == b"\r" and end in content:
        returns = [*range(1, len(pieces) + 1)]
    else:
        returns = [number for number, piece in enumerate(pieces, 1) if piece.endswith(b"\r")]
    if returns:
        repairs.add("lines that end with a carriage return", f"{path}:{returns[0]}", len(returns))
    return stream_lines(pieces, str(path))


def _end_sentence(rows: list[Row]) -> None:
    if rows and not rows[-1].ends:
        rows[-1] = replace(rows[-1], ends=True)


def _is_comment(line: str, options: ReadOptions) -> bool:
    """Whether the first line of a sentence is a comment, and not the token `#` or `#tag`."""
    if not line.startswith("#"):
        return False
    columns = _cut(line, options)
    has_tag = any(is_tag(column) for column in columns[1:])
    if TAB in line:
        return not has_tag and " = " in line
    return own_key(line) is not None or not has_tag or (len(columns) > 2 and " = " in line)


def _cut(line: str, options: ReadOptions) -> list[str]:
    """The columns of `line`, at the stated separator, or at TABs where it has some."""
    return Layout(column_separator(options.separator, line)).split(line)


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
    token = columns[column_index(options.token_column, "token_column", len(columns), place)]
    tag = columns[column_index(options.tag_column, "tag_column", len(columns), place)].strip()
    if is_tag(tag):
        return Row(number, token, tag)
    repairs.add("tags of an unknown form, read as O", place)
    return Row(number, token, OUTSIDE, is_known=False)
