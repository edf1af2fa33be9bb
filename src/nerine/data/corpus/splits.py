"""Documents in splits, and where each of them stands."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from nerine.core.document import Document, digest_of, parts_of
from nerine.core.errors import CorpusError
from nerine.core.tags import TagScheme
from nerine.data.corpus.groups import choose, groups_of
from nerine.data.formats import ReadLog
from nerine.data.formats.folders import SPLITS


@dataclass(frozen=True)
class Corpus:
    """Documents in the splits `train`, `validation` and `test`, or some of these.

    Attributes:
        splits: The documents of each split.
        labels: Sorted, those of the training split, or of all where there is none.
        source: What the corpus was loaded from; a data set on the hub with its commit.
        scheme: The tag scheme of the first split that has one.
        logs: For each split what happened while it was read.
        places: For each split where its documents stand, as `file:line`; a corpus that was not read
            from files has none.
        first_rows: For each split of column files the lines, counted from 1, where its documents'
            tokens begin.
        config: The configuration of a data set on the hub.
        notes: What a user should know of how the corpus was found.
    """

    splits: Mapping[str, tuple[Document, ...]]
    labels: tuple[str, ...]
    source: str
    scheme: TagScheme | None = None
    logs: Mapping[str, ReadLog] = field(default_factory=dict)
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    first_rows: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    config: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def train(self) -> tuple[Document, ...]:
        """The training split.

        Raises:
            CorpusError: Where there is none.
        """
        return self.split("train")

    @property
    def validation(self) -> tuple[Document, ...]:
        """The validation split.

        Raises:
            CorpusError: Where there is none.
        """
        return self.split("validation")

    @property
    def test(self) -> tuple[Document, ...]:
        """The test split.

        Raises:
            CorpusError: Where there is none.
        """
        return self.split("test")

    def split(self, name: str) -> tuple[Document, ...]:
        """The documents of a split.

        Args:
            name: `train`, `validation` or `test`.

        Returns:
            The documents, in the order of their files.

        Raises:
            CorpusError: Where there is no such split.
        """
        if name not in self.splits:
            raise CorpusError(
                f"there is no {name} split",
                place=self.source,
                expected=f"one of: {', '.join(self.splits)}",
            )
        return self.splits[name]

    def place(self, split: str, index: int) -> str:
        """Where a document stands.

        Args:
            split: The name of its split.
            index: Its index in the split.

        Returns:
            File and line, or split and number for a corpus that was not read from files.
        """
        places = self.places.get(split)
        return places[index] if places else f"{self.source}, {split} document {index}"

    def place_within(self, split: str, index: int, start: int) -> str:
        """Where a part of a document stands.

        Args:
            split: The name of the document's split.
            index: Its index in the split.
            start: A code point of its text.

        Returns:
            In a column file the line of the token there; else the place of the document.

        Raises:
            CorpusError: Where there is no such split.
        """
        place = self.place(split, index)
        tokens = self.split(split)[index].tokens
        if split not in self.first_rows or not tokens:
            return place
        before = bisect_right(tokens, start, key=lambda token: token.start) - 1
        line = self.first_rows[split][index] + max(0, before)
        return f"{place.rpartition(':')[0]}:{line}"

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the names of the splits, the texts and the entities, in hexadecimal.

        Tokens, ids, scores and `meta` do not count: a corpus has the same hash in every format
        that holds its texts.
        """
        return digest_of(self._parts())

    def _parts(self) -> Iterator[str]:
        for name, documents in sorted(self.splits.items()):
            yield from (name, str(len(documents)))
            yield from parts_of(documents)

    def hold_out_validation(self, fraction: float = 0.1, seed: int = 0) -> Corpus:
        """The corpus with some of its training documents as validation split.

        Sentences of one `-DOCSTART-` article stay together, and so do equal texts. The choice
        depends on the seed and the texts only, not on their order. `labels` stay as they are.

        Args:
            fraction: The share of the training documents to hold out, between 0 and 1.
            seed: The seed of the choice.

        Returns:
            A corpus with a smaller training split.

        Raises:
            CorpusError: Where there is a validation split already, the fraction is out of its
                range, or all documents belong together.
        """
        if "validation" in self.splits:
            raise CorpusError("there is a validation split already", place=self.source)
        if not 0 < fraction < 1:
            raise CorpusError(
                f"the fraction to hold out is {fraction}", expected="a number between 0 and 1"
            )
        groups = groups_of(self.train)
        if len(groups) < 2:
            raise CorpusError(
                f"the {len(self.train)} training documents cannot be divided",
                place=self.source,
                expected="two documents or more that do not belong together",
            )
        chosen = choose(groups, self.train, fraction * len(self.train), seed)
        members = {
            name: [(name, index) for index in range(len(documents))]
            for name, documents in self.splits.items()
        }
        members["validation"] = [place for place in members["train"] if place[1] in chosen]
        members["train"] = [place for place in members["train"] if place[1] not in chosen]
        return self.rearranged({name: members[name] for name in SPLITS if name in members})

    def rearranged(self, members: Mapping[str, Sequence[tuple[str, int]]]) -> Corpus:
        """The corpus with other splits.

        Args:
            members: For each new split its documents, by their split and index here.

        Returns:
            A corpus whose documents keep their places; `labels` stay as they are.
        """
        rows = self.first_rows
        return replace(
            self,
            splits={
                name: tuple(self.splits[split][index] for split, index in each)
                for name, each in members.items()
            },
            places={
                name: tuple(self.place(split, index) for split, index in each)
                for name, each in members.items()
            },
            first_rows={
                name: tuple(rows[split][index] for split, index in each)
                for name, each in members.items()
                if all(split in rows for split, _ in each)
            },
        )
