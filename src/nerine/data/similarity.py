"""Near copies: texts that are nearly the same.

Two texts are near copies if they are the same once case, white space, digits, addresses and
handles are masked, or if the bags of their masked words have a Jaccard similarity of 0.8 or more
(shared words over all words, each as often as it occurs).

Candidates come from prefix filtering (Chaudhuri, Ganti and Kaushik, 2006; Bayardo, Ma and Srikant,
2007): with words ordered from the rarest to the most frequent, two bags that similar share two of
the first `n - ceil(0.8 n) + 2` words of each. The similarity of each candidate is then computed
exactly. `NearCopies` keeps only the first few documents of a split for each word, which bounds the
time: in a corpus of thousands of like sentences, some pairs are missed. `KnownTexts` keeps all.
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
"""Texts with fewer words are often alike by chance."""

_KEPT = 50
"""The most documents of each split that are kept for each word of a prefix."""

_SHARED = 2
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


@dataclass(frozen=True, slots=True)
class NearCopy:
    """A document and an earlier one that is nearly the same.

    Attributes:
        here: The split and the index of the document.
        there: The split and the index of the earlier one.
        similarity: The share of their words that they have in common, from 0.8 to 1.
        is_masked_copy: Whether they are equal once masked; `similarity` is then 1.
    """

    here: Where
    there: Where
    similarity: Fraction
    is_masked_copy: bool

    @property
    def leaks(self) -> bool:
        """Whether the earlier document is in an earlier split."""
        return self.here[0] != self.there[0]

    @property
    def likeness(self) -> str:
        """The likeness in words."""
        if self.is_masked_copy:
            return "the same but for case, white space, digits, addresses or handles"
        if self.similarity == 1:
            return "the same words but for their order, signs, digits, addresses or handles"
        return f"similarity of their words {float(self.similarity):.2f}"


def masked(text: str) -> str:
    """`text` with case, white space, digits, addresses and handles masked; copies differ in them.

    >>> masked("See  YOU at 10") == masked("see you at 11")
    True
    """
    text = _ADDRESS.sub(_MASKS[0], text)
    text = _HANDLE.sub(_MASKS[1], text)
    return " ".join(_DIGITS.sub(_MASKS[2], text).casefold().split())


def own_words(text: str, other: str) -> list[str]:
    """The masked words of `text` that occur less often in `other`, or not at all."""
    lacking = set(_bag(masked(text))) - set(_bag(masked(other)))
    return [word for word, time in _bag(masked(text)) if (word, time) in lacking]


class NearCopies:
    """Near copies among documents that are given in the order of their splits."""

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
            # the most similar ones last, so that they stay
            similar = sorted(self._index.similar(number), key=lambda pair: (pair[1], -pair[0]))
            nears = (self._near(number, *pair, is_masked_copy=False) for pair in similar)
            best = {near.leaks: near for near in nears}
            for other in first[text].values():
                near = self._near(number, other, Fraction(1), is_masked_copy=True)
                if near.leaks not in best or not best[near.leaks].is_masked_copy:
                    best[near.leaks] = near
            yield from best.values()
            split, _ = self._where[number]
            first[text].setdefault(split, number)
            self._index.add(number, split)

    def _near(
        self, number: int, other: int, similarity: Fraction, *, is_masked_copy: bool
    ) -> NearCopy:
        return NearCopy(self._where[number], self._where[other], similarity, is_masked_copy)


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
    """Documents of some splits, among which those that any text is like are found.

    A text is like another if both are the same but for white space, or near copies. Texts with
    fewer than `FEWEST_WORDS` words have no near copies.
    """

    def __init__(self, documents: Iterable[tuple[str, int, Document]]) -> None:
        self._same: dict[str, Where] = {}
        self._masked: dict[str, Where] = {}
        self._where: list[Where] = []
        bags = []
        for split, index, document in documents:
            self._same.setdefault(" ".join(document.text.split()), (split, index))
            text = masked(document.text)
            bag = _bag(text)
            if len(bag) >= FEWEST_WORDS:
                self._masked.setdefault(text, (split, index))
                self._where.append((split, index))
                bags.append(bag)
        self._index = _PrefixIndex(bags, most=len(bags))
        for number, (split, _) in enumerate(self._where):
            self._index.add(number, split)

    def like(self, text: str) -> Likeness | None:
        """The known text that `text` is most like; None if it is like none."""
        same = self._same.get(" ".join(text.split()))
        if same is not None:
            return Likeness(same, Fraction(1))
        hidden = masked(text)
        bag = _bag(hidden)
        if len(bag) < FEWEST_WORDS:
            return None
        if hidden in self._masked:
            return Likeness(self._masked[hidden], Fraction(1))
        similar = max(
            self._index.similar_to(bag), key=lambda pair: (pair[1], -pair[0]), default=None
        )
        return None if similar is None else Likeness(self._where[similar[0]], similar[1])


def _bag(text: str) -> list[tuple[str, int]]:
    """The words of `text` as a set: each with the number of its earlier occurrences."""
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
    """Bags, numbered from 0, indexed by the rare words that a similar bag must share.

    For each word the first `most` bags of a split are kept.
    """

    def __init__(self, bags: Sequence[Sequence[tuple[str, int]]], most: int = _KEPT) -> None:
        frequency = Counter(item for bag in bags for item in bag)
        self._rank = {
            item: n for n, item in enumerate(sorted(frequency, key=lambda i: (frequency[i], i)))
        }
        self._most = most
        self._sets = [frozenset(self._rank[item] for item in bag) for bag in bags]
        self._prefixes = [sorted(ranks)[: _prefix_length(len(ranks))] for ranks in self._sets]
        self._holders: dict[str, dict[int, list[int]]] = {}

    def add(self, number: int, split: str) -> None:
        """Adds a bag to those that are found."""
        holders = self._holders.setdefault(split, {})
        for word in self._prefixes[number]:
            known = holders.setdefault(word, [])
            if len(known) < self._most:
                known.append(number)

    def similar(self, number: int) -> Iterator[tuple[int, Fraction]]:
        """The added bags that are similar to this one, with their Jaccard similarities."""
        ranks = self._sets[number]
        return self._similar(ranks, self._prefixes[number], len(ranks))

    def similar_to(self, bag: Sequence[tuple[str, int]]) -> Iterator[tuple[int, Fraction]]:
        """The added bags that are similar to any bag, whose words need not occur in these."""
        ranks = sorted(self._rank[item] for item in bag if item in self._rank)
        # words that no bag here has are rarer than all others, and so the first of the prefix
        prefix = ranks[: max(0, _prefix_length(len(bag)) - (len(bag) - len(ranks)))]
        return self._similar(frozenset(ranks), prefix, len(bag))

    def _similar(
        self, ranks: frozenset[int], prefix: Sequence[int], size: int
    ) -> Iterator[tuple[int, Fraction]]:
        """The added bags that are similar to one of `size` words, those known here in `ranks`."""
        shared = Counter(
            chain.from_iterable(
                holders.get(word, ()) for holders in self._holders.values() for word in prefix
            )
        )
        for other, count in shared.items():
            if count >= _SHARED:
                common = len(ranks & self._sets[other])
                united = size + len(self._sets[other]) - common
                if common * THRESHOLD.denominator >= united * THRESHOLD.numerator:
                    yield other, Fraction(common, united)


def _prefix_length(size: int) -> int:
    """The number of rare words by which a bag of `size` words is indexed and looked up."""
    shared = -(-size * THRESHOLD.numerator // THRESHOLD.denominator)
    return size - shared + _SHARED
