"""Marks before capital letters: nothing else of a tokenizer changes, and all programs see them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, pipeline

import nerine
from nerine.core.document import Document, Entity
from nerine.core.errors import MissingExtraError, SettingsError
from nerine.data.corpus import Corpus
from nerine.model.loading.sources import DEMO_ENCODER, find_source
from nerine.model.loading.tokenizer import Tokenizer
from nerine.training.case_marks import can_mark, with_case_marks
from runs import small_run


@pytest.fixture(scope="module")
def uncased() -> Any:
    try:
        folder = find_source(DEMO_ENCODER).folder
    except MissingExtraError as error:
        pytest.skip(str(error))
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def marked(uncased: Any) -> Any:
    return with_case_marks(uncased)


def subwords(tokenizer: Any, text: str) -> list[tuple[str, int, int]]:
    found = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
    names = tokenizer.convert_ids_to_tokens(found["input_ids"])
    return [(name, *place) for name, place in zip(names, found["offset_mapping"], strict=True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Apple", "¬ apple"),
        ("an apple", "an apple"),
        ("NATO and Nato", "¤ nato and ¬ nato"),
        ("I", "¬ i"),
        ("iPhone", "iphone"),
        ("#London (Paris", "# ¬ london ( ¬ paris"),
        ("“Über\nРим", "“ ¬ uber ¬ р ##и ##м"),
    ],
)
def test_a_word_with_a_capital_letter_is_marked(marked: Any, text: str, expected: str) -> None:
    assert marked.tokenize(text) == expected.split()


TEXTS = st.text(st.sampled_from(list("aBÉß ЖNATOx1.,#@'\"(-_&\n\t“¿中🦊")), max_size=30)


@given(TEXTS)
def test_all_other_subwords_and_their_offsets_stay(uncased: Any, marked: Any, text: str) -> None:
    plain, found = subwords(uncased, text), subwords(marked, text)
    assert [each for each in found if each[0] not in "¬¤"] == plain


@given(TEXTS)
def test_a_text_of_small_letters_has_no_mark(uncased: Any, marked: Any, text: str) -> None:
    small = text.lower()
    assert subwords(uncased, small) == subwords(marked, small)


def test_the_marks_are_in_the_saved_tokenizer(marked: Any, tmp_path: Path) -> None:
    """For transformers and for `tokenizers` alone, with the same special tokens."""
    marked.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    text = "Mira was in Oslo"
    assert again(text)["input_ids"] == marked(text)["input_ids"]
    assert again.model_max_length == marked.model_max_length
    assert again.special_tokens_map == marked.special_tokens_map
    alone = Tokenizer.of(marked).encode_batch([text])[0]
    assert alone.ids == marked(text, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("kind", ["roberta", "deberta-v2"])
def test_a_tokenizer_that_knows_capital_letters_is_refused(
    kind: str, encoder_of: Callable[[str], Path]
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(encoder_of(kind))
    assert not can_mark(tokenizer)
    with pytest.raises(SettingsError, match="such an encoder needs no marks"):
        with_case_marks(tokenizer)


def case_corpus() -> Corpus:
    """Only the case of a letter tells names from other words."""
    texts = [f"so {name} was in {other}" for name in ("mira", "rome") for other in ("rome", "mira")]
    documents = []
    for text in texts * 4:
        for number in range(2):
            words = text.split()
            words[1 + 3 * number] = words[1 + 3 * number].capitalize()
            joined = " ".join(words)
            start = joined.index(words[1 + 3 * number])
            documents.append(Document(joined, (Entity(start, start + 4, "name"),)))
    splits = {"train": tuple(documents), "validation": tuple(documents[:8])}
    return Corpus(splits, ("name",), "a test")


@pytest.fixture(scope="module")
def encoder(encoder_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny uncased encoder, two of whose subwords are signs."""
    folder = tmp_path_factory.mktemp("signs") / "encoder"
    shutil.copytree(encoder_of("bert"), folder)
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    names = {number: name for name, number in content["model"]["vocab"].items()}
    last = max(names)
    names |= {last: "¬", last - 1: "¤"}
    content["model"]["vocab"] = {name: number for number, name in names.items()}
    path.write_text(json.dumps(content))
    return folder


def test_a_model_learns_what_only_capital_letters_tell(encoder: Path, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"corpus": case_corpus(), "epochs": 8}
    with_marks = small_run(tmp_path / "marks", encoder, case_marks=True, **changes)
    without = small_run(tmp_path / "plain", encoder, **changes)
    assert with_marks.best.f1 > 0.95
    assert without.best.f1 < 0.8
    text = "so Mira was in rome"
    tagger = nerine.Tagger.load(with_marks.folder)
    assert [(each.start, each.end) for each in tagger(text).entities] == [(3, 7)]
    # a program that knows nothing of marks finds the same
    tag: Any = pipeline(  # type: ignore[call-overload] # it takes folders
        "ner", model=str(with_marks.folder), aggregation_strategy="first"
    )
    assert [(each["start"], each["end"]) for each in tag(text)] == [(3, 7)]


def test_a_checkpoint_with_marks_is_not_marked_twice(encoder: Path, tmp_path: Path) -> None:
    run = small_run(tmp_path / "run", encoder, case_marks=True, epochs=1)
    with pytest.raises(SettingsError, match="case_marks"):
        small_run(tmp_path / "again", run.folder, case_marks=True, epochs=1)
