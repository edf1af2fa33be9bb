"""Targets: the teachers' probabilities for each word of the training texts, computed once.

A student with a tokenizer of its own cannot be compared with its teachers subword by subword. So
each text is labelled as in tagging, in the windows of each teacher, and the probabilities of each
word are kept in a file of the run. The words are those of the text by the teachers' rule: they are
the same for all tokenizers, and are found again by their place in the text.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nerine.core.document import Document, digest_of
from nerine.core.errors import TrainingError
from nerine.core.files import file_hash, replacing, write_text
from nerine.core.words import Words, word_bounds
from nerine.evaluation.metrics import Scores, score
from nerine.model.batching import look_aheads
from nerine.model.encoding import Encoding
from nerine.model.logits import LogitArray, WordLogits
from nerine.model.ragged import BoolArray, FloatArray, IntArray, lengths_of, pairs_of, splits_of
from nerine.training.distillation.teachers import Teacher
from nerine.training.losses import Batch
from nerine.training.settings import Precision

logger = logging.getLogger("nerine.train")

FILE, RECORD = "targets.npy", "targets.json"
_LEAST = 1e-12
"""A probability that is small enough to have a logarithm and to count as none."""


@dataclass(frozen=True, slots=True)
class TextWords:
    """The words of documents by their text, whatever a tokenizer makes of them.

    Attributes:
        starts: The first code point of each word in its document, `(words,)`.
        splits: The borders of the documents' words, `(documents + 1,)`.
    """

    starts: IntArray
    splits: IntArray

    @classmethod
    def of(cls, documents: Sequence[Document], words: Words) -> TextWords:
        """The words of documents by a model's setting `words`."""
        bounds = [word_bounds(document, words) for document in documents]
        return cls(pairs_of(bounds)[:, 0], splits_of(lengths_of(bounds)))

    def rows(self, encoding: Encoding) -> IntArray:
        """For each word of an encoding the word here that begins at the same place, `(words,)`.

        The encoding is of the same documents. -1 stands for a word that begins at none.
        """
        theirs = encoding.word_bounds[:, 0]
        wide = int(max(self.starts.max(initial=0), theirs.max(initial=0))) + 1
        documents = np.arange(len(encoding))
        own = np.repeat(documents, np.diff(self.splits)) * wide + self.starts
        keys = np.repeat(documents, encoding.lengths) * wide + theirs
        found = np.searchsorted(own, keys)
        same = found < len(own)
        same[same] = own[found[same]] == keys[same]
        return np.where(same, found, -1)


def mean_probabilities(
    teachers: Sequence[Teacher], tags: Sequence[str], documents: Sequence[Document]
) -> FloatArray:
    """The mean of the teachers' probabilities of `tags` for each word, `(words, tags)`.

    The words are `TextWords` of the documents. A word of which a tokenizer makes no subword of its
    own has the mean of the other teachers, and NaN if there is none.
    """
    words = TextWords.of(documents, teachers[0].settings.words)
    total = np.zeros((len(words.starts), len(tags)))
    number = np.zeros(len(words.starts))
    for teacher in teachers:
        encoding, probs, seen = _said(teacher, tags, documents)
        rows = words.rows(encoding)
        seen &= rows >= 0
        total[rows[seen]] += probs[seen]
        number[rows[seen]] += 1
    return np.where(number[:, None] > 0, total / np.maximum(number, 1)[:, None], np.nan)


def _said(
    teacher: Teacher, tags: Sequence[str], documents: Sequence[Document]
) -> tuple[Encoding, FloatArray, BoolArray]:
    """The words of a teacher, its probabilities of `tags`, and whether it has seen each word.

    With the scores of a CRF, they are the marginals of its posterior.
    """
    logits = teacher.tagger.inference.word_logits(documents)
    head = teacher.tagger.inference.head
    if teacher.settings.transitions is not None and teacher.settings.decoding == "viterbi":
        probs = head.decoder.marginals(logits.values, logits.encoding.lengths)
    else:
        values = logits.values.astype(np.float64)
        probs = np.exp(values - values.max(axis=1, keepdims=True))
        probs /= probs.sum(axis=1, keepdims=True)
    order = [head.tags.index(tag) for tag in tags]
    return logits.encoding, probs[:, order], logits.encoding.word_starts >= 0


