"""Divide documents into splits or folds with similar labels and without shared texts.

Documents are divided in groups that belong together (`groups_of`): the sentences of a
`-DOCSTART-` article, and documents of one text. Groups are assigned by iterative stratification
(Sechidis, Tsoumakas & Vlahavas, 2011): the label with the fewest documents left comes first, its
groups go to the part that still needs most of its documents, and documents without entities fill
the rest.

Ties are broken by SHA-256 of the seed and a text. So the result depends on the seed, the texts and
the labels, but not on the machine, nor on the order of documents, except within articles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from nerine.core.arguments import checked
from nerine.core.document import Document, labels_of
from nerine.core.errors import CorpusError, SettingsError
from nerine.data.corpus.corpus import Corpus, group_rank, groups_of
from nerine.data.corpus.given import CorpusLike, as_corpus
from nerine.data.split_files import SPLITS

Pool = Literal["train", "all"]
"""The documents to divide: the training split, or the only split; or all splits together."""

Member = tuple[str, int]
"""A document of a corpus: its split and its index there."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Documents that stay together, and the number of them that have each label."""

    rank: bytes
    indices: tuple[int, ...]
    labels: Mapping[str, int]


@dataclass(slots=True)
class _Part:
    """A part, its share of all documents, and the groups assigned to it so far."""

    share: float
    groups: list[_Group] = field(default_factory=list)
    documents: int = 0
    labels: Counter[str] = field(default_factory=Counter)

    def add(self, group: _Group) -> None:
        self.groups.append(group)
        self.documents += len(group.indices)
        self.labels.update(group.labels)


def divide(
    documents: Sequence[Document],
    shares: Sequence[float],
    seed: int = 0,
    breaks: Collection[int] = (),
) -> list[list[int]]:
    """Divides `documents` into parts of about the given shares, which sum to 1.

    Args:
        documents: The documents.
        shares: The share of each part.
        seed: The seed of the ties.
        breaks: Indices before which an article ends, as in `groups_of`.

    Returns:
        For each part the sorted indices of its documents. No part is empty.

    Raises:
        CorpusError: If there are fewer groups than parts.
    """
    groups = []
    for indices in groups_of(documents, breaks):
        labels = Counter(label for index in indices for label in labels_of([documents[index]]))
        groups.append(_Group(group_rank(indices, documents, seed), tuple(indices), labels))
    if len(groups) < len(shares):
        raise CorpusError(
            f"the {len(documents)} documents cannot be divided into {len(shares)} parts",
            expected=f"{len(shares)} or more documents that do not belong together",
            hint=f"they are {len(groups)} groups, each of one text or one article",
        )
    groups.sort(key=lambda group: group.rank)
    parts = [_Part(share) for share in shares]
    stratify(groups, parts)
    for part in parts:
        if not part.groups:
            largest = max(parts, key=lambda each: len(each.groups))
            group = min(largest.groups, key=lambda each: (len(each.indices), each.rank))
            largest.groups.remove(group)
            part.groups.append(group)
    return [sorted(index for group in part.groups for index in group.indices) for part in parts]


def stratify(groups: Sequence[_Group], parts: Sequence[_Part]) -> None:
    """Assigns each group to a part: groups with the rarest label first, those without one last."""
    totals: Counter[str] = Counter()
    for group in groups:
        totals.update(group.labels)
    size = sum(len(group.indices) for group in groups)

    def wanted(part: _Part, label: str) -> tuple[float, float]:
        """Number of documents with the label, and of any documents, that the part still needs."""
        return part.share * totals[label] - part.labels[label], part.share * size - part.documents

    left = list(groups)
    while left:
        remaining: Counter[str] = Counter()
        for group in left:
            remaining.update(group.labels)
        label = min(remaining, key=lambda name: (remaining[name], name), default="")
        having = [group for group in left if not label or label in group.labels]
        left = [group for group in left if label and label not in group.labels]
        for group in sorted(having, key=lambda each: -each.labels.get(label, len(each.indices))):
            most = max(wanted(part, label) for part in parts)
            best = [part for part in parts if wanted(part, label) == most]
            best[group.rank[-1] % len(best)].add(group)


def folds(
    documents: Sequence[Document], k: int, seed: int = 0, breaks: Collection[int] = ()
) -> list[list[int]]:
    """Divides `documents` into `k` parts of about the same size, like `divide`.

    Raises `SettingsError` if `k` is less than 2, `CorpusError` if there are fewer groups than that.
    """
    if k < 2:
        raise SettingsError(f"the number of folds is {k}", expected="2 or more")
    return divide(documents, [1 / k] * k, seed, breaks)


