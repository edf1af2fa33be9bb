"""A sentence whose entities are highlighted, as SVG.

All characters are in cells of equal width, so the width of a text is known without a font.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape

from rich.cells import cell_len

from nerine.core.display import visible
from nerine.core.document import Document, Entity, pieces

FONTS = 'ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace'

WIDTH = 860
"""Of the picture, in its own pixels; it is wider only for a name that is."""

_CELL, _SMALL_CELL = 10.8, 7.8  # of fonts of 18 and 13 pixels, with characters 0.6 as wide
_LINE, _MARGIN, _PADDING, _BOX = 46, 22, 7, 32

_LIGHT = ("#bfe3f4", "#f2cfe8", "#cfeac3", "#f9e0a0", "#d0d5fa", "#f9cfc6")
_DARK = ("#14506b", "#69285d", "#2e5c1e", "#6a4f09", "#363f8f", "#793021")
_NOT_IN_XML = {0xFFFE: 0xFFFD, 0xFFFF: 0xFFFD}
_STYLE = f"""\
text {{ font: 18px {FONTS};
  fill: #1b1b1f; white-space: pre; }}
.label {{ font-size: 13px; font-weight: 600; }}
.page {{ fill: #fdfdfb; stroke: #dcdcd8; }}
"""
_DARK_STYLE = """\
text { fill: #ececea; }
.page { fill: #1b1d23; stroke: #3a3c44; }
"""


@dataclass(frozen=True, slots=True)
class Piece:
    """A word, the white space after one, or an entity with its note."""

    text: str
    entity: Entity | None = None

    @property
    def note(self) -> str:
        """The entity's label and probability."""
        if self.entity is None:
            return ""
        score = "" if self.entity.score is None else f" {self.entity.score:.2f}"
        return drawable(self.entity.label) + score

    @property
    def width(self) -> float:
        """In pixels, with the padding and the note of an entity."""
        width = cell_len(self.text) * _CELL
        if self.entity is None:
            return width
        return width + cell_len(self.note) * _SMALL_CELL + 3 * _PADDING


def drawable(text: str, *, lines: bool = False) -> str:
    """`text` with a visible sign for each control character and each one that XML lacks."""
    return visible(text, lines=lines).translate(_NOT_IN_XML)


def sentence_picture(document: Document) -> str:
    """The document's text with its entities on coloured ground, each with label and probability.

    It has its own background, light or dark by the reader's preference.
    """
    labels = sorted({entity.label for entity in document.entities})
    lines = list(_broken(_pieces(document)))
    width = max(WIDTH, *(_width(line) + 2 * _MARGIN for line in lines))
    height = 2 * _MARGIN + len(lines) * _LINE
    drawn = [
        shape
        for number, line in enumerate(lines)
        for shape in _drawn(line, _MARGIN + number * _LINE, labels)
    ]
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}" role="img">',
            f"<title>{escape(drawable(document.text))}</title>",
            f"<style>\n{_style()}</style>",
            f'<rect class="page" x="1" y="1" width="{width - 2:g}" height="{height - 2}" rx="8"/>',
            *drawn,
            "</svg>\n",
        )
    )


def _style() -> str:
    light, dark = (
        "".join(f".c{index} {{ fill: {colour}; }}\n" for index, colour in enumerate(colours))
        for colours in (_LIGHT, _DARK)
    )
    return f"{_STYLE}{light}@media (prefers-color-scheme: dark) {{\n{_DARK_STYLE}{dark}}}\n"


def _pieces(document: Document) -> Iterator[Piece]:
    for text, entity in pieces(document):
        if entity is not None:
            yield Piece(drawable(text), entity)
        else:
            yield from (Piece(part) for part in re.findall(r"\s+|\S+", drawable(text)))


def _broken(found: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Pieces in lines, broken at white space only."""
    line: list[Piece] = []
    for group in _groups(found):
        is_full = _width([*line, *group]) > WIDTH - 2 * _MARGIN
        if line and is_full and not group[0].text.isspace():
            yield line
            line = []
        line += group
    yield line


def _width(line: Iterable[Piece]) -> float:
    return sum(piece.width for piece in line)


def _groups(found: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Pieces without white space between them, and each white space alone."""
    group: list[Piece] = []
    for piece in found:
        if piece.entity is None and piece.text.isspace():
            if group:
                yield group
            yield [piece]
            group = []
        else:
            group.append(piece)
    if group:
        yield group


def _drawn(line: Iterable[Piece], top: float, labels: list[str]) -> Iterator[str]:
    """The shapes of a line whose upper edge is at `top`."""
    left = float(_MARGIN)
    base = top + _LINE / 2 + 6
    for piece in line:
        if piece.entity is None:
            if not piece.text.isspace():
                yield _text(piece.text, left, base, _CELL)
        else:
            colour = labels.index(piece.entity.label) % len(_LIGHT)
            yield (
                f'<rect class="c{colour}" x="{left:g}" y="{top + (_LINE - _BOX) / 2:g}" '
                f'width="{piece.width:g}" height="{_BOX}" rx="5"/>'
            )
            start = left + _PADDING
            yield _text(piece.text, start, base, _CELL)
            start += cell_len(piece.text) * _CELL + _PADDING
            yield _text(piece.note, start, base, _SMALL_CELL, ' class="label"')
        left += piece.width


def _text(text: str, left: float, base: float, cell: float, more: str = "") -> str:
    """A text as wide as its cells in any font."""
    return (
        f'<text{more} x="{left:g}" y="{base:g}" textLength="{cell_len(text) * cell:g}" '
        f'lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'
    )
