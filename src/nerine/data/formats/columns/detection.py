"""Detection of a column file's layout from its first few hundred token lines."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nerine.core.errors import FormatError, SettingsError
from nerine.core.files import read_lines
from nerine.core.tags import IO, OUTSIDE, Notation, detect_notation, is_tag
from nerine.core.tags.notation import PREFIXED
from nerine.data.formats.columns.comments import own_key
from nerine.data.formats.columns.dividing import divided
from nerine.data.formats.columns.header import Header, header_of, missing_header
from nerine.data.formats.columns.judgement import (
    TAG_KINDS,
    Choice,
    Column,
    choose,
    judge,
)
from nerine.data.formats.columns.layout import (
    SPACE,
    TAB,
    Layout,
    column_index,
    column_separator,
    is_docstart,
    usual_width,
)
from nerine.data.formats.options import ReadOptions

Lines = Iterable[tuple[int, str]]
"""Lines of a file with their numbers, from 1."""

_MOST_ROWS = 500
_MOST_LINES = 20_000
MOST_OF_SAMPLE = 8 * 1024 * 1024
"""The characters after which no more lines are looked at to detect a layout."""
_WIDEST = 1000
_NUMBERED = re.compile(r"\d+", re.ASCII)
_NO_WORD = re.compile(r"(\d{1,9})-(\d{1,9})|\d+\.\d+", re.ASCII)

# the layout of CoNLL-2012: word and entities are in fixed columns, the last ones vary in number
_BEGIN_2012 = "#begin document"
_WORD_2012, _NAMES_2012, _FIXED_2012 = 3, 10, 11


@dataclass(slots=True)
class Sample:
    """The first lines of a column file.

    Attributes:
        blocks: Its token lines by sentence, with their numbers.
        hashes: The lines that begin with `#`, which may be comments or tokens.
        has_breaks: Whether sentences end at empty lines.
    """

    blocks: list[list[tuple[int, str]]] = field(default_factory=lambda: [[]])
    hashes: list[tuple[int, str]] = field(default_factory=list)
    has_breaks: bool = False

    @classmethod
    def of(cls, lines: Lines) -> Sample:
        """The first lines of some."""
        sample = cls()
        number_of_rows = size = 0
        for number, line in itertools.islice(lines, _MOST_LINES):
            if not line.strip() or is_docstart(line):
                if sample.blocks[-1]:
                    sample.blocks.append([])
            elif line.startswith("#"):
                sample.hashes.append((number, line))
            else:
                sample.has_breaks |= len(sample.blocks) > 1
                sample.blocks[-1].append((number, line))
                number_of_rows += 1
            size += len(line)
            if number_of_rows == _MOST_ROWS or size > MOST_OF_SAMPLE:
                break
        sample.blocks = [block for block in sample.blocks if block]
        return sample

    @property
    def is_2012(self) -> bool:
        """Whether this is CoNLL-2012's layout."""
        lines = [line.split() for _, line in self.rows[:_MOST_ROWS]]
        has_begin = any(line.startswith(_BEGIN_2012) for _, line in self.hashes)
        return has_begin and bool(lines) and min(map(len, lines)) > _FIXED_2012

    @property
    def rows(self) -> list[tuple[int, str]]:
        """Its token lines."""
        return [row for block in self.blocks for row in block]


def _readable_lines(path: Path, errors: list[FormatError]) -> Iterator[tuple[int, str]]:
    """The lines of a column file that can be read; the errors of the others go to a list."""
    for number, line in read_lines(path, errors.append):
        if "\r" in line:
            errors.append(carriage_return(line, f"{path}:{number}"))
        else:
            yield number, line


