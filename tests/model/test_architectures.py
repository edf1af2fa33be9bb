"""Architectures of transformers: what padding does to them, and a trial of each, start to end.

The trials of all architectures are slow; they make the table in the manual.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForTokenClassification, CanineTokenizer

import trials
from architectures import ARCHITECTURES, HOSTILE, REFUSED, make_model
from nerine.core.document import Document
from nerine.core.errors import CheckpointError, NerineError
from nerine.model.backends.lean import WholeModel
from nerine.model.backends.pytorch import TorchBackend
from nerine.model.backends.saved import read_saved
from nerine.model.batching import Batching
from nerine.model.loading.checkpoint import load_checkpoint, write_files
from nerine.model.loading.pretrained import longest_input
from nerine.model.tagger import Tagger
from nerine.serving.optimization.optimize import optimize
from nerine.training.distillation.teachers import Teacher
from nerine.training.ema import load_weights
from nerine.training.initialization import new_checkpoint
from nerine.training.settings import TrainingSettings
from nerine.training.train import train
from runs import corpus
from tiny import LONGEST, documents, make_foreign, make_tokenizer

MIXING = ("convbert", "fnet", "funnel", "mobilebert", "nystromformer", "yoso")
"""Architectures that mix a text with its padding."""

OTHERS = ("ibert", "xlnet", "gpt2")
TEXTS = [Document(text) for text in HOSTILE]
SOME = TEXTS[::4]


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny model by its architecture; to be read only."""
    base = tmp_path_factory.mktemp("architectures")
    return lambda kind: base / kind if (base / kind).exists() else make_model(base / kind, kind)


# --- padding


@pytest.mark.parametrize("kind", [*MIXING, *OTHERS])
def test_a_text_alone_and_in_a_batch_is_the_same(
    kind: str, folder_of: Callable[[str], Path]
) -> None:
    tagger = Tagger.load(folder_of(kind), device="cpu", words="rule")
    together = tagger.inference.word_logits(SOME).values
    alone = np.concatenate([tagger.inference.word_logits([text]).values for text in SOME])
    assert trials.difference(alone, together) <= trials.ROUNDING
    mixing = kind in MIXING
    assert tagger.inference.backend.batching.sharing == ("equal lengths" if mixing else "padded")
    assert any("padding changes" in note for note in tagger.notes) == mixing
    if mixing:  # the trial at load is not of no use
        module = tagger.inference.backend.module  # type: ignore[attr-defined] # PyTorch's
        module.batching = Batching(least_length=tagger.inference.backend.batching.least_length)
        padded = tagger.inference.word_logits(SOME).values
        assert trials.difference(padded, alone) > 10 * trials.ROUNDING


def test_funnel_tags_texts_that_are_too_short_for_it(folder_of: Callable[[str], Path]) -> None:
    tagger = Tagger.load(folder_of("funnel"), device="cpu")
    assert tagger.inference.backend.batching.least_length == 5
    assert tagger("Mira").text == "Mira"
    assert (
        "shorter texts are padded to 5 subwords, the least that this model can run on"
        in tagger.notes
    )


def test_texts_that_change_each_other_run_alone(tmp_path: Path) -> None:
    folder = make_foreign(tmp_path, dict(enumerate(("O", "B-a", "I-a"))), "electra")
    checkpoint = load_checkpoint(folder)
    checkpoint.model.classifier.register_forward_hook(lambda *args: args[2] + args[2].mean())
    backend = TorchBackend.of(checkpoint.model.eval())
    assert backend.batching == Batching("alone")
    tagger = Tagger(backend, checkpoint.tokenizer, checkpoint.settings)
    made = tagger.inference.batches(tagger.inference.encoder.encode(documents()))
    assert [len(batch.indices) for batch in made] == [1] * len(documents())
    assert backend.notes == (
        "texts run one by one: this model finds other entities next to others",
    )


def test_models_in_training_are_tried_without_dropout(tmp_path: Path) -> None:
    folder = make_foreign(tmp_path, dict(enumerate(("O", "B-a", "I-a"))), "electra")
    model = load_checkpoint(folder).model.train()
    assert TorchBackend.of(model).batching == Batching()
    assert model.training


def test_a_model_that_runs_at_no_length_is_an_error(folder_of: Callable[[str], Path]) -> None:
    model = load_checkpoint(folder_of("gpt2")).model
    model.register_forward_hook(lambda *_: 1 / 0)
    with pytest.raises(CheckpointError, match="the model cannot be run: division by zero"):
        _ = WholeModel(model).batching


# --- loading


def test_the_longest_input_of_i_bert_is_what_it_takes(folder_of: Callable[[str], Path]) -> None:
    """Its positions begin after the padding's, as RoBERTa's do, in embeddings of their own kind."""
    loaded = load_checkpoint(folder_of("ibert"))
    assert longest_input(loaded.model, loaded.tokenizer) == LONGEST
    trials.check_longest(Tagger.load(folder_of("ibert"), device="cpu"))


