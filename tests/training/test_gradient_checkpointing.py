"""Gradient checkpointing: the same losses and gradients with fewer activations in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from architectures import ARCHITECTURES, make_model
from nerine.core.errors import SettingsError
from nerine.model.loading.pretrained import quiet
from nerine.training.initialization import new_checkpoint
from nerine.training.settings import TrainingSettings
from runs import corpus, small_run
from tiny import KINDS

INPUT_IDS = torch.arange(5, 69).reshape(2, 32)


@pytest.mark.parametrize("lora_rank", [None, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_losses_and_gradients_are_the_same(
    kind: str, lora_rank: int | None, encoder_of: Callable[[str], Path]
) -> None:
    loss, gradients, once = _loss_and_gradients(encoder_of(kind), lora_rank, is_on=False)
    other, others, twice = _loss_and_gradients(encoder_of(kind), lora_rank, is_on=True)
    assert torch.equal(loss, other)
    assert gradients.keys() == others.keys()
    assert all(torch.allclose(each, others[name], atol=1e-6) for name, each in gradients.items())
    assert twice == 2 * once > 0


def _loss_and_gradients(
    encoder: Path, lora_rank: int | None, *, is_on: bool
) -> tuple[torch.Tensor, dict[str, torch.Tensor], int]:
    """The loss and the gradients of a batch, and how often the first layer was run for them."""
    settings = TrainingSettings(
        encoder=str(encoder), lora_rank=lora_rank, dropout=0.0, gradient_checkpointing=is_on
    )
    with quiet():
        model = new_checkpoint(corpus(), settings).model.train()
        runs = _count_runs(model)
        loss = model(input_ids=INPUT_IDS).logits.log_softmax(dim=-1)[..., 1].mean()
        loss.backward()
    trained = {name: each for name, each in model.named_parameters() if each.requires_grad}
    gradients = {name: each.grad for name, each in trained.items() if each.grad is not None}
    return loss.detach(), gradients, len(runs)


def _count_runs(model: torch.nn.Module) -> list[str]:
    """A list that gets an item each time that the first linear layer of a layer is run."""
    runs: list[str] = []
    for name, module in model.named_modules():
        if ".0." in name and isinstance(module, torch.nn.Linear) and "lora_" not in name:
            module.register_forward_hook(lambda *_: runs.append("run"))
            break
    return runs


@pytest.mark.slow
@pytest.mark.parametrize("freeze_embeddings", [True, False])
def test_a_run_has_the_same_weights(
    freeze_embeddings: bool, encoder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    folders = [
        small_run(
            tmp_path / str(is_on),
            encoder_of("bert"),
            epochs=1,
            precision="fp32",
            freeze_embeddings=freeze_embeddings,
            gradient_checkpointing=is_on,
        ).folder
        for is_on in (False, True)
    ]
    first, second = [(folder / "model.safetensors").read_bytes() for folder in folders]
    assert first == second


def test_an_encoder_without_a_list_of_layers_is_an_error(tmp_path: Path) -> None:
    settings = TrainingSettings(
        encoder=str(make_model(tmp_path / "xlm", "xlm")), gradient_checkpointing=True
    )
    with pytest.raises(SettingsError, match="found no list of layers in XLMForTokenClass"):
        new_checkpoint(corpus(), settings)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_every_architecture_with_such_a_list_has_it(kind: str, tmp_path: Path) -> None:
    if kind in ("xlm", "flaubert"):
        pytest.skip("its lists hold parts of layers")
    loss, gradients, _ = _loss_and_gradients(make_model(tmp_path / kind, kind), None, is_on=False)
    other, others, _ = _loss_and_gradients(tmp_path / kind, None, is_on=True)
    assert torch.equal(loss, other)
    assert gradients.keys() == others.keys()
    assert all(torch.allclose(each, others[name], atol=1e-6) for name, each in gradients.items())
