"""Words of a model that Nerine did not make: its tokenizer's pieces, joined or divided."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import regex
from hypothesis import assume, given
from transformers import pipeline

import nerine
from dictionary import Opinion, dictionary_tokenizer, make_dictionary
from nerine.core.document import Document
from nerine.core.errors import SettingsError
from nerine.core.words import Words
from nerine.model.encoding import Encoder
from nerine.model.heads.joining import joined
from nerine.model.loading.checkpoint import load_checkpoint, save_checkpoint
from nerine.model.loading.usage import MOST_SUBWORDS, foreign_window
from nerine.model.logits import WordLogits
from nerine.model.tagger import Tagger
from strategies import texts
from tiny import make_checkpoint

KINDS = ("bert", "roberta", "xlm-roberta", "camembert")
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG")
BIOES = ("O", *(f"{kind}-{label}" for label in ("PER", "LOC") for kind in "BIES"))
STRATEGIES = ("simple", "first", "average", "max")
OPINIONS: Mapping[str, Opinion] = {
    **dict.fromkeys(("John", "Jane", "Trump"), "B-PER"),
    "Smith": {"B-PER": 0.6, "I-PER": 0.35},
    **dict.fromkeys(("Paris", "Ankara", "서"), "B-LOC"),
    **dict.fromkeys(("울", "brücken"), "I-LOC"),
    "saar": {"O": 0.6, "B-LOC": 0.35},
    "son": "O",
    **dict.fromkeys(("Mr", "He", "pro", "da", "에"), "O"),
}
RIGHT = {
    "John/Jane came": ["John", "Jane"],
    "Mr.Smith left": ["Smith"],
    "pro-Trump rally": ["Trump"],
    "서울에 서울": ["서울", "서울"],
    "Ankara'da": ["Ankara"],
    "in Paris.He said": ["Paris"],
    "(Paris), Paris! Paris.": ["Paris", "Paris", "Paris"],
    "saarbrücken": ["saarbrücken"],
    "Johnson met John": ["Johnson", "John"],
}

Made = Callable[..., Tagger]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Makes the tagger of a dictionary model; each folder is made once."""
    folders: dict[str, Path] = {}

    def tagger(kind: str, words: Words | None = None, **changes: Any) -> Tagger:
        options = {"opinions": OPINIONS, "tags": TAGS, "kind": kind, **changes}
        key = repr(options)
        if key not in folders:
            folders[key] = make_dictionary(tmp_path_factory.mktemp("dictionary"), **options)
        return Tagger.load(folders[key], words=words)

    return tagger


def surfaces(document: Document) -> list[str]:
    return [document.surface(entity) for entity in document.entities]


# --- entities


@pytest.mark.parametrize("kind", KINDS)
def test_tags_begin_and_end_where_the_model_says(kind: str, made: Made) -> None:
    tagger = made(kind)
    assert tagger.settings.words == "tokenizer"
    assert {text: surfaces(tagger(text)) for text in RIGHT} == RIGHT


@pytest.mark.filterwarnings("ignore:Tokenizer does not support real words")
@pytest.mark.parametrize("kind", KINDS)
def test_no_strategy_of_the_pipeline_finds_more_of_them(kind: str, made: Made) -> None:
    tagger = made(kind)
    for strategy in STRATEGIES:
        classify: Any = pipeline("token-classification", tagger.name, aggregation_strategy=strategy)
        for text, right in RIGHT.items():
            found = [text[each["start"] : each["end"]].strip() for each in classify(text)]
            assert len({*found} & {*right}) <= len({*surfaces(tagger(text))} & {*right})


def test_subwords_divide_a_word_where_the_model_does(made: Made) -> None:
    assert surfaces(made("bert", "subwords")("Johnson met John")) == ["John", "John"]
    assert surfaces(made("bert", "subwords")("saarbrücken")) == ["saarbrücken"]


def test_the_rule_keeps_its_own_words(made: Made) -> None:
    assert surfaces(made("bert", "rule")("John/Jane in Paris.He")) == ["John/Jane", "Paris.He"]
    assert surfaces(made("bert", "rule-2")("John/Jane in Paris.He")) == ["John", "Jane", "Paris"]


