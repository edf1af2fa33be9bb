"""Gradient checkpointing: layers keep their inputs only, and are run again in the backward pass.

Memory then grows with the number of layers by their inputs alone, for one more forward pass in each
step (Chen et al., 2016).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

from nerine.core.errors import SettingsError


def checkpoint_gradients(model: Any) -> None:
    """Switches gradient checkpointing on in training, for any architecture with a list of layers.

    Architectures for which transformers has it use that one. Raises `SettingsError` if there is no
    list of layers; XLM has several of their parts.
    """
    if model.supports_gradient_checkpointing:
        how = {"use_reentrant": False}  # the form that needs no gradient of frozen embeddings
        if hasattr(model, "activation_checkpointing_enable"):  # its name since transformers 5.20
            model.activation_checkpointing_enable(how)
        else:
            model.gradient_checkpointing_enable(how)
        return
    layers = list(_outermost_layers(model.base_model))
    if not layers or any(isinstance(layer, nn.LayerNorm) for layer in layers):
        raise SettingsError(
            f"found no list of layers in {type(model).__name__}",
            place="gradient_checkpointing",
            expected="an encoder that has one, or false",
            hint="a smaller token_budget needs less memory, too",
        )
    for layer in layers:
        kind = type(layer)
        layer.__class__ = type(f"Checkpointed{kind.__name__}", (_Checkpointed, kind), {})


class _Checkpointed(nn.Module):
    """What the class of a layer inherits first."""

    def forward(self, *args: Any, **named: Any) -> Any:
        """The layer's outputs; in training, the values between are not kept."""
        if self.training:
            return checkpoint(super().forward, *args, use_reentrant=False, **named)
        return super().forward(*args, **named)


def _outermost_layers(module: nn.Module) -> Iterator[nn.Module]:
    """The members of lists of modules that are in no other member."""
    for child in module.children():
        is_member = isinstance(module, nn.ModuleList) and not isinstance(child, nn.ModuleList)
        yield from [child] if is_member else _outermost_layers(child)
