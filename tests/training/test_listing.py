"""`nerine runs`: the runs in a folder; and comparing runs whose records name their corpus."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import runs
from nerine.cli import main
from nerine.core.errors import CheckpointError
from nerine.data.corpus import load_corpus
from nerine.data.formats import write_documents
from nerine.training.listing import list_runs
from tiny import add_onnx


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = runs.write_corpus(tmp_path_factory.mktemp("listing") / "posts")
    write_documents(runs.corpus(60).train[40:], folder / "test.conll")
    return folder


@pytest.fixture(scope="module")
def folder(
    corpus: Path, encoder_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with two runs that ended, one of them optimised, and one that did not end."""
    place = tmp_path_factory.mktemp("runs")
    loaded = load_corpus(corpus)
    runs.small_run(place / "a", encoder_of("bert"), corpus=loaded, epochs=1)
    shutil.copytree(place / "a", place / "inner" / "b")
    add_onnx(place / "inner" / "b")
    runs.small_run(place / "c", encoder_of("bert"), corpus=loaded, epochs=1, masking=0.5)
    (place / "cut").mkdir()
    shutil.copy(place / "a" / "run.json", place / "cut")
    (place / "empty").mkdir()
    (place / ".hidden").mkdir()
    shutil.copy(place / "a" / "run.json", place / ".hidden")
    return place


def test_runs_are_listed_with_what_their_records_say(folder: Path, corpus: Path) -> None:
    found = {each.folder.relative_to(folder).as_posix(): each for each in list_runs(folder)}
    assert [*found] == ["a", "c", "cut", "inner/b"]
    assert [each.state for each in found.values()] == ["ended", "ended", "not ended", "ended"]
    assert {each.corpus for each in found.values()} == {str(corpus)}
    info = json.loads((folder / "a/nerine.json").read_text())
    first = found["a"]
    assert first.f1 == info["scores"]["validation"]["f1"]
    assert first.seconds == info["provenance"]["seconds"]
    assert first.bytes == (folder / "a/model.safetensors").stat().st_size
    assert (first.optimized, first.chosen) == ((), "pytorch")
    assert (found["inner/b"].optimized, found["inner/b"].chosen) == (("onnx-fp32",), "onnx-fp32")
    assert first.recipe is not None
    assert first.recipe.startswith("default")
    assert "masking=0.5" not in first.recipe
    assert "masking=0.5" in str(found["c"].recipe)


def test_a_run_alone_and_an_unreadable_one(folder: Path, tmp_path: Path) -> None:
    assert [each.folder for each in list_runs(folder / "a")] == [folder / "a"]
    assert list_runs(folder / "empty") == []
    for name, text in (("a", "{"), ("b", '{"provenance": 1}'), ("c", "[]")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "nerine.json").write_text(text)
    found = list_runs(tmp_path)
    assert [each.state for each in found] == ["unreadable"] * 3
    assert all(each.fault for each in found)
    with pytest.raises(CheckpointError, match="no such folder"):
        list_runs(tmp_path / "nowhere")


def test_the_command_prints_a_table_or_json(folder: Path, corpus: Path) -> None:
    result = run("runs", folder)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert " ".join(lines[0].split()) == "run corpus recipe validation F1 minutes MB optimised"
    assert [line.split()[:2] for line in lines[2:6]] == [
        [str(folder / name), str(corpus)] for name in ("a", "c", "cut", "inner/b")
    ]
    assert "onnx-fp32*" in lines[5]
    assert "not ended" in lines[4]
    shown = json.loads(run("runs", folder, "--json").stdout)
    assert shown["runs"] == json.loads(json.dumps([each.to_dict() for each in list_runs(folder)]))
    assert "no training runs" in run("runs", folder / "empty").stdout
    result = run("runs", folder / "nowhere")
    assert (result.exit_code, result.stdout) == (2, "")


def test_runs_are_compared_on_the_corpus_that_their_records_name(
    folder: Path, corpus: Path
) -> None:
    first, second = folder / "a", folder / "c"
    few = ("--samples", 9, "--json")
    result = run("compare", first, second, *few)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    expected = json.loads(run("compare", corpus, first, second, *few).stdout)
    note = f"the corpus is {corpus}, as the records of the checkpoints say"
    assert {*found["notes"]} - {*expected["notes"]} == {note}
    assert {**found, "notes": []} == {**expected, "notes": []}
    named = json.loads(run("compare", f"x={first}", f"y={second}", *few).stdout)
    assert [system["name"] for system in named["systems"]] == ["x", "y"]


def test_runs_of_different_corpora_are_not_compared_unasked(
    folder: Path, corpus: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(folder / "c", tmp_path / "other")
    given = shutil.copytree(corpus, tmp_path / "posts")
    write_documents(runs.corpus(30).train, given / "train.conll")
    for name, key in (("run.json", None), ("nerine.json", "provenance")):
        content = json.loads((other / name).read_text())
        part = content if key is None else content[key]["corpus"]
        part["source"], part["hash"] = str(given), load_corpus(given).hash
        (other / name).write_text(json.dumps(content))
    for arguments, message in (
        ((folder / "a", other), "were trained on different corpora"),
        ((folder / "a", corpus / "test.conll"), "not a checkpoint with a record"),
    ):
        result = run("compare", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert message in result.stderr
        assert "nerine compare CORPUS SYSTEM SYSTEM" in result.stderr
