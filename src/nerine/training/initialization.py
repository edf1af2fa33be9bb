"""Initial checkpoint of a training run: a pretrained encoder with a new head."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import numpy as np
import torch
from transformers import set_seed

from nerine.core.display import counted
from nerine.core.errors import CheckpointError
from nerine.core.sketches import earlier_splits, used_splits
from nerine.core.tags import TagScheme
from nerine.data.corpus import Corpus
from nerine.evaluation.contamination import TrainingTexts
from nerine.model.adapted import encoder_hash
from nerine.model.backends.lean import WholeModel, probe
from nerine.model.backends.pytorch import default_device
from nerine.model.loading.adapter import HASH_KEY
from nerine.model.loading.checkpoint import Checkpoint
from nerine.model.loading.extra_weights import groups_of
from nerine.model.loading.pretrained import Pretrained, load_encoder, longest_input
from nerine.model.provenance.conditions import hardware, versions
from nerine.model.provenance.sources import (
    adaptation_of,
    corpus_kind,
    encoder_source,
    recorded_provenance,
)
from nerine.model.settings import ModelSettings
from nerine.training.adaptation.settings import AdaptationSettings
from nerine.training.case_marks import with_case_marks
from nerine.training.crf import zero_scores
from nerine.training.dataset import UNKNOWN, Examples
from nerine.training.gradient_checkpointing import checkpoint_gradients
from nerine.training.lora import add_updates
from nerine.training.parallel.group import processes
from nerine.training.settings import Precision, RunSettings, TrainingSettings

_Settings = TypeVar("_Settings", bound=RunSettings | AdaptationSettings)

_SMALL_WIDTH = 512
MIXED: dict[str | None, torch.dtype] = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""The type of the products of matrices in each mixed precision."""


def new_checkpoint(
    corpus: Corpus, settings: TrainingSettings, *, given: str | None = None
) -> Checkpoint:
    """The encoder with a new head for the corpus's labels.

    `given` is the hash of the corpus before a validation split was held out, if one was.
    """
    set_seed(settings.seed if settings.head_seed is None else settings.head_seed)
    scheme = TagScheme.named(settings.scheme)
    tags = scheme.tags(corpus.labels)
    loaded = load_encoder(settings.encoder, tags, revision=settings.revision)
    prepare_model(loaded.model, settings)
    encoder = encoder_source(loaded.source)
    if settings.lora_rank is not None:  # what adapters and saved states are used with
        encoder[HASH_KEY] = encoder_hash(loaded.model)
    add_updates(loaded.model, settings)
    begun_with = recorded_provenance(loaded.source)
    tokenizer = with_case_marks(loaded.tokenizer) if settings.case_marks else loaded.tokenizer
    adaptation = adaptation_of(begun_with)
    return Checkpoint(
        loaded.model,
        tokenizer,
        ModelSettings(
            tags=tags,
            scheme=scheme,
            words=settings.words or "rule",
            decoding=settings.decoding,
            transitions=zero_scores(len(tags)) if settings.crf else None,
            **settings.window_sizes(longest_input(loaded.model, tokenizer)),
            context=settings.context,
        ),
        provenance={
            **run_provenance(corpus, settings, given or corpus.hash, begun_with),
            "encoder": encoder,
            **({"adaptation": adaptation} if adaptation is not None else {}),
        },
        notes=(*_layers_left_out(loaded), *_known_validation(corpus, begun_with)),
    )


def _layers_left_out(loaded: Pretrained) -> tuple[str, ...]:
    """A note on layers in the weights that the configuration leaves out.

    Heads of pretraining are left out on purpose.
    """
    prefix = f"{loaded.model.base_model_prefix}."
    unused = [name for name in loaded.unused if name.startswith(prefix)]
    if not unused:
        return ()
    kind = type(loaded.model).__name__
    return (f"the encoder's weights hold {groups_of(unused)} that {kind} has no place for",)


