"""A corpus as users give it, and the documents that are compared with predictions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nerine.core.document import Document
from nerine.data.corpus.corpus import Corpus
from nerine.data.corpus.load import load_corpus

CorpusLike = Corpus | str | Path
"""A corpus, or what `load_corpus` loads: a folder, a file, "sample", or a hub id."""


def as_corpus(corpus: CorpusLike) -> Corpus:
    """The corpus itself, or the one that `load_corpus` loads by its name."""
    return corpus if isinstance(corpus, Corpus) else load_corpus(corpus)


@dataclass(frozen=True, slots=True)
class Gold:
    """Gold documents, the name of their split, the training split of their corpus, their places."""

    documents: Sequence[Document]
    split: str
    train: Sequence[Document] | None = None
    places: Sequence[str] = ()

    @classmethod
    def of(cls, given: Iterable[Document] | CorpusLike, split: str | None) -> Gold:
        """The documents that are given, or those of a split of a corpus.

        Args:
            given: Documents, or a corpus.
            split: The name of their split in signatures; for a corpus the split to take, by default
                `test`, or the only one.

        Raises:
            CorpusError: If the corpus lacks the split.
        """
        if not isinstance(given, Corpus | str | Path):
            return cls(list(given), split or "all")
        corpus = as_corpus(given)
        is_one = len(corpus.splits) == 1
        name = split or (next(iter(corpus.splits)) if is_one else "test")
        train = None if name == "train" else corpus.splits.get("train")
        documents = corpus.split(name)
        places = [corpus.place(name, index) for index in range(len(documents))]
        return cls(documents, "all" if is_one and not corpus.config else name, train, places)
