"""The view of a corpus that rules get: its documents and mentions, and helpers for messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from nerine.core.document import Document, Entity
from nerine.curation.checks.findings import Spot
from nerine.curation.checks.similarity import NearCopies, NearCopy
from nerine.curation.checks.subwords import Cut, Subwords
from nerine.data.corpus import Corpus

MOST_PLACES = 3
"""The most places that a message names."""


class Mention(NamedTuple):
    """An entity with its split, the index of its document there, and the text that it covers."""

    split: str
    document: int
    entity: Entity
    surface: str

    @property
    def spot(self) -> Spot:
        """The spot of the entity."""
        return Spot(self.split, self.document, self.entity.start, self.entity.end)


@dataclass(frozen=True)
class View:
    """A corpus, and the tokenizer of an encoder if one is named."""

    corpus: Corpus
    subwords: Subwords | None = None

    def documents(self) -> Iterator[tuple[str, int, Document]]:
        """Every document with its split and its index there."""
        for split, documents in self.corpus.splits.items():
            for index, document in enumerate(documents):
                yield split, index, document

    @cached_property
    def mentions(self) -> tuple[Mention, ...]:
        """Every entity, in the order of the corpus."""
        return tuple(
            Mention(split, index, entity, document.surface(entity))
            for split, index, document in self.documents()
            for entity in document.entities
        )

    @cached_property
    def near_copies(self) -> tuple[NearCopy, ...]:
        """Documents that nearly equal an earlier one."""
        return tuple(NearCopies(self.documents()).pairs())

    @cached_property
    def cuts(self) -> tuple[tuple[str, int, Document, Cut], ...]:
        """Every document with its split, its index, and its cut into subwords."""
        if self.subwords is None:
            return ()
        documents = [*self.documents()]
        cuts = self.subwords.cuts([document for _, _, document in documents])
        return tuple((*place, cut) for place, cut in zip(documents, cuts, strict=True))

    def place(self, spot: Spot) -> str:
        """The place of a spot: file and line if known, else the split, else the corpus."""
        if spot.place is not None:
            return spot.place
        if spot.split is None:
            return self.corpus.source
        if spot.document is None:
            return f"{self.corpus.source}, {spot.split}"
        if spot.start is None:
            return self.corpus.place(spot.split, spot.document)
        return self.corpus.place_within(spot.split, spot.document, spot.start)

    def places(self, spots: Sequence[Spot]) -> str:
        """The places of the first few spots, and the number of the others."""
        return listed([self.place(spot) for spot in spots[:MOST_PLACES]], len(spots))


def listed(shown: Sequence[str], number: int) -> str:
    """`a, b and 3 more`: the items shown of `number` items."""
    more = number - len(shown)
    return f"{', '.join(shown)} and {more:,} more" if more else ", ".join(shown)


def times(number: int) -> str:
    """`once`, `twice`, `2,000 times`."""
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")
