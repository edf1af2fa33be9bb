"""`nerine report`: what it takes, what it writes, and what it refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import reports
from nerine.cli import main
from nerine.core.document import Document
from nerine.data.formats import write_documents
from nerine.evaluation.contamination import UNRECORDED
from nerine.model.tagger import Tagger
from nerine.training.epochs import write_epochs
from tiny import documents


def run(*arguments: object, **options: Any) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments], **options)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name in ("train", "test"):
        write_documents(documents(), folder / f"{name}.jsonl")
    return folder


@pytest.fixture
def predicted(corpus: Path) -> Path:
    path = corpus.parent / "predicted.jsonl"
    write_documents([each.with_entities(each.entities[:1]) for each in documents()], path)
    return path


@pytest.fixture(scope="module")
def checkpoint(checkpoint_of: Callable[..., Path]) -> Path:
    return checkpoint_of("bert")


@pytest.mark.parametrize(
    ("name", "beginning"), [("r.html", "<!DOCTYPE html>"), ("r.md", "# "), ("r.json", "{")]
)
def test_the_name_tells_what_to_write(
    name: str, beginning: str, corpus: Path, predicted: Path
) -> None:
    output = corpus.parent / name
    output.write_text("what was there before")
    result = run("report", predicted, corpus, "-o", output)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    seen, wrote = result.stderr.splitlines()
    assert seen == f"note: {UNRECORDED}"
    assert wrote.startswith(f"wrote {output}: F1 ")
    assert output.read_text(encoding="utf-8").startswith(beginning)
    assert {each.name for each in corpus.parent.iterdir()} == {"corpus", predicted.name, name}


def test_to_says_what_the_name_does_not(corpus: Path, predicted: Path) -> None:
    output = corpus.parent / "report"
    assert run("report", predicted, corpus, "-o", output, "--to", "json").exit_code == 0
    assert json.loads(output.read_text())["split"] == "test"


def test_a_checkpoint_and_its_predictions_make_the_same_report(
    corpus: Path, checkpoint: Path, tagger: Tagger
) -> None:
    path = corpus.parent / "predicted.jsonl"
    write_documents(tagger.predict(documents()), path)
    contents = []
    for source in (checkpoint, path):
        result = run("report", source, corpus, "--json")
        assert result.exit_code == 0, result.stderr
        contents.append(json.loads(result.stdout))
    of_model, of_file = contents
    assert of_model["overall"]["support"] == sum(len(each.entities) for each in documents())
    assert of_model["calibration"] is not None
    for name in ("contamination", "title", "checkpoint", "remarks"):
        of_model.pop(name), of_file.pop(name)
    assert of_model == of_file


def test_the_epochs_of_the_run_are_shown(corpus: Path, checkpoint: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for file in checkpoint.iterdir():
        shutil.copy(file, folder)
    without = run("report", folder, corpus, "--json")
    assert json.loads(without.stdout)["epochs"] is None
    write_epochs(folder, reports.epochs(2))
    found = run("report", folder, corpus, "--json")
    assert [each["step"] for each in json.loads(found.stdout)["epochs"]] == [10, 20]
    (folder / "epochs.json").write_text("[{")
    broken = run("report", folder, corpus, "--json")
    assert broken.exit_code == 2
    assert "epochs.json: cannot be read" in broken.stderr


def test_thresholds_leave_entities_out_and_the_report_says_so(
    corpus: Path, checkpoint: Path
) -> None:
    whole = json.loads(run("report", checkpoint, corpus, "--json").stdout)
    kept = json.loads(run("report", checkpoint, corpus, "--json", "--thresholds", 0.9).stdout)
    scores = [
        [entity["score"] for each in content["documents"] for entity in each["predicted"]]
        for content in (whole, kept)
    ]
    assert [score for score in scores[0] if score >= 0.9] == scores[1]
    assert len(scores[0]) > len(scores[1])
    assert "predicted entities below the thresholds (0.9) are left out" in kept["remarks"]


def test_predictions_without_scores_have_no_calibration(corpus: Path, predicted: Path) -> None:
    result = run("report", predicted, corpus, "--json", "--samples", 7, "--seed", 3)
    content = json.loads(result.stdout)
    assert content["calibration"] is None
    assert (content["intervals"]["samples"], content["intervals"]["seed"]) == (7, 3)
    assert content["breakdowns"]["surface form in training"]


def test_a_file_is_a_corpus_too(corpus: Path, predicted: Path) -> None:
    result = run("report", predicted, corpus / "test.jsonl", "--json")
    content = json.loads(result.stdout)
    assert content["split"] == "all"
    assert "surface form in training" not in content["breakdowns"]
    assert content["documents"][0]["place"] == f"{corpus / 'test.jsonl'}:1"
    stated = run("report", predicted, corpus / "test.jsonl", "--json", "--split", "dev")
    assert stated.exit_code == 2
    assert "there is no dev split" in stated.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["corpus"], "-o names the file to write"),
        (["corpus", "-o", "report.pdf"], "the ending '.pdf' is not that of a report"),
        (["corpus", "-o", "r.html", "--thresholds", "0.5"], "RUN is a file"),
        (["corpus", "-o", "nowhere/report.html"], "nowhere: the folder does not exist"),
        (["corpus", "-o", "corpus", "--to", "html"], "corpus: this is a folder"),
        (["corpus", "-o", "r.html", "--split", "dev"], "there is no dev split"),
        (["nothing", "-o", "r.html"], "nothing: there is no such file or folder"),
    ],
)
def test_bad_input_is_an_error_and_writes_nothing(
    arguments: list[str],
    message: str,
    corpus: Path,
    predicted: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(corpus.parent)
    before = sorted(corpus.parent.iterdir())
    result = run("report", predicted.name, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(corpus.parent.iterdir()) == before


@pytest.mark.parametrize("output", ["predicted.jsonl", "corpus/test.jsonl", "corpus/../link"])
def test_what_is_read_is_not_replaced(output: str, corpus: Path, predicted: Path) -> None:
    (corpus.parent / "link").symlink_to(corpus / "train.jsonl")
    before = {path: path.read_bytes() for path in (predicted, *corpus.iterdir())}
    result = run("report", predicted, corpus, "-o", corpus.parent / output, "--to", "json")
    assert result.exit_code == 2
    assert f"{output}: this file is read, and the output would replace it" in result.stderr
    assert {path: path.read_bytes() for path in before} == before
    beside = corpus / "report.json"
    for _ in "ab":
        assert run("report", predicted, corpus, "-o", beside).exit_code == 0


def test_predictions_for_other_texts_are_refused(corpus: Path, predicted: Path) -> None:
    write_documents([Document("something else")], predicted)
    output = corpus.parent / "report.html"
    output.write_text("what was there before")
    assert run("report", predicted, corpus, "-o", output).exit_code == 2
    assert output.read_text() == "what was there before"


def test_a_terminal_gets_no_control_characters(corpus: Path, predicted: Path) -> None:
    output = corpus.parent / "\x1b[31mred.html"
    result = run("report", predicted, corpus, "-o", output)
    assert result.exit_code == 0
    assert "\x1b" not in result.stderr
