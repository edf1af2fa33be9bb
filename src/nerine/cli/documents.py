"""Documents as lines, with their entities marked."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

from nerine.cli.terminal import cell
from nerine.core.display import pieces, visible
from nerine.core.document import Document

if TYPE_CHECKING:
    from rich.console import Console

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")


def plain_line(document: Document) -> str:
    """The text in one line, with entities as `[Mira Okonjo](person)`.

    Entities that overlap follow the text.
    """
    if document.overlapping():
        entities = (f"[{document.surface(each)}]({each.label})" for each in document.entities)
        return visible(" ".join([document.text, "—", *entities]))
    return "".join(
        visible(f"[{piece}]({entity.label})" if entity else piece)
        for piece, entity in pieces(document)
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
