"""Every format that can be written, to every other, and back."""

from __future__ import annotations

import itertools
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nerine.core.document import Document, Entity
from nerine.core.tags import TagScheme
from nerine.data.formats import (
    FORMATS,
    ReadLog,
    ReadOptions,
    Style,
    WriteOptions,
    read_documents,
    write_documents,
)
from nerine.data.formats.tagged_words import words_to_tag
from strategies import documents, overlapping_documents

LEFT_OUT = ["pubtator", *([] if find_spec("spacy") else ["docbin"])]
"""PubTator's files hold few texts: see its own tests."""

STYLES: tuple[Style, ...] = ("nerine", "doccano", "prodigy")
KINDS: dict[str, tuple[str, WriteOptions]] = {
    **{
        name: (name, WriteOptions())
        for name, each in FORMATS.items()
        if each.can_write and name not in LEFT_OUT
    },
    **{f"spans-{style}": ("spans", WriteOptions(style=style)) for style in STYLES[1:]},
}
OF_TAGS = ("columns", "conllu", "words")
"""Formats of a tag for each token: every document has tokens there, and no scores."""

OF_RANGES = [each for each in KINDS if each not in (*OF_TAGS, "csv", "docbin")]
"""Formats that hold every document as it is; for DocBin see its own tests."""


def passed_through(found: list[Document], kind: str, folder: Path) -> list[Document]:
    """`found`, written as `kind` and read again."""
    name, options = KINDS[kind]
    target = folder / f"{len(list(folder.iterdir()))}-{kind}"
    assert write_documents(found, target, name, options) == len(found)
    return list(read_documents(target, name))


def held(document: Document, kinds: tuple[str, ...]) -> Document:
    """What all of `kinds` can hold of a document: without scores and, if need be, tokens."""
    if not set(kinds) & set(OF_TAGS):
        return document
    plain = (type(each)(each.start, each.end, each.label) for each in document.entities)
    return Document(document.text, tuple(plain), None, document.id, document.meta)


WHOLE_WORD = Document("Oslo", (Entity(0, 4, "location"),))
"""So that no note is due on entities that all end one character before the end of a word."""


@pytest.mark.parametrize("kind", OF_RANGES)
@given(before=st.lists(documents(scores=True) | overlapping_documents(), max_size=3))
def test_every_document_survives_with_its_ranges(
    tmp_path_factory: pytest.TempPathFactory, kind: str, before: list[Document]
) -> None:
    target, log = tmp_path_factory.mktemp("ranges") / "all", ReadLog()
    name, options = KINDS[kind]
    before = [*before, WHOLE_WORD] if before else []
    assert write_documents(before, target, name, options) == len(before)
    assert list(read_documents(target, name, log=log)) == before
    assert log.notes == []


@pytest.mark.parametrize("name", ["conllu", "words"])
@given(before=st.lists(documents(), max_size=3), scheme=st.sampled_from(TagScheme))
def test_documents_survive_with_a_tag_for_each_word(
    tmp_path_factory: pytest.TempPathFactory, name: str, before: list[Document], scheme: TagScheme
) -> None:
    target = tmp_path_factory.mktemp("tags") / "all"
    assert write_documents(before, target, name, WriteOptions(scheme)) == len(before)
    back = list(read_documents(target, name, ReadOptions(scheme=scheme)))
    assert [(d.text, d.entities, d.id, d.meta) for d in back] == [
        (d.text, d.entities, d.id, d.meta) for d in before
    ]
    assert [d.tokens for d in back] == [words_to_tag(d) for d in before]


@pytest.mark.parametrize("pair", [*itertools.permutations(KINDS, 2)], ids="-to-".join)
@settings(max_examples=4, suppress_health_check=[HealthCheck.too_slow])
@given(before=documents(scores=True))
def test_documents_survive_the_way_from_one_format_to_another(
    tmp_path_factory: pytest.TempPathFactory, pair: tuple[str, str], before: Document
) -> None:
    folder = tmp_path_factory.mktemp("pair")
    first, second = pair
    once = passed_through([before], first, folder)
    twice = passed_through(once, second, folder)
    back = passed_through(twice, first, folder)
    assert [held(each, pair) for each in back] == [held(before, pair)]
    if not set(pair) & set(OF_TAGS):
        assert back == [before]
    else:  # the words that were cut at first are the tokens from then on
        tagged = once if first in OF_TAGS else twice
        assert back[0].tokens == tagged[0].tokens
