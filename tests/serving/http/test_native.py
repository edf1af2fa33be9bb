"""Nerine's own contract on the wire."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.model.explanation import explain
from nerine.model.tagger import Tagger
from nerine.serving.http.app import AppOptions
from nerine.serving.http.limits import Limits
from nerine.serving.http.service import ServedModel
from servers import LABELS, OPINIONS, TEXTS, expected, named_tagger, serving

NDJSON = {"Content-Type": "application/x-ndjson"}
UNITS = ("code-points", "utf-16", "bytes")


def tag(client: httpx.Client, documents: Any, **fields: Any) -> list[dict[str, Any]]:
    answer = client.post("/tag", json={"documents": documents, **fields})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["documents"]
    assert len(found) == len(documents)
    return found


def tag_lines(client: httpx.Client, lines: str | bytes, **query: str) -> list[dict[str, Any]]:
    answer = client.post("/tag", content=lines, headers=NDJSON, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.content.splitlines()]


def units(text: str, unit: str) -> str | bytes:
    """A text as a sequence of units."""
    encodings = {"utf-16": "utf-16-le", "bytes": "utf-8"}
    return text if unit == "code-points" else text.encode(encodings[unit])


def surface(text: str, start: int, end: int, unit: str) -> str:
    width = 2 if unit == "utf-16" else 1
    piece = units(text, unit)[width * start : width * end]
    if isinstance(piece, str):
        return piece
    return piece.decode("utf-16-le" if unit == "utf-16" else "utf-8")


# --- documents


def test_tag_gives_what_the_tagger_finds(client: httpx.Client, named: Tagger) -> None:
    found = tag(client, TEXTS)
    assert found == [{"text": text, "entities": expected(named(text))} for text in TEXTS]
    assert [len(each["entities"]) for each in found] == [3, 0, 0, 5, 1]


NAMES = [name.title() for name in OPINIONS]


@given(
    st.lists(
        st.lists(st.sampled_from([*NAMES, "and", "😀", "e\u0301", "\n", "🎉🎉", "Łódź"])).map(
            " ".join
        ),
        max_size=4,
    ),
    st.sampled_from(UNITS),
)
def test_offsets_count_what_is_asked(
    client: httpx.Client, named: Tagger, texts: list[str], unit: str
) -> None:
    for found, text in zip(tag(client, texts, offset_unit=unit), texts, strict=True):
        entities = named(text).entities
        assert [each["text"] for each in found["entities"]] == [
            text[each.start : each.end] for each in entities
        ]
        for each in found["entities"]:
            assert surface(text, each["start"], each["end"], unit) == each["text"]


def test_ids_tokens_and_meta_come_back(client: httpx.Client) -> None:
    text = "😀 Mira met Ana"
    document = {"id": "a", "text": text, "tokens": [[3, 7], [12, 15]], "meta": {"page": [1, None]}}
    (found,) = tag(client, [document], offset_unit="utf-16", words=True, scores=False)
    assert found["meta"] == document["meta"]
    assert (found["id"], found["tokens"]) == ("a", document["tokens"])
    assert found["entities"] == [
        {"start": 3, "end": 7, "label": "person", "text": "Mira"},
        {"start": 12, "end": 15, "label": "person", "text": "Ana"},
    ]
    assert found["words"] == [[0, 2], [3, 7], [8, 11], [12, 15]]


def test_labels_and_thresholds_choose_entities(client: httpx.Client, named: Tagger) -> None:
    everything = named(TEXTS[3]).entities
    (found,) = tag(client, [TEXTS[3]], labels=["location", "organization"])
    assert {each["label"] for each in found["entities"]} == {"location", "organization"}
    assert tag(client, [TEXTS[3]], labels=[]) == [{"text": TEXTS[3], "entities": []}]
    for thresholds in (0.9, {"person": 0.9}):
        (found,) = tag(client, [TEXTS[3]], thresholds=thresholds)
        kept = [each for each in everything if (each.score or 0) >= 0.9]
        assert [each["start"] for each in found["entities"]] == [each.start for each in kept]
        assert len(kept) < len(everything)


@pytest.mark.parametrize(
    ("thresholds", "error"),
    [("saved", "no thresholds are saved"), (1.5, "1.5"), (-1, "-1"), ("most", ""), ([1], "")],
)
def test_other_thresholds_are_refused(client: httpx.Client, thresholds: Any, error: str) -> None:
    answer = client.post("/tag", json={"documents": ["Mira"], "thresholds": thresholds})
    assert answer.status_code == 422
    assert answer.json()["cause"] == "invalid"
    assert error in answer.json()["error"]


BROKEN: list[tuple[Any, str]] = [
    (5, "documents[1]"),
    (None, "documents[1]"),
    ({}, "documents[1].text"),
    ({"text": 5}, "documents[1].text"),
    ({"text": "Mira", "label": "x"}, "documents[1].label"),
    ({"text": "Mira", "tokens": [[0, 9]]}, "documents[1]"),
    ({"text": "Mira", "tokens": [[2, 1]]}, "documents[1]"),
    ({"text": "😀", "tokens": [[0, 1]]}, "documents[1]"),
]


@pytest.mark.parametrize(("broken", "place"), BROKEN, ids=str)
def test_a_broken_document_fails_in_its_place(
    client: httpx.Client, broken: Any, place: str
) -> None:
    found = tag(client, ["Mira", broken, "Oslo"], offset_unit="utf-16")
    assert [len(found[0]["entities"]), len(found[2]["entities"])] == [1, 1]
    assert found[1]["cause"] == "invalid"
    assert found[1]["place"].startswith(place)
    assert "entities" not in found[1]


def test_a_failing_document_keeps_its_id(named: Tagger) -> None:
    with serving(named, AppOptions(limits=Limits(characters=10))) as url:
        body = {"documents": [{"id": "a", "text": "Mira " * 3}, {"id": "b", "text": "Mira"}]}
        found = httpx.post(f"{url}/tag", json=body).json()["documents"]
    assert (found[0]["id"], found[0]["cause"]) == ("a", "text-too-long")
    assert (found[1]["id"], len(found[1]["entities"])) == ("b", 1)


def test_models_are_chosen_by_name(client: httpx.Client) -> None:
    for name in ("named", "tiny"):
        answer = client.post("/tag", json={"documents": ["Mira"], "model": name}).json()
        assert answer["model"] == name
    answer = client.post("/tag", json={"documents": ["Mira"], "model": "other"})
    assert (answer.status_code, answer.json()["place"]) == (404, "model")


def test_settings_of_a_body_in_json_are_not_in_the_query(client: httpx.Client) -> None:
    answer = client.post("/tag?model=tiny", json={"documents": ["Mira"]})
    assert (answer.status_code, answer.json()["place"]) == (422, "query")


# --- a document a line


def test_lines_give_what_the_tagger_finds(client: httpx.Client, named: Tagger) -> None:
    lines = [json.dumps(text) for text in TEXTS]
    lines[3] = json.dumps({"id": "d", "text": TEXTS[3], "meta": {"a": 1}}, ensure_ascii=False)
    found = tag_lines(client, "\r\n".join([*lines, "", "  "]))
    assert found.pop(3) == {
        "id": "d",
        "text": TEXTS[3],
        "entities": expected(named(TEXTS[3])),
        "meta": {"a": 1},
    }
    others = [*TEXTS[:3], TEXTS[4]]
    assert found == [{"text": text, "entities": expected(named(text))} for text in others]


def test_lines_have_their_settings_in_the_query(client: httpx.Client) -> None:
    (found,) = tag_lines(
        client,
        json.dumps(TEXTS[3]),
        labels="person,location",
        thresholds='{"person": 0.9}',
        offset_unit="utf-16",
        scores="false",
        words="true",
        model="named",
    )
    assert [each["text"] for each in found["entities"]] == ["Ana", "Mira", "Oslo"]
    assert found["entities"][0] == {"start": 3, "end": 6, "label": "person", "text": "Ana"}
    assert found["words"][0] == [0, 2]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"labels": "nobody"}, "labels"),
        ({"thresholds": "most"}, "thresholds"),
        ({"thresholds": "NaN"}, "thresholds"),
        ({"thresholds": "[" * 20_000}, "thresholds"),
        ({"thresholds": "2"}, None),
        ({"scores": "perhaps"}, "scores"),
        ({"offset_unit": "words"}, "offset_unit"),
        ({"documents": "a"}, "documents"),
        ({"other": "a"}, "other"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_other_queries_are_refused(
    client: httpx.Client, query: dict[str, str], place: str | None
) -> None:
    answer = client.post("/tag", content='"Mira"', headers=NDJSON, params=query)
    assert (answer.status_code, answer.json()["cause"]) == (422, "invalid")
    assert place is None or answer.json()["place"] == place


def test_a_misspelt_field_is_named_beside_the_missing_one(client: httpx.Client) -> None:
    found = client.post("/tag", json={"texts": ["Mira"]}).json()
    assert (found["place"], found["error"]) == ("documents", "the field is missing")
    assert found["hint"] == "there is no field 'texts'"


def test_a_broken_line_is_answered_in_its_place(client: httpx.Client) -> None:
    found = tag_lines(client, b'"Mira"\n{"text": \n\xff\n[]\n\n{"text": "Ana"}')
    assert [each.get("cause") for each in found] == [None, "not-json", "not-json", "invalid", None]
    assert [each["place"] for each in found[1:4]] == ["line 2", "line 3", "line 4"]
    assert found[4]["entities"][0]["text"] == "Ana"


def test_lines_may_be_more_than_the_texts_of_a_request(named: Tagger) -> None:
    limits = Limits(texts=2, body=1000, characters=100)
    with (
        serving(named, AppOptions(limits=limits)) as url,
        httpx.Client(base_url=url) as client,
    ):
        lines = [json.dumps("Mira")] * 200
        lines[7] = json.dumps("Mira " * 30)
        lines[9] = json.dumps("Mira " * 300)
        found = tag_lines(client, "\n".join(lines))
    causes = {number: each["cause"] for number, each in enumerate(found) if "cause" in each}
    assert causes == {7: "text-too-long", 9: "body-too-large"}
    assert len(found) == 200


# --- explanations


@pytest.mark.parametrize("text", TEXTS)
def test_explanations_are_the_taggers(client: httpx.Client, named: Tagger, text: str) -> None:
    found = client.post("/explain", json={"text": text}).json()
    assert found.pop("model") == "named"
    assert found.pop("version")
    assert found == json.loads(json.dumps(explain(named, text).to_dict()))


def test_an_explanation_has_the_entities_that_are_asked_for(client: httpx.Client) -> None:
    body = {"text": TEXTS[3], "thresholds": 0.9, "model": "named"}
    found = client.post("/explain", json=body).json()
    assert [each["label"] for each in found["entities"]].count("person") == 2
    assert len(found["words"]) > len(found["entities"])


def test_a_long_text_is_not_explained(client: httpx.Client) -> None:
    answer = client.post("/explain", json={"text": "a" * 20_001})
    assert (answer.status_code, answer.json()["cause"]) == (413, "text-too-long")


# --- the models


def test_models_and_limits_are_told(client: httpx.Client, named: Tagger) -> None:
    found = client.get("/info").json()
    assert [each["name"] for each in found["models"]] == ["named", "tiny"]
    first = found["models"][0]
    assert first["labels"] == list(LABELS)
    assert (first["scheme"], first["words"], first["backend"]) == ("IOB2", "rule", "pytorch")
    assert first["max_length"] == named.settings.max_length
    assert found["limits"]["texts"] == Limits().texts
    assert found["limits"]["queue"] > 0


@pytest.fixture
def reloading(tmp_path: Path) -> Iterator[tuple[httpx.Client, Path]]:
    """A client of a server whose checkpoint may be changed, and the folder."""
    tagger = named_tagger(tmp_path)
    folder = tmp_path / "named"
    models = [
        ServedModel.of("named", tagger, lambda: Tagger.load(folder, device="cpu")),
        ServedModel.of("fixed", tagger),
    ]
    with serving(models) as url, httpx.Client(base_url=url) as client:
        yield client, folder


def test_a_changed_checkpoint_is_loaded_again(
    reloading: tuple[httpx.Client, Path], checkpoint_of: Any
) -> None:
    client, folder = reloading
    before = client.get("/info").json()["models"][0]
    shutil.rmtree(folder)
    shutil.copytree(checkpoint_of("bert"), folder)
    answer = client.post("/reload", json={"model": "named"})
    assert answer.status_code == 200
    after = client.get("/info").json()["models"][0]
    assert answer.json() == {"models": [{"name": "named", "version": after["version"]}]}
    assert after["version"] != before["version"]
    assert after["labels"] == ["location", "person"]
    text = "In Lisbon it rains , said Jonas ."
    found = client.post("/tag", json={"documents": [text]}).json()
    assert found["version"] == after["version"]
    assert found["documents"][0]["entities"] == expected(Tagger.load(folder, device="cpu")(text))


def test_a_broken_checkpoint_leaves_the_old_one(reloading: tuple[httpx.Client, Path]) -> None:
    client, folder = reloading
    (folder / "config.json").write_text("{", encoding="utf-8")
    answer = client.post("/reload", json={"model": "named"})
    assert (answer.status_code, answer.json()["cause"]) == (424, "model-failed")
    assert len(tag(client, ["Mira"])[0]["entities"]) == 1


def test_what_cannot_be_loaded_again_is_refused(reloading: tuple[httpx.Client, Path]) -> None:
    client, _ = reloading
    answer = client.post("/reload", json={"model": "fixed"})
    assert (answer.status_code, answer.json()["cause"]) == (422, "invalid")
    assert "given as a tagger" in answer.json()["error"]
    answer = client.post("/reload", json={"model": "other"})
    assert (answer.status_code, answer.json()["cause"]) == (404, "unknown-model")


def test_the_state_is_told(client: httpx.Client) -> None:
    assert client.get("/health").json() == {"status": "UP", "model_class": "Nerine"}
    assert client.get("/livez").json() == {"status": "live"}
    for path in ("/readyz", "/ping"):
        assert client.get(path).json() == {"status": "ready"}
