"""A few hashes of a split's texts, which tell later whether other texts are the same.

The smallest hashes of a set are a random sample of it that is the same wherever the set is seen
(bottom-k sketches; Broder, 1997; Cohen & Kaplan, 2007). A text whose hash is no larger than the
largest of a sketch is in the set if its hash is in the sketch. So the share of texts that were
trained on can be told from 512 hashes, whatever the split is called, in whatever order its
documents come, and whatever labels they bear.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nerine.core.document import Document, digest_of, parts_of
from nerine.data.corpus import Corpus

SIZE = 512
_BYTES = 6
_FEW = 8
"""Of so few texts that can be compared, a share would be chance."""


def used_splits(corpus: Corpus) -> dict[str, Any]:
    """What is recorded of the splits that a run of training looks at."""
    return {
        name: split_record(corpus.splits[name])
        for name in ("train", "validation")
        if name in corpus.splits
    }


def split_record(documents: Sequence[Document]) -> dict[str, Any]:
    """For JSON: the digest of the documents (`texts`), their number, and a sketch."""
    return {
        "texts": digest_of(parts_of(documents)),
        "documents": len(documents),
        "sketch": sketch_of(documents),
    }


def sketch_of(documents: Iterable[Document]) -> str:
    """The smallest hashes of the documents' texts, in hexadecimal, each once, in order."""
    return " ".join(sorted(_hashes(documents))[:SIZE])


def share_known(documents: Iterable[Document], sketch: str) -> float | None:
    """The share of the different texts that belong to the set of `sketch`, from 0 to 1.

    An estimate where the set had more than 512 texts; None where too few can be compared.
    """
    known = set(sketch.split())
    hashes = _hashes(documents)
    least = 1
    if len(known) >= SIZE:
        largest, least = max(known), _FEW
        hashes = {each for each in hashes if each <= largest}
    return len(hashes & known) / len(hashes) if len(hashes) >= least else None


def shares_known(
    documents: Sequence[Document], splits: Mapping[str, Mapping[str, Any]]
) -> dict[str, float]:
    """For each split that `used_splits` recorded which share of `documents` it holds."""
    shares = {
        name: share_known(documents, split["sketch"])
        for name, split in splits.items()
        if "sketch" in split
    }
    return {name: share for name, share in shares.items() if share is not None}


def _hashes(documents: Iterable[Document]) -> set[str]:
    """Of the same length all, so that their order is that of the numbers."""
    return {
        hashlib.blake2b(
            document.text.encode("utf-8", "surrogatepass"), digest_size=_BYTES
        ).hexdigest()
        for document in documents
    }
