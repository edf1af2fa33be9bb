"""Layer-wise learning rates: lower layers learn more slowly.

The knowledge of language in the lower layers also holds for names never seen in training; the upper
layers have to learn the task (discriminative fine-tuning: Howard & Ruder, 2018, 3.2).
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

_LAYER = re.compile(r"\.(\d+)\.")


def parameter_groups(
    model: Any, decayed: set[str], *, learning_rate: float, layer_decay: float, weight_decay: float
) -> list[dict[str, Any]]:
    """The trainable parameters in groups for an optimizer.

    The head and the encoder's top layer learn at `learning_rate`, each lower layer at
    `layer_decay` times the rate of the one above it. The embeddings count as one more layer.
    `decayed` names the parameters that get weight decay.
    """
    encoder = f"{model.base_model_prefix}."
    names = [name for name, _ in model.named_parameters() if name.startswith(encoder)]
    layers = {name: int(found[1]) for name in names if (found := _LAYER.search(name))}
    top = max(layers.values(), default=-1)
    depths = {name: top - layer for name, layer in layers.items()}
    depths |= {name: top + 1 for name in names if "embed" in name and name not in layers}
    groups: dict[tuple[int, bool], list[Any]] = defaultdict(list)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups[depths.get(name, 0), name in decayed].append(parameter)
    return [
        {
            "params": parameters,
            "lr": learning_rate * layer_decay**depth,
            "weight_decay": weight_decay if has_decay else 0.0,
        }
        for (depth, has_decay), parameters in groups.items()
    ]
