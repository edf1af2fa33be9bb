"""Near copies: texts that are nearly the same.

Two texts are near copies if they are the same once case, white space, digits, addresses and
handles are masked, or if the bags of their masked words have a Jaccard similarity of 0.8 or more
(shared words over all words, each as often as it occurs).

Candidates come from prefix filtering, as for `nerine.data.near_duplicates`. For each word only the
first few documents of a split are kept, which bounds the time: in a corpus of thousands of like
sentences, some pairs are missed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain

from nerine.core.document import Document
from nerine.data.near_duplicates import (
    FEWEST_WORDS,
    SHARED,
    THRESHOLD,
    CountedWord,
    Where,
    bag_of,
    masked,
    prefix_length,
    similarity,
)

_KEPT = 50
"""The most documents of each split that are kept for each word of a prefix."""


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


def own_words(text: str, other: str) -> list[str]:
    """The masked words of `text` that occur less often in `other`, or not at all."""
    lacking = set(bag_of(masked(text))) - set(bag_of(masked(other)))
    return [word for word, time in bag_of(masked(text)) if (word, time) in lacking]


class NearCopies:
    """Near copies among documents that are given in the order of their splits."""

    def __init__(self, documents: Iterable[tuple[str, int, Document]]) -> None:
        self._where: list[Where] = []
        self._texts: list[str] = []
        bags = []
        for split, index, document in documents:
            text = masked(document.text)
            bag = bag_of(text)
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


class _PrefixIndex:
    """Bags, numbered from 0, indexed by the rare words that a similar bag must share."""

    def __init__(self, bags: Sequence[Sequence[CountedWord]]) -> None:
        frequency = Counter(item for bag in bags for item in bag)
        rank = {
            item: n for n, item in enumerate(sorted(frequency, key=lambda i: (frequency[i], i)))
        }
        self._sets = [frozenset(rank[item] for item in bag) for bag in bags]
        self._prefixes = [sorted(ranks)[: prefix_length(len(ranks))] for ranks in self._sets]
        self._holders: dict[str, dict[int, list[int]]] = {}

    def add(self, number: int, split: str) -> None:
        """Adds a bag to those that `similar` finds."""
        holders = self._holders.setdefault(split, {})
        for word in self._prefixes[number]:
            known = holders.setdefault(word, [])
            if len(known) < _KEPT:
                known.append(number)

    def similar(self, number: int) -> Iterator[tuple[int, Fraction]]:
        """The added bags that are similar to this one, with their Jaccard similarities."""
        shared = Counter(
            chain.from_iterable(
                holders.get(word, ())
                for holders in self._holders.values()
                for word in self._prefixes[number]
            )
        )
        for other, count in shared.items():
            if count >= SHARED:
                found = similarity(self._sets[number], self._sets[other])
                if found >= THRESHOLD:
                    yield other, found
