"""Texts that are nearly the same.

Two texts are near copies if they are the same once case, white space, digits, addresses and
handles are masked, or if the bags of their masked words have a Jaccard similarity of 0.8 or more
(shared words over all words, each as often as it occurs).

Candidates come from prefix filtering (Chaudhuri, Ganti and Kaushik, 2006; Bayardo, Ma and Srikant,
2007): with words ordered from the rarest to the most frequent, two bags that similar share two of
the first `n - ceil(0.8 n) + 2` words of each. Each candidate's similarity is then counted out, so
that what is named is true. For a word only the first few documents of each split are kept, which
bounds the time: in a corpus of thousands of like sentences, some pairs go unseen.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain

import regex

from nerine.core.document import Document

THRESHOLD = Fraction(4, 5)
FEWEST_WORDS = 5
"""Shorter texts are alike by chance."""

_KEPT = 50
"""So many documents of each split are kept for each word of a prefix."""

_SHARED = 2
"""So many words do the prefixes of similar bags share."""

_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
_HANDLE = re.compile(r"(?<!\w)@\w+")
_DIGITS = re.compile(r"\d+")
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_RUN = rf"[\w--[{_UNSPACED}]]++"
_WORD = regex.compile(rf"[{_UNSPACED}]|{_RUN}(?:['’]{_RUN})*+", regex.V1)
"""A run of letters with apostrophes inside; one character where a script has no spaces."""

_MASKS = "\ufdd0\ufdd1\ufdd2"
"""Code points that are no characters and so stand in no text; no word holds them."""

Where = tuple[str, int]
"""A split and the index of a document there."""


@dataclass(frozen=True, slots=True)
class NearCopy:
    """A document and an earlier one that is nearly the same.

    Attributes:
        here: The split and the index of the document.
        there: The split and the index of the earlier one.
        similarity: The share of their words that they have in common, from 0.8 to 1.
        is_masked_copy: Whether they are the same once masked; `similarity` is 1 then.
    """

    here: Where
    there: Where
    similarity: Fraction
    is_masked_copy: bool

    @property
    def leaks(self) -> bool:
        """Whether the other one stands in an earlier split."""
        return self.here[0] != self.there[0]

    @property
    def likeness(self) -> str:
        """How they are alike, in words."""
        if self.is_masked_copy:
            return "the same but for case, white space, digits, addresses or handles"
        if self.similarity == 1:
            return "the same words but for their order, signs, digits, addresses or handles"
        return f"similarity of their words {float(self.similarity):.2f}"


def masked(text: str) -> str:
    """`text` without what often differs in copies: case, white space, digits, addresses, handles.

    >>> masked("See  YOU at 10") == masked("see you at 11")
    True
    """
    text = _ADDRESS.sub(_MASKS[0], text)
    text = _HANDLE.sub(_MASKS[1], text)
    return " ".join(_DIGITS.sub(_MASKS[2], text).casefold().split())


def own_words(text: str, other: str) -> list[str]:
    """The masked words of `text` that `other` lacks, or holds less often."""
    lacking = set(_bag(masked(text))) - set(_bag(masked(other)))
    return [word for word, time in _bag(masked(text)) if (word, time) in lacking]


class NearCopies:
    """Finds near copies in documents that are given in the order of their splits."""

    def __init__(self, documents: Iterable[tuple[str, int, Document]]) -> None:
        self._where: list[Where] = []
        self._texts: list[str] = []
        bags = []
        for split, index, document in documents:
            text = masked(document.text)
            bag = _bag(text)
            if len(bag) >= FEWEST_WORDS:
                self._where.append((split, index))
                self._texts.append(text)
                bags.append(bag)
        self._index = _PrefixIndex(bags)

    def pairs(self) -> Iterator[NearCopy]:
        """For each document the best earlier one in its split, and the best in earlier splits."""
        first: dict[str, dict[str, int]] = defaultdict(dict)
        for number, text in enumerate(self._texts):
            best = {near.leaks: near for near in self._similar(number)}
            for other in first[text].values():
                near = self._near(number, other, Fraction(1), is_masked_copy=True)
                if near.leaks not in best or not best[near.leaks].is_masked_copy:
                    best[near.leaks] = near
            yield from best.values()
            split, _ = self._where[number]
            first[text].setdefault(split, number)
            self._index.add(number, split)

    def _similar(self, number: int) -> Iterator[NearCopy]:
        """The candidates that are similar enough, the most similar ones last."""
        found = sorted(self._index.similar(number), key=lambda pair: (pair[1], -pair[0]))
        for other, similarity in found:
            yield self._near(number, other, similarity, is_masked_copy=False)

    def _near(
        self, number: int, other: int, similarity: Fraction, *, is_masked_copy: bool
    ) -> NearCopy:
        return NearCopy(self._where[number], self._where[other], similarity, is_masked_copy)


def _bag(text: str) -> list[tuple[str, int]]:
    """The words of `text`, each with how often it occurred before, so that they make a set."""
    words = _WORD.findall(text)
    if len(set(words)) == len(words):
        return [(word, 0) for word in words]
    seen: Counter[str] = Counter()
    bag = []
    for word in words:
        bag.append((word, seen[word]))
        seen[word] += 1
    return bag


class _PrefixIndex:
    """Bags, numbered from 0, by the rare words of theirs that a similar bag must share."""

    def __init__(self, bags: Sequence[Sequence[tuple[str, int]]]) -> None:
        frequency = Counter(item for bag in bags for item in bag)
        rank = {
            item: n for n, item in enumerate(sorted(frequency, key=lambda i: (frequency[i], i)))
        }
        self._sets = [frozenset(rank[item] for item in bag) for bag in bags]
        self._prefixes = [_prefix(ranks) for ranks in self._sets]
        self._holders: dict[str, dict[int, list[int]]] = {}

    def add(self, number: int, split: str) -> None:
        """Lets later bags find this one."""
        holders = self._holders.setdefault(split, {})
        for word in self._prefixes[number]:
            known = holders.setdefault(word, [])
            if len(known) < _KEPT:
                known.append(number)

    def similar(self, number: int) -> Iterator[tuple[int, Fraction]]:
        """The bags that were added and are similar to this one, with their similarity."""
        shared = Counter(
            chain.from_iterable(
                holders.get(word, ())
                for holders in self._holders.values()
                for word in self._prefixes[number]
            )
        )
        for other, count in shared.items():
            similarity = self._similarity(number, other) if count >= _SHARED else None
            if similarity is not None:
                yield other, similarity

    def _similarity(self, number: int, other: int) -> Fraction | None:
        """The Jaccard similarity, or None where it is below the threshold."""
        one, two = self._sets[number], self._sets[other]
        shared = len(one & two)
        united = len(one) + len(two) - shared
        if shared * THRESHOLD.denominator < united * THRESHOLD.numerator:
            return None
        return Fraction(shared, united)


def _prefix(ranks: frozenset[int]) -> list[int]:
    """The rarest words of a bag: a bag that is similar holds two of them."""
    needed = -(-len(ranks) * THRESHOLD.numerator // THRESHOLD.denominator)
    return sorted(ranks)[: len(ranks) - needed + _SHARED]
