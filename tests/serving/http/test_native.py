"""Nerine's own contract on the wire."""

from __future__ import annotations

import httpx
import pytest

from nerine.model.tagger import Tagger
from servers import TEXTS


def test_tag_gives_what_the_tagger_finds(client: httpx.Client, named: Tagger) -> None:
    answer = client.post("/tag", json={"documents": TEXTS}).json()
    assert len(answer["documents"]) == len(TEXTS)
    for found, text in zip(answer["documents"], TEXTS, strict=True):
        assert found["entities"] == [
            {
                "start": each.start,
                "end": each.end,
                "label": each.label,
                "text": text[each.start : each.end],
                "score": pytest.approx(each.score, abs=1e-5),
            }
            for each in named(text).entities
        ]
    assert [len(each["entities"]) for each in answer["documents"]] == [3, 0, 0, 5, 1]
