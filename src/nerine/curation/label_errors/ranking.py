"""What a model says of documents that it was not trained on → their likely label errors, ranked.

The idea is confident learning's (Northcutt, Jiang & Chuang, 2021): predictions from
cross-validation (Stone, 1974) show which labels are wrong. Here what is judged is no class of an
example but a place of a text, where gold has one reading and the model gives others a probability:

==========  =========  =============================================
kind        gold       the other reading
==========  =========  =============================================
`missed`    no entity  an entity
`spurious`  an entity  no entity at any of its words
`type`      an entity  the same words under another label
`boundary`  an entity  an entity that overlaps it, of whatever label
==========  =========  =============================================

All of them are exact probabilities under the chain of `model.decoding`, whether or not they lie on
its best path: a name that the model has never seen may be worth 0.3 and still be a name. Within a
kind, suspects are ordered by log(P(other reading) ÷ P(gold's reading)), smoothed.

Between kinds these odds say little. A model overlooks many names that it does not know, and is
very sure of it; so what it finds spurious would fill the first pages, and what it finds missed the
last ones. Hence the kinds take turns: the first of each kind, then the second of each, as confident
learning prunes each cell of its table by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from nerine.core.document import Document, Entity, Token
from nerine.core.tags import Span
from nerine.core.words import word_spans
from nerine.data.corpus import Corpus
from nerine.model.batching import look_aheads
from nerine.model.decoding import Posterior, ScoredSpan
from nerine.model.tagger import Tagger

Kind = Literal["missed", "type", "boundary", "spurious"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""In the order in which they take turns."""

LEAST = 0.05
"""A reading less probable than this is no suspicion."""

# Added to probabilities before their logarithms are taken: whether a model gives a reading 1e-4 or
# 1e-6 says little, and would outweigh what it gives to the other one.
_SMOOTHING = 0.003


@dataclass(frozen=True, slots=True)
class Sample:
    """A document, and where it stands in its corpus."""

    document: Document
    split: str
    index: int
    place: str


