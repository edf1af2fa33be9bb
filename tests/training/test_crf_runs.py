"""Training with a CRF: what it learns, its checkpoint in every use, and how runs resume."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForTokenClassification, pipeline

import nerine
import runs
from curves import EXACT, Listener, assert_same_curve
from nerine.core.document import Document, Entity
from nerine.core.errors import SettingsError
from nerine.data.corpus import Corpus
from nerine.evaluation.evaluate import evaluate
from nerine.model.backends.saved import FP32, INT8, PYTORCH
from nerine.model.loading.checkpoint import load_checkpoint
from nerine.model.loading.usage import Usage
from nerine.model.settings import TransitionScores
from nerine.model.tagger import Tagger
from nerine.serving.optimization.footprint import Variant
from nerine.serving.optimization.variants import make_variants
from nerine.serving.web.exporting import chain_settings
from nerine.training.crf import documents_loss
from nerine.training.run import TrainingRun
from nerine.training.seeds import mean_transitions
from nerine.training.settings import TrainingSettings
from runs import corpus, small_run
from tiny import documents


@pytest.fixture(scope="module")
def encoder(encoder_of: Callable[[str], Path]) -> Path:
    return encoder_of("bert")


@pytest.fixture(scope="module")
def undisturbed(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingRun:
    """A run with a CRF, without an interruption."""
    return small_run(tmp_path_factory.mktemp("run") / "undisturbed", encoder, crf=True)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = load_file(folder / "model.safetensors")
    return tensors


def learned_in(folder: Path) -> TransitionScores:
    learned = load_checkpoint(folder, weights=False).settings.transitions
    assert learned is not None
    return learned


def assert_same_result(run: TrainingRun, other: TrainingRun) -> None:
    """The same scores, and the same weights and transitions to the bit."""
    assert [record.f1 for record in run.epochs] == [record.f1 for record in other.epochs]
    mine, theirs = weights(run.folder), weights(other.folder)
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    assert learned_in(run.folder) == learned_in(other.folder)


# --- what is learned


def alternating(size: int) -> Document:
    """The same word again and again: by turns a person and a location."""
    document = Document.from_tokens(["mira"] * size)
    labels = ("person", "location")
    return document.with_entities(
        Entity(token.start, token.end, labels[index % 2])
        for index, token in enumerate(document.tokens or ())
    )


@pytest.fixture(scope="module")
def without_context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder in which a word's hidden state is always the same.

    Its only layer is zero, and stays so where the weights below it are not trained.
    """
    from lookup import make_lookup

    folder = tmp_path_factory.mktemp("lookup") / "model"
    return make_lookup(folder, ["location", "person"], {"mira": "O"})


@pytest.mark.parametrize("crf", [True, False])
def test_only_transitions_tell_a_word_from_the_same_word(
    crf: bool, without_context: Path, tmp_path: Path
) -> None:
    documents = tuple(alternating(size) for size in range(1, 7)) * 4
    run = nerine.train(
        Corpus({"train": documents, "validation": documents[:6]}, ("location", "person"), "a test"),
        output=tmp_path / "run",
        encoder=str(without_context),
        steps=30,
        validate_every=30,
        batch_size=8,
        learning_rate=0.01,
        layer_decay=0.0,
        dropout=0.0,
        precision="fp32",
        crf=crf,
        crf_learning_rate=0.2 if crf else None,
    )
    tagger = run.tagger(device="cpu")
    assert (tagger.settings.transitions is not None) is crf
    logits = tagger.inference.word_logits([alternating(6)]).values
    assert logits == pytest.approx(np.tile(logits[0], (6, 1)), abs=1e-5)
    labels = [entity.label for entity in tagger(alternating(6).text).entities]
    assert (labels == ["person", "location"] * 3) is crf
    assert (run.best.f1 == 1.0) is crf


