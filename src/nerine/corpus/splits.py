"""Documents in splits, and where each of them stands."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from nerine.corpus.groups import choose, groups_of
from nerine.document import Document, digest_of, parts_of
from nerine.errors import CorpusError
from nerine.formats import ReadLog
from nerine.formats.folders import SPLITS
from nerine.schemes import TagScheme


@dataclass(frozen=True)
class Corpus:
    """Documents in the splits `train`, `validation` and `test`, or some of these.

    - `labels`: sorted, those of the training split, or of all where there is none.
    - `source`: what the corpus was loaded from; a data set on the hub with its commit.
    - `scheme`: the tag scheme of the first split that has one.
    - `logs`: for each split what happened while it was read.
    - `places`: for each split where its documents stand, as `file:line`; a corpus that was not
      read from files has none.
    - `first_rows`: for each split of column files the lines where its documents' tokens begin.
    - `config`: the configuration of a data set on the hub.
    - `notes`: what a user should know of how the corpus was found.
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
        """The training split."""
        return self.split("train")

    @property
    def validation(self) -> tuple[Document, ...]:
        """The validation split."""
        return self.split("validation")

    @property
    def test(self) -> tuple[Document, ...]:
        """The test split."""
        return self.split("test")

    def split(self, name: str) -> tuple[Document, ...]:
        """The split called `name`; raises `CorpusError` where there is none."""
        if name not in self.splits:
            raise CorpusError(
                f"there is no {name} split",
                place=self.source,
                expected=f"one of: {', '.join(self.splits)}",
            )
        return self.splits[name]

    def place(self, split: str, index: int) -> str:
        """Where document `index` of a split stands: `file:line`, or split and number."""
        places = self.places.get(split)
        return places[index] if places else f"{self.source}, {split} document {index}"

    def place_within(self, split: str, index: int, start: int) -> str:
        """Where character `start` of a document stands: in a column file, its token's line."""
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
        """The corpus with about `fraction` of its training documents as validation split.

        Sentences of one `-DOCSTART-` article stay together, and so do equal texts. The choice
        depends on `seed` and the texts only, not on their order. `labels` stay as they are.
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
        """The corpus with other splits: for each its documents, by their split and index here.

        Where the documents stand goes along with them; `labels` stay as they are.
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
