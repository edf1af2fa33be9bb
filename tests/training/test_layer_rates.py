"""Learning rates by depth, on every architecture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import AutoModelForTokenClassification

from nerine.training.layer_rates import parameter_groups
from tiny import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_the_lower_a_layer_the_slower_it_learns(
    kind: str, checkpoint_of: Callable[..., Path]
) -> None:
    model = AutoModelForTokenClassification.from_pretrained(checkpoint_of(kind))
    named = {id(parameter): name for name, parameter in model.named_parameters()}
    model.get_input_embeddings().weight.requires_grad_(requires_grad=False)
    groups = parameter_groups(
        model, {"classifier.weight"}, learning_rate=1.0, layer_decay=0.5, weight_decay=0.1
    )
    rates = {named[id(each)]: group["lr"] for group in groups for each in group["params"]}
    trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert sorted(rates) == sorted(trained)
    assert len(trained) == len(named) - 1
    for name, rate in rates.items():
        if not name.startswith(f"{model.base_model_prefix}."):
            assert rate == 1.0
        elif ".0." in name or ".1." in name:
            assert rate == (0.5 if ".0." in name else 1.0)
        elif "embeddings." in name:
            assert rate == 0.25
    assert {1.0, 0.5, 0.25} == set(rates.values())
    shrinking = [named[id(p)] for group in groups if group["weight_decay"] for p in group["params"]]
    assert shrinking == ["classifier.weight"]
