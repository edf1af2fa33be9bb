"""Texts that are nearly the same.

Two texts are near copies if they are the same once case, white space, digits, addresses and
handles are masked, or if the bags of their masked words have a Jaccard similarity of 0.8 or more
(shared words over all words, each as often as it occurs).

Candidates come from prefix filtering (Chaudhuri, Ganti and Kaushik, 2006; Bayardo, Ma and Srikant,
2007): with words ordered from the rarest to the most frequent, two bags that similar share one of
the first `n - ceil(0.8 n) + 1` words of each. Each candidate's similarity is then counted out, so
that what is named is true. For a word only the first few documents of each split are kept, which
bounds the time: in a corpus of thousands of like sentences, some pairs go unseen.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from nerine.document import Document
from nerine.segmentation import rule_words

THRESHOLD = Fraction(4, 5)
FEWEST_WORDS = 5
"""Shorter texts are alike by chance."""

_KEPT = 50
"""So many documents of each split are kept for each word of a prefix."""

_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
_HANDLE = re.compile(r"(?<!\w)@\w+")
_DIGITS = re.compile(r"\d+")
_MASKS = "\ufdd0\ufdd1\ufdd2"
"""Code points that are no characters and so stand in no text; no word holds them."""

Where = tuple[str, int]


@dataclass(frozen=True, slots=True)
class NearCopy:
    """A document, an earlier one that is nearly the same, and the similarity of their words.

    `is_masked_copy`: they are the same once masked, and `similarity` is 1.
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
            return "the same words, in another order or with other signs between them"
        return f"similarity of their words {float(self.similarity):.2f}"


def masked(text: str) -> str:
    """`text` without what often differs in copies: case, white space, digits, addresses, handles.

    >>> masked("See  YOU at 10") == masked("see you at 11")
    True
    """
    text = _ADDRESS.sub(_MASKS[0], text)
    text = _HANDLE.sub(_MASKS[1], text)
    return " ".join(_DIGITS.sub(_MASKS[2], text).casefold().split())


class NearCopies:
    """Finds near copies in documents that are given in the order of their splits."""

    def __init__(self, documents: Iterable[tuple[str, int, Document]]) -> None:
        self._texts: dict[Where, str] = {}
        self._bags: dict[Where, list[tuple[str, int]]] = {}
        for split, index, document in documents:
            text = masked(document.text)
            bag = _bag(text)
            if len(bag) >= FEWEST_WORDS:
                self._texts[split, index] = text
                self._bags[split, index] = bag

    def pairs(self) -> Iterator[NearCopy]:
        """For each document the best earlier one in its split, and the best in earlier splits."""
        first: dict[str, dict[str, Where]] = defaultdict(dict)
        index = _PrefixIndex(self._bags)
        for here, text in self._texts.items():
            best = {near.leaks: near for near in index.best(here)}
            for there in first[text].values():
                near = NearCopy(here, there, Fraction(1), is_masked_copy=True)
                if near.leaks not in best or not best[near.leaks].is_masked_copy:
                    best[near.leaks] = near
            yield from best.values()
            first[text].setdefault(here[0], here)
            index.add(here)


def _bag(text: str) -> list[tuple[str, int]]:
    """The words of `text`, each with how often it occurred before, so that they make a set."""
    seen: Counter[str] = Counter()
    bag = []
    for token in rule_words(text):
        word = text[token.start : token.end]
        if any(each.isalnum() for each in word):
            bag.append((word, seen[word]))
            seen[word] += 1
    return bag


class _PrefixIndex:
    """Bags by the rare words of theirs that a similar bag must share."""

    def __init__(self, bags: Mapping[Where, list[tuple[str, int]]]) -> None:
        frequency = Counter(item for bag in bags.values() for item in bag)
        rank = {
            item: n for n, item in enumerate(sorted(frequency, key=lambda i: (frequency[i], i)))
        }
        self._sets = {where: frozenset(rank[item] for item in bag) for where, bag in bags.items()}
        self._prefixes = {where: _prefix(ranks) for where, ranks in self._sets.items()}
        self._holders: dict[tuple[str, int], list[Where]] = defaultdict(list)
        self._splits: dict[str, None] = {}

    def add(self, where: Where) -> None:
        """Lets later documents find this one."""
        self._splits.setdefault(where[0])
        for word in self._prefixes[where]:
            holders = self._holders[where[0], word]
            if len(holders) < _KEPT:
                holders.append(where)

    def best(self, here: Where) -> Iterator[NearCopy]:
        """The most similar one among those of the same split, and among those of earlier ones."""
        best: dict[bool, NearCopy] = {}
        for there in self._candidates(here):
            near = self._compared(here, there)
            known = near and best.get(near.leaks)
            if near and (known is None or near.similarity > known.similarity):
                best[near.leaks] = near
        yield from best.values()

    def _candidates(self, here: Where) -> Iterator[Where]:
        found = (
            there
            for split in self._splits
            for word in self._prefixes[here]
            for there in self._holders.get((split, word), ())
        )
        return iter(dict.fromkeys(found))

    def _compared(self, here: Where, there: Where) -> NearCopy | None:
        one, other = self._sets[here], self._sets[there]
        shared = len(one & other)
        all_words = len(one) + len(other) - shared
        if shared * THRESHOLD.denominator < all_words * THRESHOLD.numerator:
            return None
        return NearCopy(here, there, Fraction(shared, all_words), is_masked_copy=False)


def _prefix(ranks: frozenset[int]) -> list[int]:
    """The rarest words of a bag: a bag that is similar holds one of them."""
    needed = -(-len(ranks) * THRESHOLD.numerator // THRESHOLD.denominator)
    return sorted(ranks)[: len(ranks) - needed + 1]
