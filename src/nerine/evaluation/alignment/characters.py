"""Two texts that differ in white space, HTML escapes and Unicode forms, set beside each other."""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from nerine.core.display import HTML_REFERENCE

_REFERENCE = re.compile(HTML_REFERENCE)

Piece = tuple[str, int, int]
"""A character that is no white space, and the range from which it came."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """The characters of two texts, pairwise; white space belongs to neither.

    `is_written` says that they are the same ones as they are written.
    """

    gold: tuple[Piece, ...]
    other: tuple[Piece, ...]
    is_written: bool

    def gold_range(self, start: int, end: int) -> tuple[int, int] | None:
        """The range of the gold text for a range of the other one; None if that is blank."""
        first = bisect_left(self.other, start, key=lambda piece: piece[1])
        last = bisect_right(self.other, end, key=lambda piece: piece[2])
        if first >= last:
            return None
        return self.gold[first][1], self.gold[last - 1][2]


def align(gold: str, other: str) -> Alignment | None:
    """The characters of both texts side by side; None where they are not the same ones.

    HTML character references stand for their characters, and characters for those that Unicode
    takes them apart to (NFD), where the texts are not the same as they are written.
    """
    for pieces in _WAYS:
        sides = tuple(pieces[0](gold)), tuple(pieces[1](other))
        if [char for char, _, _ in sides[0]] == [char for char, _, _ in sides[1]]:
            return Alignment(*sides, is_written=pieces == _WAYS[0])
    return None


def _written(text: str) -> list[Piece]:
    return [(char, at, at + 1) for at, char in enumerate(text) if not char.isspace()]


def _unescaped(text: str) -> list[Piece]:
    pieces: list[Piece] = []
    position = 0
    for reference in _REFERENCE.finditer(text):
        pieces += _shifted(text[position : reference.start()], position)
        start, end = reference.span()
        meant = html.unescape(reference[0])
        pieces += [(char, start, end) for char in meant if not char.isspace()]
        position = end
    return pieces + _shifted(text[position:], position)


def _decomposed(text: str) -> list[Piece]:
    return [
        (part, start, end)
        for char, start, end in _unescaped(text)
        for part in unicodedata.normalize("NFD", char)
    ]


def _shifted(text: str, by: int) -> list[Piece]:
    return [(char, start + by, end + by) for char, start, end in _written(text)]


_WAYS = (
    (_written, _written),
    (_written, _unescaped),
    (_unescaped, _written),
    (_unescaped, _unescaped),
    (_decomposed, _decomposed),
)
"""How the gold text and the other one are read, in the order in which that is tried."""
