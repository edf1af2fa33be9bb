"""Corpora from which little can be learned: each gets a plan, an end and the right signs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import runs
from nerine.core.document import Document, Entity, labels_of
from nerine.core.errors import TrainingError
from nerine.data.corpus import Corpus
from nerine.evaluation.signs import learned_nothing
from nerine.model.loading.checkpoint import load_checkpoint, save_checkpoint
from nerine.model.tagger import Tagger
from nerine.training.plan import plan_training
from nerine.training.run import TrainingRun
from nerine.training.settings import TrainingSettings
from nerine.training.train import train
from runs import small_run

PRODUCT = Document("so the lamp broke", (Entity(7, 11, "product"),))
"""A document with an entity that nothing can be learned from."""


@pytest.fixture(scope="module")
def encoder(encoder_of: Callable[[str], Path]) -> Path:
    return encoder_of("bert")


def corpus_of(train: Iterable[Document], validation: Iterable[Document] | None = None) -> Corpus:
    splits = {"train": tuple(train)}
    if validation is not None:
        splits["validation"] = tuple(validation)
    return Corpus(splits, tuple(labels_of(splits["train"])), "a test")


def planned_run(corpus: Corpus, encoder: Path, folder: Path, **changes: Any) -> TrainingRun:
    """A run by the plan, which `train` makes; an encoder so small needs a high learning rate."""
    settings = TrainingSettings(
        encoder=str(encoder), max_length=64, overlap=8, learning_rate=1e-2
    ).changed(changes)
    plan = plan_training(corpus, settings)
    run = train(corpus, output=folder, settings=plan)
    assert run.epochs[-1].step == plan.settings.steps
    assert run.epochs[-1].documents == len(plan.corpus.validation)
    return run


def kinds(run: TrainingRun) -> set[str]:
    return {sign.kind for sign in run.signs}


def message(run: TrainingRun, kind: str) -> str:
    (sign,) = (sign for sign in run.signs if sign.kind == kind)
    return sign.message


def rainy(count: int) -> list[Document]:
    return [Document(f"it rained for {number} days") for number in range(count)]


def test_ten_sentences(encoder: Path, tmp_path: Path) -> None:
    given = corpus_of(runs.corpus().train[:10])
    run = planned_run(given, encoder, tmp_path / "run", validation_fraction=0.1)
    assert {"few-validation-entities", "label-rare"} <= kinds(run)
    assert not kinds(run) & {"learned-nothing", "no-validation-entities"}
    assert "only 2 entities in 1 document" in message(run, "few-validation-entities")
    best = max(record.f1 for record in run.epochs)
    equal = [record.validation_loss for record in run.epochs if record.f1 == best]
    assert (run.best.f1, run.best.validation_loss) == (best, min(equal))
    saved = json.loads((run.folder / "nerine.json").read_text())["signs"]
    assert saved == [sign.to_dict() for sign in run.signs]
    assert run.tagger(device="cpu").signs == run.signs


def test_ten_sentences_of_which_a_model_learns_nothing(encoder: Path, tmp_path: Path) -> None:
    documents = [Document(f"{'so ' * 20}Mira", (Entity(60, 64, "person"),))] * 10
    slow: dict[str, Any] = {"learning_rate": 1e-9, "crf": False}
    run = planned_run(corpus_of(documents[1:], documents[:1]), encoder, tmp_path / "run", **slow)
    assert run.learned_nothing
    assert "training-loss-stays" in kinds(run)
    assert {record.f1 for record in run.epochs} == {0.0}
    assert run.best.validation_loss == min(record.validation_loss for record in run.epochs)
    assert "0 of 1 validation entities, and 0 of 9" in message(run, "learned-nothing")
    assert learned_nothing(run.tagger(device="cpu").signs) == run.signs[0]
    loaded = Tagger.load(run.folder, device="cpu")
    assert loaded.notes == (run.signs[0].message,)
    save_checkpoint(tmp_path / "copy", load_checkpoint(run.folder))
    assert Tagger.load(tmp_path / "copy", device="cpu").signs == run.signs


def test_three_sentences_without_entities_in_validation(encoder: Path, tmp_path: Path) -> None:
    run = planned_run(corpus_of(runs.corpus().train, rainy(3)), encoder, tmp_path / "run")
    assert "no entities in 3 documents" in message(run, "no-validation-entities")
    assert not run.learned_nothing
    assert run.best.validation_loss == min(
        record.validation_loss for record in run.epochs if record.documents == 3
    )


def test_three_sentences_without_any_entity_are_an_error(encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="the training split has no entities") as raised:
        planned_run(corpus_of(rainy(3)), encoder, tmp_path / "run")
    assert "nerine describe" in str(raised.value.hint)
    assert not (tmp_path / "run").exists()


def test_entities_that_are_all_held_out_are_an_error(encoder: Path, tmp_path: Path) -> None:
    documents = [Document("Mira was here", (Entity(0, 4, "person"),)), *rainy(3)]
    given = Corpus(
        {"train": tuple(documents[1:]), "validation": tuple(documents[:1])}, ("person",), "a test"
    )
    with pytest.raises(TrainingError, match="all entities are in the documents that were held out"):
        planned_run(given, encoder, tmp_path / "run")


def test_sixty_labels(encoder: Path, tmp_path: Path) -> None:
    documents = [
        Document(f"so {name} left", (Entity(3, 3 + len(name), f"label-{number:02}"),))
        for number, name in enumerate(f"Mira{number}" for number in range(60))
    ]
    run = planned_run(corpus_of(documents * 2, documents), encoder, tmp_path / "run", steps=40)
    assert "60 labels with fewer than 10 training entities" in message(run, "label-rare")
    assert kinds(run) & {"learned-nothing", "label-never-predicted"}


def test_one_label_in_one_of_a_thousand_sentences(encoder: Path, tmp_path: Path) -> None:
    documents = [Document("Mira was here", (Entity(0, 4, "person"),)), *rainy(999)]
    given, settings = corpus_of(documents), TrainingSettings(encoder=str(encoder))
    assert 100 < (plan_training(given, settings).settings.steps or 0) < 2000
    run = planned_run(given, encoder, tmp_path / "run", steps=60, validation_fraction=0.1)
    assert "label-rare" in kinds(run)
    assert "person (1)" in message(run, "label-rare")
    assert "no entities in 100 documents" in message(run, "no-validation-entities")
    assert run.learned_nothing
    assert "0 of 1 entities of training documents" in message(run, "learned-nothing")


def test_one_label_in_all_of_a_thousand_sentences(encoder: Path, tmp_path: Path) -> None:
    names = ("Mira", "Ana", "Teun", "Bram")
    documents = [
        Document(
            f"{names[number % 4]} was in {number}", (Entity(0, len(names[number % 4]), "person"),)
        )
        for number in range(1000)
    ]
    run = planned_run(corpus_of(documents), encoder, tmp_path / "run", steps=100)
    assert run.best.f1 > 0.9
    assert not kinds(run) & {"learned-nothing", "label-rare", "few-validation-entities"}


def test_a_label_that_the_kept_weights_never_predict(encoder: Path, tmp_path: Path) -> None:
    given = corpus_of([*runs.corpus().train, PRODUCT], [*runs.corpus().validation, PRODUCT])
    run = small_run(tmp_path / "run", encoder, corpus=given)
    assert message(run, "label-never-predicted").endswith("never predicted: product (1)")


def test_a_run_that_was_killed_before_it_was_judged_is_judged_when_it_is_resumed(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    documents = [*runs.corpus().train, PRODUCT]
    given = corpus_of(documents, documents)
    whole = small_run(tmp_path / "whole", encoder, corpus=given, epochs=2)
    assert "label-never-predicted" in kinds(whole)
    with monkeypatch.context() as patch:
        patch.setattr("nerine.training.run.signs_of_failure", die)
        with pytest.raises(KeyboardInterrupt):
            small_run(tmp_path / "run", encoder, corpus=given, epochs=2)
    resumed = small_run(tmp_path / "run", encoder, corpus=given, epochs=2, resume=True)
    assert resumed.signs == whole.signs