def carriage_return(line: str, place: str) -> FormatError:
    """The error for a line with a carriage return inside or, twice, at its end."""
    is_inside = "\r" in line.strip("\r")
    return FormatError(
        "a carriage return inside the line"
        if is_inside
        else "more than one carriage return at the end of the line",
        place=place,
        expected="line ends of one line feed, with at most one carriage return before it",
        hint="old Macs ended lines so: tr '\\r' '\\n' < FILE > NEW writes line feeds instead"
        if is_inside
        else "tr -d '\\r' < FILE > NEW removes them",
    )


def find_layout(path: Path, options: ReadOptions) -> Layout:
    """The layout of a column file, by its first lines and the options.

    Raises `FormatError` if there is doubt about the columns of tokens or tags. Lines that cannot be
    read are refused later, unless they may be why there is doubt.
    """
    errors: list[FormatError] = []
    sample = Sample.of(_readable_lines(path, errors))
    try:
        return layout_of(sample, str(path), options)
    except FormatError as error:
        raise (errors or [error])[0] from None


def judged_options(path: Path, options: ReadOptions) -> tuple[ReadOptions, Notation]:
    """Options for a system's file, with its columns where they are beyond doubt, and its notation.

    Of several columns of tags the last one stays the default: the others may be gold tags. The
    columns of lines of different widths are not judged.
    """
    sample = Sample.of(_readable_lines(path, []))
    try:
        layout = layout_of(sample, str(path), options)
    except FormatError:
        return options, PREFIXED
    widths = {len(layout.fitted(layout.split(line))) for _, line in sample.rows}
    if widths != {layout.width}:
        return options, PREFIXED
    if not layout.columns:
        return options, layout.notation
    layers = [each.index for each in layout.columns if each.kind in ("tags", "outside")]
    is_sure = layers in ([], [layout.tag])
    token = layout.token if options.token_column is None else options.token_column
    tag = layout.tag if options.tag_column is None and is_sure else options.tag_column
    if tag == layout.width - 1:
        tag = -1  # also in lines with other numbers of columns
    return replace(options, token_column=token, tag_column=tag), layout.notation


def layout_of(sample: Sample, name: str, options: ReadOptions) -> Layout:
    """As `find_layout`, from the first lines of the file called `name`."""
    if not sample.rows:
        return _of_hashes(sample, name, options)
    lines = [line for _, line in sample.rows]
    _check_width(sample.rows, name)
    tabbed = sum(TAB in line for line in lines)
    separator = column_separator(options.separator, TAB if 2 * tabbed >= len(lines) else "")
    layout = Layout(separator, line=sample.rows[0][0])
    if sample.is_2012 and options.token_column is None and options.tag_column is None:
        return _conll_2012(layout, sample)
    width = usual_width([layout.split(line) for line in lines])
    first = next(number for number, line in sample.rows if len(layout.split(line)) == width)
    layout = replace(layout, width=width, line=first)
    if width < 2:
        line = next(line for line in lines if len(layout.split(line)) == width)
        raise FormatError(
            f"the line has no tag column: {line[:60]!r} is one column",
            place=f"{name}:{first}",
            expected="a token and its tag in every line, with a TAB or spaces between them",
            hint=missing_header(line)
            or f"columns were split at {layout.separator_name}; --separator (separator=…) "
            "states another separator",
        )
    return _judged(layout, sample, f"{name}:{first}", options)


def _check_width(rows: Sequence[tuple[int, str]], name: str) -> None:
    """Raises `FormatError` for a line of far more columns than files of tokens have."""
    for number, line in rows:
        found = max(line.count(TAB), line.count(SPACE))
        if found >= _WIDEST and len(line.split(TAB if TAB in line else None)) > _WIDEST:
            raise FormatError(
                f"the line has more than {_WIDEST:,} columns",
                place=f"{name}:{number}",
                expected="a token and its tag in every line",
            )


