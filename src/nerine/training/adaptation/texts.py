"""Raw texts as windows of subwords, in files of a run's folder that are mapped into memory.

RUN/texts/ids.bin      the subwords of all windows one after another, with special tokens
RUN/texts/words.bin    the number of the word at each of these positions, -1 outside of words
RUN/texts/lengths.bin  the length of each window
RUN/texts/counts.bin   the number of windows of each text
RUN/texts/hashes.bin   a hash of each text
RUN/texts/texts.json   what was read, written last

A window has subwords of one text only, so that texts are read as they will be tagged: each from its
first position on, and without others in sight.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nerine.core.display import counted
from nerine.core.document import Digest, Document
from nerine.core.errors import TrainingError
from nerine.core.files import json_line, write_errors, write_text
from nerine.core.sketches import SplitRecorder
from nerine.data.near_duplicates import KnownTexts, Likeness
from nerine.model.batching import look_aheads
from nerine.model.encoding import Encoder
from nerine.model.ragged import IntArray, splits_of

_FOLDER, _RECORD = "texts", "texts.json"
_KINDS = {
    "ids": np.int32,
    "words": np.int16,
    "lengths": np.int32,
    "counts": np.int32,
    "hashes": np.uint64,
}

FEWEST_TEXTS = 20
"""The fewest different texts that an encoder is adapted to."""
_LEAST_HELD_OUT, _MOST_HELD_OUT = 10, 2000


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A text that was left out, as it is like one of the texts to keep clear of."""

    text: str
    likeness: Likeness

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        split, index = self.likeness.where
        similarity = float(self.likeness.similarity)
        return {"text": self.text, "like": split, "document": index, "similarity": similarity}


class InterruptedReadingError(Exception):
    """A signal came while texts were read."""


def texts_folder(run: Path) -> Path:
    """The folder of the texts in a run's folder."""
    return run / _FOLDER


def read_texts(
    texts: Iterable[str | Document],
    encoder: Encoder,
    run: Path,
    *,
    known: KnownTexts | None = None,
    left_out: Path | None = None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Texts:
    """Writes the windows of texts into a run's folder, or finds those of the run to resume.

    Args:
        texts: The texts, which are not kept in memory.
        encoder: Cuts them into words, subwords and windows.
        run: The run's folder.
        known: Texts that are like one of these are left out.
        left_out: A file for the texts that are left out, as JSON lines.
        is_stopped: Whether to stop, asked now and then.

    Raises:
        TrainingError: If there are too few texts, or others than when the run began.
        InterruptedReadingError: If `is_stopped` says so.
    """
    folder = texts_folder(run)
    ahead = _until(look_aheads(texts), is_stopped)
    if (folder / _RECORD).is_file():
        found = Texts.open(folder)
        digest = Digest()
        for documents in ahead:
            digest.add(document.text for document in documents)
        if digest.hex() != found.record["given"]:
            raise TrainingError(
                "a run cannot be resumed with other texts",
                place=str(run),
                expected=f"the {counted(found.record['read'], 'text')} with which it started, in "
                "the same order",
            )
        return found
    with write_errors(TrainingError, folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        with _Writer(folder, left_out) as writer:
            for documents in ahead:
                writer.add(documents, encoder, known)
        record = writer.record()
        write_text(folder / _RECORD, f"{json.dumps(record, indent=2)}\n")
    return Texts.open(folder)


def _until(
    ahead: Iterator[list[Document]], is_stopped: Callable[[], bool]
) -> Iterator[list[Document]]:
    for documents in ahead:
        if is_stopped():
            raise InterruptedReadingError
        yield documents


class _Writer:
    """Writes the windows of texts, and counts and records these."""

    def __init__(self, folder: Path, left_out: Path | None) -> None:
        self._stack = contextlib.ExitStack()
        self._folder, self._left_out = folder, left_out
        self._given, self._used = Digest(), SplitRecorder()
        self._counts = {"read": 0, "blank": 0, "left_out": 0, "subwords": 0}

    def __enter__(self) -> _Writer:
        paths = {name: self._folder / f"{name}.bin" for name in _KINDS}
        enter = self._stack.enter_context
        self._files = {name: enter(path.open("wb")) for name, path in paths.items()}
        self._listed = None
        if self._left_out is not None:
            self._listed = enter(self._left_out.open("w", encoding="utf-8"))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, documents: list[Document], encoder: Encoder, known: KnownTexts | None) -> None:
        """Writes the windows of the next texts, but for those like a known one."""
        self._given.add(document.text for document in documents)
        self._counts["read"] += len(documents)
        if known is not None:
            documents = [*self._clear(documents, known)]
        windows = encoder.windows(encoder.encode(documents))
        counts = np.bincount(windows.documents, minlength=len(documents))
        for index in range(len(windows)):
            self._write("ids", windows[index].input_ids)
            self._write("words", windows.word_numbers(index))
        self._write("lengths", windows.lengths)
        self._write("counts", counts)
        self._write("hashes", np.array([_hash(each.text) for each in documents], dtype=np.uint64))
        self._counts["blank"] += int((counts == 0).sum())
        self._counts["subwords"] += int(windows.lengths.sum())
        for document, count in zip(documents, counts.tolist(), strict=True):
            if count:
                self._used.add(Document(document.text))

    def record(self) -> dict[str, Any]:
        """What was read, for JSON."""
        return {"given": self._given.hex(), **self._counts, "split": self._used.record()}

    def _clear(self, documents: list[Document], known: KnownTexts) -> Iterator[Document]:
        for document in documents:
            likeness = known.like(document.text)
            if likeness is None:
                yield document
                continue
            self._counts["left_out"] += 1
            if self._listed is not None:
                self._listed.write(f"{json_line(LeftOut(document.text, likeness).to_dict())}\n")

    def _write(self, name: str, values: npt.NDArray[Any]) -> None:
        self._files[name].write(values.astype(_KINDS[name]).tobytes())


def _hash(text: str) -> int:
    """64 bits that do not depend on those of the sketches: the held-out texts have the least."""
    encoded = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(encoded, digest_size=8, person=b"held out").digest())


