"""Linear layers with their weights in the layout of oneDNN's matrix product.

On the CPU, torch's own product reads weights as they were stored. With weights that are laid out
once, when a model is loaded, oneDNN's product takes less time, and it includes the GELU after a
product (`make bench` shows the whole path). The operators are those that torch's
compiler emits for frozen models.
"""

from __future__ import annotations

import torch
from torch import nn

from nerine.model.backends.lean import Attention, LeanModel, WholeModel, filled_up, probe

ROWS = 64
"""Products are of a multiple of so many rows.

oneDNN makes a kernel for each number of rows that it meets, of some megabytes, and keeps a
thousand of them.
"""


class PackedLinear(nn.Module):
    """What `linear` computes, for weights that do not change any more, and then GELU if asked."""

    def __init__(self, linear: nn.Linear, *, gelu: bool = False) -> None:
        super().__init__()
        self.packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), None)
        self.bias = linear.bias
        self.then: tuple[str, list[float], str] = (
            ("gelu", [], "none") if gelu else ("none", [], "")
        )  # "none": by erf, exactly

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """`(…, in)` → `(…, out)`."""
        rows = values.flatten(0, -2)
        result: torch.Tensor = torch.ops.mkldnn._linear_pointwise.default(
            filled_up(rows, ROWS), self.packed, self.bias, *self.then
        )
        kept: torch.Tensor = result[: len(rows)].unflatten(0, values.shape[:-1])
        return kept


def pack(module: LeanModel | WholeModel) -> None:
    """Packs the linear layers of a module that is only used from now on, where that is possible.

    `module` takes what `LeanModel` takes, and lies on the CPU. Packed, it has to give the logits
    that it gave before; where it does not, or cannot run, it stays as it was.
    """
    if not torch.backends.mkldnn.is_available():
        return
    inputs = probe(module, torch.device("cpu"))
    _round_to(module, ROWS)
    plain = [
        (parent, name, child, linear)
        for parent in module.modules()
        for name, child in parent.named_children()
        if (linear := _linear(child)) is not None and not _has_gelu(parent)
    ]
    with torch.inference_mode():
        expected = module(*inputs)
        try:
            for parent, name, child, linear in plain:
                setattr(parent, name, PackedLinear(linear, gelu=_has_gelu(child)))
            equal = torch.allclose(module(*inputs), expected, rtol=1e-4, atol=1e-4)
        except (AttributeError, RuntimeError):
            equal = False  # layers that look into each other's weights, or another torch
    if not equal:
        _round_to(module, 1)
        for parent, name, child, _ in plain:
            setattr(parent, name, child)


def _round_to(module: nn.Module, rows: int) -> None:
    for each in module.modules():
        if isinstance(each, LeanModel | Attention):
            each.round_to = rows


def _linear(child: nn.Module) -> nn.Linear | None:
    """The linear layer that `child` is, or begins with if a GELU follows."""
    if _has_gelu(child):
        child = child.get_submodule("0")
    return child if type(child) is nn.Linear and child.weight.dtype == torch.float32 else None


def _has_gelu(child: nn.Module) -> bool:
    return isinstance(child, nn.Sequential) and [type(each) for each in child] == [
        nn.Linear,
        nn.GELU,
    ]
