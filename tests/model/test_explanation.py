"""Every step from a text to its entities."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from nerine.core.document import Document
from nerine.model.explanation import explain
from nerine.model.settings import TransitionScores
from nerine.model.tagger import Tagger
from strategies import texts
from tiny import KINDS, documents, make_checkpoint, make_tokenizer

LONG = " ".join(document.text for document in documents())


@pytest.mark.parametrize("kind", KINDS)
def test_it_ends_where_tagging_ends(kind: str, tagger_of: Callable[..., Tagger]) -> None:
    tagger = tagger_of(kind)
    for text in (documents()[0], LONG):
        explanation = explain(tagger, text)
        assert explanation.document == tagger(text)
        assert explanation.tags == tagger.settings.tags


@pytest.mark.parametrize("kind", KINDS)
def test_subwords_are_the_tokenizers(kind: str, tagger_of: Callable[..., Tagger]) -> None:
    text = documents()[0].text
    subwords = explain(tagger_of(kind), text).subwords
    encoded = make_tokenizer(kind)(text, add_special_tokens=False, return_offsets_mapping=True)
    assert [step.id for step in subwords] == encoded["input_ids"]
    assert [step.piece for step in subwords] == encoded.tokens()
    assert [(step.start, step.end) for step in subwords] == encoded["offset_mapping"]
    assert [step.index for step in subwords] == list(range(len(subwords)))


def test_words_and_subwords_point_at_each_other(tagger: Tagger) -> None:
    explanation = explain(tagger, LONG)
    assert [step.word for step in explanation.subwords if step.word is not None] == [
        step.index for step in explanation.words if step.subword is not None
    ]
    for word in explanation.words:
        assert word.text == LONG[word.start : word.end]
        assert word.subword is not None
        assert explanation.subwords[word.subword].word == word.index


def test_each_word_names_the_window_that_owns_it(tagger: Tagger) -> None:
    explanation = explain(tagger, LONG)
    assert len(explanation.windows) > 1
    for window in explanation.windows:
        for index in window.words:
            word = explanation.words[index]
            assert word.window == window.index
            assert word.subword is not None
            assert window.first <= word.subword < window.last
        middle = [step.id for step in explanation.subwords[window.first : window.last]]
        assert list(window.input_ids[1:-1]) == middle


def test_probs_are_the_softmax_of_logits(tagger: Tagger) -> None:
    for word in explain(tagger, LONG).words:
        weights = np.exp(word.logits)
        np.testing.assert_allclose(word.probs, weights / weights.sum())
        assert word.best == tagger.settings.tags[int(np.argmax(word.probs))]


def test_decoded_tags_are_a_sequence_of_the_scheme(tagger: Tagger) -> None:
    explanation = explain(tagger, LONG)
    tags = [word.tag for word in explanation.words]
    assert tagger.settings.scheme.fault(tags) is None
    assert [
        (explanation.words[start].start, explanation.words[end - 1].end, label)
        for start, end, label in tagger.settings.scheme.decode(tags)
    ] == [(entity.start, entity.end, entity.label) for entity in explanation.document.entities]
    assert any(word.best != word.tag for word in explanation.words)


def test_without_a_scheme_every_word_keeps_its_best_tag(tagger_of: Callable[..., Tagger]) -> None:
    words = explain(tagger_of(decoding="argmax"), LONG).words
    assert all(word.best == word.tag for word in words)


def test_a_blind_word_has_neither_subword_nor_window(tagger: Tagger) -> None:
    word = explain(tagger, "Mira \u200b left").words[1]
    assert (word.subword, word.window) == (None, None)
    assert word.logits == tuple(tagger.inference.head.decoder.blind_logits)


@pytest.mark.parametrize("text", ["", "  \n"])
def test_a_text_without_words_has_no_steps(tagger: Tagger, text: str) -> None:
    explanation = explain(tagger, text)
    assert (explanation.words, explanation.windows, explanation.subwords) == ((), (), ())
    assert explanation.document == Document(text)
    assert [table.rows for table in explanation.tables()] == [()] * 6


def test_the_learned_scores_of_pairs_are_told(tmp_path: Path) -> None:
    chance = np.random.default_rng(4)
    learned = TransitionScores.from_dict(
        {
            "between": chance.normal(0, 2, (5, 5)).tolist(),
            "start": chance.normal(0, 2, 5).tolist(),
            "end": chance.normal(0, 2, 5).tolist(),
        }
    )
    folder = make_checkpoint(tmp_path / "crf", transitions=learned)
    explanation = explain(Tagger.load(folder, device="cpu"), LONG)
    tags = explanation.tags
    assert [step.before for step in explanation.transitions] == [None, *tags]
    first, outside, *_ = explanation.transitions
    # O, B-location, I-location, B-person, I-person
    assert first.scores == (learned.start[0], learned.start[1], None, learned.start[3], None)
    assert first.end is None
    assert outside.scores[1] == learned.between[0][1]
    assert outside.end == learned.end[0]
    row = explanation.words[0]
    assert row.transition == learned.start[tags.index(row.tag)]
    for before, word in itertools.pairwise(explanation.words):
        pair = tags.index(before.tag), tags.index(word.tag)
        assert word.transition == learned.between[pair[0]][pair[1]]
    table, tagged = explanation.tables()[4:6]
    assert [each.title[:2] for each in explanation.tables()] == [f"{n}." for n in range(1, 8)]
    assert table.columns == ("after", *tags, "the end")
    assert table.rows[0][:4] == (
        "the beginning", f"{learned.start[0]:.3f}", f"{learned.start[1]:.3f}", "",
    )  # fmt: skip
    assert tagged.columns[4] == "transition"
    assert tagged.rows[0][4] == f"{row.transition:.3f}"
    told = json.loads(json.dumps(explanation.to_dict()))
    assert told["transitions"][0]["before"] is None
    assert told["words"][0]["transition"] == row.transition
    assert "the beginning" in str(explanation)


def test_a_model_without_a_crf_has_no_transitions(tagger: Tagger) -> None:
    explanation = explain(tagger, LONG)
    assert explanation.transitions == ()
    assert {word.transition for word in explanation.words} == {None}


@given(texts())
def test_it_is_json_and_tables_for_any_text(tagger: Tagger, text: str) -> None:
    explanation = explain(tagger, text)
    told = json.loads(json.dumps(explanation.to_dict()))
    assert told["text"] == text
    assert len(told["words"]) == len(explanation.words)
    for table in explanation.tables():
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_the_tables_tell_the_steps_in_order(tagger: Tagger) -> None:
    explanation = explain(tagger, LONG)
    tables = explanation.tables()
    assert [table.title[:2] for table in tables] == ["1.", "2.", "3.", "4.", "5.", "6."]
    assert [len(table.rows) for table in tables] == [
        len(explanation.subwords),
        len(explanation.windows),
        *[len(explanation.words)] * 3,
        len(explanation.document.entities),
    ]
    assert tables[2].columns == ("word", "text", *tagger.settings.tags)
    changed = [row for row in tables[4].rows if row[4] == "changed"]
    assert all(row[2] != row[3] for row in changed)
    first = explanation.document.entities[0]
    assert tables[5].rows[0] == (
        *(str(first.start), str(first.end), first.label),
        *(LONG[first.start : first.end], f"{first.score:.4f}"),
    )
