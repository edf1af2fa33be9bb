"""What the entities of a file show about how its offsets count."""

from __future__ import annotations

import html
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import NamedTuple, get_args

from nerine.data.formats.offsets.counting import Counting, Form
from nerine.data.formats.options import Offsets

UNITS: tuple[Offsets, ...] = get_args(Offsets)
_OTHER_FORMS: tuple[tuple[Offsets, Form], ...] = (
    ("code-points", "crlf"),
    ("code-points", "lf"),
    ("code-points", "html"),
    ("utf-16", "crlf"),
    ("utf-16", "lf"),
    ("bytes", "crlf"),
    ("bytes", "lf"),
)
CANDIDATES = (
    *(Counting(unit, inclusive) for inclusive in (False, True) for unit in UNITS),
    *(
        Counting(unit, inclusive, form)
        for inclusive in (False, True)
        for unit, form in _OTHER_FORMS
    ),
)
BY_WORDS: tuple[tuple[Offsets, Form], ...] = (
    *((unit, "as-is") for unit in UNITS),
    ("code-points", "crlf"),
    ("code-points", "lf"),
)
"""Countings that the edges of words may tell from each other, where there are no own texts."""

Countings = frozenset[Counting]

_PLENTY = 1000
"""Entities whose range depends on the unit, after which the edges of words have told it."""

_ENOUGH = 40
"""Entities after which bytes are given up if fewer than half begin and end with words."""


class StatedRange(NamedTuple):
    """A range as a file states it.

    Attributes:
        start: Its first offset.
        end: Its second offset.
        shown: The entity's own text; None if the file does not show it.
        label: The entity's label, for errors.
        place: Its place, for errors; empty if it is that of its record.
    """

    start: int
    end: int
    shown: str | None = None
    label: str = ""
    place: str = ""


class Evidence:
    """What the entities of a whole file show about how its offsets count.

    Attributes:
        alive: The countings that no own text contradicts.
        shown: Number of entities with an own text.
        unshown: Number of those without.
        moved: Of these, the ranges that are others in a counting than in the default.
        clean: Of the ranges moved, those that begin and end at the edge of a word in that counting;
            for the default, all that do.
        clean_default: Of the ranges moved, those that do so in the default.
        outside: The ranges outside the text, by counting.
        clean_inclusive: Of the entities without an own text, those that begin and end at the edge
            of a word if their ends are inclusive.
    """

    def __init__(self, default: Counting) -> None:
        self._default = default
        self.alive: Countings = frozenset(CANDIDATES)
        self.shown = self.unshown = self._short = self.clean_inclusive = 0
        self.moved: Counter[Counting] = Counter()
        self.clean: Counter[Counting] = Counter()
        self.clean_default: Counter[Counting] = Counter()
        self.outside: Counter[Counting] = Counter()
        self._others = [
            other
            for unit, form in BY_WORDS
            if (other := Counting(unit, default.inclusive, form)) != default
        ]
        # the own texts that agree, and that are exactly at their range, by their countings
        self._agreeing: Counter[Countings] = Counter()
        self._exact: Counter[Countings] = Counter()

    @property
    def is_settled(self) -> bool:
        """Whether the rest of the file need not be looked at.

        Either own texts leave only the default; or there are none, and the edges of words speak
        for the default in many entities.
        """
        if self.shown:
            return self.alive == {self._default}
        utf_16 = Counting("utf-16", self._default.inclusive)
        moved = self.moved[utf_16]
        return (
            moved >= _PLENTY
            and self.clean_default[utf_16] > moved * 0.9
            and self.clean[utf_16] < moved / 2
            and not self.outside[self._default]
        )

    def agreeing(self, counting: Counting) -> int:
        """The number of own texts that agree in a counting."""
        return sum(number for found, number in self._agreeing.items() if counting in found)

    def exact(self, counting: Counting) -> int:
        """The number of own texts that are exactly at their range in a counting."""
        return sum(number for found, number in self._exact.items() if counting in found)

    def most_exact(self, countings: Iterable[Counting]) -> list[Counting]:
        """Those in which the most own texts are exactly at their range."""
        exact = {each: self.exact(each) for each in countings}
        return [each for each in exact if exact[each] == max(exact.values())]

    def ends_are_short(self) -> bool:
        """Whether all entities end one character before the end of a word."""
        return self._short == self.unshown > 0 and not self.shown

    def add(self, text: str, stated: Sequence[StatedRange]) -> None:
        """Adds the ranges of a record."""
        readings = _Readings(text)
        for each in stated:
            if each.shown is not None:
                self._add_shown(text, each.shown, each, readings)
            else:
                self._add_unshown(text, each, readings)

    def _add_shown(self, text: str, shown: str, stated: StatedRange, readings: _Readings) -> None:
        self.shown += 1
        agreeing, exact = Countings(), Countings()
        for like, alike in readings.groups.items():
            start, end = readings.range(like, stated)
            surface = text[start:end] if 0 <= start < end <= len(text) else ""
            if agrees(shown, surface):
                agreeing |= alike
                exact |= alike if surface == shown else Countings()
        self.alive &= agreeing
        self._agreeing[agreeing] += 1
        self._exact[exact] += 1

    def _add_unshown(self, text: str, stated: StatedRange, readings: _Readings) -> None:
        self.unshown += 1
        start, end = readings.range(self._default, stated)
        is_clean = begins_and_ends_with_words(text, start, end)
        self._short += is_short(text, start, end)
        self.clean_inclusive += begins_and_ends_with_words(text, start, end + 1)
        self.clean[self._default] += is_clean
        self.outside[self._default] += not 0 <= start < end <= len(text)
        for other in self._others:
            if other not in readings.groups or (
                other.unit == "bytes" and self.moved[other] >= max(_ENOUGH, 2 * self.clean[other])
            ):
                continue
            first, last = readings.range(other, stated)
            self.outside[other] += not 0 <= first < last <= len(text)
            if (first, last) != (start, end):
                self.moved[other] += 1
                self.clean[other] += begins_and_ends_with_words(text, first, last)
                self.clean_default[other] += is_clean

    def may_be_meant(self, other: Counting) -> bool:
        """Whether another form of line ends may be meant.

        If so, most ranges that are the same in both begin and end with words.
        """
        if other.form == "as-is":
            return True
        same = self.unshown - self.moved[other]
        return (self.clean[self._default] - self.clean_default[other]) * 2 >= same


