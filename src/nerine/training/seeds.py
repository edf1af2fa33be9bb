"""Training with several seeds: keeps the best checkpoint, or a soup of all.

RUN/run.json         the conditions of the group, written first
RUN/seed-0, seed-1   an ordinary run for each seed, which is resumed alone
RUN/config.json, …   the kept checkpoint, once all runs have ended

A soup is the uniform mean of the weights of several fine-tuned models (Wortsman et al., 2022). A
mean of weights is useful only if the models start from the same weights, so the runs of a soup
share the initial head, and differ in the order of batches, in masking and in dropout.
"""

from __future__ import annotations

import dataclasses
import shutil
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, Unpack, get_args

import numpy as np
import torch

from nerine.core.arguments import checked
from nerine.core.document import Document
from nerine.core.errors import SettingsError, TrainingError
from nerine.core.filenames import ADAPTER_FOLDER, INFO_FILE, RUN_FILE
from nerine.core.files import disk_errors
from nerine.data.corpus.given import CorpusLike, as_corpus
from nerine.evaluation.epochs import EPOCHS_FILE, read_epochs
from nerine.evaluation.metrics import Scores
from nerine.model.loading.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from nerine.model.loading.pretrained import quiet
from nerine.model.loading.seeds import GROUP_KEY, seed_folder
from nerine.model.outside_bias import RECORD, with_fitted_bias
from nerine.model.settings import TransitionScores
from nerine.model.tagger import Tagger
from nerine.training.callbacks import Listener
from nerine.training.changes import TrainingChanges
from nerine.training.initialization import timestamp
from nerine.training.parallel.group import in_first, together
from nerine.training.parallel.launch import check_processes
from nerine.training.plan import PLAN_FILE, Plan
from nerine.training.run import SETTINGS_FILE, TrainingRun, check_conditions, open_folder
from nerine.training.settings import TrainingSettings
from nerine.training.train import resolve_plan, run_conditions, train_plan
from nerine.training.validation import validate

Keep = Literal["best", "soup"]

SEEDS_KEY, KEEP_KEY = "number of seeds", "choice of the kept weights"
"""Conditions of a group in `run.json`."""


class SeedListener(Listener, Protocol):
    """Receives the progress of each run, and which seed is next."""

    def seed(self, number: int, seeds: int) -> None:
        """Called before the run of a seed.

        Args:
            number: The number of the seed, from 1.
            seeds: The number of seeds.
        """


@dataclass(frozen=True, slots=True)
class SeedRuns:
    """The result of `train_seeds`.

    Attributes:
        folder: The folder with the kept checkpoint and the runs.
        runs: The run of each seed, in order; up to the interrupted one if there is one.
        seeds: The seed of each run.
        keep: The choice of the kept weights: `best` or `soup`.
        soup: The scores of the soup on the validation split; None if the best run is kept.
        notes: Notes for the user on the runs and their data.
        interrupted: The name of the signal that ended a run early; None if all ended normally.
    """

    folder: Path
    runs: tuple[TrainingRun, ...]
    seeds: tuple[int, ...]
    keep: Keep
    soup: Scores | None = None
    notes: tuple[str, ...] = ()
    interrupted: str | None = None

    @property
    def f1(self) -> tuple[float, ...]:
        """The validation F1 of each run."""
        return tuple(run.best.f1 for run in self.runs)

    @property
    def mean(self) -> float:
        """The mean validation F1 of the runs."""
        return statistics.fmean(self.f1)

    @property
    def deviation(self) -> float:
        """The standard deviation of the validation F1 of the runs, two or more."""
        return statistics.stdev(self.f1)

    @property
    def best(self) -> TrainingRun:
        """The run with the highest validation F1, then the lowest loss."""
        return max(self.runs, key=lambda run: (run.best.f1, -run.best.validation_loss))

    @property
    def best_seed(self) -> int:
        """The seed of that run."""
        return self.seeds[self.runs.index(self.best)]

    def tagger(self, *, device: str | None = None) -> Tagger:
        """The tagger with the kept weights.

        Args:
            device: Torch's name of the device to run on; by default a GPU if there is one.

        Raises:
            CheckpointError: If the runs have not ended, or the checkpoint is damaged.
            SettingsError: If the device is unknown.
            EncodingError: If the tokenizer cannot be used.
            SchemeError: If the tag scheme is unknown.
            HubError: If the encoder cannot be reached.
            MissingExtraError: If the backend is not installed.
        """
        return Tagger.load(self.folder, device=device)


