"""Each integration gives the entities of the tagger, and others' scorers count as Nerine does."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import polars
import pytest
import spacy
from presidio_analyzer import AnalyzerEngine, BatchAnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NoOpNlpEngine
from spacy.tokens import Doc, SpanGroup
from spacy.training import Example
from spacy.util import get_words_and_spaces

import nerine
from clients import run_client
from lookup import Opinion, make_lookup
from nerine.core.document import Document
from nerine.core.errors import MissingExtraError
from nerine.core.words import word_spans
from nerine.data.corpus import Corpus, load_corpus
from nerine.evaluation.metrics import Counts, score
from nerine.model.loading.sources import DEMO_ENCODER, find_source
from nerine.model.tagger import Tagger
from nerine.serving.presidio import NerineRecognizer, TaggingNlpEngine
from nerine.serving.redaction import Redacted, Redactor
from nerine.serving.sklearn import EntityRecognizer
from nerine.training.train import train
from places import WNUT

Found = list[tuple[int, int, str]]

OPINIONS: dict[str, Opinion] = {
    "mira": "B-person",
    "okonjo": "I-person",
    "tandem": "B-company",
    "labs": "I-company",
    "lisbon": {"B-place": 0.6, "O": 0.3},
    "left": "O",
}
HOSTILE = [
    "",
    " \t\u00a0",
    "😀 Mira Okonjo 👩‍👩‍👧 left 🏴󠁧󠁢󠁳󠁣󠁴󠁿 Lisbon 𝕸𝖎𝖗𝖆",
    "e\u0301te\u0301: Mira\u0301 Okonjo, Lis\u0301bon; Zoe\u0308 left\u200dLisbon",
    "عمر Mira في Lisbon \u202eLisbon\u202c, תל אביב Tandem Labs!",
    "Mira\r\nOkonjo\x00Lisbon\ufeff (Tandem)Labs's",
    "Mira Okonjo left Tandem Labs for Lisbon again. " * 625,  # 5,000 words
]
"""Texts that are empty, outside of Unicode's first plane, combined, from right to left, or long."""


def in_spacy(folder: Path, texts: Sequence[str]) -> list[Found]:
    nlp = spacy.blank("xx")
    nlp.add_pipe("nerine", config={"model": str(folder)})
    return [of_group(doc.spans["nerine"]) for doc in list(nlp.pipe(texts))]


def of_group(group: SpanGroup) -> Found:
    offsets = group.attrs["offsets"]
    return [(*place, span.label_) for span, place in zip(group, offsets, strict=True)]


def in_presidio(folder: Path, texts: Sequence[str]) -> list[Found]:
    tagger = Tagger.load(folder)
    recognizer = NerineRecognizer(tagger, labels={each: each for each in tagger.labels})
    blank = NoOpNlpEngine([{"lang_code": "en", "model_name": ""}])
    nlp = TaggingNlpEngine(blank, recognizer)
    batch = BatchAnalyzerEngine(AnalyzerEngine(RecognizerRegistry([recognizer]), nlp))
    return [
        sorted((each.start, each.end, each.entity_type) for each in found)
        for found in batch.analyze_iterator(texts, "en")
    ]


def in_sklearn(folder: Path, texts: Sequence[str]) -> list[Found]:
    fitted = EntityRecognizer()
    fitted.tagger_ = Tagger.load(folder)
    return [[(each.start, each.end, each.label) for each in row] for row in fitted.predict(texts)]


def in_pandas(folder: Path, texts: Sequence[str]) -> list[Found]:
    frame = nerine.tag_frame(pd.DataFrame({"text": texts}), Tagger.load(folder))
    return [places(row) for row in frame["entities"]]


def in_polars(folder: Path, texts: Sequence[str]) -> list[Found]:
    frame = polars.DataFrame({"text": texts})
    long = nerine.tag_frame(frame, Tagger.load(folder), form="long")
    found: list[Found] = [[] for _ in texts]
    for row in long.to_dicts():
        assert row["text"] == texts[row["row"]][row["start"] : row["end"]]
        found[row["row"]] += places([row])
    return found


def in_redaction(folder: Path, texts: Sequence[str]) -> list[Found]:
    redact = Redactor(Tagger.load(folder), everywhere=False)
    results = list(redact.pipe(texts))
    assert [each.restored() for each in results] == list(texts)
    return [replaced(each) for each in results]


def replaced(redacted: Redacted) -> Found:
    """The places in the text as it was, of what was replaced."""
    found, grown = [], 0
    for each in redacted.replacements:
        start = each.start - grown
        found.append((start, start + len(each.original), each.label))
        grown += each.end - each.start - len(each.original)
    return found


def places(entities: Iterable[dict[str, Any]]) -> Found:
    return [(each["start"], each["end"], each["label"]) for each in entities]


INTEGRATIONS: dict[str, Callable[[Path, Sequence[str]], list[Found]]] = {
    "spaCy": in_spacy,
    "Presidio": in_presidio,
    "scikit-learn": in_sklearn,
    "pandas": in_pandas,
    "polars": in_polars,
    "redaction": in_redaction,
}
each_integration = pytest.mark.parametrize("name", INTEGRATIONS)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that knows some words."""
    folder = tmp_path_factory.mktemp("known") / "run"
    return make_lookup(folder, ["company", "person", "place"], OPINIONS, longest=256)


@pytest.fixture(scope="module")
def wnut() -> Corpus:
    if not WNUT.is_dir():
        pytest.skip(f"WNUT 17 is not at {WNUT}")
    return load_corpus(WNUT)


@pytest.fixture(scope="module")
def trained(wnut: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that was trained on WNUT for a moment."""
    try:
        find_source(DEMO_ENCODER)
    except MissingExtraError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("trained") / "wnut"
    train(wnut, encoder=DEMO_ENCODER, output=folder, steps=200)
    return folder


