"""ONNX models: exported, quantised, run, and chosen only where they belong."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nerine.cli.model_options import BACKENDS as OFFERED
from nerine.core.document import Document
from nerine.core.errors import CheckpointError, MissingExtraError, SettingsError
from nerine.model import backends
from nerine.model.backends import hardware
from nerine.model.backends.choosing import AUTO, OPENERS, open_backend
from nerine.model.backends.onnx import OnnxBackend
from nerine.model.backends.saved import (
    FP32,
    INT8,
    PYTORCH,
    ModelFile,
    SavedModel,
    SavedModels,
    read_saved,
    refers_to_files,
)
from nerine.model.batching import Batch, Batching, batches
from nerine.model.loading.checkpoint import load_checkpoint
from nerine.model.loading.sources import find_source
from nerine.model.loading.weights_hash import weights_hash
from nerine.model.tagger import Tagger
from nerine.serving.optimization import exporting
from nerine.serving.optimization.channels import largest_inputs
from nerine.serving.optimization.exporting import check_export, export
from nerine.serving.optimization.folder import put_in_place, save_model, workplace
from nerine.serving.optimization.quantisation import FULL, REDUCED, quantise, rows_in_bytes
from tiny import KINDS, documents, make_checkpoint

onnx = pytest.importorskip("onnx", reason="needs the extra train")
pytest.importorskip("onnxscript", reason="needs the extra train")

QUICK = ("bert", "roberta", "electra")
"""Exported as lean modules, with positions of two sorts, and as whole models."""

SLOW = [pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS if kind not in QUICK]
ADDS_EXACTLY = hardware.adds_bytes_exactly()
"""Whether bytes of the full range may be used on this machine; elsewhere their sums saturate."""

TEXTS = [Document(each.text * times) for each in documents() for times in (1, 3, 8)]


@pytest.fixture(scope="session")
def exported(checkpoint_of: Callable[..., Path]) -> Callable[[str], Any]:
    """The ONNX model of a tiny checkpoint by its kind."""

    @cache
    def make(kind: str) -> Any:
        folder = checkpoint_of(kind)
        return export(load_checkpoint(folder).model, folder)

    return make


@pytest.fixture(scope="session")
def backend_of(
    exported: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., OnnxBackend]:
    """The backend of a tiny checkpoint, in 32 or in 8 bits."""
    base = tmp_path_factory.mktemp("onnx")

    @cache
    def make(kind: str, bits: int = 32) -> OnnxBackend:
        model = exported(kind) if bits == 32 else quantise(exported(kind))
        return backend(model, base / f"{kind}-{bits}.onnx")

    return make


@pytest.fixture
def optimized(
    exported: Callable[[str], Any], checkpoint_of: Callable[..., Path], tmp_path: Path
) -> Path:
    """A checkpoint beside which ONNX models stand, of which int8 was chosen."""
    folder = tmp_path / "run"
    shutil.copytree(checkpoint_of("bert"), folder)
    place_models(folder, exported("bert"))
    return folder


def place_models(folder: Path, model: Any, *, kind: Any = "full", chosen: str = INT8) -> None:
    with workplace(folder) as place:
        exact, _ = save_model(model, place / "model-fp32.onnx")
        small, _ = save_model(quantise(model), place / "model-int8.onnx", kind)
        put_in_place(place, SavedModels(weights_hash(folder), chosen, {FP32: exact, INT8: small}))


def backend(model: Any, path: Path) -> OnnxBackend:
    content = model.SerializeToString()
    path.write_bytes(content)
    return OnnxBackend(ModelFile(path, hashlib.sha256(content).hexdigest()), name=path.name)


def in_batches(tagger: Tagger, texts: list[Document], budget: int) -> list[Batch]:
    windows = tagger.inference.encoder.windows(tagger.inference.encoder.encode(texts))
    return list(
        batches(windows, token_budget=budget, pad_id=tagger.inference.tokenizer.pad_token_id)
    )


def with_backend(tagger: Tagger, other: OnnxBackend) -> Tagger:
    return Tagger(other, tagger.inference.tokenizer, tagger.settings)


def word_logits(tagger: Tagger, texts: list[Document], budget: int) -> dict[int, np.ndarray]:
    found: dict[int, np.ndarray] = {}
    for batch in in_batches(tagger, texts, budget):
        found.update(zip(batch.words.tolist(), tagger.inference.backend.logits(batch), strict=True))
    return found


# --- what is exported gives the same logits


@pytest.mark.parametrize("kind", [*QUICK, *SLOW])
def test_onnx_gives_the_logits_of_pytorch(
    kind: str, tagger_of: Callable[..., Tagger], backend_of: Callable[..., OnnxBackend]
) -> None:
    tagger = tagger_of(kind)
    for budget in (1, 200, 4000):
        for batch in in_batches(tagger, TEXTS, budget):
            expected = tagger.inference.backend.logits(batch)
            for alone in (False, True):
                found = backend_of(kind).logits(batch, alone=alone)
                assert found.dtype == np.float32
                np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", QUICK)
def test_long_documents_have_the_same_entities(
    kind: str, tagger_of: Callable[..., Tagger], backend_of: Callable[..., OnnxBackend]
) -> None:
    tagger = tagger_of(kind)
    texts = [Document(" ".join(each.text for each in documents()) * times) for times in (1, 4)]
    for one, other in zip(
        tagger.predict(texts), with_backend(tagger, backend_of(kind)).predict(texts), strict=True
    ):
        assert one.entities
        assert [(e.start, e.end, e.label) for e in one.entities] == [
            (e.start, e.end, e.label) for e in other.entities
        ]
        for mine, theirs in zip(one.entities, other.entities, strict=True):
            assert mine.score == pytest.approx(theirs.score, abs=1e-4)


def test_the_file_says_nothing_of_the_machine_it_was_made_on(
    exported: Callable[[str], Any],
) -> None:
    content = exported("bert").SerializeToString()
    assert not refers_to_files(content)
    assert str(Path.home()).encode() not in content
    assert b".py" not in content


def test_an_export_that_differs_is_refused(
    tagger_of: Callable[..., Tagger], backend_of: Callable[..., OnnxBackend], tmp_path: Path
) -> None:
    tagger = tagger_of("bert")
    some = in_batches(tagger, TEXTS[:3], 200)
    assert check_export(tagger.inference.backend, backend_of("bert"), some, tmp_path) < 1e-5
    with pytest.raises(CheckpointError, match=r"differ from PyTorch's by .* of their size"):
        check_export(tagger.inference.backend, backend_of("bert", 8), some, tmp_path)


def test_what_cannot_be_exported_is_an_error(
    checkpoint_of: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no such operator\nand much more")

    monkeypatch.setattr(torch.onnx, "export", fail)
    folder = checkpoint_of("bert")
    with pytest.raises(
        CheckpointError, match="bert cannot be exported: no such operator\n"
    ) as info:
        export(load_checkpoint(folder).model, folder)
    assert "PyTorch backend" in str(info.value.hint)


# --- 8 bits


@given(
    st.lists(st.integers(0, len(TEXTS) - 1), min_size=1, max_size=12),
    st.sampled_from([1, 60, 400, 5000]),
)
@settings(max_examples=25)
@pytest.mark.parametrize("kind", ["bert", "electra"])
def test_in_8_bits_a_words_logits_do_not_depend_on_what_is_beside_it(
    kind: str,
    tagger_of: Callable[..., Tagger],
    backend_of: Callable[..., OnnxBackend],
    chosen: list[int],
    budget: int,
) -> None:
    tagger = with_backend(tagger_of(kind), backend_of(kind, 8))
    texts = [TEXTS[index] for index in chosen]
    together, alone = (word_logits(tagger, texts, size) for size in (budget, 1))
    assert together.keys() == alone.keys()
    for word, logits in together.items():
        np.testing.assert_allclose(logits, alone[word], rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", [*QUICK, *SLOW])
@pytest.mark.parametrize(
    "reduced",
    [
        pytest.param(
            False,
            marks=pytest.mark.skipif(
                not ADDS_EXACTLY, reason="on this processor bytes of the full range are not used"
            ),
        ),
        True,
    ],
)
def test_8_bits_are_close_to_32(
    kind: str,
    reduced: bool,
    tagger_of: Callable[..., Tagger],
    exported: Callable[[str], Any],
    tmp_path: Path,
) -> None:
    tagger = tagger_of(kind)
    small = backend(quantise(exported(kind), reduced=reduced), tmp_path / "model.onnx")
    differences, sizes = [], []
    for batch in in_batches(tagger, TEXTS, 400):
        expected = tagger.inference.backend.logits(batch)
        differences.append(np.abs(small.logits(batch) - expected).ravel())
        sizes.append(np.abs(expected).ravel())
    share = np.concatenate(differences).mean() / np.concatenate(sizes).mean()
    assert 1e-6 < share < 0.02


@pytest.mark.parametrize(("reduced", "limit"), [(False, FULL), (True, REDUCED)])
def test_weights_keep_to_their_range(
    exported: Callable[[str], Any], reduced: bool, limit: int
) -> None:
    model = quantise(exported("bert"), reduced=reduced)
    weights = [
        onnx.numpy_helper.to_array(each)
        for each in model.graph.initializer
        if each.data_type == onnx.TensorProto.INT8 and "embeddings" not in each.name
    ]
    assert len(weights) == 12  # six products in each of two layers
    assert {int(np.abs(each.astype(int)).max()) for each in weights} == {limit}
    kept = [each.name for each in model.graph.initializer if each.data_type == 1]
    assert "classifier.weight" in kept
    assert not any(
        "layers" in name and name.endswith("weight") and "norm" not in name for name in kept
    )


@pytest.mark.parametrize("kind", QUICK)
def test_large_channels_are_brought_down_without_a_change_of_what_is_computed(
    kind: str, tagger_of: Callable[..., Tagger], exported: Callable[[str], Any], tmp_path: Path
) -> None:
    """Factors cancel out, whatever they are; wrong ones only coarsen the weights."""
    tagger, model = tagger_of(kind), onnx.ModelProto()
    model.CopyFrom(exported(kind))
    some = in_batches(tagger, TEXTS, 400)
    largest = largest_inputs(model, some)
    norms = {each.output[0] for each in model.graph.node if each.op_type == "LayerNormalization"}
    uneven = {name: sizes.copy() for name, sizes in largest.items()}
    for name in norms & set(uneven):
        uneven[name][3] *= 8
    plain, even = (
        backend(quantise(model, sizes, reduced=not ADDS_EXACTLY), tmp_path / f"{number}.onnx")
        for number, sizes in enumerate((None, uneven))
    )
    expected = np.concatenate([tagger.inference.backend.logits(each) for each in some])
    for each in (plain, even):
        found = np.concatenate([each.logits(batch) for batch in some])
        assert 0 < np.abs(found - expected).mean() < 0.03 * np.abs(expected).mean()
    inverses = [
        onnx.numpy_helper.to_array(each)
        for each in quantise(model, uneven).graph.initializer
        if each.name.endswith("_inverse")
    ]
    assert len(inverses) >= 3
    assert all(each[3] < 0.6 and each.max() == 1 for each in inverses)


def test_the_largest_inputs_are_those_of_pytorch(
    tagger_of: Callable[..., Tagger], exported: Callable[[str], Any]
) -> None:
    tagger = tagger_of("bert")
    some = in_batches(tagger, TEXTS, 400)
    found = largest_inputs(exported("bert"), some)
    norm = tagger.inference.backend.module.embeddings.norm  # type: ignore[attr-defined] # PyTorch's
    seen: list[torch.Tensor] = []
    handle = norm.register_forward_hook(lambda *each: seen.append(each[2].abs().amax(dim=(0, 1))))
    for batch in some:
        tagger.inference.backend.logits(batch)
    handle.remove()
    expected = torch.stack(seen).amax(dim=0).numpy()
    assert any(
        np.allclose(each, expected, atol=1e-5)
        for each in found.values()
        if each.shape == expected.shape
    )


def test_quantising_leaves_the_model_that_is_given_as_it_was(
    exported: Callable[[str], Any],
) -> None:
    before = exported("bert").SerializeToString()
    quantise(exported("bert"))
    assert exported("bert").SerializeToString() == before


def test_a_row_of_zeros_has_a_scale_too() -> None:
    matrix = np.array([[0, 0], [1, -2], [1e-30, 0]], dtype=np.float32)
    numbers, scales = rows_in_bytes(matrix, FULL)
    assert np.isfinite(scales).all()
    assert (scales > 0).all()
    np.testing.assert_allclose(numbers * scales[:, None], matrix, atol=0.01)


def test_rows_of_zeros_go_through_the_graph(tmp_path: Path) -> None:
    """A product of zeros is the bias, not NaN."""
    helper, arrays = onnx.helper, onnx.numpy_helper
    weights = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b"], ["y"]),
        helper.make_node("Gemm", ["y", "w2"], ["z"]),
    ]
    bias = np.array([1, 2, 3], dtype=np.float32)
    graph = helper.make_graph(
        nodes,
        "two products",
        [helper.make_tensor_value_info("x", 1, [None, 3])],
        [
            helper.make_tensor_value_info("y", 1, [None, 3]),
            helper.make_tensor_value_info("z", 1, [None, 3]),
        ],
        [arrays.from_array(v, n) for n, v in (("w1", weights), ("w2", weights), ("b", bias))],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    import onnxruntime

    session = onnxruntime.InferenceSession(quantise(model).SerializeToString())
    rows = np.array([[0, 0, 0], [1, -1, 0.5]], dtype=np.float32)
    (found,) = session.run(["y"], {"x": rows})
    np.testing.assert_allclose(found, rows @ weights + bias, atol=0.05)
    np.testing.assert_array_equal(found[0], bias)


@pytest.mark.parametrize(
    ("machine", "flags", "exact"),
    [
        ("x86_64", "fpu avx2 avx512f", False),
        ("x86_64", "fpu avx512_vnni", True),
        ("x86_64", "fpu avx_vnni avx2", True),
        ("aarch64", "", True),
        ("riscv64", "", False),
    ],
)
def test_processors_are_told_apart(
    machine: str, flags: str, exact: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(f"processor : 0\nflags\t\t: {flags}\nbugs : none\n")
    monkeypatch.setattr(hardware, "_CPUINFO", info)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert hardware.adds_bytes_exactly() is exact
    monkeypatch.setattr(hardware, "_CPUINFO", tmp_path / "nowhere")
    assert hardware.adds_bytes_exactly() is (machine == "aarch64")


# --- which backend is used


@pytest.fixture
def exact_bytes(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Makes the processor add 8-bit products exactly, or not."""

    def make(exact: bool) -> None:
        monkeypatch.setattr("nerine.model.backends.choosing.adds_bytes_exactly", lambda: exact)

    make(True)
    return make


