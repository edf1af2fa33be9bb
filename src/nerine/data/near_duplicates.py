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

CountedWord = tuple[str, int]
"""A word of a text, with the number of its earlier occurrences there."""

_Item = TypeVar("_Item")


def near_duplicates(texts: Iterable[str], *, of: Iterable[str]) -> list[int]:
    """The indices of the texts that are equal or nearly equal to a text of `of`, in order.

    Args:
        texts: The texts, which are read once; none is kept.
        of: The texts that they are compared with; their words are kept in memory.
    """
    known = NearDuplicates(of)
    return [index for index, text in enumerate(texts) if text in known]


class NearDuplicates:
    """Texts by which near duplicates of them are found: `text in NearDuplicates(of)`.

    Args:
        of: The texts.
    """

    def __init__(self, of: Iterable[str]) -> None:
        self._texts = set(of)
        bags = [bag_of(masked(text)) for text in self._texts]
        bags = [bag for bag in bags if len(bag) >= FEWEST_WORDS]
        self._frequency = Counter(chain.from_iterable(bags))
        self._bags = [frozenset(bag) for bag in bags]
        self._holders: dict[CountedWord, list[int]] = defaultdict(list)
        for number, bag in enumerate(bags):
            for word in self._prefix(bag):
                self._holders[word].append(number)

    def __contains__(self, text: str) -> bool:
        if text in self._texts:
            return True
        bag = bag_of(masked(text))
        if len(bag) < FEWEST_WORDS:
            return False
        own = frozenset(bag)
        held = (self._holders[word] for word in self._prefix(bag) if word in self._holders)
        shared = Counter(chain.from_iterable(held))
        return any(
            count >= SHARED and similarity(own, self._bags[number]) >= THRESHOLD
            for number, count in shared.items()
        )

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
