"""Results that show themselves: as plain text, and as HTML in notebooks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nerine.core.display import text_table, visible
from nerine.core.html import Marked, divided, fragment, note_block, table_block, text_block


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of texts.

    Attributes:
        title: Its title; may be empty.
        columns: The heads of its columns.
        rows: A string for each column.
        texts: The number of columns of text at the start; the others are numbers.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1

    def __str__(self) -> str:
        lines = [visible(self.title)] if self.title else []
        return "\n".join([*lines, text_table(self.columns, self.rows, texts=self.texts)])

    def to_html(self) -> str:
        """The table as HTML."""
        return table_block(self.title, self.columns, self.rows, texts=self.texts)


@dataclass(frozen=True, slots=True)
class Passage:
    """A text with entities. As a line it has them as `[Mira Okonjo](person)`.

    If entities overlap, they follow the line.
    """

    text: str
    entities: Sequence[Marked]

    def __str__(self) -> str:
        parts, overlapping = divided(self.text, self.entities)
        if overlapping:
            each = [(self.text[entity.start : entity.end], entity) for entity in self.entities]
            return " ".join([visible(self.text), "—", *(_bracketed(*pair) for pair in each)])
        return "".join(_bracketed(*part) for part in parts)

    def to_html(self) -> str:
        """The text with its entities marked, as HTML."""
        return text_block(self.text, self.entities)


def _bracketed(piece: str, entity: Marked | None) -> str:
    return visible(f"[{piece}]({entity.label})" if entity else piece)


class Shown(ABC):
    """Base of results with parts: `str` shows them as text, IPython as HTML, or else as text."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # IPython prefers the __repr__ that a dataclass has itself to what its base has
        cls._repr_pretty_ = Shown._repr_pretty_  # type: ignore[method-assign]

    @abstractmethod
    def shown_parts(self) -> Sequence[Grid | Passage | str]:
        """The tables, texts and sentences that show the result, in their order."""

    def __str__(self) -> str:
        parts = self.shown_parts()
        return "\n".join(visible(part) if isinstance(part, str) else str(part) for part in parts)

    def _repr_html_(self) -> str:
        parts = self.shown_parts()
        return fragment(
            *(note_block(part) if isinstance(part, str) else part.to_html() for part in parts)
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002 - IPython's signature
        printer.text(str(self))
