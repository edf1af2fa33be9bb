"""Training with LoRA: plain checkpoints, frozen weights, states, and what peft makes of them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForTokenClassification

from adapted import RANK, logits_of, make_run, updated
from architectures import make_model
from curves import EXACT, Listener, assert_same_curve
from nerine.core.errors import MissingExtraError, SettingsError, TrainingError
from nerine.model.adapters import Adapters
from nerine.model.loading.pretrained import load_encoder, quiet
from nerine.training.distillation.settings import DistillationSettings
from nerine.training.initialization import new_checkpoint
from nerine.training.layer_rates import parameter_groups
from nerine.training.lora import linear_layers, merged
from nerine.training.plan import plan_training
from nerine.training.run import TrainingRun
from nerine.training.seeds import mean_weights, train_seeds
from nerine.training.settings import TrainingSettings
from nerine.training.tuning.space import make_space
from runs import corpus, small_run
from tiny import KINDS, make_encoder

LORA: dict[str, Any] = {"lora_rank": RANK, "lora_dropout": 0.1, "epochs": 2}
STEPS = 12
"""Steps of a run of two epochs."""

INPUT_IDS = torch.arange(5, 69).reshape(2, 32)


@pytest.fixture(scope="module")
def encoder(encoder_of: Callable[[str], Path]) -> Path:
    return encoder_of("bert")


@pytest.fixture(scope="module")
def undisturbed(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingRun:
    """A run without an interruption."""
    return small_run(tmp_path_factory.mktemp("run") / "undisturbed", encoder, **LORA)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = load_file(folder / "model.safetensors")
    return tensors


def assert_same_weights(folder: Path, other: Path) -> None:
    for name in ("model.safetensors", "adapter/adapter_model.safetensors"):
        assert (folder / name).read_bytes() == (other / name).read_bytes(), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_merged_model_is_plain_and_computes_the_same(
    kind: str, encoder_of: Callable[[str], Path]
) -> None:
    model = updated(encoder_of(kind)).model
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    plain = merged(model)
    expected = logits_of(model, INPUT_IDS)
    assert torch.allclose(logits_of(plain, INPUT_IDS), expected, atol=1e-5)
    initial = load_encoder(str(encoder_of(kind)), list(model.config.id2label.values())).model
    assert type(plain) is type(initial)
    assert plain.state_dict().keys() == initial.state_dict().keys()
    assert not torch.allclose(logits_of(initial.eval(), INPUT_IDS), expected, atol=1e-2)
    changed = {f"{name}.weight" for name in linear_layers(initial)}
    mine, own = dict(plain.named_parameters()), dict(initial.named_parameters())
    for name, parameter in mine.items():
        if name in changed:
            rank = torch.linalg.matrix_rank(parameter - own[name], rtol=1e-4)
            assert 0 < rank <= RANK
        elif name.startswith(f"{plain.base_model_prefix}."):
            assert torch.equal(parameter, own[name])
            assert parameter is model.get_parameter(_name_in(model, name))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def _name_in(model: Any, name: str) -> str:
    """The name of a plain model's parameter in one with updates, where layers are wrapped."""
    layer, _, own = name.rpartition(".")
    return f"{layer}.base_layer.{own}" if hasattr(model.get_submodule(layer), "lora_A") else name


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft's own
@pytest.mark.parametrize("kind", [*KINDS, "gpt2"])
def test_peft_and_adapters_load_the_adapter_to_the_same_model(
    kind: str, encoder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    encoder = make_model(tmp_path / "gpt2", kind) if kind == "gpt2" else encoder_of(kind)
    run = make_run(tmp_path / "run", encoder)
    assert {path.suffix for path in (run / "adapter").iterdir()} == {".json", ".safetensors"}
    plain = AutoModelForTokenClassification.from_pretrained(run)
    with quiet():
        base = AutoModelForTokenClassification.from_pretrained(
            encoder, num_labels=plain.config.num_labels, ignore_mismatched_sizes=True
        )
        theirs = PeftModel.from_pretrained(base, run / "adapter").eval()
    expected = logits_of(theirs, INPUT_IDS)
    assert torch.allclose(logits_of(plain, INPUT_IDS), expected, atol=1e-5)
    backend: Any = Adapters.load(encoder, {"it": run}, device="cpu")["it"].inference.backend
    found = logits_of(backend.module.model, INPUT_IDS)
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_attention_and_feed_forward_are_found_by_the_architecture(
    kind: str, encoder_of: Callable[[str], Path]
) -> None:
    model = AutoModelForTokenClassification.from_pretrained(encoder_of(kind))
    found = linear_layers(model)
    matrices = {
        name.removesuffix(".weight")
        for name, parameter in model.named_parameters()
        if parameter.dim() == 2 and name.startswith(f"{model.base_model_prefix}.")
    }
    left = {name for name in matrices if name not in found}
    assert all("embed" in name or "relative_attention_bias" in name for name in left)
    assert len(found) == 2 * (4 if kind == "modernbert" else 6)


def test_a_run_trains_updates_and_the_head_and_leaves_a_plain_checkpoint(
    undisturbed: TrainingRun, encoder: Path
) -> None:
    assert undisturbed.epochs[-1].training_loss < undisturbed.epochs[0].training_loss
    assert undisturbed.best.f1 > 0.5
    trained, before = weights(undisturbed.folder), weights(encoder)
    model = AutoModelForTokenClassification.from_pretrained(undisturbed.folder)
    assert trained.keys() == model.state_dict().keys()
    layers = {f"{name}.weight" for name in linear_layers(model)}
    for name, tensor in trained.items():
        own = before.get(name.removeprefix("bert."))
        assert own is None or torch.equal(tensor, own) is (name not in layers)
    assert not (undisturbed.folder / "checkpoints").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param({"averaging": 0.0}, marks=pytest.mark.slow),
        {"gradient_checkpointing": True, "save_steps": 2},
    ],
)
def test_a_run_that_was_interrupted_resumes_to_the_same_weights(
    changes: dict[str, Any], undisturbed: TrainingRun, encoder: Path, tmp_path: Path
) -> None:
    whole = undisturbed.folder
    if "averaging" in changes:
        whole = small_run(tmp_path / "whole", encoder, **LORA, **changes).folder
    listener = Listener(STEPS // 2 + 2, lambda: os.kill(os.getpid(), signal.SIGTERM))
    chosen = {**LORA, **changes}
    stopped = small_run(tmp_path / "run", encoder, listener=listener, **chosen)
    assert stopped.interrupted
    resumed = small_run(tmp_path / "run", encoder, resume=True, **chosen)
    assert resumed.interrupted is None
    assert_same_weights(resumed.folder, whole)


def test_a_run_is_not_resumed_over_another_encoder(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path / "encoder")
    listener = Listener(2, lambda: os.kill(os.getpid(), signal.SIGTERM))
    small_run(tmp_path / "run", encoder, listener=listener, **LORA)
    model = AutoModelForTokenClassification.from_pretrained(encoder)
    with torch.no_grad():
        model.bert.encoder.layer[0].output.dense.weight[0, 0] += 1
    model.bert.save_pretrained(encoder)
    with pytest.raises(TrainingError, match="weights of the encoder encoder have changed"):
        small_run(tmp_path / "run", encoder, resume=True, **LORA)


def test_lower_layers_learn_more_slowly_with_updates_too(encoder: Path) -> None:
    model = updated(encoder).model
    named = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = parameter_groups(model, set(), learning_rate=1.0, layer_decay=0.5, weight_decay=0.1)
    rates = {named[id(each)]: group["lr"] for group in groups for each in group["params"]}
    assert {name for name in rates if "lora_" not in name} == {
        "classifier.weight",
        "classifier.bias",
    }
    assert all(rate == (0.5 if ".layer.0." in name else 1.0) for name, rate in rates.items())


@pytest.mark.slow
def test_seeds_keep_the_adapter_of_the_best_and_none_of_a_soup(
    encoder: Path, tmp_path: Path
) -> None:
    chosen: dict[str, Any] = {"encoder": str(encoder), "max_length": 64, "overlap": 8, **LORA}
    chosen |= {"epochs": 1, "batch_size": 4, "learning_rate": 1e-2, "seeds": 2}
    best = train_seeds(corpus(), output=tmp_path / "best", **chosen)
    assert_same_weights(best.folder, best.best.folder)
    soup = train_seeds(corpus(), output=tmp_path / "soup", keep="soup", **chosen)
    assert not (soup.folder / "adapter").exists()
    expected = mean_weights([weights(run.folder) for run in soup.runs])
    found = weights(soup.folder)
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


@pytest.mark.slow
def test_mixed_precision_trains_too(encoder: Path, tmp_path: Path) -> None:
    run = small_run(tmp_path / "run", encoder, precision="bf16", **LORA)
    assert run.epochs[-1].training_loss < run.epochs[0].training_loss
    assert {tensor.dtype for tensor in weights(run.folder).values()} == {torch.float32}


@pytest.mark.slow
def test_two_processes_have_the_curve_of_one(encoder: Path, tmp_path: Path) -> None:
    chosen = {**LORA, **EXACT, "lora_dropout": 0.0, "gradient_checkpointing": True}
    alone = small_run(tmp_path / "alone", encoder, **chosen)
    assert_same_curve(small_run(tmp_path / "pair", encoder, processes=2, **chosen), alone)


def test_the_plan_has_a_higher_rate_for_it_and_says_why(encoder: Path) -> None:
    plain = plan_training(corpus(), TrainingSettings(encoder=str(encoder)))
    plan = plan_training(corpus(), TrainingSettings(encoder=str(encoder), lora_rank=4))
    assert (plan.settings.learning_rate or 0) > (plain.settings.learning_rate or 1)
    (choice,) = (each for each in plan.choices if each.name == "learning rate")
    assert "LoRA" in choice.reason
    assert "LoRA" not in str(plain)


def test_a_search_keeps_the_embeddings_frozen(encoder: Path) -> None:
    settings = TrainingSettings(encoder=str(encoder), lora_rank=4)
    space = make_space(corpus(), settings, None, {})
    assert "freeze_embeddings" not in {each.name for each in space.ranges}
    with pytest.raises(SettingsError, match="freeze_embeddings is to be tuned, and lora_rank is"):
        make_space(corpus(), settings, ["freeze_embeddings"], {})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lora_alpha": 8}, "lora_alpha: this is a setting of LoRA"),
        ({"lora_dropout": 0.1}, "lora_dropout: this is a setting of LoRA"),
        ({"lora_rank": 4, "freeze_embeddings": False}, "freeze_embeddings: LoRA keeps all"),
        ({"lora_rank": 0}, "lora_rank: 0 is too small"),
    ],
)
def test_settings_that_contradict_each_other_are_an_error(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        TrainingSettings().changed(changes)


def test_a_rank_above_the_width_is_an_error_before_the_run_has_a_folder(
    encoder: Path, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="a rank of 33 for an encoder of width 32"):
        small_run(tmp_path / "run", encoder, lora_rank=33)
    assert not (tmp_path / "run").exists()


def test_an_encoder_without_linear_layers_is_an_error(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "encoder", "squeezebert")
    settings = TrainingSettings(encoder=str(folder), lora_rank=4)
    with pytest.raises(SettingsError, match="no linear layers to update in SqueezeBert"):
        new_checkpoint(corpus(), settings)


def test_a_missing_peft_is_an_error_with_its_extra(
    encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtraError, match=r"nerine\[lora\]"):
        plan_training(corpus(), TrainingSettings(encoder=str(encoder), lora_rank=4))


def test_a_student_has_no_such_setting() -> None:
    with pytest.raises(SettingsError, match="unknown setting 'lora_rank'"):
        DistillationSettings().changed({"lora_rank": 4})
