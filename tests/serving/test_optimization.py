"""`nerine optimize`: what is measured, what is chosen, and what is said."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import nerine
from dictionary import Opinion, make_dictionary
from nerine.cli import main
from nerine.core.document import Document, Entity
from nerine.core.errors import CheckpointError, CorpusError, SettingsError
from nerine.data.formats import write_documents
from nerine.evaluation.metrics import Counts
from nerine.evaluation.significance.intervals import Interval
from nerine.model.backends.saved import FP32, INT8, PYTORCH, read_saved
from nerine.model.loading.checkpoint import load_checkpoint
from nerine.model.tagger import Tagger
from nerine.serving.optimization.choice import choose
from nerine.serving.optimization.exporting import export
from nerine.serving.optimization.footprint import Footprint, Variant, measure_footprint
from nerine.serving.optimization.measuring import Agreement, Measurement, compare_with, rates
from nerine.serving.optimization.optimize import optimize
from tiny import documents

for _package in ("onnx", "onnxscript"):
    pytest.importorskip(_package, reason="needs the extra train")


def measured(variant: str, correct: int, rate: float) -> Measurement:
    """F1 is `correct` per 1000."""
    counts = Counts(correct=correct, predicted=1000, gold=1000)
    agreement = Agreement(counts, Interval(0, 1), 1.0, 1.0)
    return Measurement(variant, agreement, rate, 10, Footprint(None, 0.1))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


# --- the choice


@pytest.mark.parametrize(
    ("fp32", "int8", "chosen"),
    [
        ((600, 150.0), (600, 300.0), INT8),
        ((600, 150.0), (597, 300.0), INT8),  # 0.3 points, no more than is tolerated
        ((600, 150.0), (596, 300.0), FP32),
        ((596, 150.0), (596, 300.0), PYTORCH),
        ((600, 90.0), (600, 80.0), PYTORCH),
        ((600, 100.0), (600, 100.0), PYTORCH),  # of equals the more exact one
        ((600, 150.0), (620, 150.0), FP32),
    ],
)
def test_the_fastest_of_those_that_are_good_enough(
    fp32: tuple[int, float], int8: tuple[int, float], chosen: str
) -> None:
    choice = choose([measured(PYTORCH, 600, 100.0), measured(FP32, *fp32), measured(INT8, *int8)])
    assert choice.chosen == chosen
    assert set(choice.reasons) == {PYTORCH, FP32, INT8} - {chosen}
    assert chosen in choice.good_enough
    assert PYTORCH in choice.good_enough


def test_reasons_say_what_was_missing() -> None:
    choice = choose(
        [measured(PYTORCH, 600, 100.0), measured(FP32, 600, 150.0), measured(INT8, 590, 300.0)]
    )
    assert choice.reasons[INT8] == ("its F1 is 1.00 points below pytorch's, and 0.3 are tolerated")
    assert choice.reasons[PYTORCH] == "it tags 100 documents a second, onnx-fp32 150"
    assert choice.good_enough == (PYTORCH, FP32)


def test_where_one_entity_is_more_than_is_tolerated_a_reason_says_so() -> None:
    """Of 100 gold and 100 predicted entities, one that is lost takes a point of F1."""
    found = [
        Measurement(
            name,
            Agreement(Counts(correct, 100, 100), Interval(0, 1), 1.0, 1.0),
            rate,
            10,
            Footprint(None, 0.1),
        )
        for name, correct, rate in ((PYTORCH, 60, 100.0), (INT8, 59, 300.0))
    ]
    assert choose(found).reasons[INT8] == (
        "its F1 is 1.00 points below pytorch's, and 0.3 are tolerated; "
        "one entity more or less is 1.00 points here"
    )
    assert choose(found, 1.0).chosen == INT8


def test_the_tolerance_is_in_points_of_f1() -> None:
    measurements = [measured(PYTORCH, 600, 100.0), measured(INT8, 590, 300.0)]
    assert choose(measurements, 0.99).chosen == PYTORCH
    assert choose(measurements, 1.0).chosen == INT8
    assert choose(measurements, 0).good_enough == (PYTORCH,)


# --- what is measured


def test_agreement_is_counted_over_documents_and_entities() -> None:
    gold = documents()[:4]
    reference = [gold[0], gold[1], gold[2].with_entities([]), gold[3]]
    found = [
        gold[0],
        gold[1],
        gold[2].with_entities([]),
        gold[3].with_entities(gold[3].entities[:1]),
    ]
    opinion = compare_with(gold, reference, found)
    assert opinion.same_documents == 0.75
    total = sum(len(each.entities) for each in reference)
    left = total - len(gold[3].entities) + 1
    assert opinion.same_f1 == pytest.approx(2 * left / (total + left))
    assert opinion.counts.correct == left
    assert opinion.interval.low <= opinion.counts.f1 <= opinion.interval.high


def test_two_that_find_nothing_agree() -> None:
    bare = [each.with_entities([]) for each in documents()]
    opinion = compare_with(documents(), bare, bare)
    assert (opinion.same_documents, opinion.same_f1, opinion.counts.f1) == (1.0, 1.0, 0.0)


def test_rates_are_taken_in_turns() -> None:
    calls: list[tuple[str, int]] = []

    class Silent:
        def __init__(self, name: str) -> None:
            self.name = name

        def predict(self, texts: list[Document]) -> None:
            calls.append((self.name, len(texts)))

    taggers: dict[str, Any] = {"a": Silent("a"), "b": Silent("b")}
    found = rates(taggers, documents()[:1] * 2500)
    assert [name for name, _ in calls] == ["a", "b"] * 3
    assert {number for _, number in calls} == {834}  # each third
    assert all(rate > 0 for rate in found.values())


def test_a_process_of_its_own_says_what_it_needs(checkpoint_of: Callable[..., Path]) -> None:
    footprint = measure_footprint(
        Variant(PYTORCH, checkpoint_of("bert")), ["Mira left \ud800 Oslo."]
    )
    assert footprint.first_result > 0
    assert footprint.memory is None or footprint.memory > 0


def test_a_process_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho a long story >&2\necho KeyError: why >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(CheckpointError, match="cannot be measured: KeyError: why"):
        measure_footprint(Variant(PYTORCH, tmp_path), ["a"])


# --- all of it


@pytest.fixture(scope="module")
def model(checkpoint_of: Callable[..., Path]) -> Any:
    """The ONNX model of the tiny checkpoint, exported once."""
    return export(load_checkpoint(checkpoint_of("bert")).model, checkpoint_of("bert"))


@pytest.fixture
def quick(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without processes, which take seconds to import torch, and with one export for all."""
    monkeypatch.setattr("nerine.serving.optimization.variants.export", lambda *_: model)
    monkeypatch.setattr(
        "nerine.serving.optimization.optimize.measure_footprint",
        lambda *_: Footprint(memory=2_000_000, first_result=0.5),
    )


