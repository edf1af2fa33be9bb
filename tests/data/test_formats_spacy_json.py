"""The JSON that spaCy 2 was trained with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError
from nerine.core.tags import TagScheme
from nerine.data.formats import ReadLog, ReadOptions, read_documents
from strategies import token_documents


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spacy") / "train.json"


def paragraph(words: str, tags: str, **fields: Any) -> dict[str, Any]:
    """A paragraph of one sentence."""
    tokens = [
        {"id": index, "orth": word, "tag": "X", "head": 0, "dep": "ROOT", "ner": tag}
        for index, (word, tag) in enumerate(zip(words.split(), tags.split(), strict=True))
    ]
    return {**fields, "sentences": [{"tokens": tokens, "brackets": []}]}


def read(
    file: Path, content: Any, log: ReadLog | None = None, options: ReadOptions | None = None
) -> list[Document]:
    file.write_text(json.dumps(content, indent=1))
    return list(read_documents(file, "spacy-json", options or ReadOptions(), log))


def test_paragraphs_are_documents(file: Path) -> None:
    first = paragraph(
        "Aino Salo left Turku .", "B-PER L-PER O U-LOC O", raw="Aino Salo left Turku."
    )
    second = paragraph("No names", "O O")
    found = read(
        file, [{"id": 7, "paragraphs": [first, second]}, {"id": 8, "paragraphs": [second]}]
    )
    assert found[0] == Document(
        "Aino Salo left Turku.",
        (Entity(0, 9, "PER"), Entity(15, 20, "LOC")),
        (Token(0, 4), Token(5, 9), Token(10, 14), Token(15, 20), Token(20, 21)),
        "7-1",
    )
    assert [(each.text, each.id) for each in found[1:]] == [("No names", "7-2"), ("No names", "8")]


def test_sentences_of_a_paragraph_are_joined(file: Path) -> None:
    one, other = paragraph("Bo sat", "U-PER O"), paragraph("So did Al", "O O U-PER")
    one["sentences"] += other["sentences"]
    (document,) = read(file, [{"paragraphs": [one]}])
    assert document.text == "Bo sat So did Al"
    assert [document.surface(each) for each in document.entities] == ["Bo", "Al"]


def test_quotes_and_brackets_of_the_treebank_are_found_in_the_text(file: Path) -> None:
    raw = '"The Fern" (Oslo)'
    first = paragraph("`` The Fern '' -LRB- Oslo -RRB-", "O B-ART L-ART O O U-LOC O", raw=raw)
    (document,) = read(file, [{"paragraphs": [first]}])
    assert document.text == raw
    assert [document.surface(each) for each in document.entities] == ["The Fern", "Oslo"]
    assert document.tokens is not None
    assert len(document.tokens) == 7


def test_tokens_whose_entity_is_unknown_are_counted(file: Path) -> None:
    log = ReadLog()
    known, partly = paragraph("Bo sat", "U-PER O"), paragraph("Bo sat", "U-PER -")
    found = read(file, [{"paragraphs": [known, partly]}], log)
    assert [each.entities for each in found] == [(Entity(0, 2, "PER"),)] * 2
    ((remark, number),) = log.remarks.items()
    assert ("'-'" in remark, number) == (True, 1)


def test_paragraphs_of_unknown_tokens_are_unlabelled(file: Path) -> None:
    content = [{"paragraphs": [paragraph("Bo sat", "U-PER O"), paragraph("Bo sat", "- -")]}]
    with pytest.raises(FormatError, match="no token of the paragraph has a tag") as caught:
        read(file, content)
    assert caught.value.place == f"{file}:2, paragraph 2"
    log = ReadLog()
    assert len(read(file, content, log, ReadOptions(skip={"unlabelled"}))) == 1
    assert log.skipped == {"unlabelled": 1}
    log = ReadLog()
    assert len(read(file, content, log, ReadOptions(accept={"unlabelled"}))) == 2
    assert log.accepted == {"unlabelled": 1}


def test_entities_of_a_paragraph_are_read_from_their_ranges(file: Path) -> None:
    """As spaCy 3 writes them; they need not begin and end with tokens."""
    first = paragraph("Aino-Salo", "-", raw="Aino-Salo", entities=[[0, 4, "PER"]])
    (document,) = read(file, [{"id": 1, "paragraphs": [first]}])
    assert (document.entities, document.tokens) == ((Entity(0, 4, "PER"),), (Token(0, 9),))


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"id": 1}, "'paragraphs' holds None"),
        ({"paragraphs": [1]}, "'sentences' holds None"),
        ({"paragraphs": [{"sentences": [{}]}]}, "'tokens' holds None"),
        ({"paragraphs": [{"sentences": [{"tokens": [{"ner": "O"}]}]}]}, "a token has no text"),
        ({"paragraphs": [{"sentences": [{"tokens": ["a"]}]}]}, "a token has no text"),
        ({"paragraphs": [{"sentences": [{"tokens": [{"orth": "a", "ner": 1}]}]}]}, "not a string"),
        ({"paragraphs": [paragraph("Bo sat", "O O", raw="Bo ran")]}, "'sat' .* is not in the text"),
        ({"paragraphs": [paragraph("Bo sat", "L-PER O")]}, "L-PER"),
    ],
)
def test_other_forms_are_refused_with_their_place(
    file: Path, record: dict[str, Any], words: str
) -> None:
    options = ReadOptions(scheme=TagScheme.BILOU)
    with pytest.raises(FormatError, match=words) as caught:
        read(file, [record], options=options)
    assert (caught.value.place or "").startswith(f"{file}:2")


@given(token_documents())
def test_spacys_own_conversion_is_read(file: Path, document: Document) -> None:
    spacy = pytest.importorskip("spacy", reason="needs the extra spacy")
    training = pytest.importorskip("spacy.training")
    words = [document.surface(token) for token in document.tokens or ()]
    starts = [index == 0 for index in range(len(words))]
    doc = spacy.tokens.Doc(spacy.vocab.Vocab(), words=words, sent_starts=starts)
    doc.ents = [doc.char_span(each.start, each.end, each.label) for each in document.entities]
    converted = training.docs_to_json([doc])
    (found,) = read(file, [converted])
    assert found.text.rstrip(" ") == document.text.rstrip(" ")
    assert found.entities == document.entities
    for each in converted["paragraphs"]:
        del each["entities"]  # the tags alone
    (found,) = read(file, [converted], options=ReadOptions(scheme=TagScheme.BILOU))
    assert found.entities == document.entities
