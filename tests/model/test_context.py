"""The sentences around a document in its window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.context import with_context
from nerine.core.document import Context, Document
from nerine.core.errors import SettingsError
from nerine.core.tags import TagScheme
from nerine.model.batching import make_batch
from nerine.model.encoding import Encoder, Windows
from nerine.model.explanation import explain
from nerine.model.loading.tokenizer import Tokenizer
from nerine.model.settings import ModelSettings
from nerine.model.tagger import Tagger
from tiny import LABELS, documents, make_tokenizer

Taggers = Callable[..., Tagger]
TOKENIZERS = {kind: make_tokenizer(kind) for kind in ("bert", "roberta", "xlm-roberta")}
SOME = ("bert", "modernbert", "deberta-v2")
SENTENCES = st.lists(
    st.sampled_from([*(each.text for each in documents()), "", "\u200b", "x" * 99, "\ud800"]),
    max_size=5,
)


def encoder_of(kind: str, context: int, max_length: int = 48, words: Any = "rule") -> Encoder:
    return Encoder(TOKENIZERS[kind], words=words, max_length=max_length, overlap=4, context=context)


def article() -> list[Document]:
    return list(with_context(documents(), one_document=True))


def ids_of(tokenizer: Any, texts: Sequence[str]) -> list[int]:
    plain = [text.replace("\ud800", "\ufffd") for text in texts]
    pieces = Tokenizer.of(tokenizer).encode_batch(plain) if plain else []
    return [each for piece in pieces for each in piece.ids]


@given(
    SENTENCES,
    SENTENCES,
    SENTENCES,
    st.sampled_from([*TOKENIZERS]),
    st.integers(0, 60),
    st.integers(8, 64),
)
def test_a_window_is_filled_from_both_sides_as_far_as_there_is_room(
    before: list[str], own: list[str], after: list[str], kind: str, context: int, most: int
) -> None:
    encoder = encoder_of(kind, context, most)
    document = Document(" ".join(own), context=Context(tuple(before), tuple(after)))
    (encoding,) = encoder.encode([document])
    windows = encoder.windows(encoding)
    plain = encoder_of(kind, 0, most).windows(encoder_of(kind, 0, most).encode([document])[0])
    assert len(windows) == len(plain)
    left, right = ids_of(TOKENIZERS[kind], before), ids_of(TOKENIZERS[kind], after)
    for window, bare in zip(windows, plain, strict=True):
        room = most - len(bare.input_ids) if len(plain) == 1 else 0
        lefts, rights = (len(each) for each in window.context)
        wanted = min(len(left), context), min(len(right), context)
        assert lefts + rights == min(sum(wanted), room)
        assert abs(lefts - rights) <= 1 or lefts == wanted[0] or rights == wanted[1]
        assert lefts >= min(wanted[0], room // 2)
        assert rights >= min(wanted[1], room // 2)
        assert window.input_ids.tolist() == [
            *windows.before,
            *left[len(left) - lefts :],
            *bare.input_ids[len(windows.before) : len(bare.input_ids) - len(windows.after)],
            *right[:rights],
            *windows.after,
        ]
        assert window.words.tolist() == bare.words.tolist()
        assert (window.positions - lefts).tolist() == bare.positions.tolist()


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("words", ["rule", "tokenizer", "subwords"])
def test_words_and_offsets_are_those_without_context(kind: str, words: Any) -> None:
    encoder = encoder_of(kind, 9, words=words)
    seen, alone = encoder.encode(article()), encoder.encode(documents())
    assert alone.context is None
    assert seen.context is not None
    for name in ("word_bounds", "word_starts", "word_splits", "input_ids", "offsets"):
        assert np.array_equal(getattr(seen, name), getattr(alone, name))
    assert np.array_equal(seen.subword_splits, alone.subword_splits)


def test_the_encoding_of_one_document_is_that_among_many() -> None:
    encoder = encoder_of("bert", 9)
    sentences = article()
    for document, among in zip(sentences, encoder.encode(sentences), strict=True):
        (alone,) = encoder.encode([document])
        (window,), (other,) = encoder.windows(alone), encoder.windows(among)
        assert window.input_ids.tolist() == other.input_ids.tolist()


def test_batches_hold_the_windows() -> None:
    encoder = encoder_of("bert", 9)
    windows = encoder.windows(encoder.encode([*article(), *documents()]))
    both = windows.with_and_without_context()
    assert len(both) == 2 * len(windows)
    for each in (windows, windows.without_context(), both):
        assert_batched(each)
    plain = encoder.windows(encoder.encode([*documents(), *documents()]))
    expected = [each.input_ids.tolist() for each in plain]
    assert [each.input_ids.tolist() for each in windows.without_context()] == expected
    assert [each.input_ids.tolist() for each in both][len(windows) :] == expected
    assert both.without_context().positions.tolist() == [*plain.positions.tolist()] * 2


def assert_batched(windows: Windows) -> None:
    indices = np.arange(len(windows))[::-1]
    batch = make_batch(windows, indices, pad_id=0)
    rows = batch.rows.tolist()
    for row, index in enumerate(indices.tolist()):
        window = windows[index]
        length = len(window.input_ids)
        assert windows.lengths[index] == length == batch.attention_mask[row].sum()
        assert batch.input_ids[row, :length].tolist() == window.input_ids.tolist()
        assert len(windows.word_numbers(index)) == length
        own = [each % batch.input_ids.shape[1] for each in rows[: len(window.positions)]]
        assert own == window.positions.tolist()
        rows = rows[len(window.positions) :]
        numbers = windows.word_numbers(index)
        left, right = (len(each) for each in window.context)
        assert (numbers[: left + 1] == -1).all()
        assert (numbers[length - 1 - right :] == -1).all()


# --- the logits


@pytest.mark.parametrize("kind", SOME)
def test_context_changes_nothing_for_documents_without_neighbours(
    kind: str, tagger_of: Taggers
) -> None:
    seeing, alone = tagger_of(kind, context=20), tagger_of(kind)
    for some in (documents(), documents()[:1]):
        found, expected = (each.inference.word_logits(some).values for each in (seeing, alone))
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("kind", SOME)
def test_a_model_without_context_ignores_it(kind: str, tagger_of: Taggers) -> None:
    alone = tagger_of(kind).inference
    found, expected = (alone.word_logits(each).values for each in (article(), documents()))
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("kind", SOME)
def test_a_model_with_context_sees_it(kind: str, tagger_of: Taggers) -> None:
    seeing = tagger_of(kind, context=20).inference
    found, alone = (seeing.word_logits(each) for each in (article(), documents()))
    assert not np.allclose(found.values, alone.values, atol=1e-3)
    assert found.encoding.words == alone.encoding.words


def test_the_logits_are_those_of_the_words_in_one_text(tagger_of: Taggers) -> None:
    tagger = tagger_of("bert", context=40)
    whole = tagger.inference.word_logits([Document("Mira left . Ana told Jonas . It rains .")])
    (_, middle, _) = with_context(
        ["Mira left .", "Ana told Jonas .", "It rains ."], one_document=True
    )
    part = tagger.inference.word_logits([middle])
    np.testing.assert_allclose(part.values, whole.values[3:7], atol=1e-5)


def test_results_do_not_depend_on_batches_or_streams(tagger_of: Taggers) -> None:
    tagger = tagger_of("bert", context=30)
    some = article() * 3
    expected = [tagger(each) for each in some]
    for found in (tagger.predict(some), [*tagger.pipe(some)], tagger.predict(some[::-1])[::-1]):
        for one, other in zip(found, expected, strict=True):
            assert [(e.start, e.end, e.label) for e in one.entities] == [
                (e.start, e.end, e.label) for e in other.entities
            ]
            assert [e.score for e in one.entities] == pytest.approx(
                [e.score for e in other.entities], abs=1e-5
            )
    assert any(each.entities for each in expected)


@pytest.mark.slow
def test_onnx_and_pytorch_agree(onnx_checkpoint: Path) -> None:
    logits = []
    for backend in ("pytorch", "onnx"):
        tagger = Tagger.load(onnx_checkpoint, backend=backend, device="cpu")
        settings = replace(tagger.settings, context=30)
        logits.append(tagger.inference.changed(settings=settings).word_logits(article()))
    np.testing.assert_allclose(logits[0].values, logits[1].values, atol=1e-3)
    assert logits[0].encoding.context is not None


# --- the setting


def settings_of(**changes: Any) -> ModelSettings:
    return ModelSettings(TagScheme.IOB2.tags(LABELS), TagScheme.IOB2, **changes)


def test_the_setting_is_saved_if_there_is_one() -> None:
    assert "context" not in settings_of().to_dict()
    seeing = settings_of(context=7)
    assert seeing.to_dict() == {**settings_of().to_dict(), "context": 7}
    assert ModelSettings.from_dict(seeing.to_dict()) == seeing
    assert ModelSettings.from_dict(settings_of().to_dict()).context == 0


def test_a_loaded_tagger_has_it(checkpoint_of: Callable[..., Path]) -> None:
    tagger = Tagger.load(checkpoint_of("bert", context=20), device="cpu")
    assert tagger.settings.context == tagger.inference.encoder.context == 20
    assert "20 subwords a side" in str(tagger)


@pytest.mark.parametrize("context", [-1, 129, 1.5])
def test_a_context_out_of_its_range_is_refused(context: Any) -> None:
    with pytest.raises(SettingsError, match="context"):
        settings_of(context=context)


# --- the steps


def test_an_explanation_shows_what_is_context(tagger_of: Taggers) -> None:
    tagger = tagger_of("bert", context=3)
    _, middle, _ = with_context(
        ["Mira left .", "Ana told Jonas .", "It rains again ."], one_document=True
    )
    explained = explain(tagger, middle)
    assert [(each.side, each.piece) for each in explained.context] == [
        *(("before", piece) for piece in ("mira", "left", ".")),
        *(("after", piece) for piece in explained_pieces(tagger, "It rains again .")[:3]),
    ]
    (window,) = explained.windows
    assert all(window.input_ids[each.place] == each.id for each in explained.context)
    assert len(window.input_ids) == len(explained.subwords) + len(explained.context) + 2
    assert [word.text for word in explained.words] == ["Ana", "told", "Jonas", "."]
    assert explained.to_dict()["context"][0]["piece"] == "mira"
    assert "context before the text" in str(explained)
    plain = explain(tagger, middle.text)
    assert "context" not in plain.to_dict()
    assert "context" not in str(plain)


def explained_pieces(tagger: Tagger, text: str) -> list[str]:
    return [each.piece for each in explain(tagger, text).subwords]
