"""Thresholds in a checkpoint: fitted by the command, saved, and used by taggers."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nerine.cli import main
from nerine.core.document import Document
from nerine.core.errors import CheckpointError, SettingsError
from nerine.core.filenames import INFO_FILE
from nerine.data.corpus import load_corpus
from nerine.data.formats import write_documents
from nerine.evaluation.calibration import (
    Calibration,
    Target,
    Thresholds,
    apply_thresholds,
    fit_thresholds,
    reliability_diagram,
)
from nerine.evaluation.evaluate import evaluate
from nerine.evaluation.metrics import Counts
from nerine.model.explanation import explain
from nerine.model.loading.checkpoint import load_checkpoint, save_calibration, save_checkpoint
from nerine.model.tagger import Tagger
from tiny import documents, make_foreign

FITTED = Calibration(
    Thresholds(0.25, {"person": 0.5}),
    Target("precision", 0.9),
    per_label=True,
    split="validation",
    corpus="0123",
    before=Counts(2, 4, 3),
    after=Counts(2, 2, 3),
    held_out=Counts(1, 2, 3),
)


@pytest.fixture
def checkpoint(checkpoint_of: Callable[..., Path], tmp_path: Path) -> Path:
    """A checkpoint of its own, since thresholds are written into it."""
    return Path(shutil.copytree(checkpoint_of("bert"), tmp_path / "saved"))


@pytest.fixture(scope="session")
def found(tagger: Tagger) -> list[Document]:
    """Some texts as the tiny model tags them, without thresholds."""
    return tagger.predict(documents())


@pytest.fixture(scope="session")
def middle(found: list[Document]) -> float:
    """A threshold between two scores, with about as many above as below."""
    scores = sorted(_scores(found))
    return sum(scores[len(scores) // 2 - 1 :][:2]) / 2


@pytest.fixture
def corpus(tmp_path: Path, found: list[Document], middle: float) -> Path:
    """A corpus in which the model is right exactly where its score is `middle` or more."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name in ("train", "validation", "test"):
        write_documents(apply_thresholds(found, Thresholds(middle)), folder / f"{name}.jsonl")
    return folder


def _scores(tagged: list[Document]) -> list[float]:
    return [each.score or 0.0 for document in tagged for each in document.entities]


def places(document: Document) -> list[tuple[int, int, str]]:
    return [(each.start, each.end, each.label) for each in document.entities]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def files_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


# --- in the folder


def test_saved_thresholds_are_loaded_and_nothing_else_changes(checkpoint: Path) -> None:
    before = files_of(checkpoint)
    save_calibration(checkpoint, FITTED)
    after = files_of(checkpoint)
    assert load_checkpoint(checkpoint).calibration == FITTED
    old, new = before.pop(INFO_FILE).decode(), after.pop(INFO_FILE).decode()
    assert after == before
    added = json.dumps({"thresholds": FITTED.to_dict()}, indent=2)
    assert new == old.removesuffix("\n}\n") + "," + added.removeprefix("{") + "\n"
    again = dataclasses.replace(FITTED, thresholds=Thresholds(0.125))
    save_calibration(checkpoint, again)
    assert load_checkpoint(checkpoint).calibration == again


def test_a_checkpoint_without_thresholds_has_none(checkpoint: Path) -> None:
    assert "thresholds" not in json.loads((checkpoint / INFO_FILE).read_text())
    assert load_checkpoint(checkpoint).calibration is None


def test_thresholds_go_along_when_a_checkpoint_is_saved_again(checkpoint: Path) -> None:
    save_calibration(checkpoint, FITTED)
    copy = checkpoint.with_name("copy")
    save_checkpoint(copy, load_checkpoint(checkpoint))
    assert (copy / INFO_FILE).read_bytes() == (checkpoint / INFO_FILE).read_bytes()


@pytest.mark.parametrize("damage", [None, 3, {}, {**FITTED.to_dict(), "value": 7}])
def test_damaged_thresholds_are_an_error(checkpoint: Path, damage: object) -> None:
    path = checkpoint / INFO_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), "thresholds": damage}))
    with pytest.raises(CheckpointError, match=r"nerine\.json, thresholds: ") as caught:
        load_checkpoint(checkpoint)
    assert "nerine calibrate" in str(caught.value.hint)


