"""What the page on inference says of transformers' pipeline beyond what it shows."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest
import torch
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from transformers import pipeline
from transformers.utils import logging

from lookup import Opinion, make_lookup
from nerine.model.explanation import explain
from nerine.model.tagger import Tagger
from tiny import make_foreign

LONGEST = 32
OPINIONS: dict[str, Opinion] = {
    "salt": {"B-location": 0.4, "B-group": 0.35},
    "##water": {"I-group": 0.45, "B-group": 0.4},
    "choir": "I-group",
    "band": {"I-group": 0.6, "B-group": 0.3},
    "malaga": "B-location",
    "tea": "O",
    "zoe": {"B-person": 0.6, "O": 0.3},
    "brandt": "I-person",
}
STRATEGIES = ("simple", "first", "average", "max")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    labels = ("group", "location", "person")
    return make_lookup(
        tmp_path_factory.mktemp("lookup") / "model", labels, OPINIONS, longest=LONGEST
    )


@pytest.fixture(scope="module")
def classify(folder: Path) -> Any:
    return pipeline("token-classification", model=str(folder))


@pytest.fixture(scope="module")
def reading(folder: Path) -> Tagger:
    return Tagger.load(folder, device="cpu")


def by_pipeline(classify: Any, text: str, strategy: str, **options: Any) -> list[tuple[str, str]]:
    found = classify(text, aggregation_strategy=strategy, **options)
    return [(text[each["start"] : each["end"]], each["entity_group"]) for each in found]


def by_nerine(reading: Tagger, text: str) -> list[tuple[str, str]]:
    return [(text[each.start : each.end], each.label) for each in reading(text).entities]


def test_an_inner_piece_keeps_its_mark_when_it_is_alone(classify: Any) -> None:
    found = classify("Saltwater Choir", aggregation_strategy="simple")
    assert [each["word"] for each in found] == ["salt", "##water choir"]


def test_an_i_behind_nothing_begins_a_name_and_counts_as_wrong(
    classify: Any, reading: Tagger
) -> None:
    text = "tea band"
    for strategy in STRATEGIES:
        assert by_pipeline(classify, text, strategy) == [("band", "group")]
    assert [found["entity"] for found in classify(text)] == ["I-group"]
    assert f1_score([["O", "B-group"]], [["O", "I-group"]], mode="strict", scheme=IOB2) == 0
    assert by_nerine(reading, text) == [("band", "group")]
    assert [word.tag for word in explain(reading, text).words] == ["O", "B-group"]


def test_composed_accents_are_no_trap(classify: Any, reading: Tagger) -> None:
    composed = "tea Málaga"
    decomposed = unicodedata.normalize("NFD", composed)
    for strategy in STRATEGIES:
        assert by_pipeline(classify, composed, strategy) == [("Málaga", "location")]
    for strategy in STRATEGIES[1:]:
        assert by_pipeline(classify, decomposed, strategy) == []
    assert by_nerine(reading, composed) == [("Málaga", "location")]
    name = unicodedata.normalize("NFD", "Málaga")
    assert by_nerine(reading, decomposed) == [(name, "location")]


def test_tokenizers_of_other_kinds_have_no_inner_pieces(tmp_path: Path) -> None:
    model = str(make_foreign(tmp_path, {0: "O", 1: "B-person", 2: "I-person"}, "roberta"))
    with pytest.warns(UserWarning, match="does not support real words"):
        pipeline("token-classification", model=model)("Mira left", aggregation_strategy="first")


def test_the_end_of_a_long_text_is_dropped(
    classify: Any, reading: Tagger, caplog: pytest.LogCaptureFixture
) -> None:
    text = "Málaga" + " tea" * LONGEST + " Zoe Brandt"
    inputs = classify.tokenizer(text, return_tensors="pt", truncation=True)
    with torch.no_grad():
        assert classify.model(**inputs).logits.shape[1] == LONGEST
    logging.enable_propagation()
    try:
        for strategy in STRATEGIES:
            assert by_pipeline(classify, text, strategy) == [("Málaga", "location")]
        assert caplog.text == ""  # in silence
        classify.tokenizer(text)
        assert "longer than the specified maximum" in caplog.text
    finally:
        logging.disable_propagation()
    everything = [("Málaga", "location"), ("Zoe Brandt", "person")]
    assert by_pipeline(classify, text, "first", stride=8) == everything
    assert by_nerine(reading, text) == everything


def test_strides_need_a_strategy_to_join_the_windows(classify: Any) -> None:
    with pytest.raises(ValueError, match="select another one"):
        classify("tea", aggregation_strategy="none", stride=8)


def test_means_of_subwords_and_the_probability_of_a_name(classify: Any, reading: Tagger) -> None:
    (found,) = classify("Zoe Brandt", aggregation_strategy="first")
    assert found["score"] == pytest.approx((0.6 + 0.97) / 2)
    (entity,) = reading("Zoe Brandt").entities
    rest, other = (1 - 0.6 - 0.3) / 5, 0.03 / 6
    tags = ["O", *(f"{kind}-{label}" for label in ("group", "location", "person") for kind in "BI")]
    first = {tag: {"B-person": 0.6, "O": 0.3}.get(tag, rest) for tag in tags}
    second = {tag: 0.97 if tag == "I-person" else other for tag in tags}
    legal = sum(
        first[a] * second[b]
        for a in tags
        for b in tags
        if a[0] != "I" and (b[0] != "I" or a[2:] == b[2:])
    )
    assert entity.score == pytest.approx(first["B-person"] * second["I-person"] / legal, abs=1e-5)
