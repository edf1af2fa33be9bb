"""Presidio's contract, with a remote recognizer inside its own engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st
from presidio_analyzer import (
    AnalyzerEngine,
    RecognizerRegistry,
    RecognizerResult,
    RemoteRecognizer,
)
from presidio_analyzer.nlp_engine import NlpArtifacts, NoOpNlpEngine

from nerine.core.document import Document, Entity
from nerine.model.tagger import Tagger
from nerine.serving.http.app import AppOptions
from servers import TEXTS, serving

LANGUAGES = ("en", "de")


class ServerRecognizer(RemoteRecognizer):
    """Asks a server, as a user of Presidio would write it."""

    def __init__(self, client: httpx.Client, language: str) -> None:
        self._client = client
        answer = client.get("/supportedentities", params={"language": language})
        names = answer.raise_for_status().json()
        super().__init__(names, name="nerine", supported_language=language, version="1")

    def get_supported_entities(self) -> list[str]:
        return list(self.supported_entities)

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts
    ) -> list[RecognizerResult]:
        body = {"text": text, "language": self.supported_language, "entities": entities}
        answer = self._client.post("/analyze", json=body)
        return [RecognizerResult(**item) for item in answer.raise_for_status().json()]


@pytest.fixture(scope="module")
def analyzer(named: Tagger) -> Iterator[AnalyzerEngine]:
    """Presidio's engine, for two languages, with a server as its only recognizer."""
    with (
        serving(named, AppOptions(languages=LANGUAGES)) as url,
        httpx.Client(base_url=url) as client,
    ):
        recognizers = [ServerRecognizer(client, language) for language in LANGUAGES]
        registry = RecognizerRegistry(recognizers, supported_languages=list(LANGUAGES))
        blank = NoOpNlpEngine([{"lang_code": name, "model_name": ""} for name in LANGUAGES])
        yield AnalyzerEngine(registry, blank, supported_languages=list(LANGUAGES))


def spans(found: Iterable[Any]) -> list[tuple[int, int, str, Any]]:
    """The entities of Presidio, of JSON or of Nerine as plain values, in order."""
    values = []
    for each in found:
        if isinstance(each, Entity):
            fields = (each.start, each.end, each.label, pytest.approx(each.score, abs=1e-5))
        else:
            given = each if isinstance(each, dict) else each.to_dict()
            fields = (given["start"], given["end"], given["entity_type"], given["score"])
        values.append(fields)
    return sorted(values, key=lambda fields: fields[:2])


def post(client: httpx.Client, text: Any, **fields: Any) -> Any:
    answer = client.post("/analyze", json={"text": text, "language": "en", **fields})
    return answer.raise_for_status().json()


