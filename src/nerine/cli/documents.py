"""Documents as lines, with their entities marked; texts among the arguments."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from nerine.cli.terminal import cell, table
from nerine.core.document import Document, pieces, plain_line
from nerine.core.errors import SettingsError
from nerine.data.formats.tables.layout import ENTITY_COLUMNS

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")


def check_is_text(text: str, hint: str) -> None:
    """Raises `SettingsError` if an argument that should be a text is the name of a file."""
    path = Path(text)
    with contextlib.suppress(OSError):  # of a text too long for a name
        if path.name and path.exists():
            kind = "folder" if path.is_dir() else "file"
            raise SettingsError(
                f"this is the name of a {kind}", place=text, expected="a text to tag", hint=hint
            )


def entity_lines(documents: Iterable[Document]) -> Table:
    """A table with a row for each entity; the column of ids is there if a document has one."""
    rows = [
        (
            str(number),
            document.id or "",
            document.surface(entity),
            entity.label,
            str(entity.start),
            str(entity.end),
            "" if entity.score is None else f"{entity.score:.2f}",
        )
        for number, document in enumerate(documents, start=1)
        for entity in document.entities
    ]
    shown = [
        i for i, name in enumerate(ENTITY_COLUMNS) if name != "id" or any(row[i] for row in rows)
    ]
    return table(
        [ENTITY_COLUMNS[i] for i in shown],
        ([row[i] for i in shown] for row in rows),
        numbers=("record", "start", "end", "score"),
    )


def print_documents(
    documents: Iterable[Document], labels: Iterable[str], on: Console, *, indent: str = ""
) -> None:
    """Prints each text in one line, with entities in colour if the console has colours.

    An entity has the colour of its label, and the label follows it.
    """
    colours = dict(zip(labels, itertools.cycle(_COLOURS), strict=False))
    for document in documents:
        line = cell(indent)
        if not on.color_system or on.no_color or document.overlapping():
            line.append_text(cell(plain_line(document)))
        else:
            for piece, entity in pieces(document):
                if entity is None:
                    line.append_text(cell(piece))
                    continue
                colour = colours.get(entity.label, _COLOURS[0])
                line.append_text(cell(piece, f"bold {colour}"))
                line.append_text(cell(f" {entity.label} ", f"reverse {colour}"))
        on.print(line, soft_wrap=True)
