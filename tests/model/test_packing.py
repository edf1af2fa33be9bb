"""Packed linear layers give what plain ones give, and fall back where they cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForTokenClassification

from nerine.model.backends.lean import LeanModel, WholeModel, lean_or_whole
from nerine.model.backends.packing import PackedLinear, pack
from nerine.model.backends.pytorch import TorchBackend, halved
from nerine.model.tagger import Tagger
from tiny import KINDS

pytestmark = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN"
)


def linear_layers(module: torch.nn.Module) -> set[type]:
    kinds = (torch.nn.Linear, PackedLinear)
    return {type(each) for each in module.modules() if isinstance(each, kinds)}


LEAN = {"bert", "distilbert", "roberta", "xlm-roberta"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_tagger_gives_the_logits_of_transformers(
    kind: str, checkpoint_of: Callable[..., Path]
) -> None:
    backend = Tagger.load(checkpoint_of(kind), device="cpu").inference.backend
    assert isinstance(backend, TorchBackend)
    assert linear_layers(backend.module) == {PackedLinear}
    assert isinstance(backend.module, LeanModel if kind in LEAN else WholeModel)
    plain = AutoModelForTokenClassification.from_pretrained(checkpoint_of(kind)).eval()
    ids = torch.arange(5, 35).reshape(2, 15)
    mask = torch.ones_like(ids)
    mask[1, 9:] = 0
    rows = torch.flatten(mask).nonzero()[:, 0]
    with torch.inference_mode():
        expected = plain(input_ids=ids, attention_mask=mask).logits.flatten(0, 1)[rows]
        found = backend.module(ids, mask, rows)
    assert torch.allclose(found, expected, rtol=0, atol=1e-5)


def test_an_unknown_activation_is_left_to_transformers(checkpoint_of: Callable[..., Path]) -> None:
    model = AutoModelForTokenClassification.from_pretrained(checkpoint_of("bert")).eval()
    assert isinstance(lean_or_whole(model), LeanModel)
    model.config.hidden_act = "gelu_new"
    assert isinstance(lean_or_whole(model), WholeModel)


def test_a_lean_model_that_differs_is_not_used(checkpoint_of: Callable[..., Path]) -> None:
    model = AutoModelForTokenClassification.from_pretrained(checkpoint_of("bert")).eval()
    # as a class of transformers might that computes more than its parts' names tell
    model.bert.encoder.layer[0].register_forward_hook(lambda *args: args[2] + 1)
    assert isinstance(lean_or_whole(model), WholeModel)


class Curious(WholeModel):
    """A module that looks into a layer's weights, as some do."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)
        self.vocabulary = 9
        self.words = torch.nn.Embedding(9, 1)
        self.layer = torch.nn.Linear(1, 2)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, rows: torch.Tensor
    ) -> torch.Tensor:
        result: torch.Tensor = self.layer(self.words(input_ids).to(self.layer.weight.dtype))
        return result.flatten(0, 1)[rows]


class Untrue(Curious):
    """A module that is another one once it is packed."""

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, rows: torch.Tensor
    ) -> torch.Tensor:
        return torch.full((len(rows), 2), float(hasattr(self.layer, "packed")))


@pytest.mark.parametrize("kind", [Curious, Untrue])
def test_a_module_that_cannot_be_packed_stays_as_it_was(kind: type[Curious]) -> None:
    module = kind()
    pack(module)
    assert linear_layers(module) == {torch.nn.Linear}


def test_half_precision_is_used_where_it_is_good_enough() -> None:
    module = Curious()
    assert next(halved(module).parameters()).dtype == torch.float16
    with torch.no_grad():
        module.layer.weight.fill_(1e6)  # more than half precision can hold
    assert halved(module) is module
    assert module.layer.weight.detach()[0, 0] == 1e6