def _of_hashes(sample: Sample, name: str, options: ReadOptions) -> Layout:
    """The layout of a file whose lines all begin with `#`: the first one with a tag is a token."""
    for number, line in sample.hashes:
        layout = Layout(column_separator(options.separator, line), line=number)
        width = len(layout.split(line))
        is_own = layout.separator == SPACE and own_key(line)
        if width < 2 or is_own:
            continue
        token = 0 if options.token_column is None else options.token_column
        tag = -1 if options.tag_column is None else options.tag_column
        if width > 2 and options.token_column is options.tag_column is None:
            rows = [row for row in sample.hashes if len(layout.split(row[1])) == width]
            hashes = Sample(blocks=[rows], has_breaks=True)
            return _judged(replace(layout, width=width), hashes, f"{name}:{number}", options)
        layout = replace(layout, width=width).with_columns(token, tag, f"{name}:{number}")
        if is_tag(layout.split(line)[layout.tag]):
            return layout
    return Layout(TAB)


def _conll_2012(layout: Layout, sample: Sample) -> Layout:
    rows = [line.split() for _, line in sample.rows]
    notation = detect_notation({row[_NAMES_2012] for row in rows} - {"*"}, has_outside=False)
    if notation.name == "prefixed":  # no entities in these lines
        notation = detect_notation({"(X*", "*)"}, has_outside=False)
    return replace(
        layout,
        separator=SPACE,
        width=_FIXED_2012,
        token=_WORD_2012,
        tags=(_NAMES_2012,),
        most=max(map(len, rows)),
        notation=notation,
    )


def _judged(layout: Layout, sample: Sample, place: str, options: ReadOptions) -> Layout:
    """The layout with the columns that are stated or beyond doubt."""
    blocks = [[layout.split(line) for _, line in block] for block in sample.blocks]
    blocks = [[row for row in block if len(row) == layout.width] for block in blocks]
    first = next(row for block in blocks for row in block)
    stated = _stated(options, layout, first, place)
    header = header_of(first)
    names_tags = header and not any(is_tag(first[index]) for index in header.tags)
    if names_tags and sum(map(len, blocks)) > 1:
        blocks = _without_first(blocks)
        layout = replace(layout, header=layout.line)
    else:
        header = None
    columns = judge(_words_only(blocks))
    token, tags = stated
    is_io = options.scheme == IO
    choice = _by_header(header, columns, is_io) if header else Choice()
    if header is None or choice.doubt:
        choice = choose(columns, token, tags[0] if tags else None, is_io=is_io)
    if header is None and not layout.header and not is_io:
        layout, columns, choice = _without_odd_first(layout, blocks, columns, choice, stated)
    if choice.doubt and (token is None or not tags):
        raise _doubt(choice, columns, place, options)
    layout = layout.with_columns(
        choice.token if token is None else token, tags or choice.tag, place
    )
    layout = _noted(layout, columns, options)
    return layout if sample.has_breaks else divided(layout, header)


def _stated(
    options: ReadOptions, layout: Layout, first: Sequence[str], place: str
) -> tuple[int | None, tuple[int, ...] | None]:
    """The stated columns of tokens and tags as indices from 0; a name is one in the first line."""

    def index(column: int | str, option: str) -> int:
        names = [name.strip().casefold() for name in first]
        if isinstance(column, str) and header_of(first) and column.casefold() in names:
            return names.index(column.casefold())
        return column_index(column, option, layout.width, place)

    token, tag = options.token_column, options.tag_column
    tags = tag if isinstance(tag, tuple) else None if tag is None else (tag,)
    if tags == ():
        raise SettingsError("tag_column is ()", place=place, expected="at least one column")
    return (
        None if token is None else index(token, "token_column"),
        tags and tuple(index(each, "tag_column") for each in tags),
    )


def _without_first(blocks: Sequence[list[list[str]]]) -> list[list[list[str]]]:
    """The rows of sentences without the first one."""
    first = next(index for index, block in enumerate(blocks) if block)
    return [block[1:] if index == first else block for index, block in enumerate(blocks)]


