"""Label errors: places where a model gives another reading than gold a fair probability, ranked.

The idea is that of confident learning (Northcutt, Jiang & Chuang, 2021): predictions from
cross-validation show which labels are wrong. Confident learning judges the classes of examples;
here each place of a text is judged, by the probabilities of its readings:

==========  =========  =============================================
kind        gold       the other reading
==========  =========  =============================================
`missed`    no entity  an entity
`spurious`  an entity  no entity at any of its words
`type`      an entity  the same words under another label
`boundary`  an entity  an entity that overlaps it, of whatever label
==========  =========  =============================================

The probabilities are exact under the chain of `model.decoding`, on its best path or not: a name
that the model has never seen may get 0.3 and still be a name. Within a kind, label errors are
ordered by log(P(other reading) ÷ P(gold's reading)), smoothed.

These odds do not compare across kinds. A model overlooks many names that it does not know, and does
so with confidence, so one list by odds would begin with pages of `spurious` and end with `missed`.
Hence the kinds take turns: the first of each kind, then the second of each, just as confident
learning prunes each cell of its table separately.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
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
"""The kinds in the order in which they take turns."""

MIN_PROBABILITY = 0.05
"""Readings with a lower probability are not reported."""

# Added to probabilities before their logarithms are taken: the difference between 1e-4 and 1e-6
# says little, and would outweigh the probability of the other reading.
_SMOOTHING = 0.003


@dataclass(frozen=True, slots=True)
class Sample:
    """A document with its place in a corpus."""

    document: Document
    split: str
    index: int
    place: str


@dataclass(frozen=True, slots=True)
class LabelError:
    """A place where a label is likely wrong.

    `gold` is the reading of the corpus and `proposed` that of the model; None means no entity, and
    at least one of them is an entity. The model gives both readings a probability from 0 to 1;
    the two need not add up to 1.
    """

    sample: Sample
    gold: Entity | None
    proposed: Entity | None
    gold_probability: float
    proposed_probability: float

    @property
    def kind(self) -> Kind:
        """The way in which the label is likely wrong."""
        if self.gold is None:
            return "missed"
        if self.proposed is None:
            return "spurious"
        same = (self.gold.start, self.gold.end) == (self.proposed.start, self.proposed.end)
        return "type" if same else "boundary"

    @property
    def log_odds(self) -> float:
        """Smoothed log-odds of the proposal against gold, in nats."""
        proposed = self.proposed_probability + _SMOOTHING
        return math.log(proposed / (self.gold_probability + _SMOOTHING))

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of gold and proposal, sorted."""
        return tuple(sorted({entity.label for entity in self._entities()}))

    @property
    def range(self) -> tuple[int, int]:
        """The code points that gold and proposal cover together, half-open."""
        entities = self._entities()
        return min(each.start for each in entities), max(each.end for each in entities)

    @property
    def corrected(self) -> Document:
        """The document with the proposal in place of all entities that overlap the range."""
        start, end = self.range
        document = self.sample.document
        kept = [each for each in document.entities if each.end <= start or each.start >= end]
        kept += [self.proposed] if self.proposed else []
        return document.with_entities(sorted(kept, key=lambda entity: entity.start))

    def to_dict(self) -> dict[str, Any]:
        """The label error for JSON; ranges are in code points."""
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


def rank_label_errors(label_errors: Iterable[LabelError]) -> list[LabelError]:
    """Label errors with the likeliest first; each gold entity once, at its highest rank."""
    queues: dict[Kind, list[LabelError]] = {kind: [] for kind in KINDS}
    for label_error in label_errors:
        queues[label_error.kind].append(label_error)
    for queue in queues.values():
        queue.sort(key=lambda label_error: -label_error.log_odds)
    seen = set()
    ranked = []
    for label_error in filter(None, chain(*zip_longest(*queues.values()))):
        key = (label_error.sample.split, label_error.sample.index, label_error.gold)
        if label_error.gold is None or key not in seen:
            seen.add(key)
            ranked.append(label_error)
    return ranked


def disagreements(samples: Sequence[Sample], tagger: Tagger) -> tuple[list[LabelError], int]:
    """Label errors that `tagger` proposes, unordered, and the number of adapted entities.

    A gold entity may occur several times, with its best other reading of each kind. An entity that
    begins or ends inside a word is judged as the whole words that it touches, and one that touches
    no word is not judged; both count as adapted. An entity whose label the tagger does not have is
    not judged.
    """
    found: list[LabelError] = []
    adapted = 0
    waiting = iter(samples)
    for documents in look_aheads(sample.document for sample in samples):
        logits = tagger.inference.word_logits(documents)
        decoder = tagger.inference.head.decoder
        posteriors = decoder.posteriors(logits.values, logits.encoding.lengths)
        for encoding, posterior in zip(logits.encoding, posteriors, strict=True):
            sample, words = next(waiting), encoding.words
            gold, changed = _gold_spans(sample.document, words)
            found += _other_readings(sample, words, gold, posterior)
            adapted += changed
    return found, adapted


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


def _other_readings(
    sample: Sample,
    words: Sequence[Token],
    gold: Sequence[tuple[Entity, Span]],
    posterior: Posterior,
) -> Iterator[LabelError]:
    """The label errors of one document."""
    likely = posterior.spans(MIN_PROBABILITY)
    by_word: dict[int, list[ScoredSpan]] = defaultdict(list)
    for span in likely:
        for word in range(span.start, span.end):
            by_word[word].append(span)
    taken: set[int] = set()
    for entity, gold_span in gold:
        gold_words = range(gold_span.start, gold_span.end)
        taken.update(gold_words)
        if entity.label not in posterior.chain.labels:
            continue
        value = posterior.probability(gold_span)
        nothing = posterior.nothing(gold_span.start, gold_span.end)
        if nothing >= MIN_PROBABILITY:
            yield LabelError(sample, entity, None, value, nothing)
        touching = {span for word in gold_words for span in by_word[word]}
        for same_ends, span in _best_others(gold_span, touching).items():
            proposed = _entity(span, words)
            if same_ends:  # gold may end inside a word
                proposed = replace(entity, label=span.label)
            yield LabelError(sample, entity, proposed, value, span.probability)
    # of overlapping spans without a labelled word, the most probable one
    for span in sorted(likely, key=lambda span: -span.probability):
        if taken.isdisjoint(range(span.start, span.end)):
            taken.update(range(span.start, span.end))
            nothing = posterior.nothing(span.start, span.end)
            yield LabelError(sample, None, _entity(span, words), nothing, span.probability)


def _best_others(gold: Span, spans: Iterable[ScoredSpan]) -> dict[bool, ScoredSpan]:
    """The most probable span other than `gold` with its ends (True), and with other ends."""
    best: dict[bool, ScoredSpan] = {}
    keyed = [((span.start, span.end, span.label), span) for span in spans]
    for place, span in sorted(keyed, key=lambda pair: (pair[1].probability, *pair[0])):
        if place != gold:
            best[(span.start, span.end) == (gold.start, gold.end)] = span
    return best


def _entity(span: ScoredSpan, words: Sequence[Token]) -> Entity:
    return Entity(words[span.start].start, words[span.end - 1].end, span.label)
