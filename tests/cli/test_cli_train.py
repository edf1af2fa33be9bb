"""`nerine train` and `nerine demo`, and the display of a training."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import shlex
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

import nerine
import runs
from nerine.cli import demo, main, progress
from nerine.cli.progress import TrainingDisplay
from nerine.cli.scores import epochs_table
from nerine.core.document import Document, Entity, plain_line
from nerine.core.errors import TrainingError
from nerine.data.corpus import load_corpus
from nerine.data.formats import write_documents
from nerine.evaluation.epochs import EpochRecord
from nerine.evaluation.signs import Sign
from nerine.training.plan import Facts, Plan
from nerine.training.recipes import RECIPES
from nerine.training.run import TrainingRun
from nerine.training.settings import TrainingSettings

SMALL = (
    *("--epochs", 2, "--batch-size", 4, "--learning-rate", "3e-3", "--max-length", 64),
    *("--precision", "fp32", "--no-crf"),
)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture(scope="module")
def encoder(encoder_of: Callable[[str], Path]) -> Path:
    return encoder_of("bert")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return runs.write_corpus(tmp_path / "corpus")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The settings that are planned, and what `nerine.train` is asked for, instead of training."""
    calls: list[dict[str, Any]] = []

    def plan_training(corpus: nerine.Corpus, settings: TrainingSettings) -> Plan:
        facts = Facts(0, 0, {}, 0, 0, 0, 0, 0, 0, 0, 0, 0, bfloat16=False)
        return Plan(settings, facts, (), corpus, corpus.hash)

    def train(corpus: nerine.Corpus, **options: Any) -> TrainingRun:
        settings = options["settings"]
        asked = settings.settings if isinstance(settings, Plan) else settings
        calls.append({"corpus": corpus, **options, "settings": asked})
        raise TrainingError("only asked")

    monkeypatch.setattr(nerine, "plan_training", plan_training)
    monkeypatch.setattr(nerine, "train", train)
    return calls


def record(epoch: int, f1: float) -> EpochRecord:
    return EpochRecord(epoch, 7 * epoch, 0.5, 0.25, 0.5, 0.5, f1, 0.75, 1.0)


@pytest.mark.parametrize("field", dataclasses.fields(TrainingSettings), ids=lambda f: f.name)
def test_every_setting_is_a_flag_with_its_meaning(field: dataclasses.Field[Any]) -> None:
    shown = " ".join(run("train", "--help").stdout.split())
    assert f"--{field.name.replace('_', '-')}" in shown
    assert field.metadata["help"][1:] in shown.replace("warm- up", "warm-up")


def test_without_flags_the_settings_are_the_default_ones(asked: list[dict[str, Any]]) -> None:
    run("train", "sample", "-o", "run")
    assert asked[0]["settings"] == TrainingSettings()
    assert asked[0]["corpus"].source == "sample"
    assert asked[0]["output"] == Path("run")
    assert not asked[0]["resume"]


