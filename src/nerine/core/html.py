"""Texts with marked entities, and tables, as HTML that looks right on any ground, light or dark.

Marks are translucent and letters keep their colour, so that no style sheet has to know the theme of
the page or notebook around them. Texts and labels are escaped, control characters are visible
signs, and notebooks do not read dollar signs as formulas.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from nerine.core.display import visible

_COLOURS = (
    *("56, 152, 214", "214, 92, 176", "96, 178, 64", "230, 164, 20", "116, 124, 236"),
    "230, 100, 74",
)
"""Red, green and blue of the ground of labels."""
_MOST_CHARACTERS = 20_000
_LINE = "1px solid rgba(128, 128, 128, 0.35)"
_NO_FORMULAS = "tex2jax_ignore mathjax_ignore"
_MARK = "border-radius: 0.25em; padding: 0.1em 0.3em; color: inherit; background: rgba({}, 0.3)"
_TEXT = "white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.8"
_CELL = "padding: 0.2em 0.8em; vertical-align: top; text-align: {}; white-space: {}"


class Marked(Protocol):
    """An entity: the range of a text, its label, and perhaps its score."""

    @property
    def start(self) -> int:
        """The first code point."""
        ...

    @property
    def end(self) -> int:
        """The code point after the last one."""
        ...

    @property
    def label(self) -> str:
        """Its class."""
        ...

    @property
    def score(self) -> float | None:
        """Its probability."""
        ...


Entity = TypeVar("Entity", bound=Marked)


def divided(
    text: str, entities: Iterable[Entity]
) -> tuple[list[tuple[str, Entity | None]], list[Entity]]:
    """The text from its beginning to its end, cut at the entities, and those that overlap others.

    Of entities that overlap, the first one, and of those that begin together the longest one, is in
    the text.
    """
    parts: list[tuple[str, Entity | None]] = []
    overlapping = []
    position = 0
    for entity in sorted(entities, key=lambda each: (each.start, -each.end)):
        if entity.start < position:
            overlapping.append(entity)
            continue
        if entity.start > position:
            parts.append((text[position : entity.start], None))
        parts.append((text[entity.start : entity.end], entity))
        position = entity.end
    if position < len(text):
        parts.append((text[position:], None))
    return parts, overlapping


def escaped_html(text: str) -> str:
    """`text` as HTML that shows exactly it, with visible signs for control characters."""
    return html.escape(visible(text, lines=True))


def label_colours(labels: Iterable[str]) -> dict[str, str]:
    """A colour for each label; after the sixth one they repeat."""
    return {label: _COLOURS[index % len(_COLOURS)] for index, label in enumerate(labels)}


def marked_text(text: str, entities: Sequence[Marked], colours: Mapping[str, str]) -> str:
    """The text with a mark around each entity, which its label follows; overlapping ones below."""
    parts, overlapping = divided(text, entities)
    shown = "".join(
        _mark(part, entity, colours) if entity else escaped_html(part) for part, entity in parts
    )
    if overlapping:
        marks = (_mark(text[each.start : each.end], each, colours) for each in overlapping)
        shown += f"<br>{' '.join(marks)}"
    return shown


def _mark(surface: str, entity: Marked, colours: Mapping[str, str]) -> str:
    colour = colours.get(entity.label, _COLOURS[0])
    title = "" if entity.score is None else f' title="probability {entity.score:.4f}"'
    label = (
        '<small style="font-weight: 600; margin-left: 0.4em; opacity: 0.8">'
        f"<bdi>{escaped_html(entity.label)}</bdi></small>"
    )
    return f'<mark style="{_MARK.format(colour)}"{title}>{escaped_html(surface)}{label}</mark>'


def text_block(text: str, entities: Sequence[Marked]) -> str:
    """The text with its entities marked as a block; of a very long text only the beginning."""
    colours = label_colours(sorted({each.label for each in entities}))
    held = [each for each in entities if each.end <= _MOST_CHARACTERS]
    shown = marked_text(text[:_MOST_CHARACTERS], held, colours)
    rest = len(text) - _MOST_CHARACTERS
    more = f"<p><em>… and {rest:,} more characters</em></p>" if rest > 0 else ""
    return f'<div dir="auto" style="{_TEXT}">{shown}</div>{more}'


def table_block(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int = 1
) -> str:
    """A table below its title; all but the first `texts` columns are numbers."""
    sides = [("left", "pre-wrap") if i < texts else ("right", "pre") for i in range(len(columns))]

    def row(tag: str, cells: Sequence[str], line: str) -> str:
        inner = (
            f'<{tag} style="{_CELL.format(*side)}"><bdi>{escaped_html(cell)}</bdi></{tag}>'
            for side, cell in zip(sides, cells, strict=True)
        )
        return f'<tr style="border-bottom: {line}; background: none">{"".join(inner)}</tr>'

    body = "".join(row("td", cells, _LINE) for cells in rows)
    head = row("th", columns, _LINE.replace("1px", "2px"))
    caption = f'<div style="font-weight: 600; margin-top: 0.6em">{escaped_html(title)}</div>'
    style = "border-collapse: collapse; margin: 0.3em 0; font-variant-numeric: tabular-nums"
    scrolling = '<div style="overflow-x: auto">'
    return (
        f'{caption if title else ""}{scrolling}<table style="{style}"><thead>{head}</thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def note_block(text: str) -> str:
    """A small paragraph."""
    style = "margin: 0.3em 0; opacity: 0.8; overflow-wrap: anywhere"
    return f'<p style="{style}">{escaped_html(text)}</p>'


def fragment(*blocks: str) -> str:
    """The blocks as one piece of a notebook's output."""
    return f'<div class="nerine {_NO_FORMULAS}">{"".join(blocks)}</div>'
