"""Training with several seeds: its runs, what is kept, interruptions and errors."""

from __future__ import annotations

import json
import os
import signal
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from nerine.core.errors import CheckpointError, SettingsError, TrainingError
from nerine.data.corpus import Corpus
from nerine.evaluation.epochs import EpochRecord, read_epochs
from nerine.evaluation.evaluate import evaluate
from nerine.model.loading.seeds import seed_folders
from nerine.model.tagger import Tagger
from nerine.training import seeds as module
from nerine.training.initialization import new_checkpoint
from nerine.training.seeds import SeedRuns, mean_weights, train_seeds
from nerine.training.settings import TrainingSettings
from runs import corpus, small_run

STEPS = 12
"""Steps of a run of two epochs."""


@pytest.fixture(scope="module")
def encoder(encoder_of: Callable[[str], Path]) -> Path:
    return encoder_of("bert")


def small_group(folder: Path, encoder: Path, **changes: Any) -> SeedRuns:
    """The runs of `small_run` with two epochs and the seeds 5, 6 and 7."""
    chosen = {
        "epochs": 2,
        "batch_size": 4,
        "learning_rate": 1e-2,
        "seed": 5,
        "crf": False,
        **changes,
    }
    given: Corpus = chosen.pop("corpus", None) or corpus()
    return train_seeds(
        given, output=folder, encoder=str(encoder), max_length=64, overlap=8, **chosen
    )


