"""The search for the settings of a corpus: trials, then finalists with other seeds."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from nerine.core.arguments import checked
from nerine.core.errors import SettingsError, TrainingError
from nerine.core.files import disk_errors
from nerine.core.ray_cluster import RayCluster
from nerine.data.corpus.given import CorpusLike, as_corpus
from nerine.training.changes import TrainingChanges
from nerine.training.parallel.apart import team_of
from nerine.training.settings import TrainingSettings
from nerine.training.tuning.budget import DEFAULT_MINUTES, Budget
from nerine.training.tuning.deciding import decide
from nerine.training.tuning.result import Tuning, importance
from nerine.training.tuning.search import RUNS_FOLDER, Search, TuningListener
from nerine.training.tuning.space import make_space
from nerine.training.tuning.study import open_study


@disk_errors(TrainingError)
@checked
def tune(
    corpus: CorpusLike,
    *,
    output: str | Path,
    settings: TrainingSettings | None = None,
    names: Sequence[str] | None = None,
    minutes: float | None = None,
    runs: int | None = None,
    finalists: int = 3,
    seeds: int = 3,
    resume: bool = False,
    listener: TuningListener | None = None,
    processes: int = 1,
    cluster: RayCluster | None = None,
    **changes: Unpack[TrainingChanges],
) -> Tuning:
    """Searches for settings of `train` that give a better validation F1 than the default ones.

    The first trial has the default settings. A tree-structured Parzen estimator (Bergstra et al.,
    2011) proposes the others; a run whose validation F1 is below the median of the earlier ones at
    the same part of the run is stopped. The best trials are then trained with other seeds, and
    the winner replaces the default settings only if it beats them by more than chance. The test
    split is dropped first. If the corpus has no validation split, one is held out once.

    Each result is saved at once in `output`, so that a search that was interrupted or killed can be
    resumed, also with a larger budget. Checkpoints are not kept.

    Args:
        corpus: The corpus, or what `load_corpus` loads: a folder, a file, "sample", a hub id.
        output: The folder for the study, the recipe and the report.
        settings: The settings to start from; by default `TrainingSettings()`.
        names: The settings to tune; by default the usual ones that are not among the `changes`.
        minutes: The budget in minutes; by default 60, if no number of runs is given.
        runs: The budget in runs, those of the finalists included.
        finalists: The number of finalists, the default settings among them.
        seeds: The number of seeds of each finalist, that of the search among them.
        resume: Whether to resume the search in `output`. Corpus and settings must be the same.
        listener: Receives the progress; of several runs at the same time that of one.
        processes: The number of runs at the same time, each in a process of its own. Which trials
            are made then depends on which of them end first.
        cluster: The cluster of Ray on which the runs are done in place of processes.
        changes: Settings by name that replace those in `settings` and are not tuned.

    Returns:
        The trials, the decision and the recipe.

    Raises:
        ArgumentError: If an argument has another type.
        TrainingError: If the search cannot start or resume, or a run cannot be saved.
        SettingsError: If a setting is unknown, has an invalid value or cannot be tuned.
        CorpusError: If the corpus has no training split.
        CheckpointError: If the encoder is not found or cannot be used.
        EncodingError: If the tokenizer gives no character offsets.
        SchemeError: If the tag scheme is unknown.
        HubError: If the encoder cannot be reached.
        MissingExtraError: If a package is not installed.
        KeyboardInterrupt: If a signal stopped the search, whose state is then saved.
    """
    team = team_of(processes, cluster)
    corpus = as_corpus(corpus)
    for name, value in (("finalists", finalists), ("seeds", seeds)):
        if value < 2:
            raise SettingsError(f"{value} is too small", place=name, expected="at least 2")
    is_limited = minutes is not None or runs is not None
    budget = Budget(minutes if is_limited else DEFAULT_MINUTES, runs)  # checked before the work
    space = make_space(corpus, settings or TrainingSettings(), names, changes)
    if not any(document.entities for document in space.corpus.validation):
        raise TrainingError(
            "the validation split has no entities",
            place=corpus.source,
            expected="labelled entities, by which settings are compared",
        )
    conditions = {
        "corpus": space.corpus.hash,
        "settings": space.default.to_dict(),
        "ranges": {each.name: str(each) for each in space.ranges},
    }
    folder = Path(output)
    with open_study(folder, conditions, resume=resume) as study, team:
        budget = replace(budget, places=team.size)
        search = Search(space, study, folder, budget, finalists, seeds, listener, team)
        search.run_trials()
        search.run_finalists()
        trials = search.trials()
        tuning = Tuning(
            folder=folder,
            source=corpus.source,
            space=space,
            budget=str(budget),
            spent=search.spent(),
            trials=tuple(trials),
            decision=decide(trials, finalists),
            importance=importance(study),
            notes=space.notes,
        )
        tuning.save()
    shutil.rmtree(folder / RUNS_FOLDER, ignore_errors=True)
    return tuning
