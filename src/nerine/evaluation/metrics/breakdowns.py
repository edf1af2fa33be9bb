"""Scores by what an entity is like.

A correct entity has the surface form, the length and the text of its gold twin, so that gold,
predicted and correct entities of one kind make up counts of their own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

from nerine.core.document import Document, Entity, Token, surface_form
from nerine.core.words import rule_words
from nerine.evaluation.metrics.counts import Counts
from nerine.evaluation.metrics.scoring import ranges_of, side_by_side

_LENGTHS = ((1, "1 word"), (2, "2 words"), (3, "3 words"), (None, "4 words or more"))
_FREQUENCIES = ((0, "0"), (1, "1"), (4, "2 to 4"), (9, "5 to 9"), (None, "10 or more"))
_DOCUMENTS = (
    *((10, "up to 10 words"), (20, "11 to 20"), (40, "21 to 40"), (100, "41 to 100")),
    (None, "more than 100"),
)

Steps = Sequence[tuple[int | None, str]]
Kind = Callable[[Document, Entity], str]


def breakdowns(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    train: Iterable[Document] | None = None,
) -> dict[str, dict[str, Counts]]:
    """Strict counts, split in several ways: title → kind of entity → counts.

    Words are the gold document's own tokens, or words by the rule. With `train`, also by whether
    an entity's surface form, case-folded, is one of an entity in it, and how often. Kinds of
    which there is no entity are left out.
    """
    words = _WordCounts()
    kinds: dict[str, tuple[Kind, list[str]]] = {
        "length of the entity": (
            lambda document, entity: _step(words.inside(document, entity), _LENGTHS),
            [name for _, name in _LENGTHS],
        ),
        "length of the document": (
            lambda document, _: _step(len(words.of(document)), _DOCUMENTS),
            [name for _, name in _DOCUMENTS],
        ),
    }
    if train is not None:
        known = Counter(surface_form(each, e) for each in train for e in each.entities)
        kinds = _kinds_by_training(known) | kinds
    return {
        title: _counts_by(kind, order, gold, predicted) for title, (kind, order) in kinds.items()
    }


def _kinds_by_training(known: Counter[str]) -> dict[str, tuple[Kind, list[str]]]:
    return {
        "surface form in training": (
            lambda document, e: "seen" if surface_form(document, e) in known else "unseen",
            ["seen", "unseen"],
        ),
        "times in training": (
            lambda document, e: _step(known[surface_form(document, e)], _FREQUENCIES),
            [name for _, name in _FREQUENCIES],
        ),
    }


def _counts_by(
    kind: Kind, order: Sequence[str], gold: Sequence[Document], predicted: Sequence[Document]
) -> dict[str, Counts]:
    counts = {name: Counts() for name in order}
    for reference, output in side_by_side(gold, predicted):
        wanted = set(ranges_of(reference))
        for entity in reference.entities:
            counts[kind(reference, entity)] += Counts(gold=1)
        for entity in output.entities:
            correct = (entity.start, entity.end, entity.label) in wanted
            counts[kind(reference, entity)] += Counts(correct=int(correct), predicted=1)
    return {name: each for name, each in counts.items() if each.gold or each.predicted}


def _step(value: int, steps: Steps) -> str:
    return next(name for most, name in steps if most is None or value <= most)


class _WordCounts:
    """The words of the document that was asked for last; a document is asked for in a row."""

    def __init__(self) -> None:
        self._document: Document | None = None
        self._words: Sequence[Token] = ()

    def of(self, document: Document) -> Sequence[Token]:
        if document is not self._document:
            self._document = document
            self._words = document.tokens or rule_words(document.text)
        return self._words

    def inside(self, document: Document, entity: Entity) -> int:
        """How many words the entity touches, and at least one."""
        words = self.of(document)
        first = bisect_right(words, entity.start, key=attrgetter("end"))
        last = bisect_left(words, entity.end, key=attrgetter("start"))
        return max(1, last - first)
