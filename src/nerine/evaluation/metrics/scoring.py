"""Gold and predicted documents → scores.

An entity is correct if its start, its end and its label are those of a gold entity, in code
points. For entities on token boundaries this is the count of seqeval's strict mode.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import eq
from typing import Any

from nerine.core.document import Document, Token, check_no_overlap
from nerine.core.errors import CorpusError, DocumentError, SchemeError
from nerine.core.tags import OUTSIDE, Reading, Span, TagScheme
from nerine.core.words import rule_words, word_spans
from nerine.evaluation.metrics.counts import (
    Averages,
    Counts,
    PartialCounts,
    macro_average,
    weighted_average,
)
from nerine.evaluation.metrics.partial import Range, Schema
from nerine.evaluation.metrics.tally import Tally


@dataclass(frozen=True, slots=True)
class Scores:
    """What one prediction over a set of documents is worth.

    Attributes:
        overall: Strict counts over all labels (micro average); `macro` and `weighted` are means
            over them.
        labels: The counts of each label.
        accuracy: The share of tokens whose IOB2 tag is the gold one, over the documents' own
            tokens, or over words by the rule where they have none.
        tokens: How many tokens these are.
        documents: How many documents.
        boundaries: Counts of ranges alone, whatever their labels.
        partial: Counts by the four schemas of SemEval-2013 (Segura-Bedmar et al., 2013; see
            `nerine.evaluation.metrics.partial`).
        surface: Counts of unique pairs of surface form and label, each once over all documents, as
            the WNUT 2017 shared task does (Derczynski et al., 2017); None where there are no texts.
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
        """The mean over labels, gold or predicted, each of which counts alike."""
        return macro_average(self.labels.values())

    @property
    def weighted(self) -> Averages:
        """The mean over labels, each by its number of gold entities."""
        return weighted_average(self.labels.values())

    def to_dict(self) -> dict[str, Any]:
        """For JSON: scores from 0 to 1."""
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


def score(gold: Sequence[Document], predicted: Sequence[Document]) -> Scores:
    """Compares the entities of documents that stand side by side and have the same texts.

    Args:
        gold: The documents with the right entities.
        predicted: The same documents with those that were found.

    Returns:
        The scores, strict and partial, over all labels and for each.

    Raises:
        CorpusError: Where the documents do not belong to each other.
    """
    tally = Tally()
    right = tokens = 0
    for reference, output in side_by_side(gold, predicted):
        wanted, found = ranges_of(reference), ranges_of(output)
        tally.add(wanted, found)
        units = rule_words(reference.text) if reference.tokens is None else reference.tokens
        tokens += len(units)
        right += len(units) - (0 if wanted == found else _differing(reference, output, units))
    surface = _surface_counts(_surfaces(gold), _surfaces(predicted))
    return _evaluation(tally, right, tokens, len(gold), surface)


def score_tags(
    gold: Sequence[Sequence[str]],
    predicted: Sequence[Sequence[str]],
    *,
    scheme: TagScheme | str = TagScheme.IOB2,
    reading: Reading = "strict",
) -> Scores:
    """Compares tag sequences that stand side by side, one tag a token, as seqeval takes them.

    `reading` says what counts as an entity (`TagScheme.decode`). There are no texts, so `surface`
    is None; `accuracy` compares the tags as they are. Raises `CorpusError` for unlike lengths and
    `SchemeError` for tags that are none, or, in the strict reading, none of `scheme`.
    """
    scheme = TagScheme.named(scheme)
    _check_numbers(gold, predicted)
    tally = Tally()
    right = tokens = 0
    tags: set[str] = set()
    for index, (wanted, found) in enumerate(zip(gold, predicted, strict=True)):
        if len(wanted) != len(found):
            raise CorpusError(
                f"{len(found)} predicted tags for {len(wanted)} gold ones",
                place=f"sequence {index}",
                expected="one tag for each token on both sides",
            )
        agree = wanted == found
        try:
            spans = scheme.decode(wanted, reading)
            tally.add(spans, spans if agree else scheme.decode(found, reading))
        except SchemeError as error:
            raise error.at(f"sequence {index}") from None
        tags.update(wanted)
        if not agree:
            tags.update(found)
        tokens += len(wanted)
        right += len(wanted) if agree else sum(map(eq, wanted, found))
    if reading == "strict":
        _check_letters(tags, scheme)
    return _evaluation(tally, right, tokens, len(gold), None)


def _check_letters(tags: Iterable[str], scheme: TagScheme) -> None:
    """Raises `SchemeError` for tags of another scheme: they would be entities that go uncounted."""
    for tag in sorted(tags):
        if tag != OUTSIDE and tag[0] not in scheme.prefixes:
            raise SchemeError(
                f"{tag!r} is no tag of {scheme.value}",
                expected=f"the letters {', '.join(scheme.prefixes)}, or the tags' own scheme",
            )


def _evaluation(
    tally: Tally, right: int, tokens: int, documents: int, surface: Counts | None
) -> Scores:
    labels = tally.by_label()
    return Scores(
        overall=sum(labels.values(), Counts()),
        labels=labels,
        accuracy=right / tokens if tokens else 0.0,
        tokens=tokens,
        documents=documents,
        boundaries=tally.boundaries(),
        partial=tally.partial(),
        surface=surface,
    )


def side_by_side(
    gold: Sequence[Document], predicted: Sequence[Document]
) -> Iterator[tuple[Document, Document]]:
    """Gold and predicted documents in pairs.

    Raises `CorpusError` if their texts differ, or entities of one side overlap.
    """
    _check_numbers(gold, predicted)
    for index, (reference, output) in enumerate(zip(gold, predicted, strict=True)):
        if reference.text != output.text:
            raise CorpusError(
                f"the texts of document {index} differ: "
                f"{reference.text[:60]!r} and {output.text[:60]!r}",
                expected="the same text, gold and predicted",
            )
        try:
            check_no_overlap(reference)
            check_no_overlap(output)
        except DocumentError as error:
            raise CorpusError(
                error.found, expected=error.expected, place=f"document {index}"
            ) from None
        yield reference, output


def _check_numbers(gold: Sequence[object], predicted: Sequence[object]) -> None:
    if len(gold) != len(predicted):
        raise CorpusError(
            f"{len(predicted)} predicted documents for {len(gold)} gold ones",
            expected="as many of one as of the other, in the same order",
        )


def ranges_of(document: Document) -> list[Range]:
    """Start, end and label of each entity, in order."""
    return [(entity.start, entity.end, entity.label) for entity in document.entities]


def _surfaces(documents: Sequence[Document]) -> set[tuple[str, str]]:
    return {
        (document.text[entity.start : entity.end], entity.label)
        for document in documents
        for entity in document.entities
    }


def _surface_counts(gold: set[tuple[str, str]], predicted: set[tuple[str, str]]) -> Counts:
    return Counts(len(gold & predicted), len(predicted), len(gold))


def _differing(gold: Document, predicted: Document, units: Sequence[Token]) -> int:
    """How many tokens have another IOB2 tag."""
    wanted, found = (set(word_spans(each, units)[0]) for each in (gold, predicted))
    ours, theirs = _tags(wanted - found), _tags(found - wanted)
    return sum(ours.get(index) != theirs.get(index) for index in ours.keys() | theirs.keys())


def _tags(spans: Iterable[Span]) -> dict[int, tuple[bool, str]]:
    """For each token of an entity whether it is the first one, and the label."""
    return {
        index: (index == start, label) for start, end, label in spans for index in range(start, end)
    }
