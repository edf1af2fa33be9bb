"""Functions take a corpus or its name, and a tagger or the name of its checkpoint, alike."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import nerine
from runs import corpus, write_corpus


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A corpus in files."""
    return write_corpus(tmp_path / "corpus")


@pytest.fixture
def checkpoint(checkpoint_of: Callable[..., Path], tmp_path: Path) -> Path:
    """A checkpoint of one's own, which may be written to."""
    return Path(shutil.copytree(checkpoint_of("bert"), tmp_path / "checkpoint"))


def test_a_corpus_by_its_name_is_the_corpus(folder: Path) -> None:
    loaded = nerine.load_corpus(folder)
    assert nerine.describe_corpus(folder) == nerine.describe_corpus(loaded)
    assert nerine.split_corpus(str(folder), validation=0, test=0.2) == nerine.split_corpus(
        loaded, validation=0, test=0.2
    )
    folds = nerine.fold_corpora(folder, 2)
    assert [each.hash for each in folds.values()] == [
        each.hash for each in nerine.fold_corpora(loaded, 2).values()
    ]


def test_a_corpus_by_its_name_is_checked_as_the_command_checks_it(tmp_path: Path) -> None:
    """Broken tags are repaired and found."""
    file = tmp_path / "train.conll"
    file.write_text("Mira O\nLisbon I-location\n\nOslo B-location\n", encoding="utf-8")
    options = nerine.ReadOptions(repair=True)
    loaded = nerine.load_corpus(file, options=options, for_checking=True)
    report = nerine.check_corpus(file)
    assert report == nerine.check_corpus(loaded)
    assert f"{file}:2" in [finding.place for finding in report.findings]


def test_training_takes_a_folder_and_so_does_its_plan(
    folder: Path, encoder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    encoder = str(encoder_of("bert"))
    settings = nerine.TrainingSettings(encoder=encoder, epochs=1)
    plan = nerine.plan_training(folder, settings)
    assert plan.given == nerine.load_corpus(folder).hash
    run = nerine.train(folder, output=tmp_path / "run", encoder=encoder, epochs=1)
    conditions = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    assert conditions["corpus"] == plan.given


def test_evaluate_takes_names(checkpoint: Path, folder: Path) -> None:
    loaded, tagger = nerine.load_corpus(folder), nerine.Tagger.load(checkpoint, device="cpu")
    expected = nerine.evaluate(
        tagger, loaded.validation, train=loaded.train, split="validation", samples=50
    )
    by_names = nerine.evaluate(str(checkpoint), folder, split="validation", samples=50)
    assert by_names.to_dict() == expected.to_dict()
    with pytest.raises(nerine.CorpusError, match="there is no test split"):
        nerine.evaluate(tagger, loaded)
    with pytest.raises(nerine.CorpusError, match="no such file"):
        nerine.evaluate(tagger, folder / "elsewhere.conll")


def test_a_single_file_needs_no_split(checkpoint: Path, folder: Path) -> None:
    found = nerine.evaluate(checkpoint, folder / "validation.conll", samples=50)
    assert found.signature.split == "all"
    assert len(found.analysis.gold) == len(corpus().validation)


def test_explain_and_report_take_names(checkpoint: Path, folder: Path, tmp_path: Path) -> None:
    tagger = nerine.Tagger.load(checkpoint, device="cpu")
    assert str(nerine.explain(checkpoint, "Mira left.")) == str(
        nerine.explain(tagger, "Mira left.")
    )
    made = nerine.report(checkpoint, folder, split="validation", samples=50)
    assert made.scores == nerine.report(tagger, folder, split="validation", samples=50).scores
    assert made.places[0].startswith(str(folder))
    for name, beginning in (("a.html", "<!DOCTYPE html>"), ("a.md", "# "), ("a.json", "{")):
        nerine.write_report(made, tmp_path / name)
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(beginning)
    with pytest.raises(nerine.FormatError, match=r"the ending '\.txt'"):
        nerine.write_report(made, tmp_path / "a.txt")
    nerine.write_report(made, tmp_path / "a.txt", "json")


def test_scores_on_training_texts_say_so(
    folder: Path, encoder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    encoder = str(encoder_of("bert"))
    run = nerine.train(folder, output=tmp_path / "run", encoder=encoder, epochs=1)
    evaluation = nerine.evaluate(run.folder, folder, split="train", samples=50)
    said = f"the checkpoint was trained on {len(corpus().train)} of these"
    assert str(evaluation).startswith(said)
    made = nerine.report(run.folder, folder, split="train", samples=50)
    assert made.is_contaminated
    assert made.seen_texts.startswith(said)


def test_files_are_tagged_by_a_name(checkpoint: Path, tmp_path: Path) -> None:
    posts = tmp_path / "posts.txt"
    posts.write_text("Mira left Lisbon.\n", encoding="utf-8")
    nerine.tag_files(str(checkpoint), str(posts), tmp_path / "one.jsonl")
    nerine.tag_files(nerine.Tagger.load(checkpoint), [posts], tmp_path / "two.jsonl")
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()


def test_thresholds_are_fitted_and_saved(checkpoint: Path, folder: Path) -> None:
    tagger = nerine.Tagger.load(checkpoint, device="cpu", thresholds=0.9)
    fitted = nerine.calibrate(tagger, folder)
    assert tagger.thresholds == nerine.Thresholds(0.9), "the tagger is as it was"
    assert fitted == nerine.calibrate(str(checkpoint), folder, save=True)
    saved = nerine.Tagger.load(checkpoint, device="cpu", thresholds="saved")
    assert saved.thresholds == fitted.thresholds
    with pytest.raises(nerine.SettingsError, match="not fitted on the train split"):
        nerine.calibrate(checkpoint, folder, split="train", save=True)


def test_label_errors_take_names(checkpoint: Path, folder: Path) -> None:
    found = nerine.find_label_errors(folder, ["validation"], checkpoint)
    assert found.documents == len(corpus().validation)


def test_a_tagger_stands_for_its_checkpoint(
    checkpoint: Path, encoder_of: Callable[[str], Path]
) -> None:
    from nerine.model.given import name_of
    from nerine.model.loading.checkpoint import load_checkpoint

    tagger = nerine.Tagger.load(checkpoint, device="cpu")
    assert name_of(tagger) == nerine.find_source(checkpoint)
    in_memory = nerine.Tagger.from_checkpoint(load_checkpoint(checkpoint))
    with pytest.raises(nerine.ArgumentError, match="made in memory"):
        nerine.plan_push(in_memory, "mira/one")


def test_a_corpus_is_made_of_documents() -> None:
    whole = corpus()
    made = nerine.Corpus.from_documents(
        train=whole.train, validation=list(whole.validation), source="memory"
    )
    assert (made.splits, made.labels, made.hash) == (whole.splits, whole.labels, whole.hash)
    assert made.place("train", 3) == "memory, train document 3"
    with pytest.raises(nerine.CorpusError, match="there are no documents"):
        nerine.Corpus.from_documents()
