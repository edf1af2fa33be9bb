"""Label Studio's contract, with its own API connector, and the same requests replayed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from clients import run_client
from nerine.model.tagger import Tagger
from nerine.serving.http.app import AppOptions
from nerine.serving.http.limits import Limits
from servers import LABELS, TEXTS, serving

KEY = "a key"


def config(*labels: str, body: str = "", text: str = '<Text name="text" value="$text"/>') -> str:
    """A labelling configuration with labels."""
    inner = "".join(f'<Label value="{label}"/>' for label in labels)
    return f'<View><Labels name="label" toName="text">{inner}</Labels>{text}{body}</View>'


FULL = config(*LABELS)


def request_for(tasks: list[Any], label_config: str = FULL) -> dict[str, Any]:
    """The body that Label Studio's connector makes for tasks."""
    return {
        "tasks": tasks,
        "project": "3.1764374400",
        "label_config": label_config,
        "params": {"login": None, "password": None, "context": None},
    }


def task(text: Any, number: int = 1) -> dict[str, Any]:
    """A task with the fields that Label Studio adds."""
    return {"id": number, "data": {"text": text}, "annotations": [], "predictions": [], "meta": {}}


def predict(client: httpx.Client, tasks: list[Any], label_config: str = FULL) -> dict[str, Any]:
    answer = client.post("/predict", json=request_for(tasks, label_config))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert len(found["results"]) == len(tasks)
    return found


def utf16(text: str, offset: int) -> int:
    return len(text[:offset].encode("utf-16-le")) // 2


def expected(tagger: Tagger, text: str) -> list[dict[str, Any]]:
    """The tagger's entities as regions."""
    return [
        {
            "from_name": "label",
            "to_name": "text",
            "type": "labels",
            "value": {
                "start": utf16(text, each.start),
                "end": utf16(text, each.end),
                "text": text[each.start : each.end],
                "labels": [each.label],
            },
            "score": pytest.approx(each.score, abs=1e-5),
        }
        for each in tagger(text).entities
    ]


# --- its own connector

LABEL_STUDIO = """
import json, os, sys, tempfile
from datetime import datetime, timezone
from types import SimpleNamespace

os.environ |= {
    "LABEL_STUDIO_BASE_DATA_DIR": tempfile.mkdtemp(),
    "DJANGO_SETTINGS_MODULE": "label_studio.core.settings.label_studio",
    "ML_BLOCK_LOCAL_IP": "false",
    "LATEST_VERSION_CHECK": "false",
    "COLLECT_ANALYTICS": "false",
}
import label_studio
sys.path.insert(0, os.path.dirname(label_studio.__file__))
import django
django.setup()
from label_studio_sdk.label_interface import LabelInterface
from ml.api_connector import MLApi
from ml.models import MLBackend
from projects.models import Project

asked = json.loads(sys.stdin.read())
made = datetime(2026, 11, 29, tzinfo=timezone.utc)
project = Project(id=3, title="Names", label_config=asked["config"], created_at=made)
backend = MLBackend(
    url=asked["url"], project=project, auth_method="BASIC_AUTH",
    basic_auth_user="any", basic_auth_pass=asked["key"],
)
api = backend.api
owner = SimpleNamespace(auth_token=SimpleNamespace(key="token"))
setting = SimpleNamespace(
    id=3, created_at=made, label_config=asked["config"], created_by=owner
)
interface = LabelInterface(asked["config"])
whole = api.make_predictions(asked["tasks"], project)
predictions = backend._get_predictions_from_ml_backend(asked["tasks"])
found = {
    "health": api.health().response,
    "setup": api.setup(setting).response,
    "versions": api.get_versions(project).response,
    "validate": api.validate(asked["config"]).status_code,
    "broken": api.validate("<View/>").status_code,
    "webhook": api._request("webhook", {"action": "ANNOTATION_CREATED"}).status_code,
    "training": api._request("webhook", {"action": "START_TRAINING"}).status_code,
    "job": api.get_train_job_status(SimpleNamespace(job_id="1")).response,
    "whole": whole.response,
    "predictions": predictions,
    "errors": [interface.validate_prediction(each, return_errors=True) for each in predictions],
    "without key": MLApi(url=asked["url"]).get_versions(project).status_code,
}
print(json.dumps(found))
"""


