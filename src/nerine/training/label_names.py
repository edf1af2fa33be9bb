"""Label names as the first weights of a head.

The encoder's own vector of "person", or of a description such as "the name of a human being",
points roughly to where words of this label lie. A head that starts from it has less to learn than
one that starts at random (label semantics: Ma et al., 2022). The vectors of all texts share a large
part, which says nothing about labels and is taken off.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from nerine.core.errors import SettingsError
from nerine.core.tags import OUTSIDE, parse_tag
from nerine.model.backends.lean import takes_mask
from nerine.model.batching import make_batch
from nerine.model.encoding import Windows
from nerine.model.loading.checkpoint import Checkpoint
from nerine.training.dataset import Examples
from nerine.training.initialization import last_layer

_SAMPLED = 64
"""Training windows whose words show how large the logits of the names are."""
_SPREAD = 1.0
"""The standard deviation that these logits get."""
_BORDER = re.compile(r"(?<=[a-z])(?=[A-Z])|[\W_]+")


def start_from_names(
    checkpoint: Checkpoint, examples: Examples, descriptions: Mapping[str, str]
) -> None:
    """Sets the weights of the head's last layer by the encoder's vectors of the labels.

    The vector of a text is the mean input of that layer over its subwords. Each label's vector,
    without the mean of all labels, is added to the random weights of its tags, at a scale at which
    the logits of training words have a standard deviation of 1, and a mean of 0 by the bias.

    Args:
        checkpoint: The model with its new head.
        examples: Training examples; only their texts are used.
        descriptions: Texts for some labels; the names of the others are used.

    Raises:
        SettingsError: If a description is of an unknown label, or the head has no linear layer at
            its end.
    """
    settings, model = checkpoint.settings, checkpoint.model
    if unknown := set(descriptions) - set(settings.labels):
        raise SettingsError(
            f"a description of {min(unknown)!r}, which is not a label of the corpus",
            place="label_descriptions",
            expected=f"some of {', '.join(settings.labels)}",
        )
    layer = last_layer(model)
    if layer is None:
        raise SettingsError(
            f"the head of a {type(model).__name__} has no linear layer at its end",
            place="head_start",
            expected="random",
        )
    texts = [descriptions.get(label) or spoken(label) for label in settings.labels]
    names = torch.stack([_vector(checkpoint, layer, text) for text in texts])
    names = names - names.mean(dim=0) if len(names) > 1 else names
    words = _word_inputs(model, layer, examples.windows, checkpoint.tokenizer.pad_token_id or 0)
    logits = (words - words.mean(dim=0)) @ names.T
    scale = _SPREAD / logits.std(dim=0).clamp_min(1e-6)
    numbers = {label: number for number, label in enumerate(settings.labels)}
    with torch.no_grad():
        for row, tag in enumerate(settings.tags):
            if tag == OUTSIDE:
                continue
            number = numbers[parse_tag(tag).label]
            added = names[number] * scale[number]
            layer.weight[row] += added
            if layer.bias is not None:
                layer.bias[row] -= added @ words.mean(dim=0)


def spoken(label: str) -> str:
    """A label as words: `creative-work` → `creative work`, `fieldOfStudy` → `field of study`."""
    return " ".join(part for part in _BORDER.split(label) if part).lower() or label


def _vector(checkpoint: Checkpoint, layer: Any, text: str) -> torch.Tensor:
    """The mean input of the layer over the subwords of a text, `(width,)`."""
    encoded = checkpoint.tokenizer(text, return_tensors="pt", return_special_tokens_mask=True)
    special = encoded["special_tokens_mask"][0].bool()
    kept = ~special if not special.all() else special
    return _inputs(checkpoint.model, layer, encoded["input_ids"], None)[0, kept].mean(dim=0)


def _word_inputs(model: Any, layer: Any, windows: Windows, pad_id: int) -> torch.Tensor:
    """The inputs of the layer for the words of some windows, `(words, width)`."""
    step = max(len(windows) // _SAMPLED, 1)
    found = []
    for index in range(0, len(windows), step):
        batch = make_batch(windows, np.array([index]), pad_id)
        ids, mask = torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask)
        hidden = _inputs(model, layer, ids, mask)
        found.append(hidden.reshape(-1, hidden.shape[-1])[torch.from_numpy(batch.rows)])
    return torch.cat(found)


@torch.no_grad()
def _inputs(
    model: Any, layer: Any, input_ids: torch.Tensor, mask: torch.Tensor | None
) -> torch.Tensor:
    """What the layer gets of a batch, `(batch, length, width)`, without dropout."""
    seen: list[torch.Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    was_training = model.training
    model.eval()
    try:
        masks = {} if mask is None or not takes_mask(model) else {"attention_mask": mask}
        model(
            input_ids=input_ids.to(model.device),
            **{name: each.to(model.device) for name, each in masks.items()},
        )
    finally:
        hook.remove()
        model.train(was_training)
    return seen[0].float()
