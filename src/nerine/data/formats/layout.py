"""How a column file is laid out, found from its first token lines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from nerine.core.errors import FormatError, SchemeError, SettingsError
from nerine.core.files import read_lines
from nerine.core.tags import parse_tag
from nerine.data.formats.comments import own_key
from nerine.data.formats.options import SPACE, TAB, ReadOptions, separator_named

DOCSTART = "-DOCSTART-"


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a file: TAB or SPACE between them, how many, which ones count.

    `width` is 0 in a file without a token; `line` is where the layout was seen.
    """

    separator: str
    width: int = 0
    token: int = 0
    tag: int = -1
    line: int = 0

    def cut(self, line: str) -> list[str]:
        """The columns of `line`."""
        if self.separator == TAB:
            return line.split(TAB)
        return [column for column in line.split(SPACE) if column]

    def is_comment(self, line: str) -> bool:
        """Whether `line` is a comment, given that no token of its sentence stands before it.

        Tokens may begin with `#` as well. So a line with the right number of columns and a tag
        is a token; only our own keys are comments even where spaces make them look like tokens.
        """
        if not line.startswith("#"):
            return False
        if self.separator == SPACE and own_key(line):
            return True
        columns = self.cut(line)
        if len(columns) == self.width > 1 and is_tag(columns[self.tag]):
            return False
        return len(columns) == 1 or " = " in f"{line} " or self.width == 0

    @property
    def separator_name(self) -> str:
        """The separator in words."""
        return "TABs" if self.separator == TAB else "runs of spaces"


def find_layout(path: Path, options: ReadOptions) -> Layout:
    """The layout of the first line that is surely a token, or else of one that begins with `#`."""
    doubtful = None
    for number, line in read_lines(path):
        if not line.strip() or is_docstart(line):
            continue
        seen = _seen(line, number, options)
        if not line.startswith("#"):
            return _checked(seen, line, path, options)
        is_own = seen.separator == SPACE and own_key(line)
        if doubtful is None and not is_own and seen.width > 1:
            layout = _checked(seen, line, path, options)
            doubtful = layout if is_tag(layout.cut(line)[layout.tag]) else None
    return doubtful or Layout(TAB)


def _seen(line: str, number: int, options: ReadOptions) -> Layout:
    stated = options.separator
    separator = separator_named(stated) if stated else (TAB if TAB in line else SPACE)
    layout = Layout(separator, line=number)
    return replace(layout, width=len(layout.cut(line)))


def _checked(seen: Layout, line: str, path: Path, options: ReadOptions) -> Layout:
    place = f"{path}:{seen.line}"
    if seen.width < 2:
        raise FormatError(
            f"there is no tag column: {line[:60]!r} is one column",
            place=place,
            expected="a token and its tag in every line, with a TAB or spaces between them",
            hint=f"the columns were cut at {seen.separator_name}; --separator states another",
        )
    return with_columns(seen, options.token_column, options.tag_column, place)


def with_columns(layout: Layout, token: int | str, tag: int | str, place: str) -> Layout:
    """`layout` with the columns numbered `token` and `tag`."""
    columns = [
        column_number(column, name, layout.width, place)
        for column, name in ((token, "token_column"), (tag, "tag_column"))
    ]
    if columns[0] == columns[1]:
        raise FormatError(
            f"column {columns[0]} is named both for the tokens and for the tags",
            place=place,
            expected="two different columns",
        )
    return replace(layout, token=columns[0], tag=columns[1])


def column_number(column: int | str, name: str, width: int, place: str) -> int:
    """The index of a column that is numbered from 0, or from -1 backwards; `name` is the option."""
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
    return column % width


def is_tag(value: str) -> bool:
    """Whether `value` has the form of a tag."""
    try:
        parse_tag(value)
    except SchemeError:
        return False
    return True


def is_docstart(line: str) -> bool:
    """Whether `line` marks the beginning of an article."""
    return line.startswith(DOCSTART) and line[len(DOCSTART) :][:1] in ("", TAB, SPACE)


def cut_docstart(line: str) -> list[str]:
    """The columns of a `-DOCSTART-` line, which may be cut in another way than its file."""
    return Layout(TAB if TAB in line else SPACE).cut(line)