@together()
@disk_errors(TrainingError)
@checked
def train_seeds(
    corpus: CorpusLike,
    *,
    output: str | Path,
    seeds: int = 3,
    keep: Keep = "best",
    settings: TrainingSettings | Plan | None = None,
    resume: bool = False,
    listener: SeedListener | None = None,
    processes: int = 1,
    **changes: Unpack[TrainingChanges],
) -> SeedRuns:
    """Fine-tunes an encoder with several seeds, and keeps the best run or a soup of all.

    The seeds are `seed`, `seed + 1` and so on. Each run is one of `train` with the plan of the
    first, and all have the same validation split, also if it was held out. A soup is the uniform
    mean of the weights of all runs (Wortsman et al., 2022), which then share their initial head.
    The test split is not read.

    Args:
        corpus: The corpus, or what `load_corpus` loads: a folder, a file, "sample", a hub id.
        output: The folder for the kept checkpoint; the run of seed 0 is in its folder `seed-0`.
        seeds: The number of seeds, 2 or more.
        keep: The weights to keep: those of the run with the best validation F1, or the soup.
        settings: The training settings, by default `TrainingSettings()`, or the plan of
            `plan_training` for this corpus.
        resume: Whether to resume in `output`. Runs that have ended are not trained again, and the
            conditions must be those of the beginning.
        listener: Receives the progress.
        processes: The number of processes that train each run together, as in `train`.
        changes: Settings by name that replace those in `settings`, such as `epochs=3`.

    Returns:
        The folder, the runs and what was kept.

    Raises:
        ArgumentError: If an argument has another type.
        TrainingError: If a run cannot start or resume, or the loss is not finite.
        SettingsError: If a setting is unknown or has an invalid value.
        CorpusError: If the corpus has no training split.
        CheckpointError: If the encoder, or a run that has ended, cannot be used.
        EncodingError: If the tokenizer gives no character offsets.
        SchemeError: If the tag scheme is unknown.
        HubError: If the encoder cannot be reached.
        MissingExtraError: If the encoder's package is not installed.
    """
    if seeds < 2:
        raise SettingsError(f"{seeds} is too small", place="seeds", expected="at least 2")
    if keep not in get_args(Keep):
        raise SettingsError(f"{keep!r} is not known", place="keep", expected="best or soup")
    corpus = as_corpus(corpus)
    folder, plan = Path(output), resolve_plan(corpus, settings, changes)
    if keep == "soup" and plan.settings.head_seed is None:
        plan = _changed(plan, head_seed=plan.settings.seed)
    check_processes(processes, plan.settings.batch_size)
    conditions = run_conditions(corpus, plan.settings) | {SEEDS_KEY: seeds, KEEP_KEY: keep}
    in_first(lambda: open_folder(folder, conditions, resume=resume))
    runs: list[TrainingRun] = []
    numbers = tuple(range(plan.settings.seed, plan.settings.seed + seeds))
    for number, seed in enumerate(numbers, start=1):
        if listener:
            listener.seed(number, seeds)
        own = seed_folder(folder, seed), _changed(plan, seed=seed)
        runs.append(_run(*own, listener, processes))
        if runs[-1].interrupted:
            break
    done = numbers[: len(runs)]
    result = SeedRuns(folder, tuple(runs), done, keep, None, _notes(runs, done))
    if runs[-1].interrupted:
        return dataclasses.replace(result, interrupted=runs[-1].interrupted)
    with quiet():
        return in_first(lambda: _publish(result, plan.corpus.validation))


def _changed(plan: Plan, **seeds: int) -> Plan:
    """The plan with other seeds."""
    return dataclasses.replace(plan, settings=plan.settings.changed(seeds))


def _run(folder: Path, plan: Plan, listener: Listener | None, processes: int) -> TrainingRun:
    """The run of a seed: trained, resumed, or read if it has ended."""
    # A split held out with the seed of the first run is a part of the corpus of all runs.
    conditions = run_conditions(plan.corpus, plan.settings)
    if not (folder / INFO_FILE).is_file():
        resume = (folder / RUN_FILE).is_file()
        return train_plan(
            plan, folder, conditions, resume=resume, listener=listener, processes=processes
        )
    check_conditions(folder, conditions)
    records = read_epochs(folder)
    if not records:
        raise TrainingError(
            "the scores of this run are missing", place=str(folder), expected=EPOCHS_FILE
        )
    return TrainingRun(folder, records)


