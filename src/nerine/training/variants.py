"""Changed copies of training documents: other names, another case, a sign before a name.

With few sentences a model learns the names in them by heart. In a copy some names are replaced by
others of their label, which the training split has elsewhere (mention replacement: Dai & Adel,
2020), letters change their case, and a name gets the `#` or `@` of a hashtag or a handle. Contexts
and labels stay, so do the sentences around, and the copies depend on the seed alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nerine.core.document import Document, Entity, Token
from nerine.training.settings import TrainingSettings

_SIGNS = "#@"
Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class _Name:
    """The text of an entity, its tokens if its corpus has some, and where in it the entity starts.

    Attributes:
        text: The text that stands in the document.
        tokens: Start and end of each token in it; None without tokens.
        start: The first code point of the entity in it: 1 if a sign before it is no part of it.
    """

    text: str
    tokens: tuple[tuple[int, int], ...] | None
    start: int = 0


def make_variants(documents: Sequence[Document], settings: TrainingSettings) -> list[Document]:
    """`settings.variants` changed copies of each document that can be changed.

    Args:
        documents: Documents whose entities do not overlap.
        settings: How many copies, and how often each change is made.

    Returns:
        The copies, those of one document as neighbours. A copy that equals its document, or an
        earlier copy of it, is left out.
    """
    names = _names_of(documents)
    inside = _signs_are_inside(documents)
    found = []
    for index, document in enumerate(documents):
        seen = {document.text}
        for number in range(settings.variants):
            random = np.random.default_rng((settings.seed, index, number))
            changed = _swapped(document, names, settings.swapping, random)
            changed = _with_signs(changed, settings.symbol_noise, inside, random)
            changed = _in_other_case(changed, settings.case_noise, random)
            if changed.text not in seen:
                seen.add(changed.text)
                found.append(changed)
    return found


def _names_of(documents: Sequence[Document]) -> dict[str, list[_Name]]:
    """The different names of each label."""
    names: dict[str, dict[_Name, None]] = {}
    for document in documents:
        for entity in document.entities:
            if (name := _name_of(document, entity)) is not None:
                names.setdefault(entity.label, {})[name] = None
    return {label: list(each) for label, each in names.items()}


def _name_of(document: Document, entity: Entity) -> _Name | None:
    """The name of an entity; None if it begins or ends inside a token."""
    text = document.text[entity.start : entity.end]
    if document.tokens is None:
        return _Name(text, None)
    inside = [
        (token.start - entity.start, token.end - entity.start)
        for token in document.tokens
        if token.start < entity.end and entity.start < token.end
    ]
    whole = inside and inside[0][0] == 0 and inside[-1][1] == len(text)
    return _Name(text, tuple(inside)) if whole else None


def _signs_are_inside(documents: Sequence[Document]) -> bool:
    """Whether a sign before a name is a part of the entity, as the documents have it mostly."""
    inside = outside = 0
    for document in documents:
        for entity in document.entities:
            inside += document.text[entity.start] in _SIGNS and entity.end > entity.start + 1
            outside += entity.start > 0 and document.text[entity.start - 1] in _SIGNS
    return inside >= outside


def _swapped(
    document: Document, names: Mapping[str, Sequence[_Name]], share: float, random: Random
) -> Document:
    """The document with a share of its names replaced by others of their label."""
    chosen: dict[int, _Name] = {}
    for index, entity in enumerate(document.entities):
        own = _name_of(document, entity)
        if random.random() >= share or own is None:
            continue
        others = [
            name
            for name in names[entity.label]
            if name.text != own.text and (name.tokens is None) == (own.tokens is None)
        ]
        if others:
            chosen[index] = others[int(random.integers(len(others)))]
    return _replaced(document, chosen)


def _with_signs(document: Document, share: float, inside: bool, random: Random) -> Document:
    """The document with `#` or `@` before a share of its names of one word of letters."""
    chosen: dict[int, _Name] = {}
    for index, entity in enumerate(document.entities):
        own = _name_of(document, entity)
        if random.random() >= share or own is None or not own.text.isalnum():
            continue
        sign = _SIGNS[int(random.integers(len(_SIGNS)))]
        before = document.text[: entity.start][-1:]
        if before and not before.isspace():
            continue
        tokens = None if own.tokens is None else ((0, len(own.text) + 1),)
        chosen[index] = _Name(sign + own.text, tokens, 0 if inside else 1)
    return _replaced(document, chosen)


def _in_other_case(document: Document, share: float, random: Random) -> Document:
    """The document in small or in capital letters, with the probability `share`."""
    if random.random() >= share:
        return document
    change: Callable[[str], str] = (str.lower, str.upper)[int(random.integers(2))]
    text = "".join(
        changed if len(changed := change(character)) == 1 else character
        for character in document.text
    )
    return replace(document, text=text)


def _replaced(document: Document, names: Mapping[int, _Name]) -> Document:
    """The document with the entities of some indices replaced by names."""
    if not names:
        return document
    parts: list[str] = []
    tokens: list[Token] = []
    entities: list[Entity] = []
    place = shift = 0  # up to where the old text is copied, and how far the new one is ahead
    left = deque(document.tokens or ())

    def copy_until(end: int) -> None:
        nonlocal place
        parts.append(document.text[place:end])
        while left and left[0].start < end:
            token = left.popleft()
            tokens.append(Token(token.start + shift, token.end + shift))
        place = end

    for index, entity in enumerate(document.entities):
        copy_until(entity.start)
        start = entity.start + shift
        if index not in names:
            copy_until(entity.end)
            entities.append(Entity(start, entity.end + shift, entity.label))
            continue
        name = names[index]
        parts.append(name.text)
        tokens += [Token(start + first, start + last) for first, last in name.tokens or ()]
        while left and left[0].start < entity.end:
            left.popleft()
        entities.append(Entity(start + name.start, start + len(name.text), entity.label))
        place, shift = entity.end, start + len(name.text) - entity.end
    copy_until(len(document.text))
    own = None if document.tokens is None else tuple(tokens)
    return replace(document, text="".join(parts), entities=tuple(entities), tokens=own)
