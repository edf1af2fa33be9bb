"""A text with its annotation: a corpus's own tokens, and entities.

Tokens and entities are half-open ranges `[start, end)` of code points, so that `text[start:end]`
shows each of them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nerine.core.arguments import check_fields, check_type
from nerine.core.errors import DocumentError, OverlapError
from nerine.core.html import divided, fragment
from nerine.core.shown import Passage


@dataclass(frozen=True, slots=True)
class Token:
    """A unit of the corpus: the code points `[start, end)` of a text.

    Attributes:
        start: The first code point, counted from 0.
        end: The code point after the last one.

    Raises:
        DocumentError: If an offset is not an int.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if not type(self.start) is type(self.end) is int:
            check_fields(self, DocumentError)


@dataclass(frozen=True, slots=True)
class Entity:
    """A named entity: the code points `[start, end)` of a text, and its class.

    Attributes:
        start: The first code point, counted from 0.
        end: The code point after the last one.
        label: Its class, such as `person`.
        score: The probability that a tagger gave it, from 0 to 1; None for a gold entity, and
            for one that a rule found.

    Raises:
        DocumentError: If a value has another type.
    """

    start: int
    end: int
    label: str
    score: float | None = None

    def __post_init__(self) -> None:
        if not (type(self.start) is type(self.end) is int and type(self.label) is str) or (
            self.score is not None and type(self.score) is not float
        ):
            check_fields(self, DocumentError)


@dataclass(frozen=True, slots=True)
class Context:
    """The texts around a document that is a sentence of a longer one.

    A model that was trained with document context sees them next to the sentence. They have no
    entities, and nothing is found in them.

    Attributes:
        before: The sentences before it, in the order of the text; a list becomes a tuple.
        after: The sentences after it, likewise.

    Raises:
        DocumentError: If a value has another type.
    """

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self, DocumentError)


@dataclass(frozen=True, slots=True)
class Document:
    """A text, its tokens if a corpus gave some, and its entities.

    Tokens and entities are not empty and lie inside the text. Tokens are in order and do not
    overlap. Entities are sorted by start, end and label; they may overlap, be nested, and begin or
    end inside a token. Tag schemes and formats of one tag a word need entities that do not overlap
    (`check_no_overlap`).

    Attributes:
        text: The text, unchanged.
        entities: Its entities; a list becomes a tuple.
        tokens: The corpus's own units, likewise; None if it has none.
        id: The document's name in its corpus.
        meta: Other content of its file (columns, comments, JSON fields), so that it can be written
            again; it belongs to the document and must not be changed.
        context: The sentences around it, if it is one of a longer document (`with_context`). It is
            no part of what the document says: equal documents may differ in it, and no format
            writes it.

    Raises:
        DocumentError: If a value has another type, a range is outside the text, parts are not in
            order, tokens overlap, or an entity has no label or is there twice.
    """

    text: str
    entities: tuple[Entity, ...] = ()
    tokens: tuple[Token, ...] | None = None
    id: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict, hash=False)
    context: Context | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self._has_its_types():
            check_fields(self, DocumentError)
        _check_ranges("entity", self.entities, self.text)
        before: tuple[int, int, str] = (-1, -1, "")
        for index, entity in enumerate(self.entities):
            if not entity.label:
                raise DocumentError(
                    f"entity {index} {_shown(entity, self.text)} has no label",
                    expected="a label such as 'person'",
                )
            place = (entity.start, entity.end, entity.label)
            if place <= before:
                raise DocumentError(
                    f"entity {index} {_shown(entity, self.text)} comes after entity {index - 1} "
                    f"{_shown(self.entities[index - 1], self.text)}",
                    expected="entities sorted by start, end and label, each once",
                )
            before = place
        if self.tokens is not None:
            _check_ranges("token", self.tokens, self.text)
            _check_apart(self.tokens, self.text)

    def _has_its_types(self) -> bool:
        """Whether the fields have their types, as far as that can be told quickly."""
        return (
            type(self.text) is str
            and isinstance(self.entities, tuple)
            and {*map(type, self.entities)} <= {Entity}
            and (self.tokens is None or isinstance(self.tokens, tuple))
            and {*map(type, self.tokens or ())} <= {Token}
            and (self.id is None or type(self.id) is str)
            and type(self.meta) is dict
            and (self.context is None or type(self.context) is Context)
        )

    @classmethod
    def from_tokens(
        cls,
        tokens: Iterable[str],
        *,
        id: str | None = None,  # noqa: A002 - the field's own name
        meta: Mapping[str, Any] | None = None,
    ) -> Document:
        """A document whose text is its tokens, joined by one space each, without entities.

        Args:
            tokens: The tokens as strings.
            id: The document's name in its corpus.
            meta: Other content of its file.

        Raises:
            ArgumentError: If the tokens are a single string, or an argument has another type.
            DocumentError: If a token is empty.
        """
        check_type("meta", meta, Mapping | None, "Document.from_tokens")
        check_type("tokens", tokens, Iterable[str], "Document.from_tokens")
        surfaces = list(tokens)
        check_type("tokens", surfaces, list[str], "Document.from_tokens")
        if "" in surfaces:
            raise DocumentError(
                f"token {surfaces.index('')} is empty",
                expected="at least one character in every token",
            )
        ranges = joined_tokens(surfaces)
        return cls(" ".join(surfaces), tokens=ranges, id=id, meta=dict(meta or {}))

    def surface(self, part: Token | Entity) -> str:
        """The piece of the text that a token or an entity covers.

        Args:
            part: A token or an entity of this document.

        Raises:
            ArgumentError: If `part` is neither.
        """
        check_type("part", part, Token | Entity, "Document.surface")
        return self.text[part.start : part.end]

    def overlapping(self) -> tuple[Entity, ...]:
        """The entities that share a character with another one, in order."""
        found: set[int] = set()
        furthest = 0  # the index of the entity, of those before, that ends last
        for index in range(1, len(self.entities)):
            if self.entities[index].start < self.entities[furthest].end:
                found |= {index, furthest}
            if self.entities[index].end > self.entities[furthest].end:
                furthest = index
        return tuple(self.entities[index] for index in sorted(found))

    def with_entities(self, entities: Iterable[Entity]) -> Document:
        """The same document with other entities.

        Args:
            entities: The entities, sorted by start, end and label.

        Raises:
            ArgumentError: If `entities` is not an iterable.
            DocumentError: If it does not hold the entities of a document.
        """
        check_type("entities", entities, Iterable, "Document.with_entities")
        return replace(self, entities=tuple(entities))

    def _repr_html_(self) -> str:
        return fragment(Passage(self.text, self.entities).to_html())

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002 - IPython's
        printer.text(plain_line(self))