class _Readings:
    """The ranges of one text in several countings.

    Attributes:
        groups: The countings in which all ranges of the text are the same, by the first of them.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self.groups = _groups(text.isascii(), "\n" in text or "&" in text)
        self._converters: dict[Counting, Callable[[int, int], tuple[int, int]]] = {}

    def range(self, counting: Counting, stated: StatedRange) -> tuple[int, int]:
        """The half-open range of code points."""
        if counting not in self._converters:
            self._converters[counting] = counting.of(self._text)
        return self._converters[counting](stated.start, stated.end)


@cache
def _groups(is_ascii: bool, has_forms: bool) -> dict[Counting, Countings]:
    """The countings that are alike in a text, by the first of them."""
    found: dict[Counting, Countings] = {}
    for unit, inclusive, form in CANDIDATES:
        like = Counting(
            "code-points" if is_ascii else unit, inclusive, form if has_forms else "as-is"
        )
        found[like] = found.get(like, Countings()) | {Counting(unit, inclusive, form)}
    return found


def agrees(shown: str, found: str) -> bool:
    """Whether an own text is the text found; without white space and case."""
    if shown == found:
        return True
    if not found:
        return not shown.strip()
    if "&" in found:  # a character reference, which the own text may have as its character
        found, shown = html.unescape(found), html.unescape(shown)
    # two texts may have the same characters, such as é, in different code points
    found, shown = (unicodedata.normalize("NFC", each.casefold()) for each in (found, shown))
    parts = found.split()
    # an export may have line ends as a backslash and an n
    return shown.split() == parts or shown.replace("\\n", " ").split() == parts


def fits(text: str, counting: Counting, stated: StatedRange) -> bool:
    """Whether a range is inside the text, and its own text there if it has one."""
    start, end = counting.of(text)(stated.start, stated.end)
    is_inside = 0 <= start < end <= len(text)
    return is_inside and (stated.shown is None or agrees(stated.shown, text[start:end]))


def begins_and_ends_with_words(text: str, start: int, end: int) -> bool:
    """Whether a range begins and ends at the edge of a word and not with white space."""
    return (
        0 <= start < end <= len(text)
        and not text[start].isspace()
        and not text[end - 1].isspace()
        and not (start > 0 and in_word(text[start - 1]) and in_word(text[start]))
        and not (end < len(text) and in_word(text[end - 1]) and in_word(text[end]))
    )


def is_short(text: str, start: int, end: int) -> bool:
    """Whether a range ends one character before the end of a word."""
    return (
        end < len(text)
        and not begins_and_ends_with_words(text, start, end)
        and begins_and_ends_with_words(text, start, end + 1)
    )


def in_word(character: str) -> bool:
    """Whether a character is a letter or digit of a script with spaces between words."""
    return character.isalnum() and not (
        "\u0e00" <= character <= "\u0eff"  # Thai, Lao
        or "\u1000" <= character <= "\u109f"  # Burmese
        or "\u1780" <= character <= "\u17ff"  # Khmer
        or "\u2e80" <= character <= "\ud7ff"  # Chinese, Japanese, Korean
        or "\uf900" <= character <= "\ufaff"
        or "\U00020000" <= character <= "\U0003ffff"
    )
