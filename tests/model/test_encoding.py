"""Subwords, the words that they stand for, and windows."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordPiece
from transformers import AutoTokenizer, ByT5Tokenizer, PreTrainedTokenizerFast

from nerine.core.document import Document, Token
from nerine.core.errors import CheckpointError, EncodingError, MissingExtraError, SettingsError
from nerine.core.tags import Span, TagScheme
from nerine.core.words import rule_words, word_spans
from nerine.data.corpus import load_corpus
from nerine.model.encoding import Encoder, Encoding, Window, Windows
from nerine.model.encoding.encoder import _window_ranges
from nerine.model.heads.tags import IGNORED
from nerine.model.loading.sources import DEMO_ENCODER, find_source
from places import WNUT
from strategies import texts
from tiny import KINDS, documents, make_tokenizer

FIRST = (
    "@paulwalk It 's the view from where I 'm living for two weeks . Empire State Building = ESB . "
    "Pretty bad storm here last evening ."
)
FIRST_TAGS = [0] * 14 + [7, 8, 8, 0, 7] + [0] * 8
FIRST_IDS = [
    *(101, 1030, 2703, 17122, 2009, 1005, 1055, 1996, 3193, 2013, 2073, 1045, 1005, 1049, 2542),
    *(2005, 2048, 3134, 1012, 3400, 2110, 2311, 1027, 9686, 2497, 1012, 3492, 2919, 4040, 2182),
    *(2197, 3944, 1012, 102),
]
WORDPIECE = make_tokenizer("bert")


def encoder_of(tokenizer: Any, words: Any = "rule", max_length: int = 512) -> Encoder:
    return Encoder(tokenizer, words=words, max_length=max_length, overlap=max_length // 4)


def notebook_alignment(
    tokenizer: Any, tokens: Sequence[str], tags: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Ids and labels as the course notebook's `tokenize_and_align_labels` gives them."""
    encoded = tokenizer([tokens], truncation=True, is_split_into_words=True)
    labels = []
    previous = None
    for word in encoded.word_ids(batch_index=0):
        first = word is not None and word != previous
        labels.append(tags[word] if first else IGNORED)
        previous = word
    return encoded["input_ids"][0], labels


def behind_spaces(
    tokenizer: Any, ids: Sequence[int], labels: Sequence[int]
) -> tuple[Sequence[int], list[int]]:
    """Labels that stand on a piece that is no more than a space, moved to the piece behind it.

    WordPiece has no such pieces. Elsewhere they belong to no word by their offsets, and to the
    next one for the notebook.
    """
    moved = list(labels)
    for index, piece in enumerate(tokenizer.convert_ids_to_tokens(ids)):
        if piece in ("Ġ", "▁") and moved[index] != IGNORED:
            moved[index : index + 2] = [IGNORED, moved[index]]
    return ids, moved


def labels_in(window: Window, word_labels: Sequence[int]) -> list[int]:
    """The label of each position of a window: that of the word it owns there, or -100."""
    labels = [IGNORED] * len(window.input_ids)
    for word, position in zip(window.words.tolist(), window.positions.tolist(), strict=True):
        labels[position] = word_labels[word]
    return labels