Exact = Callable[[bool], None]


@pytest.mark.parametrize(
    ("wanted", "used"),
    [
        (None, INT8),
        ("auto", INT8),
        ("onnx", INT8),
        ("onnx-fp32", FP32),
        ("onnx-int8", INT8),
        ("pytorch", PYTORCH),
    ],
)
def test_the_backend_is_the_one_that_is_wanted(
    optimized: Path, exact_bytes: Exact, wanted: str | None, used: str
) -> None:
    tagger = Tagger.load(optimized, device="cpu", backend=wanted)
    assert tagger.inference.backend.name == used
    assert tagger.notes == ()
    assert tagger.predict(TEXTS)


def change_saved(folder: Path, **changes: Any) -> None:
    path = folder / "onnx/onnx.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, **changes}), encoding="utf-8")


@pytest.mark.parametrize("wanted", [None, "onnx", "onnx-fp32"])
def test_how_windows_are_batched_and_notes_are_those_that_were_recorded(
    optimized: Path, exact_bytes: Exact, wanted: str | None
) -> None:
    assert Tagger.load(optimized, device="cpu", backend=wanted).inference.backend.batching == (
        Batching()
    )
    batching = {"sharing": "equal lengths", "least_length": 3}
    change_saved(optimized, batching=batching, notes=["the weights hold lstm"])
    tagger = Tagger.load(optimized, device="cpu", backend=wanted)
    assert tagger.inference.backend.batching == Batching("equal lengths", 3)
    assert tagger.notes == (
        "the weights hold lstm",
        "batches have texts of one length: padding changes what this model finds",
        "shorter texts are padded to 3 subwords, the least that this model can run on",
    )
    made = tagger.inference.batches(tagger.inference.encoder.encode(TEXTS))
    assert all((batch.attention_mask == 1).all() for batch in made if batch.input_ids.shape[1] > 3)