@pytest.mark.slow
def test_label_studios_connector_gets_the_taggers_entities(named: Tagger) -> None:
    tasks: list[Any] = [{**task(text, n), "project": 3} for n, text in enumerate(TEXTS)]
    tasks.insert(1, {"id": 99, "data": {"title": "Mira"}, "project": 3})
    with serving(named, AppOptions(keys=(KEY,))) as url:
        arguments = {"url": url, "key": KEY, "config": FULL, "tasks": tasks}
        found = run_client("label-studio", LABEL_STUDIO, arguments)
    version = found["setup"]["model_version"]
    assert found["health"] == {"status": "UP", "model_class": "Nerine"}
    assert found["versions"] == {"versions": [version]}
    assert version.startswith("named@")
    states = ("validate", "broken", "webhook", "training", "without key")
    assert [found[state] for state in states] == [200, 422, 201, 201, 401]
    assert found["job"] == {"job_status": "removed"}
    assert found["whole"]["results"][1]["place"] == "tasks[1]: data.text"
    predictions = {each["task"]: each for each in found["predictions"]}
    assert set(predictions) == set(range(len(TEXTS)))  # none is stored for the broken task
    for number, text in enumerate(TEXTS):
        assert predictions[number]["result"] == expected(named, text)
        assert predictions[number]["model_version"] == version
    assert found["errors"] == [[]] * len(TEXTS)


# --- the same requests


def test_tasks_give_the_taggers_entities(client: httpx.Client, named: Tagger) -> None:
    found = predict(client, [task(text, n) for n, text in enumerate(TEXTS)])
    assert [each["result"] for each in found["results"]] == [
        expected(named, text) for text in TEXTS
    ]
    assert "warnings" not in found
    (version,) = client.get("/versions").json()["versions"]
    assert {each["model_version"] for each in found["results"]} == {version}


def test_neighbours_of_one_label_stay_apart(client: httpx.Client) -> None:
    (found,) = predict(client, [task("Ana Mira")])["results"]
    assert [each["value"]["text"] for each in found["result"]] == ["Ana", "Mira"]


def test_the_score_of_a_task_is_the_mean_of_its_regions(client: httpx.Client) -> None:
    found = predict(client, [task(TEXTS[0]), task(TEXTS[1])])["results"]
    scores = [each["score"] for each in found[0]["result"]]
    assert found[0]["score"] == pytest.approx(sum(scores) / 3)
    assert found[1]["score"] is None


BROKEN = [
    {},
    {"id": 5},
    {"data": {}},
    {"data": {"text": None}},
    {"data": {"text": 7}},
    None,
    "Mira",
]


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_a_broken_task_fails_in_its_place(client: httpx.Client, named: Tagger, broken: Any) -> None:
    found = predict(client, [task(TEXTS[0]), broken, task(""), task(TEXTS[4])])["results"]
    assert found[0]["result"] == expected(named, TEXTS[0])
    assert found[2]["result"] == []
    assert found[3]["result"] == expected(named, TEXTS[4])
    assert found[1]["cause"] == "invalid"
    assert found[1]["place"].startswith("tasks[1]")
    assert "result" not in found[1]


def test_there_may_be_more_tasks_than_texts_in_a_request(named: Tagger) -> None:
    with (
        serving(named, AppOptions(limits=Limits(texts=2))) as url,
        httpx.Client(base_url=url) as client,
    ):
        found = predict(client, [task(text) for text in TEXTS])["results"]
        assert [each["result"] for each in found] == [expected(named, text) for text in TEXTS]


def test_there_may_not_be_any_number_of_tasks(client: httpx.Client) -> None:
    answer = client.post("/predict", json=request_for([{}] * 10_001))
    assert (answer.status_code, answer.json()["cause"]) == (413, "too-many-texts")


def test_a_text_that_is_too_long_fails_in_its_place(named: Tagger) -> None:
    with (
        serving(named, AppOptions(limits=Limits(characters=10))) as url,
        httpx.Client(base_url=url) as client,
    ):
        found = predict(client, [task("Mira"), task("Mira " * 3), task("Ana")])["results"]
    assert [len(found[0]["result"]), len(found[2]["result"])] == [1, 1]
    assert (found[1]["cause"], found[1]["place"]) == ("text-too-long", "tasks[1]: data.text")


def test_labels_that_the_configuration_lacks_are_left_out_and_said(client: httpx.Client) -> None:
    found = predict(client, [task(TEXTS[0])], config("person"))
    (region,) = found["results"][0]["result"]
    assert region["value"]["labels"] == ["person"]
    assert found["warnings"] == [
        "the labels of the text text lack location, organization: such entities are left out"
    ]
    body = {"project": "3.1764374400", "schema": config("person"), "hostname": "http://a"}
    body["access_token"] = "a"
    assert client.post("/setup", json=body).json()["warnings"] == found["warnings"]