def test_flags_go_before_the_file_and_the_file_before_the_recipe(
    asked: list[dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("epochs = 7\nseed = 9\nfreeze_embeddings = true\n")
    arguments = ["--recipe", "notebook", "--settings", file, "--epochs", 1, "--dropout", 0]
    run("train", "sample", "-o", "run", *arguments, "--no-freeze-embeddings")
    assert asked[0]["settings"] == dataclasses.replace(
        RECIPES["notebook"], epochs=1, seed=9, dropout=0.0
    )


def test_every_kind_of_flag_reaches_the_settings(asked: list[dict[str, Any]]) -> None:
    flags = ["--words", "tokens", "--freeze-embeddings", "--early-stopping", 2, "--revision", "v1"]
    run("train", "sample", "-o", "run", *flags, "--report-to", "a", "--report-to", "b")
    assert asked[0]["settings"] == TrainingSettings(
        words="tokens",
        freeze_embeddings=True,
        early_stopping=2,
        revision="v1",
        report_to=("a", "b"),
    )


def test_the_flags_of_a_crf(asked: list[dict[str, Any]]) -> None:
    run("train", "sample", "-o", "run", "--crf", "--crf-learning-rate", 0.02)
    assert asked[0]["settings"] == TrainingSettings(crf=True, crf_learning_rate=0.02)
    refused = run("train", "sample", "-o", "run", "--crf", "--recipe", "notebook")
    assert (refused.exit_code, len(asked)) == (2, 1)
    assert "crf: a CRF, whose scores of pairs of tags argmax does not use" in refused.stderr


@pytest.mark.parametrize(
    ("marker", "message"),
    [("{", "run.json: cannot be read"), ('{"settings": {"speed": 1}}', "unknown setting 'speed'")],
)
def test_a_run_with_unusable_settings_cannot_be_resumed(
    marker: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "run.json").write_text(marker)
    result = run("train", "sample", "-o", tmp_path, "--resume")
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_folder_without_a_run_cannot_be_resumed(tmp_path: Path, encoder: Path) -> None:
    result = run("train", "sample", "-o", tmp_path / "no", "--resume", "--encoder", encoder)
    assert result.exit_code == 2
    assert "found no run to resume" in result.stderr


def test_trains_and_prints_the_epochs(corpus: Path, encoder: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    result = run("train", corpus, "-o", output, "--encoder", encoder, *SMALL)
    assert result.exit_code == 0
    assert result.stderr == ""
    lines = [line.split() for line in result.stdout.splitlines()]
    assert " ".join(lines[0]) == (
        "epoch training loss validation loss precision recall F1 accuracy"
    )
    assert [line[0] for line in lines[2:4]] == ["1", "2"]
    assert sum(line[-1] == "kept" for line in lines[2:4]) == 1
    assert result.stdout.endswith(f"the checkpoint is in {output}\n")
    assert nerine.Tagger.load(output).labels == ("location", "person")

    again = run("train", corpus, "-o", output, "--encoder", encoder)
    assert again.exit_code == 2
    assert f"error: {output}: the folder is not empty" in again.stderr


def test_a_plan_is_printed_without_training(corpus: Path, encoder: Path, tmp_path: Path) -> None:
    options = ["--encoder", encoder, "--max-length", 64]
    shown = run("train", corpus, "--plan", *options)
    assert shown.exit_code == 0
    assert [line.split()[0] for line in shown.stdout.splitlines()] == [
        *("transitions", "learning", "precision", "steps", "validation")
    ]
    found = json.loads(run("train", corpus, "--plan", "--json", *options).stdout)
    assert found["facts"]["documents"] == 24
    assert found["settings"]["steps"] >= 200
    assert "nothing to choose" in run("train", corpus, "--plan", *options, *SMALL).stdout
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_trains_on_a_file_and_prints_json(corpus: Path, encoder: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    arguments = ["-o", output, "--encoder", encoder, *SMALL, "--json"]
    result = run("train", corpus / "train.conll", *arguments)
    found = json.loads(result.stdout)
    assert found["checkpoint"] == str(output)
    assert found["interrupted"] is None
    assert [each["epoch"] for each in found["epochs"]] == [1, 2]
    assert found["best"] in (1, 2)
    assert "held out" in found["notes"][0]


class _Stopper:
    """A listener that interrupts the run after three steps."""

    def started(self, step: int, steps: int) -> None: ...

    def stepped(self, step: int) -> None:
        if step == 3:
            os.kill(os.getpid(), signal.SIGINT)

    def evaluated(self, record: EpochRecord, *, best: bool) -> None: ...

    def ended(self) -> None: ...


@contextlib.contextmanager
def _stopping_display() -> Iterator[_Stopper]:
    yield _Stopper()


def test_an_interrupted_run_prints_how_to_resume_and_resumes(
    corpus: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spaced = corpus.rename(tmp_path / "my corpus")
    output = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(progress, "training_display", _stopping_display)
        arguments = ["-o", output, "--encoder", encoder, *SMALL, "--format", "columns", "--repair"]
        stopped = run("train", spaced, *arguments)
    assert stopped.exit_code == 1
    assert "stopped by SIGINT; the state was saved" in stopped.stderr
    assert stopped.stdout == ""
    program, *command = shlex.split(stopped.stderr.partition("resume with: ")[2])
    assert program == "nerine"
    assert command[-4:] == ["--format", "columns", "--repair", "--resume"]

    resumed = run(*command)
    assert resumed.exit_code == 0
    assert "note: resumed after step 3" in resumed.stdout
    assert len(nerine.Tagger.load(output).predict(["Mira"])) == 1


def test_the_table_marks_the_epoch_that_was_kept() -> None:
    records = [record(1, 0.25), record(2, 0.75), record(3, 0.5)]
    shown = io.StringIO()
    Console(file=shown, width=200, _environ={}).print(epochs_table(records, records[1], "kept"))
    rows = [line.split() for line in shown.getvalue().splitlines()[2:]]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert " ".join(rows[1]) == "2 0.5000 0.2500 0.5000 0.5000 0.7500 0.7500 kept"
    assert [len(row) for row in rows] == [7, 8, 7]


def test_the_display_grows_by_a_row_an_epoch_and_clears_away() -> None:
    shown = io.StringIO()
    on = Console(file=shown, force_terminal=True, width=120, _environ={"TERM": "xterm"})
    display = TrainingDisplay(on)
    with display.live:
        display.started(0, 14)
        display.stepped(7)
        display.evaluated(record(1, 0.25), best=True)
        on.print("first")
        display.evaluated(record(2, 0.75), best=True)
        display.stepped(14)
        on.print("second")
    first, _, rest = shown.getvalue().partition("first")
    assert "getting ready" in first
    assert "7/14" in rest
    second = rest.partition("second")[2]
    assert "0.2500" in second
    assert "0.7500" in second
    assert "14/14" in second
    assert second.count("best") >= 1
    assert shown.getvalue().endswith("\x1b[2K")


def test_nothing_is_displayed_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress.training_display() as listener:
        assert listener is None
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def trained(checkpoint_of: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> TrainingRun:
    """A run that the demo takes for its own."""
    result = TrainingRun(checkpoint_of("bert"), (record(1, 0.25), record(2, 0.75)))
    monkeypatch.setattr(demo, "run_training", lambda *_, **__: result)
    return result


def test_the_demo_trains_scores_tags_and_says_what_is_next(trained: TrainingRun) -> None:
    result = run("demo")
    assert result.exit_code == 0
    assert result.stderr == ""
    for part in ("630 train", "kept", "support", "token accuracy", "What to do next"):
        assert part in result.stdout
    assert f"nerine predict {trained.folder}" in result.stdout
    own = result.stdout.partition("On sentences of its own\n")[2].splitlines()
    shown = own[: own.index("")]
    assert len([line for line in shown if not line.startswith("  right: ")]) == len(demo.SENTENCES)
    assert f"  right: {demo.SENTENCES[0]}" in shown, "a model with random weights errs"


def test_the_demo_as_json(trained: TrainingRun) -> None:
    found = json.loads(run("demo", "--json").stdout)
    assert found["best"] == 2
    assert found["test"]["documents"] == 165
    first, *_, last = found["tagged"]
    assert first["text"] == "Mira Okonjo left Tandem Labs for Lisbon last week."
    assert [first["text"][each["start"] : each["end"]] for each in first["gold"]] == [
        *("Mira Okonjo", "Tandem Labs", "Lisbon")
    ]
    assert (last["text"], last["gold"]) == (demo.SENTENCES[-1], [])


def test_the_demo_tags_sentences_that_are_not_in_the_corpus() -> None:
    corpus = load_corpus("sample")
    known = {document.text for split in corpus.splits.values() for document in split}
    own = [demo.labelled(sentence) for sentence in demo.SENTENCES]
    assert len(own) >= 6
    assert [plain_line(document) for document in own] == list(demo.SENTENCES)
    assert not known & {document.text for document in own}
    assert {each.label for document in own for each in document.entities} == set(corpus.labels)


def test_the_demo_takes_a_folder_that_is_free(
    asked: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run("demo")
    (tmp_path / "runs" / "demo").mkdir(parents=True)
    run("demo", "--epochs", 1)
    (tmp_path / "runs" / "demo-2").mkdir()
    run("demo", "-o", "here")
    run("demo")
    folders = [str(call["output"]) for call in asked]
    assert folders == ["runs/demo", "runs/demo-2", "here", "runs/demo-3"]
    assert asked[1]["settings"] == TrainingSettings(epochs=1)


def test_the_display_begins_again_with_each_fold() -> None:
    shown = io.StringIO()
    on = Console(file=shown, force_terminal=True, width=120, _environ={"TERM": "xterm"})
    display = TrainingDisplay(on)
    with display.live:
        display.fold(1, 2)
        display.started(0, 14)
        display.evaluated(record(1, 0.25), best=True)
        on.print("first")
        display.fold(2, 2)
        display.started(0, 21)
        display.stepped(21)
        on.print("second")
    first, _, rest = shown.getvalue().partition("first")
    assert "fold 1 of 2" in f"{first}{rest}"
    second = rest.partition("second")[2]
    assert "fold 2 of 2" in second
    assert "21/21" in second
    assert "0.2500" not in second


@pytest.fixture(scope="module")
def failed(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """The end of a training in which nothing was learned, in a folder `run`."""
    folder = tmp_path_factory.mktemp("failed")
    document = Document(f"{'so ' * 20}Mira", (Entity(60, 64, "person"),))
    write_documents([document] * 24, folder / "train.conll")
    write_documents([document] * 24, folder / "validation.conll")
    arguments = ["-o", folder / "run", "--encoder", encoder, "--epochs", 2, "--max-length", 64]
    return run("train", folder, *arguments, "--learning-rate", "1e-9")


def test_a_model_that_has_learned_nothing_has_an_exit_code_of_its_own(failed: Result) -> None:
    assert failed.exit_code == 3
    *_, sign, hint, last = failed.stdout.splitlines()[-5:]
    assert "sign of failure: the model has learned nothing: it finds 0 of 24" in failed.stdout
    assert sign.startswith("sign of failure: the training loss does not fall")
    assert hint.startswith("  hint: try --learning-rate 5e-10")
    folder = Path(last.removeprefix("the checkpoint is in "))
    assert json.loads((folder / "nerine.json").read_text())["signs"][0]["kind"] == "learned-nothing"
    predicted = run("predict", folder, "Mira was here")
    assert predicted.exit_code == 0
    assert "note: the model has learned nothing: it finds 0 of 24" in predicted.stderr


def test_signs_of_failure_are_in_the_json(corpus: Path, encoder: Path, tmp_path: Path) -> None:
    arguments = ["-o", tmp_path / "run", "--encoder", encoder, *SMALL, "--json"]
    found = json.loads(run("train", corpus, *arguments).stdout)
    assert "few-validation-entities" in [sign["kind"] for sign in found["signs"]]
    assert all(set(sign) == {"kind", "message", "hint"} for sign in found["signs"])


def test_the_demo_of_a_model_that_has_learned_nothing(
    trained: TrainingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign = Sign("learned-nothing", "it finds nothing", "train longer")
    result = dataclasses.replace(trained, signs=(sign,))
    monkeypatch.setattr(demo, "run_training", lambda *_, **__: result)
    shown = run("demo")
    assert shown.exit_code == 3
    assert (
        "sign of failure: it finds nothing\n  hint: with nerine train sample -o RUN: train longer\n"
        in shown.stdout
    )
    assert "What to do next" in shown.stdout
    found = run("demo", "--json")
    assert found.exit_code == 3
    assert json.loads(found.stdout)["signs"] == [sign.to_dict()]
