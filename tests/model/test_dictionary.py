"""The dictionary models of other tests give the opinions that are written down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import pipeline

from dictionary import KINDS, Opinion, make_dictionary

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


@pytest.mark.parametrize("kind", KINDS)
def test_each_subword_has_its_written_opinion(tmp_path: Path, kind: str) -> None:
    opinions: dict[str, Opinion] = {
        "John": "B-PER",
        "son": "I-PER",
        "Paris": {"B-LOC": 0.7, "B-PER": 0.2},
    }
    make_dictionary(tmp_path, opinions, TAGS, kind=kind)
    text = "so Johnson left Paris, son of John"
    found: Any = pipeline("token-classification", str(tmp_path))(text)
    shown = [(each["entity"], text[each["start"] : each["end"]].strip()) for each in found]
    assert shown == [
        *(("B-PER", "John"), ("I-PER", "son"), ("B-LOC", "Paris")),
        *(("I-PER", "son"), ("B-PER", "John")),
    ]
    expected = [0.99, 0.99, 0.7, 0.99, 0.99]
    assert [float(each["score"]) for each in found] == pytest.approx(expected, abs=1e-3)
