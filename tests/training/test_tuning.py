"""Searches for settings: trials, finalists, budget, resuming, recipe and errors."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

import nerine
import searches
from nerine.core.document import Document
from nerine.core.errors import DivergenceError, SettingsError, TrainingError
from nerine.data.corpus import Corpus
from nerine.evaluation.epochs import EpochRecord
from nerine.training.callbacks import Listener
from nerine.training.recipes import read_settings
from nerine.training.run import TrainingRun
from nerine.training.settings import TrainingSettings
from nerine.training.train import train
from nerine.training.tuning import search
from nerine.training.tuning.budget import Budget
from nerine.training.tuning.deciding import decide, finalists_of
from nerine.training.tuning.space import RANGES, make_space
from nerine.training.tuning.study import Ending, Trial
from runs import corpus
from searches import SearchRecorder, small_search


@pytest.fixture(scope="module")
def encoder(encoder_of: Callable[[str], Path]) -> Path:
    return encoder_of("bert")


@pytest.fixture(scope="module")
def searched(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> nerine.Tuning:
    """A search without an interruption."""
    return small_search(tmp_path_factory.mktemp("search") / "undisturbed", encoder)


def outcomes(tuning: nerine.Tuning) -> list[Any]:
    """All results of a search, without times."""
    return [{**each.to_dict(), "seconds": None} for each in tuning.trials]


def test_a_search_begins_with_the_default_and_keeps_to_its_runs(searched: nerine.Tuning) -> None:
    first, *others = searched.trials
    assert (first.number, first.changes, first.settings) == (0, {}, searched.space.default)
    assert len(searched.trials) == 4
    assert searched.spent[0] == 8
    assert [len(each.others) for each in searched.decision.finalists] == [2, 2]
    assert searched.decision.default is first
    assert all({*each.changes} <= {"masking", "freeze_embeddings"} for each in others)
    assert len({str(each.changes) for each in others}) == 3
    assert all(each.settings.learning_rate == 1e-2 for each in others)


def test_a_search_leaves_its_study_its_trials_a_recipe_and_a_report(
    searched: nerine.Tuning,
) -> None:
    names = {path.name for path in searched.folder.iterdir()}
    assert names == {"study.jsonl", "trials.jsonl", "recipe.toml", "report.md"}
    lines = (searched.folder / "trials.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [each.to_dict() for each in searched.trials]
    report = (searched.folder / "report.md").read_text(encoding="utf-8")
    assert searched.decision.statement() in report
    for trial in searched.trials:
        assert f"\n| {trial.number} | " in report
    for title in ("Finalists", "Importance of the settings", "Best F1 so far", "What was tuned"):
        assert f"\n## {title}\n" in report


def test_training_with_the_recipe_gives_the_winner_again(
    searched: nerine.Tuning, tmp_path: Path
) -> None:
    settings = read_settings(searched.folder / "recipe.toml", TrainingSettings())
    run = train(corpus(), output=tmp_path / "run", settings=settings)
    assert run.best.f1 == searched.decision.winner.f1
    seed, f1 = next(iter(searched.decision.winner.others.items()))
    again = train(corpus(), output=tmp_path / "again", settings=settings, seed=seed)
    assert again.best.f1 == f1


@pytest.mark.slow
def test_a_search_that_was_killed_and_interrupted_gives_the_same_result(
    searched: nerine.Tuning, encoder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "search"
    command = [sys.executable, searches.__file__, str(folder), str(encoder)]
    died = subprocess.run([*command, "trial 1", "7"], check=False)
    assert died.returncode == -signal.SIGKILL
    before = (folder / "trials.jsonl").read_text(encoding="utf-8")
    assert len(before.splitlines()) == 1
    with pytest.raises(TrainingError, match="the folder is not empty"):
        small_search(folder, encoder)

    interrupted = SearchRecorder("trial 3", 3, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        small_search(folder, encoder, resume=True, listener=interrupted)
    assert [run.partition(",")[0] for run in interrupted.runs] == ["trial 1", "trial 2", "trial 3"]
    assert interrupted.begun[0] > 0, "the killed run resumes from its last state"
    after = (folder / "trials.jsonl").read_text(encoding="utf-8")
    assert after.startswith(before)

    finalist = searched.decision.finalists[1].number
    during = f"trial {finalist} with seed 1"
    died = subprocess.run([*command, during, "7", "resume"], check=False)
    assert died.returncode == -signal.SIGKILL
    with (folder / "study.jsonl").open("a") as journal:
        journal.write('{"op_code": 6, "trial_')  # killed while writing

    rest = SearchRecorder()
    resumed = small_search(folder, encoder, resume=True, listener=rest)
    assert outcomes(resumed) == outcomes(searched)
    assert rest.runs[0].startswith(f"{during},")
    assert resumed.decision.statement() == searched.decision.statement()
    assert {path.name for path in folder.iterdir()} == {
        *("study.jsonl", "trials.jsonl", "recipe.toml", "report.md")
    }


def test_a_search_that_has_ended_resumes_with_a_larger_budget_only(
    searched: nerine.Tuning, encoder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "search"
    shutil.copytree(searched.folder, folder)
    same = SearchRecorder()
    again = small_search(folder, encoder, resume=True, listener=same)
    assert same.runs == []
    assert outcomes(again) == outcomes(searched)
    more = SearchRecorder()
    larger = small_search(folder, encoder, resume=True, runs=9, listener=more)
    assert [run.partition(",")[0] for run in more.runs] == ["trial 4"]
    assert outcomes(larger)[:4] == outcomes(searched)


def test_a_search_is_not_resumed_under_other_conditions(
    searched: nerine.Tuning, encoder: Path, tmp_path: Path
) -> None:
    folder = searched.folder
    with pytest.raises(TrainingError, match="the corpus is different"):
        small_search(folder, encoder, resume=True, corpus=corpus(20))
    with pytest.raises(TrainingError, match=r"learning_rate was 0\.01 and is now 0\.02"):
        small_search(folder, encoder, resume=True, learning_rate=2e-2)
    with pytest.raises(TrainingError, match=r"masking was '0 to 0\.4' and is now None"):
        small_search(folder, encoder, resume=True, names=["freeze_embeddings"])
    with pytest.raises(TrainingError, match="found no search to resume"):
        small_search(tmp_path / "nowhere", encoder, resume=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="this is a file"):
        small_search(tmp_path / "file", encoder)


def test_a_journal_that_cannot_be_read_is_an_error(encoder: Path, tmp_path: Path) -> None:
    (tmp_path / "study.jsonl").write_text("{}\n{}\n")
    with pytest.raises(TrainingError, match=r"study\.jsonl: cannot be read"):
        small_search(tmp_path, encoder, resume=True)


def test_two_processes_do_not_run_the_same_search(encoder: Path, tmp_path: Path) -> None:
    import fcntl

    with (tmp_path / "study.jsonl").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(TrainingError, match="another process is running this search"):
            small_search(tmp_path, encoder, resume=True)


def test_the_test_split_is_not_read_and_a_split_is_held_out_once(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Untouchable(tuple[Document, ...]):
        def __iter__(self) -> Any:
            raise AssertionError("the test split was read")

        def __getitem__(self, _: Any) -> Any:
            raise AssertionError("the test split was read")

    def watching(given: Corpus, **options: Any) -> TrainingRun:
        trained_on.append(given)
        return train(given, **options)

    trained_on: list[Corpus] = []
    monkeypatch.setattr(search, "train", watching)
    base = corpus(validation=False)
    splits = dict(base.splits)
    given = Corpus(splits, base.labels, "a test")
    splits["test"] = Untouchable([Document("x")])  # a corpus reads its splits when it is made
    tuning = small_search(tmp_path / "search", encoder, corpus=given, runs=4, seeds=2)
    assert [{*each.splits} for each in trained_on] == [{"train", "validation"}] * 4
    assert len({each.hash for each in trained_on}) == 1
    assert "held out" in tuning.notes[0]
    settings = read_settings(tmp_path / "search" / "recipe.toml", TrainingSettings())
    run = train(base, output=tmp_path / "run", settings=settings)
    assert run.best.f1 == tuning.decision.winner.f1, "the same documents are held out"


def test_a_pruned_run_ends_at_once_and_the_next_is_not_harmed(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prune(trial: optuna.Trial) -> bool:
        return trial.number == 1

    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(optuna.Trial, "should_prune", prune)
    listener = SearchRecorder()
    tuning = small_search(tmp_path / "search", encoder, runs=4, seeds=2, listener=listener)
    assert [each.ending for each in tuning.trials] == ["completed", "pruned"]
    assert len(tuning.trials[1].curve) == 1
    assert listener.results[1] == "trial 1: pruned"
    assert signal.getsignal(signal.SIGTERM) is handler
    assert tuning.decision.winner.number == 0
    assert "no other settings were trained with a second seed" in tuning.decision.statement()
    assert tuning.finalist_rows() == (
        ["trial", "settings", "seed 0"],
        [["0", "the default", f"{tuning.trials[0].f1:.4f}"]],
    )


@pytest.mark.slow
def test_runs_at_the_same_time_are_as_many_and_the_default_is_one_of_them(
    searched: nerine.Tuning, encoder: Path, tmp_path: Path
) -> None:
    listener = SearchRecorder()
    folder = tmp_path / "search"
    tuning = small_search(folder, encoder, runs=4, seeds=2, processes=2, listener=listener)
    assert [each.number for each in tuning.trials] == [0, 1]
    assert tuning.trials[0].curve == pytest.approx(searched.trials[0].curve)
    assert tuning.spent[0] == 4
    assert [sorted(each.others) for each in tuning.trials] == [[1], [1]]
    assert sorted(each.partition(":")[0] for each in listener.results) == [
        *("trial 0", "trial 0 with seed 1", "trial 1", "trial 1 with seed 1")
    ]
    assert not (folder / "runs").exists()


@pytest.mark.slow
def test_an_interrupted_search_in_two_processes_is_continued_by_one(
    encoder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "search"
    interrupted = SearchRecorder("trial 0", 3, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        small_search(folder, encoder, processes=2, listener=interrupted)
    begun = {path.name for path in (folder / "runs").iterdir()}
    rest = SearchRecorder()
    tuning = small_search(folder, encoder, resume=True, listener=rest)
    assert [each.number for each in tuning.trials] == [0, 1, 2, 3]
    assert tuning.spent[0] == 8
    assert begun
    assert {run.partition(",")[0].replace(" ", "-") for run in rest.runs[: len(begun)]} == begun
    assert max(rest.begun[: len(begun)]) > 0, "a run continues from its last state"


def test_places_share_the_minutes_of_a_budget() -> None:
    budget = Budget(minutes=30, places=4)
    assert str(budget) == "4 × 30 minutes"
    assert budget.allows(99, 4 * 30 * 60)
    assert not budget.allows(1, 4 * 30 * 60 + 1)
    assert budget.at_most_half(1, 1e9) == (1, 4 * 15 * 60)
    assert budget.spent(3, 600) == "10.0 of 4 × 30 minutes"
    assert str(Budget(runs=7, places=4)) == "7 runs"


class FakeTraining:
    """Runs that take `seconds` of a clock that is not real, with F1 by settings and curve."""

    def __init__(
        self,
        f1: Callable[[TrainingSettings], float],
        seconds: float = 60.0,
        diverges: Callable[[TrainingSettings], bool] = lambda _: False,
    ) -> None:
        self.f1, self.seconds, self.diverges = f1, seconds, diverges
        self.now = 0.0
        self.seen: list[TrainingSettings] = []

    def monotonic(self) -> float:
        return self.now

    def __call__(
        self,
        corpus: Corpus,
        *,
        output: Path,
        settings: TrainingSettings,
        resume: bool,
        listener: Listener,
    ) -> TrainingRun:
        self.seen.append(settings)
        steps = settings.steps or 1
        records = []
        for tenth in range(1, 11):
            self.now += self.seconds / 10
            if self.diverges(settings):
                raise DivergenceError("the loss is nan")
            f1 = self.f1(settings) * tenth / 10
            records.append(EpochRecord(tenth, steps * tenth // 10, 0, 1 - f1, f1, f1, f1, f1, 1))
            if listener:
                if tenth == 1:
                    listener.started(0, steps)
                listener.evaluated(records[-1], best=True)
        return TrainingRun(output, tuple(records))


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeTraining]:
    def install(*arguments: Any, **options: Any) -> FakeTraining:
        fake = FakeTraining(*arguments, **options)
        monkeypatch.setattr(search, "train", fake)
        monkeypatch.setattr(search, "time", fake)
        return fake

    return install


def fake_search(folder: Path, encoder: Path, **options: Any) -> nerine.Tuning:
    chosen = {
        "steps": 100,
        "validate_every": None,
        "runs": None,
        "learning_rate": 1e-3,
        "names": ["masking"],
        **options,
    }
    return small_search(folder, encoder, **chosen)


def by_masking(settings: TrainingSettings) -> float:
    """F1 that rises with the masking, and depends a little on the seed."""
    return 0.4 + settings.masking + 0.001 * (settings.seed % 3)


def test_a_search_keeps_to_its_minutes_and_sets_time_aside_for_finalists(
    encoder: Path, tmp_path: Path, faked: Callable[..., FakeTraining]
) -> None:
    fake = faked(lambda settings: 0.5)
    tuning = fake_search(tmp_path / "search", encoder, minutes=10, seeds=2)
    assert fake.now == pytest.approx(600)
    assert len(tuning.trials) == 8
    assert [settings.seed for settings in fake.seen] == [0] * 8 + [1] * 2
    assert tuning.to_dict()["budget"] == "10 minutes"
    assert sum(each.seconds for each in tuning.trials) == pytest.approx(480)


def test_finalists_get_at_most_half_of_the_budget_and_fewer_of_them_if_it_is_small(
    encoder: Path, tmp_path: Path, faked: Callable[..., FakeTraining]
) -> None:
    fake = faked(by_masking)
    options = {"minutes": 6, "finalists": 4, "seeds": 5}
    tuning = fake_search(tmp_path / "search", encoder, **options)
    assert [settings.seed for settings in fake.seen] == [0, 0, 0, 1, 1, 1]
    assert len(tuning.decision.compared) == 3
    fake = faked(by_masking)
    fake_search(tmp_path / "other", encoder, minutes=0.1)
    assert len(fake.seen) == 1, "the default is always trained"


def test_the_winner_is_the_best_with_other_seeds(
    encoder: Path, tmp_path: Path, faked: Callable[..., FakeTraining]
) -> None:
    faked(by_masking)
    tuning = fake_search(tmp_path / "search", encoder, runs=20, finalists=3, seeds=3)
    winner = tuning.decision.winner
    assert winner.settings.masking > 0.2
    assert winner.others == pytest.approx(
        {seed: 0.4 + winner.settings.masking + 0.001 * seed for seed in (1, 2)}
    )
    assert f"The recipe is that of trial {winner.number}: +" in tuning.decision.statement()
    recipe = tomllib.loads((tuning.folder / "recipe.toml").read_text(encoding="utf-8"))
    assert recipe["masking"] == winner.settings.masking
    assert "seed" not in recipe
    assert tuning.importance == {"masking": 1.0}
    assert tuning.best_so_far() == sorted(tuning.best_so_far())
    assert {each.ending for each in tuning.trials} == {"completed", "pruned"}
    pruned = next(each for each in tuning.trials if each.ending == "pruned")
    assert pruned.f1 is not None
    assert len(pruned.curve) < 10
    assert pruned.f1 == pruned.curve[max(pruned.curve)]


def test_a_lucky_finalist_does_not_replace_the_default(
    encoder: Path, tmp_path: Path, faked: Callable[..., FakeTraining]
) -> None:
    def lucky(settings: TrainingSettings) -> float:
        return 0.9 if settings.masking != 0.0 and settings.seed == 0 else 0.6

    faked(lucky)
    tuning = fake_search(tmp_path / "search", encoder, runs=10)
    assert tuning.decision.winner.number == 0
    assert "no finalist beats it" in tuning.decision.statement()
    recipe = (tuning.folder / "recipe.toml").read_text(encoding="utf-8")
    assert {*tomllib.loads(recipe)} == {
        *("learning_rate", "steps", "batch_size", "encoder", "max_length", "overlap")
    }, "only what was given"


def test_a_run_whose_loss_is_not_finite_is_a_failed_trial(
    encoder: Path, tmp_path: Path, faked: Callable[..., FakeTraining]
) -> None:
    faked(by_masking, diverges=lambda settings: settings.masking > 0.2 or settings.seed == 2)
    tuning = fake_search(tmp_path / "search", encoder, runs=12)
    failed = [each for each in tuning.trials if each.ending == "failed"]
    assert failed
    assert all(each.f1 is None and each.settings.masking > 0.2 for each in failed)
    assert all(each.others[2] == 0.0 for each in tuning.decision.finalists)
    assert "| failed |  |" in tuning.to_markdown()
    faked(by_masking, diverges=lambda settings: True)
    with pytest.raises(DivergenceError):
        fake_search(tmp_path / "other", encoder, runs=12)


def test_the_steps_and_the_rate_are_multiples_of_the_plan_and_runs_validate_as_often(
    encoder: Path,
) -> None:
    start = TrainingSettings(encoder=str(encoder), max_length=64, overlap=8)
    space = make_space(corpus(), start, None, {})
    assert [each.name for each in space.ranges] == [
        each.name for each in RANGES.values() if each.is_usual
    ]
    assert space.settings(space.first()) == space.default
    longer = space.settings({**space.first(), "steps": 2.0, "learning_rate": 0.5})
    steps, every = space.default.steps, space.default.validate_every
    assert steps is not None
    assert every is not None
    assert longer.steps == 2 * steps
    assert longer.validate_every == pytest.approx(2 * every, abs=1)
    assert longer.learning_rate == pytest.approx((space.default.learning_rate or 0) / 2)
    assert longer.validation_sample == space.default.validation_sample
    small = space.settings({**space.first(), "batch_size": 8})
    assert small.steps is not None
    assert small.steps > steps, "as many passes in smaller batches"


def test_a_value_outside_of_a_range_widens_it(encoder: Path) -> None:
    start = TrainingSettings(
        encoder=str(encoder), max_length=64, overlap=8, masking=0.6, dropout=1e-2
    )
    space = make_space(corpus(), start, ["masking", "dropout"], {})
    assert [str(each) for each in space.ranges] == [
        "0 to 0.6",
        "the encoder's, 0.0, 0.2, 0.3, 0.01",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": ["seed"]}, "the setting 'seed' cannot be tuned"),
        ({"names": ["masking"], "masking": 0.1}, "masking is to be tuned, and masking is given"),
        ({"names": ["steps"], "steps": None, "epochs": 2}, "to be tuned, and epochs is given"),
        ({"runs": 0}, "runs: 0 is too small"),
        ({"minutes": -1.0}, "minutes: -1.0 is too small"),
        ({"seeds": 1}, "seeds: 1 is too small"),
        ({"finalists": 1}, "finalists: 1 is too small"),
        ({"speed": 1}, "unknown setting 'speed'"),
        (
            {"names": None, "masking": 0.1, "freeze_embeddings": True, "layer_decay": 0.9},
            "none is left to tune",
        ),
    ],
)
def test_a_search_that_cannot_begin_is_an_error(
    options: dict[str, Any], message: str, encoder: Path, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=message):
        small_search(tmp_path / "search", encoder, **options)
    assert not (tmp_path / "search").exists()


def test_a_validation_split_without_entities_is_an_error(encoder: Path, tmp_path: Path) -> None:
    base = corpus()
    bare = tuple(Document.from_tokens(["so", f"{number}"]) for number in range(3))
    given = Corpus({"train": base.train, "validation": bare}, base.labels, "a test")
    with pytest.raises(TrainingError, match="the validation split has no entities"):
        small_search(tmp_path / "search", encoder, corpus=given)


def trial(number: int, f1: float | None, **others: float) -> Trial:
    settings = TrainingSettings(steps=10)
    ending: Ending = "pruned" if f1 is None else "completed"
    runs = {int(name.removeprefix("seed")): value for name, value in others.items()}
    return Trial(number, ending, {}, settings, f1, 0.5, 1.0, others=runs)


def test_finalists_are_the_default_and_the_best_others() -> None:
    trials = [trial(0, 0.1), trial(1, 0.3), trial(2, None), trial(3, 0.5), trial(4, 0.4)]
    assert [each.number for each in finalists_of(trials, 3)] == [0, 3, 4]
    assert [each.number for each in finalists_of(trials[:1], 3)] == [0]


def test_the_seed_of_the_search_does_not_decide() -> None:
    default = trial(0, 0.50, seed1=0.50, seed2=0.52)
    lucky = trial(1, 0.80, seed1=0.51, seed2=0.53)
    good = trial(2, 0.60, seed1=0.60, seed2=0.61)
    decision = decide([default, lucky, good], 3)
    assert decision.winner is good
    assert decision.mean(good) == pytest.approx(0.605)
    kept = decide([default, lucky], 3)
    assert kept.winner is default
    assert "nothing beats it by more than chance" in kept.statement()
    worse = decide([default, trial(1, 0.8, seed1=0.4, seed2=0.4)], 3)
    assert "no finalist beats it. The best other, trial 1, has -0.1100" in worse.statement()


def test_the_margin_is_the_pooled_deviation_of_a_difference_of_means() -> None:
    decision = decide([trial(0, 0.5, seed1=0.5, seed2=0.6), trial(1, 0.7, seed1=0.7, seed2=0.7)], 2)
    # squares of deviations: 0.00667 and 0; two degrees of freedom each
    assert decision.deviation == pytest.approx((0.02 / 3 / 4) ** 0.5)
    assert decision.margin == pytest.approx(decision.deviation)
    assert decision.winner.number == 1


def test_a_finalist_that_lacks_a_seed_is_not_compared() -> None:
    trials = [trial(0, 0.5, seed1=0.5, seed2=0.5), trial(1, 0.6, seed1=0.6), trial(2, 0.55)]
    decision = decide(trials, 3)
    assert decision.seeds == (1,)
    assert [each.number for each in decision.compared] == [0, 1]
    alone = decide([trial(0, 0.5), trial(1, 0.9)], 3)
    assert alone.winner.number == 0
    assert alone.seeds == ()


def test_a_budget_in_words() -> None:
    assert str(Budget(30)) == "30 minutes"
    assert str(Budget(None, 1)) == "1 run"
    assert str(Budget(2.5, 40)) == "2.5 minutes or 40 runs"
    assert Budget(30).spent(3, 90) == "1.5 of 30 minutes"
    assert Budget(None, 40).spent(3, 90) == "3 of 40 runs, 1.5 minutes"


def test_without_optuna_the_error_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['optuna'] = None\n"
        "from nerine.cli import main; main(['tune', 'sample', '-o', 'tuned'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "needs the package optuna, which is not installed" in result.stderr
    assert 'pip install "nerine[tune]"' in result.stderr
