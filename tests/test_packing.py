"""Packed linear layers give what plain ones give, and fall back where they cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForTokenClassification

from nerine.backends.packing import PackedLinear, pack
from nerine.tagger import Tagger
from tiny import KINDS

pytestmark = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN"
)


def linear_layers(model: torch.nn.Module) -> set[type]:
    kinds = (torch.nn.Linear, PackedLinear)
    return {type(module) for module in model.modules() if isinstance(module, kinds)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_tagger_is_packed(kind: str, checkpoint_of: Callable[..., Path]) -> None:
    model = Tagger.load(checkpoint_of(kind), device="cpu").backend.model  # type: ignore[attr-defined]
    assert linear_layers(model) == {PackedLinear}
    plain = AutoModelForTokenClassification.from_pretrained(checkpoint_of(kind)).eval()
    ids = torch.arange(5, 35).reshape(2, 15)
    mask = torch.ones_like(ids)
    mask[1, 9:] = 0
    with torch.inference_mode():
        expected = plain(input_ids=ids, attention_mask=mask).logits
        found = model(input_ids=ids, attention_mask=mask).logits
    assert torch.allclose(found[mask > 0], expected[mask > 0], rtol=0, atol=1e-5)


class Curious(torch.nn.Module):
    """A model that looks into a layer's weights, as some do."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 2)

    def forward(self, input_ids: torch.Tensor) -> Curious:
        self.logits = self.layer(input_ids[..., None].to(self.layer.weight.dtype))
        return self


class Untrue(Curious):
    """A model that is another one once it is packed."""

    def forward(self, input_ids: torch.Tensor) -> Curious:
        self.logits = torch.full((1, 8, 2), float(hasattr(self.layer, "packed")))
        return self


@pytest.mark.parametrize("kind", [Curious, Untrue])
def test_a_model_that_cannot_be_packed_stays_as_it_was(kind: type[Curious]) -> None:
    model = kind()
    pack(model)
    assert linear_layers(model) == {torch.nn.Linear}