@pytest.mark.parametrize("kind", KINDS)
def test_ends_that_stand_on_other_pieces_of_a_word_count(kind: str, made: Made) -> None:
    opinions = {"Jo": "B-PER", "hn": "E-PER", "Sm": "I-PER", "ith": "E-PER", "Rome": "S-LOC"}
    tagger = made(kind, opinions=opinions, tags=BIOES)
    assert tagger.settings.scheme.value == "BIOES"
    assert surfaces(tagger("hm John left. Rome")) == ["John", "Rome"]
    opinions = {"Jo": "B-PER", "hn": "I-PER", "Sm": "I-PER", "ith": "E-PER", "Rome": "S-LOC"}
    tagger = made(kind, opinions=opinions, tags=BIOES)
    assert surfaces(tagger("so John Smith left Rome")) == ["John Smith", "Rome"]


def test_a_model_trained_on_first_pieces_alone_keeps_their_tags(made: Made) -> None:
    opinions: Mapping[str, Opinion] = {
        "Jo": "S-PER",
        "hn": {"O": 0.5, "E-LOC": 0.3},
        "Ro": {"S-LOC": 0.95},
        "me": {"O": 0.9},
    }
    tagger = made("bert", opinions=opinions, tags=BIOES)
    document = tagger("John in Rome")
    assert [(document.surface(e), e.label) for e in document.entities] == [
        ("John", "PER"),
        ("Rome", "LOC"),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_trained_on_first_pieces_keeps_punctuation_out_of_its_names(
    kind: str, made: Made
) -> None:
    opinions = {"Lu": "B-LOC", "xv": {"O": 0.6, "I-PER": 0.3}, "Kay": "B-PER"}
    tagger = made(kind, opinions=opinions, tags=TAGS, texts=["”"])
    for text in ("Luxv--Kay", "Luxv.Kay", "Luxv”.", "Luxv_Kay", "Kay/Luxv-"):
        assert {*surfaces(tagger(text))} == {name for name in ("Luxv", "Kay") if name in text}


@pytest.mark.parametrize("kind", ["roberta", "camembert"])
def test_line_breaks_divide_names_where_tags_do_not(kind: str, made: Made) -> None:
    opinions = {"Kay": "I-PER", "Lu": "I-LOC", "xv": {"O": 0.6, "I-LOC": 0.3}}
    tagger = made(kind, opinions=opinions, tags=("O", "I-PER", "I-LOC"))
    texts = ["Kay\nKay Kay\r\nLuxv\n\nLuxv\n", "\n\nKay", "\n", "Kay  Kay"]
    documents = tagger.predict(texts)
    assert [surfaces(each) for each in documents] == [
        ["Kay", "Kay Kay", "Luxv", "Luxv"],
        ["Kay"],
        [],
        ["Kay  Kay"],
    ]
    wrapped = made(kind)("John\nSmith in Paris\nParis")  # these have a `B-`
    assert surfaces(wrapped) == ["John", "Smith", "Paris", "Paris"]


@pytest.mark.parametrize("kind", KINDS)
def test_two_names_without_a_space_are_two(kind: str, made: Made) -> None:
    assert surfaces(made(kind)("서울서울")) == ["서울", "서울"]


# --- ranges


@pytest.mark.parametrize("kind", KINDS)
@given(texts())
def test_words_are_ordered_ranges_of_whole_clusters(kind: str, text: str) -> None:
    assume(not regex.search(r"\s[\p{GCB=SpacingMark}\p{GCB=Extend}]", text))
    encoding = encoder(kind).encode([Document(text), Document(text)])
    assert encoding.joints is not None
    clusters = {match.start() for match in regex.finditer(r"\X", text)} | {len(text)}
    for each in encoding:
        bounds = each.word_bounds
        assert (bounds[:, 0] < bounds[:, 1]).all()
        assert (bounds[1:, 0] >= bounds[:-1, 1]).all()
        for start, end in bounds.tolist():
            assert text[start:end].strip() in (text[start:end], "")
            assert {start, end} <= clusters or text[start:end].isalnum()
        offsets = each.offsets[each.word_starts]
        assert (offsets[:, 0] < bounds[:, 1]).all()
        assert (bounds[:, 0] < offsets[:, 1]).all()


@functools.cache
def encoder(kind: str) -> Encoder:
    tokenizer = dictionary_tokenizer(OPINIONS, kind=kind, texts=["é👩北京ไท"])
    return Encoder(tokenizer, words="tokenizer", max_length=64, overlap=16)


@pytest.mark.parametrize("kind", KINDS)
def test_entities_are_ranges_of_the_text_as_it_is(kind: str, made: Made) -> None:
    text = "  \u00a0Paris\u0301 👩‍👩‍👧John\n\nJo\u00adhn 😀Paris😀 e\u0301"
    document = made(kind, texts=[text])(text)
    assert {"Paris\u0301", "John", "Paris"} <= {*surfaces(document)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_next_to_an_emoji_with_a_variation_selector_is_found(kind: str, made: Made) -> None:
    text = "John\u2764\ufe0fParis, in\u2600\ufe0fAnkara"
    assert surfaces(made(kind, texts=[text])(text)) == ["John", "Paris", "Ankara"]


def test_a_letter_that_the_tokenizer_drops_or_skips_belongs_to_its_word() -> None:
    tokenizer = dictionary_tokenizer(["John"], kind="roberta")
    backend = tokenizer.backend_tokenizer
    backend.post_processor.add_prefix_space = False  # its first range then begins too late
    assert backend.encode("John left").offsets[1] == (1, 4)
    encoding = Encoder(tokenizer, words="tokenizer", max_length=64, overlap=0).encode(
        [Document("John left")]
    )
    assert encoding.word_bounds[0].tolist() == [0, 4]


@pytest.mark.parametrize("words", ["tokenizer", "subwords"])
def test_texts_without_a_word_and_no_texts(words: Words, made: Made) -> None:
    tagger = made("bert", words)
    assert tagger.predict([]) == []
    assert [document.entities for document in tagger.predict(["", " \n", "Paris"])][:2] == [(), ()]
    assert surfaces(tagger.predict(["", "Paris", ""])[1]) == ["Paris"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_alone_and_among_others_has_the_same_entities(kind: str, made: Made) -> None:
    tagger = made(kind)
    for document in tagger.predict([*RIGHT]):
        alone = tagger(document.text)
        assert surfaces(alone) == surfaces(document)
        assert [e.score for e in alone.entities] == pytest.approx(
            [e.score for e in document.entities], abs=1e-6
        )


# --- joining


def probabilities(rows: Sequence[Mapping[str, float]], joints: Sequence[int]) -> Any:
    """The probabilities of the words that pieces of one text make."""
    values = np.full((len(rows), len(TAGS)), 1e-9)
    for row, given_row in zip(values, rows, strict=True):
        for tag, value in given_row.items():
            row[TAGS.index(tag)] = value
    encoding = encoder("bert").encode([Document(" ".join("a" * len(rows)))])
    encoding = dataclasses.replace(encoding, joints=np.array(joints))
    logits = joined(WordLogits(encoding, np.log(values).astype(np.float32)), TAGS)
    found = np.exp(logits.values.astype(np.float64))
    return found / found.sum(axis=1, keepdims=True)


def test_a_word_is_the_average_of_both_ways_to_train_a_model() -> None:
    first, other = {"O": 0.6, "B-LOC": 0.4}, {"O": 0.1, "I-LOC": 0.9}
    (word,) = probabilities([first, other], [0, 2])
    outside, inside = (0.6 * 0.1) ** 0.5, (0.4 * 0.9) ** 0.5
    by_all = inside / (inside + outside)
    assert word[TAGS.index("B-LOC")] == pytest.approx((2 * 0.4 + by_all) / 3, abs=1e-4)
    assert word[TAGS.index("O")] == pytest.approx((2 * 0.6 + 1 - by_all) / 3, abs=1e-4)


def test_a_piece_alone_keeps_its_probabilities() -> None:
    rows = [{"O": 0.25, "B-LOC": 0.75}, {"O": 0.9, "I-PER": 0.1}]
    words = probabilities(rows, [0, 0])
    assert words[0][TAGS.index("B-LOC")] == pytest.approx(0.75)
    assert words[1][TAGS.index("I-PER")] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("left", "right", "words"),
    [
        ({"B-PER": 0.9, "O": 0.1}, {"O": 0.9, "B-PER": 0.1}, 2),
        ({"B-PER": 0.9, "O": 0.1}, {"I-PER": 0.7, "O": 0.3}, 1),
        ({"B-PER": 0.9, "O": 0.1}, {"B-PER": 0.9, "O": 0.1}, 1),
        ({"I-PER": 0.9, "O": 0.1}, {"B-PER": 0.9, "O": 0.1}, 2),
        ({"B-PER": 0.9, "O": 0.1}, {"I-LOC": 0.9, "O": 0.1}, 2),
        ({"O": 1.0}, {"O": 1.0}, 1),
    ],
)
def test_a_loose_joint_divides_where_labels_differ_or_another_entity_begins(
    left: Mapping[str, float], right: Mapping[str, float], words: int
) -> None:
    assert len(probabilities([left, right], [0, 1])) == words
    assert len(probabilities([left, right], [0, 0])) == 2
    assert len(probabilities([left, right], [0, 2])) == 1


# --- windows and settings


def test_a_long_text_is_read_in_windows(made: Made) -> None:
    tagger = made("bert", window=20)
    assert tagger.settings.max_length == 20
    text = "Johnson in Paris. " * 30
    assert surfaces(tagger(text)) == ["Johnson", "Paris"] * 30
    steps = nerine.explain(tagger, text)
    assert len(steps.windows) > 1
    assert [word.text for word in steps.words[:4]] == ["Johnson", "in", "Paris", "."]
    assert all(word.window is not None for word in steps.words)
    owned = [word for window in steps.windows for word in window.words]
    assert owned == list(range(len(steps.words)))


@pytest.mark.parametrize(
    ("longest", "window"),
    [(64, 64), (512, 512), (4096, 4096), (131_072, MOST_SUBWORDS), (10**30, 512)],
)
def test_the_window_is_what_the_model_takes_within_reason(longest: int, window: int) -> None:
    assert foreign_window(longest) == window


def test_the_user_has_the_last_word(made: Made) -> None:
    name = made("bert", window=20).name
    tagger = Tagger.load(name, words="rule", decoding="argmax", max_length=12)
    settings = tagger.settings
    assert (settings.words, settings.decoding) == ("rule", "argmax")
    assert (settings.max_length, settings.overlap) == (12, 3)
    assert not [note for note in tagger.notes if "words" in note]
    with pytest.raises(SettingsError, match="from 1 to 20, the most that the model takes"):
        Tagger.load(name, max_length=21)
    with pytest.raises(SettingsError, match="windows of 2 subwords, of which 2 are special tokens"):
        Tagger.load(name, max_length=2)
    with pytest.raises(SettingsError, match="'all' is not known"):
        Tagger.load(name, words="all")  # type: ignore[arg-type]


def test_what_was_guessed_is_said(made: Made) -> None:
    (note,) = [note for note in made("bert").notes if "words" in note]
    assert "tokenizer's are taken" in note
    assert "--words" in note


def test_a_very_long_window_is_shortened_and_that_is_said(tmp_path: Path) -> None:
    tagger = Tagger.load(make_dictionary(tmp_path, OPINIONS, TAGS, window=5000))
    assert tagger.settings.max_length == MOST_SUBWORDS
    (note,) = [note for note in tagger.notes if "windows" in note]
    assert "4,096 of the 5,000 subwords" in note
    assert Tagger.load(tmp_path, max_length=5000).settings.max_length == 5000


def test_other_words_for_a_model_of_ones_own_are_said(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "own")
    assert Tagger.load(folder).settings.words == "rule"
    assert not Tagger.load(folder).notes
    tagger = Tagger.load(folder, words="tokenizer")
    assert tagger.notes == ("the model was trained on the words 'rule', not 'tokenizer'",)
    tagger("Mira left Lisbon.")


def test_a_saved_copy_keeps_the_words(tmp_path: Path) -> None:
    foreign = make_dictionary(tmp_path / "foreign", OPINIONS, TAGS)
    save_checkpoint(tmp_path / "own", load_checkpoint(foreign))
    own = Tagger.load(tmp_path / "own")
    assert own.settings.words == "tokenizer"
    changed = Tagger.load(tmp_path / "own", words="rule")
    assert "the model was saved with the words 'tokenizer', not 'rule'" in changed.notes
    assert {text: surfaces(own(text)) for text in RIGHT} == RIGHT
