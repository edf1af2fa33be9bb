"""Documents → splits or folds that are alike in their labels, and share no text.

Documents are divided in groups that belong together (`groups_of`): the sentences of
a `-DOCSTART-` article, and documents of one text. The groups are given out by iterative
stratification (Sechidis, Tsoumakas & Vlahavas, 2011): the label with the fewest documents left
comes first, its groups go where most of its documents are still wanted, and documents without
entities fill up what is left.

Where everything else is equal, SHA-256 over the seed and a text decides. So the result depends on
the seed, the texts and the labels, and neither on the order of the documents (but for articles,
which are an order) nor on the machine.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from nerine.core.document import Document, labels_of
from nerine.core.errors import CorpusError, SettingsError
from nerine.data.corpus import Corpus, groups_of
from nerine.data.formats.folders import SPLITS

Pool = Literal["train", "all"]
"""What is divided: the training split, which may be the only one, or all splits together."""

Place = tuple[str, int]
"""A document of a corpus: its split, and its index there."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Documents that stay together. `labels` counts, for each label, those that have it."""

    rank: bytes
    indices: tuple[int, ...]
    labels: Mapping[str, int]


@dataclass(slots=True)
class _Part:
    """A part in the making: its share of all, and what it has been given."""

    share: float
    groups: list[_Group] = field(default_factory=list)
    documents: int = 0
    labels: Counter[str] = field(default_factory=Counter)

    def take(self, group: _Group) -> None:
        self.groups.append(group)
        self.documents += len(group.indices)
        self.labels.update(group.labels)

    def give(self, group: _Group) -> None:
        self.groups.remove(group)
        self.documents -= len(group.indices)
        self.labels.subtract(group.labels)


def divide(
    documents: Sequence[Document],
    shares: Sequence[float],
    seed: int = 0,
    breaks: Collection[int] = (),
) -> list[list[int]]:
    """The indices of `documents` in parts of about `shares`, which sum to 1; each in order.

    Every index is in one part, no part is empty. `breaks` are as in `groups_of`. Raises
    `CorpusError` if there are fewer groups than parts.
    """
    groups = _ranked_groups(groups_of(documents, breaks), documents, seed)
    if len(groups) < len(shares):
        raise CorpusError(
            f"the {len(documents)} documents cannot be divided into {len(shares)} parts",
            expected=f"{len(shares)} documents or more that do not belong together",
            hint=f"there are {len(groups)} groups of one text or one article",
        )
    parts = [_Part(share) for share in shares]
    _give_out(groups, parts)
    _fill_empty(parts)
    return [sorted(index for group in part.groups for index in group.indices) for part in parts]


def folds(
    documents: Sequence[Document], k: int, seed: int = 0, breaks: Collection[int] = ()
) -> list[list[int]]:
    """The indices of `documents` in `k` parts of about the same size, as `divide` makes them.

    `breaks` are as in `groups_of`. Raises `SettingsError` for fewer than two, `CorpusError` for
    more than there are groups.
    """
    if k < 2:
        raise SettingsError(f"the number of folds is {k}", expected="2 or more")
    return divide(documents, [1 / k] * k, seed, breaks)


def split_corpus(
    corpus: Corpus, *, validation: float = 0.1, test: float = 0.1, of: Pool = "train", seed: int = 0
) -> Corpus:
    """The corpus with its documents in new splits; a share of 0 makes no split.

    With `of="train"`, the training split (or the only one) is divided and the others stay; with
    `"all"`, all documents are divided anew. Raises `SettingsError` for shares that do not fit,
    `CorpusError` where a split is there already or there are too few documents.
    """
    shares = _shares(validation, test)
    pooled = _pooled(corpus, of)
    divided = {split for split, _ in pooled}
    kept = [name for name in corpus.splits if name not in divided]
    for name in shares:
        if name in kept:
            raise CorpusError(
                f"there is a {name} split already",
                place=corpus.source,
                expected="a training split to be divided into what is missing",
                hint=f"--{name} 0 ({name}=0) keeps it; --of all (of='all') divides all anew",
            )
    indices = divide(_documents(corpus, pooled), [*shares.values()], seed, _breaks(pooled))
    parts = dict(zip(shares, indices, strict=True))
    order = [name for name in SPLITS if name in parts or name in kept]
    members = {
        name: [pooled[index] for index in parts[name]]
        if name in parts
        else [(name, index) for index in range(len(corpus.splits[name]))]
        for name in order
    }
    return _rearranged(corpus, members)


