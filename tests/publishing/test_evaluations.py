"""Evaluations saved with a checkpoint: contents, weights, and what they never contain."""

from __future__ import annotations

import dataclasses
import getpass
import json
import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import runs
from nerine.cli import main
from nerine.core.document import Document, digest_of, parts_of
from nerine.core.errors import CheckpointError, TrainingError
from nerine.core.filenames import EVALUATIONS_FILE, INFO_FILE, WEIGHTS_FILE
from nerine.core.files import file_hash
from nerine.core.sketches import split_record
from nerine.data.corpus import Corpus, load_corpus
from nerine.data.formats import write_documents
from nerine.evaluation.contamination import Role, TrainingTexts
from nerine.evaluation.epochs import EpochRecord
from nerine.evaluation.evaluate import evaluate_predictions
from nerine.hub.names import RepoName
from nerine.hub.snapshot import Snapshot
from nerine.model.loading.sources import Source
from nerine.model.provenance.conditions import hardware
from nerine.model.provenance.sources import corpus_kind, encoder_source, shown_name, without_paths
from nerine.model.tagger import Tagger
from nerine.publishing.evaluation_record import CorpusOrigin, EvaluationRecord, evaluation_record
from nerine.publishing.evaluations import read_evaluations, save_evaluation
from nerine.publishing.roles import role_of
from nerine.training.run import TrainingRun
from tiny import LABELS, documents

MANIFEST = "complete.json"
CORPUS = Corpus({"test": tuple(documents())}, LABELS, "/home/somebody/secret/posts")


def record_of(tagger: Tagger, **changes: Any) -> EvaluationRecord:
    assessment = evaluate_predictions(
        documents(), tagger.predict(documents()), split="test", samples=9
    )
    record = evaluation_record(CORPUS, assessment, seconds=1.5)
    return dataclasses.replace(record, **changes)


@pytest.fixture
def folder(checkpoint_of: Callable[..., Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint_of("bert"), tmp_path / "run"))


