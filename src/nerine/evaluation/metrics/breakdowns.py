"""Strict counts by properties of an entity: seen in training, frequency, length.

A correct entity has the surface form, the length and the text of its gold counterpart. Gold,
predicted and correct entities of one group therefore give precision and recall of their own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from nerine.core.arguments import checked
from nerine.core.document import Document, Entity, Token, surface_form
from nerine.core.words import rule_words
from nerine.evaluation.metrics.counts import Counts
from nerine.evaluation.metrics.scoring import document_pairs, ranges_of

_FREQUENCIES = ((0, "0"), (1, "1"), (4, "2 to 4"), (9, "5 to 9"), (None, "10 or more"))
_ENTITY_LENGTHS = ((1, "1 word"), (2, "2 words"), (3, "3 words"), (None, "4 words or more"))
_DOCUMENT_LENGTHS = (
    *((10, "up to 10 words"), (20, "11 to 20"), (40, "21 to 40"), (100, "41 to 100")),
    (None, "more than 100"),
)

_BY_TRAINING = {
    "surface form in training": ("seen", "unseen"),
    "times in training": tuple(name for _, name in _FREQUENCIES),
}
_BY_LENGTH = {
    "length of the entity": tuple(name for _, name in _ENTITY_LENGTHS),
    "length of the document": tuple(name for _, name in _DOCUMENT_LENGTHS),
}


@checked
def breakdowns(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    train: Iterable[Document] | None = None,
) -> dict[str, dict[str, Counts]]:
    """Strict counts by title of the breakdown and name of the group.

    Words are the gold document's own tokens, or words by the rule. The first two breakdowns need
    `train`: whether, and how often, an entity's case-folded surface form is that of an entity in
    it. Groups without entities are left out.
    """
    known = (
        None if train is None else Counter(surface_form(d, e) for d in train for e in d.entities)
    )
    titles = _BY_LENGTH if known is None else _BY_TRAINING | _BY_LENGTH
    counts = {title: {name: Counts() for name in names} for title, names in titles.items()}
    for gold_document, predicted_document in document_pairs(gold, predicted):
        if not gold_document.entities and not predicted_document.entities:
            continue
        words = gold_document.tokens or rule_words(gold_document.text)
        gold_ranges = set(ranges_of(gold_document))
        entities = [(entity, Counts(gold=1)) for entity in gold_document.entities]
        for entity in predicted_document.entities:
            correct = (entity.start, entity.end, entity.label) in gold_ranges
            entities.append((entity, Counts(correct=int(correct), predicted=1)))
        for entity, one in entities:
            for title, name in _groups_of(entity, gold_document, words, known):
                counts[title][name] += one
    return {
        title: {name: each for name, each in groups.items() if each.gold or each.predicted}
        for title, groups in counts.items()
    }


def _groups_of(
    entity: Entity, document: Document, words: Sequence[Token], known: Counter[str] | None
) -> Iterator[tuple[str, str]]:
    """The entity's group in each breakdown."""
    first = bisect_right(words, entity.start, key=attrgetter("end"))
    last = bisect_left(words, entity.end, key=attrgetter("start"))
    yield "length of the entity", _group(max(1, last - first), _ENTITY_LENGTHS)
    yield "length of the document", _group(len(words), _DOCUMENT_LENGTHS)
    if known is not None:
        times = known[surface_form(document, entity)]
        yield "surface form in training", "seen" if times else "unseen"
        yield "times in training", _group(times, _FREQUENCIES)


def _group(value: int, groups: Sequence[tuple[int | None, str]]) -> str:
    return next(name for most, name in groups if most is None or value <= most)