def test_an_older_record_does_not_say_that_padding_is_harmless(
    optimized: Path, exact_bytes: Exact
) -> None:
    path = optimized / "onnx/onnx.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["batching"], content["notes"]
    path.write_text(json.dumps(content), encoding="utf-8")
    tagger = Tagger.load(optimized, device="cpu")
    assert tagger.inference.backend.batching.sharing == "equal lengths"
    notes = [note for note in tagger.notes if "padding" in note]
    assert len(notes) == 1
    assert "not known" in notes[0]
    assert "nerine optimize" in notes[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"batching": {"sharing": "sometimes"}},
        {"batching": {"sharing": "alone", "least_length": "3"}},
        {"batching": "alone"},
        {"batching": {"speed": 3}},
        {"notes": [3]},
    ],
)
def test_a_record_of_another_form_is_not_believed(
    optimized: Path, exact_bytes: Exact, changes: dict[str, Any]
) -> None:
    change_saved(optimized, **changes)
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_saved(optimized)


def test_without_models_pytorch_is_used_and_nothing_is_said(
    checkpoint_of: Callable[..., Path],
) -> None:
    assert open_backend(find_source(checkpoint_of("bert")), None, "cpu").notes == ()
    assert Tagger.load(checkpoint_of("bert"), device="cpu").inference.backend.name == PYTORCH
    with pytest.raises(CheckpointError, match="has no ONNX models") as info:
        open_backend(find_source(checkpoint_of("bert")), "onnx", "cpu")
    assert "nerine optimize" in str(info.value.hint)