def test_the_loss_of_a_validation_is_that_of_its_documents(undisturbed: TrainingRun) -> None:
    tagger = undisturbed.tagger(device="cpu")
    total, words = 0.0, 0
    for document in corpus().validation:
        logits = tagger.inference.word_logits([document])
        targets, _ = tagger.inference.head.targets(document, logits.encoding.words)
        values = torch.from_numpy(logits.values)
        lengths = logits.encoding.lengths.tolist()
        total += documents_loss(values, torch.from_numpy(targets), lengths, tagger.settings)
        words += len(targets)
    assert undisturbed.best.validation_loss == pytest.approx(total / words, rel=1e-5)
    assert undisturbed.epochs[-1].training_loss < undisturbed.epochs[0].training_loss
    assert evaluate(tagger, corpus().validation).overall.f1 == undisturbed.best.f1


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"batching": "random", "gradient_accumulation": 2}, marks=pytest.mark.slow),
        pytest.param(
            {"precision": "bf16", "scheme": "BIOES", "masking": 0.2}, marks=pytest.mark.slow
        ),
        {"max_length": 16, "overlap": 4, "words": "tokens", "averaging": 0.0},
    ],
)
def test_other_settings_train_too(changes: dict[str, Any], encoder: Path, tmp_path: Path) -> None:
    chosen = {"epochs": 2, "batch_size": 4, "learning_rate": 1e-2, "max_length": 64, "overlap": 8}
    run = nerine.train(
        corpus(), output=tmp_path / "run", encoder=str(encoder), crf=True, **{**chosen, **changes}
    )
    assert run.epochs[-1].training_loss < run.epochs[0].training_loss
    tagger = run.tagger(device="cpu")
    learned = np.array(learned_in(run.folder).between)
    allowed = np.array(tagger.settings.scheme.transitions(tagger.settings.tags).allowed)
    assert (learned[~allowed] == 0).all()
    assert (learned[allowed] != 0).all()
    assert evaluate(tagger, corpus().validation).overall.f1 == run.best.f1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crf": True, "decoding": "argmax"}, "crf: a CRF, whose scores"),
        (
            {"crf": False, "crf_learning_rate": 0.1},
            "crf_learning_rate: a learning rate for a CRF, but none",
        ),
        (
            {"decoding": "argmax", "crf_learning_rate": 0.1},
            "crf_learning_rate: a learning rate for a CRF, but none",
        ),
        ({"crf": True, "crf_learning_rate": -0.1}, "crf_learning_rate: -0.1 is too small"),
    ],
)
def test_settings_that_contradict_each_other(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        TrainingSettings().changed(changes)


# --- the checkpoint


def test_the_checkpoint_is_a_plain_one_with_the_transitions_beside_it(
    undisturbed: TrainingRun, recwarn: pytest.WarningsRecorder
) -> None:
    folder = str(undisturbed.folder)
    recwarn.clear()
    _, told = AutoModelForTokenClassification.from_pretrained(folder, output_loading_info=True)
    assert not any(told.values())
    tag: Any = pipeline("ner", model=folder)  # type: ignore[call-overload] # it takes folders
    assert {"entity", "start", "end"} <= tag("Mira was in Lisbon")[0].keys()
    assert not recwarn.list


def found_in(tagger: Tagger, texts: Sequence[str]) -> list[list[tuple[int, int, str]]]:
    return [
        [(each.start, each.end, each.label) for each in tagged.entities]
        for tagged in tagger.predict(texts)
    ]


def test_an_onnx_model_is_decoded_with_the_transitions(
    onnx_checkpoint: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(onnx_checkpoint, folder)
    chance = np.random.default_rng(2)
    scores = {
        "between": chance.normal(0, 3, (5, 5)).tolist(),
        "start": chance.normal(0, 3, 5).tolist(),
        "end": chance.normal(0, 3, 5).tolist(),
    }
    info = json.loads((folder / "nerine.json").read_text())
    plain = Tagger.load(folder, device="cpu")
    info["settings"]["transitions"] = scores
    (folder / "nerine.json").write_text(json.dumps(info))
    onnx, exact = (Tagger.load(folder, device="cpu", backend=b) for b in ("onnx-fp32", "pytorch"))
    texts = [document.text for document in documents()]
    for tagger in (onnx, exact):
        assert tagger.settings.transitions == TransitionScores.from_dict(scores)
    assert found_in(onnx, texts) == found_in(exact, texts) != found_in(plain, texts)


@pytest.mark.slow
def test_every_variant_of_optimize_finds_the_same(undisturbed: TrainingRun, tmp_path: Path) -> None:
    made = make_variants(
        Variant(PYTORCH, undisturbed.folder, None), tmp_path, list(corpus().validation)
    )
    texts = [document.text for document in corpus().train]
    expected = found_in(made.taggers[PYTORCH], texts)
    assert sum(map(len, expected)) > 20
    for name in (FP32, INT8):
        assert made.taggers[name].settings.transitions == learned_in(undisturbed.folder)
        assert found_in(made.taggers[name], texts) == expected


def test_the_browsers_chain_has_the_transitions(undisturbed: TrainingRun) -> None:
    settings = load_checkpoint(undisturbed.folder, weights=False).settings
    scores = chain_settings(settings)["scores"]
    between = learned_in(undisturbed.folder).between
    shift = scores[0][0] - between[0][0]
    assert scores[0][1] - between[0][1] == pytest.approx(shift)
    assert scores[0][2] is None  # from O to I-location


# --- resuming


def test_a_signal_saves_the_transitions_too(
    undisturbed: TrainingRun, encoder: Path, tmp_path: Path
) -> None:
    listener = Listener(8, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert small_run(tmp_path / "run", encoder, listener=listener, crf=True).interrupted
    resumed = small_run(tmp_path / "run", encoder, resume=True, crf=True)
    assert_same_result(resumed, undisturbed)


@pytest.mark.slow
def test_transitions_without_an_average_are_saved_too(encoder: Path, tmp_path: Path) -> None:
    given: Mapping[str, Any] = {"crf": True, "epochs": 2, "averaging": 0.0}
    whole = small_run(tmp_path / "whole", encoder, **given)
    listener = Listener(4, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert small_run(tmp_path / "run", encoder, listener=listener, **given).interrupted
    assert_same_result(small_run(tmp_path / "run", encoder, resume=True, **given), whole)


@pytest.mark.slow
def test_a_run_killed_in_a_save_resumes_with_the_same_transitions(
    undisturbed: TrainingRun, encoder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, runs.__file__, str(folder), str(encoder), "crf"]
    died = subprocess.run([*command, "dies-in-save-of-step", "12"], check=False)
    assert died.returncode == -signal.SIGKILL
    assert_same_result(small_run(folder, encoder, resume=True, crf=True), undisturbed)


def test_the_best_epoch_is_kept_with_its_own_transitions(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    seen: list[TransitionScores] = []

    def look() -> None:
        (state,) = (folder / "checkpoints").glob("step-*")
        seen.append(learned_in(state))

    monkeypatch.setattr("nerine.training.loop.best_record", lambda records: records[0])
    small_run(folder, encoder, crf=True, epochs=2, listener=Listener(7, look))
    assert [learned_in(folder)] == seen


@pytest.mark.slow
def test_two_processes_learn_the_transitions_of_one(encoder: Path, tmp_path: Path) -> None:
    alone = small_run(tmp_path / "alone", encoder, crf=True, **EXACT)
    pair = small_run(tmp_path / "pair", encoder, crf=True, processes=2, **EXACT)
    assert_same_curve(pair, alone)
    mine, theirs = learned_in(pair.folder), learned_in(alone.folder)
    assert np.array(mine.between) == pytest.approx(np.array(theirs.between), abs=1e-4)


# --- soups and students


def test_the_mean_of_transitions_is_that_of_each_score() -> None:
    first = TransitionScores(((1.0, 2.0), (3.0, 4.0)), (5.0, 6.0), (7.0, 8.0))
    second = TransitionScores(((3.0, 2.0), (1.0, 0.0)), (-5.0, 6.0), (9.0, 0.0))
    expected = TransitionScores(((2.0, 2.0), (2.0, 2.0)), (0.0, 6.0), (8.0, 4.0))
    assert mean_transitions([first, second]) == expected
    assert mean_transitions([None, None]) is None


@pytest.mark.slow
def test_a_soup_has_the_mean_of_the_transitions(encoder: Path, tmp_path: Path) -> None:
    group = nerine.train_seeds(
        corpus(), output=tmp_path / "soup", encoder=str(encoder), seeds=2, keep="soup", epochs=1,
        batch_size=4, learning_rate=1e-2, crf=True,
    )  # fmt: skip
    first, second = (learned_in(run.folder) for run in group.runs)
    mean = learned_in(group.folder)
    for name in ("between", "start", "end"):
        expected = (np.array(getattr(first, name)) + np.array(getattr(second, name))) / 2
        assert np.array(getattr(mean, name)) == pytest.approx(expected)
    assert first != second
    assert group.soup is not None
    found = evaluate(group.tagger(device="cpu"), corpus().validation).overall
    assert found.f1 == group.soup.overall.f1


def test_a_student_goes_on_from_its_teachers_transitions_or_has_none(
    undisturbed: TrainingRun, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"layers": 1, "epochs": 1, "averaging": 0.0}
    teacher = undisturbed.folder
    slow = nerine.distill(
        teacher, corpus(), output=tmp_path / "slow", crf=True, crf_learning_rate=1e-4, **given
    )
    own, taught = learned_in(slow.folder), learned_in(teacher)
    assert own != taught
    assert np.array(own.between) == pytest.approx(np.array(taught.between), abs=0.01)
    without = nerine.distill(teacher, corpus(), output=tmp_path / "none", crf=False, **given)
    assert load_checkpoint(without.folder).settings.transitions is None


def test_a_rate_for_scores_that_stay_is_refused(undisturbed: TrainingRun, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="crf_learning_rate: a learning rate for a CRF, but a"):
        nerine.distill(undisturbed.folder, corpus(), output=tmp_path / "run", crf_learning_rate=0.1)


def test_a_teacher_without_viterbi_has_no_student_with_a_crf(
    undisturbed: TrainingRun, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="crf: a CRF, whose scores of pairs of tags argmax"):
        nerine.distill(
            undisturbed.folder,
            corpus(),
            output=tmp_path / "run",
            usage=Usage(decoding="argmax"),
            crf=True,
        )


def test_a_student_has_its_teachers_transitions(undisturbed: TrainingRun, tmp_path: Path) -> None:
    run = nerine.distill(
        undisturbed.folder, corpus(), output=tmp_path / "run", layers=1, epochs=2, batch_size=4,
        learning_rate=1e-2,
    )  # fmt: skip
    assert learned_in(run.folder) == learned_in(undisturbed.folder)
    assert run.best.f1 > 0.5
    assert run.epochs[-1].training_loss < run.epochs[0].training_loss