def validate_together(teachers: Sequence[Teacher], documents: Sequence[Document]) -> Scores:
    """The scores of the entities that the mean probabilities of the teachers give."""
    first = teachers[0].tagger.inference
    predicted: list[Document] = []
    for ahead in look_aheads(documents):
        encoding = first.encoder.encode(ahead)
        rows = TextWords.of(ahead, first.settings.words).rows(encoding)
        probs = mean_probabilities(teachers, first.head.tags, ahead)[rows]
        values = np.log(np.maximum(probs, _LEAST)).astype(np.float32)
        values[np.isnan(values).any(axis=1)] = first.head.blind_logits
        predicted += first.head.decode(ahead, WordLogits(encoding, values))
    return score(documents, predicted)


def keep_targets(
    folder: Path,
    teachers: Sequence[Teacher],
    tags: Sequence[str],
    documents: Sequence[Document],
    precision: Precision | None = None,
) -> bool:
    """Writes the mean probabilities for all words of the documents, unless they are there.

    The teachers tag in the precision of the training. The probabilities are in `targets.npy` in
    single precision, as by `mean_probabilities`; `targets.json` has the hash of that file and of
    what it was made from. Returns whether they were written.
    """
    made_from = digest_of(
        [
            *(each.hash for each in teachers),
            *tags,
            str(precision),
            *(document.text for document in documents),
        ]
    )
    if _is_whole(folder, made_from):
        return False
    teachers = [each.in_precision(precision) for each in teachers]
    words = TextWords.of(documents, teachers[0].settings.words)
    shape = len(words.starts), len(tags)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / FILE, TrainingError) as stream:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        done = 0
        for ahead in look_aheads(documents):
            stream.write(mean_probabilities(teachers, tags, ahead).astype("<f4").tobytes())
            done += len(ahead)
            logger.info("the teachers have labelled %d of %d texts", done, len(documents))
    record = {"sha256": file_hash(folder / FILE), "made from": made_from}
    write_text(folder / RECORD, f"{json.dumps(record, indent=2)}\n")
    return True


def _is_whole(folder: Path, made_from: str) -> bool:
    """Whether the targets in a folder are undamaged and were made from the same."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return bool(
            record["made from"] == made_from and record["sha256"] == file_hash(folder / FILE)
        )
    except (OSError, ValueError, LookupError, TypeError):
        return False


@dataclass(frozen=True, slots=True)
class KeptTargets:
    """What the teachers have said of the texts as they are.

    Attributes:
        values: Probabilities, `(words, tags)`, NaN for a word of which nothing is said.
        rows: For each word of the training examples its row in `values`, -1 for none.
    """

    values: LogitArray
    rows: IntArray
    sees_changes: bool = False

    @classmethod
    def read(
        cls, folder: Path, documents: Sequence[Document], words: Words, encoding: Encoding
    ) -> KeptTargets:
        """The targets that `keep_targets` wrote, for a student's encoding of the documents.

        They stay on the disk, mapped into memory.
        """
        values = np.load(folder / FILE, mmap_mode="r")
        return cls(values, TextWords.of(documents, words).rows(encoding))

    def __call__(self, batch: Batch, words: torch.Tensor) -> torch.Tensor:
        """Logarithms of the probabilities at the positions `words`, `(positions, tags)`."""
        labels = batch["labels"]
        rows = self.rows[batch["numbers"][words].cpu().numpy()]
        probs = np.where(rows[:, None] < 0, np.nan, self.values[rows])
        found = torch.from_numpy(np.log(np.maximum(probs, _LEAST))).float()
        return found.to(labels.device)