def test_xlnet_takes_any_length(folder_of: Callable[[str], Path]) -> None:
    loaded = load_checkpoint(folder_of("xlnet"))
    assert loaded.model.config.max_position_embeddings == -1
    tokenizer = loaded.tokenizer
    tokenizer.model_max_length = 10**6
    assert longest_input(loaded.model, tokenizer) == 10**6
    trials.check_longest(Tagger.load(folder_of("xlnet"), device="cpu"))


def without_weights(folder: Path, kind: str, **settings: Any) -> Path:
    """A model of an architecture that is refused, with a tokenizer of BERT's kind."""
    tokenizer = make_tokenizer("bert")
    small = {"hidden_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = AutoConfig.for_model(kind, vocab_size=len(tokenizer), **small, **settings)
    config.id2label, config.label2id = {0: "O", 1: "B-a", 2: "I-a"}, {"O": 0, "B-a": 1, "I-a": 2}
    AutoModelForTokenClassification.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_model_that_needs_places_on_a_page_says_so(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="bbox") as caught:
        Tagger.load(without_weights(tmp_path / "bros", "bros"), device="cpu")
    assert "a model that needs the text alone" in str(caught.value.expected)


def test_a_model_without_its_attention_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="computes zeros without it"):
        Tagger.load(without_weights(tmp_path / "mra", "mra"), device="cpu")


def test_a_tokenizer_without_offsets_is_refused(tmp_path: Path) -> None:
    folder = without_weights(
        tmp_path / "canine", "canine", num_hash_buckets=16, max_position_embeddings=16
    )
    for file in folder.glob("tokenizer*"):
        file.unlink()
    CanineTokenizer().save_pretrained(folder)
    with pytest.raises(NerineError) as caught:
        Tagger.load(folder, device="cpu")
    assert "gives no character offsets" in str(caught.value)


# --- training


@pytest.mark.parametrize("kind", ["fnet", "nomic_bert", "funnel"])
def test_unusual_architectures_are_trained(
    kind: str, folder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    """FNet takes no mask, the loaded weights of Nomic BERT share memory, Funnel fails if short."""
    trials.check_training(folder_of(kind), tmp_path / "run", TEXTS)


@pytest.mark.parametrize("kind", ["bert", "nomic_bert"])
def test_saved_weights_are_those_that_are_loaded_whatever_their_names(
    kind: str, folder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    """transformers saves some architectures under other names than they have in memory."""
    settings = TrainingSettings(encoder=str(folder_of(kind)), max_length=64, overlap=8)
    checkpoint = new_checkpoint(corpus(), settings)
    saved = {name: each.clone() for name, each in checkpoint.model.state_dict().items()}
    write_files(tmp_path, checkpoint)
    with torch.no_grad():
        for parameter in checkpoint.model.parameters():
            parameter.add_(1.0)
    load_weights(checkpoint.model, tmp_path)
    for name, each in checkpoint.model.state_dict().items():
        assert torch.equal(each, saved[name]), name


def test_a_model_that_fails_in_mixed_precision_is_trained_without(
    folder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    settings = TrainingSettings(
        encoder=str(folder_of("deberta")), steps=2, batch_size=4, precision="bf16"
    )
    run = train(corpus(), output=tmp_path / "run", settings=settings)
    (note,) = [each for each in run.notes if each.startswith("fp32 is used")]
    assert note.startswith("fp32 is used, since the model fails in bf16: value cannot be converted")


def test_a_teacher_that_fails_in_mixed_precision_tags_without(
    folder_of: Callable[[str], Path],
) -> None:
    settings = TrainingSettings(encoder=str(folder_of("deberta")))
    checkpoint = new_checkpoint(corpus(), settings)
    teacher = Teacher(checkpoint, Tagger.from_checkpoint(checkpoint))
    assert teacher.in_precision("bf16") is teacher
    assert teacher.in_precision("fp32") is teacher


# --- all of it


@pytest.mark.slow
@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_an_architecture_works_from_loading_to_fine_tuning(kind: str, tmp_path: Path) -> None:
    trial = trials.try_architecture(kind, tmp_path)
    assert trial.row in trials.PAGE.read_text(encoding="utf-8").splitlines(), trial


@pytest.mark.slow
def test_onnx_models_keep_how_windows_are_batched(
    folder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = tmp_path / "convbert"
    shutil.copytree(folder_of("convbert"), folder)
    optimize(folder, documents(), tolerance=100, variants=("pytorch", "onnx-fp32"))
    saved = read_saved(folder)
    assert saved is not None
    assert saved.batching == Batching("equal lengths")
    tagger = Tagger.load(folder, device="cpu", backend="onnx-fp32")
    assert tagger.inference.backend.batching == saved.batching
    alone = np.concatenate([tagger.inference.word_logits([text]).values for text in TEXTS])
    together = tagger.inference.word_logits(TEXTS).values
    assert trials.difference(alone, together) <= trials.ROUNDING


def test_the_page_names_each_architecture_once() -> None:
    page = trials.PAGE.read_text(encoding="utf-8")
    names = re.findall(r"^\| `(\S+)` \|", page, flags=re.M)
    assert names == ["model_type", *ARCHITECTURES, "model_type", *REFUSED]


def test_there_are_sixty_texts() -> None:
    assert len(HOSTILE) == len(set(HOSTILE)) == 60