def _notes(runs: Sequence[TrainingRun], seeds: Sequence[int]) -> tuple[str, ...]:
    """The notes of all runs, each once; one that does not concern all names its seed."""
    times = Counter(note for run in runs for note in run.notes)
    notes = [
        note if times[note] > 1 else f"seed {seed}: {note}"
        for run, seed in zip(runs, seeds, strict=True)
        for note in run.notes
    ]
    return tuple(dict.fromkeys(notes))


def _publish(result: SeedRuns, validation: Sequence[Document]) -> SeedRuns:
    """Writes the kept checkpoint into the folder of the group."""
    group = {"seeds": list(result.seeds), "f1": list(result.f1), "kept": result.keep}
    if result.keep == "soup":
        kept, scores, notes = _soup([run.folder for run in result.runs], validation)
        source, copied = result.runs[0].folder, [PLAN_FILE, SETTINGS_FILE]
        result = dataclasses.replace(result, soup=scores, notes=(*result.notes, *notes))
        if scores.overall.f1 < result.mean:
            note = (
                f"the soup's validation F1 {scores.overall.f1:.4f} is below the mean of its runs, "
                f"{result.mean:.4f}: rather use the best of them, {result.best.folder}"
            )
            result = dataclasses.replace(result, notes=(*result.notes, note))
    else:
        source, copied = result.best.folder, [PLAN_FILE, SETTINGS_FILE, EPOCHS_FILE]
        kept = load_checkpoint(source)
    for name in copied:
        shutil.copyfile(source / name, result.folder / name)
    if result.keep == "best" and (source / ADAPTER_FOLDER).is_dir():  # a soup has no low rank
        shutil.copytree(source / ADAPTER_FOLDER, result.folder / ADAPTER_FOLDER, dirs_exist_ok=True)
    provenance = {**kept.provenance, GROUP_KEY: group}
    save_checkpoint(result.folder, dataclasses.replace(kept, provenance=provenance))
    return result


def _soup(
    folders: Sequence[Path], validation: Sequence[Document]
) -> tuple[Checkpoint, Scores, list[str]]:
    """The checkpoint with the mean weights of several, its validation scores, and notes.

    The scores are those without a bias of `O`, as in a run. If the runs have fitted one, a bias is
    fitted for these weights.
    """
    checkpoints = [load_checkpoint(folder) for folder in folders]
    unbiased = dataclasses.replace(checkpoints[0].settings, outside_bias=0.0)
    first = dataclasses.replace(checkpoints[0], settings=unbiased)
    first.model.load_state_dict(mean_weights([each.model.state_dict() for each in checkpoints]))
    learned = [each.settings.transitions for each in checkpoints]
    settings = dataclasses.replace(first.settings, transitions=mean_transitions(learned))
    first = dataclasses.replace(first, settings=settings)
    inference = Tagger.from_checkpoint(first).inference
    scores, loss = validate(inference, validation)
    notes = []
    if RECORD in first.provenance:
        first, note = with_fitted_bias(first, inference, validation)
        notes.append(f"the soup: {note}")
    record = {
        "validation_loss": loss,
        "precision": scores.overall.precision,
        "recall": scores.overall.recall,
        "f1": scores.overall.f1,
        "accuracy": scores.accuracy,
        "documents": len(validation),
    }
    times = [each.provenance.get("seconds") for each in checkpoints]
    provenance = {**first.provenance, "ended": timestamp()}
    provenance["seconds"] = None if None in times else sum(time for time in times if time)
    kept = dataclasses.replace(first, scores={"validation": record}, provenance=provenance)
    return kept, scores, notes


def mean_transitions(transitions: Sequence[TransitionScores | None]) -> TransitionScores | None:
    """The mean of each score; None for models without transitions."""
    learned = [each for each in transitions if each is not None]
    if not learned:
        return None
    return TransitionScores.from_dict(
        {
            name: np.mean([getattr(each, name) for each in learned], axis=0).tolist()
            for name in ("between", "start", "end")
        }
    )


def mean_weights(states: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The mean of each tensor; tensors of whole numbers are those of the first state.

    Sums are of double precision, so that weights that are the same in all states stay the same.
    """
    return {
        name: torch.stack([state[name].double() for state in states]).mean(dim=0).to(first.dtype)
        if first.is_floating_point()
        else first
        for name, first in states[0].items()
    }