@functools.cache
def of_tagger(folder: Path, texts: tuple[str, ...]) -> list[Found]:
    return [
        [(each.start, each.end, each.label) for each in document.entities]
        for document in Tagger.load(folder).predict(texts)
    ]


def same(name: str, folder: Path, texts: Sequence[str]) -> int:
    """Compares an integration with the tagger; returns the number of entities."""
    expected = of_tagger(folder, tuple(texts))
    assert INTEGRATIONS[name](folder, texts) == expected
    return sum(map(len, expected))


@each_integration
def test_hostile_texts_have_the_taggers_entities(known: Path, name: str) -> None:
    assert same(name, known, HOSTILE) > 3 * 625


@pytest.mark.slow
@each_integration
def test_texts_of_wnut_have_the_taggers_entities(trained: Path, wnut: Corpus, name: str) -> None:
    assert same(name, trained, [*(each.text for each in wnut.test), *HOSTILE]) > 300


@pytest.fixture(scope="module")
def predicted(trained: Path, wnut: Corpus) -> list[Document]:
    return Tagger.load(trained).predict(wnut.test)


def whole(document: Document) -> bool:
    """Whether all entities are of whole tokens, as these scorers need it."""
    return not word_spans(document, document.tokens or ())[1]


def ours(pairs: Sequence[tuple[Document, Document]]) -> dict[str, Counts]:
    result = score([gold for gold, _ in pairs], [found for _, found in pairs])
    return {label: counts for label, counts in result.labels.items() if counts != Counts()}


@pytest.mark.slow
def test_spacys_scorer_counts_as_we_do(
    trained: Path, wnut: Corpus, predicted: list[Document]
) -> None:
    pairs = [
        (gold, found) for gold, found in zip(wnut.test, predicted, strict=True) if whole(found)
    ]
    assert len(pairs) > 0.98 * len(predicted)
    nlp = spacy.blank("xx")
    nlp.add_pipe("nerine", config={"model": str(trained), "alignment": "strict"})
    words = {gold.text: list(map(gold.surface, gold.tokens or ())) for gold, _ in pairs}
    nlp.tokenizer = lambda text: Doc(nlp.vocab, *get_words_and_spaces(words[text], text))
    examples = []
    for gold, _ in pairs:
        reference = nlp.make_doc(gold.text)
        spans = [reference.char_span(each.start, each.end, each.label) for each in gold.entities]
        reference.set_ents([each for each in spans if each is not None], default="outside")
        assert len(reference.ents) == len(gold.entities)
        examples.append(Example(nlp.make_doc(gold.text), reference))
    theirs = nlp.evaluate(examples)
    result = score([gold for gold, _ in pairs], [found for _, found in pairs])
    assert [theirs[f"ents_{each}"] for each in "prf"] == pytest.approx(
        [result.overall.precision, result.overall.recall, result.overall.f1]
    )
    for label, counts in ours(pairs).items():
        assert theirs["ents_per_type"][label]["f"] == pytest.approx(counts.f1)


EVALUATOR = """
import json, sys
import pandas as pd
from presidio_evaluator.evaluation import SpanEvaluator

rows = pd.DataFrame(json.load(sys.stdin))
exact = SpanEvaluator(iou_threshold=1.0, skip_words=[])
result = exact.calculate_score_on_df(rows, level="entity")
print(json.dumps({
    label: [each.true_positives, each.num_predicted, each.num_annotated]
    for label, each in result.per_type.items()
}))
"""


def rows_of(pairs: Sequence[tuple[Document, Document]]) -> list[dict[str, Any]]:
    """The table that Presidio's evaluator reads: a row a token, with labels and no `B-`."""
    rows = []
    for number, (gold, found) in enumerate(pairs):
        tags = [_labels(each) for each in (gold, found)]
        for token, annotation, prediction in zip(gold.tokens or (), *tags, strict=True):
            rows.append(
                {
                    "sentence_id": number,
                    "token": gold.surface(token),
                    "start_indices": token.start,
                    "annotation": annotation,
                    "prediction": prediction,
                }
            )
    return rows


def _labels(document: Document) -> list[str]:
    tokens = document.tokens or ()
    labels = ["O"] * len(tokens)
    for span in word_spans(document, tokens)[0]:
        labels[span.start : span.end] = [span.label] * (span.end - span.start)
    return labels


def is_read_alike(gold: Document, found: Document) -> bool:
    """Whether the evaluator's table says all, and each entity meets one other at the most.

    Neighbours of one label are one entity in the table. A predicted entity that overlaps two gold
    ones is counted twice, and two predicted ones that overlap a gold one are taken together.
    """
    for document in (gold, found):
        spans = word_spans(document, document.tokens or ())[0]
        pairs = itertools.pairwise(spans)
        if any(one.end == two.start and one.label == two.label for one, two in pairs):
            return False
    for one, other in ((gold, found), (found, gold)):
        for each in one.entities:
            if sum(o.start < each.end and each.start < o.end for o in other.entities) > 1:
                return False
    return whole(found)


@pytest.mark.slow
def test_presidios_evaluator_counts_as_we_do(wnut: Corpus, predicted: list[Document]) -> None:
    everything = list(zip(wnut.test, predicted, strict=True))
    pairs = [pair for pair in everything if is_read_alike(*pair)]
    assert len(pairs) > 0.95 * len(everything)
    theirs = run_client("presidio-evaluator", EVALUATOR, rows_of(pairs))
    expected = {
        label: [each.correct, each.predicted, each.gold] for label, each in ours(pairs).items()
    }
    assert {label: counts for label, counts in theirs.items() if any(counts)} == expected