def test_an_accelerator_takes_pytorch(optimized: Path, exact_bytes: Exact) -> None:
    assert open_backend(find_source(optimized), None, "cuda:0").backend is None
    with pytest.raises(SettingsError, match="onnx-int8 does not run on cuda"):
        open_backend(find_source(optimized), "onnx-int8", "cuda")


def test_an_unknown_backend_is_an_error(optimized: Path) -> None:
    with pytest.raises(SettingsError, match="'tensorrt' is unknown"):
        Tagger.load(optimized, backend="tensorrt")


def test_the_command_line_offers_what_can_be_opened() -> None:
    assert (AUTO, PYTORCH, *OPENERS) == OFFERED


def test_models_of_other_weights_are_never_used(optimized: Path, exact_bytes: Exact) -> None:
    other = make_checkpoint(optimized.with_name("other"), "bert", labels=("x", "y", "z"))
    for file in other.iterdir():
        shutil.copy(file, optimized)
    tagger = Tagger.load(optimized, device="cpu")
    assert tagger.inference.backend.name == PYTORCH
    (note,) = tagger.notes
    assert "other weights" in note
    with pytest.raises(CheckpointError, match="other weights than the checkpoint's"):
        Tagger.load(optimized, device="cpu", backend="onnx")


def damage_model(folder: Path) -> None:
    path = folder / "model-int8.onnx"
    path.write_bytes(path.read_bytes()[:-100])


