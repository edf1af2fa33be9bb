"""Strict and partial scores of predicted documents, or of predicted tags.

An entity is correct if its start, its end and its label are those of a gold entity, in code
points. For entities on token boundaries this is the count of seqeval's strict mode. Entities of
one side may overlap.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import eq
from typing import Any

from nerine.core.arguments import checked
from nerine.core.document import Document, Token
from nerine.core.errors import CorpusError, SchemeError
from nerine.core.tags import OUTSIDE, Reading, Span, TagScheme
from nerine.core.words import rule_words, word_spans
from nerine.evaluation.metrics.counts import Averages, Counts, PartialCounts
from nerine.evaluation.metrics.partial import SCHEMAS, Range, Schema, partial_counts

_Form = tuple[str, str]
"""A surface form and its label."""
_Tags = defaultdict[int, list[tuple[bool, str]]]
"""Whether an entity begins at a word, and its label, for each entity that covers the word."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Strict and partial scores of one prediction over a set of documents.

    Attributes:
        overall: Strict counts over all labels (micro average).
        labels: Strict counts of each label, gold or predicted, in alphabetical order.
        accuracy: Share of tokens whose IOB2 tag is the gold one, over the documents' own tokens,
            or over words by the rule if they have none. A token inside several entities has a tag
            for each; all must be the gold ones.
        tokens: Number of these tokens.
        documents: Number of documents.
        boundaries: Counts of ranges, whatever their labels.
        partial: Counts by the four schemas of SemEval-2013 (`nerine.evaluation.metrics.partial`).
        surface: Counts of unique pairs of surface form and label over all documents: those of gold
            entities, of predicted ones and of correct ones, as in the WNUT 2017 shared task
            (Derczynski et al., 2017). Forms differ by case, and a form is correct if one of its
            mentions is. None if there are no texts.
    """

    overall: Counts
    labels: Mapping[str, Counts]
    accuracy: float
    tokens: int
    documents: int
    boundaries: Counts
    partial: Mapping[Schema, PartialCounts]
    surface: Counts | None

    @property
    def macro(self) -> Averages:
        """Mean over labels, all with the same weight."""
        return Averages.of(self.labels.values(), [1] * len(self.labels))

    @property
    def weighted(self) -> Averages:
        """Mean over labels, weighted by their numbers of gold entities."""
        return Averages.of(self.labels.values(), [each.gold for each in self.labels.values()])

    def to_dict(self) -> dict[str, Any]:
        """Scores from 0 to 1, for JSON."""
        return {
            "overall": self.overall.to_dict(),
            "accuracy": self.accuracy,
            "labels": {label: counts.to_dict() for label, counts in self.labels.items()},
            "macro": self.macro.to_dict(),
            "weighted": self.weighted.to_dict(),
            "boundaries": self.boundaries.to_dict(),
            "surface": None if self.surface is None else self.surface.to_dict(),
            "partial": {schema: counts.to_dict() for schema, counts in self.partial.items()},
            "documents": self.documents,
            "tokens": self.tokens,
        }


@checked
def score(gold: Sequence[Document], predicted: Sequence[Document]) -> Scores:
    """Scores predicted documents against gold documents with the same texts, in the same order.

    Raises:
        ArgumentError: If an argument has another type.
        CorpusError: If the numbers of documents or their texts differ.
    """
    pairs = []
    correct_tags = total_tags = 0
    correct_forms: set[_Form] = set()
    predicted_forms: set[_Form] = set()
    gold_forms: set[_Form] = set()
    for gold_document, predicted_document in document_pairs(gold, predicted):
        gold_ranges, predicted_ranges = ranges_of(gold_document), ranges_of(predicted_document)
        pairs.append((gold_ranges, predicted_ranges))
        text, tokens = gold_document.text, gold_document.tokens
        words = rule_words(text) if tokens is None else tokens
        total_tags += len(words)
        correct_tags += len(words)
        correct: Collection[Range] = gold_ranges
        if gold_ranges != predicted_ranges:
            correct_tags -= _wrong_tags(gold_document, predicted_document, words)
            correct = {*gold_ranges}.intersection(predicted_ranges)
            gold_forms.update((text[start:end], label) for start, end, label in gold_ranges)
            predicted_forms.update(
                (text[start:end], label) for start, end, label in predicted_ranges
            )
        if correct:
            correct_forms.update((text[start:end], label) for start, end, label in correct)
    surface = Counts(
        len(correct_forms), len(predicted_forms | correct_forms), len(gold_forms | correct_forms)
    )
    return _scores(pairs, correct_tags, total_tags, surface)


@checked
def score_tags(
    gold: Sequence[Sequence[str]],
    predicted: Sequence[Sequence[str]],
    *,
    scheme: TagScheme | str = TagScheme.IOB2,
    reading: Reading = "strict",
) -> Scores:
    """Scores predicted tag sequences, one tag for each token, as seqeval does.

    Args:
        gold: The gold tags of each sequence.
        predicted: The predicted tags of each sequence.
        scheme: The tag scheme of both.
        reading: How tags become entities (see `TagScheme.decode`).

    Returns:
        The scores. `surface` is None; `accuracy` compares the tags as they are.

    Raises:
        ArgumentError: If an argument has another type.
        CorpusError: If the numbers of sequences or their lengths differ.
        SchemeError: If a tag has an unknown form or, in the strict reading, is not one of `scheme`.
    """
    scheme = TagScheme.named(scheme)
    _check_numbers(gold, predicted)
    pairs = []
    correct_tags = total_tags = 0
    tags: set[str] = set()
    for index, (gold_tags, predicted_tags) in enumerate(zip(gold, predicted, strict=True)):
        if len(gold_tags) != len(predicted_tags):
            raise CorpusError(
                f"{len(predicted_tags)} predicted tags for {len(gold_tags)} gold ones",
                place=f"sequence {index}",
                expected="one tag for each token on both sides",
            )
        equal = gold_tags == predicted_tags
        try:
            spans = scheme.decode(gold_tags, reading)
            pairs.append((spans, spans if equal else scheme.decode(predicted_tags, reading)))
        except SchemeError as error:
            raise error.at(f"sequence {index}") from None
        tags.update(gold_tags)
        if not equal:
            tags.update(predicted_tags)
        total_tags += len(gold_tags)
        correct_tags += len(gold_tags) if equal else sum(map(eq, gold_tags, predicted_tags))
    for tag in sorted(tags) if reading == "strict" else ():
        if tag != OUTSIDE and tag[0] not in scheme.prefixes:  # its entity would go uncounted
            raise SchemeError(
                f"{tag!r} is not a tag of {scheme.value}",
                expected=f"tags that begin with {', '.join(scheme.prefixes)}",
                hint="scheme= names the scheme of the tags",
            )
    return _scores(pairs, correct_tags, total_tags, None)


def document_pairs(
    gold: Sequence[Document], predicted: Sequence[Document]
) -> Iterator[tuple[Document, Document]]:
    """Pairs of gold and predicted documents.

    Raises `CorpusError` if their texts differ.
    """
    _check_numbers(gold, predicted)
    for index, (one, other) in enumerate(zip(gold, predicted, strict=True)):
        if one.text != other.text:
            raise CorpusError(
                f"the texts of document {index} differ: {one.text[:60]!r} and {other.text[:60]!r}",
                expected="the same text, gold and predicted",
            )
        yield one, other


def ranges_of(document: Document) -> list[Range]:
    """Start, end and label of each entity, in order."""
    return [(entity.start, entity.end, entity.label) for entity in document.entities]


def _check_numbers(gold: Sequence[object], predicted: Sequence[object]) -> None:
    if len(gold) != len(predicted):
        raise CorpusError(
            f"{len(predicted)} predicted documents for {len(gold)} gold ones",
            expected="the same number of both, in the same order",
        )


def _wrong_tags(gold: Document, predicted: Document, words: Sequence[Token]) -> int:
    """Number of words with other IOB2 tags; a word has one tag for each entity that covers it."""
    gold_spans, predicted_spans = (set(_spans(each, words)) for each in (gold, predicted))
    wrong: tuple[_Tags, _Tags] = defaultdict(list), defaultdict(list)
    for tags, spans in zip(
        wrong, (gold_spans - predicted_spans, predicted_spans - gold_spans), strict=True
    ):
        for start, end, label in sorted(spans):
            for index in range(start, end):
                tags[index].append((index == start, label))
    tagged = wrong[0].keys() | wrong[1].keys()
    return sum(sorted(wrong[0][index]) != sorted(wrong[1][index]) for index in tagged)


def _spans(document: Document, words: Sequence[Token]) -> list[Span]:
    """The entities as spans of words, where entities may share words."""
    if not document.overlapping():
        return word_spans(document, words)[0]
    return [
        span
        for entity in document.entities
        for span in word_spans(document.with_entities([entity]), words)[0]
    ]


def _scores(
    pairs: Sequence[tuple[Sequence[Range], Sequence[Range]]],
    correct_tags: int,
    total_tags: int,
    surface: Counts | None,
) -> Scores:
    """Scores from the gold and predicted ranges of each document, in text order.

    Only entities that are not strictly correct are aligned for partial counts: a correct one is
    correct by every schema.
    """
    gold_labels: list[str] = []
    predicted_labels: list[str] = []
    correct_labels: list[str] = []
    same_range = missing = spurious = 0
    aligned = []
    for gold, predicted in pairs:
        labels = [label for _, _, label in gold]
        gold_labels += labels
        if gold == predicted:
            predicted_labels += labels
            correct_labels += labels
            continue
        predicted_labels += [label for _, _, label in predicted]
        correct = {*gold}.intersection(predicted)
        correct_labels += [label for _, _, label in correct]
        wrong_gold = [each for each in gold if each not in correct]
        wrong_predicted = [each for each in predicted if each not in correct]
        if not wrong_gold or not wrong_predicted:
            missing += len(wrong_gold)
            spurious += len(wrong_predicted)
            continue
        gold_bounds, predicted_bounds = (
            Counter((start, end) for start, end, _ in wrong)
            for wrong in (wrong_gold, wrong_predicted)
        )
        same_range += (gold_bounds & predicted_bounds).total()
        aligned.append(partial_counts(wrong_gold, wrong_predicted))
    gold_counts, predicted_counts = Counter(gold_labels), Counter(predicted_labels)
    correct_counts = Counter(correct_labels)
    by_label = {
        label: Counts(correct_counts[label], predicted_counts[label], gold_counts[label])
        for label in sorted(gold_counts.keys() | predicted_counts.keys())
    }
    overall = sum(by_label.values(), Counts())
    unaligned = PartialCounts(overall.correct, missing=missing, spurious=spurious)
    return Scores(
        overall=overall,
        labels=by_label,
        accuracy=correct_tags / total_tags if total_tags else 0.0,
        tokens=total_tags,
        documents=len(pairs),
        boundaries=Counts(overall.correct + same_range, overall.predicted, overall.gold),
        partial={
            schema: sum((counts[schema] for counts in aligned), unaligned) for schema in SCHEMAS
        },
        surface=surface,
    )
