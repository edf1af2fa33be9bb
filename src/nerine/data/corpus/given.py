"""A corpus as users give it, and the documents that are compared with predictions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nerine.core.context import in_context
from nerine.core.document import Document
from nerine.data.corpus.corpus import Corpus
from nerine.data.corpus.load import load_corpus

CorpusLike = Corpus | str | Path
"""A corpus, or what `load_corpus` loads: a folder, a file, "sample", or a hub id."""


def as_corpus(corpus: CorpusLike) -> Corpus:
    """The corpus itself, or the one that `load_corpus` loads by its name."""
    return corpus if isinstance(corpus, Corpus) else load_corpus(corpus)


@dataclass(frozen=True, slots=True)
class GoldSplit:
    """The documents of one split of a corpus, to be compared with predictions."""

    corpus: Corpus
    name: str
    documents: Sequence[Document]

    @classmethod
    def of(cls, corpus: Corpus, name: str | None) -> GoldSplit:
        """The split of this name; by default `test`, or the only one.

        Raises `CorpusError` if the corpus lacks it.
        """
        if name is None:
            name = next(iter(corpus.splits)) if len(corpus.splits) == 1 else "test"
        return cls(corpus, name, corpus.split(name))

    @property
    def title(self) -> str:
        """The split's name in signatures and titles; "all" if the corpus is a single file."""
        return self.name if len(self.corpus.splits) > 1 or self.corpus.config else "all"

    @property
    def places(self) -> list[str]:
        """The place of each document."""
        return [self.corpus.place(self.name, index) for index in range(len(self.documents))]

    @property
    def training(self) -> Sequence[Document] | None:
        """The training split of the corpus, if this is another one."""
        return self.corpus.splits.get("train") if self.name != "train" else None


def gold_documents(given: Iterable[Document] | CorpusLike, split: str | None) -> list[Document]:
    """Documents as they are given, or those of a split of a corpus, as in `GoldSplit.of`."""
    if isinstance(given, Corpus | str | Path):
        return [*GoldSplit.of(as_corpus(given), split).documents]
    return in_context(given)