@pytest.fixture
def run_folder(checkpoint_of: Callable[..., Path], tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    shutil.copytree(checkpoint_of("bert"), folder)
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "dev.jsonl"
    write_documents(documents(), path)
    return path


def test_what_was_chosen_is_used_from_then_on(quick: None, run_folder: Path) -> None:
    said: list[str] = []
    result = optimize(run_folder, documents(), tolerance=100, say=said.append)
    assert [each.variant for each in result.measurements] == [PYTORCH, FP32, INT8]
    assert result.difference < 1e-5
    assert any("quantising" in each for each in said)
    saved = read_saved(run_folder)
    assert saved is not None
    assert saved.chosen == result.chosen
    assert set(saved.models) == {FP32, INT8}
    named = {**result.to_dict(), "checkpoint": run_folder.name}  # and no path
    assert saved.report == json.loads(json.dumps(named))
    assert Tagger.load(run_folder, device="cpu").inference.backend.name == result.chosen
    assert not list(run_folder.glob(".*"))
    sizes = {each.variant: each.size for each in result.measurements}
    assert sizes[INT8] < sizes[FP32]
    for name, model in saved.models.items():
        assert (run_folder / "onnx" / model.file).stat().st_size == sizes[name]


def test_a_variant_that_is_not_good_enough_is_not_kept(
    quick: None, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    optimize(run_folder, documents(), tolerance=100)

    def worthless(model: Any, *_: Any, **__: Any) -> Any:
        """The model with the classifier's bias far off."""
        changed = type(model)()
        changed.CopyFrom(model)
        for each in changed.graph.initializer:
            if each.name == "classifier.bias":
                each.raw_data = b"\x00\x00\xc8\xc2" * each.dims[0]
            if each.name == "classifier.weight":
                each.raw_data = bytes(len(each.raw_data))
        return changed

    monkeypatch.setattr("nerine.serving.optimization.variants.quantise", worthless)
    gold = Tagger.load(run_folder, device="cpu", backend="pytorch").predict(documents())
    result = optimize(run_folder, gold)
    assert INT8 not in result.choice.good_enough
    assert result.warnings == ()
    assert "points below pytorch's" in result.choice.reasons[INT8]
    assert {each.name for each in (run_folder / "onnx").iterdir()} == {
        "onnx.json",
        "model-fp32.onnx",
    }
    with pytest.raises(CheckpointError, match="onnx-int8 is not among") as info:
        Tagger.load(run_folder, device="cpu", backend="onnx-int8")
    assert info.value.expected == "onnx-fp32"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"tolerance": -1}, SettingsError, "-1 is not a valid tolerance"),
        ({"tolerance": float("nan")}, SettingsError, "not a valid tolerance"),
        ({"variants": ["pytorch", "fast"]}, SettingsError, "'fast' is unknown"),
        ({"documents": []}, CorpusError, "0 documents without an entity"),
        ({"documents": [Document("a")]}, CorpusError, "1 documents without an entity"),
        ({"checkpoint": "owner/name"}, CheckpointError, "no such folder"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    run_folder: Path, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    given = {"checkpoint": run_folder, "documents": documents(), **change}
    with pytest.raises(error, match=message):
        optimize(given.pop("checkpoint"), given.pop("documents"), **given)
    assert not (run_folder / "onnx").exists()


def test_the_command_prints_a_table(quick: None, run_folder: Path, data: Path) -> None:
    result = run("optimize", run_folder, data, "--split", "validation", "--tolerance", 100)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith(("note: ", "warning: "))
    assert "texts" in lines[0]
    assert [line.split()[0] for line in lines[4:7]] == [PYTORCH, FP32, INT8]
    assert "2.0 MB" in lines[4]
    assert sum(line.startswith("not ") for line in lines) == 2
    assert "is used from now on" in lines[-1]
    tagged = run("predict", run_folder, "Mira left Oslo.", "--backend", "onnx-int8", "--json")
    assert tagged.exit_code == 0, tagged.stderr


def test_a_checkpoint_that_is_not_there_is_not_asked_for_its_corpus(tmp_path: Path) -> None:
    result = run("optimize", tmp_path / "mistyped")
    assert result.exit_code == 2
    assert "mistyped: there is no such folder" in result.stderr


def test_the_command_prints_json(quick: None, run_folder: Path, data: Path) -> None:
    arguments = [data, "--tolerance", 100, "--variant", "onnx-fp32", "--json"]
    result = run("optimize", run_folder, *arguments)
    found = json.loads(result.stdout)
    assert next(iter(found)) == "contamination"
    assert found["contamination"]["documents"] == found["documents"]
    assert [each["variant"] for each in found["variants"]] == [PYTORCH, FP32]
    assert found["split"] == "validation"
    assert found["chosen"] in (PYTORCH, FP32)
    assert found["warnings"] == []
    assert {"f1", "interval", "same_documents", "documents_a_second", "bytes", "memory"} <= set(
        found["variants"][1]
    )


def test_a_model_that_finds_nothing_is_warned_of(
    quick: None, run_folder: Path, tmp_path: Path
) -> None:
    strange = [
        document.with_entities(replace(entity, label="animal") for entity in document.entities)
        for document in documents()
    ]
    write_documents(strange, tmp_path / "train.jsonl")
    arguments = [tmp_path / "train.jsonl", "--split", "train", "--variant", "onnx-fp32"]
    shown = run("optimize", run_folder, *arguments)
    assert shown.exit_code == 0
    warning = shown.stdout.splitlines()[-1]
    assert warning.startswith("warning: the model finds next to nothing in these documents, F1 0.0")
    found = json.loads(run("optimize", run_folder, *arguments, "--json").stdout)
    assert [f"warning: {each}" for each in found["warnings"]] == [warning]


def test_without_data_the_checkpoint_says_what_it_was_trained_on(
    quick: None, run_folder: Path, data: Path
) -> None:
    refused = run("optimize", run_folder)
    assert refused.exit_code == 2
    assert "does not say what it was trained on" in refused.stderr
    info = json.loads((run_folder / "nerine.json").read_text())
    for source, known, message in (
        (str(data.with_name("gone")), "0" * 64, "gone, which does not exist here"),
        (str(data), "0" * 64, "the corpus has changed since the checkpoint was trained on it"),
    ):
        info["provenance"] = {"corpus": {"source": source, "hash": known}}
        (run_folder / "nerine.json").write_text(json.dumps(info))
        refused = run("optimize", run_folder)
        assert refused.exit_code == 2
        assert message in refused.stderr
        assert f"nerine optimize {run_folder}" in refused.stderr
    info["provenance"]["corpus"]["hash"] = nerine.load_corpus(data).hash
    (run_folder / "nerine.json").write_text(json.dumps(info))
    assert run("optimize", run_folder, "--tolerance", 100).exit_code == 0


def test_a_corpus_without_a_validation_split_says_how_to_go_on(
    quick: None, run_folder: Path, data: Path, tmp_path: Path
) -> None:
    path = tmp_path / "own" / "train.jsonl"
    path.parent.mkdir()
    write_documents(documents(), path)
    refused = run("optimize", run_folder, path.parent, "--tolerance", 100)
    assert refused.exit_code == 2
    assert "there is no validation split to measure on" in refused.stderr
    # both ways of the hint are followed
    assert f"--split train measures on another one; nerine split {path.parent} -o FOLDER" in (
        " ".join(refused.stderr.split())
    )
    arguments = ["--tolerance", 100, "--variant", "onnx-fp32", "--json"]
    other = run("optimize", run_folder, path.parent, "--split", "train", *arguments)
    assert json.loads(other.stdout)["split"] == "train"
    assert run("split", path.parent, "-o", tmp_path / "new").exit_code == 0
    divided = run("optimize", run_folder, tmp_path / "new", *arguments)
    assert json.loads(divided.stdout)["split"] == "validation"


def test_without_data_the_documents_that_training_held_out_are_measured(
    quick: None, run_folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "train.jsonl"
    write_documents(documents(), path)
    given = nerine.load_corpus(path)
    used = given.hold_out_validation(0.3, 4)
    info = json.loads((run_folder / "nerine.json").read_text())
    info["provenance"] = {
        "corpus": {"source": str(path), "hash": used.hash, "given": given.hash},
        "settings": {"validation_fraction": 0.3, "seed": 4},
    }
    (run_folder / "nerine.json").write_text(json.dumps(info))
    result = run("optimize", run_folder, "--tolerance", 100, "--variant", "onnx-fp32", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["hash"] == used.hash


def test_the_path_of_the_corpus_is_that_of_the_run(
    quick: None, run_folder: Path, data: Path
) -> None:
    """`nerine.json` has the name of the corpus alone."""
    info = json.loads((run_folder / "nerine.json").read_text())
    info["provenance"] = {"corpus": {"source": data.name, "hash": nerine.load_corpus(data).hash}}
    (run_folder / "nerine.json").write_text(json.dumps(info))
    refused = run("optimize", run_folder)
    assert f"trained on {data.name}, which does not exist here" in refused.stderr
    (run_folder / "run.json").write_text(json.dumps({"source": str(data)}))
    assert run("optimize", run_folder, "--tolerance", 100).exit_code == 0
    report = json.loads((run_folder / "onnx" / "onnx.json").read_text())["report"]
    assert (report["corpus"], report["checkpoint"]) == (data.name, run_folder.name)


def test_a_stale_model_is_noted_on_standard_error(
    quick: None, run_folder: Path, data: Path
) -> None:
    assert run("optimize", run_folder, data, "--tolerance", 100).exit_code == 0
    info = json.loads((run_folder / "onnx" / "onnx.json").read_text())
    info["weights"] = "0" * 64
    (run_folder / "onnx" / "onnx.json").write_text(json.dumps(info))
    tagged = run("predict", run_folder, "Mira left Oslo.", "--json")
    assert tagged.exit_code == 0
    assert "note: PyTorch is used" in tagged.stderr
    assert "note" not in tagged.stdout
    refused = run("predict", run_folder, "Mira left Oslo.", "--backend", "onnx")
    assert refused.exit_code == 2
    assert "other weights" in refused.stderr


@pytest.mark.slow
def test_a_model_of_another_program_is_optimised_as_its_user_states_it(tmp_path: Path) -> None:
    names = {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}
    opinions: dict[str, Opinion] = {"Mira": "I-person", "Reyes": "I-person", "Okonjo": "I-person"}
    folder = make_dictionary(
        tmp_path / "model", opinions, ("O", "B-person", "I-person"), id2label=names
    )
    data = tmp_path / "dev.jsonl"
    write_documents([Document("Mira Okonjo left", (Entity(0, 11, "person"),))], data)
    stated = ["--tags", "LABEL_1=B-person,LABEL_2=I-person", "--scheme", "IOB1", "--words", "rule"]
    options = [data, "--variant", "onnx-fp32", "--tolerance", 100]
    assert "are unnamed" in run("optimize", folder, *options).stderr
    result = run("optimize", folder, *options, *stated, "--json")
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    assert [each["f1"] for each in answer["variants"]] == [1.0, 1.0]
    assert answer["notes"] == ["outputs that are not tags are read as O: LABEL_0"]
    made = read_saved(folder)
    assert made is not None
    assert made.notes == ()  # what another user states says other things of the words
    result = run("predict", folder, "Mira Okonjo left", *stated, "--backend", "onnx-fp32")
    assert result.exit_code == 0, result.stderr
    assert "tokenizer" not in result.stderr
    assert [each["end"] for each in json.loads(result.stdout)["entities"]] == [11]