@dataclass(frozen=True, slots=True)
class Suspect:
    """A place where a label is likely wrong.

    Gold has `gold` there and the model offers `proposed`; None stands for no entity, and one of
    them is an entity. Both probabilities, from 0 to 1, are the model's, for these readings of this
    place; they need not add up to 1.
    """

    sample: Sample
    gold: Entity | None
    proposed: Entity | None
    gold_probability: float
    proposed_probability: float

    @property
    def kind(self) -> Kind:
        """What would be wrong with the label."""
        if self.gold is None:
            return "missed"
        if self.proposed is None:
            return "spurious"
        same = (self.gold.start, self.gold.end) == (self.proposed.start, self.proposed.end)
        return "type" if same else "boundary"

    @property
    def log_odds(self) -> float:
        """How much surer the model is of the proposal than of gold, in nats, smoothed."""
        proposed = self.proposed_probability + _SMOOTHING
        return math.log(proposed / (self.gold_probability + _SMOOTHING))

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels concerned, sorted."""
        return tuple(sorted({entity.label for entity in self._entities()}))

    @property
    def range(self) -> tuple[int, int]:
        """The code points that gold and proposal cover together, half-open."""
        entities = self._entities()
        return min(each.start for each in entities), max(each.end for each in entities)

    @property
    def corrected(self) -> Document:
        """The document with the proposal in place of all that overlaps it or stood there."""
        start, end = self.range
        document = self.sample.document
        kept = [each for each in document.entities if each.end <= start or each.start >= end]
        kept += [self.proposed] if self.proposed else []
        return document.with_entities(sorted(kept, key=lambda entity: entity.start))

    def to_dict(self) -> dict[str, Any]:
        """For JSON; ranges count code points."""
        document = self.sample.document
        return {
            "kind": self.kind,
            "split": self.sample.split,
            "document": self.sample.index,
            "id": document.id,
            "place": self.sample.place,
            "text": document.text,
            "gold": _as_dict(document, self.gold),
            "proposed": _as_dict(document, self.proposed),
            "gold_probability": self.gold_probability,
            "proposed_probability": self.proposed_probability,
            "log_odds": self.log_odds,
        }

    def _entities(self) -> list[Entity]:
        return [entity for entity in (self.gold, self.proposed) if entity]


def _as_dict(document: Document, entity: Entity | None) -> dict[str, Any] | None:
    if entity is None:
        return None
    return {
        "start": entity.start,
        "end": entity.end,
        "label": entity.label,
        "text": document.surface(entity),
    }


def samples_of(corpus: Corpus, splits: Sequence[str]) -> list[Sample]:
    """The documents of `splits`, one split after the other."""
    return [
        Sample(document, split, index, corpus.place(split, index))
        for split in dict.fromkeys(splits)
        for index, document in enumerate(corpus.split(split))
    ]


def ranked(suspects: Iterable[Suspect]) -> list[Suspect]:
    """Suspects with the likeliest first; each gold entity once, where it stands highest."""
    queues: dict[Kind, list[Suspect]] = {kind: [] for kind in KINDS}
    for suspect in suspects:
        queues[suspect.kind].append(suspect)
    turns = []
    for number, queue in enumerate(queues.values()):
        queue.sort(key=lambda suspect: -suspect.log_odds)
        turns += [(turn, number, suspect) for turn, suspect in enumerate(queue)]
    turns.sort(key=lambda each: each[:2])
    seen = set()
    first = []
    for _, _, suspect in turns:
        key = (suspect.sample.split, suspect.sample.index, suspect.gold)
        if suspect.gold is None or key not in seen:
            seen.add(key)
            first.append(suspect)
    return first


def disagreements(samples: Sequence[Sample], tagger: Tagger) -> tuple[list[Suspect], int]:
    """All that `tagger` might read otherwise, unordered, and how many entities are adapted.

    A gold entity may come several times, with its best other reading of each kind. One that begins
    or ends inside a word is judged as the whole words that it touches; one that touches none is not
    judged. Both count as adapted.
    """
    found: list[Suspect] = []
    adapted = 0
    waiting = iter(samples)
    for documents in look_aheads(sample.document for sample in samples):
        logits = tagger.inference.word_logits(documents)
        decoder = tagger.inference.head.decoder
        posteriors = decoder.posteriors(logits.values, logits.encoding.lengths)
        for encoding, posterior in zip(logits.encoding, posteriors, strict=True):
            sample, words = next(waiting), encoding.words
            gold, changed = _gold_spans(sample.document, words)
            found += _in_document(sample, words, gold, posterior)
            adapted += changed
    return found, adapted


def _in_document(
    sample: Sample,
    words: Sequence[Token],
    gold: Sequence[tuple[Entity, Span]],
    posterior: Posterior,
) -> Iterator[Suspect]:
    likely = posterior.spans(LEAST)
    at = _by_word(likely)
    labelled: set[int] = set()
    for entity, span in gold:
        labelled.update(range(span.start, span.end))
        value = posterior.probability(span)
        nothing = posterior.nothing(span.start, span.end)
        if nothing >= LEAST:
            yield Suspect(sample, entity, None, value, nothing)
        for other in _best_others(span, at):
            proposed = _entity(other, words)
            if (other.start, other.end) == (span.start, span.end):  # gold may end inside a word
                proposed = replace(entity, label=other.label)
            yield Suspect(sample, entity, proposed, value, other.probability)
    for found in _apart(likely, labelled):
        nothing = posterior.nothing(found.start, found.end)
        yield Suspect(sample, None, _entity(found, words), nothing, found.probability)


def _gold_spans(
    document: Document, words: Sequence[Token]
) -> tuple[list[tuple[Entity, Span]], int]:
    """Each gold entity with the words that it touches; two of them may touch the same word."""
    spans, adapted = word_spans(document, words)
    if not adapted:
        return list(zip(document.entities, spans, strict=True)), 0
    found: list[tuple[Entity, Span]] = []
    adapted = 0
    for entity in document.entities:
        spans, changed = word_spans(replace(document, entities=(entity,), tokens=None), words)
        found += [(entity, span) for span in spans]
        adapted += changed
    return found, adapted


def _by_word(spans: Iterable[ScoredSpan]) -> dict[int, list[ScoredSpan]]:
    """For each word the spans that hold it."""
    at: dict[int, list[ScoredSpan]] = {}
    for span in spans:
        for word in range(span.start, span.end):
            at.setdefault(word, []).append(span)
    return at


def _best_others(gold: Span, at: Mapping[int, Sequence[ScoredSpan]]) -> list[ScoredSpan]:
    """Of the spans that touch `gold`: the best with its ends, and the best with other ends."""
    touching = {span for word in range(gold.start, gold.end) for span in at.get(word, ())}
    others = [span for span in touching if _place(span) != gold]
    best: dict[bool, ScoredSpan] = {}
    for span in sorted(others, key=lambda span: (span.probability, *_place(span))):
        best[(span.start, span.end) == (gold.start, gold.end)] = span
    return [*best.values()]


def _apart(likely: Iterable[ScoredSpan], labelled: Iterable[int]) -> list[ScoredSpan]:
    """Spans without a labelled word; of those that overlap, the most probable one."""
    taken = set(labelled)
    found = []
    for span in sorted(likely, key=lambda span: -span.probability):
        words = range(span.start, span.end)
        if taken.isdisjoint(words):
            taken.update(words)
            found.append(span)
    return found


def _place(span: ScoredSpan) -> tuple[int, int, str]:
    return span.start, span.end, span.label


def _entity(span: ScoredSpan, words: Sequence[Token]) -> Entity:
    return Entity(words[span.start].start, words[span.end - 1].end, span.label)