def forge_model(folder: Path) -> None:
    """A file that is no model, with its right hash."""
    path = folder / "model-int8.onnx"
    path.write_bytes(b"no model")
    rewrite(folder, hashlib.sha256(b"no model").hexdigest())


def point_outside(folder: Path) -> None:
    """A model that takes weights from another file, with its right hash."""
    path = folder / "model-int8.onnx"
    model = onnx.load(path)
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    tensor.external_data.add(key="location", value="/etc/passwd")
    content = model.SerializeToString()
    path.write_bytes(content)
    rewrite(folder, hashlib.sha256(content).hexdigest())


def rewrite(folder: Path, sha256: str, **changes: Any) -> None:
    info = folder / "onnx.json"
    data = json.loads(info.read_text())
    data["models"][INT8].update({"sha256": sha256, **changes})
    info.write_text(json.dumps(data))


def climb_out(folder: Path) -> None:
    rewrite(folder, "0" * 64, file="../../elsewhere.onnx")


def another_model(folder: Path) -> None:
    helper = onnx.helper
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "g",
        [value("x", 1, [1])],
        [value("y", 1, [1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    (folder / "model-int8.onnx").write_bytes(model.SerializeToString())
    rewrite(folder, hashlib.sha256(model.SerializeToString()).hexdigest())


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (damage_model, "not the one that was measured"),
        (lambda folder: (folder / "model-int8.onnx").unlink(), "there is no such file"),
        (
            lambda folder: (folder / "onnx.json").write_text('{"format": 1'),
            "this is not valid JSON",
        ),
        (lambda folder: (folder / "onnx.json").write_text("[]"), "the JSON is"),
        (lambda folder: (folder / "onnx.json").write_text('{"format": 9}'), "format 9"),
        (climb_out, "not a plain file name"),
        (forge_model, "ONNX Runtime cannot load it"),
        (point_outside, "in other files"),
        (another_model, "a model of x → y"),
    ],
)
def test_harmed_files_are_noted_or_an_error(
    optimized: Path, exact_bytes: Exact, harm: Callable[[Path], None], message: str
) -> None:
    harm(optimized / "onnx")
    tagger = Tagger.load(optimized, device="cpu")
    assert tagger.inference.backend.name == PYTORCH
    assert len(tagger.notes) == 1
    assert message in tagger.notes[0]
    with pytest.raises(CheckpointError, match=message):
        Tagger.load(optimized, device="cpu", backend="onnx-int8")


def test_bytes_of_the_full_range_are_not_used_where_they_saturate(
    optimized: Path, exact_bytes: Exact, exported: Callable[[str], Any]
) -> None:
    exact_bytes(False)
    opened = open_backend(find_source(optimized), None, "cpu")
    assert opened.backend is not None
    assert opened.backend.name == FP32
    assert "exactly" in opened.notes[0]
    with pytest.raises(CheckpointError, match="exactly"):
        open_backend(find_source(optimized), "onnx-int8", "cpu")
    best = open_backend(find_source(optimized), "onnx", "cpu").backend
    assert best is not None
    assert best.name == FP32
    place_models(optimized, exported("bert"), kind="reduced")
    reduced = open_backend(find_source(optimized), None, "cpu").backend
    assert reduced is not None
    assert reduced.name == INT8


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_a_package_that_is_not_installed_names_the_extra(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{package}, which .*\n.*nerine\[train\]"):
        exporting.check_exporter()


def test_models_are_put_in_place_whole_or_not_at_all(
    optimized: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted((each.name, each.read_bytes()) for each in (optimized / "onnx").iterdir())
    saved = read_saved(optimized)
    assert saved is not None

    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nerine.core.files.sync_files", full)
    with pytest.raises(CheckpointError, match="No space left"), workplace(optimized) as place:
        put_in_place(place, saved)
    assert before == sorted(
        (each.name, each.read_bytes()) for each in (optimized / "onnx").iterdir()
    )
    assert not list(optimized.glob(".onnx*"))


def test_what_was_saved_is_read_again() -> None:
    models = {
        FP32: SavedModel("a.onnx", "1" * 64, 5),
        INT8: SavedModel("b.onnx", "2" * 64, 3, "full"),
    }
    saved = SavedModels("0" * 64, INT8, models, {"documents": 3})
    assert SavedModels.from_dict(json.loads(json.dumps(saved.to_dict()))) == saved


def test_a_backend_is_what_the_protocol_asks_for(backend_of: Callable[..., OnnxBackend]) -> None:
    one: backends.Backend = backend_of("bert")
    assert one.workers >= 1
    assert one.token_budget > 0
