"""The corpora of the panel, which `../shared` holds, and subsets of them."""

from __future__ import annotations

import itertools
import random
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from nerine.core.document import labels_of
from nerine.data.corpus import Corpus, load_corpus

SHARED = Path(__file__).parents[3] / "shared"

FOLDERS = {
    "ai": SHARED / "corpora" / "crossner-ai",
    "politics": SHARED / "corpora" / "crossner-politics",
    "ncbi": SHARED / "corpora" / "ncbi-disease",
    "btc": SHARED / "corpora" / "broad-twitter",
    "wnut": SHARED / "wnut17",
}
"""The folder of each corpus of the panel, by its short name."""


def panel_corpus(name: str) -> Corpus:
    """A corpus of the panel, such as `ai`, or a random subset of one, such as `wnut-100`.

    A subset has so many of the training documents, in their order, and the other splits whole.
    Ends the program with a reason if the folder is missing.
    """
    whole, _, count = name.partition("-")
    folder = FOLDERS[whole]
    if not folder.is_dir():
        sys.exit(f"skipped: the corpus {whole} is read from {folder}, which is not there")
    corpus = _broad_twitter(folder) if whole == "btc" else load_corpus(folder)
    return subset(corpus, int(count)) if count else corpus


def without_test(corpus: Corpus) -> Corpus:
    """The corpus without its test split, for choosing settings."""
    splits = {name: split for name, split in corpus.splits.items() if name != "test"}
    return replace(corpus, splits=splits)


def subset(corpus: Corpus, count: int) -> Corpus:
    """The corpus with `count` documents of its training split, drawn so that they have all labels.

    The first seed from 0 that draws every label is used.
    """
    for seed in itertools.count():
        chosen = sorted(random.Random(seed).sample(range(len(corpus.train)), count))
        train = tuple(corpus.train[index] for index in chosen)
        if tuple(labels_of(train)) == corpus.labels:
            break
    source = f"{corpus.source}, {count} training documents"
    return Corpus({**corpus.splits, "train": train}, corpus.labels, source)


def _broad_twitter(folder: Path) -> Corpus:
    """Broad Twitter without its lines that have a tag and no token."""
    with tempfile.TemporaryDirectory() as copies:
        for file in folder.iterdir():
            lines = file.read_text(encoding="utf-8").split("\n")
            kept = [line for line in lines if not line.strip() or line.partition("\t")[0].strip()]
            name = {"dev": "validation"}.get(file.suffix[1:], file.suffix[1:])
            Path(copies, f"{name}.conll").write_text("\n".join(kept), encoding="utf-8")
        return replace(load_corpus(copies), source=str(folder))
