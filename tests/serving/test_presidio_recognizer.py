"""The recognizer inside Presidio's own engines: entities, batches, YAML, explanations, pickles."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from presidio_analyzer import (
    AnalyzerEngine,
    BatchAnalyzerEngine,
    PatternRecognizer,
    RecognizerRegistry,
)
from presidio_analyzer.nlp_engine import NoOpNlpEngine
from presidio_analyzer.recognizer_registry import RecognizerRegistryProvider
from presidio_anonymizer import AnonymizerEngine

from lookup import Opinion, make_lookup
from nerine.core.document import Document
from nerine.core.errors import CheckpointError, NerineError, ServerError, SettingsError
from nerine.model.tagger import Tagger
from nerine.serving.client import Client
from nerine.serving.presidio import NerineRecognizer, TaggingNlpEngine, usual_name
from servers import serving

OPINIONS: dict[str, Opinion] = {
    "mira": "B-person",
    "okonjo": "I-person",
    "tandem": "B-corporation",
    "labs": "I-corporation",
    "novel": {"B-creative-work": 0.6, "O": 0.3},
    "left": "O",
}
LABELS = ["corporation", "creative-work", "person"]
TEXTS = [
    "Mira Okonjo left Tandem Labs.",
    "",
    "😀 Mira 👩‍👩‍👧 novel",
    "nobody left",
    "Mira left Labs. " * 1700,  # 5,100 words
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_lookup(tmp_path_factory.mktemp("known") / "run", LABELS, OPINIONS)


@pytest.fixture(scope="module")
def tagger(folder: Path) -> Tagger:
    return Tagger.load(folder)


def engine(recognizer: NerineRecognizer, *others: Any, tags: bool = False) -> AnalyzerEngine:
    """Presidio's engine with a recognizer, which its NLP engine may serve in batches."""
    blank = NoOpNlpEngine([{"lang_code": "en", "model_name": ""}])
    nlp = TaggingNlpEngine(blank, recognizer) if tags else blank
    return AnalyzerEngine(RecognizerRegistry([recognizer, *others]), nlp)


def spans(found: Any) -> list[Any]:
    return sorted((each.start, each.end, each.entity_type, each.score) for each in found)


def expected(tagger: Tagger, text: str) -> list[Any]:
    return [
        (each.start, each.end, usual_name(each.label), pytest.approx(each.score))
        for each in tagger(text).entities
    ]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_the_engine_gets_the_taggers_entities(tagger: Tagger, text: str) -> None:
    assert spans(engine(NerineRecognizer(tagger)).analyze(text, "en")) == expected(tagger, text)


def test_names_are_presidios_own() -> None:
    names = ["person", "PER", "corporation", "creative-work", "geo location", "LOC", "Genre"]
    assert [usual_name(name) for name in names] == [
        *("PERSON", "PERSON", "ORGANIZATION", "CREATIVE_WORK", "GEO_LOCATION", "LOCATION", "GENRE")
    ]


def test_labels_and_entities_can_be_chosen(tagger: Tagger) -> None:
    chosen = NerineRecognizer(tagger, labels={"person": "NAME", "corporation": "FIRM"})
    assert chosen.get_supported_entities() == ["NAME", "FIRM"]
    names = [each.entity_type for each in engine(chosen).analyze(TEXTS[0], "en")]
    assert sorted(names) == ["FIRM", "NAME"]
    found = engine(chosen).analyze(TEXTS[0], "en", entities=["FIRM"])
    assert [each.entity_type for each in found] == ["FIRM"]
    one = NerineRecognizer(tagger, supported_entities=["PERSON"])
    assert [each.entity_type for each in engine(one).analyze(TEXTS[0], "en")] == ["PERSON"]


def test_thresholds_hold_for_each_label(folder: Path, tagger: Tagger) -> None:
    found = engine(NerineRecognizer(tagger, thresholds={"creative-work": 0.9}))
    assert [each.entity_type for each in found.analyze(TEXTS[2], "en")] == ["PERSON"]
    assert tagger.thresholds is None
    assert engine(NerineRecognizer(folder, thresholds=0.99)).analyze(TEXTS[0], "en") == []


def test_results_are_explained(tagger: Tagger) -> None:
    recognizer = NerineRecognizer(tagger, thresholds=0.25)
    found = engine(recognizer).analyze(TEXTS[2], "en", return_decision_process=True)
    work = next(each for each in found if each.entity_type == "CREATIVE_WORK")
    said = work.analysis_explanation
    assert said.recognizer == "NerineRecognizer"
    assert said.original_score == pytest.approx(0.63, abs=0.02)
    assert f"{tagger.name}@" in said.textual_explanation
    assert "'creative-work' a probability of 0.6" in said.textual_explanation
    assert said.textual_explanation.endswith("the threshold is 0.25")
    assert work.recognition_metadata["label"] == "creative-work"


