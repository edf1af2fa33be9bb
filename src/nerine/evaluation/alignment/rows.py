"""A tolerant reader of column files that systems write.

It accepts any line ends, TABs or runs of spaces in each line, any number of columns, files with
tags alone, and a last sentence without an empty line. Tags of an unknown form are read as `O`, if
other lines have valid ones. Every such repair is counted. Gold files are read by
`data.formats.columns`, which is strict.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nerine.core.errors import FormatError, SettingsError
from nerine.core.files import stream_lines
from nerine.core.tags import OUTSIDE, Notation, TagScheme, bracketed_spans, is_tag
from nerine.data.formats.columns.comments import own_key
from nerine.data.formats.columns.detection import judged_options
from nerine.data.formats.columns.layout import (
    TAB,
    Layout,
    column_index,
    column_separator,
    is_docstart,
)
from nerine.data.formats.options import ReadOptions
from nerine.evaluation.alignment.repairs import Repairs

LAST = -1
_MOST_JUDGED = 500
_COLUMN_HINT = "--predicted-column (tag_column=…) names the column of the tags"


@dataclass(frozen=True, slots=True)
class Row:
    """A line with a token and its tag.

    Attributes:
        line: The line number, from 1.
        token: The token; None if the line has only a tag.
        tag: The tag.
        unknown: The tag as written, if it has an unknown form and is read as `O`.
    """

    line: int
    token: str | None
    tag: str
    unknown: str | None = None


Columns = tuple[int, tuple[int, ...]]
"""The number of columns of a file, and the indices of those of the tags."""
Cells = tuple[int, list[str]]
"""The number of a line and its columns."""


def read_sentences(
    path: Path,
    options: ReadOptions,
    repairs: Repairs,
    gold_columns: Columns | None = None,
    remarks: list[str] | None = None,
) -> list[list[Row]]:
    """The rows of each sentence of a column file.

    Tags are in the column that the options name. If that is the last one, and has no tags, they
    are in the only other column that has a tag in every line. Of several columns of tags the last
    one is read, as the others may be gold tags; but if the gold file has as many columns, the one
    that was read there (`gold_columns`). `remarks` collects what was chosen.

    Raises `FormatError` if the file cannot be read, or has no rows or no tags.
    """
    stated = options.tag_column
    options, notation = judged_options(path, options)
    if notation.note and remarks is not None:
        remarks.append(notation.note)
    column = options.tag_column
    if stated is None and column not in (None, LAST) and remarks is not None:
        remarks.append(f"the tags of {path} are in column {column}, the only one with tags")
    sentences: list[list[Cells]] = [[]]
    lines = [(number, line.rstrip(" \t")) for number, line in _lines(path, repairs)]
    width = _usual_width([line for _, line in lines], options)
    for number, stripped in lines:
        if not stripped.strip() or is_docstart(stripped):
            if sentences[-1]:
                sentences.append([])
            continue
        columns = Layout(column_separator(options.separator, stripped)).split(stripped)
        if sentences[-1] or not _is_comment(stripped, columns, width):
            sentences[-1].append((number, columns))
    if not sentences[-1]:
        sentences.pop()
    if not sentences:
        raise FormatError("no rows", place=str(path), expected="a token and a tag in each line")
    if stated in (None, LAST):
        cells = [cells for each in sentences for cells in each]
        column = _tag_column(cells, path, options, gold_columns, remarks)
        options = replace(options, tag_column=column)
    rows = [
        [_row(columns, number, path, options, repairs, notation) for number, columns in sentence]
        for sentence in sentences
    ]
    _check_known([row for sentence in rows for row in sentence], path, options)
    return [_prefixed(sentence, notation) for sentence in rows]


def _prefixed(rows: list[Row], notation: Notation) -> list[Row]:
    """The rows with their tags as in `B-person`."""
    tags = [row.tag for row in rows]
    if notation.name == "brackets":
        # of nested entities the outer one, as one tag a word holds no more
        spans = sorted(bracketed_spans(tags)[0], key=lambda span: (span.start, -span.end))
        flat = [
            span
            for index, span in enumerate(spans)
            if all(e.end <= span.start for e in spans[:index])
        ]
        tags = TagScheme.IOB2.encode(flat, len(tags))
    written = notation.prefixed(tags) if notation.name != "brackets" else tags
    return [replace(row, tag=tag) for row, tag in zip(rows, written, strict=True)]


def _check_known(rows: Sequence[Row], path: Path, options: ReadOptions) -> None:
    """Raises `FormatError` unless most tags other than `O` have a known form."""
    unknown = [row for row in rows if row.unknown is not None]
    others = len(unknown) + sum(row.tag != OUTSIDE for row in rows)
    if 2 * len(unknown) <= others:
        return
    found = f"no line has a tag in column {options.tag_column}"
    if len(unknown) < len(rows):
        found = (
            f"{len(unknown):,} of {others:,} tags other than O have an unknown form, such as "
            f"{(unknown[0].unknown or '')[:60]!r}"
        )
    raise FormatError(
        found,
        place=f"{path}:{unknown[0].line}",
        expected="'O', or tags such as 'B-person'",
        hint=_COLUMN_HINT,
    )


def _tag_column(
    rows: Sequence[Cells],
    path: Path,
    options: ReadOptions,
    gold_columns: Columns | None,
    remarks: list[str] | None,
) -> int | str | tuple[int, ...]:
    """The column of the tags: the one stated, or the only one that has tags in every line."""
    widths = {len(columns) for _, columns in rows}
    width = widths.pop()
    stated = LAST if options.tag_column is None else options.tag_column
    if stated != LAST or widths or width < 3:
        return stated
    full = [
        index
        for index in range(width)
        if index != options.token_column and all(is_tag(columns[index]) for _, columns in rows)
    ]
    chosen = width - 1
    if gold_columns and gold_columns[0] == width and gold_columns[1][0] in full:
        chosen = gold_columns[1][0]
    if len(full) > 1 and chosen in full:
        if remarks is not None:
            named = " and ".join(map(str, full))
            as_gold = ", as in gold" if chosen != width - 1 else ""
            remarks.append(
                f"columns {named} of {path} hold tags; {chosen} is read{as_gold}, "
                "--predicted-column (tag_column=…) names another"
            )
        return chosen
    if any(is_tag(columns[LAST]) for _, columns in rows) or not full:
        return stated
    if len(full) > 1:
        raise FormatError(
            f"the last column has no tags, and columns {' and '.join(map(str, full))} have",
            place=f"{path}:{rows[0][0]}",
            expected="one column of tags",
            hint=_COLUMN_HINT,
        )
    if remarks is not None:
        remarks.append(f"the tags of {path} are in column {full[0]}, the only one with tags")
    return full[0]


def _lines(path: Path, repairs: Repairs) -> Iterable[tuple[int, str]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", place=str(path)) from error
    # a carriage return alone ends a line only if no line feed does: it may be part of a token
    end = b"\n" if b"\n" in content else b"\r"
    pieces = content.removesuffix(end).split(end)
    if end == b"\r" and end in content:
        returns = [*range(1, len(pieces) + 1)]
    else:
        returns = [number for number, piece in enumerate(pieces, 1) if piece.endswith(b"\r")]
    if returns:
        repairs.add("lines that end with a carriage return", f"{path}:{returns[0]}", len(returns))
    return stream_lines(pieces, str(path))


def _usual_width(lines: Sequence[str], options: ReadOptions) -> int:
    """The number of columns of most lines that are surely not comments."""
    filled = (line for line in lines if line.strip() and not line.startswith("#"))
    rows = itertools.islice(filled, _MOST_JUDGED)
    widths = [len(Layout(column_separator(options.separator, each)).split(each)) for each in rows]
    return Counter(widths).most_common(1)[0][0] if widths else 0


def _is_comment(line: str, columns: Sequence[str], width: int) -> bool:
    """Whether the first line of a sentence is a comment, and not the token `#` or `#tag`."""
    if not line.startswith("#"):
        return False
    has_tag = any(is_tag(column) for column in columns[1:])
    if TAB in line:
        has_words = len(columns[0].split()) > 1
        return not has_tag and (" = " in line or has_words or len(columns) != width)
    return own_key(line) is not None or not has_tag or (len(columns) > 2 and " = " in line)


def _row(
    columns: Sequence[str],
    number: int,
    path: Path,
    options: ReadOptions,
    repairs: Repairs,
    notation: Notation,
) -> Row:
    place = f"{path}:{number}"
    if len(columns) == 1:
        if not is_tag(columns[0]):
            raise FormatError(
                f"one column, {columns[0][:60]!r}, which is not a tag",
                place=place,
                expected="a token and its tag, or a tag alone",
            )
        repairs.add("lines with a tag and no token", place)
        return Row(number, None, columns[0])
    token = columns[_index(options.token_column, "token_column", len(columns), place)]
    tag = columns[_index(options.tag_column, "tag_column", len(columns), place)].strip()
    if notation.is_tag(tag):
        return Row(number, token, tag)
    repairs.add("tags of an unknown form, read as O", place)
    return Row(number, token, OUTSIDE, unknown=tag)


def _index(column: int | str | tuple[int, ...] | None, option: str, width: int, place: str) -> int:
    if isinstance(column, tuple):
        raise SettingsError(f"{option} is {column}", place=place, expected="one column")
    usual = 0 if option == "token_column" else -1
    return column_index(usual if column is None else column, option, width, place)
