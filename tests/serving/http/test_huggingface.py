"""Hugging Face's contract, with its own client."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dictionary import make_dictionary
from nerine.core.document import Document
from nerine.model.tagger import Tagger
from nerine.serving.http.routes.huggingface import _words
from nerine.serving.http.service import ServedModel
from servers import TEXTS

STRATEGIES = ("none", "simple", "first", "average", "max")


def expected(document: Document) -> list[dict[str, Any]]:
    """The entities of a document in this contract."""
    return [
        {
            "entity_group": each.label,
            "score": pytest.approx(each.score, abs=1e-5),
            "word": document.surface(each),
            "start": each.start,
            "end": each.end,
        }
        for each in document.entities
    ]


def plain(found: Any) -> list[dict[str, Any]]:
    """The client's objects without the fields that the answer lacks."""
    return [{key: value for key, value in each.items() if value is not None} for each in found]


def joined(text: str, words: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entities from words with tags."""
    found: list[dict[str, Any]] = []
    for each in words:
        kind, _, label = each["entity"].partition("-")
        assert each["word"] == text[each["start"] : each["end"]]
        if kind == "B":
            fields = {name: each[name] for name in ("score", "start", "end")}
            found.append({"entity_group": label, **fields})
        else:
            assert (kind, label) == ("I", found[-1]["entity_group"])
            found[-1]["end"] = each["end"]
    return [{**each, "word": text[each["start"] : each["end"]]} for each in found]


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client refuses to send anything while tests are offline, to loopback too."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


@pytest.fixture
def hub_client(url: str) -> InferenceClient:
    return InferenceClient(model=url, token="any")


@pytest.mark.parametrize("text", [text for text in TEXTS if text])
@pytest.mark.parametrize("strategy", STRATEGIES[1:])
def test_the_client_gets_the_taggers_entities(
    hub_client: InferenceClient, named: Tagger, strategy: Any, text: str
) -> None:
    found = hub_client.token_classification(text, aggregation_strategy=strategy)
    assert plain(found) == expected(named(text))


@pytest.mark.parametrize("text", TEXTS)
def test_the_words_of_the_strategy_none_join_to_the_taggers_entities(
    hub_client: InferenceClient, named: Tagger, text: str
) -> None:
    found = hub_client.token_classification(text, aggregation_strategy="none")
    assert joined(text, plain(found)) == expected(named(text))


@pytest.fixture(scope="module", params=["bert", "roberta", "xlm-roberta"])
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ServedModel:
    """A model of another program, whose words are those of its tokenizer."""
    opinions = {"Mira": "B-person", "Okonjo": "I-person", "Oslo": "B-location", "son": "I-person"}
    tags = ("O", "B-person", "I-person", "B-location", "I-location")
    folder = make_dictionary(tmp_path_factory.mktemp("other"), opinions, tags, kind=request.param)
    return ServedModel.of("other", Tagger.load(folder, device="cpu"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["Mira", "Okonjo", "Oslo", "son", "and", "-", " ", "\n", "s"])))
def test_words_of_a_tokenizer_join_to_entities(other: ServedModel, pieces: list[str]) -> None:
    text = "".join(pieces)
    document = other.tagger(text)
    assert joined(text, list(_words(other, document, set()))) == expected(document)


def test_words_are_numbered_in_the_text(hub_client: InferenceClient) -> None:
    found = hub_client.token_classification(TEXTS[0], aggregation_strategy="none")
    assert [(each["index"], each.word, each.entity) for each in found] == [
        (1, "Mira", "B-person"),
        (2, "Okonjo", "I-person"),
        (4, "Tandem", "B-organization"),
        (5, "Labs", "I-organization"),
        (7, "Lisbon", "B-location"),
    ]


def test_without_a_strategy_entities_are_whole(hub_client: InferenceClient, named: Tagger) -> None:
    found = hub_client.token_classification(TEXTS[3], stride=4)
    assert plain(found) == expected(named(TEXTS[3]))


@pytest.mark.parametrize("strategy", ["none", "simple"])
def test_labels_are_ignored_on_request(hub_client: InferenceClient, strategy: Any) -> None:
    found = hub_client.token_classification(
        TEXTS[0], aggregation_strategy=strategy, ignore_labels=["O", "person", "location"]
    )
    assert {each.entity_group or str(each.entity)[2:] for each in found} == {"organization"}


def test_tags_are_ignored_on_request(hub_client: InferenceClient) -> None:
    found = hub_client.token_classification(
        TEXTS[0], aggregation_strategy="none", ignore_labels=["I-person", "I-organization"]
    )
    assert [each.word for each in found] == ["Mira", "Tandem", "Lisbon"]


def test_the_client_shows_why_a_request_is_refused(hub_client: InferenceClient) -> None:
    with pytest.raises(HfHubHTTPError, match=r"parameters\.stride") as error:
        hub_client.token_classification("Mira", stride=-1)
    assert error.value.response.status_code == 422


def test_the_client_asks_for_the_state(url: str, named: Tagger) -> None:
    client = InferenceClient(model=url, provider="hf-inference")
    assert client.health_check()
    assert client.get_endpoint_info()["models"][0]["labels"] == list(named.labels)


def test_a_model_is_chosen_in_the_address(url: str, client: httpx.Client) -> None:
    text = "In Lisbon it rains , said Jonas ."
    found = InferenceClient(model=f"{url}?model=tiny").token_classification(text)
    answer = client.post("/tag", json={"documents": [text], "model": "tiny"}).json()
    tagged = answer["documents"][0]["entities"]
    assert tagged
    assert [(each.entity_group, each.start, each.end) for each in found] == [
        (each["label"], each["start"], each["end"]) for each in tagged
    ]


@pytest.mark.parametrize("path", ["/", "/predict", "/invocations"])
def test_a_list_gives_a_list_of_lists(client: httpx.Client, named: Tagger, path: str) -> None:
    found = client.post(path, json={"inputs": TEXTS}).json()
    assert found == [expected(named(text)) for text in TEXTS]
    found = client.post(path, json={"instances": TEXTS}).json()
    assert found == {"predictions": [expected(named(text)) for text in TEXTS]}


def test_an_empty_list_gives_an_empty_list(client: httpx.Client) -> None:
    assert client.post("/", json={"inputs": []}).json() == []


def test_what_is_no_text_fails_in_its_place(client: httpx.Client, named: Tagger) -> None:
    found = client.post("/", json={"inputs": [TEXTS[0], 5, None, TEXTS[4]]}).json()
    assert [found[0], found[3]] == [expected(named(TEXTS[0])), expected(named(TEXTS[4]))]
    assert found[1]["cause"] == found[2]["cause"] == "invalid"
    assert [found[1]["place"], found[2]["place"]] == ["inputs[1]", "inputs[2]"]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"inputs": "Mira", "parameters": {"top_k": 3}}, "parameters.top_k"),
        ({"inputs": "Mira", "parameters": {"aggregation_strategy": "most"}}, "aggregation"),
        ({"inputs": "Mira", "instances": ["Mira"]}, "inputs"),
        ({"inputs": {"text": "Mira"}}, "inputs"),
        ({"input": "Mira"}, "input"),
        ({}, "inputs"),
        (["Mira"], "body"),
    ],
)
def test_other_bodies_are_refused(client: httpx.Client, body: Any, place: str) -> None:
    answer = client.post("/", json=body)
    assert answer.status_code == 422
    assert place in answer.json()["place"]
    assert answer.json()["error"]


def test_opensearch_sends_a_text_alone(client: httpx.Client, named: Tagger) -> None:
    body = '{ "inputs": "Mira Okonjo left Tandem Labs for Lisbon." }'
    answer = client.post("/", content=body, headers={"Content-Type": "application/json"})
    assert answer.json() == expected(named(TEXTS[0]))