@checked
def split_corpus(
    corpus: CorpusLike,
    *,
    validation: float = 0.1,
    test: float = 0.1,
    of: Pool = "train",
    seed: int = 0,
) -> Corpus:
    """The corpus with its documents in new splits.

    Sentences of one `-DOCSTART-` article and equal texts stay together, and labels are distributed
    evenly. The result depends on the seed, the texts and their labels only.

    Args:
        corpus: The corpus, or what `load_corpus` loads: a folder, a file, "sample", a hub id.
        validation: The share of the validation split; 0 makes none.
        test: The share of the test split; 0 makes none.
        of: With `"train"`, the training split (or the only split) is divided and the others do not
            change; with `"all"`, the documents of all splits are divided again.
        seed: The seed of the division.

    Raises:
        ArgumentError: If an argument has another type.
        SettingsError: If a share is not valid.
        CorpusError: If a split exists already, or the documents are too few.
    """
    corpus = as_corpus(corpus)
    for name, share in (("validation", validation), ("test", test)):
        if not 0 <= share < 1:
            raise SettingsError(f"{name}: the share is {share}", expected="0 or more, less than 1")
    if validation + test == 0:
        raise SettingsError(
            "both shares are 0", expected="a share for validation, for test, or for both"
        )
    if validation + test >= 1:
        raise SettingsError(
            f"the shares of validation and test sum to {validation + test:g}",
            expected="less than 1, so that some documents are left for training",
        )
    shares = {"train": 1 - validation - test, "validation": validation, "test": test}
    shares = {name: share for name, share in shares.items() if share}
    pool = _Pooled(corpus, of)
    divided = {split for split, _ in pool.members}
    kept = [name for name in corpus.splits if name not in divided]
    for name in shares:
        if name in kept:
            raise CorpusError(
                f"there is a {name} split already",
                place=corpus.source,
                expected="a training split to be divided into the splits that are missing",
                hint=f"--{name} 0 ({name}=0) keeps it; --of all (of='all') divides all splits",
            )
    indices = divide(pool.documents, [*shares.values()], seed, pool.breaks)
    parts = dict(zip(shares, indices, strict=True))
    members = {
        name: [pool.members[index] for index in parts[name]]
        if name in parts
        else [(name, index) for index in range(len(corpus.splits[name]))]
        for name in SPLITS
        if name in parts or name in kept
    }
    return _with_splits(corpus, members)


@checked
def fold_corpora(
    corpus: CorpusLike, k: int, *, of: Pool = "train", seed: int = 0
) -> dict[str, Corpus]:
    """For each fold a corpus with the fold as test split and the rest as training split.

    They are called `fold-1` and so on. Splits that are not divided are left out.

    Args:
        corpus: The corpus, or what `load_corpus` loads: a folder, a file, "sample", a hub id.
        k: The number of folds, 2 or more.
        of: The documents to divide, as in `split_corpus`.
        seed: The seed of the division.

    Raises:
        ArgumentError: If an argument has another type.
        SettingsError: If there are fewer than two folds.
        CorpusError: If the documents are too few.
    """
    corpus = as_corpus(corpus)
    pool = _Pooled(corpus, of)
    corpora = {}
    for number, fold in enumerate(folds(pool.documents, k, seed, pool.breaks), start=1):
        rest = sorted(set(range(len(pool.members))).difference(fold))
        parts = {"train": rest, "test": fold}
        members = {name: [pool.members[index] for index in part] for name, part in parts.items()}
        corpora[f"fold-{number}"] = _with_splits(corpus, members)
    return corpora


def labels_without_training(corpus: Corpus) -> tuple[str, ...]:
    """The labels that other splits have and the training split lacks."""
    others = (each for name, found in corpus.splits.items() if name != "train" for each in found)
    return tuple(sorted(set(labels_of(others)) - set(corpus.labels)))


class _Pooled:
    """The documents of a corpus that are to be divided."""

    def __init__(self, corpus: Corpus, of: Pool) -> None:
        names = [*corpus.splits]
        if of == "train" and len(names) > 1:
            corpus.split("train")  # raises an error that lists the splits
            names = ["train"]
        self.members = [(name, i) for name in names for i in range(len(corpus.splits[name]))]
        self.documents = [document for name in names for document in corpus.splits[name]]
        self.breaks = {at for at, (_, index) in enumerate(self.members) if index == 0}


def _with_splits(corpus: Corpus, members: Mapping[str, Sequence[Member]]) -> Corpus:
    found = corpus.with_splits(members)
    return replace(found, labels=labels_of(found.train))
