"""Layout of a column file: its separator and columns, detected from its first token lines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from nerine.core.errors import FormatError, SchemeError, SettingsError
from nerine.core.files import read_lines
from nerine.core.tags import parse_tag
from nerine.data.formats.column_comments import own_key
from nerine.data.formats.options import ReadOptions
from nerine.data.formats.tagged_words import check_tags

DOCSTART = "-DOCSTART-"
TAB, SPACE = "\t", " "

_SEPARATORS = {TAB: TAB, "tab": TAB, SPACE: SPACE, "space": SPACE}


@dataclass(frozen=True, slots=True)
class Layout:
    """The separator (TAB or SPACE), the number of columns, and those of tokens and tags.

    `width` is 0 for a file without tokens. `line` is the line that the layout was detected from.
    """

    separator: str
    width: int = 0
    token: int = 0
    tag: int = -1
    line: int = 0

    def split(self, line: str) -> list[str]:
        """The columns of `line`."""
        if self.separator == TAB:
            return line.split(TAB)
        return [column for column in line.split(SPACE) if column]

    def is_comment(self, line: str) -> bool:
        """Whether `line` is a comment, if no token of its sentence comes before it.

        Tokens may begin with `#` too. So a line with the right number of columns and a tag is a
        token; only Nerine's own keys are comments even if spaces make them look like tokens.
        """
        if not line.startswith("#"):
            return False
        if self.separator == SPACE and own_key(line):
            return True
        columns = self.split(line)
        if len(columns) == self.width > 1 and is_tag(columns[self.tag]):
            return False
        return len(columns) == 1 or " = " in f"{line} " or self.width == 0

    def parse_row(self, line: str, place: str) -> list[str]:
        """The columns of a token line; raises `FormatError` unless all are valid."""
        columns = self.split(line)
        if len(columns) != self.width:
            raise FormatError(
                f"{len(columns)} columns: {line[:60]!r}",
                place=place,
                expected=f"{self.width} columns, as in line {self.line}",
                hint=f"columns were split at {self.separator_name}; an empty line ends a sentence",
            )
        if not columns[self.token]:
            raise FormatError(
                "the token is empty", place=place, expected="at least one character in every token"
            )
        tag = columns[self.tag]
        if tag != tag.strip():
            raise FormatError(f"the tag {tag!r} has white space around it", place=place)
        check_tags([tag], lambda _: place)
        return columns

    def with_columns(self, token: int | str, tag: int | str, place: str) -> Layout:
        """This layout with the tokens in column `token` and the tags in column `tag`."""
        columns = [
            column_index(column, option, self.width, place)
            for column, option in ((token, "token_column"), (tag, "tag_column"))
        ]
        if columns[0] == columns[1]:
            raise FormatError(
                f"column {columns[0]} is named both for the tokens and for the tags",
                place=place,
                expected="two different columns",
            )
        return replace(self, token=columns[0], tag=columns[1])

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
        layout = Layout(column_separator(options.separator, line), line=number)
        layout = replace(layout, width=len(layout.split(line)))
        may_be_comment = line.startswith("#")
        if may_be_comment:
            is_own = layout.separator == SPACE and own_key(line)
            if doubtful is not None or is_own or layout.width < 2:
                continue
        place = f"{path}:{number}"
        if layout.width < 2:
            raise FormatError(
                f"the line has no tag column: {line[:60]!r} is one column",
                place=place,
                expected="a token and its tag in every line, with a TAB or spaces between them",
                hint=f"columns were split at {layout.separator_name}; --separator (separator=…) "
                "states another separator",
            )
        layout = layout.with_columns(options.token_column, options.tag_column, place)
        if not may_be_comment:
            return layout
        doubtful = layout if is_tag(layout.split(line)[layout.tag]) else None
    return doubtful or Layout(TAB)


def column_separator(stated: str | None, line: str = "") -> str:
    """TAB or space: the one stated, by its name or the character, or else the one in `line`."""
    if not stated:
        return TAB if TAB in line else SPACE
    if stated not in _SEPARATORS:
        raise SettingsError(
            f"{stated!r} is not a valid separator of columns",
            expected="'tab' or 'space' (runs of spaces)",
        )
    return _SEPARATORS[stated]


def column_index(column: int | str, option: str, width: int, place: str) -> int:
    """The index, from 0, of a column numbered from 0 or, negative, from the end.

    `option` is the option that gave the number, for messages.
    """
    if isinstance(column, str):
        raise SettingsError(
            f"{option} is {column!r}",
            place=place,
            expected="a number, as the columns of this file have no names",
        )
    if not -width <= column < width:
        raise FormatError(
            f"there is no column {column}, which {option} names",
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
    """Whether `line` is a `-DOCSTART-` line, which begins an article."""
    return line.startswith(DOCSTART) and line[len(DOCSTART) :][:1] in ("", TAB, SPACE)


def docstart_columns(line: str) -> list[str]:
    """The columns of a `-DOCSTART-` line, whose separator may differ from that of its file."""
    return Layout(column_separator(None, line)).split(line)
