"""A text with what is known about it: the corpus's tokens and the entities.

The text is the truth. Tokens and entities are half-open ranges `[start, end)` of its code points,
so that `text[start:end]` shows any of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nerine.core.errors import DocumentError


@dataclass(frozen=True, slots=True)
class Token:
    """A unit of the corpus: the code points `[start, end)` of a text.

    Attributes:
        start: The first code point, counted from 0.
        end: The code point behind the last one.
    """

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Entity:
    """A named entity: the code points `[start, end)` of a text, and its class.

    Attributes:
        start: The first code point, counted from 0.
        end: The code point behind the last one.
        label: Its class, such as `person`.
        score: The probability, from 0 to 1, that a tagger gave it; None for a gold entity.
    """

    start: int
    end: int
    label: str
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A text, its tokens where a corpus gave some, and its entities.

    Tokens and entities are ordered, not empty, inside the text, and do not overlap among their
    kind. An entity may begin or end inside a token.

    Attributes:
        text: The text, as it came; nothing is ever changed in it.
        entities: Its entities.
        tokens: The corpus's own units; None where it has none.
        id: What the corpus calls it.
        meta: What a format knows beyond this (other columns, comments, other JSON fields), so that
            it can be written back; it belongs to the document and is not to be changed.

    Raises:
        DocumentError: For a range that does not fit, and an entity without a label.
    """

    text: str
    entities: tuple[Entity, ...] = ()
    tokens: tuple[Token, ...] | None = None
    id: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        _check_ranges("entity", self.entities, self.text)
        for index, entity in enumerate(self.entities):
            if not entity.label:
                raise DocumentError(
                    f"entity {index} {_shown(entity, self.text)} has no label",
                    expected="a label such as 'person'",
                )
        if self.tokens is not None:
            _check_ranges("token", self.tokens, self.text)

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
            id: What the corpus calls the document.
            meta: What a format knows of it.

        Returns:
            The document, with the place of each token.

        Raises:
            DocumentError: For an empty token.
        """
        surfaces = list(tokens)
        ranges = []
        position = 0
        for index, surface in enumerate(surfaces):
            if not surface:
                raise DocumentError(
                    f"token {index} is empty", expected="at least one character in every token"
                )
            ranges.append(Token(position, position + len(surface)))
            position += len(surface) + 1
        return cls(" ".join(surfaces), tokens=tuple(ranges), id=id, meta=dict(meta or {}))

    def surface(self, part: Token | Entity) -> str:
        """The piece of the text that a token or an entity covers.

        Args:
            part: A token or an entity of this document.
        """
        return self.text[part.start : part.end]

    def with_entities(self, entities: Iterable[Entity]) -> Document:
        """The same document with other entities.

        Args:
            entities: Ordered and without overlap.
        """
        return replace(self, entities=tuple(entities))


def _check_ranges(kind: str, parts: Sequence[Token | Entity], text: str) -> None:
    previous_end = 0
    for index, part in enumerate(parts):
        if not 0 <= part.start < part.end <= len(text):
            raise DocumentError(
                f"{kind} {index} has the range [{part.start}, {part.end})",
                expected=f"0 <= start < end <= {len(text)}, the length of the text in code points",
                hint="offsets count code points from 0 and the end is exclusive",
            )
        if part.start < previous_end:
            before = parts[index - 1]
            raise DocumentError(
                f"{kind} {index} {_shown(part, text)} begins before {kind} {index - 1} "
                f"{_shown(before, text)} ends",
                expected=f"{_plural(kind)} in order, without overlap",
            )
        previous_end = part.end


def _shown(part: Token | Entity, text: str) -> str:
    label = f" as {part.label}" if isinstance(part, Entity) and part.label else ""
    return f"[{part.start}, {part.end}) {text[part.start : part.end][:40]!r}{label}"


def _plural(kind: str) -> str:
    return {"entity": "entities", "token": "tokens"}[kind]


def parts_of(documents: Iterable[Document]) -> Iterator[str]:
    """What `digest_of` is to see of documents: their texts, and where which entities stand."""
    for document in documents:
        yield from (document.text, str(len(document.entities)))
        for entity in document.entities:
            yield f"{entity.start} {entity.end} {entity.label}"


def digest_of(parts: Iterable[str]) -> str:
    """The SHA-256 of a list of strings, in hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        # each part behind its length, so that no two lists of parts look alike
        digest.update(b"%d " % len(encoded) + encoded)
    return digest.hexdigest()


def labels_of(documents: Iterable[Document]) -> tuple[str, ...]:
    """The labels that occur in `documents`, sorted."""
    return tuple(sorted({entity.label for entity in _entities(documents)}))


def _entities(documents: Iterable[Document]) -> Iterator[Entity]:
    for document in documents:
        yield from document.entities


def surface_form(document: Document, entity: Entity) -> str:
    """The surface of an entity, case-folded: what makes two mentions the same name."""
    return document.surface(entity).casefold()


def surface_forms(documents: Iterable[Document]) -> set[str]:
    """The surface forms of all entities, each once."""
    return {surface_form(each, entity) for each in documents for entity in each.entities}
