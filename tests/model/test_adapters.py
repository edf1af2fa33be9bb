"""Several adapters over one encoder: shared memory, the results of merged checkpoints, errors."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from adapted import make_run
from nerine.core.document import Document, Entity
from nerine.core.errors import CheckpointError, DocumentError, SettingsError
from nerine.core.files import file_hash
from nerine.data.corpus import Corpus
from nerine.model.adapters import Adapters
from nerine.model.tagger import Tagger
from runs import corpus
from tiny import KINDS

DOCUMENTS = corpus().train
TEXTS = [document.text for document in DOCUMENTS]


def quick_or_slow(kind: str) -> Any:
    """The architectures but for one are slow tests; those of LoRA load each as one adapter."""
    return pytest.param(kind, marks=[pytest.mark.slow] * (kind != "modernbert"))


def other_corpus() -> Corpus:
    """A corpus with other labels."""
    documents = [Document("Aspirin helps", (Entity(0, 7, "drug"),))] * 4
    return Corpus.from_documents(train=documents, validation=documents)


@pytest.fixture(scope="module")
def runs(encoder_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs `person` and `drug` over the encoder `bert`."""
    folder = tmp_path_factory.mktemp("runs")
    make_run(folder / "person", encoder_of("bert"), seed=1)
    make_run(folder / "drug", encoder_of("bert"), seed=2, given=other_corpus())
    return folder


@pytest.fixture(scope="module")
def encoder(encoder_of: Callable[[str], Path]) -> Path:
    return encoder_of("bert")


@pytest.fixture(scope="module")
def adapters(encoder: Path, runs: Path) -> Adapters:
    chosen = {"person": runs / "person", "drug": runs / "drug" / "adapter"}
    return Adapters.load(encoder, chosen, device="cpu")


def logits(tagger: Tagger) -> Any:
    return tagger.inference.word_logits(DOCUMENTS).values


@pytest.mark.parametrize("kind", [quick_or_slow(kind) for kind in KINDS])
def test_each_gives_the_logits_of_its_merged_checkpoint(
    kind: str, encoder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    encoder = encoder_of(kind)
    folders = {
        "person": make_run(tmp_path / "person", encoder, seed=1),
        "drug": make_run(tmp_path / "drug", encoder, seed=2, given=other_corpus()),
    }
    adapters = Adapters.load(encoder, folders, device="cpu")
    for name in ("drug", "person", "drug"):  # the order of use does not matter
        expected = logits(Tagger.load(folders[name], device="cpu"))
        np.testing.assert_allclose(logits(adapters[name]), expected, atol=1e-5)
    assert adapters["drug"].settings == Tagger.load(folders["drug"]).settings


def test_the_tensors_of_the_encoder_are_the_same_objects(adapters: Adapters) -> None:
    tensors = []
    for name in ("person", "drug"):
        backend: Any = adapters[name].inference.backend
        body = backend.module.model.base_model
        found = {id(each): each for each in [*body.parameters(), *body.buffers()]}
        tensors.append(found)
    first, second = tensors
    shared = sum(tensor.numel() for key, tensor in first.items() if key in second)
    own = [tensor for key, tensor in first.items() if key not in second]
    assert shared == sum(tensor.numel() for tensor in second.values()) - sum(
        tensor.numel() for key, tensor in second.items() if key not in first
    )
    assert {min(tensor.shape) for tensor in own} == {3}  # A and B alone are its own
    assert len(own) == 2 * 12


def test_all_at_once_gives_the_entities_of_each_apart(adapters: Adapters) -> None:
    assert list(adapters) == ["person", "drug"]
    found = adapters.predict(iter(TEXTS))
    assert found == {name: adapters[name].predict(TEXTS) for name in adapters}
    assert adapters(TEXTS[0]) == {name: adapters[name](TEXTS[0]) for name in adapters}
    assert any(document.entities for document in found["drug"])
    assert {each.label for one in found["drug"] for each in one.entities} == {"drug"}
    with pytest.raises(DocumentError):
        adapters.predict("one text")


def test_threads_do_not_mix_them_up(adapters: Adapters) -> None:
    expected = {name: logits(adapters[name]) for name in adapters}
    names = ["person", "drug"] * 20
    with ThreadPoolExecutor(4) as threads:
        for name, found in zip(
            names, threads.map(lambda name: logits(adapters[name]), names), strict=True
        ):
            np.testing.assert_array_equal(found, expected[name])


def test_thresholds_belong_to_one_of_them(encoder: Path, runs: Path) -> None:
    from nerine.evaluation.calibration import Thresholds

    adapters = Adapters.load(encoder, {"a": runs / "drug", "b": runs / "drug"}, device="cpu")
    adapters["a"].thresholds = Thresholds(1.0)
    found = adapters.predict(TEXTS)
    assert not any(document.entities for document in found["a"])
    assert any(document.entities for document in found["b"])


def test_another_encoder_is_refused(
    encoder_of: Callable[[str], Path], runs: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(encoder_of("bert"), tmp_path / "changed")
    tensors = load_file(folder / "model.safetensors")
    tensors["encoder.layer.1.output.dense.weight"][0, 0] += 1
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    for other in (folder, encoder_of("roberta")):
        with pytest.raises(CheckpointError, match=r"not trained over .*\n.*encoder bert"):
            Adapters.load(other, {"person": runs / "person"})


def _lose_head(folder: Path) -> None:
    _change(folder, lambda tensors: tensors.pop("base_model.model.classifier.bias"))


def _lose_half(folder: Path) -> None:
    _change(folder, lambda tensors: tensors.pop(next(name for name in tensors if "_B" in name)))


def _reshape(folder: Path) -> None:
    def cut(tensors: dict[str, torch.Tensor]) -> None:
        name = next(name for name in tensors if "lora_A" in name)
        tensors[name] = tensors[name][:, 1:].contiguous()

    _change(folder, cut)


def _rename(folder: Path) -> None:
    def rename(tensors: dict[str, torch.Tensor]) -> None:
        for name in [name for name in tensors if "layer.1" in name]:
            tensors[name.replace("layer.1", "layer.7")] = tensors.pop(name)

    _change(folder, rename)


def _change(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    """Changes the tensors of an adapter, and the hash of its weights."""
    file = folder / "adapter_model.safetensors"
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file)
    info = json.loads((folder / "nerine.json").read_text())
    info["weights"]["sha256"] = file_hash(file)
    (folder / "nerine.json").write_text(json.dumps(info))


def _configure(**changes: Any) -> Callable[[Path], None]:
    def configure(folder: Path) -> None:
        file = folder / "adapter_config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    return configure


def _damage(folder: Path) -> None:
    file = folder / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])


