"""Streams, JSON, tables and lines that are safe for a terminal.

Texts and labels come from strangers: they are not read as markup, and their control characters do
not reach a terminal.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO, cast

import click

from nerine.cli.verbosity import is_quiet
from nerine.core.display import json_text, visible

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.table import Table
    from rich.text import Text

    from nerine.evaluation.contamination import Contamination

_UNLIMITED_WIDTH = 1_000_000
"""The width of a pipe: no line is cut or folded."""
_KEY_WIDTH, _GAP = 24, 3


def stdout() -> TextIO:
    """Standard output in UTF-8, independent of the locale."""
    stream = sys.stdout
    if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() != "utf-8":
        stream.reconfigure(encoding="utf-8")
    return stream


def is_main_process() -> bool:
    """Whether this process prints; of several that train together, only one does."""
    return os.environ.get("RANK", "0") == "0"


class VisibleOutput(io.StringIO):
    """A stream to standard output that replaces control characters by visible signs."""

    def write(self, text: str) -> int:
        """Writes `text` without buffering."""
        stdout().write(visible(text, lines=True))
        return len(text)


def console(*, stderr: bool = False) -> Console:
    """A console on standard output or standard error, without markup or highlighting."""
    from rich.console import Console

    stream = sys.stderr if stderr else stdout()
    result = Console(file=stream, markup=False, emoji=False, highlight=False)
    if not stream.isatty():
        result.width = _UNLIMITED_WIDTH
    return result


def print_json(value: Any) -> None:
    """A result as indented JSON on standard output."""
    click.echo(json_text(value), file=stdout())


def cell(text: str, style: str = "") -> Text:
    """A text as rich shows it: without markup, with visible signs for control characters."""
    from rich.text import Text

    return Text(visible(text), style)


def print_line(on: Console, text: str, style: str = "") -> None:
    """Prints a text as one line, which only the terminal itself may fold."""
    on.print(cell(text, style), soft_wrap=True)


def noted_console(
    notes: Iterable[str], seen: Mapping[str, Contamination | None] | None = None
) -> Console:
    """A console on standard output, on which the notes are printed, a line each.

    First it says which of the scored texts each system of `seen` has seen; a single one has the
    name "".
    """
    from nerine.evaluation.contamination import UNRECORDED

    on = console()
    for name, each in (seen or {}).items():
        text = f"{name}: {each or UNRECORDED}" if name else str(each or UNRECORDED)
        if each is not None and each.is_grave:
            print_warnings(on, [text])
        else:
            print_line(on, f"note: {text}")
    for note in notes:
        print_line(on, f"note: {note}")
    return on


def print_notes(notes: Iterable[str]) -> None:
    """Prints notes on standard error, a line each."""
    for note in notes:
        say(f"note: {note}")


def say(text: str) -> None:
    """Prints what is not the result on standard error, unless the command is quiet."""
    if not is_quiet():
        click.echo(visible(text), err=True)


def print_warnings(on: Console, warnings: Iterable[str]) -> None:
    """Prints warnings, a line each, which stand out on a terminal."""
    for warning in warnings:
        print_line(on, f"warning: {warning}", "bold yellow")


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str | Text]] = (),
    *,
    numbers: Sequence[str] = (),
) -> Table:
    """A table of texts; the columns named in `numbers` are aligned to the right."""
    from rich import box
    from rich.table import Table

    result = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        right = column in numbers
        result.add_column(cell(column), justify="right" if right else "left", overflow="fold")
    for row in rows:
        result.add_row(*(cell(each) if isinstance(each, str) else each for each in row))
    return result


class Titled:
    """A table below its title, which may be wider than the table.

    A table of numbers that is too wide for the console is shown in parts, each with the leading
    text columns. Any other table is folded.
    """

    def __init__(self, title: str, shown: Table) -> None:
        self._title = title
        self._shown = shown

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """The title, then the parts with an empty line between them."""
        yield cell(self._title, "bold")
        columns = self._shown.columns
        rights = [column.justify == "right" for column in columns]
        keys = rights.index(True) if True in rights else 0
        names = [str(column.header) for column in columns]
        cells = [[*column.cells] for column in columns]
        rows = [[str(each) for each in row] for row in zip(*cells, strict=True)]
        is_of_numbers = keys and all(rights[keys:])
        groups = column_groups(names, rows, options.max_width, keys) if is_of_numbers else []
        if len(groups) < 2:
            yield self._shown
            return
        for number, group in enumerate(groups):
            if number:
                yield cell("")
            part = table([names[index] for index in group], numbers=names[keys:])
            for row_number, row in enumerate(self._shown.rows):
                values = (cells[index][row_number] for index in group)
                part.add_row(*values, end_section=row.end_section)
            yield part


def number_table(key: str, numbers: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table of numbers: each row has its name, in the column `key`, and its values."""
    return table((key, *numbers), rows, numbers=numbers)


def print_numbers(
    on: Console, title: str, key: str, numbers: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    """Prints a table of numbers below its title."""
    on.print(Titled(title, number_table(key, numbers, rows)))


def column_groups(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int, leading: int = 2
) -> list[list[int]]:
    """The indices of the columns, in groups that fit into `width`.

    Each group begins with the first `leading` columns, which are folded if they are wide.
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
    """Shows a message with a spinner while the block runs, on a terminal only, if not quiet.

    Gives a function that adds the current step to the message.
    """
    if is_quiet() or not (is_main_process() and sys.stderr.isatty()):
        yield lambda _: None
        return
    with console(stderr=True).status(cell(message)) as status:
        yield lambda now: status.update(cell(f"{message}: {now}"))


def binary_stdout() -> BinaryIO:
    """Standard output for bytes; a terminal shows visible signs for control characters."""
    return cast(BinaryIO, _VisibleBytes()) if sys.stdout.isatty() else stdout().buffer


class _VisibleBytes:
    """A terminal as a binary stream, with visible signs for control characters."""

    def __init__(self) -> None:
        self._stream = VisibleOutput()

    def write(self, data: bytes) -> int:
        self._stream.write(data.decode(errors="replace"))
        return len(data)

    def flush(self) -> None:
        stdout().flush()
