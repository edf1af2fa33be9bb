"""Helpers of formats with one tag a token: tags ↔ entities, tokens ↔ text."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from nerine.core.document import Document, Entity, Token, check_no_overlap
from nerine.core.errors import FormatError, SchemeError
from nerine.core.tags import (
    Notation,
    Span,
    TagScheme,
    TagSurvey,
    bracketed_spans,
    detect_notation,
    has_affix,
)
from nerine.data.formats.options import ReadLog, ReadOptions, TagFault

_FIRST = 500

Place = Callable[[int], str]
"""The place, such as `file:line`, of the item with an index."""


@dataclass(frozen=True, slots=True)
class Tagging:
    """How the tags of a file are written: their notation, and their scheme."""

    notation: Notation
    scheme: TagScheme

    @classmethod
    def detect(
        cls, sequences: Callable[[], Iterable[Sequence[str]]], options: ReadOptions, log: ReadLog
    ) -> Tagging:
        """The notation and the scheme of the tags of a file, which the log is told.

        `sequences` returns the file's tags by document. If a scheme is stated, only the first of
        them are looked at.
        """
        stated = options.scheme
        found = sequences()
        is_scheme = isinstance(stated, TagScheme)
        survey = TagSurvey.of(itertools.islice(found, _FIRST) if is_scheme else found)
        notation = detect_notation(survey.tags, has_outside=survey.has_outside, stated=stated)
        scheme = stated if isinstance(stated, TagScheme) else notation.scheme(survey)
        if notation.note:
            log.add_note(notation.note)
        log.scheme = scheme
        return cls(notation, scheme)

    @property
    def name(self) -> str:
        """The name of the notation, if it is not a way to write a scheme, or of the scheme."""
        is_own = self.notation.name in ("IO", "brackets")
        return self.notation.name if is_own else self.scheme.value

    def check(self, tags: Sequence[str], place: Place) -> None:
        """Raises `FormatError` if a tag does not have the form of the file's tags."""
        wrong = {tag for tag in {*tags} if not self.notation.is_tag(tag)}
        if wrong:
            index = next(index for index, tag in enumerate(tags) if tag in wrong)
            raise FormatError.placed(unknown_form(tags[index], self.notation), place(index))


def unknown_form(tag: str, notation: Notation) -> SchemeError:
    """The error for a tag that does not have the form of a file's other tags."""
    found = f"tag {tag!r} has an unknown form"
    expected = notation.note.removeprefix("tags: ") or "labels without white space around them"
    hint = _NAMES_COLUMN
    if notation.name == "IO":
        expected = "labels without prefixes, and 'O' for words outside of entities"
        hint = f"{_IS_OUTSIDE}; {_NAMES_COLUMN}"
        if has_affix(tag):
            hint = _IOB2
    elif notation.name == "prefixed" and tag.split() not in ([tag], []):
        expected = _PREFIXED_TAG
    elif notation.name == "prefixed" and notation.is_sure:
        expected = _PREFIXED_TAG
        hint = f"{_HYPHENS if has_affix(tag) else _IS_OUTSIDE}; {_NAMES_COLUMN}"
    elif notation.name == "prefixed":
        expected = _PREFIXED_TAG
        hint += f"; {_IOB2 if has_affix(tag) else _IO}"
    return SchemeError(found, expected=expected, hint=hint)


_NAMES_COLUMN = "--tag-column (tag_column=…) names the column of the tags"
_IOB2 = "--scheme-in IOB2 (scheme='IOB2') reads tags with letters such as B and I"
_IO = "--scheme-in IO (scheme='IO') reads labels without a prefix"
_HYPHENS = "write the letter before the label, with a hyphen, as in the other tags"
_IS_OUTSIDE = "if it stands for words outside of entities, write O in its place"
_PREFIXED_TAG = "'O', or B-, I-, E-, S-, L- or U- before a label, as in 'B-person'"


def decode_tags(
    tags: Sequence[str], tagging: Tagging, options: ReadOptions, log: ReadLog, place: Place
) -> list[Span]:
    """Tags → spans. A sequence that breaks the scheme is an error, or is repaired and logged."""
    scheme = tagging.scheme
    if tagging.notation.name == "brackets":
        spans, wrong = bracketed_spans(tags)
        if wrong:
            raise FormatError(
                wrong.reason, place=place(wrong.index), expected="a bracket for each end"
            )
        return spans
    tags = tagging.notation.prefixed(tags)
    fault = scheme.fault(tags)
    if fault is None:
        return scheme.decode(tags)
    if not options.repair:
        raise FormatError(
            fault.reason,
            place=place(fault.index),
            expected=f"a tag sequence of {scheme.value}",
            hint="--repair (repair=True) reads such tags leniently, as conlleval does; "
            "--scheme-in (scheme=…) states the scheme if the file is written in another one",
        )
    log.repaired_tags += scheme.repair(tags)[1]
    log.repaired_documents += 1
    other = next((each for each in TagScheme if each.fault(tags) is None), None)
    log.faults.extend(
        TagFault(log.documents, each.index, place(each.index), each.reason, scheme, other)
        for each in scheme.faults(tags)
    )
    return scheme.decode(tags, options.reading)