def _words_only(blocks: Sequence[Sequence[list[str]]]) -> list[list[list[str]]]:
    """The rows without CoNLL-U's multiword tokens (`1-2`) and empty nodes (`8.1`)."""
    ids = [row[0] for block in blocks for row in block]
    has_plain = any(map(_NUMBERED.fullmatch, ids))
    if not has_plain or not all(_NUMBERED.fullmatch(each) or _is_no_word(each) for each in ids):
        return [list(block) for block in blocks]
    return [[row for row in block if not _is_no_word(row[0])] for block in blocks]


def _is_no_word(value: str) -> bool:
    found = _NO_WORD.fullmatch(value)
    return found is not None and (found[1] is None or int(found[1]) < int(found[2]))


def _by_header(header: Header, columns: Sequence[Column], is_io: bool) -> Choice:
    """The columns that a header names, if those of tags hold some."""
    tags = [index for index in header.tags if columns[index].kind in TAG_KINDS or is_io]
    if header.token is None or not tags:
        return Choice(doubt="the header does not name a column of tags")
    return Choice(header.token, tags[0])


def _without_odd_first(
    layout: Layout,
    blocks: list[list[list[str]]],
    columns: tuple[Column, ...],
    choice: Choice,
    stated: tuple[int | None, tuple[int, ...] | None],
) -> tuple[Layout, tuple[Column, ...], Choice]:
    """The same, without the first line if it alone has no tag, but a header's word for tokens."""
    rows = [row for block in blocks for row in block]
    tag = stated[1][0] if stated[1] else choice.tag
    if choice.doubt or len(rows) < _FEWEST or header_of([rows[0][choice.token], "tag"]) is None:
        return layout, columns, choice
    if is_tag(rows[0][tag]) or not all(is_tag(row[tag]) for row in rows[1:]):
        return layout, columns, choice
    columns = judge(_words_only(_without_first(blocks)))
    again = choose(columns, stated[0], stated[1][0] if stated[1] else None)
    return replace(layout, header=layout.line), columns, again


_FEWEST = 3


def _noted(layout: Layout, columns: tuple[Column, ...], options: ReadOptions) -> Layout:
    """The layout with what the first lines say about its columns and tags."""
    tags = {tag for index in layout.tags for tag in (columns[index].values if columns else ())}
    notation = detect_notation(tags - {OUTSIDE}, has_outside=OUTSIDE in tags, stated=options.scheme)
    counters = [column.index for column in columns if column.kind == "counter"]
    return replace(
        layout,
        columns=columns,
        notation=notation,
        labels=frozenset(tags) if notation.name == "IO" else frozenset(),
        counter=counters[0] if counters and counters[0] != layout.token else None,
    )


def _doubt(
    choice: Choice, columns: Sequence[Column], place: str, options: ReadOptions
) -> FormatError:
    """The error that shows the columns and names the options."""
    about = choice.about
    if options.token_column is None and sum(each.kind == "words" for each in columns) > 2:
        about = ("token", "tag")  # with one of them alone the other one would be in doubt
    names = [f"--{each}-column ({each}_column=…)" for each in about]
    hint = f"{' and '.join(names)} {'name the columns' if len(names) > 1 else 'names the column'}"
    may_be_io = any(
        column.kind in ("words", "pos", "constant") and len({*column.values}) < len(column.values)
        for column in columns
    )
    lists = [column for column in columns if column.kind == "tag lists"]
    if lists and len(columns) == 2:
        hint = (
            "this writes a header for a table with a row for each sentence: "
            "(printf 'text\\tlabels\\n'; cat FILE) > NEW"
        )
    elif "no column holds tags" in choice.doubt and may_be_io and options.scheme is None:
        hint += "; --scheme-in IO (scheme='IO') reads labels without a prefix"
    return FormatError(
        f"{choice.doubt}: {'; '.join(map(str, columns))}",
        place=place,
        expected="one column of tokens and one of tags, such as 'O' and 'B-person'",
        hint=hint,
    )