def joined_tokens(surfaces: Iterable[str]) -> tuple[Token, ...]:
    """The tokens of a text that is `surfaces` joined by one space each."""
    tokens = []
    position = 0
    for surface in surfaces:
        end = position + len(surface)
        tokens.append(Token(position, end))
        position = end + 1
    return tuple(tokens)


def check_no_overlap(document: Document) -> None:
    """Raises `OverlapError` if two entities of a document share a character."""
    overlapping = document.overlapping()
    if overlapping:
        one, other = (_shown(entity, document.text) for entity in overlapping[:2])
        raise OverlapError(
            f"the entity {other} overlaps {one}",
            expected="entities that do not overlap",
        )


def pieces(document: Document) -> list[tuple[str, Entity | None]]:
    """The text from its beginning to its end, cut at the entities, which must not overlap."""
    check_no_overlap(document)
    return divided(document.text, document.entities)[0]


def plain_line(document: Document) -> str:
    """The text in one line, with entities as `[Mira Okonjo](person)`.

    Entities that overlap follow the text.
    """
    return str(Passage(document.text, document.entities))


def _check_ranges(kind: str, parts: Sequence[Token | Entity], text: str) -> None:
    length = len(text)
    for index, part in enumerate(parts):
        if not 0 <= part.start < part.end <= length:
            raise DocumentError(
                f"{kind} {index} has the range [{part.start}, {part.end})",
                expected=f"0 <= start < end <= {length}, the length of the text in code points",
                hint="offsets count code points from 0 and the end is exclusive",
            )


def _check_apart(tokens: Sequence[Token], text: str) -> None:
    previous_end = 0
    for index, token in enumerate(tokens):
        if token.start < previous_end:
            raise DocumentError(
                f"token {index} {_shown(token, text)} begins before token {index - 1} "
                f"{_shown(tokens[index - 1], text)} ends",
                expected="tokens in order, without overlap",
            )
        previous_end = token.end


def _shown(part: Token | Entity, text: str) -> str:
    label = f" as {part.label}" if isinstance(part, Entity) and part.label else ""
    return f"[{part.start}, {part.end}) {text[part.start : part.end][:40]!r}{label}"


def parts_of(documents: Iterable[Document]) -> Iterator[str]:
    """The strings that make up the hash of documents (`digest_of`): texts, ranges and labels."""
    for document in documents:
        yield from (document.text, str(len(document.entities)))
        for entity in document.entities:
            yield f"{entity.start} {entity.end} {entity.label}"


def digest_of(parts: Iterable[str]) -> str:
    """The SHA-256 of a list of strings, in hexadecimal digits."""
    digest = Digest()
    digest.add(parts)
    return digest.hex()


class Digest:
    """The SHA-256 of a list of strings that come a few at a time."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, parts: Iterable[str]) -> None:
        """Adds the next strings."""
        for part in parts:
            encoded = part.encode("utf-8", "surrogatepass")
            # each part after its length, so that no two lists of parts look alike
            self._hash.update(b"%d " % len(encoded) + encoded)

    def hex(self) -> str:
        """The hexadecimal digits of the strings so far."""
        return self._hash.hexdigest()


def labels_of(documents: Iterable[Document]) -> tuple[str, ...]:
    """The labels that occur in `documents`, sorted."""
    return tuple(sorted({entity.label for document in documents for entity in document.entities}))


def count_entities(documents: Iterable[Document]) -> Counter[str]:
    """The number of entities with each label in `documents`."""
    return Counter(entity.label for document in documents for entity in document.entities)


def surface_form(document: Document, entity: Entity) -> str:
    """The case-folded surface of an entity: mentions with the same form are the same name."""
    return document.surface(entity).casefold()


def surface_forms(documents: Iterable[Document]) -> set[str]:
    """The surface forms of all entities, each once."""
    return {
        surface_form(document, entity) for document in documents for entity in document.entities
    }