def test_a_batch_is_tagged_at_once_with_the_results_of_single_texts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Tagger.load(folder)
    recognizer = NerineRecognizer(own)
    batch = BatchAnalyzerEngine(engine(recognizer, tags=True))
    one_by_one = engine(NerineRecognizer(own))
    texts = [*TEXTS, *(f"{TEXTS[0]} {number}" for number in range(100))]
    alone = [spans(one_by_one.analyze(text, "en")) for text in texts]

    def refuse(self: Tagger, text: str) -> Document:
        raise AssertionError("this text was tagged alone")

    monkeypatch.setattr(Tagger, "__call__", refuse)
    found: Any = batch.analyze_iterator(texts, "en", batch_size=16)
    assert [[each[:3] for each in spans(each)] for each in found] == [
        [each[:3] for each in single] for single in alone
    ]
    assert len(recognizer.tagged) == 0, "documents go with their artifacts"
    columns = {"name": ["Mira", "nobody"], "number": [7, True]}
    result: dict[str, Any] = {
        each.key: each.recognizer_results for each in batch.analyze_dict(columns, "en")
    }
    assert [len(each) for each in result["name"]] == [1, 0]


def test_it_works_beside_other_recognizers(tagger: Tagger) -> None:
    zips = PatternRecognizer("ZIP", deny_list=["12345"])
    found = engine(NerineRecognizer(tagger), zips, tags=True).analyze("Mira, 12345", "en")
    assert {each.entity_type for each in found} == {"PERSON", "ZIP"}


def test_the_anonymizer_hides_what_it_finds(tagger: Tagger) -> None:
    text = "😀 Mira Okonjo left Tandem Labs."
    found: Any = engine(NerineRecognizer(tagger)).analyze(text, "en")
    anonymizer: Any = AnonymizerEngine  # it has no types
    hidden = anonymizer().anonymize(text, found)
    assert hidden.text == "😀 <PERSON> left <ORGANIZATION>."


def test_it_is_configured_by_yaml(folder: Path, tmp_path: Path) -> None:
    configuration = {
        "supported_languages": ["en"],
        "recognizers": [
            {
                "name": "Names",
                "class_name": "NerineRecognizer",
                "type": "predefined",
                "supported_languages": ["en"],
                "model": str(folder),
                "labels": {"person": "NAME"},
                "thresholds": {"person": 0.5},
            }
        ],
    }
    path = tmp_path / "recognizers.yaml"
    path.write_text(yaml.safe_dump(configuration))
    registry = RecognizerRegistryProvider(conf_file=path).create_recognizer_registry()
    blank = NoOpNlpEngine([{"lang_code": "en", "model_name": ""}])
    found = AnalyzerEngine(registry, blank).analyze(TEXTS[0], "en")
    assert [(each.entity_type, each.start, each.end) for each in found] == [("NAME", 0, 11)]


def test_a_server_gives_the_same(tagger: Tagger) -> None:
    with serving(tagger) as url:
        remote = NerineRecognizer(url)
        assert spans(engine(remote).analyze(TEXTS[0], "en")) == expected(tagger, TEXTS[0])
        batch = BatchAnalyzerEngine(engine(remote, tags=True)).analyze_iterator(TEXTS[:4], "en")
        assert [len(each) for each in batch] == [len(expected(tagger, each)) for each in TEXTS[:4]]
        strict = NerineRecognizer(url, thresholds={"creative-work": 0.9})
        assert len(engine(strict).analyze(TEXTS[2], "en")) == 1
        assert url in remote.version
        for each in (remote.tagger, strict.tagger):
            assert isinstance(each, Client)
            each.close()
    with pytest.raises(ServerError):
        NerineRecognizer("http://127.0.0.1:9")


def test_an_error_of_the_model_is_not_swallowed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: Tagger, texts: Any) -> Any:
        raise CheckpointError("a logit is NaN")

    monkeypatch.setattr(Tagger, "pipe", fails)
    recognizer = NerineRecognizer(folder)
    batch = BatchAnalyzerEngine(engine(recognizer, tags=True))
    with pytest.raises(CheckpointError, match="a logit is NaN"):
        batch.analyze_iterator(["a", "b"], "en")


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"labels": {"persons": "PERSON"}}, "the model has no label 'persons'"),
        ({"supported_entities": ["PHONE"]}, "no label of the model is 'PHONE'"),
        ({"thresholds": "saved"}, "no thresholds are saved"),
        ({"threads": 2}, "decided where the model is loaded"),
    ],
)
def test_what_cannot_be_used_is_an_error(
    tagger: Tagger, options: dict[str, Any], found: str
) -> None:
    with pytest.raises(NerineError, match=found):
        NerineRecognizer(tagger, **options)


def test_a_client_has_its_own_thresholds() -> None:
    with pytest.raises(SettingsError, match="a client has its own"):
        NerineRecognizer(Client("http://127.0.0.1:9"), thresholds=0.5)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))]
)
def test_it_can_be_copied_and_pickled(
    tagger: Tagger, again: Callable[[NerineRecognizer], NerineRecognizer]
) -> None:
    recognizer = NerineRecognizer(tagger, thresholds=0.5, labels={"person": "NAME"})
    same = again(recognizer)
    assert spans(engine(same).analyze(TEXTS[0], "en")) == [
        (0, 11, "NAME", pytest.approx(0.97, abs=0.02))
    ]
    assert same.version == recognizer.version
