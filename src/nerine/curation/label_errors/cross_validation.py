"""Cross-validation over a corpus: the folds of its documents with taggers not trained on them.

Each fold is given to a model that was trained on the others. Each training is an ordinary run in a
folder of its own, so it can be interrupted and resumed, and a finished fold is not trained again::

    WORK/fold-1-of-5/   the run whose test split is the first fold
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from nerine.core.arguments import check_fields
from nerine.core.document import Document, labels_of
from nerine.core.errors import CheckpointError, TrainingError
from nerine.core.filenames import INFO_FILE, RUN_FILE
from nerine.core.ray_cluster import RayCluster
from nerine.curation.label_errors.ranking import Sample, samples_of
from nerine.data.corpus import Corpus
from nerine.data.splitting import folds as divide
from nerine.evaluation.signs import learned_nothing
from nerine.model.tagger import Tagger
from nerine.training.callbacks import Listener
from nerine.training.parallel.apart import team_of
from nerine.training.parallel.messages import Ended
from nerine.training.parallel.process_team import ProcessTeam
from nerine.training.parallel.ray_team import RayTeam
from nerine.training.parallel.teams import Alone, Stage, Task, do_all
from nerine.training.plan import plan_training
from nerine.training.run import TrainingRun, check_conditions
from nerine.training.settings import TrainingSettings
from nerine.training.train import run_conditions, train

logger = logging.getLogger("nerine.suspects")


class FoldListener(Listener, Protocol):
    """A training listener that also learns which fold is next."""

    def fold(self, number: int, folds: int) -> None:
        """Fold `number`, from 1, is next."""


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """A cross-validation of the documents of `splits`, with a training run for each fold.

    A training split that is not among `splits` is trained on in every run. A validation split that
    is not among them chooses the best epoch of each run; without one, every run holds out part of
    its training documents. The test split is left out unless it is among `splits`.

    Raises:
        ArgumentError: If a field has another type.
    """

    corpus: Corpus
    work: Path
    splits: tuple[str, ...] = ("train",)
    folds: int = 3
    settings: TrainingSettings = field(default_factory=TrainingSettings)

    def __post_init__(self) -> None:
        check_fields(self)

    def folds_with_taggers(
        self,
        *,
        resume: bool = False,
        listener: FoldListener | None = None,
        processes: int = 1,
        cluster: RayCluster | None = None,
    ) -> Iterator[tuple[list[Sample], Tagger]]:
        """Each fold's documents with the tagger that was trained on the others.

        With several `processes` or on a `cluster`, all folds are trained before the first one is
        given.

        Raises `KeyboardInterrupt` if a signal ended a training, whose state is then saved;
        `TrainingError` if `work` holds other runs, or the cluster fails; `CorpusError` if the
        documents cannot be divided; `CheckpointError` after the first fold whose model has learned
        nothing; `SettingsError` if several processes cannot be started; `MissingExtraError` if Ray
        is not installed.
        """
        team = team_of(processes, cluster, self.folds)
        samples, documents, parts = self._parts()
        self._check_work(resume=resume)
        if not isinstance(team, Alone):
            self._train_apart(team, listener)
        for number, part in enumerate(parts, start=1):
            tagger = self._judge(number, self._corpus(documents, part), listener)
            check_judge(tagger, "in another folder, --work FOLDER")
            yield [samples[index] for index in part], tagger

    def _parts(self) -> tuple[list[Sample], list[Document], list[list[int]]]:
        """The samples, their documents, and the indices of those of each fold."""
        samples = samples_of(self.corpus, self.splits)
        documents = [sample.document for sample in samples]
        breaks = {number for number, sample in enumerate(samples) if sample.index == 0}
        return samples, documents, divide(documents, self.folds, self.settings.seed, breaks)

    def _train_apart(self, team: ProcessTeam | RayTeam, listener: FoldListener | None) -> None:
        """Has a team train the folds, a task for each."""
        numbers = iter(range(1, self.folds + 1))
        stage = Stage()

        def next_fold() -> Task | None:
            number = next(numbers, None)
            if number is None:
                return None
            shown = stage.enter(
                listener, lambda: listener.fold(number, self.folds) if listener else None
            )
            return Task(functools.partial(self.train_fold, number), shown)

        def done(task: Task, ended: Ended) -> None:
            stage.leave(task.listener)
            ended.get()

        with team:
            do_all(team, next_fold, done)

    def train_fold(self, number: int, listener: Listener | None = None) -> None:
        """Trains a fold, from 1, unless it has been.

        Raises `KeyboardInterrupt` if a signal ended it, with its state saved.
        """
        if not (self.folder(number) / INFO_FILE).is_file():
            _, documents, parts = self._parts()
            self._train(number, self._corpus(documents, parts[number - 1]), listener)

    def _judge(self, number: int, corpus: Corpus, listener: FoldListener | None) -> Tagger:
        """The tagger of a fold, which is trained unless it has been."""
        folder = self.folder(number)
        if (folder / INFO_FILE).is_file():
            plan = plan_training(corpus, self.settings)
            check_conditions(folder, run_conditions(corpus, plan.settings))
            return Tagger.load(folder)
        if listener:
            listener.fold(number, self.folds)
        return self._train(number, corpus, listener).tagger()

    def _train(self, number: int, corpus: Corpus, listener: Listener | None) -> TrainingRun:
        """Trains or resumes the run of a fold; raises `KeyboardInterrupt` if a signal ended it."""
        logger.info("fold %d of %d", number, self.folds)
        folder = self.folder(number)
        run = train(
            corpus,
            output=folder,
            settings=self.settings,
            resume=(folder / RUN_FILE).is_file(),
            listener=listener,
        )
        if run.interrupted:
            raise KeyboardInterrupt(run.interrupted)
        return run

    def folder(self, number: int) -> Path:
        """The folder of the run for fold `number`, from 1."""
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
                hint="resume these folds with --resume, or name another folder with --work",
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

    def _corpus(self, documents: Sequence[Document], fold: Collection[int]) -> Corpus:
        """The corpus of a run; the fold is its test split, so that the hash depends on it."""
        indices = set(fold)
        held = tuple(documents[index] for index in fold)
        texts = {document.text for document in held}
        unjudged = self.corpus.splits.get("train", ()) if "train" not in self.splits else ()
        learned = (
            *(document for document in unjudged if document.text not in texts),
            *(document for index, document in enumerate(documents) if index not in indices),
        )
        labels = tuple(sorted({*self.corpus.labels, *labels_of(learned), *labels_of(held)}))
        splits = {"train": learned}
        if "validation" in self.corpus.splits and "validation" not in self.splits:
            splits["validation"] = self.corpus.validation
        return Corpus({**splits, "test": held}, labels, self.corpus.source)


def check_judge(tagger: Tagger, how: str) -> None:
    """Raises `CheckpointError` for a tagger that has learned nothing; `how` completes the hint."""
    failed = learned_nothing(tagger.signs)
    if failed:
        raise CheckpointError(
            f"{failed.message}; it would suspect every label",
            place=tagger.name or None,
            expected="a model that finds entities",
            hint=f"{failed.hint}; {how}",
        )
