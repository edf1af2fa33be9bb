"""A corpus: documents in splits, with their places, and the groups that a split keeps together."""

from __future__ import annotations

import hashlib
import itertools
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from nerine.core.arguments import check_fields, checked
from nerine.core.context import documents_of, in_context
from nerine.core.document import Document, count_entities, digest_of, labels_of, parts_of
from nerine.core.errors import CorpusError
from nerine.core.shown import Grid, Shown
from nerine.core.tags import TagScheme
from nerine.data.formats.options import ReadLog
from nerine.data.split_files import SPLITS


@dataclass(frozen=True)
class Corpus(Shown):
    """Documents in the splits `train`, `validation` and `test`, or some of these.

    `str`, and a notebook, show the number of documents and of the entities of each label.

    Attributes:
        splits: The documents of each split.
        labels: The labels of the training split, or of all splits without one; sorted.
        source: The file, folder or hub data set (with its commit) that the corpus was loaded from.
        scheme: The tag scheme of the first split that has one.
        logs: For each split the log of its reader.
        places: For each split the places of its documents, as `file:line`; empty for a corpus that
            was not read from files.
        first_rows: For each split of column files the lines of its documents' first tokens, from 1.
        config: The configuration of a data set on the hub.
        notes: Notes for the user about how the corpus was found.

    Raises:
        ArgumentError: If a field has another type.
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

    def __post_init__(self) -> None:
        check_fields(self)

    @classmethod
    @checked
    def from_documents(
        cls,
        *,
        train: Sequence[Document] = (),
        validation: Sequence[Document] = (),
        test: Sequence[Document] = (),
        source: str = "memory",
    ) -> Corpus:
        """A corpus of documents in memory; a split without documents is left out.

        Args:
            train: The training split.
            validation: The validation split.
            test: The test split.
            source: The name of the corpus in messages.

        Raises:
            ArgumentError: If an argument has another type.
            CorpusError: If there are no documents.
        """
        given = {"train": train, "validation": validation, "test": test}
        splits = {
            name: tuple(in_context(documents)) for name, documents in given.items() if documents
        }
        if not splits:
            raise CorpusError("there are no documents", expected="at least one split with some")
        deciding = [splits["train"]] if "train" in splits else list(splits.values())
        labels = labels_of(document for documents in deciding for document in documents)
        return cls(splits, labels, source)

    @property
    def train(self) -> tuple[Document, ...]:
        """The training split; raises `CorpusError` if the corpus has none."""
        return self.split("train")

    @property
    def validation(self) -> tuple[Document, ...]:
        """The validation split; raises `CorpusError` if the corpus has none."""
        return self.split("validation")

    @property
    def test(self) -> tuple[Document, ...]:
        """The test split; raises `CorpusError` if the corpus has none."""
        return self.split("test")

    @checked
    def split(self, name: str) -> tuple[Document, ...]:
        """The documents of a split, in the order of their files.

        Args:
            name: `train`, `validation` or `test`.

        Raises:
            CorpusError: If the corpus has no such split.
        """
        if name not in self.splits:
            raise CorpusError(
                f"there is no {name} split",
                place=self.source,
                expected=f"one of: {', '.join(self.splits)}",
            )
        return self.splits[name]

    def shown_parts(self) -> list[Grid | str]:
        """A table of documents and entities in each split, and the notes."""
        counts = [count_entities(documents) for documents in self.splits.values()]
        labels = sorted({label for each in counts for label in each})
        rows = [
            ["documents", *(f"{len(documents):,}" for documents in self.splits.values())],
            ["entities", *(f"{each.total():,}" for each in counts)],
            *([label, *(f"{each[label]:,}" for each in counts)] for label in labels),
        ]
        return [Grid(self.source, ["", *self.splits], rows), *self.notes]

    @checked
    def place(self, split: str, index: int) -> str:
        """The place of a document, for messages.

        Args:
            split: The name of its split.
            index: Its index in the split.

        Returns:
            File and line, or split and index for a corpus that was not read from files.
        """
        places = self.places.get(split)
        return places[index] if places else f"{self.source}, {split} document {index}"

    @checked
    def place_within(self, split: str, index: int, start: int) -> str:
        """The place of a part of a document, for messages.

        Args:
            split: The name of the document's split.
            index: Its index in the split.
            start: The first code point of the part.

        Returns:
            In a column file the line of the token at `start`, else the place of the document.

        Raises:
            CorpusError: If the corpus has no such split.
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
        """SHA-256 of the names of the splits, the texts and the entities, in hexadecimal.

        Tokens, ids, scores and `meta` are left out: a corpus has the same hash in every format
        that can hold its texts.
        """
        return digest_of(
            part
            for name, documents in sorted(self.splits.items())
            for part in (name, str(len(documents)), *parts_of(documents))
        )

    @checked
    def hold_out_validation(
        self, fraction: float = 0.1, seed: int = 0, *, whole_documents: bool = False
    ) -> Corpus:
        """The corpus with some of its training documents as validation split.

        Sentences of one `-DOCSTART-` article stay together, and so do equal texts. The choice
        depends on the seed and the texts only, not on their order. `labels` do not change.

        Args:
            fraction: The share of the training documents to hold out, between 0 and 1.
            seed: The seed of the choice.
            whole_documents: Whether sentences of one document (`with_context`) stay together, too.

        Raises:
            CorpusError: If the corpus has a validation split, the fraction is not between 0 and 1,
                or all documents belong together.
        """
        if "validation" in self.splits:
            raise CorpusError("there is a validation split already", place=self.source)
        if not 0 < fraction < 1:
            raise CorpusError(
                f"the fraction to hold out is {fraction}", expected="a number between 0 and 1"
            )
        found = groups_of(self.train, whole_documents=whole_documents)
        groups = sorted(found, key=lambda each: group_rank(each, self.train, seed))
        if len(groups) < 2:
            raise CorpusError(
                f"the {len(self.train)} training documents cannot be divided",
                place=self.source,
                expected="two or more documents that do not belong together",
            )
        held_out: set[int] = set()
        for group in groups:
            if len(held_out) + len(group) <= fraction * len(self.train):
                held_out.update(group)
        held_out = held_out or {*min(groups, key=len)}
        members = {
            name: [(name, index) for index in range(len(documents))]
            for name, documents in self.splits.items()
        }
        members["validation"] = [each for each in members["train"] if each[1] in held_out]
        members["train"] = [each for each in members["train"] if each[1] not in held_out]
        return self.with_splits({name: members[name] for name in SPLITS if name in members})

    @checked
    def with_splits(self, members: Mapping[str, Sequence[tuple[str, int]]]) -> Corpus:
        """The corpus with other splits; documents keep their places, and `labels` do not change.

        Args:
            members: For each new split its documents, by their current split and index.
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


def groups_of(
    documents: Sequence[Document], breaks: Collection[int] = (), *, whole_documents: bool = False
) -> list[list[int]]:
    """Indices of documents that belong together: of one `-DOCSTART-` article, or of one text.

    An article also ends before each index in `breaks`, where another file begins. With
    `whole_documents`, sentences of one document by any mark of its file belong together, too.
    """
    leader = list(range(len(documents)))
    keys = documents_of(documents) if whole_documents else []

    def find(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    article: int | None = None
    first_with: dict[str, int] = {}
    for index, document in enumerate(documents):
        article = None if index in breaks else article
        article = index if "docstart" in document.meta else article
        if article is not None:
            leader[find(index)] = find(article)
        leader[find(index)] = find(first_with.setdefault(document.text, index))
    for index, (one, other) in enumerate(itertools.pairwise(keys), start=1):
        if one is not None and one == other and index not in breaks:
            leader[find(index)] = find(index - 1)
    groups: dict[int, list[int]] = {}
    for index in range(len(documents)):
        groups.setdefault(find(index), []).append(index)
    return list(groups.values())


def group_rank(group: Iterable[int], documents: Sequence[Document], seed: int) -> bytes:
    """SHA-256 of the seed and a text of the group: a random order that depends on texts alone."""
    text = min(documents[index].text for index in group)  # in no other group
    return hashlib.sha256(f"{seed} {text}".encode("utf-8", "surrogatepass")).digest()
