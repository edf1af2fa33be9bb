"""Near duplicates: which texts are equal or nearly equal to some of others.

Two texts are near duplicates if they are equal, or if the bags of their masked words have a Jaccard
similarity of 0.8 or more (shared words over all words, each as often as it occurs). Masked are
case, white space, digits, addresses and handles. Texts of fewer than five words have to be equal.

Candidates come from prefix filtering (Chaudhuri, Ganti and Kaushik, 2006; Bayardo, Ma and Srikant,
2007): with words ordered from the rarest to the most frequent, two bags that similar share two of
the first `n - ceil(0.8 n) + 2` words of each. The similarity of each candidate is then computed
exactly, so that no near duplicate is missed.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import TypeVar

import regex

THRESHOLD = Fraction(4, 5)
FEWEST_WORDS = 5
"""Texts with fewer words are often alike by chance."""

SHARED = 2
"""The fewest words that the prefixes of similar bags share."""

_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
_HANDLE = re.compile(r"(?<!\w)@\w+")
_DIGITS = re.compile(r"\d+")
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_RUN = rf"[\w--[{_UNSPACED}]]++"
_WORD = regex.compile(rf"[{_UNSPACED}]|{_RUN}(?:['’]{_RUN})*+", regex.V1)
"""A run of letters with apostrophes inside; one character where a script has no spaces."""

_MASKS = "\ufdd0\ufdd1\ufdd2"
"""Noncharacters: they occur in no text and in no word."""

Where = tuple[str, int]
"""A split, and the index of a document in it."""

CountedWord = tuple[str, int]
"""A word of a text, with the number of its earlier occurrences there."""

_Item = TypeVar("_Item")


def near_duplicates(texts: Iterable[str], *, of: Iterable[str]) -> list[int]:
    """The indices of the texts that are equal or nearly equal to a text of `of`, in order.

    Args:
        texts: The texts, which are read once; none is kept.
        of: The texts that they are compared with; their words are kept in memory.
    """
    known = KnownTexts((("", index), text) for index, text in enumerate(of))
    return [index for index, text in enumerate(texts) if known.like(text) is not None]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How a text is like a known one.

    Attributes:
        where: The split and the index of the known text.
        similarity: The share of their words that they have in common, from 0.8 to 1.
    """

    where: Where
    similarity: Fraction


class KnownTexts:
    """Texts with their places, among which those that any text is like are found.

    Texts that differ only in white space count as equal.
    """

    def __init__(self, texts: Iterable[tuple[Where, str]]) -> None:
        self._equal: dict[str, Where] = {}
        self._where: list[Where] = []
        bags = []
        for where, text in texts:
            self._equal.setdefault(" ".join(text.split()), where)
            bag = bag_of(masked(text))
            if len(bag) >= FEWEST_WORDS:
                self._where.append(where)
                bags.append(bag)
        self._frequency = Counter(chain.from_iterable(bags))
        self._bags = [frozenset(bag) for bag in bags]
        self._holders: dict[CountedWord, list[int]] = defaultdict(list)
        for number, bag in enumerate(bags):
            for word in self._prefix(bag):
                self._holders[word].append(number)

    def like(self, text: str) -> Likeness | None:
        """The known text that `text` is most like, the first of equals; None if it is like none."""
        equal = self._equal.get(" ".join(text.split()))
        if equal is not None:
            return Likeness(equal, Fraction(1))
        bag = bag_of(masked(text))
        if len(bag) < FEWEST_WORDS:
            return None
        own = frozenset(bag)
        held = (self._holders[word] for word in self._prefix(bag) if word in self._holders)
        shared = Counter(chain.from_iterable(held))
        found = [
            (similarity(own, self._bags[number]), -number)
            for number, count in shared.items()
            if count >= SHARED
        ]
        best, number = max(found, default=(Fraction(0), 0))
        return Likeness(self._where[-number], best) if best >= THRESHOLD else None

    def _prefix(self, bag: list[CountedWord]) -> list[CountedWord]:
        """The rarest words of a bag; those of no text come first, in an order of their own."""
        ordered = sorted(bag, key=lambda word: (self._frequency[word], word))
        return ordered[: prefix_length(len(bag))]


def masked(text: str) -> str:
    """`text` with case, white space, digits, addresses and handles masked; copies differ in them.

    >>> masked("See  YOU at 10") == masked("see you at 11")
    True
    """
    text = _ADDRESS.sub(_MASKS[0], text)
    text = _HANDLE.sub(_MASKS[1], text)
    return " ".join(_DIGITS.sub(_MASKS[2], text).casefold().split())


def bag_of(text: str) -> list[CountedWord]:
    """The words of a masked text as a set: each with the number of its earlier occurrences."""
    words = _WORD.findall(text)
    if len(set(words)) == len(words):
        return [(word, 0) for word in words]
    seen: Counter[str] = Counter()
    bag = []
    for word in words:
        bag.append((word, seen[word]))
        seen[word] += 1
    return bag


def prefix_length(size: int) -> int:
    """The number of a bag's rarest words of which a similar bag must share `SHARED`."""
    return size + (-size * THRESHOLD.numerator) // THRESHOLD.denominator + SHARED


def similarity(one: frozenset[_Item], other: frozenset[_Item]) -> Fraction:
    """The Jaccard similarity of two bags that are not both empty."""
    common = len(one & other)
    return Fraction(common, len(one) + len(other) - common)
