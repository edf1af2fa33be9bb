"""Hashes of a split's texts, which tell later whether other texts are the same.

Each text has a hash of 48 bits. Of a very large split the smallest ones are kept, which are a
random sample that is the same wherever the split is seen (bottom-k sketches; Broder, 1997; Cohen &
Kaplan, 2007): a text whose hash is not above the largest of the sample is in the split exactly if
its hash is in the sample. So the number of texts that were trained on can be told, whatever the
split is called, in whatever order its documents come, and whatever labels they bear.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nerine.core.document import Digest, Document, digest_of, parts_of

SIZE = 16_384
_FORMER_SIZE = 512
"""The size of records that do not say whether they are complete."""
_BYTES = 6
_FEW = 8
"""Of so few texts that can be compared, an estimate would be chance."""


def used_splits(splits: Mapping[str, Sequence[Document]]) -> dict[str, Any]:
    """What is recorded of the splits that a run of training looks at."""
    return {name: split_record(splits[name]) for name in ("train", "validation") if name in splits}


def earlier_splits(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """The splits that the model was made from with which a training begins, under other names."""
    splits = provenance.get("splits") or {}
    return {f"earlier {name}": record for name, record in splits.items()}


def split_record(documents: Iterable[Document], size: int = SIZE) -> dict[str, Any]:
    """For JSON: the digest of the documents (`texts`), their number, and a sketch.

    The sketch holds up to `size` hashes in hexadecimal, each once, in order; `complete` says
    whether these are all.
    """
    recorder = SplitRecorder(size)
    for document in documents:
        recorder.add(document)
    return recorder.record()


class SplitRecorder:
    """Makes the record of a split whose documents come one by one, in bounded memory."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._digest = Digest()
        self._documents = 0
        self._kept: set[str] = set()
        self._is_complete = True

    def add(self, document: Document) -> None:
        """Adds the next document."""
        self._digest.add(parts_of([document]))
        self._documents += 1
        self._kept.update(_hashes([document]))
        if len(self._kept) > 2 * self._size:
            self._keep_smallest()

    def record(self) -> dict[str, Any]:
        """What `split_record` gives of the documents so far."""
        self._keep_smallest()
        return {
            "texts": self._digest.hex(),
            "documents": self._documents,
            "sketch": " ".join(sorted(self._kept)),
            "complete": self._is_complete,
        }

    def _keep_smallest(self) -> None:
        if len(self._kept) > self._size:
            self._kept = set(sorted(self._kept)[: self._size])
            self._is_complete = False


def is_complete(record: Mapping[str, Any]) -> bool:
    """Whether a record has a hash for each text of its split."""
    return bool(record.get("complete", len(str(record["sketch"]).split()) < _FORMER_SIZE))


def number_known(documents: Sequence[Document], record: Mapping[str, Any]) -> int | None:
    """How many of the documents have a text of the split that `split_record` recorded.

    An estimate if the record is not complete; None where too few can be compared.
    """
    if record.get("texts") == digest_of(parts_of(documents)):
        return len(documents)
    known = set(str(record["sketch"]).split())
    hashes = [*_hashes(documents)]
    least = 0
    if not is_complete(record):
        largest, least = max(known), _FEW
        hashes = [each for each in hashes if each <= largest]
    if len(hashes) < least:
        return None
    found = sum(each in known for each in hashes)
    return round(len(documents) * found / len(hashes)) if hashes else 0


def numbers_known(
    documents: Sequence[Document], splits: Mapping[str, Mapping[str, Any]]
) -> dict[str, int]:
    """By name of the recorded splits how many of `documents` they hold, as far as that is known."""
    found = {
        name: number_known(documents, record)
        for name, record in splits.items()
        if "sketch" in record
    }
    return {name: number for name, number in found.items() if number is not None}


def _hashes(documents: Iterable[Document]) -> Iterable[str]:
    """Of the same length all, so that their order is that of the numbers."""
    for document in documents:
        text = document.text.encode("utf-8", "surrogatepass")
        yield hashlib.blake2b(text, digest_size=_BYTES).hexdigest()
