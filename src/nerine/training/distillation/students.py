"""A teacher → a student that is made of some of its layers.

A student that begins with layers of its teacher learns faster and better than one that begins
with new ones (Sanh et al., 2019, DistilBERT, 4). It has its teacher's embeddings, head, tokenizer
and settings, so that the same words bear the same tags.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from typing import Any

import torch

from nerine.core.errors import CheckpointError, SettingsError
from nerine.model.loading.checkpoint import Checkpoint
from nerine.model.loading.pretrained import quiet


def lowest(kept: int, layers: int) -> tuple[int, ...]:
    """The lowest `kept` of so many layers, counted from 0.

    Layers that lie side by side still understand each other, and what is lost with the upper ones
    is learned again most easily (Sajjad et al., 2023).
    """
    if not 1 <= kept < layers:
        raise SettingsError(
            f"{kept} layers of a teacher that has {layers}",
            place="layers",
            expected=f"from 1 to {layers - 1}",
        )
    return tuple(range(kept))


def number_of_layers(checkpoint: Checkpoint) -> int:
    """How many layers the encoder of a checkpoint has; raises where it has no list of them."""
    return len(_lists_of_layers(checkpoint.model)[0][1])


def student_of(teacher: Checkpoint, keep: Sequence[int]) -> Checkpoint:
    """A checkpoint of the teacher's layers `keep`, rising and counted from 0, with all else of it.

    Weights are copied. Raises `CheckpointError` where the architecture does not allow it.
    """
    lists = _lists_of_layers(teacher.model)
    weights = {
        kept: values
        for name, values in teacher.model.state_dict().items()
        if (kept := _name_in_student(name, [name for name, _ in lists], keep))
    }
    model = _model_of(teacher.model, _student_config(teacher.model.config, keep), weights)
    return dataclasses.replace(teacher, model=model, scores={}, provenance={}, calibration=None)


def _lists_of_layers(model: Any) -> list[tuple[str, torch.nn.ModuleList]]:
    """The lists, by name, that hold an entry for each layer. XLM, for one, has several."""
    layers = getattr(model.config, "num_hidden_layers", None)
    found: list[tuple[str, torch.nn.ModuleList]] = []
    for name, module in model.named_modules():
        inside = any(name.startswith(f"{outer}.") for outer, _ in found)
        if isinstance(module, torch.nn.ModuleList) and len(module) == layers and not inside:
            found.append((name, module))
    if not found:
        raise CheckpointError(
            f"a {type(model).__name__} has no list of {layers} layers to choose from",
            expected="an encoder with weights of its own for each layer, such as BERT, RoBERTa, "
            "DistilBERT, DeBERTa or ModernBERT",
            hint="fine-tune a smaller encoder instead: nerine train CORPUS --encoder NAME -o RUN",
        )
    return found


def _name_in_student(name: str, lists: Sequence[str], keep: Sequence[int]) -> str | None:
    """What a parameter of the teacher is called in the student; None if it is left out."""
    for outer in lists:
        if name.startswith(f"{outer}."):
            layer, _, inner = name.removeprefix(f"{outer}.").partition(".")
            return f"{outer}.{keep.index(int(layer))}.{inner}" if int(layer) in keep else None
    return name


def _student_config(config: Any, keep: Sequence[int]) -> Any:
    """The teacher's configuration with fewer layers; lists with an entry a layer become shorter."""
    smaller = copy.deepcopy(config)
    layers = config.num_hidden_layers
    smaller.num_hidden_layers = len(keep)
    for name, value in vars(config).items():
        if "layer" in name and isinstance(value, list) and len(value) == layers:
            setattr(smaller, name, [value[index] for index in keep])
    return smaller


def _model_of(teacher: Any, config: Any, weights: dict[str, torch.Tensor]) -> Any:
    """A model of the teacher's class with these weights, which has to take them all, and to run."""
    try:
        with quiet():
            model = type(teacher)(config)
        model.load_state_dict(weights)
        model = model.to(teacher.device).eval()
        ids = torch.arange(8, device=teacher.device)[None]
        with torch.inference_mode():
            model(input_ids=ids, attention_mask=torch.ones_like(ids))
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise CheckpointError(
            f"a {type(teacher).__name__} cannot do with these layers alone: {lines[-1]}",
            expected="layers that are alike",
            hint="keep the first layer too: in some architectures it is unlike the others",
        ) from error
    return model
