"""Learning rates by depth: the lower a layer, the slower it learns.

What the lower layers know of language holds for names never seen in training; the upper ones have
to learn the task (discriminative fine-tuning: Howard & Ruder, 2018, 3.2).
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

_LAYER = re.compile(r"\.(\d+)\.")


def parameter_groups(
    model: Any,
    decayed: set[str],
    *,
    learning_rate: float,
    layer_decay: float,
    weight_decay: float,
) -> list[dict[str, Any]]:
    """The parameters that are trained, in groups for an optimizer.

    The head and the encoder's top layer learn at `learning_rate`, each layer below at
    `layer_decay` times the rate of the one above it, and the embeddings like one more layer.
    `decayed` names the parameters that weight decay is meant for.
    """
    groups: dict[tuple[int, bool], list[Any]] = defaultdict(list)
    depths = _depths(model)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups[depths[name], name in decayed].append(parameter)
    return [
        {
            "params": parameters,
            "lr": learning_rate * layer_decay**depth,
            "weight_decay": weight_decay if shrinks else 0.0,
        }
        for (depth, shrinks), parameters in groups.items()
    ]


def _depths(model: Any) -> dict[str, int]:
    """How many layers stand between each parameter and the top one, by its name."""
    encoder = f"{model.base_model_prefix}."
    names = [name for name, _ in model.named_parameters()]
    inner = [name for name in names if name.startswith(encoder)]
    layers = {name: int(found[1]) for name in inner if (found := _LAYER.search(name))}
    top = max(layers.values(), default=-1)
    below_all = {name: top + 1 for name in inner if "embed" in name and name not in layers}
    above_all = dict.fromkeys(names, 0)
    return above_all | below_all | {name: top - layer for name, layer in layers.items()}