def test_a_full_disk_leaves_the_old_file(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files_of(checkpoint)

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(CheckpointError, match="cannot be written: No space left"):
        save_calibration(checkpoint, FITTED)
    assert files_of(checkpoint) == before


def test_thresholds_are_not_saved_with_weights_of_another_run(checkpoint: Path) -> None:
    weights = checkpoint / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    before = files_of(checkpoint)
    with pytest.raises(CheckpointError, match="the weights are not those"):
        save_calibration(checkpoint, FITTED)
    assert files_of(checkpoint) == before


# --- in a tagger


def test_a_tagger_drops_what_is_below_and_changes_nothing_else(
    checkpoint: Path, found: list[Document], middle: float
) -> None:
    tagger = Tagger.load(checkpoint, device="cpu", thresholds=middle)
    expected = list(apply_thresholds(found, Thresholds(middle)))
    assert tagger.predict(documents()) == expected
    assert 0 < len(_scores(expected)) < len(_scores(found))
    explained = explain(tagger, documents()[0]).document
    assert places(explained) == places(expected[0]) != places(found[0])
    given = Thresholds(0.0, {"person": 1.0})
    tagger = Tagger.load(checkpoint, device="cpu", thresholds=given)
    assert tagger.predict(documents()) == list(apply_thresholds(found, given))


def test_saved_thresholds_are_used_only_if_asked_for(
    checkpoint: Path, found: list[Document], middle: float
) -> None:
    save_calibration(checkpoint, dataclasses.replace(FITTED, thresholds=Thresholds(middle)))
    assert Tagger.load(checkpoint, device="cpu").predict(documents()) == found
    asked = Tagger.load(checkpoint, device="cpu", thresholds="saved")
    assert asked.thresholds == Thresholds(middle)
    assert asked.predict(documents()) == list(apply_thresholds(found, Thresholds(middle)))


def test_thresholds_that_are_asked_for_but_not_saved(checkpoint: Path) -> None:
    with pytest.raises(CheckpointError, match="no thresholds are saved") as caught:
        Tagger.load(checkpoint, thresholds="saved")
    assert caught.value.hint == f"fit them first: nerine calibrate {checkpoint} CORPUS"


@pytest.mark.parametrize("wrong", [1.5, float("nan"), True, "mine"])
def test_thresholds_that_cannot_be(checkpoint: Path, wrong: Any) -> None:
    with pytest.raises(SettingsError, match=r"(no|valid) threshold"):
        Tagger.load(checkpoint, thresholds=wrong)


# --- from the command line


def test_calibrates_saves_and_is_used(
    checkpoint: Path, corpus: Path, found: list[Document], middle: float
) -> None:
    result = run("calibrate", checkpoint, corpus, "--json")
    assert result.exit_code == 0, result.stderr
    shown = json.loads(result.stdout)
    gold = load_corpus(corpus).validation
    assert shown["reliability"] == json.loads(
        json.dumps(reliability_diagram(gold, found).to_dict())
    )
    fitted = load_checkpoint(checkpoint).calibration
    assert fitted is not None
    assert shown["thresholds"] == fitted.to_dict()
    assert fitted.thresholds == fit_thresholds(gold, found) == Thresholds(middle)
    assert (fitted.split, fitted.corpus) == ("validation", load_corpus(corpus).hash)
    assert (shown["saved"], shown["split"], fitted.after.f1) == (True, "validation", 1.0)

    scores = run("evaluate", checkpoint, corpus, "--thresholds", "saved", "--json")
    assert json.loads(scores.stdout)["overall"]["f1"] == 1.0
    assert json.loads(scores.stdout)["thresholds"] == {"value": middle, "labels": {}}
    plain = json.loads(run("evaluate", checkpoint, corpus, "--json").stdout)
    assert plain["overall"]["f1"] == fitted.before.f1 < 1
    assert "thresholds" not in plain


def test_doubts_thresholds_that_do_not_hold(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "validation.conll").write_text("Mira B-person\nleft O\n\nso O\n\n")
    result = run("calibrate", checkpoint, tmp_path, "--dry-run")
    assert "note: there are too few entities to hold documents out" in result.stdout


@pytest.mark.parametrize(
    ("target", "doubt"),
    [("f1", "note: held out, F1 does not rise"), ("precision=0.9", None)],
)
def test_doubts_thresholds_where_every_entity_is_right(
    checkpoint: Path, tmp_path: Path, found: list[Document], target: str, doubt: str | None
) -> None:
    write_documents(found, tmp_path / "validation.jsonl")
    shown = run("calibrate", checkpoint, tmp_path, "--dry-run", "--target", target).stdout
    assert "held out" in [line[:8] for line in shown.splitlines()]
    notes = [line for line in shown.splitlines()[1:] if line.startswith("note:")]
    assert [note[: len(doubt)] for note in notes] == [doubt] if doubt else notes == []


def test_shows_tables(checkpoint: Path, corpus: Path, tagger: Tagger) -> None:
    result = run("calibrate", checkpoint, corpus, "--target", "recall=1", "--bins", "2")
    assert result.exit_code == 0, result.stderr
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["score", "entities", "mean", "score", "precision", "gap"] in rows
    before = evaluate(tagger, load_corpus(corpus).validation).overall
    overall = next(row for row in rows if row[:2] == ["all", "labels"])
    assert overall[3:6] == [f"{before.precision:.3f}", "→", "1.000"]
    assert "expected calibration error 0." in result.stdout
    assert f"nerine predict {checkpoint} --thresholds saved" in result.stdout


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_dry_run_reports_on_any_split_and_saves_nothing(
    checkpoint: Path, corpus: Path, split: str
) -> None:
    before = files_of(checkpoint)
    options = ["--split", split, "--dry-run", "--per-label", "--equal-mass"]
    result = run("calibrate", checkpoint, corpus, *options)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.endswith("nothing was saved (--dry-run)\n")
    assert files_of(checkpoint) == before


def test_a_file_alone_has_the_signature_that_evaluate_gives(checkpoint: Path, corpus: Path) -> None:
    file = corpus / "validation.jsonl"
    options = [checkpoint, file, "--split", "validation", "--json"]
    fitted = json.loads(run("calibrate", *options, "--dry-run").stdout)
    assert "|split:all|" in fitted["signature"]
    assert fitted["signature"] == json.loads(run("evaluate", *options).stdout)["signature"]


def test_predicts_with_a_threshold(checkpoint: Path, found: list[Document], middle: float) -> None:
    texts = [document.text for document in found]
    result = run("predict", checkpoint, *texts, "--thresholds", repr(middle), "--json")
    entities = [json.loads(line)["entities"] for line in result.stdout.splitlines()]
    assert [
        [(each["start"], each["end"], each["label"]) for each in some] for some in entities
    ] == [places(document) for document in apply_thresholds(found, Thresholds(middle))]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--split", "test"], "--split: thresholds are not fitted on the test split"),
        (["--split", "train"], "--split: thresholds are not fitted on the train split"),
        (["--split", "dev"], "there is no dev split"),
        (["--target", "best"], "target: 'best' is not a valid target"),
        (["--target", "precision=2"], "target: 2.0 is not a valid precision"),
        (["--bins", "0"], "Invalid value for '--bins'"),
        (["--scheme", "IOB1"], "--scheme: the thresholds would be those of other settings"),
        (["--target", "recall=1"], "no threshold reaches a recall of 1 for all labels"),
    ],
)
def test_bad_input_is_an_error_and_saves_nothing(
    checkpoint: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    (tmp_path / "corpus").mkdir()
    lines = "".join(f"x{index} B-person\n\n" for index in range(40))
    (tmp_path / "corpus" / "validation.conll").write_text(lines + "Mira B-unknown\n\n")
    before = files_of(checkpoint)
    result = run("calibrate", checkpoint, tmp_path / "corpus", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert files_of(checkpoint) == before


def test_only_folders_of_ours_are_written_to(tmp_path: Path, corpus: Path) -> None:
    foreign = make_foreign(tmp_path / "foreign", {0: "O", 1: "B-person", 2: "I-person"})
    for name in (foreign, "someone/model"):
        result = run("calibrate", name, corpus)
        assert result.exit_code == 2
        assert f"error: {name}: there is no nerine.json to save thresholds in" in result.stderr
        assert "--dry-run" in result.stderr
    assert INFO_FILE not in files_of(foreign)


@pytest.mark.parametrize("value", ["1.5", "nan", "mine", "", "-1"])
@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_thresholds_on_the_command_line_are_checked_first(command: str, value: str) -> None:
    result = run(command, "nowhere", "sample", "--thresholds", value)
    assert result.exit_code == 2
    assert f"error: --thresholds: {value!r} is not a valid threshold" in result.stderr
    assert "the word saved, or a number from 0 to 1" in result.stderr


def test_the_command_line_names_the_command_that_fits(checkpoint: Path) -> None:
    result = run("predict", checkpoint, "Mira", "--thresholds", "saved")
    assert result.exit_code == 2
    assert f"hint: fit them first: nerine calibrate {checkpoint} CORPUS" in result.stderr
