"""Alignment of two texts that differ in white space, HTML escapes and Unicode forms."""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from nerine.core.display import HTML_REFERENCE
from nerine.core.document import Token, joined_tokens

_REFERENCE = re.compile(HTML_REFERENCE)

Piece = tuple[str, int, int]
"""A character other than white space, and the range of the text that it stands for."""


@dataclass(frozen=True, slots=True)
class CharacterAlignment:
    """The characters of two texts in pairs, without white space.

    `is_literal` says that both texts have the same characters without decoding HTML escapes or
    Unicode forms.
    """

    gold: tuple[Piece, ...]
    other: tuple[Piece, ...]
    is_literal: bool

    def gold_range(self, start: int, end: int) -> tuple[int, int] | None:
        """The range of the gold text for a range of the other text; None if that is blank."""
        first = bisect_left(self.other, start, key=lambda piece: piece[1])
        last = bisect_right(self.other, end, key=lambda piece: piece[2])
        if first >= last:
            return None
        return self.gold[first][1], self.gold[last - 1][2]


def align_characters(gold: str, other: str) -> CharacterAlignment | None:
    """Aligns the characters of two texts; None if they are not the same ones.

    If the texts differ as written, HTML character references count as their characters, and
    characters as their canonical decompositions (NFD).
    """
    for ways in _WAYS:
        sides = tuple(ways[0](gold)), tuple(ways[1](other))
        if [char for char, _, _ in sides[0]] == [char for char, _, _ in sides[1]]:
            return CharacterAlignment(*sides, is_literal=ways == _WAYS[0])
    return None


@dataclass(frozen=True, slots=True)
class TokenAlignment:
    """Ranges of a gold text for tokens that a system wrote; `is_literal` as for the characters."""

    tokens: tuple[Token, ...]
    is_literal: bool


def align_tokens(gold: str, surfaces: Sequence[str | None]) -> TokenAlignment | None:
    """The ranges of tokens in a gold text; None if one is missing or is not in the text."""
    written = [surface for surface in surfaces if surface]
    characters = align_characters(gold, " ".join(written))
    if characters is None or len(written) < len(surfaces):
        return None
    ranges = [characters.gold_range(token.start, token.end) for token in joined_tokens(written)]
    tokens = tuple(Token(*each) for each in ranges if each)
    return TokenAlignment(tokens, characters.is_literal) if len(tokens) == len(ranges) else None


def _literal(text: str, start: int = 0, end: int | None = None) -> list[Piece]:
    part = text[start:end]
    return [(char, at, at + 1) for at, char in enumerate(part, start) if not char.isspace()]


def _unescaped(text: str) -> list[Piece]:
    pieces: list[Piece] = []
    position = 0
    for reference in _REFERENCE.finditer(text):
        start, end = reference.span()
        pieces += _literal(text, position, start)
        characters = html.unescape(reference[0])
        pieces += [(char, start, end) for char in characters if not char.isspace()]
        position = end
    return pieces + _literal(text, position)


def _decomposed(text: str) -> list[Piece]:
    return [
        (part, start, end)
        for char, start, end in _unescaped(text)
        for part in unicodedata.normalize("NFD", char)
    ]


_WAYS = (
    (_literal, _literal),
    (_literal, _unescaped),
    (_unescaped, _literal),
    (_unescaped, _unescaped),
    (_decomposed, _decomposed),
)
"""Ways to read the gold text and the other text, in the order in which they are tried."""
