"""The contract of displaCy's services."""

from __future__ import annotations

import httpx
import pytest

from nerine.model.tagger import Tagger
from servers import TEXTS


@pytest.mark.parametrize("text", TEXTS)
def test_entities_are_the_taggers(client: httpx.Client, named: Tagger, text: str) -> None:
    answer = client.post("/ent", json={"text": text, "model": "named"})
    assert answer.json() == [
        {"start": each.start, "end": each.end, "type": each.label, "text": text[slice(*span)]}
        for each in named(text).entities
        for span in [(each.start, each.end)]
    ]


def test_without_a_name_the_first_model_is_used(client: httpx.Client) -> None:
    assert len(client.post("/ent", json={"text": TEXTS[0]}).json()) == 3


def test_an_unknown_model_is_refused(client: httpx.Client) -> None:
    answer = client.post("/ent", json={"text": "Mira", "model": "en_core_web_sm"})
    assert answer.status_code == 404
    assert (answer.json()["cause"], answer.json()["expected"]) == (
        "unknown-model",
        "one of named, tiny",
    )