def decode_layers(
    layers: Sequence[Sequence[str]],
    tagging: Tagging,
    options: ReadOptions,
    log: ReadLog,
    place: Place,
) -> list[Span]:
    """Spans of one or several tags a word; equal ones of two layers are one."""
    before = log.repaired_documents
    spans = [span for tags in layers for span in decode_tags(tags, tagging, options, log, place)]
    log.repaired_documents = min(log.repaired_documents, before + 1)
    is_flat = len(layers) == 1 and tagging.notation.name != "brackets"
    return spans if is_flat else sorted(set(spans))


def without_empty_tokens(
    surfaces: Sequence[str], spans: Iterable[Span], log: ReadLog
) -> tuple[list[str], list[Span]]:
    """The tokens that are not empty, and the spans over them; the log is told of the others."""
    if "" not in surfaces:
        return list(surfaces), list(spans)
    before = [0, *itertools.accumulate(int(bool(surface)) for surface in surfaces)]
    kept = [Span(before[start], before[end], label) for start, end, label in spans]
    log.add_remark("with empty tokens, which are left out")
    if any(span.start == span.end for span in kept):
        log.add_remark("with entities of empty tokens alone, which are left out")
    filled = [surface for surface in surfaces if surface]
    return filled, sorted({span for span in kept if span.start < span.end})


def entities_from_spans(tokens: Sequence[Token], spans: Iterable[Span]) -> tuple[Entity, ...]:
    """Spans over tokens → entities over the text; spans in order, each once."""
    return tuple(
        Entity(tokens[span.start].start, tokens[span.end - 1].end, span.label) for span in spans
    )


def tags_from_entities(
    entities: Iterable[Entity], words: Sequence[Token], scheme: TagScheme
) -> list[str]:
    """Entities that begin and end with `words` → one tag a word."""
    first = {word.start: index for index, word in enumerate(words)}
    last = {word.end: index for index, word in enumerate(words)}
    spans = [Span(first[each.start], last[each.end] + 1, each.label) for each in entities]
    return scheme.encode(spans, len(words))


def locate_tokens(text: str, surfaces: Iterable[str], place: Place) -> tuple[Token, ...]:
    """The tokens with these surfaces: each at the first match after the token before it."""
    tokens = []
    position = 0
    for index, surface in enumerate(surfaces):
        start = text.find(surface, position)
        if start < 0:
            raise FormatError(
                f"the token {surface!r} is not in the text from character {position} on",
                place=place(index),
                expected=f"the tokens in their order in the text {text[:80]!r}",
            )
        position = start + len(surface)
        tokens.append(Token(start, position))
    return tuple(tokens)


def can_locate(text: str, tokens: Iterable[Token]) -> bool:
    """Whether `locate_tokens` finds exactly these tokens from their surfaces."""
    position = 0
    for token in tokens:
        if text.find(text[token.start : token.end], position) != token.start:
            return False
        position = token.end
    return True


def words_to_tag(document: Document) -> tuple[Token, ...]:
    """The document's tokens, or words by the rule, cut so that every entity is a run of words.

    A token is cut if an entity begins or ends inside it. A part of an entity at its beginning or
    end that no token covers becomes a word.
    """
    # the rule needs the package regex, which reading does without
    from nerine.core.words import rule_words

    check_no_overlap(document)
    tokens = document.tokens if document.tokens is not None else rule_words(document.text)
    bounds = sorted({bound for each in document.entities for bound in (each.start, each.end)})
    words = []
    for token in tokens:
        inner = bounds[bisect_right(bounds, token.start) : bisect_left(bounds, token.end)]
        edges = itertools.pairwise([token.start, *inner, token.end])
        words += [Token(start, end) for start, end in edges]
    starts, ends = [word.start for word in words], [word.end for word in words]
    for entity in document.entities:
        first, last = bisect_left(starts, entity.start), bisect_right(ends, entity.end) - 1
        if first > last:
            words.append(Token(entity.start, entity.end))
            continue
        if starts[first] > entity.start:
            words.append(Token(entity.start, starts[first]))
        if ends[last] < entity.end:
            words.append(Token(ends[last], entity.end))
    return tuple(sorted(words, key=lambda word: word.start))
