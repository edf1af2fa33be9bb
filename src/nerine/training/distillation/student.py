"""Students: models made of some layers of a teacher, or of a pretrained encoder with a new head.

A student that starts with layers of its teacher learns faster and better than one with new layers
(Sanh et al., 2019, DistilBERT, 4). It has its teacher's embeddings, head, tokenizer and settings.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from transformers import set_seed

from nerine.core.errors import CheckpointError, SettingsError
from nerine.model.backends.lean import WholeModel
from nerine.model.loading.checkpoint import Checkpoint
from nerine.model.loading.pretrained import load_encoder, longest_input, quiet
from nerine.model.provenance.sources import encoder_source, recorded_provenance
from nerine.model.settings import ModelSettings
from nerine.training.distillation.settings import DistillationSettings


def lowest_layers(kept: int, layers: int) -> tuple[int, ...]:
    """The numbers of the lowest `kept` of so many layers, from 0.

    Adjacent layers still fit together, and what the upper ones did is relearned most easily (Sajjad
    et al., 2023).
    """
    if not 1 <= kept < layers:
        raise SettingsError(
            f"{kept} layers for the student of a teacher that has {layers}",
            place="layers",
            expected=f"from 1 to {layers - 1}",
        )
    return tuple(range(kept))


def count_layers(model: Any) -> int:
    """The number of a model's layers; raises `CheckpointError` if it has no list of them."""
    return len(_layer_lists(model)[0][1])


def make_student(teacher: Checkpoint, keep: Sequence[int]) -> Checkpoint:
    """A checkpoint with copies of the teacher's layers `keep`, and of all its other weights.

    `keep` has numbers from 0, in ascending order. Raises `CheckpointError` if the architecture does
    not allow it.
    """
    lists = _layer_lists(teacher.model)
    weights = {}
    for name, values in teacher.model.state_dict().items():
        outer = next((outer for outer, _ in lists if name.startswith(f"{outer}.")), None)
        if outer is None:
            weights[name] = values
            continue
        layer, _, inner = name.removeprefix(f"{outer}.").partition(".")
        if int(layer) in keep:
            weights[f"{outer}.{keep.index(int(layer))}.{inner}"] = values
    config = _student_config(teacher.model.config, keep)
    try:
        with quiet():
            model = type(teacher.model)(config)
        model.load_state_dict(weights)
        model = model.to(teacher.model.device).eval()
        ids = torch.arange(8, device=model.device)[None]
        with torch.inference_mode():  # some models load these weights, but cannot run with them
            WholeModel(model)(ids, torch.ones_like(ids), ids[0])
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise CheckpointError(
            f"a {type(teacher.model).__name__} does not work with these layers alone: {lines[-1]}",
            expected="layers of the same form",
            hint="keep the first layer too: in some architectures it differs from the others",
        ) from error
    return dataclasses.replace(teacher, model=model, scores={}, provenance={}, calibration=None)


def encoder_student(
    teacher: ModelSettings, settings: DistillationSettings
) -> tuple[Checkpoint, int | None]:
    """The student's own encoder with a new head for the teacher's tags.

    It has the words, tags and windows of its teacher, shorter windows if it takes no longer ones.
    If the settings choose layers, it has these, and the number of all is returned too. Raises the
    errors of loading an encoder, and of `make_student`.
    """
    set_seed(settings.seed)
    loaded = load_encoder(str(settings.encoder), teacher.tags, revision=settings.encoder_revision)
    max_length = min(teacher.max_length, longest_input(loaded.model, loaded.tokenizer))
    own = dataclasses.replace(
        teacher,
        max_length=max_length,
        overlap=min(teacher.overlap, max_length // 4),
        outputs=None,
        transitions=None,
    )
    begun_with = recorded_provenance(loaded.source)
    provenance = {
        "encoder": encoder_source(loaded.source),
        "splits": begun_with.get("splits") or {},
    }
    student, layers = Checkpoint(loaded.model, loaded.tokenizer, own), None
    if settings.layers is not None or settings.keep_layers:
        layers = count_layers(loaded.model)
        keep = settings.keep_layers or tuple(range(settings.layers or layers))
        if keep[-1] >= layers:
            raise SettingsError(
                f"layers {', '.join(map(str, keep))} of an encoder that has {layers}",
                place="keep_layers" if settings.keep_layers else "layers",
                expected=f"some of the layers 0 to {layers - 1}",
            )
        student = make_student(student, keep)
    return dataclasses.replace(student, provenance=provenance), layers


def _layer_lists(model: Any) -> list[tuple[str, torch.nn.ModuleList]]:
    """The module lists, with their names, that have an item per layer. XLM has several."""
    layers = getattr(model.config, "num_hidden_layers", None)
    found: list[tuple[str, torch.nn.ModuleList]] = []
    for name, module in model.named_modules():
        inside = any(name.startswith(f"{outer}.") for outer, _ in found)
        if isinstance(module, torch.nn.ModuleList) and len(module) == layers and not inside:
            found.append((name, module))
    if not found:
        raise CheckpointError(
            f"a {type(model).__name__} has no list of {layers} layers to choose from",
            expected="an encoder with separate weights for each layer, such as BERT, RoBERTa, "
            "DistilBERT, DeBERTa or ModernBERT",
            hint="fine-tune a smaller encoder instead: nerine train CORPUS --encoder NAME -o RUN",
        )
    return found


def _student_config(config: Any, keep: Sequence[int]) -> Any:
    """The teacher's configuration with fewer layers, and shorter lists of values per layer."""
    smaller = copy.deepcopy(config)
    layers = config.num_hidden_layers
    smaller.num_hidden_layers = len(keep)
    for name, value in vars(config).items():
        if "layer" in name and isinstance(value, list) and len(value) == layers:
            setattr(smaller, name, [value[index] for index in keep])
    return smaller
