"""Models that share the tensors of one encoder, and add the updates and the head of an adapter."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from transformers.pytorch_utils import Conv1D

from nerine.core.errors import CheckpointError
from nerine.core.filenames import ADAPTER_WEIGHTS_FILE
from nerine.model.loading.adapter import PREFIX, SavedAdapter
from nerine.model.loading.pretrained import quiet

LINEAR = (nn.Linear, Conv1D)
"""The layers that LoRA updates; the second is GPT-2's, whose weights are transposed."""

_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"


class Updated(nn.Module):
    """A linear layer with a low-rank update: `x` → `layer(x) + scale · x Aᵀ Bᵀ`.

    Args:
        layer: The layer.
        down: A, `(rank, inputs)`.
        up: B, `(outputs, rank)`.
        scale: The factor of the update.
    """

    def __init__(self, layer: nn.Module, down: Tensor, up: Tensor, scale: float) -> None:
        super().__init__()
        self.layer, self.scale = layer, scale
        self.down, self.up = nn.Parameter(down), nn.Parameter(up)

    @property
    def weight(self) -> Any:
        """The weights of the layer itself, whose type some architectures look at."""
        return self.layer.weight

    def forward(self, inputs: Tensor) -> Tensor:
        """The layer's outputs with the update."""
        update = functional.linear(functional.linear(inputs, self.down), self.up)
        result: Tensor = self.layer(inputs) + self.scale * update
        return result


def sharing_copy(module: Any, shared: Iterable[Tensor]) -> Any:
    """A copy of a module whose `shared` parameters and buffers are the same objects."""
    return copy.deepcopy(module, {id(tensor): tensor for tensor in shared})


def put_module(model: Any, name: str, module: nn.Module) -> None:
    """Replaces the module called `name` in a model."""
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, module)


def encoder_hash(model: Any) -> str:
    """The SHA-256 of the names and weights of the encoder in a model, in hexadecimal.

    A pooler does not count: the logits of a word do not depend on it, and its weights may be new.
    """
    digest = hashlib.sha256()
    for name, parameter in sorted(model.base_model.named_parameters()):
        if "pooler." not in name:
            digest.update(name.encode())
            digest.update(parameter.detach().cpu().contiguous().numpy())
    return digest.hexdigest()


def adapted_model(base: Any, adapter: SavedAdapter) -> Any:
    """A model with the shared encoder of `base`, and with the updates and head of `adapter`.

    Raises `CheckpointError` if the adapter does not fit the encoder.
    """
    place = str(adapter.folder / ADAPTER_WEIGHTS_FILE)
    try:
        saved = load_file(place, device=str(base.device))
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot be read: {error}", place=place) from error
    tensors = {name.removeprefix(PREFIX): tensor for name, tensor in saved.items()}
    model = _with_new_head(base, adapter.settings.outputs or adapter.settings.tags)
    for name in [name for name in tensors if name.endswith(_DOWN)]:
        layer = name.removesuffix(_DOWN)
        down, up = tensors.pop(name), tensors.pop(f"{layer}{_UP}", None)
        _update(model, layer, down, up, adapter.scale, place)
    own = f"{model.base_model_prefix}."
    head = {name: each.shape for name, each in model.named_parameters() if not name.startswith(own)}
    if head != {name: tensor.shape for name, tensor in tensors.items()}:
        raise CheckpointError(
            "the weights of the head do not fit the encoder",
            place=place,
            expected=f"{', '.join(head)} of a {type(model).__name__}",
        )
    model.load_state_dict(tensors, strict=False, assign=True)
    return model.requires_grad_(requires_grad=False).eval()


def _with_new_head(base: Any, tags: Iterable[str]) -> Any:
    """The encoder of `base`, its tensors shared, with a head for `tags` that has no weights yet."""
    config = copy.deepcopy(base.config)
    config.id2label = dict(enumerate(tags))
    config.label2id = {tag: index for index, tag in config.id2label.items()}
    with quiet(), torch.device("meta"):
        model = type(base)(config)
    encoder = base.base_model
    shared = sharing_copy(encoder, [*encoder.parameters(), *encoder.buffers()])
    setattr(model, model.base_model_prefix, shared)
    return model


def _update(
    model: Any, name: str, down: Tensor, up: Tensor | None, scale: float, place: str
) -> None:
    """Puts an update on the linear layer called `name`; raises `CheckpointError`."""
    layer = dict(model.base_model.named_modules()).get(
        name.removeprefix(f"{model.base_model_prefix}.")
    )
    if not isinstance(layer, LINEAR) or up is None or down.dim() != 2 or up.dim() != 2:
        raise CheckpointError(
            f"{name} has no linear layer in the encoder, or half an update",
            place=place,
            expected=f"updates for a {type(model).__name__}",
        )
    shape = up.shape[0], down.shape[1]
    own = tuple(layer.weight.shape)
    if shape != (own[::-1] if isinstance(layer, Conv1D) else own) or down.shape[0] != up.shape[1]:
        raise CheckpointError(
            f"the update of {name} has the shape {shape}", place=place, expected=f"{own}"
        )
    put_module(model, name, Updated(layer, down, up, scale))
