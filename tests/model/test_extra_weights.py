"""Weights next to a model's own: a CRF's are used in decoding, others are told of."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from nerine.core.document import Document
from nerine.core.errors import CheckpointError
from nerine.model.loading.checkpoint import load_checkpoint, save_checkpoint
from nerine.model.loading.pretrained import load_encoder, load_model
from nerine.model.settings import TransitionScores
from nerine.model.tagger import Tagger
from runs import small_run
from tiny import documents, make_foreign

TAGS = ("O", "B-person", "I-person", "B-place", "I-place")
ALLOWED = {  # by hand: IOB2
    (a, b) for a in TAGS for b in TAGS if not b.startswith("I-") or a[2:] == b[2:]
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_foreign(tmp_path / "foreign", dict(enumerate(TAGS)))


def add(folder: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    path = folder / "model.safetensors"
    save_file({**load_file(path), **tensors}, path, metadata={"format": "pt"})


def crf(tags: int = len(TAGS), prefix: str = "crf.", seed: int = 2) -> dict[str, torch.Tensor]:
    """The parameters of pytorch-crf's module."""
    random = torch.Generator().manual_seed(seed)
    return {
        f"{prefix}transitions": torch.randn(tags, tags, generator=random) * 3,
        f"{prefix}start_transitions": torch.randn(tags, generator=random) * 3,
        f"{prefix}end_transitions": torch.randn(tags, generator=random) * 3,
    }


def best_by_hand(logits: np.ndarray, learned: Mapping[str, torch.Tensor]) -> list[str]:
    """The best sequence of a short sentence, of all that IOB2 allows, by pytorch-crf's score."""
    between, start, end = (each.double().numpy() for each in learned.values())

    def score(choice: tuple[int, ...]) -> float:
        total = start[choice[0]] + end[choice[-1]] + logits[range(len(choice)), choice].sum()
        return float(total + sum(between[i, j] for i, j in itertools.pairwise(choice)))

    legal = (
        choice
        for choice in itertools.product(range(len(TAGS)), repeat=len(logits))
        if all((TAGS[i], TAGS[j]) in ALLOWED for i, j in itertools.pairwise((0, *choice)))
    )
    return [TAGS[each] for each in max(legal, key=score)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_the_scores_of_a_crf_decide_the_tags(folder: Path, dtype: torch.dtype) -> None:
    plain = Tagger.load(folder, device="cpu")
    learned = {name: values.to(dtype) for name, values in crf().items()}
    add(folder, learned)
    tagger = Tagger.load(folder, device="cpu")
    assert "the weights hold a CRF, whose crf.transitions is used in decoding" in tagger.notes
    changed = 0
    for text in ("Mira left Oslo", "In Lisbon it rains", "Nobody was there .", "Ana"):
        read = tagger.inference.word_logits([Document(text)])
        expected = best_by_hand(read.values.astype(np.float64), learned)
        found = tagger.inference.head.decoder.best_tags(read.values, read.encoding.lengths)
        assert [TAGS[each] for each in found] == expected
        changed += expected != [
            TAGS[each]
            for each in plain.inference.head.decoder.best_tags(read.values, read.encoding.lengths)
        ]
    assert changed  # else the scores would not have mattered


def test_a_saved_copy_keeps_the_crf(folder: Path, tmp_path: Path) -> None:
    add(folder, crf())
    told = load_checkpoint(folder)
    assert isinstance(told.settings.transitions, TransitionScores)
    save_checkpoint(tmp_path / "saved", told)
    before, after = Tagger.load(folder, device="cpu"), Tagger.load(tmp_path / "saved", device="cpu")
    assert after.settings == before.settings
    assert after.predict(documents()) == before.predict(documents())


def test_without_the_weights_the_scores_are_the_same(folder: Path) -> None:
    add(folder, crf())
    assert load_checkpoint(folder, weights=False).settings == load_checkpoint(folder).settings


def test_arg_max_takes_no_scores(folder: Path, tmp_path: Path) -> None:
    add(folder, crf())
    told = load_checkpoint(folder)
    save_checkpoint(tmp_path / "saved", told)
    info = json.loads((tmp_path / "saved/nerine.json").read_text(encoding="utf-8"))
    info["settings"]["decoding"] = "argmax"
    (tmp_path / "saved/nerine.json").write_text(json.dumps(info), encoding="utf-8")
    tagger = Tagger.load(tmp_path / "saved", device="cpu")
    read = tagger.inference.word_logits(documents())
    found = tagger.inference.head.decoder.best_tags(read.values, read.encoding.lengths)
    assert np.array_equal(found, read.values.argmax(axis=1))


@pytest.mark.parametrize("prefix", ["", "crf.", "head.crf_layer."])
def test_a_crf_is_found_under_any_module(folder: Path, prefix: str) -> None:
    add(folder, crf(prefix=prefix))
    assert load_checkpoint(folder).settings.transitions is not None


def test_shards_are_read_too(folder: Path) -> None:
    whole = folder / "model.safetensors"
    file_of = dict.fromkeys(load_file(whole), "model-1.safetensors")
    whole.rename(folder / "model-1.safetensors")
    scores = crf()
    names = iter(("model-2.safetensors", "model-3.safetensors", "model-2.safetensors"))
    file_of |= dict(zip(scores, names, strict=True))
    for file in ("model-2.safetensors", "model-3.safetensors"):
        save_file({each: scores[each] for each in scores if file_of[each] == file}, folder / file)
    index = {"metadata": {}, "weight_map": file_of}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    learned = load_checkpoint(folder).settings.transitions
    assert learned is not None
    assert np.allclose(learned.between, scores["crf.transitions"])
    assert np.allclose(learned.start, scores["crf.start_transitions"])
    assert np.allclose(learned.end, scores["crf.end_transitions"])


# --- what is not used


def test_a_crf_of_other_tags_is_not_used_and_told_of(folder: Path) -> None:
    add(folder, crf(len(TAGS) + 2))
    told = load_checkpoint(folder)
    assert told.settings.transitions is None
    assert told.notes[-2] == "crf.transitions is 7 × 7, not 5 × 5: the CRF is not used"
    assert "crf (3 tensors)" in told.notes[-1]


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_a_crf_that_is_not_finite_is_not_used(folder: Path, value: float) -> None:
    scores = crf()
    scores["crf.transitions"][1, 2] = value
    add(folder, scores)
    told = load_checkpoint(folder)
    assert told.settings.transitions is None
    assert "is not made of finite numbers" in told.notes[-2]


def test_a_crf_of_whole_numbers_is_not_used(folder: Path) -> None:
    add(folder, {name: values.long() for name, values in crf().items()})
    assert load_checkpoint(folder).settings.transitions is None


def test_transitions_without_a_beginning_and_an_end_are_not_used(folder: Path) -> None:
    """Their direction is not known: some packages store them from the later tag to the earlier."""
    add(folder, {"crf.transitions": crf()["crf.transitions"]})
    told = load_checkpoint(folder)
    assert told.settings.transitions is None
    (_, note) = told.notes
    assert note.startswith("the weights hold crf.transitions, which BertForTokenClassification ")


def test_layers_that_the_architecture_lacks_are_told_of(folder: Path) -> None:
    layers = torch.nn.LSTM(32, 16, bidirectional=True).state_dict()
    add(folder, {f"lstm.{name}": values for name, values in layers.items()})
    tagger = Tagger.load(folder, device="cpu")
    note = (
        "the weights hold lstm (8 tensors), which BertForTokenClassification has no place for: "
        "the author's own code may find other entities"
    )
    assert note in tagger.notes


def test_layers_beyond_the_configuration_are_told_of(folder: Path) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**config, "num_hidden_layers": 1}), encoding="utf-8")
    (_, note) = load_checkpoint(folder).notes
    assert note.startswith("the weights hold bert (16 tensors), which ")