def _known_validation(corpus: Corpus, begun_with: Mapping[str, Any]) -> tuple[str, ...]:
    """A note on validation texts that the encoder was adapted to."""
    if adaptation_of(begun_with) is None:
        return ()
    found = TrainingTexts(begun_with).contamination(corpus.validation)
    if not found.read:
        return ()
    texts = counted(len(corpus.validation), "validation text")
    note = (
        f"the encoder was adapted to {found.read:,} of the {texts}: the scores on them may be too "
        "high; nerine adapt --without CORPUS keeps clear of them"
    )
    return (note,)


def prepare_model(model: Any, settings: RunSettings) -> None:
    """Sets the model's dropout and checkpointing and freezes its word embeddings, as set."""
    if settings.dropout is not None:
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = settings.dropout
    if settings.freeze_embeddings:
        model.get_input_embeddings().weight.requires_grad_(requires_grad=False)
    if settings.gradient_checkpointing:
        checkpoint_gradients(model)


def usable_precision(model: Any, settings: _Settings, notes: list[str]) -> _Settings:
    """The settings with the precision fp32, and a note, if the model cannot run in the chosen one.

    Raises `CheckpointError` for a model that cannot be run at all.
    """
    failure = failure_in(model, settings.precision)
    if failure is None:
        return settings
    notes.append(f"fp32 is used, since the model fails in {settings.precision}: {failure}")
    return dataclasses.replace(settings, precision="fp32")


def failure_in(model: Any, precision: Precision | None) -> str | None:
    """Why a model cannot run in a precision; None if it can.

    Some architectures of transformers have operations that fail in mixed precision. Raises
    `CheckpointError` for a model that cannot be run at all.
    """
    whole = WholeModel(model.to(default_device()).eval())
    inputs = probe(whole, model.device)
    whole.tried(*inputs)
    if precision not in MIXED:
        return None
    try:
        with torch.autocast(model.device.type, dtype=MIXED[precision]):
            whole.tried(*inputs)
    except CheckpointError as error:
        return error.found.partition(": ")[2]
    return None


def initialize_bias(model: Any, examples: Examples) -> None:
    """Sets the bias of the head's last layer to the log of each tag's share in training.

    So the model need not learn in its first steps that most words are outside entities (prior
    initialization: Lin et al., 2017, 4.1). A head without such a bias is left unchanged.
    """
    targets = examples.targets[examples.windows.words]
    targets = targets[targets != UNKNOWN]
    counts = np.bincount(targets, minlength=model.config.num_labels) + 1
    layer = last_layer(model)
    if layer is not None and layer.bias is not None:
        with torch.no_grad():
            layer.bias.copy_(torch.from_numpy(np.log(counts / counts.sum())))


def last_layer(model: Any) -> Any:
    """The linear layer of the head that gives a model's logits; None if there is no such layer."""
    layers = [
        layer
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear)
        and layer.out_features == model.config.num_labels
        and not name.startswith(f"{model.base_model_prefix}.")
    ]
    return layers[-1] if layers else None


def learning_rate_for(width: int, *, small: float, base: float) -> float:
    """The learning rate `small` or `base`, for an encoder whose hidden states have this width."""
    return small if width <= _SMALL_WIDTH else base


def run_provenance(
    corpus: Corpus, settings: RunSettings, given: str, begun_with: Mapping[str, Any]
) -> dict[str, Any]:
    """The provenance of a run's weights, for `nerine.json`.

    `given` is the hash of the corpus before a validation split was held out, `begun_with` the
    provenance of the model whose weights the run begins with.
    """
    return {
        "corpus": {
            "source": corpus.source,
            **({"config": corpus.config} if corpus.config else {}),
            "kind": corpus_kind(corpus.source),
            "hash": corpus.hash,
            "documents": {name: len(split) for name, split in corpus.splits.items()},
            "given": given,
        },
        "splits": used_splits(corpus.splits) | earlier_splits(begun_with),
        "settings": settings.to_dict(),
        "seed": settings.seed,
        "began": timestamp(),
        "hardware": hardware(default_device()),
        "processes": processes().num_processes,
        "versions": versions(),
    }


def timestamp() -> str:
    """The current time in UTC, to the second, in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