def test_a_model_is_chosen_in_the_query(client: httpx.Client) -> None:
    answer = client.post("/predict?model=tiny", json=request_for([task("Mira")]))
    assert answer.json()["results"][0]["model_version"].startswith("tiny@")


# --- labelling configurations


def test_names_and_fields_come_from_the_configuration(client: httpx.Client) -> None:
    source = (
        '<View><Header value="Names"/><Choices name="c" toName="t2"><Choice value="x"/></Choices>'
        '<Labels name="places" toName="t2"><Label value="location"/></Labels>'
        '<View><Labels name="all" toName="t1,t2"><Label value="person" alias="PER"/>'
        '<Label value="location"/></Labels></View>'
        '<Text name="t1" value="$meta.title"/><Text name="t2" value="$body"/>'
        '<Text name="t3" value="$other"/></View>'
    )
    tasks = [{"data": {"body": "Mira in Oslo", "meta": {"title": "Lisbon: Ana"}}}]
    (found,) = predict(client, tasks, source)["results"]
    assert [
        (each["to_name"], each["from_name"], each["value"]["text"], each["value"]["labels"])
        for each in found["result"]
    ] == [
        ("t1", "all", "Lisbon", ["location"]),
        ("t1", "all", "Ana", ["PER"]),
        ("t2", "all", "Mira", ["PER"]),
        ("t2", "places", "Oslo", ["location"]),
    ]


def test_labels_may_come_with_the_tasks(client: httpx.Client) -> None:
    source = config().replace("<Labels ", '<Labels value="$labels" ')
    found = predict(client, [task(TEXTS[0])], source)
    assert len(found["results"][0]["result"]) == 3
    assert "warnings" not in found


ENTITY = '<!DOCTYPE View [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
LAUGHS = '<!DOCTYPE View [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "source",
    [
        "",
        "Mira",
        "<View>",
        "<View/>",
        config("person", text=""),
        config("person", text='<HyperText name="text" value="$text"/>'),
        config("person", text='<Text name="other" value="$text"/>'),
        config("person", text='<Text name="text" value="Mira"/>'),
        config("person", text='<Text name="text" value="$text" valueType="url"/>'),
        config("person", body="<Text name='text' value='$a'/>" * 10),
        ENTITY + config("person", body="<Header>&a;</Header>"),
        LAUGHS + config("person", body="<Header>&b;</Header>"),
        "<View>" * 200 + "</View>" * 200,
        config("person", body="<View/>" * 200_000),
    ],
    ids=lambda source: source[:60],
)
def test_other_configurations_are_refused(client: httpx.Client, source: str) -> None:
    answer = client.post("/predict", json=request_for([task("Mira")], source))
    assert (answer.status_code, answer.json()["cause"]) == (422, "invalid")
    assert answer.json()["place"].startswith("label_config")
    assert client.post("/validate", json={"config": source}).status_code == 422
    setup = client.post("/setup", json={"schema": source})
    assert setup.status_code == 200
    assert len(setup.json()["warnings"]) == 1


def test_a_configuration_may_state_an_encoding(client: httpx.Client, named: Tagger) -> None:
    source = '<?xml version="1.0" encoding="UTF-16"?>' + FULL
    (found,) = predict(client, [task(TEXTS[0])], source)["results"]
    assert found["result"] == expected(named, TEXTS[0])


# --- the other calls


def test_a_configuration_is_validated(client: httpx.Client) -> None:
    answer = client.post("/validate", json={"config": FULL})
    assert answer.status_code == 200
    assert set(answer.json()) == {"model_version"}


@pytest.mark.parametrize("path", ["/webhook", "/train"])
def test_events_are_acknowledged(client: httpx.Client, path: str) -> None:
    answer = client.post(path, json={"action": "START_TRAINING", "project": {"id": 3}})
    assert answer.status_code == 201
    assert answer.json()["status"] == "ignored"
    assert "does not train" in answer.json()["message"]
    other = client.post(path, json={"action": "TASKS_CREATED", "tasks": [{"id": 1}]})
    assert (other.status_code, "train" in other.json()["message"]) == (201, False)


def test_there_are_no_jobs(client: httpx.Client) -> None:
    assert client.post("/job_status", json={"job": "1"}).json() == {"job_status": "removed"}
