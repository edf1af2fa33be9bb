"""Text → documents with entities, on every architecture."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForTokenClassification, AutoTokenizer

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import CheckpointError, DocumentError, FormatError, SettingsError
from nerine.core.words import rule_words
from nerine.evaluation.evaluate import evaluate
from nerine.evaluation.metrics import score
from nerine.model.backends import Backend
from nerine.model.batching import Batch, Batching
from nerine.model.inference import Failure
from nerine.model.logits import WordLogits
from nerine.model.ragged import FloatArray
from nerine.model.tagger import Tagger
from tiny import KINDS, LABELS, documents

Taggers = Callable[..., Tagger]
PARAGRAPH = " ".join(document.text for document in documents())
WIDE_KINDS = ("bert", "roberta", "xlm-roberta")
"""One architecture for each way to cut subwords."""

NASTY = {
    "nothing": "",
    "white space": " \t\n\u00a0\u3000 ",
    "a lone surrogate": "Mira \ud800 left \udfffLisbon",
    "emoji": "Mira 👩‍👩‍👧‍👦 👍🏽 🇵🇹 ❤️ left",
    "combining marks": "Mi\u0301\u0302\u0303ra lef\u0301t \u0301alone",
    "a heap of marks": "a" + "\u0301" * 2000,
    "NUL": "Mira\x00left \x00\x00 Lisbon",
    "right to left": "מירה עזבה את ليسبون ‏Mira‎",
    "line separators": "Mira\u2028left\u2029Lisbon\x85.\x0b\x0c\x1c",
    "invisible signs": "Mi\u00adra \u200b \u2060left\ufeff",
    "signs that NFKC takes apart": "´ ½ ﬁ ㍿ ﷺ Ⅷ ’s …",
    "special tokens": "[CLS] Mira [SEP] <s> left </s> [MASK] <pad>",
    "marks of subwords": "▁Mira ##left Ġ Ċ ▁",
    "a long word": "x" * 5000,
    "no spaces": "北京" * 300,
    "only signs": "!?.,;" * 200,
}


def own_forward(folder: Path, text: str) -> tuple[FloatArray, list[tuple[int, int]]]:
    """transformers' own logits of one sentence, and its subwords' code points."""
    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    encoded = AutoTokenizer.from_pretrained(folder)(
        text, return_tensors="pt", return_offsets_mapping=True, return_token_type_ids=False
    )
    offsets = [(start, end) for start, end in encoded.pop("offset_mapping")[0].tolist()]
    with torch.inference_mode():
        logits: FloatArray = model(**encoded).logits[0].numpy()
    return logits, offsets


def first_subword(word: Token, offsets: list[tuple[int, int]]) -> int:
    return next(
        index for index, (start, end) in enumerate(offsets) if start < word.end and end > word.start
    )


def check_entities(document: Document, text: str) -> None:
    """They are words of the text, in order, with probabilities."""
    assert document.text == text
    starts = {word.start for word in rule_words(text)}
    ends = {word.end for word in rule_words(text)}
    for entity in document.entities:
        assert entity.start in starts
        assert entity.end in ends
        assert entity.label in LABELS
        assert entity.score is not None
        assert 0 <= entity.score <= 1


# --- the model's own numbers


@pytest.mark.parametrize("kind", KINDS)
def test_word_logits_are_those_of_transformers_alone(
    kind: str, checkpoint_of: Callable[..., Path], tagger_of: Taggers
) -> None:
    texts = documents()
    tagger = tagger_of(kind)
    for document, each in zip(texts, tagger.inference.word_logits(texts), strict=True):
        logits, offsets = own_forward(checkpoint_of(kind), document.text)
        firsts = [first_subword(word, offsets) for word in each.encoding.words]
        np.testing.assert_allclose(each.values, logits[firsts], rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_company_in_a_batch_changes_nothing(
    kind: str, checkpoint_of: Callable[..., Path], tagger_of: Taggers
) -> None:
    tagger = tagger_of(kind)
    texts = [Document(PARAGRAPH), *documents(), Document("")]
    together = tagger.inference.word_logits(texts)
    for document, each in zip(texts, together, strict=True):
        alone = tagger.inference.word_logits([document])[0]
        np.testing.assert_allclose(each.values, alone.values, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", WIDE_KINDS)
def test_a_long_text_is_read_window_by_window(
    kind: str, checkpoint_of: Callable[..., Path], tagger_of: Taggers
) -> None:
    tagger = tagger_of(kind)
    read = tagger.inference.word_logits([Document(PARAGRAPH * 4)])[0]
    windows = tagger.inference.encoder.windows(read.encoding)
    assert len(windows) > 5
    model = AutoModelForTokenClassification.from_pretrained(checkpoint_of(kind)).eval()
    for window in windows:
        with torch.inference_mode():
            logits = model(input_ids=torch.from_numpy(window.input_ids)[None]).logits[0].numpy()
        np.testing.assert_allclose(
            read.values[window.words], logits[window.positions], rtol=0, atol=1e-5
        )


def test_a_text_within_one_window_is_not_touched_by_the_window_size(tagger_of: Taggers) -> None:
    document = documents()[0]
    narrow = tagger_of(max_length=24, overlap=4).inference.word_logits([document])[0]
    wide = tagger_of(max_length=128, overlap=64).inference.word_logits([document])[0]
    np.testing.assert_array_equal(narrow.values, wide.values)


def test_thousands_of_words_each_get_logits(tagger: Tagger) -> None:
    text = "\n\n".join(document.text for document in documents() * 60)
    read = tagger.inference.word_logits([Document(text)])[0]
    assert len(read.encoding.words) > 5000
    seen = read.encoding.word_starts >= 0
    stand_in = tagger.inference.head.decoder.blind_logits
    assert seen.mean() > 0.99
    assert not (read.values[seen] == stand_in).all(axis=1).any()
    check_entities(tagger(text), text)


def test_a_blind_word_gets_the_stand_in(tagger: Tagger) -> None:
    read = tagger.inference.word_logits([Document("Mira \u200b left")])[0]
    assert len(read.values) == 3
    assert read.values[1].tolist() == tagger.inference.head.decoder.blind_logits.tolist()


def test_an_entity_goes_on_over_a_blind_word(tagger: Tagger) -> None:
    document = Document("Mira \u200b Okonjo")
    encodings = tagger.inference.encoder.encode([document])
    logits = np.tile(tagger.inference.head.decoder.blind_logits, (3, 1)).astype(np.float32)
    tags = tagger.settings.tags
    logits[0, tags.index("B-person")] = logits[2, tags.index("I-person")] = 20
    (found,) = tagger.inference.head.decode([document], WordLogits(encodings, logits))
    assert [(entity.start, entity.end) for entity in found.entities] == [(0, 13)]


def test_a_models_training_mode_is_put_back(tagger_of: Taggers) -> None:
    tagger = tagger_of("electra")
    model = tagger.inference.backend.module  # type: ignore[attr-defined] # it is the PyTorch backend
    model.train()
    texts = documents()
    try:
        dropped = [tagger.predict(texts) for _ in range(2)]
        assert model.training
    finally:
        model.eval()
    assert dropped[0] == dropped[1] == tagger.predict(texts)


# --- words


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_make_no_difference_to_a_model_of_the_rule(kind: str, tagger_of: Taggers) -> None:
    tagger = tagger_of(kind)
    split = [Document.from_tokens(document.text.split(" ")) for document in documents()]
    raw = [document.text for document in documents()]
    found = [document.entities for document in tagger.predict(split)]
    assert found == [document.entities for document in tagger.predict(raw)]
    assert any(found)


def test_a_model_of_tokens_gives_entities_of_tokens(tagger_of: Taggers) -> None:
    tagger = tagger_of(words="tokens")
    for document in tagger.predict(documents()):
        assert document.tokens is not None
        assert {entity.start for entity in document.entities} <= {t.start for t in document.tokens}
        assert {entity.end for entity in document.entities} <= {t.end for t in document.tokens}


# --- nasty texts


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", KINDS)
def test_any_text_can_be_tagged(kind: str, tagger_of: Taggers) -> None:
    tagger = tagger_of(kind)
    for text, document in zip(NASTY.values(), tagger.predict(NASTY.values()), strict=True):
        check_entities(document, text)
        check_entities(tagger(text), text)


@given(st.text(st.characters(), max_size=60))
def test_any_characters_can_be_tagged(tagger: Tagger, text: str) -> None:
    check_entities(tagger(text), text)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", WIDE_KINDS)
def test_a_word_of_a_million_letters(kind: str, tagger_of: Taggers) -> None:
    text = "a" * 1_000_000
    document = tagger_of(kind)(text)
    check_entities(document, text)
    assert {(entity.start, entity.end) for entity in document.entities} <= {(0, len(text))}


@pytest.mark.timeout(60)
def test_a_hundred_thousand_characters_without_white_space(tagger: Tagger) -> None:
    text = "北京里斯本" * 20_000
    check_entities(tagger(text), text)


# --- types and orders


def test_one_text_gives_one_document(tagger: Tagger) -> None:
    text = documents()[0].text
    assert isinstance(tagger(text), Document)
    assert tagger(text) == tagger(Document(text)) == tagger.predict([text])[0]


def test_many_texts_give_a_list(tagger: Tagger) -> None:
    assert tagger.predict([]) == []
    found = tagger.predict(text for text in ("a", "b"))
    assert isinstance(found, list)
    assert [document.text for document in found] == ["a", "b"]


@pytest.mark.parametrize("one", ["Mira left.", Document("Mira left.")])
def test_one_text_where_many_are_expected_is_an_error(tagger: Tagger, one: str | Document) -> None:
    for read in (tagger.predict, tagger.pipe):
        with pytest.raises(DocumentError, match=f"a single {type(one).__name__}"):
            list(read(one))  # type: ignore[arg-type] # the mistake under test


@pytest.mark.parametrize("wrong", [None, 3, b"Mira", ["Mira"], ("a", "b")])
def test_what_is_no_text_is_an_error(tagger: Tagger, wrong: object) -> None:
    with pytest.raises(DocumentError, match=f"the text is a {type(wrong).__name__}"):
        tagger(wrong)  # type: ignore[arg-type] # the mistake under test
    with pytest.raises(DocumentError, match=f"item 1 is a {type(wrong).__name__}"):
        tagger.predict(["Mira", wrong])  # type: ignore[list-item] # the mistake under test


def test_a_stream_is_read_as_it_is_asked_for(tagger: Tagger) -> None:
    taken = 0

    def stream() -> Iterator[str]:
        nonlocal taken
        for number in itertools.count():
            taken += 1
            yield f"Mira {number}"

    found = tagger.pipe(stream())
    assert taken == 0
    assert [document.text for document in itertools.islice(found, 3)] == [
        *("Mira 0", "Mira 1", "Mira 2"),
    ]
    assert taken < 5000


def test_long_texts_shorten_the_look_ahead(tagger: Tagger) -> None:
    taken = 0

    def stream() -> Iterator[str]:
        nonlocal taken
        for _ in range(20):
            taken += 1
            yield " " * 400_000

    next(tagger.pipe(stream()))
    assert taken == 6  # a look-ahead of three, and the one behind it


@given(st.lists(st.integers(0, 90), max_size=30))
def test_order_and_number_are_kept(tagger: Tagger, lengths: list[int]) -> None:
    texts = [f"{index} " + "Mira left " * length for index, length in enumerate(lengths)]
    assert [document.text for document in tagger.predict(texts)] == texts


def test_a_stream_longer_than_the_look_ahead_is_whole(tagger: Tagger) -> None:
    texts = [str(number) for number in range(2500)]
    assert [document.text for document in tagger.pipe(texts)] == texts


def test_what_a_document_carries_is_kept(tagger: Tagger) -> None:
    given_in = Document(
        "Mira left", (Entity(0, 9, "other"),), (Token(0, 9),), id="7", meta={"source": ["x"]}
    )
    found = tagger(given_in)
    assert (found.id, found.tokens, found.meta) == ("7", (Token(0, 9),), {"source": ["x"]})
    assert "other" not in {entity.label for entity in found.entities}


def test_scores_are_probabilities_in_every_decoding(tagger_of: Taggers) -> None:
    for decoding in ("viterbi", "argmax"):
        found = tagger_of(decoding=decoding).predict([PARAGRAPH])[0]
        assert found.entities
        check_entities(found, PARAGRAPH)


def test_a_tagger_names_its_labels(tagger: Tagger) -> None:
    assert tagger.labels == LABELS


# --- evaluation


def test_an_evaluation_is_the_score_of_what_is_tagged(tagger: Tagger) -> None:
    gold = documents()
    assert evaluate(tagger, iter(gold)).scores == score(gold, tagger.predict(gold))


def test_a_taggers_own_output_as_gold_scores_full_marks(tagger: Tagger) -> None:
    own = [document for document in tagger.predict(documents()) if document.entities]
    result = evaluate(tagger, own)
    assert result.overall.gold > 0
    assert result.overall.f1 == result.scores.accuracy == 1


def test_logits_that_are_no_numbers_are_an_error_that_names_the_document(
    checkpoint_of: Callable[..., Path],
) -> None:
    tagger = Tagger.load(checkpoint_of(), device="cpu")
    with torch.no_grad():
        tagger.inference.backend.module.classifier.bias.fill_(torch.nan)  # type: ignore[attr-defined]
    with pytest.raises(CheckpointError, match=r"document 1: .*infinite or not numbers"):
        tagger.predict(["", "Mira left"])


class Poisoned:
    """A backend that cannot read a certain subword."""

    name, workers, token_budget, batch_overhead = "poisoned", 2, 64, None
    batching = Batching()
    notes = ()

    def __init__(self, backend: Backend, poison: int) -> None:
        self._backend, self._poison = backend, poison

    def logits(self, batch: Batch, *, alone: bool = True) -> Any:
        if (batch.input_ids == self._poison).any():
            raise RuntimeError("poison")
        return self._backend.logits(batch, alone=alone)


def poisoned_by(tagger: Tagger, poison: int) -> Tagger:
    inference = tagger.inference
    return Tagger(Poisoned(inference.backend, poison), inference.tokenizer, tagger.settings)


MIXED = st.sampled_from(["Mira left", "", "z", "Mira in Lisbon z", "Oslo " * 40])


@given(st.lists(MIXED, max_size=20))
def test_documents_that_fail_leave_the_others_alone(tagger: Tagger, texts: list[str]) -> None:
    poison = tagger.inference.tokenizer.convert_tokens_to_ids("z")
    poisoned = Tagger(
        Poisoned(tagger.inference.backend, poison), tagger.inference.tokenizer, tagger.settings
    )
    outcomes = list(poisoned.pipe_with_errors(texts))
    assert len(outcomes) == len(texts)
    for text, outcome in zip(texts, outcomes, strict=True):
        if "z" in text:
            assert isinstance(outcome, Failure)
            assert (outcome.document.text, str(outcome.error)) == (text, "poison")
        else:
            assert outcome == tagger(text) or close(outcome, tagger(text))


def close(left: Document | Failure, right: Document) -> bool:
    """Whether two documents have the same entities, with scores within 1e-4."""
    return (
        isinstance(left, Document)
        and len(left.entities) == len(right.entities)
        and all(
            replace(mine, score=None) == replace(theirs, score=None)
            and mine.score == pytest.approx(theirs.score, abs=1e-4)
            for mine, theirs in zip(left.entities, right.entities, strict=True)
        )
    )


def test_a_pipe_raises_what_failed(tagger: Tagger) -> None:
    poison = tagger.inference.tokenizer.convert_tokens_to_ids("z")
    poisoned = Tagger(
        Poisoned(tagger.inference.backend, poison), tagger.inference.tokenizer, tagger.settings
    )
    with pytest.raises(RuntimeError, match="poison"):
        list(poisoned.pipe(["Mira", "z"]))


def test_a_model_that_fails_on_every_text_is_at_fault(tagger: Tagger) -> None:
    poison = tagger.inference.tokenizer.convert_tokens_to_ids("z")
    poisoned = Tagger(
        Poisoned(tagger.inference.backend, poison), tagger.inference.tokenizer, tagger.settings
    )
    with pytest.raises(CheckpointError, match=r"fails on each of 40 texts: .*poison"):
        list(poisoned.pipe_with_errors(["z"] * 40))
    assert len(list(poisoned.pipe_with_errors([*["z"] * 40, "Mira"]))) == 41


def test_what_reading_raises_is_no_failure_of_a_document(tagger: Tagger) -> None:
    def broken() -> Iterator[str]:
        yield "Mira"
        raise FormatError("a bad line")

    with pytest.raises(FormatError, match="a bad line"):
        list(tagger.pipe_with_errors(broken()))


def test_a_device_that_is_not_there_is_an_error(checkpoint_of: Callable[..., Path]) -> None:
    with pytest.raises(SettingsError, match=r"device: torch cannot use 'nowhere'"):
        Tagger.load(checkpoint_of(), device="nowhere")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU of NVIDIA")
def test_a_torch_without_gpus_is_an_error_like_any_other(
    checkpoint_of: Callable[..., Path],
) -> None:
    with pytest.raises(SettingsError, match=r"device: torch cannot use 'cuda'"):
        Tagger.load(checkpoint_of(), device="cuda")
