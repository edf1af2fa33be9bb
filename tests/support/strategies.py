"""Hypothesis strategies for texts, documents and tag sequences."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import strategies as st

from nerine.core.document import Document, Entity, Token
from nerine.core.tags import Span, TagScheme

LABELS = ("person", "creative-work", "LOC")

# letters of several scripts, characters with a meaning in formats, white space of all kinds
_CHARACTERS = st.one_of(
    st.sampled_from("abcXYZ é中ไ́👍‍#-@._'\"\\/&"),
    st.sampled_from(" \t\n\r\x0b\x1c\x85\u00a0\u2028\u3000\ufeff\x00"),
    st.characters(exclude_categories=["Cs"]),
)


def texts(max_size: int = 24) -> st.SearchStrategy[str]:
    """Texts without surrogates, with many characters that formats stumble over."""
    words = st.sampled_from(["-DOCSTART-", "# id = O", "#", "B-person", "O", "Mira", "New York"])
    free = st.text(_CHARACTERS, max_size=max_size)
    return free | st.lists(words | free, max_size=4).map(" ".join)


def labels() -> st.SearchStrategy[str]:
    """Labels that every format can hold."""
    return st.sampled_from(LABELS)


@st.composite
def ranges(draw: st.DrawFn, length: int) -> list[tuple[int, int]]:
    """Ordered half-open ranges inside `length` that do not overlap, but may touch."""
    bounds = sorted(draw(st.sets(st.integers(0, length), max_size=8)))
    pairs = list(itertools.pairwise(bounds))
    kept = draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs)))
    return [pair for pair, keep in zip(pairs, kept, strict=True) if keep]


@st.composite
def documents(
    draw: st.DrawFn, *, scores: bool = False, tokens: bool | None = None, meta: bool = True
) -> Document:
    """Documents with any tokens and entities; `tokens` says whether there are some, None both."""
    text = draw(texts())
    score = st.none() | st.floats(0, 1) if scores else st.none()
    entities = tuple(
        Entity(start, end, draw(labels()), draw(score)) for start, end in draw(ranges(len(text)))
    )
    has_tokens = draw(st.booleans()) if tokens is None else tokens
    cut = tuple(Token(*pair) for pair in draw(ranges(len(text)))) if has_tokens else None
    return Document(text, entities, cut, draw(st.none() | texts(8)), draw(metas()) if meta else {})


@st.composite
def overlapping_documents(draw: st.DrawFn) -> Document:
    """Documents whose entities may be nested, cross each other, and have equal ranges."""
    text = draw(texts())
    bounds = st.tuples(st.integers(0, len(text)), st.integers(0, len(text)), labels())
    found = [each for each in draw(st.lists(bounds, max_size=8)) if each[0] < each[1]]
    score = st.none() | st.floats(0, 1)
    entities = {each: Entity(*each, draw(score)) for each in found}
    cut = tuple(Token(*pair) for pair in draw(ranges(len(text)))) if draw(st.booleans()) else None
    ordered = tuple(entities[key] for key in sorted(entities))
    return Document(text, ordered, cut, draw(st.none() | texts(8)), draw(metas()))


def metas() -> st.SearchStrategy[dict[str, Any]]:
    """Metadata of documents: JSON under names that no format uses."""
    values = st.none() | st.booleans() | st.integers() | texts(8)
    names = st.sampled_from(["url", "note", "größe"])
    return st.dictionaries(names, values | st.lists(values, max_size=2), max_size=2)


@st.composite
def token_documents(draw: st.DrawFn) -> Document:
    """Documents as in column files: tokens joined by one space, entities of whole tokens."""
    surface = st.text(_CHARACTERS, min_size=1, max_size=6).map(
        lambda token: "".join(token.split()).replace("\x00", "") or "x"
    )
    document = Document.from_tokens(draw(st.lists(surface, min_size=1, max_size=8)))
    found = document.tokens or ()
    return document.with_entities(
        Entity(found[start].start, found[end - 1].end, draw(labels()))
        for start, end in draw(ranges(len(found)))
    )


@st.composite
def spans(draw: st.DrawFn, length: int) -> list[Span]:
    """Spans over `length` words."""
    return [Span(start, end, draw(labels())) for start, end in draw(ranges(length))]


@st.composite
def tag_sequences(draw: st.DrawFn, scheme: TagScheme, *, legal: bool = True) -> list[str]:
    """Tags of `scheme`: legal sequences, or any."""
    length = draw(st.integers(0, 10))
    if legal:
        return scheme.encode(draw(spans(length)), length)
    tags = st.sampled_from(scheme.tags(LABELS))
    return draw(st.lists(tags, min_size=length, max_size=length))