@pytest.fixture(scope="module")
def trained(
    encoder_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> TrainingRun:
    """A run whose validation split was held out of a corpus without one."""
    place = tmp_path_factory.mktemp("trained") / "run"
    given = runs.corpus(40, validation=False)
    return runs.small_run(place, encoder_of("bert"), corpus=given, epochs=1)


def provenance_of(run: Path) -> dict[str, Any]:
    info: dict[str, Any] = json.loads((run / INFO_FILE).read_text())
    found: dict[str, Any] = info["provenance"]
    return found


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def test_what_is_saved_is_read_again(folder: Path, tagger: Tagger) -> None:
    assert read_evaluations(folder) == ()
    record = record_of(tagger)
    place = save_evaluation(folder, record)
    assert place == folder / EVALUATIONS_FILE
    assert [each.to_dict() for each in read_evaluations(folder)] == [
        json.loads(json.dumps(record.to_dict()))
    ]
    data = json.loads(place.read_text())
    weights = json.loads((folder / INFO_FILE).read_text())["weights"]["sha256"]
    assert (data["format"], data["weights"]) == (1, weights)


def test_scores_are_those_of_the_assessment(tagger: Tagger) -> None:
    predicted = tagger.predict(documents())
    expected = evaluate_predictions(documents(), predicted, split="test", samples=9).to_dict()
    found = record_of(tagger).scores
    assert {**found, "analysis": None} == {**expected, "analysis": None}
    assert found["analysis"]["confusion"] == expected["analysis"]["confusion"]
    assert {*found["analysis"]} == {"outcomes", "labels", "confusion"}


def test_a_later_evaluation_of_the_same_kind_takes_the_place(folder: Path, tagger: Tagger) -> None:
    others: list[dict[str, Any]] = [
        {"backend": "onnx-int8"},
        {"split": "validation"},
        {"thresholds": {"value": 0.5, "labels": {}}},
        {"texts": "0" * 64},
    ]
    for changes in ({}, *others):
        save_evaluation(folder, record_of(tagger, **changes))
    assert len(read_evaluations(folder)) == 1 + len(others)
    for changes in ({}, *others):
        save_evaluation(folder, record_of(tagger, seconds=7.0, **changes))
    found = read_evaluations(folder)
    assert len(found) == 1 + len(others)
    assert {each.seconds for each in found} == {7.0}


def test_evaluations_of_other_weights_are_never_used(folder: Path, tagger: Tagger) -> None:
    place = save_evaluation(folder, record_of(tagger))
    data = json.loads(place.read_text())
    place.write_text(json.dumps({**data, "weights": "0" * 64}))
    before = place.read_bytes()
    for use in (
        lambda: read_evaluations(folder),
        lambda: save_evaluation(folder, record_of(tagger)),
    ):
        with pytest.raises(CheckpointError, match="of other weights") as caught:
            use()
        assert caught.value.place == str(place)
        assert "nerine evaluate" in str(caught.value.hint)
    assert place.read_bytes() == before


def with_first(data: dict[str, Any], **changes: Any) -> str:
    return json.dumps({**data, "evaluations": [{**data["evaluations"][0], **changes}]})


@pytest.mark.parametrize(
    "change",
    [
        lambda data: "{",
        lambda data: "[]",
        lambda data: "[" * 100_000,
        lambda data: json.dumps({**data, "format": 2}),
        lambda data: json.dumps({**data, "evaluations": [{}]}),
        lambda data: json.dumps({**data, "evaluations": [{**data["evaluations"][0], "x": 1}]}),
        lambda data: json.dumps(
            {**data, "evaluations": [{**data["evaluations"][0], "scores": {}}]}
        ),
        lambda data: "\udcff",
    ],
)
def test_a_damaged_file_is_an_error_and_stays(
    change: Callable[[Any], str], folder: Path, tagger: Tagger
) -> None:
    place = save_evaluation(folder, record_of(tagger))
    place.write_bytes(change(json.loads(place.read_text())).encode("utf-8", "surrogateescape"))
    before = place.read_bytes()
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_evaluations(folder)
    with pytest.raises(CheckpointError, match="cannot be read"):
        save_evaluation(folder, record_of(tagger))
    assert place.read_bytes() == before


def test_what_cannot_be_written_leaves_the_file_as_it_was(
    folder: Path, tagger: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = save_evaluation(folder, record_of(tagger))
    before, files = place.read_bytes(), {*folder.iterdir()}

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CheckpointError, match="No space left"):
        save_evaluation(folder, record_of(tagger, backend="onnx-fp32"))
    assert place.read_bytes() == before
    assert {*folder.iterdir()} == files


def test_a_folder_without_a_checkpoint_is_refused(tmp_path: Path, tagger: Tagger) -> None:
    with pytest.raises(CheckpointError, match=r"there is no nerine\.json"):
        save_evaluation(tmp_path, record_of(tagger))
    assert [*tmp_path.iterdir()] == []


def test_any_label_can_be_kept(folder: Path, tagger: Tagger) -> None:
    label = "a\ud800|<script>\n"
    record = record_of(tagger)
    scores = {**record.scores, "labels": {label: record.scores["overall"]}}
    save_evaluation(folder, dataclasses.replace(record, scores=scores))
    assert [*read_evaluations(folder)[0].scores["labels"]] == [label]


def test_no_text_and_no_folder_is_told(folder: Path, tagger: Tagger) -> None:
    told = save_evaluation(folder, record_of(tagger)).read_text()
    assert "somebody" not in told
    assert '"source": "posts"' in told
    surfaces = {each.surface(entity) for each in documents() for entity in each.entities}
    assert not [each for each in surfaces if re.search(rf"\b{re.escape(each)}\b", told)]


def test_training_records_no_user_machine_or_folder(trained: TrainingRun) -> None:
    found = without_paths({"provenance": provenance_of(trained.folder)})["provenance"]
    told = json.dumps(found)
    assert str(trained.folder.parent) not in told
    assert "/tmp" not in told
    assert found["encoder"] == {"name": found["settings"]["encoder"], "kind": "folder"}
    words = set(re.findall(r"[\w.-]+", told))
    assert not words & {getpass.getuser(), socket.gethostname()}


def test_training_records_the_splits_that_it_used(trained: TrainingRun) -> None:
    provenance = provenance_of(trained.folder)
    divided = runs.corpus(40, validation=False).hold_out_validation(0.2, seed=5)
    for name, split in divided.splits.items():
        found = provenance["splits"][name]
        assert found["texts"] == digest_of(parts_of(split))
        assert found["documents"] == len(split)
    assert {*provenance["splits"]} == {"train", "validation"}
    assert provenance["corpus"]["hash"] == divided.hash
    assert provenance["corpus"]["given"] == runs.corpus(40, validation=False).hash


def test_training_records_its_machine_and_its_time(trained: TrainingRun) -> None:
    provenance = provenance_of(trained.folder)
    found = provenance["hardware"]
    assert found == hardware(found["device"])
    assert found["cores"] >= 1
    assert found["processor"]
    assert provenance["seconds"] >= trained.epochs[-1].seconds
    assert provenance["began"] <= provenance["ended"]


class _Stop:
    """Raises when the second epoch has been scored."""

    def started(self, step: int, steps: int) -> None: ...
    def stepped(self, step: int) -> None: ...
    def evaluated(self, record: EpochRecord, *, best: bool) -> None:
        if record.epoch == 2:
            raise TrainingError("stopped")


def resumed(
    folder: Path, encoder: Path, change: Callable[[dict[str, Any]], object]
) -> dict[str, Any]:
    """The provenance of a run that stopped, and went on from a state whose own was changed."""
    with pytest.raises(TrainingError, match="stopped"):
        runs.small_run(folder, encoder, listener=_Stop())
    (state,) = folder.glob("checkpoints/step-*")
    info, manifest = (json.loads((state / name).read_text()) for name in (INFO_FILE, MANIFEST))
    change(info["provenance"])
    (state / INFO_FILE).write_text(json.dumps(info))
    manifest[INFO_FILE] = file_hash(state / INFO_FILE)
    (state / MANIFEST).write_text(json.dumps(manifest))
    return provenance_of(runs.small_run(folder, encoder, resume=True).folder)


def test_a_resumed_run_adds_up_its_time(encoder_of: Callable[[str], Path], tmp_path: Path) -> None:
    earlier = {"seconds": 1000.0, "began": "2020-01-01T00:00:00+00:00"}
    found = resumed(tmp_path / "run", encoder_of("bert"), lambda before: before.update(earlier))
    assert 1000 < found["seconds"] < 1100
    assert found["began"] == earlier["began"] < found["ended"]


def test_a_run_resumed_from_an_older_state_claims_no_time(
    encoder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    found = resumed(tmp_path / "run", encoder_of("bert"), lambda before: before.pop("seconds"))
    assert "seconds" not in found
    assert "ended" in found


# What texts were to a checkpoint


def texts(*names: str) -> tuple[Document, ...]:
    return tuple(Document(name) for name in names)


TRAIN, VALIDATION = texts(*(f"t{n}" for n in range(40))), texts(*(f"v{n}" for n in range(10)))


def info_of(**more: Any) -> dict[str, Any]:
    splits = {"train": split_record(TRAIN), "validation": split_record(VALIDATION)}
    corpus = {"source": "posts", "kind": "files", "hash": "c" * 64}
    return {"provenance": {"corpus": corpus, "splits": splits}, **more}


def role_of_texts(
    documents: tuple[Document, ...], info: dict[str, Any], split: str = "test", **changes: Any
) -> Role:
    corpus = Corpus({"test": documents}, (), "posts")
    seen = TrainingTexts(info["provenance"]).contamination(documents, split=split)
    assessment = evaluate_predictions(
        documents, documents, split=split, samples=2, contamination=seen
    )
    record = evaluation_record(corpus, assessment)
    return role_of(dataclasses.replace(record, **changes), info)


@pytest.mark.parametrize(
    ("documents", "role"),
    [
        (TRAIN, Role.TRAINED),
        (TRAIN[::-1], Role.TRAINED),
        (TRAIN[:5], Role.TRAINED),
        ((*TRAIN, *VALIDATION), Role.TRAINED),
        (VALIDATION, Role.CHOSE),
        ((*VALIDATION[2:], *texts("a", "b")), Role.CHOSE),
        (texts("a", "b", "c"), Role.UNSEEN),
        ((*texts("a", "b", "c"), TRAIN[0]), Role.UNSEEN),
    ],
)
def test_texts_are_known_whatever_they_are_called(
    documents: tuple[Document, ...], role: Role
) -> None:
    for split in ("train", "validation", "test", "all"):
        assert role_of_texts(documents, info_of(), split) is role


def test_texts_learned_from_without_labels_are_known() -> None:
    info, others = info_of(), texts(*(f"u{n}" for n in range(20)))
    info["provenance"]["splits"]["unlabelled"] = split_record(others)
    assert role_of_texts(others[3:], info) is Role.READ
    assert role_of_texts((*others[:3], *texts("a", "b", "c", "d")), info) is Role.UNSEEN
    assert role_of_texts((*VALIDATION, *others[:10]), info) is Role.CHOSE


@pytest.mark.parametrize(
    ("split", "corpus", "role"),
    [
        ("train", "c", Role.TRAINED),
        ("validation", "c", Role.CHOSE),
        ("test", "c", Role.UNSEEN),
        ("all", "c", Role.UNKNOWN),
        ("test", "d", Role.UNKNOWN),
    ],
)
def test_corpus_and_split_decide_for_an_older_checkpoint(
    split: str, corpus: str, role: Role
) -> None:
    info = info_of()
    del info["provenance"]["splits"]
    origin = CorpusOrigin("posts", corpus * 64, "files")
    assert role_of_texts(TRAIN, info, split, corpus=origin) is role
    assert role_of_texts(TRAIN, {"provenance": {}}, split, corpus=origin) is Role.UNKNOWN


def test_texts_on_which_thresholds_were_fitted_chose_them() -> None:
    fitted = {"value": 0.5, "labels": {}, "corpus": "e" * 64, "split": "validation"}
    info = info_of(thresholds=fitted)
    given: dict[str, Any] = {"corpus": CorpusOrigin("posts", "e" * 64, "files")}
    kept = {"value": 0.5, "labels": {}}
    other = texts("a", "b")
    assert role_of_texts(other, info, "validation", **given, thresholds=kept) is Role.CHOSE
    assert role_of_texts(other, info, "validation", **given) is Role.UNSEEN
    assert role_of_texts(other, info, "test", **given, thresholds=kept) is Role.UNSEEN


# Names


@pytest.mark.parametrize(
    ("name", "kind", "shown"),
    [
        ("/home/ana/data/posts", None, "posts"),
        ("/home/ana/data/posts/", "files", "posts"),
        ("~/posts", None, "posts"),
        ("../posts.jsonl", None, "posts.jsonl"),
        ("C:\\Users\\ana\\posts", None, "posts"),
        ("data/posts", "files", "posts"),
        ("data/posts", None, "data/posts"),
        ("owner/posts", "hub", "owner/posts"),
        ("a/b/c", None, "c"),
        ("sample", "bundled", "sample"),
        ("/", "files", "a folder"),
        ("..", "files", "a folder"),
    ],
)
def test_folders_above_a_corpus_are_not_shown(name: str, kind: str | None, shown: str) -> None:
    assert shown_name(name, kind) == shown


def test_where_a_corpus_and_an_encoder_are_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "posts").mkdir(parents=True)
    kinds = {"sample": "bundled", "data/posts": "files", "owner/posts": "hub", "a test": "files"}
    assert {name: corpus_kind(name) for name in kinds} == kinds
    assert corpus_kind("owner/posts@main") == "hub"
    here, commit = tmp_path / "data" / "posts", "a" * 40
    pulled = Snapshot(RepoName("owner/posts", "main"), commit, {})
    for origin, expected in (
        (Source("data/posts", here), {"name": "posts", "kind": "folder"}),
        (Source("package:x", here), {"name": "package:x", "kind": "package"}),
        (
            Source("owner/posts", here, pulled),
            {"name": "owner/posts", "kind": "hub", "commit": commit},
        ),
    ):
        assert encoder_source(origin) == expected


def test_published_records_name_no_folders() -> None:
    info = {
        "provenance": {
            "corpus": {"source": "/home/ana/posts", "kind": "files"},
            "settings": {"encoder": "/home/ana/encoder", "seed": 1},
            "encoder": {"name": "encoder", "kind": "folder"},
            "teacher": {"source": "/home/ana/teacher"},
        },
        "weights": {"sha256": "0"},
    }
    before = json.dumps(info)
    public = without_paths(info)
    assert "ana" not in json.dumps(public)
    assert public["provenance"]["settings"] == {"encoder": "encoder", "seed": 1}
    assert json.dumps(info) == before
    assert without_paths({}) == {}


# The command


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    place = tmp_path / "corpus"
    place.mkdir()
    for name in ("train", "test"):
        write_documents(documents(), place / f"{name}.conll")
    return place


def test_evaluate_saves_what_it_shows(folder: Path, corpus: Path) -> None:
    before = {file: file.read_bytes() for file in folder.iterdir()}
    result = run("evaluate", folder, corpus, "--save", "--samples", 9)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"saved in {folder / EVALUATIONS_FILE}"
    shown = json.loads(run("evaluate", folder, corpus, "--save", "--samples", 9, "--json").stdout)
    (record,) = read_evaluations(folder)
    assert shown["saved"] == str(folder / EVALUATIONS_FILE)
    assert record.split == shown["split"] == "test"
    assert record.corpus == CorpusOrigin("corpus", load_corpus(corpus).hash, "files")
    assert record.scores["overall"] == shown["overall"]
    assert record.backend == "pytorch"
    assert record.seconds > 0
    assert all(file.read_bytes() == content for file, content in before.items())


def test_without_save_nothing_is_written(folder: Path, corpus: Path) -> None:
    assert run("evaluate", folder, corpus, "--samples", 9).exit_code == 0
    assert not (folder / EVALUATIONS_FILE).exists()


def test_evaluate_refuses_to_save_what_means_nothing(trained: TrainingRun, tmp_path: Path) -> None:
    given = runs.corpus(40, validation=False)
    file = tmp_path / "posts.jsonl"
    write_documents(given.train, file)
    result = run("evaluate", trained.folder, file, "--save")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "was trained on the texts" in result.stderr
    held_out = tmp_path / "other.jsonl"
    write_documents(given.hold_out_validation(0.2, seed=5).validation, held_out)
    result = run("evaluate", trained.folder, held_out, "--save", "--samples", 9)
    assert result.stdout.startswith("note: 8 of these 8 texts chose its epoch or its thresholds")
    assert read_evaluations(trained.folder)[0].split == "all"
    for name, options, message in (
        ("someone/model", [], "there is no nerine.json to save evaluations in"),
        (trained.folder, ["--scheme", "IOB1"], "other settings"),
    ):
        result = run("evaluate", name, held_out, "--save", *options)
        assert (result.exit_code, result.stdout) == (2, "")
        assert message in result.stderr


def test_the_weights_are_checked_before_anything_is_saved(folder: Path, tagger: Tagger) -> None:
    weights = folder / WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="the weights are not"):
        save_evaluation(folder, record_of(tagger))
    assert not (folder / EVALUATIONS_FILE).exists()
