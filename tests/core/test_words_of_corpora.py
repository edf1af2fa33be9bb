"""Words of both versions of the rule inside which entities of published corpora begin or end."""

from __future__ import annotations

import pytest

from nerine.core.document import Document, Entity
from nerine.core.words import Rule, cut_words, rule_words
from nerine.data.corpus import load_corpus
from nerine.data.formats import ReadOptions
from places import ROOT, WNUT

CORPORA = WNUT.parent / "corpora"

pytestmark = pytest.mark.skipif(not CORPORA.is_dir(), reason=f"no corpora at {CORPORA}")


def glued(document: Document) -> Document:
    """The text without the spaces that tokenization has put around signs."""
    tokens = [document.surface(token) for token in document.tokens or ()]
    text, places = "", {}
    for number, (token, surface) in enumerate(zip(document.tokens or (), tokens, strict=True)):
        before = tokens[number - 1] if number else "("
        is_sign = surface in "-/'’" or before in "-/'’" or surface in "n't .,!?:;)%"
        is_ending = surface[0] in "'’" and len(surface) < 4
        is_dash = before[-1] in ".,:;" and surface in "-/"
        if not (before in "(#@" or is_sign or is_ending) or (is_dash and not is_ending):
            text += " "
        places[token.start] = len(text)
        text += surface
        places[token.end] = len(text)
    entities = [Entity(places[e.start], places[e.end], e.label) for e in document.entities]
    return Document(text, tuple(entities))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("crossner-ai", "| CrossNER AI | 3,890 | 33 | 14 | 1.9% |"),
        ("crossner-politics", "| CrossNER politics | 8,995 | 138 | 59 | 1.1% |"),
        ("ncbi-disease", "| NCBI disease | 6,881 | 118 | 0 | 3.4% |"),
        ("broad-twitter", "| Broad Twitter | 14,885 | 7,640 | 187 | 6.6% |"),
        ("wnut17", "| WNUT 2017 | 3,890 | 383 | 96 | 4.2% |"),
    ],
)
def test_the_page_on_words_counts_the_entities_that_words_cut(name: str, shown: str) -> None:
    folder = WNUT if name == WNUT.name else CORPORA / name
    corpus = load_corpus(folder, options=ReadOptions(repair=True))
    documents = [glued(each) for split in corpus.splits.values() for each in split]
    entities = sum(len(each.entities) for each in documents)
    rules: tuple[Rule, Rule] = ("rule", "rule-2")
    first, second = (sum(len(cut_words(each, rule)) for each in documents) for rule in rules)
    words, more = (sum(len(rule_words(each.text, rule)) for each in documents) for rule in rules)
    row = f"| {entities:,} | {first:,} | {second:,} | {more / words - 1:.1%} |"
    assert shown.endswith(row)
    assert shown in (ROOT / "docs/concepts/words.md").read_text(encoding="utf-8").splitlines()