def test_training_tells_of_an_encoders_layers_beyond_its_configuration(
    folder: Path, tmp_path: Path
) -> None:
    add(folder, {"lm_head.weight": torch.zeros(2)})  # heads are left out on purpose
    assert small_run(tmp_path / "whole", folder, steps=1, epochs=None).notes == ()
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**config, "num_hidden_layers": 1}), encoding="utf-8")
    (note,) = small_run(tmp_path / "half", folder, steps=1, epochs=None).notes
    assert note == (
        "the encoder's weights hold bert (16 tensors) that BertForTokenClassification has no place "
        "for"
    )


def test_a_pooler_is_nothing_to_speak_of(folder: Path) -> None:
    add(folder, {"bert.pooler.dense.weight": torch.zeros(32, 32)})
    assert len(load_checkpoint(folder).notes) == 1


def test_many_modules_are_counted(folder: Path) -> None:
    add(folder, {f"module{each}.weight": torch.zeros(2) for each in range(9)})
    (_, note) = load_checkpoint(folder).notes
    assert "module4.weight, 4 other modules, which" in note


# --- what is missing


def test_a_head_under_another_name_is_named(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    for part in ("weight", "bias"):
        tensors[f"hidden2tag.{part}"] = tensors.pop(f"classifier.{part}")
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(CheckpointError) as caught:
        load_model(str(folder))
    assert "have no classifier.bias" in caught.value.found
    expected = "; BertForTokenClassification has no place for hidden2tag (2 tensors)"
    assert caught.value.found.endswith(expected)


def test_a_layer_that_is_missing_is_no_matter_of_the_head(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    lost = [name for name in tensors if ".layer.1." in name]
    save_file(
        {name: values for name, values in tensors.items() if name not in lost},
        path,
        metadata={"format": "pt"},
    )
    for load in (load_model, lambda name: load_encoder(name, TAGS)):
        with pytest.raises(CheckpointError) as caught:
            load(str(folder))
        assert "lack 16 parameters of the encoder" in caught.value.found
