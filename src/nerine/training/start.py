"""What a run starts with: an encoder with a new head, and where its weights come from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from transformers import set_seed

from nerine.core.tags import TagScheme
from nerine.data.corpus import Corpus
from nerine.model.backends.pytorch import default_device
from nerine.model.loading.checkpoint import Checkpoint
from nerine.model.loading.pretrained import load_encoder, longest_input
from nerine.model.provenance.conditions import hardware, versions
from nerine.model.provenance.sketches import used_splits
from nerine.model.provenance.sources import corpus_kind, encoder_source
from nerine.model.settings import ModelSettings
from nerine.training.dataset import Examples
from nerine.training.settings import RunSettings, TrainingSettings

# Above this width an encoder counts as base-sized when the learning rate is left open.
_SMALL_WIDTH = 512


def rate_for_width(width: int, small: float, base: float) -> float:
    """The learning rate for an encoder whose hidden states have this width."""
    return small if width <= _SMALL_WIDTH else base


def new_checkpoint(corpus: Corpus, settings: TrainingSettings) -> Checkpoint:
    """The encoder with a new head for the corpus's labels."""
    set_seed(settings.seed)
    scheme = TagScheme.named(settings.scheme)
    tags = scheme.tags(corpus.labels)
    loaded = load_encoder(settings.encoder, tags, revision=settings.revision)
    adapt(loaded.model, settings)
    limit = longest_input(loaded.model, loaded.tokenizer)
    max_length = min(settings.max_length, limit)
    return Checkpoint(
        loaded.model,
        loaded.tokenizer,
        ModelSettings(
            tags=tags,
            scheme=scheme,
            words=settings.words,
            decoding=settings.decoding,
            max_length=max_length,
            overlap=min(settings.overlap, max_length // 4),
        ),
        provenance={**provenance(corpus, settings), "encoder": encoder_source(loaded.source)},
    )


def adapt(model: Any, settings: RunSettings) -> None:
    """Sets the dropout of a model that is to be trained, and freezes what shall not learn."""
    if settings.dropout is not None:
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = settings.dropout
    if settings.freeze_embeddings:
        model.get_input_embeddings().weight.requires_grad_(requires_grad=False)


def start_from_prior(model: Any, examples: Examples) -> None:
    """Gives the head's last layer the logarithms of the tags' shares in training as its bias.

    The first steps then need not learn that most words are no names (Lin et al., 2017, 4.1, for
    rare objects in pictures). A head without such a bias stays as it is.
    """
    labels = examples.targets[examples.windows.words]
    counts = np.bincount(labels, minlength=model.config.num_labels) + 1
    layers = [
        layer
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear)
        and layer.out_features == len(counts)
        and layer.bias is not None
        and not name.startswith(f"{model.base_model_prefix}.")
    ]
    for layer in layers[-1:]:
        with torch.no_grad():
            layer.bias.copy_(torch.from_numpy(np.log(counts / counts.sum())))


def provenance(corpus: Corpus, settings: RunSettings) -> dict[str, Any]:
    """Where a run's weights come from, for `nerine.json`."""
    return {
        "corpus": {
            "source": corpus.source,
            **({"config": corpus.config} if corpus.config else {}),
            "kind": corpus_kind(corpus.source),
            "hash": corpus.hash,
            "documents": {name: len(split) for name, split in corpus.splits.items()},
        },
        "splits": used_splits(corpus),
        "settings": settings.to_dict(),
        "seed": settings.seed,
        "began": now(),
        "hardware": hardware(default_device()),
        "versions": versions(),
    }


def now() -> str:
    """The time of day in UTC, to the second, as ISO 8601 has it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