def fold_corpora(corpus: Corpus, k: int, *, of: Pool = "train", seed: int = 0) -> dict[str, Corpus]:
    """For each of `k` folds a corpus whose test split is the fold and whose training is the rest.

    They are called `fold-1` and so on. Splits that are not divided are in none of them.
    """
    pooled = _pooled(corpus, of)
    found = folds(_documents(corpus, pooled), k, seed, _breaks(pooled))
    corpora = {}
    for number, fold in enumerate(found, start=1):
        held = set(fold)
        rest = [pooled[index] for index in range(len(pooled)) if index not in held]
        members = {"train": rest, "test": [pooled[index] for index in fold]}
        corpora[f"fold-{number}"] = _rearranged(corpus, members)
    return corpora


def labels_without_training(corpus: Corpus) -> tuple[str, ...]:
    """The labels that only other splits than the training split have."""
    others = (each for name, found in corpus.splits.items() if name != "train" for each in found)
    return tuple(sorted(set(labels_of(others)) - set(corpus.labels)))


def _shares(validation: float, test: float) -> dict[str, float]:
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
            expected="less than 1, so that something is left for training",
        )
    shares = {"train": 1 - validation - test, "validation": validation, "test": test}
    return {name: share for name, share in shares.items() if share}


def _pooled(corpus: Corpus, of: Pool) -> list[Place]:
    """Where the documents to divide are."""
    names = [*corpus.splits]
    if of == "train" and len(names) > 1:
        corpus.split("train")  # says what there is instead
        names = ["train"]
    return [(name, index) for name in names for index in range(len(corpus.splits[name]))]


def _documents(corpus: Corpus, places: Sequence[Place]) -> tuple[Document, ...]:
    return tuple(corpus.splits[split][index] for split, index in places)


def _breaks(places: Sequence[Place]) -> set[int]:
    """Where among `places` a split begins: an article of another one does not go on there."""
    return {position for position, (_, index) in enumerate(places) if index == 0}


def _rearranged(corpus: Corpus, members: Mapping[str, Sequence[Place]]) -> Corpus:
    found = corpus.rearranged(members)
    return replace(found, labels=labels_of(found.train))


def _ranked_groups(
    found: Sequence[Sequence[int]], documents: Sequence[Document], seed: int
) -> list[_Group]:
    groups = []
    for indices in found:
        text = min(documents[index].text for index in indices)  # stands in no other group
        rank = hashlib.sha256(f"{seed} {text}".encode("utf-8", "surrogatepass")).digest()
        labels = Counter(label for index in indices for label in labels_of([documents[index]]))
        groups.append(_Group(rank, tuple(indices), labels))
    return sorted(groups, key=lambda group: group.rank)


def _give_out(groups: Sequence[_Group], parts: Sequence[_Part]) -> None:
    """Gives each group to a part: those with the rarest label first, those without one last."""
    totals: Counter[str] = Counter()
    for group in groups:
        totals.update(group.labels)
    size = sum(len(group.indices) for group in groups)
    for label, group in _in_turn(groups):
        wanted = [
            (part.share * totals[label] - part.labels[label], part.share * size - part.documents)
            for part in parts
        ]
        most = max(wanted)
        best = [part for part, want in zip(parts, wanted, strict=True) if want == most]
        best[group.rank[-1] % len(best)].take(group)


def _in_turn(groups: Sequence[_Group]) -> Iterator[tuple[str, _Group]]:
    """The groups in the order in which they are given out, each with the label that counts.

    That label is empty for groups without one.
    """
    left = list(groups)
    while left:
        remaining: Counter[str] = Counter()
        for group in left:
            remaining.update(group.labels)
        label = min(remaining, key=lambda name: (remaining[name], name), default="")
        turn = [group for group in left if not label or label in group.labels]
        left = [group for group in left if label and label not in group.labels]
        for group in sorted(turn, key=lambda each: -each.labels.get(label, len(each.indices))):
            yield label, group


def _fill_empty(parts: Sequence[_Part]) -> None:
    """Gives each empty part the smallest group of the part that has most groups."""
    for part in parts:
        if not part.groups:
            giver = max(parts, key=lambda each: len(each.groups))
            group = min(giver.groups, key=lambda each: (len(each.indices), each.rank))
            giver.give(group)
            part.take(group)