def _forget(folder: Path) -> None:
    info = json.loads((folder / "nerine.json").read_text())
    del info["settings"]
    (folder / "nerine.json").write_text(json.dumps(info))


def _link(folder: Path) -> None:
    target = folder.parents[1] / "secret.json"
    (folder / "adapter_config.json").rename(target)
    (folder / "adapter_config.json").symlink_to(target)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_lose_head, "head do not fit"),
        (_lose_half, "half an update"),
        (_reshape, r"update of bert.* has the shape \(32, 31\)"),
        (_rename, r"layer\.7.* has no linear layer"),
        (_configure(use_dora=True), "use_dora is True"),
        (_configure(peft_type="IA3"), "peft_type is 'IA3'"),
        (_configure(r=0), "r or lora_alpha is not valid"),
        (_configure(lora_alpha=None), "r or lora_alpha is not valid"),
        (_damage, r"weights are not those that nerine\.json"),
        (_forget, "a part is missing"),
        (_link, "a link that leads out of its folder"),
        (shutil.rmtree, "not the folder of an adapter"),
    ],
)
def test_an_adapter_that_does_not_fit_is_an_error(
    spoil: Callable[[Path], None], message: str, encoder: Path, runs: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(runs / "person" / "adapter", folder / "adapter")
    spoil(folder / "adapter")
    with pytest.raises(CheckpointError, match=message):
        Adapters.load(encoder, {"person": folder})


def test_onnx_and_no_adapters_are_errors(encoder: Path, runs: Path) -> None:
    with pytest.raises(SettingsError, match="the backend onnx cannot run adapters"):
        Adapters.load(encoder, {"person": runs / "person"}, backend="onnx")
    with pytest.raises(SettingsError, match="adapters: there are none"):
        Adapters.load(encoder, {})


def test_an_adapter_is_no_checkpoint(runs: Path) -> None:
    with pytest.raises(CheckpointError, match=r"an adapter, not a whole model(.|\n)*Adapters"):
        Tagger.load(runs / "person" / "adapter")


def test_a_copy_shares_the_model(adapters: Adapters) -> None:
    import copy

    tagger = adapters["person"]
    assert copy.deepcopy(tagger).inference.backend is tagger.inference.backend
    assert dataclasses.is_dataclass(tagger.settings)
