"""Documents → what a model says of them that has not been trained on them.

The documents are divided into folds, and each fold is read by a model that was trained on the
others. Each training is an ordinary run in a folder of its own, so that it can be interrupted and
resumed, and a fold that has ended is not trained again::

    WORK/fold-1-of-5/   the run whose test split is the first fold
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nerine.core.document import Document, labels_of
from nerine.core.errors import TrainingError
from nerine.core.filenames import INFO_FILE, RUN_FILE
from nerine.curation.label_errors.ranking import Sample, samples_of
from nerine.data.corpus import Corpus
from nerine.data.splitting import folds as divide
from nerine.model.tagger import Tagger
from nerine.training.callbacks import Listener
from nerine.training.recipes import CROSS_VALIDATION
from nerine.training.run import check_conditions
from nerine.training.settings import TrainingSettings
from nerine.training.train import train, training_conditions


class FoldListener(Listener, Protocol):
    """Whoever shows how the trainings go on."""

    def fold(self, number: int, folds: int) -> None:
        """Fold `number`, from 1, is trained for or read next."""


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """The trainings that read each document of `splits` by a model that has not seen it.

    A training split that is not among `splits` is learned from in every run. A validation split
    that is not among them chooses each run's best epoch; without one, every run holds documents out
    of those that it learns from. The test split is not looked at, unless it is among `splits`.
    """

    corpus: Corpus
    work: Path
    splits: tuple[str, ...] = ("train",)
    folds: int = 3
    settings: TrainingSettings = CROSS_VALIDATION

    def read(
        self, *, resume: bool = False, listener: FoldListener | None = None
    ) -> Iterator[tuple[list[Sample], Tagger]]:
        """Each fold's documents with the tagger that is to read them.

        Raises `KeyboardInterrupt` if a signal ended a training, whose state is then saved;
        `TrainingError` if `work` holds other runs; `CorpusError` if the documents cannot be
        divided.
        """
        samples = samples_of(self.corpus, self.splits)
        documents = [sample.document for sample in samples]
        breaks = {number for number, sample in enumerate(samples) if sample.index == 0}
        parts = divide(documents, self.folds, self.settings.seed, breaks)
        self._check_work(resume=resume)
        for number, part in enumerate(parts, start=1):
            if listener:
                listener.fold(number, self.folds)
            held = set(part)
            others = [each for index, each in enumerate(samples) if index not in held]
            mine = [samples[index] for index in part]
            yield mine, self._tagger(number, self._corpus(others, mine), listener)

    def folder(self, number: int) -> Path:
        """Where the run for fold `number`, from 1, lies."""
        return self.work / f"fold-{number}-of-{self.folds}"

    def _check_work(self, *, resume: bool) -> None:
        if self.work.exists() and not self.work.is_dir():
            raise TrainingError(
                "this is a file", place=str(self.work), expected="a folder for the folds' runs"
            )
        found = sorted(path.name for path in self.work.glob("fold-*"))
        if found and not resume:
            raise TrainingError(
                f"the working folder holds {found[0]!r} already",
                place=str(self.work),
                hint="go on with the folds in it with --resume, or name another folder with --work",
            )
        if resume and not found:
            raise TrainingError("there is nothing to resume", place=str(self.work))
        mine = {self.folder(number).name for number in range(1, self.folds + 1)}
        strange = [name for name in found if name not in mine]
        if strange:
            raise TrainingError(
                f"the working folder holds {strange[0]!r}",
                place=str(self.work),
                expected=f"runs of {self.folds} folds",
                hint="resume with as many folds as at the beginning, or name another folder",
            )

    def _corpus(self, others: Sequence[Sample], mine: Sequence[Sample]) -> Corpus:
        """The other folds to train on; this one is the test split, so that the hash tells it."""
        held = tuple(sample.document for sample in mine)
        learned = (*self._unjudged(held), *(sample.document for sample in others))
        labels = tuple(sorted({*self.corpus.labels, *labels_of(learned), *labels_of(held)}))
        splits = {"train": learned}
        if "validation" in self.corpus.splits and "validation" not in self.splits:
            splits["validation"] = self.corpus.validation
        return Corpus({**splits, "test": held}, labels, self.corpus.source)

    def _unjudged(self, held: Sequence[Document]) -> list[Document]:
        """The training split where it is not among `splits`, without the texts of `held`."""
        if "train" in self.splits or "train" not in self.corpus.splits:
            return []
        texts = {document.text for document in held}
        return [document for document in self.corpus.train if document.text not in texts]

    def _tagger(self, number: int, corpus: Corpus, listener: Listener | None) -> Tagger:
        folder = self.folder(number)
        if (folder / INFO_FILE).is_file():
            check_conditions(folder, training_conditions(corpus, self.settings))
            return Tagger.load(folder)
        run = train(
            corpus,
            output=folder,
            settings=self.settings,
            resume=(folder / RUN_FILE).is_file(),
            listener=listener,
        )
        if run.interrupted:
            raise KeyboardInterrupt(run.interrupted)
        return run.tagger()