def refused(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = client.post("/analyze", json={"text": TEXTS[0], "language": "en", **fields})
    assert answer.status_code == 422
    found: dict[str, Any] = answer.json()
    assert found["error"]
    return found


# --- in its engine


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", TEXTS)
def test_the_engine_gets_the_taggers_entities(
    analyzer: AnalyzerEngine, named: Tagger, text: str, language: str
) -> None:
    assert spans(analyzer.analyze(text, language)) == spans(named(text).entities)


def test_the_engine_asks_for_some_entities(analyzer: AnalyzerEngine, named: Tagger) -> None:
    found = analyzer.analyze(TEXTS[0], "en", entities=["person"])
    assert spans(found) == spans(named(TEXTS[0]).entities[:1])


def test_the_engine_knows_the_labels(analyzer: AnalyzerEngine, named: Tagger) -> None:
    assert sorted(analyzer.get_supported_entities("de")) == list(named.labels)


# --- on the wire


def test_the_fields_are_those_of_presidio(client: httpx.Client, named: Tagger) -> None:
    (entity,) = named(TEXTS[4]).entities
    assert post(client, TEXTS[4], correlation_id="7", return_decision_process=False) == [
        {
            "entity_type": "person",
            "start": entity.start,
            "end": entity.end,
            "score": pytest.approx(entity.score, abs=1e-5),
            "analysis_explanation": None,
        }
    ]


def test_a_list_gives_a_list_of_lists(client: httpx.Client, named: Tagger) -> None:
    found = post(client, list(TEXTS))
    assert [spans(each) for each in found] == [spans(named(text).entities) for text in TEXTS]


def test_what_is_no_text_fails_in_its_place(client: httpx.Client) -> None:
    found = post(client, ["Mira", 7, "Oslo"])
    assert [len(found[0]), len(found[2])] == [1, 1]
    assert (found[1]["cause"], found[1]["place"]) == ("invalid", "text[1]")


def test_a_threshold_is_a_minimum(client: httpx.Client, named: Tagger) -> None:
    everything = named(TEXTS[3]).entities
    lowest = min(each.score or 0 for each in everything)
    kept = [each for each in everything if each.score != lowest]
    assert spans(post(client, TEXTS[3], score_threshold=lowest - 1e-4)) == spans(everything)
    assert spans(post(client, TEXTS[3], score_threshold=lowest + 1e-4)) == spans(kept)


def test_labels_that_the_model_lacks_are_passed_over(client: httpx.Client) -> None:
    found = post(client, TEXTS[0], entities=["PHONE_NUMBER", "person"])
    assert [each["entity_type"] for each in found] == ["person"]
    assert "No matching recognizers" in refused(client, entities=["PHONE_NUMBER"])["error"]


def test_an_empty_list_of_entities_means_all(client: httpx.Client) -> None:
    assert len(post(client, TEXTS[0], entities=[])) == 3


NAMES = ["Mira", "Mira Okonjo", "mira", "LISBON", "Lisbon", "Tandem Labs", "a", ""]
PATTERNS = [
    *NAMES,
    r"[A-Z][a-z]{3,5}( \w{4}){0,2}$",
    r"(\w{2}){2}",
    "^L",
    "o$",
    "[A-Z]a",
    "is|nd",
    "(?i)labs",
    ".",
]


@given(
    allowed=st.lists(st.sampled_from(PATTERNS), max_size=3),
    match=st.sampled_from([None, "exact", "regex"]),
    flags=st.sampled_from([None, 0, int(regex.IGNORECASE), int(regex.VERBOSE), 26]),
)
def test_allow_lists_are_those_of_presidio(
    client: httpx.Client,
    named: Tagger,
    allowed: list[str],
    match: str | None,
    flags: int | None,
) -> None:
    document = named(TEXTS[0])
    fields: dict[str, Any] = {"allow_list": allowed}
    fields |= {} if match is None else {"allow_list_match": match}
    fields |= {} if flags is None else {"regex_flags": flags}
    results = [RecognizerResult(e.label, e.start, e.end, e.score or 0) for e in document.entities]
    expected = AnalyzerEngine._remove_allow_list(
        results, allowed, document.text, 26 if flags is None else flags, match or "exact"
    )
    assert spans(post(client, document.text, **fields)) == [
        (start, end, label, pytest.approx(score, abs=1e-5))
        for start, end, label, score in spans(expected)
    ]


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"ad_hoc_recognizers": [{"name": "Zip"}]}, "ad_hoc_recognizers"),
        ({"context": ["passport"]}, "context"),
        ({"return_decision_process": True}, "return_decision_process"),
        ({"allow_list": ["("], "allow_list_match": "regex"}, "allow_list"),
        ({"allow_list": ["a" * 20_000], "allow_list_match": "regex"}, "allow_list"),
        ({"allow_list": ["a{3000000}"], "allow_list_match": "regex"}, "allow_list"),
        ({"allow_list": ["(a{ 900}){0900,}"], "allow_list_match": "regex"}, "allow_list"),
        ({"allow_list": ["a{9999999999999}"], "allow_list_match": "regex"}, "allow_list"),
        ({"allow_list": ["(" * 3000 + ")" * 3000], "allow_list_match": "regex"}, "allow_list"),
        ({"allow_list": ["a"], "allow_list_match": "regex", "regex_flags": 512}, "regex_flags"),
        ({"allow_list": ["a"], "allow_list_match": "like"}, "allow_list_match"),
        ({"score_threshold": 2}, "score_threshold"),
        ({"language": "xx"}, "language"),
        ({"nlp_artifacts": {}}, "nlp_artifacts"),
    ],
)
def test_what_is_not_supported_is_refused(
    client: httpx.Client, fields: dict[str, Any], place: str
) -> None:
    assert refused(client, **fields)["place"] == place


def test_patterns_that_take_too_long_are_refused(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nerine.serving.http.routes.presidio._PATIENCE", 0.05)
    slow = "(?:o|n|k|j|M|i|r|a| |.){1,60}$(?<=xyz)" + "(a|a)*" * 30
    text = "Mira Okonjo " + "Okonjo " * 40
    found = refused(client, text=text, allow_list=[slow], allow_list_match="regex")
    assert (found["place"], "seconds" in found["error"]) == ("allow_list", True)


def test_an_unknown_language_is_refused_in_presidios_words(client: httpx.Client) -> None:
    for path in ("/supportedentities", "/recognizers"):
        answer = client.get(path, params={"language": "xx"})
        assert answer.status_code == 422
        assert "No matching recognizers" in answer.json()["error"]


@pytest.mark.parametrize("query", [{}, {"language": "en"}])
def test_labels_and_recognizers_are_named(
    client: httpx.Client, named: Tagger, query: dict[str, str]
) -> None:
    assert client.get("/supportedentities", params=query).json() == list(named.labels)
    assert client.get("/recognizers", params=query).json() == ["named"]


def test_a_language_and_a_text_are_needed(client: httpx.Client) -> None:
    for body in ({"text": "Mira"}, {"language": "en"}):
        assert client.post("/analyze", json=body).status_code == 422


def test_a_model_is_chosen_in_the_query(client: httpx.Client) -> None:
    answer = client.get("/supportedentities?model=tiny")
    assert answer.json() == ["location", "person"]
    text = Document("In Lisbon it rains , said Jonas .").text
    found = client.post("/analyze?model=tiny", json={"text": text, "language": "en"}).json()
    tagged = client.post("/tag", json={"documents": [text], "model": "tiny"}).json()
    entities = tagged["documents"][0]["entities"]
    assert [each["entity_type"] for each in found] == [each["label"] for each in entities] != []
