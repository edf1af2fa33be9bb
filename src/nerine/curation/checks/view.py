"""A corpus as rules look at it: its documents and mentions in order, and words for messages."""

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

_LONGEST_QUOTE = 60
MOST_PLACES = 3
"""So many places a message names."""


class Mention(NamedTuple):
    """An entity where it stands.

    Attributes:
        split: The split.
        document: The index of its document in the split.
        entity: The entity.
        surface: The text that it covers.
    """

    split: str
    document: int
    entity: Entity
    surface: str

    @property
    def spot(self) -> Spot:
        """Where the entity stands."""
        return Spot(self.split, self.document, self.entity.start, self.entity.end)


@dataclass(frozen=True)
class View:
    """What rules are given.

    Attributes:
        corpus: The corpus.
        subwords: How an encoder cuts its texts; None if none was named.
    """

    corpus: Corpus
    subwords: Subwords | None = None

    def documents(self) -> Iterator[tuple[str, int, Document]]:
        """Every document.

        Yields:
            Its split, its index there, and the document.
        """
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
        """Documents that nearly stand earlier."""
        return tuple(NearCopies(self.documents()).pairs())

    @cached_property
    def cuts(self) -> tuple[tuple[str, int, Document, Cut], ...]:
        """Every document with its split, its index, and how the encoder cuts it."""
        if self.subwords is None:
            return ()
        cuts = {
            split: self.subwords.cuts(documents) for split, documents in self.corpus.splits.items()
        }
        return tuple(
            (split, index, document, next(cuts[split]))
            for split, index, document in self.documents()
        )

    def place(self, spot: Spot) -> str:
        """Where a spot is.

        Args:
            spot: The spot.

        Returns:
            File and line if they can be said, else the split, else the corpus.
        """
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
        """The first few places of some spots, and how many more there are.

        Args:
            spots: The spots.
        """
        return listed([self.place(spot) for spot in spots[:MOST_PLACES]], len(spots))


def listed(shown: Sequence[str], number: int) -> str:
    """`a, b and 3 more`: what is shown of `number` things."""
    more = number - len(shown)
    return f"{', '.join(shown)} and {more:,} more" if more else ", ".join(shown)


def quoted(text: str) -> str:
    """A text in quotes, in one line, cut if it is long; what cannot be seen is escaped."""
    return repr(text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…")


def times(number: int) -> str:
    """`once`, `twice`, `2,000 times`."""
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")
