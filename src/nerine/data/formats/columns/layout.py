"""Layout of a column file: its separator and columns, and which lines are comments."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from nerine.core.errors import FormatError, SettingsError
from nerine.core.tags import Notation, are_tags
from nerine.core.tags.notation import PREFIXED
from nerine.data.formats.columns.comments import own_key
from nerine.data.formats.columns.judgement import KINDS, Column
from nerine.data.formats.tagged_words import unknown_form

DOCSTART = "-DOCSTART-"
TAB, SPACE = "\t", " "

SENTENCE_END = "an empty line after each sentence"

_SEPARATORS = {TAB: TAB, "tab": TAB, SPACE: SPACE, "space": SPACE}
_NO_WORD = re.compile(r"\d+-\d+|\d+\.\d+", re.ASCII)
_KEYED = re.compile(r"#\s*[^\s=]+ = ")
_DOCUMENTS_2012 = ("#begin document", "#end document")
_MOST_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Layout:
    """The separator (TAB or SPACE), the number of columns, and those of tokens and tags.

    Attributes:
        separator: TAB or SPACE.
        width: The number of columns; 0 for a file without tokens.
        token: The column of the tokens.
        tags: The columns of the tags, one for each layer.
        line: The line that the layout was detected from.
        counter: The column that counts the tokens of a sentence, if there is one.
        dividers: The columns that divide documents where empty lines do not.
        counts: Whether the divider counts tokens, so that a number that is not larger divides.
        header: The line that names the columns; 0 if there is none.
        most: The number of columns that a line may have, more than `width` in CoNLL-2012.
        notation: How the tags are written.
        labels: The labels known from the first lines, if tags are labels without prefixes.
        columns: The columns, if they were judged.
    """

    separator: str
    width: int = 0
    token: int = 0
    tags: tuple[int, ...] = (-1,)
    line: int = 0
    counter: int | None = None
    dividers: tuple[int, ...] = ()
    counts: bool = False
    header: int = 0
    most: int | None = None
    notation: Notation = PREFIXED
    labels: frozenset[str] = frozenset()
    columns: tuple[Column, ...] = field(default=(), repr=False)

    @property
    def tag(self) -> int:
        """The column of the tags, the first one if there are several layers."""
        return self.tags[0]

    def split(self, line: str) -> list[str]:
        """The columns of `line`."""
        if self.separator == TAB:
            return line.split(TAB)
        return [column for column in line.split(SPACE) if column]

    def fitted(self, columns: list[str]) -> list[str]:
        """The columns without empty ones at the end that other lines do not have."""
        while len(columns) > self.width and not columns[-1]:
            columns.pop()
        while len(columns) < self.width and self._may_lack(len(columns)):
            columns.append("")
        return columns[: self.width] if self.most else columns

    def _may_lack(self, index: int) -> bool:
        is_needed = index in (self.token, *self.tags)
        return bool(self.columns) and not is_needed and set(self.columns[index].values) == {""}

    def is_comment(self, line: str, *, is_first: bool = True) -> bool:
        """Whether `line` is a comment. Between the tokens of a sentence it must have a key.

        Tokens may begin with `#` too. So a line with the right number of columns and a tag is a
        token; only Nerine's own keys are comments even if spaces make them look like tokens.
        """
        if self.most and line.startswith(_DOCUMENTS_2012):
            return True
        if not line.startswith("#") or not (is_first or _KEYED.match(line)):
            return False
        if self.separator == SPACE and own_key(line):
            return True
        columns = self.fitted(self.split(line))
        return not (len(columns) == self.width > 1 and self.has_tag(columns))

    def has_tag(self, columns: Sequence[str]) -> bool:
        """Whether the tags of a line that begins with `#` are such that it may be a token."""
        tags = [columns[index] for index in self.tags]
        if self.notation.name == "IO":
            return all(tag in self.labels or tag in self.notation.outside for tag in tags)
        return all(map(self.notation.is_tag, tags))

    def is_no_word(self, columns: Sequence[str]) -> bool:
        """Whether a line is CoNLL-U's for a multiword token (`1-2`) or an empty node (`8.1`)."""
        counter = self.counter
        return (
            counter is not None
            and len(columns) > counter
            and _NO_WORD.fullmatch(columns[counter]) is not None
        )

    def parse_row(self, line: str, place: str, *, repair: bool = False) -> list[str]:
        """The columns of a token line; raises `FormatError` unless their number is right.

        With `repair` the token may be empty.
        """
        columns = self.split(line)
        if self.is_no_word(columns):
            return columns
        if len(columns) != self.width:
            number = len(columns)
            columns = self.fitted(columns)
            if len(columns) != self.width:
                raise FormatError(
                    f"{number} column{'s' * (number != 1)}: {line[:60]!r}",
                    place=place,
                    expected=f"{self.width} columns, as in line {self.line}",
                    hint=f"columns were split at {self.separator_name}; an empty line ends a "
                    "sentence",
                )
        if not columns[self.token] and not repair:
            raise FormatError(
                "the token is empty",
                place=place,
                expected="at least one character in every token",
                hint="--repair (repair=True) leaves empty tokens out and counts them",
            )
        return columns

    def check_tag(self, tag: str, place: str) -> None:
        """Raises `FormatError` unless `tag` has the form of the file's tags."""
        if tag != tag.strip():
            raise FormatError(f"the tag {tag!r} has white space around it", place=place)
        if " " in tag and are_tags(tag):
            raise FormatError(
                f"the column holds several tags: {tag[:60]!r}",
                place=place,
                expected="one tag in each line",
            )
        if not self.notation.is_tag(tag):
            raise FormatError.placed(unknown_form(tag, self.notation), place)

    def with_columns(
        self, token: int | str, tags: int | str | tuple[int, ...], place: str
    ) -> Layout:
        """This layout with the tokens in column `token` and the tags in one or several `tags`."""
        stated = tags if isinstance(tags, tuple) else (tags,)
        named = (("token_column", token), *(("tag_column", each) for each in stated))
        first, *others = (column_index(each, name, self.width, place) for name, each in named)
        if first in others or len({*others}) < len(others) or not others:
            found = first if first in others else others[0] if others else stated
            raise FormatError(
                f"column {found} is named both for the tokens and for the tags"
                if first in others
                else f"column {found} is named twice for the tags",
                place=place,
                expected="different columns",
            )
        return replace(self, token=first, tags=tuple(others))

    @property
    def separator_name(self) -> str:
        """The separator in words."""
        return "TABs" if self.separator == TAB else "runs of spaces"

    def described(self, scheme: str) -> str:
        """What the columns are, in a line for the user."""
        tags = ", ".join(map(str, self.tags))
        parts = []
        for column in self.columns[:_MOST_SHOWN]:
            if column.index in (self.token, *self.tags):
                continue
            about = f"{column.index} {KINDS[column.kind]}"
            about += " too" if column.kind in ("tags", "words") else ""
            about += " and divides documents" if column.index in self.dividers else ""
            parts.append(about)
        rest = f"; {', '.join(parts)}" if parts else ""
        header = f"; line {self.header} names them" if self.header else ""
        return f"columns: {self.token} token, {tags} tag ({scheme}){rest}{header}"

    @property
    def is_plain(self) -> bool:
        """Whether these are the two columns of a plain file, or the four of CoNLL-2003."""
        if self.header or self.dividers or self.token != 0 or self.most:
            return False
        if self.width == 2:
            return self.tags == (1,)
        kinds = [column.kind for column in self.columns[1:3]]
        is_classic = kinds in (["pos", "chunks"], ["words", "chunks"])
        return self.width == 4 and self.tags == (3,) and is_classic


def usual_width(rows: Sequence[Sequence[str]]) -> int:
    """The number of columns that most of these rows have; of the first one if in doubt."""
    return Counter(map(len, rows)).most_common(1)[0][0]


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


def is_docstart(line: str) -> bool:
    """Whether `line` is a `-DOCSTART-` line, which begins an article."""
    return line.startswith(DOCSTART) and line[len(DOCSTART) :][:1] in ("", TAB, SPACE)


def docstart_columns(line: str) -> list[str]:
    """The columns of a `-DOCSTART-` line, whose separator may differ from that of its file."""
    return Layout(column_separator(None, line)).split(line)