@dataclass(frozen=True, slots=True)
class Texts:
    """The windows of texts, in flat arrays on the disk.

    Attributes:
        ids: The subwords of all windows, special tokens included, `(positions,)`.
        words: The number of the word at each position in its window, from 0, or -1, likewise.
        splits: The borders of the windows, `(windows + 1,)`.
        hashes: The hash of the text of each window, `(windows,)`.
        parts: The number of each window in its text, `(windows,)`.
        is_first: Whether a window's text does not occur earlier, `(windows,)`.
        record: What was read: `read`, `blank` and `left_out` texts, `subwords`, the digest of the
            `given` texts, and the record of the `split`.
    """

    ids: npt.NDArray[np.int32]
    words: npt.NDArray[np.int16]
    splits: IntArray
    hashes: npt.NDArray[np.uint64]
    parts: IntArray
    is_first: npt.NDArray[np.bool_]
    record: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> Texts:
        """The texts in a folder that `read_texts` has written."""
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        ids, words, lengths, counts, hashes = (_mapped(folder, name) for name in _KINDS)
        first = np.zeros(len(hashes), dtype=np.bool_)
        first[np.unique(hashes, return_index=True)[1]] = True
        begins = splits_of(counts.astype(np.int64))
        parts = np.arange(begins[-1]) - np.repeat(begins[:-1], counts)
        return cls(
            ids,
            words,
            splits_of(lengths.astype(np.int64)),
            np.repeat(hashes, counts),
            parts,
            np.repeat(first, counts),
            record,
        )

    def __len__(self) -> int:
        return len(self.splits) - 1

    @property
    def lengths(self) -> IntArray:
        """The subwords of each window, special tokens included."""
        return np.diff(self.splits)

    def window(self, index: int) -> tuple[IntArray, IntArray]:
        """The subwords of a window, and the number of the word at each, both `(length,)`."""
        own = slice(*self.splits[[index, index + 1]])
        return self.ids[own].astype(np.int64), self.words[own].astype(np.int64)

    def held_out(self, share: float) -> Division:
        """The windows to train on, and those on which the loss is measured.

        The texts with the least hashes are held out, `share` of the different ones; all copies of
        a text are on the same side, and the loss is measured on one of them. Raises
        `TrainingError` if there are fewer than `FEWEST_TEXTS` different texts.
        """
        different = np.unique(self.hashes)
        if len(different) < FEWEST_TEXTS:
            raise TrainingError(
                f"{counted(len(different), 'different text')} with words in them"
                if len(different)
                else "there are no texts with words in them",
                expected=f"at least {FEWEST_TEXTS}, better thousands",
                hint="a corpus of labelled texts has its texts to give, too"
                if not self.record["left_out"]
                else f"{counted(self.record['left_out'], 'text')} had to be left out",
            )
        wanted = max(int(Fraction(share) * len(different)), _LEAST_HELD_OUT)
        number = min(wanted, _MOST_HELD_OUT, len(different) // 2)
        held = self.hashes <= different[number - 1]
        return Division(np.flatnonzero(~held), np.flatnonzero(held & self.is_first), number)


@dataclass(frozen=True, slots=True)
class Division:
    """The indices of windows to train on, of held-out ones, and the number of held-out texts."""

    train: IntArray
    held_out: IntArray
    held_out_texts: int


def _mapped(folder: Path, name: str) -> npt.NDArray[Any]:
    path = folder / f"{name}.bin"
    if not path.stat().st_size:  # which cannot be mapped
        return np.zeros(0, dtype=_KINDS[name])
    mapped: npt.NDArray[Any] = np.memmap(path, dtype=_KINDS[name], mode="r")
    return mapped
