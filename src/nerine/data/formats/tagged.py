"""What formats of one tag a token share: tags ↔ entities, tokens ↔ text."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence

from nerine.core.document import Document, Entity, Token, check_no_overlap
from nerine.core.errors import FormatError
from nerine.core.files import errors_at
from nerine.core.tags import Span, TagScheme, parse_tag
from nerine.data.formats.options import ReadLog, ReadOptions, TagFault

Place = Callable[[int], str]


class TagChecker:
    """Checks the form of tags, each form once."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def check(self, tags: Iterable[str], place: Place) -> None:
        """Raises `FormatError` for a tag of an unknown form; `place` says where tag i stands."""
        for index, tag in enumerate(tags):
            if tag in self._known:
                continue
            with errors_at(place(index)):
                parse_tag(tag)
            self._known.add(tag)


def spans_of(
    tags: Sequence[str], scheme: TagScheme, options: ReadOptions, log: ReadLog, place: Place
) -> list[Span]:
    """Tags → spans. A sequence that breaks the scheme is repaired and noted, or an error."""
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


def entities_of(tokens: Sequence[Token], spans: Iterable[Span]) -> tuple[Entity, ...]:
    """Spans over tokens → entities over the text."""
    return tuple(
        Entity(tokens[span.start].start, tokens[span.end - 1].end, span.label) for span in spans
    )


def tags_of(entities: Iterable[Entity], words: Sequence[Token], scheme: TagScheme) -> list[str]:
    """Entities that begin and end with `words` → one tag a word."""
    first = {word.start: index for index, word in enumerate(words)}
    last = {word.end: index for index, word in enumerate(words)}
    spans = [Span(first[each.start], last[each.end] + 1, each.label) for each in entities]
    return scheme.encode(spans, len(words))


def joined_tokens(surfaces: Iterable[str]) -> tuple[Token, ...]:
    """Where tokens stand in a text that is `surfaces` joined by one space each."""
    tokens = []
    position = 0
    for surface in surfaces:
        tokens.append(Token(position, position + len(surface)))
        position += len(surface) + 1
    return tuple(tokens)


def locate_tokens(text: str, surfaces: Iterable[str], place: Place) -> tuple[Token, ...]:
    """Where tokens stand in `text`: each one at the first place after the one before."""
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
    """Whether `locate_tokens` finds just these tokens from their surfaces."""
    position = 0
    for token in tokens:
        if text.find(text[token.start : token.end], position) != token.start:
            return False
        position = token.end
    return True


def words_to_tag(document: Document) -> tuple[Token, ...]:
    """The document's tokens, or words by the rule, cut so that each entity is some of them.

    Where an entity begins or ends inside a token, the token is cut; where it begins or ends
    between tokens, what no token covers becomes one.
    """
    # the rule needs the package regex, which reading does without
    from nerine.core.words import rule_words

    check_no_overlap(document)
    tokens = document.tokens if document.tokens is not None else rule_words(document.text)
    bounds = sorted({place for each in document.entities for place in (each.start, each.end)})
    words = [piece for token in tokens for piece in _cut(token, bounds)]
    return tuple(sorted([*words, *_uncovered(document.entities, words)], key=lambda w: w.start))


def _cut(token: Token, bounds: Sequence[int]) -> list[Token]:
    inner = bounds[bisect_right(bounds, token.start) : bisect_left(bounds, token.end)]
    edges = [token.start, *inner, token.end]
    return [Token(start, end) for start, end in itertools.pairwise(edges)]


def _uncovered(entities: Iterable[Entity], words: Sequence[Token]) -> list[Token]:
    """What stands in an entity before its first word or after its last one."""
    starts, ends = [word.start for word in words], [word.end for word in words]
    extra = []
    for entity in entities:
        first = bisect_left(starts, entity.start)
        last = bisect_right(ends, entity.end) - 1
        if first > last:
            extra.append(Token(entity.start, entity.end))
            continue
        if starts[first] > entity.start:
            extra.append(Token(entity.start, starts[first]))
        if ends[last] < entity.end:
            extra.append(Token(ends[last], entity.end))
    return extra
