"""Helpers of formats with one tag a token: tags ↔ entities, tokens ↔ text."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence

from nerine.core.document import Document, Entity, Token, check_no_overlap
from nerine.core.errors import FormatError, SchemeError
from nerine.core.tags import Span, TagScheme, parse_tag
from nerine.data.formats.options import ReadLog, ReadOptions, TagFault

Place = Callable[[int], str]
"""The place, such as `file:line`, of the item with an index."""


def check_tags(tags: Iterable[str], place: Place) -> None:
    """Raises `FormatError` if a tag does not have the form of one."""
    for index, tag in enumerate(tags):
        try:
            parse_tag(tag)
        except SchemeError as error:
            raise FormatError.placed(error, place(index)) from None


def decode_tags(
    tags: Sequence[str], scheme: TagScheme, options: ReadOptions, log: ReadLog, place: Place
) -> list[Span]:
    """Tags → spans. A sequence that breaks the scheme is an error, or is repaired and logged."""
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


def entities_from_spans(tokens: Sequence[Token], spans: Iterable[Span]) -> tuple[Entity, ...]:
    """Spans over tokens → entities over the text."""
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
