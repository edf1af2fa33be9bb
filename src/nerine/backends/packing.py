"""Linear layers whose weights lie as oneDNN's matrix product wants them.

On the CPU, torch's own product reads weights as they were stored. Laid out once, when a model is
loaded, oneDNN's needs about a fifth less time for all of a small encoder (`make bench` shows the
whole path). The operators are those that torch's compiler emits for frozen models.
"""

from __future__ import annotations

from typing import Any

import torch


class PackedLinear(torch.nn.Module):
    """What `linear` computes, for weights that do not change any more."""

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        self.packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), None)
        self.bias = linear.bias

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """(… × in) → (… × out)."""
        result: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            values, self.packed, self.bias, "none", [], ""
        )
        return result


def pack(model: Any) -> None:
    """Packs the linear layers of a model that is only used from now on, where that is possible.

    It is on a CPU with oneDNN, in single precision. The packed model then has to give the logits
    of the plain one; where it does not, or cannot run, the model stays as it was.
    """
    if model.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return
    plain = [
        (module, name, child)
        for module in model.modules()
        for name, child in module.named_children()
        if type(child) is torch.nn.Linear and child.weight.dtype == torch.float32
    ]
    expected = _logits(model)
    try:
        for module, name, linear in plain:
            setattr(module, name, PackedLinear(linear))
        equal = torch.allclose(_logits(model), expected, rtol=1e-4, atol=1e-4)
    except (AttributeError, NotImplementedError, RuntimeError):
        equal = False  # layers that look into each other's weights, or another torch
    if not equal:
        for module, name, linear in plain:
            setattr(module, name, linear)


def _logits(model: Any) -> torch.Tensor:
    """Of eight subwords, whichever they are."""
    with torch.inference_mode():
        logits: torch.Tensor = model(input_ids=torch.arange(8)[None]).logits
    return logits