@pytest.fixture(scope="module")
def best(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> SeedRuns:
    return small_group(tmp_path_factory.mktemp("groups") / "best", encoder)


@pytest.fixture(scope="module")
def soup(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> SeedRuns:
    return small_group(tmp_path_factory.mktemp("groups") / "soup", encoder, keep="soup")


def weights(folder: Path) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = load_file(folder / "model.safetensors")
    return tensors


def assert_same_weights(folder: Path, other: Path) -> None:
    mine, theirs = weights(folder), weights(other)
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def info_of(folder: Path) -> Any:
    return json.loads((folder / "nerine.json").read_text())


class Recorder:
    """Records seeds and steps; stops the process after a step of a seed, or before a seed."""

    def __init__(self, stop: tuple[int, int] | None = None) -> None:
        self.stop = stop
        self.seeds: list[tuple[int, int]] = []
        self.steps: dict[int, list[int]] = {}

    def seed(self, number: int, seeds: int) -> None:
        self.seeds.append((number, seeds))
        if self.stop == (number, 0):
            raise KeyboardInterrupt

    def started(self, step: int, steps: int) -> None: ...

    def stepped(self, step: int) -> None:
        number = self.seeds[-1][0]
        self.steps.setdefault(number, []).append(step)
        if self.stop == (number, step):
            os.kill(os.getpid(), signal.SIGTERM)

    def evaluated(self, record: EpochRecord, *, best: bool) -> None: ...


def test_each_run_is_that_of_train_with_its_seed(
    best: SeedRuns, encoder: Path, tmp_path: Path
) -> None:
    assert best.seeds == (5, 6, 7)
    for seed, run in zip(best.seeds, best.runs, strict=True):
        alone = small_run(tmp_path / f"{seed}", encoder, epochs=2, seed=seed)
        assert run.folder == best.folder / f"seed-{seed}"
        assert_same_weights(run.folder, alone.folder)
        assert [each.f1 for each in run.epochs] == [each.f1 for each in alone.epochs]
        for name in ("plan.json", "run.json", "settings.toml"):
            assert (run.folder / name).read_text() == (alone.folder / name).read_text()


def test_the_best_run_is_kept(best: SeedRuns) -> None:
    assert best.f1 == tuple(run.best.f1 for run in best.runs)
    assert best.mean == pytest.approx(statistics.mean(best.f1))
    assert best.deviation == pytest.approx(statistics.stdev(best.f1))
    kept = best.folder / f"seed-{best.best_seed}"
    assert kept == best.best.folder
    assert best.best.best.f1 == max(best.f1)
    assert_same_weights(best.folder, kept)
    assert read_epochs(best.folder) == best.best.epochs
    mine, theirs = info_of(best.folder), info_of(kept)
    assert mine["provenance"].pop("group") == {
        "seeds": [5, 6, 7],
        "f1": list(best.f1),
        "kept": "best",
    }
    assert mine == theirs
    names = [{path.name for path in folder.iterdir()} for folder in (best.folder, kept)]
    assert names[0] == names[1] | {"seed-5", "seed-6", "seed-7"}
    tagged = best.tagger(device="cpu").predict(corpus().validation)
    assert tagged == Tagger.load(kept, device="cpu").predict(corpus().validation)


def test_among_runs_of_equal_f1_that_of_the_lower_loss_is_the_best(best: SeedRuns) -> None:
    def run(loss: float) -> Any:
        record = EpochRecord(1, 1, 1.0, loss, 0.5, 0.5, 0.5, 0.5, 1.0, 8)
        return type(best.runs[0])(best.folder, (record,))

    group = SeedRuns(best.folder, (run(0.3), run(0.1), run(0.2)), (0, 1, 2), "best")
    assert group.best_seed == 1


def test_a_soup_is_the_mean_of_the_weights(soup: SeedRuns) -> None:
    runs = [weights(run.folder) for run in soup.runs]
    mean = weights(soup.folder)
    assert mean.keys() == runs[0].keys()
    for name, tensor in mean.items():
        expected = sum(run[name].double() for run in runs) / 3
        assert torch.equal(tensor, torch.as_tensor(expected).float())
    moved = "classifier.weight"
    assert not torch.equal(mean[moved], runs[0][moved])
    frozen = "bert.embeddings.word_embeddings.weight"
    assert torch.equal(mean[frozen], runs[2][frozen])


def test_a_soup_is_scored_as_it_is(soup: SeedRuns) -> None:
    found = evaluate(soup.tagger(device="cpu"), corpus().validation).scores
    assert soup.soup == found
    info = info_of(soup.folder)
    assert info["scores"]["validation"]["f1"] == found.overall.f1
    assert info["scores"]["validation"]["documents"] == 8
    assert info["provenance"]["group"]["kept"] == "soup"
    seconds = [info_of(run.folder)["provenance"]["seconds"] for run in soup.runs]
    assert info["provenance"]["seconds"] == pytest.approx(sum(seconds))
    assert read_epochs(soup.folder) is None


def test_the_runs_of_a_soup_start_from_one_head(encoder: Path, soup: SeedRuns) -> None:
    def head(**changes: Any) -> torch.Tensor:
        settings = TrainingSettings(encoder=str(encoder), **changes)
        tensor: torch.Tensor = new_checkpoint(corpus(), settings).model.classifier.weight
        return tensor

    assert torch.equal(head(seed=6, head_seed=5), head(seed=5))
    assert not torch.equal(head(seed=6), head(seed=5))
    for run in soup.runs:
        assert "head_seed = 5\n" in (run.folder / "settings.toml").read_text()


def test_a_run_of_a_soup_differs_from_the_others(
    soup: SeedRuns, encoder: Path, tmp_path: Path
) -> None:
    first = small_run(tmp_path / "5", encoder, epochs=2)
    assert_same_weights(soup.runs[0].folder, first.folder)
    heads = [weights(run.folder)["classifier.weight"] for run in soup.runs]
    assert not torch.equal(heads[0], heads[1])


def test_a_mean_of_equal_weights_is_exact_and_whole_numbers_stay() -> None:
    value = torch.tensor([0.1, 1e-30, 3.3333333])
    states = [{"a": value, "ids": torch.tensor([1, 2])} for _ in range(3)]
    mean = mean_weights(states)
    assert torch.equal(mean["a"], value)
    assert mean["a"].dtype == torch.float32
    assert mean["ids"].tolist() == [1, 2]


def test_a_soup_that_is_worse_than_its_runs_is_noted(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def zeros(states: Any) -> dict[str, torch.Tensor]:
        return {name: torch.zeros_like(tensor) for name, tensor in states[0].items()}

    monkeypatch.setattr(module, "mean_weights", zeros)
    group = small_group(tmp_path / "run", encoder, keep="soup", seeds=2)
    assert group.soup is not None
    assert group.soup.overall.f1 < group.mean
    assert group.notes[-1].startswith(
        f"the soup's validation F1 {group.soup.overall.f1:.4f} is below the mean of its runs"
    )
    assert group.notes[-1].endswith(str(group.best.folder))


@pytest.mark.parametrize(
    "stop",
    [
        *(
            pytest.param(stop, marks=pytest.mark.slow)
            for stop in ((1, 3), (2, 0), (3, 0), (3, STEPS))
        ),
        (2, 7),
    ],
)
def test_a_group_resumes_where_it_stopped(
    stop: tuple[int, int], best: SeedRuns, encoder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    if stop[1]:
        stopped = small_group(folder, encoder, listener=Recorder(stop))
        assert stopped.interrupted == "SIGTERM"
        assert stopped.seeds == best.seeds[: stop[0]]
    else:
        with pytest.raises(KeyboardInterrupt):
            small_group(folder, encoder, listener=Recorder(stop))
    with pytest.raises(CheckpointError, match="this training run has not ended"):
        Tagger.load(folder)
    assert seed_folders(folder) == []
    again = Recorder()
    resumed = small_group(folder, encoder, resume=True, listener=again)
    assert again.seeds == [(1, 3), (2, 3), (3, 3)]
    first = {number: steps[0] for number, steps in again.steps.items()}
    expected = {number: 1 for number in (1, 2, 3) if number > stop[0] or stop == (number, 0)}
    if stop[1] % STEPS:
        expected[stop[0]] = stop[1] + 1
        assert f"seed {stop[0] + 4}: resumed after step {stop[1]}" in resumed.notes
    assert first == expected
    assert resumed.f1 == best.f1
    for name in ("", "seed-5", "seed-6", "seed-7"):
        assert_same_weights(folder / name, best.folder / name)


@pytest.mark.slow
def test_a_group_killed_while_publishing_can_be_resumed(
    soup: SeedRuns, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(module, "save_checkpoint", die)
        with pytest.raises(KeyboardInterrupt):
            small_group(folder, encoder, keep="soup")
    again = Recorder()
    resumed = small_group(folder, encoder, keep="soup", resume=True, listener=again)
    assert again.steps == {}
    assert resumed.soup == soup.soup
    assert_same_weights(folder, soup.folder)


def test_a_group_is_not_resumed_under_other_conditions(encoder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    small_group(folder, encoder, listener=Recorder((2, 3)))
    for changes, message in (
        ({}, "the folder is not empty"),
        ({"resume": True, "seeds": 4}, "the number of seeds is different"),
        ({"resume": True, "keep": "soup"}, "the choice of the kept weights is different"),
        ({"resume": True, "epochs": 3}, "epochs was 2 and is now 3"),
        ({"resume": True, "seed": 6}, "seed was 5 and is now 6"),
        ({"resume": True, "corpus": corpus(20)}, "the corpus is different"),
    ):
        with pytest.raises(TrainingError, match=message):
            small_group(folder, encoder, **changes)
    with pytest.raises(TrainingError, match="the number of seeds is different"):
        small_run(folder, encoder, epochs=2, resume=True)
    with pytest.raises(TrainingError, match="found no run to resume"):
        small_group(tmp_path / "nowhere", encoder, resume=True)


def test_a_finished_run_of_other_conditions_is_not_taken_for_one_of_the_group(
    encoder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    small_group(folder, encoder, listener=Recorder((2, 3)))
    small_run(tmp_path / "other", encoder, epochs=1)
    for file in (tmp_path / "other").iterdir():
        file.replace(folder / "seed-5" / file.name)
    with pytest.raises(TrainingError, match="epochs was 1 and is now 2"):
        small_group(folder, encoder, resume=True)


def test_a_group_that_has_ended_is_not_resumed(best: SeedRuns, encoder: Path) -> None:
    with pytest.raises(TrainingError, match="this run has ended"):
        small_group(best.folder, encoder, resume=True)


@pytest.mark.slow
def test_all_seeds_have_the_same_held_out_split(encoder: Path, tmp_path: Path) -> None:
    given = corpus(validation=False)
    changes = {"corpus": given, "epochs": 1, "validation_fraction": 0.25}
    group = small_group(tmp_path / "run", encoder, seeds=2, **changes)
    records = [info_of(run.folder)["provenance"] for run in group.runs]
    assert records[0]["splits"] == records[1]["splits"]
    assert [record["corpus"]["given"] for record in records] == [given.hash] * 2
    assert group.notes == (
        "the corpus has no validation split: 6 of 24 training documents were held out as one",
    )
    alone = small_run(tmp_path / "alone", encoder, **changes)
    assert_same_weights(group.runs[0].folder, alone.folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 1}, "seeds: 1 is too small"),
        ({"keep": "worst"}, "keep: 'worst' is not known"),
        ({"speed": 1}, "unknown setting 'speed'"),
    ],
)
def test_bad_settings_are_an_error_before_anything_is_written(
    changes: dict[str, Any], message: str, encoder: Path, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=message):
        small_group(tmp_path / "run", encoder, **changes)
    assert not (tmp_path / "run").exists()


def test_the_runs_of_a_group_are_found_by_its_kept_checkpoint(
    best: SeedRuns, checkpoint_of: Callable[..., Path], tmp_path: Path
) -> None:
    assert seed_folders(best.folder) == [run.folder for run in best.runs]
    assert seed_folders(best.runs[0].folder) == []
    assert seed_folders(checkpoint_of()) == []
    assert seed_folders(tmp_path) == []
    copy = tmp_path / "copy"
    for name in ("seed-5", "seed-7", ""):
        (copy / name).mkdir(parents=True, exist_ok=True)
        (copy / name / "nerine.json").write_bytes((best.folder / name / "nerine.json").read_bytes())
    with pytest.raises(CheckpointError, match="the run seed-6 is missing"):
        seed_folders(copy)
    for name in ("seed-5", "seed-7"):
        (copy / name / "nerine.json").unlink()
    assert seed_folders(copy) == []


@pytest.mark.slow
def test_a_soup_has_a_bias_of_its_own(encoder: Path, tmp_path: Path) -> None:
    """Not that of its first run, and its scores are those without it, as in a run."""
    folder = tmp_path / "soup"
    changes: dict[str, Any] = {"epochs": 1, "learning_rate": 2e-3, "fit_bias": True}
    group = small_group(folder, encoder, keep="soup", seeds=2, corpus=corpus(96), **changes)
    fitted = info_of(folder)["provenance"]["outside_bias"]
    assert group.soup is not None
    assert fitted["before"]["f1"] == group.soup.overall.f1
    assert info_of(folder)["settings"].get("outside_bias", 0.0) == fitted["value"]
    assert any(note.startswith("the soup: ") for note in group.notes)