def our_alignment(
    encoder: Encoder, document: Document, tags: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Ids and labels of a document that fits into one window."""
    encoding = encoder.encode([document])[0]
    (window,) = encoder.windows(encoding)
    return window.input_ids.tolist(), labels_in(window, tags)


@pytest.fixture(scope="module")
def minilm() -> Any:
    """The real tokenizer of the demonstration's encoder: bert-base-uncased's."""
    try:
        return AutoTokenizer.from_pretrained(find_source(DEMO_ENCODER).folder)
    except (MissingExtraError, CheckpointError):
        pytest.skip(f"{DEMO_ENCODER} is not installed")


def presplit_tokenizer(kind: str) -> Any:
    """A tokenizer that takes words one by one: byte-level BPE has to put the space before them."""
    tokenizer = make_tokenizer(kind)
    backend = tokenizer.backend_tokenizer
    for part in (backend.pre_tokenizer, backend.post_processor):
        if hasattr(part, "add_prefix_space"):
            part.add_prefix_space = True
    return tokenizer


# --- words and subwords


@given(texts(), st.sampled_from(["bert", "roberta", "modernbert", "xlm-roberta"]))
def test_a_word_is_represented_by_the_first_subword_whose_first_word_it_is(
    text: str, kind: str
) -> None:
    encoding = encoder_of(TOKENIZERS[kind]).encode([Document(text)])[0]
    expected = [-1] * len(encoding.words)
    for subword, (start, end) in enumerate(encoding.offsets.tolist()):
        touched = [
            index
            for index, word in enumerate(encoding.words)
            if word.start < end and start < word.end and start < end
        ]
        if touched and expected[touched[0]] < 0:
            expected[touched[0]] = subword
    assert encoding.word_starts.tolist() == expected
    kept = [word.start for word in encoding.words]
    for word in rule_words(text):
        place = bisect_right(kept, word.start) - 1
        assert encoding.words[place].start <= word.start < word.end <= encoding.words[place].end
        if word.start not in kept:
            assert any(start < word.start < end for start, end in encoding.offsets.tolist())


TOKENIZERS = {kind: make_tokenizer(kind) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_offsets_are_code_points_of_the_text(kind: str) -> None:
    text = "😀 Mira's e\u0301 left\u00a0Lisbon, 北 👩‍👩‍👧 b"
    encoding = encoder_of(TOKENIZERS[kind]).encode([Document(text)])[0]
    seen = {
        text[word.start : word.end]: text[slice(*encoding.offsets[start])].strip()
        for word, start in zip(encoding.words, encoding.word_starts, strict=True)
        if start >= 0
    }
    assert set(seen) == {
        "😀",
        "Mira",
        "'s",
        "e\u0301",
        "left",
        "Lisbon",
        ",",
        "北",
        "👩‍👩‍👧",
        "b",
    }
    assert all(surface and word.startswith(surface) for word, surface in seen.items())


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_the_tokenizers_own(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]
    for document in documents():
        ids, _ = our_alignment(encoder_of(tokenizer), document, [0] * 99)
        assert ids == tokenizer(document.text)["input_ids"]


def test_a_blind_word_keeps_its_place() -> None:
    encoder = encoder_of(WORDPIECE)
    encoding = encoder.encode([Document("Mira \u200b left")])[0]
    assert encoding.words == (Token(0, 4), Token(5, 6), Token(7, 11))
    assert encoding.word_starts.tolist() == [0, -1, 1]
    (window,) = encoder.windows(encoding)
    assert window.words.tolist() == [0, 2]
    assert labels_in(window, [1, 2, 3]) == [IGNORED, 1, 3, IGNORED]


def test_tokens_that_one_subword_holds_are_one_word_too() -> None:
    document = Document("Mira", tokens=(Token(0, 2), Token(2, 4)))
    encoding = encoder_of(WORDPIECE, "tokens").encode([document])[0]
    assert encoding.offsets.tolist() == [[0, 4]]
    assert encoding.words == (Token(0, 4),)
    assert encoding.word_starts.tolist() == [0]


def test_nothing_to_read_gives_no_window() -> None:
    encoder = encoder_of(WORDPIECE)
    for text in ("", "  \n", "\u200b"):
        encoding = encoder.encode([Document(text)])[0]
        assert len(encoder.windows(encoding)) == 0


def test_a_lone_surrogate_reads_as_the_replacement_character() -> None:
    encoder = encoder_of(make_tokenizer("roberta"))
    broken, whole = encoder.encode([Document("a \ud800 b"), Document("a \ufffd b")])
    assert broken.input_ids.tolist() == whole.input_ids.tolist()
    assert broken.words == (Token(0, 1), Token(2, 3), Token(4, 5))


def test_the_callers_tokenizer_keeps_its_settings() -> None:
    tokenizer = make_tokenizer("bert")
    tokenizer.backend_tokenizer.enable_truncation(4)
    tokenizer.backend_tokenizer.enable_padding(length=9)
    ids, _ = our_alignment(encoder_of(tokenizer), Document("a b c d e f"), [0] * 6)
    assert len(ids) == 8
    assert tokenizer.backend_tokenizer.truncation["max_length"] == 4
    assert tokenizer.backend_tokenizer.padding["length"] == 9


def test_a_slow_tokenizer_is_refused() -> None:
    with pytest.raises(EncodingError, match="ByT5Tokenizer is a slow tokenizer"):
        encoder_of(ByT5Tokenizer())


@pytest.mark.parametrize("overlap", [-1, 6, 7])
def test_an_overlap_that_leaves_no_room_is_refused(overlap: int) -> None:
    with pytest.raises(SettingsError, match="from 0 to 5"):
        Encoder(WORDPIECE, words="rule", max_length=8, overlap=overlap)


# --- the course notebook's alignment


def test_the_notebooks_first_sentence(minilm: Any) -> None:
    tokens = FIRST.split()
    encoder = encoder_of(minilm, "tokens")
    ids, labels = our_alignment(encoder, Document.from_tokens(tokens), FIRST_TAGS)
    assert ids == FIRST_IDS
    assert len(ids) == 34
    assert (ids, labels) == notebook_alignment(minilm, tokens, FIRST_TAGS)
    assert [ids[index] for index, label in enumerate(labels) if label > 0] == [
        *(3400, 2110, 2311),
        9686,
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_corpus_tokens_align_as_in_the_notebook(kind: str) -> None:
    tokenizer = presplit_tokenizer(kind)
    encoder = encoder_of(tokenizer, "tokens")
    for document in documents():
        tokens = document.text.split(" ")
        tags = list(range(len(tokens)))
        ours = our_alignment(encoder, document, tags)
        theirs = notebook_alignment(tokenizer, tokens, tags)
        assert behind_spaces(tokenizer, *ours) == behind_spaces(tokenizer, *theirs)


@pytest.mark.skipif(not WNUT.is_dir(), reason="../shared/wnut17 is not there")
@pytest.mark.parametrize(
    "kind",
    [
        "minilm",
        pytest.param("roberta", marks=pytest.mark.slow),
        pytest.param("xlm-roberta", marks=pytest.mark.slow),
    ],
)
def test_all_of_wnut_aligns_as_in_the_notebook(kind: str, request: Any) -> None:
    tokenizer = request.getfixturevalue("minilm") if kind == "minilm" else presplit_tokenizer(kind)
    tokenizer.model_max_length = 2048
    encoder = encoder_of(tokenizer, "tokens", 2048)
    corpus = load_corpus(WNUT)
    tags = {tag: index for index, tag in enumerate(TagScheme.IOB2.tags(corpus.labels))}
    sentences = [document for split in corpus.splits.values() for document in split]
    assert len(sentences) == 5690
    for document, encoding in zip(sentences, encoder.encode(sentences), strict=True):
        assert document.tokens is not None
        spans, adapted = word_spans(document, encoding.words)
        labels = [tags[tag] for tag in TagScheme.IOB2.encode(spans, len(encoding.words))]
        tokens = [document.surface(token) for token in document.tokens]
        (window,) = encoder.windows(encoding)
        ours = window.input_ids.tolist(), labels_in(window, labels)
        theirs = notebook_alignment(tokenizer, tokens, labels)
        assert behind_spaces(tokenizer, *ours) == behind_spaces(tokenizer, *theirs)
        assert adapted == 0


# --- windows


def cut(text: str, max_length: int, overlap: int) -> tuple[Encoding, Windows]:
    encoder = Encoder(WORDPIECE, words="rule", max_length=max_length, overlap=overlap)
    encoding = encoder.encode([Document(text)])[0]
    return encoding, encoder.windows(encoding)


LONG = st.lists(
    st.sampled_from(["Mira", "left", "Oxbow", "rock'n'roll", "\u200b", "北京", "x" * 9, ". "]),
    max_size=60,
).map(" ".join)
SIZES = st.tuples(st.integers(4, 24), st.integers(0, 12)).filter(
    lambda sizes: sizes[1] < sizes[0] - 2
)


@given(LONG, SIZES)
def test_each_word_that_is_seen_is_owned_by_one_window(text: str, sizes: tuple[int, int]) -> None:
    encoding, windows = cut(text, *sizes)
    owned = [index for window in windows for index in window.words.tolist()]
    assert sorted(owned) == np.flatnonzero(encoding.word_starts >= 0).tolist()
    assert all(len(window.words) for window in windows)


@given(LONG, SIZES)
def test_a_window_is_a_slice_between_special_tokens(text: str, sizes: tuple[int, int]) -> None:
    encoding, windows = cut(text, *sizes)
    for window in windows:
        ids = encoding.input_ids[window.first : window.last].tolist()
        assert window.input_ids.tolist() == [
            WORDPIECE.cls_token_id,
            *ids,
            WORDPIECE.sep_token_id,
        ]
        assert len(window.input_ids) <= sizes[0]
        firsts = encoding.word_starts[window.words]
        assert (window.first + window.positions - 1).tolist() == firsts.tolist()


@given(LONG, SIZES)
def test_each_label_stands_in_one_window(text: str, sizes: tuple[int, int]) -> None:
    encoding, windows = cut(text, *sizes)
    labels = np.concatenate(
        [np.empty(0, dtype=np.int64)]
        + [np.array(labels_in(window, range(len(encoding.words)))) for window in windows]
    )
    borne = labels[labels != IGNORED].tolist()
    assert sorted(borne) == np.flatnonzero(encoding.word_starts >= 0).tolist()


@given(LONG, SIZES)
def test_the_owner_sees_most_context(text: str, sizes: tuple[int, int]) -> None:
    encoding, windows = cut(text, *sizes)
    length = len(encoding.input_ids)

    def context(window: Window, subword: int) -> float:
        left = subword - window.first if window.first else np.inf
        right = window.last - 1 - subword if window.last < length else np.inf
        return float(min(left, right)) if window.first <= subword < window.last else -1

    for window in windows:
        for word in window.words:
            subword = int(encoding.word_starts[word])
            assert context(window, subword) == max(context(each, subword) for each in windows)


@given(st.sets(st.integers(0, 200)), st.integers(0, 200), SIZES)
def test_ranges_cover_everything_and_overlap(
    starts: set[int], length: int, sizes: tuple[int, int]
) -> None:
    capacity, overlap = sizes[0] - 2, sizes[1]
    words = np.array(sorted(start for start in starts if start < length), dtype=np.int64)
    ranges = _window_ranges(words, length, capacity, overlap)
    assert ranges[0][0] == 0
    assert ranges[-1][1] == length
    assert all(end - begin <= capacity for begin, end in ranges)
    for (begin, end), (following, last) in itertools.pairwise(ranges):
        assert following == end - overlap > begin
        assert last > end


@given(st.lists(st.integers(1, 6), min_size=1, max_size=40), st.integers(0, 5))
def test_no_range_ends_inside_a_word_that_it_could_hold(lengths: list[int], overlap: int) -> None:
    bounds = np.cumsum([0, *lengths])
    ranges = _window_ranges(bounds[:-1], int(bounds[-1]), 12, overlap)
    assert {end for _, end in ranges} <= set(bounds.tolist())


def test_a_text_that_fits_is_one_window() -> None:
    text = "a b c d e f"
    _, windows = cut(text, 8, 3)
    assert [(window.first, window.last) for window in windows] == [(0, 6)]
    _, windows = cut(text + " g", 8, 3)
    assert [(window.first, window.last) for window in windows] == [(0, 6), (3, 7)]
    assert [window.words.tolist() for window in windows] == [[0, 1, 2, 3, 4], [5, 6]]


@given(LONG, SIZES)
def test_windows_are_numbered_by_their_document(text: str, sizes: tuple[int, int]) -> None:
    encoder = Encoder(WORDPIECE, words="rule", max_length=sizes[0], overlap=sizes[1])
    encoding = encoder.encode([Document("a b"), Document(""), Document(text)])
    assume(len(encoder.windows(encoding[2])))
    assert {window.document for window in encoder.windows(encoding)} == {0, 2}


def test_labels_are_those_of_the_owned_words() -> None:
    tags = TagScheme.IOB2.encode([Span(1, 3, "x")], 4)
    ids = [("O", "B-x", "I-x").index(tag) for tag in tags]
    _, windows = cut("a b c d", 5, 0)
    assert [labels_in(window, ids) for window in windows] == [
        [IGNORED, 0, 1, 2, IGNORED],
        [IGNORED, 0, IGNORED],
    ]


@given(LONG, SIZES)
def test_a_word_has_a_number_in_every_window_that_sees_it(
    text: str, sizes: tuple[int, int]
) -> None:
    encoder = Encoder(WORDPIECE, words="rule", max_length=sizes[0], overlap=sizes[1])
    encoding = encoder.encode([Document(text)])[0]
    windows = encoder.windows(encoding)
    for index, window in enumerate(windows):
        numbers = windows.word_numbers(index)
        assert len(numbers) == len(window.input_ids)
        assert numbers[0] == numbers[-1] == -1
        begins = np.flatnonzero(np.diff(numbers[:-1]) == 1) + window.first
        assert begins.tolist() == [
            start for start in encoding.word_starts if window.first <= start < window.last
        ]


def test_words_that_one_subword_holds_are_one_word() -> None:
    text = "北京市 x"
    backend = Tokenizer(WordPiece({"[UNK]": 0, "北京": 1, "##市": 2, "x": 3}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    encoder = encoder_of(PreTrainedTokenizerFast(tokenizer_object=backend))
    (found,) = encoder.encode([Document(text)])
    assert [text[word.start : word.end] for word in found.words] == ["北京", "市", "x"]
    assert found.word_starts.tolist() == [0, 1, 2]
