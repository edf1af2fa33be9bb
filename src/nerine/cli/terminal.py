"""Streams, JSON and tables, and text that a terminal may be given.

Texts and labels come from strangers: they are never read as markup, and their control characters
never reach a terminal.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import click

from nerine.core.display import visible

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.table import Table
    from rich.text import Text

# In a pipe nothing is cut or folded, however long it is.
_ENDLESS = 1_000_000
_KEY_WIDTH, _GAP = 24, 3

_TO_ESCAPE = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def stdout() -> TextIO:
    """Standard output in UTF-8, whatever the locale says."""
    stream = sys.stdout
    if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() != "utf-8":
        stream.reconfigure(encoding="utf-8")
    return stream


def speaks() -> bool:
    """Whether this process prints: of several that train together, one does."""
    return os.environ.get("RANK", "0") == "0"


class VisibleOutput(io.StringIO):
    """A stream on standard output that lets no control character through."""

    def write(self, text: str) -> int:
        """Writes `text` at once."""
        stdout().write(visible(text, lines=True))
        return len(text)


def console(*, stderr: bool = False) -> Console:
    """A console on standard output or standard error that interprets nothing."""
    from rich.console import Console

    stream = sys.stderr if stderr else stdout()
    result = Console(file=stream, markup=False, emoji=False, highlight=False)
    if not stream.isatty():
        result.width = _ENDLESS
    return result


def print_json(value: Any) -> None:
    """A result as indented JSON on standard output."""
    click.echo(json_text(value), file=stdout())


def json_text(value: Any) -> str:
    """`value` as indented JSON; numbers that JSON lacks become null."""
    shown = json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False)
    return _TO_ESCAPE.sub(lambda match: f"\\u{ord(match[0]):04x}", shown)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def cell(text: str, style: str = "") -> Text:
    """A piece of a table that is shown as it is."""
    from rich.text import Text

    return Text(visible(text), style)


def table(columns: Sequence[str], *, numbers: Sequence[str] = ()) -> Table:
    """An empty table; the columns named in `numbers` are set to the right."""
    from rich import box
    from rich.table import Table

    result = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        right = column in numbers
        result.add_column(cell(column), justify="right" if right else "left", overflow="fold")
    return result


class Titled:
    """A table below its title, which may be wider than the table.

    A table of numbers that is too wide for the console comes in parts, each with the columns that
    say what a row is of. Any other is folded.
    """

    def __init__(self, title: str, shown: Table) -> None:
        self._title = title
        self._shown = shown

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """The title, then the parts with an empty line between them."""
        yield cell(self._title, "bold")
        for number, part in enumerate(_parts(self._shown, options.max_width)):
            if number:
                yield cell("")
            yield part


def titled(title: str, shown: Table) -> Titled:
    """A table below its title, in parts where it is too wide."""
    return Titled(title, shown)


def _parts(shown: Table, width: int) -> Iterator[Table]:
    """Tables with some columns of `shown` each, none of them wider than `width` if possible."""
    rights = [column.justify == "right" for column in shown.columns]
    keys = rights.index(True) if True in rights else 0
    cells = [[*column.cells] for column in shown.columns]
    rows = [[str(each) for each in row] for row in zip(*cells, strict=True)]
    names = [str(column.header) for column in shown.columns]
    groups = fitting(names, rows, width, keys) if keys and all(rights[keys:]) else []
    if len(groups) < 2:
        yield shown
        return
    for group in groups:
        part = table([names[index] for index in group], numbers=names[keys:])
        for number, row in enumerate(shown.rows):
            part.add_row(*(cells[index][number] for index in group), end_section=row.end_section)
        yield part


def fitting(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int, leading: int = 2
) -> list[list[int]]:
    """The numbers of the columns, in groups that fit into `width`.

    Each group is led by the first columns, `leading` of them, which are folded where they are
    wide.
    """
    from rich.cells import cell_len

    cells = [columns, *rows]
    widths = [max(cell_len(row[index]) for row in cells) for index in range(len(columns))]
    keys = [*range(leading)]
    widest = max(_KEY_WIDTH, width // (leading + 2))
    left = width - sum(min(widths[index], widest) for index in keys) - _GAP * (leading - 1)
    groups: list[list[int]] = []
    room = 0
    for index in range(leading, len(columns)):
        if not groups or room < widths[index] + _GAP:
            groups.append([*keys])
            room = left
        groups[-1].append(index)
        room -= widths[index] + _GAP
    return groups


@contextlib.contextmanager
def working(message: str) -> Iterator[Callable[[str], None]]:
    """Shows on a terminal that something is going on; elsewhere nothing.

    Gives a function that adds to the message what is going on now.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with console(stderr=True).status(cell(message)) as status:
        yield lambda now: status.update(cell(f"{message}: {now}"))
