"""LoRA: a low-rank update of an encoder's matrices is trained instead of the matrices.

A linear layer with the weights W, `(outputs, inputs)`, computes with W + alpha / rank · B A, where
A is `(rank, inputs)`, and B is `(outputs, rank)` and zero at first (Hu et al., 2022). The encoder's
own weights are frozen; A, B and the new head are trained. A checkpoint has the sums, and is as
plain as any other. `RUN/adapter` has A, B and the head alone.
"""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from nerine.core.errors import SettingsError
from nerine.core.extras import import_extra
from nerine.core.filenames import ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE, INFO_FILE
from nerine.core.files import write_text
from nerine.model.adapted import LINEAR, put_module, sharing_copy
from nerine.model.loading.adapter import ENCODER_KEY, PREFIX
from nerine.model.loading.checkpoint import Checkpoint, common_info
from nerine.model.provenance.sources import without_paths
from nerine.training.settings import TrainingSettings

_NAME = "default"
"""peft's name of the adapter; a model in training has one."""

_IN_A_LAYER = re.compile(r"\.\d+\.")


def check_lora(settings: TrainingSettings, width: int) -> None:
    """Raises `SettingsError` or `MissingExtraError` if LoRA is asked for and cannot be used.

    `width` is that of the encoder's hidden states.
    """
    if settings.lora_rank is None:
        return
    import_extra("peft", "lora", "training with lora_rank")
    if settings.lora_rank > width:
        raise SettingsError(
            f"a rank of {settings.lora_rank} for an encoder of width {width}",
            place="lora_rank",
            expected=f"at most {width}; 8 to 64 are usual",
        )


def add_updates(model: Any, settings: TrainingSettings) -> None:
    """Freezes the encoder of `model`, and gives its layers updates to train, if settings say so.

    All linear layers of its attention and feed-forward networks get one. Raises `SettingsError` if
    there are none.
    """
    if settings.lora_rank is None:
        return
    peft = import_extra("peft", "lora", "training with lora_rank")
    targets = linear_layers(model)
    if not targets:
        raise SettingsError(
            f"found no linear layers to update in {type(model).__name__}",
            place="lora_rank",
            expected="an encoder whose attention and feed-forward networks are linear layers",
            hint="train all of its weights, without lora_rank",
        )
    head = {
        name.partition(".")[0] for name, _ in model.named_parameters() if not _is_body(model, name)
    }
    config = peft.LoraConfig(
        task_type="TOKEN_CLS",
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha or 2 * settings.lora_rank,
        lora_dropout=settings.lora_dropout,
        target_modules=targets,
        fan_in_fan_out=isinstance(model.get_submodule(targets[0]), Conv1D),
    )
    peft.inject_adapter_in_model(config, model, _NAME)
    config.modules_to_save = sorted(head)  # for the file: here they are trained as they are
    for name, parameter in model.named_parameters():
        if not _is_body(model, name):
            parameter.requires_grad_(requires_grad=True)


def linear_layers(model: Any) -> list[str]:
    """The names of the linear layers of the encoder's attention and feed-forward networks.

    They lie in its numbered layers; projections of embeddings, poolers and heads do not.
    """
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, LINEAR) and _is_body(model, name) and _IN_A_LAYER.search(name)
    ]


def has_updates(model: Any) -> bool:
    """Whether `add_updates` has given the model updates."""
    return hasattr(model, "peft_config")


def trained_weights(model: Any) -> dict[str, Tensor]:
    """The weights that are trained, by name."""
    return {
        name: parameter.detach()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


def merged(model: Any) -> Any:
    """A plain model that computes the same, with the sums of weights and updates.

    It shares the other tensors. A model without updates is returned as it is.
    """
    if not has_updates(model):
        return model
    plain = sharing_copy(model, itertools.chain(model.parameters(), model.buffers()))
    del plain.peft_config
    updated = [(name, each) for name, each in plain.named_modules() if hasattr(each, "lora_A")]
    for name, layer in updated:
        base = layer.get_base_layer()
        base.weight = nn.Parameter(base.weight.detach() + layer.get_delta_weight(_NAME).detach())
        put_module(plain, name, base)
    return plain


def write_adapter(folder: Path, model: Any, checkpoint: Checkpoint) -> None:
    """Writes the updates and the head of `model` into `folder`, in the files of peft.

    `checkpoint` is that of the merged model.
    """
    folder.mkdir(exist_ok=True)
    weights = {
        f"{PREFIX}{name.replace(f'.{_NAME}.', '.')}": tensor.cpu().contiguous()
        for name, tensor in trained_weights(model).items()
    }
    save_file(weights, folder / ADAPTER_WEIGHTS_FILE, metadata={"format": "pt"})
    encoder = checkpoint.provenance[ENCODER_KEY]
    config = model.peft_config[_NAME].to_dict() | {
        "base_model_name_or_path": encoder["name"],
        "inference_mode": True,
    }
    info = common_info(checkpoint, folder / ADAPTER_WEIGHTS_FILE)
    if checkpoint.signs is not None:
        info["signs"] = [sign.to_dict() for sign in checkpoint.signs]
    for name, content in (ADAPTER_CONFIG_FILE, config), (INFO_FILE, without_paths(info)):
        text = json.dumps(content, indent=2, ensure_ascii=False, default=_in_order)
        write_text(folder / name, f"{text}\n")


def _in_order(names: set[str]) -> list[str]:
    return sorted(names)


def _is_body(model: Any, name: str) -> bool:
    """Whether a module or parameter belongs to the encoder, not to the head."""
    return name.startswith(f"{model.base_model_prefix}.")
