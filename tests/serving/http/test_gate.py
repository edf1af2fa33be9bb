"""What every request passes: keys, ids, refusals with their causes, defects, logs and counts."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from nerine.core.errors import SettingsError
from nerine.model.tagger import Tagger
from nerine.serving.http.app import AppOptions, make_app
from nerine.serving.http.limits import Limits
from nerine.serving.http.logs import JsonFormatter
from nerine.serving.http.problems import STATUS, Cause
from nerine.serving.http.service import ServedModel, Service
from servers import TEXTS, serving

KEYS = ("first key", "schlüssel", "third:key")
OPEN = ("/health", "/livez", "/readyz", "/ping", "/docs", "/openapi.json", "/v2/health/live")
BODY = {"documents": ["Mira"]}
LIMITS = Limits(body=4096, texts=3, characters=500)


@pytest.fixture(scope="module")
def locked(named: Tagger) -> Iterator[httpx.Client]:
    """A client of a server that wants a key."""
    with (
        serving(named, AppOptions(keys=KEYS)) as url,
        httpx.Client(base_url=url) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def limited(named: Tagger) -> Iterator[httpx.Client]:
    """A client of a server with small limits."""
    with (
        serving(named, AppOptions(limits=LIMITS, origins=("https://example.org",))) as url,
        httpx.Client(base_url=url) as client,
    ):
        yield client


def basic(user: str, password: str) -> dict[str, str]:
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def refused(answer: httpx.Response, cause: Cause) -> dict[str, Any]:
    """The refusal in an answer, which has the cause and its status."""
    found: dict[str, Any] = answer.json()
    assert (answer.status_code, found["cause"]) == (STATUS[cause], cause)
    assert found["request_id"] == answer.headers["x-request-id"]
    assert found["error"]
    assert set(found) <= {"error", "cause", "expected", "place", "hint", "request_id"}
    return found


# --- keys


@pytest.mark.parametrize("key", KEYS)
def test_each_key_is_admitted_in_each_way(locked: httpx.Client, key: str) -> None:
    raw = key.encode()
    for headers in (
        {b"Authorization": b"Bearer " + raw},
        {b"authorization": b"bearer  " + raw},
        {b"X-Api-Key": raw},
        {name.encode(): value.encode() for name, value in basic("any", key).items()},
        {name.encode(): value.encode() for name, value in basic("", key).items()},
    ):
        assert locked.post("/tag", json=BODY, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer first"},
        {"Authorization": "Bearer first key2"},
        {"Authorization": "Bearer FIRST KEY"},
        {"Authorization": "first key"},
        {"Authorization": "Basic first key"},
        {"Authorization": "Basic Zmlyc3Qga2V5"},
        {"X-Api-Key": ""},
        {"X-Api-Key": "wrong"},
        basic("first key", ""),
        basic("any", "key"),
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/tag", "/reload", "/info", "/metrics", "/", "/unknown", "/v2"])
def test_without_a_key_nothing_is_told(
    locked: httpx.Client, headers: dict[str, str], path: str
) -> None:
    answer = locked.post(path, json=BODY, headers=headers)
    found = refused(answer, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert not any(key in json.dumps(found, ensure_ascii=False) for key in KEYS)


@pytest.mark.parametrize("path", OPEN)
def test_some_paths_need_no_key(locked: httpx.Client, path: str) -> None:
    assert locked.get(path).status_code == 200


def test_a_wrong_key_is_compared_with_every_key(
    locked: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr("nerine.serving.http.gate.hmac", SimpleNamespace(compare_digest=compare))
    for key in ("first key", "wrong", "a much longer key that is wrong too"):
        compared.clear()
        locked.get("/info", headers={"X-Api-Key": key})
        assert len(compared) == len(KEYS)
        assert {len(each) for pair in compared for each in pair} == {32}


def test_an_empty_key_is_refused_at_the_start() -> None:
    with pytest.raises(SettingsError, match="a key is empty"):
        AppOptions(keys=("a", ""))


# --- ids


@pytest.mark.parametrize("stated", ["7", "a-b_c.d:e/f+g=h@i", "x" * 128])
def test_the_id_of_a_request_comes_back(client: httpx.Client, stated: str) -> None:
    for path in ("/info", "/unknown"):
        answer = client.get(path, headers={"X-Request-Id": stated})
        assert answer.headers["x-request-id"] == stated


@pytest.mark.parametrize("stated", [b"", b"a b", b"x" * 129, b"\xc3\xa9", b"<a>"])
def test_another_id_takes_the_place_of_one_that_is_not_plain(
    client: httpx.Client, stated: bytes
) -> None:
    found = {
        client.get("/info", headers={b"X-Request-Id": stated}).headers["x-request-id"]
        for _ in range(2)
    }
    assert len(found) == 2
    assert all(len(each) == 32 for each in found)


# --- refusals


def test_an_unknown_path_is_refused(client: httpx.Client) -> None:
    for path in ("/unknown", "/tag/", "/tag/more", "/v2/models"):
        refused(client.get(path), "not-found")


def test_another_method_is_refused(client: httpx.Client) -> None:
    answer = client.get("/tag")
    assert refused(answer, "method-not-allowed")["expected"] == answer.headers["allow"] == "POST"
    refused(client.delete("/"), "method-not-allowed")
    assert client.head("/info").status_code == 200


PATHS = (
    "/tag",
    "/explain",
    "/",
    "/predict",
    "/analyze",
    "/ent",
    "/setup",
    "/v1/models/named:predict",
)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b'{"a": NaN}', b'"\\ud800"', b"[" * 4000, b"{} {}", b"'a'"]
)
@pytest.mark.parametrize("path", [*PATHS, "/v2/models/named/infer"])
def test_what_is_not_json_is_refused(limited: httpx.Client, path: str, body: bytes) -> None:
    found = refused(limited.post(path, content=body), "not-json")
    assert found["expected"] == "JSON in UTF-8"


@pytest.mark.parametrize("body", [b"null", b"[]", b"7", b'"Mira"', b"{}", b'{"a": 1}'])
@pytest.mark.parametrize("path", [path for path in PATHS if path != "/setup"])
def test_other_json_is_refused_with_its_place(client: httpx.Client, path: str, body: bytes) -> None:
    assert refused(client.post(path, content=body), "invalid")["place"]


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("/tag", {"documents": "Mira"}, "documents"),
        ("/tag", {"documents": [], "offset_unit": "words"}, "offset_unit"),
        ("/tag", {"documents": [], "labels": ["nobody"]}, "labels"),
        ("/tag", {"documents": [], "labels": [1]}, "labels[0]"),
        ("/tag", {"documents": [], "thresholds": {"nobody": 1}}, "thresholds"),
        ("/tag", {"documents": [], "scores": "perhaps"}, "scores"),
        ("/tag", {"documents": [], "label": ["person"]}, "label"),
        ("/explain", {"text": None}, "text"),
    ],
)
def test_wrong_fields_are_refused_with_their_place(
    client: httpx.Client, path: str, body: Any, place: str
) -> None:
    assert refused(client.post(path, json=body), "invalid")["place"] == place


def test_an_object_with_very_many_fields_is_refused(client: httpx.Client) -> None:
    body = {f"field {number}": 1 for number in range(100_000)}
    found = refused(client.post("/tag", json=body), "invalid")
    assert found["expected"] == "an object with fewer fields"


def test_very_many_wrong_elements_are_one_problem(client: httpx.Client) -> None:
    document = {"text": "Mira", "tokens": [[]] * 200_000}
    answer = client.post("/tag", json={"documents": [document], "labels": ["person"]})
    assert answer.json()["documents"][0]["place"] == "documents[0].tokens[0][0]"
    answer = client.post("/tag", json={"documents": [], "labels": [1] * 200_000})
    assert refused(answer, "invalid")["place"] == "labels[0]"


def test_a_body_that_is_too_large_is_refused(limited: httpx.Client) -> None:
    body = json.dumps({"documents": ["Mira " * 1000]}).encode()
    found = refused(limited.post("/tag", content=body), "body-too-large")
    assert found["expected"] == "at most 4,096"

    def pieces() -> Iterator[bytes]:
        yield from (body[start : start + 1000] for start in range(0, len(body), 1000))

    refused(limited.post("/tag", content=pieces()), "body-too-large")


def test_too_many_texts_are_refused(limited: httpx.Client) -> None:
    texts = ["a"] * 4
    for path, body in (
        ("/tag", {"documents": texts}),
        ("/", {"inputs": texts}),
        ("/analyze", {"text": texts, "language": "en"}),
        ("/v1/models/named:predict", {"instances": texts}),
    ):
        refused(limited.post(path, json=body), "too-many-texts")


def test_a_text_that_is_too_long_is_refused_in_its_place(limited: httpx.Client) -> None:
    long = "Mira " * 101
    refused(limited.post("/", json={"inputs": long}), "text-too-long")
    refused(limited.post("/ent", json={"text": long}), "text-too-long")
    found = limited.post("/", json={"inputs": ["Mira", long, "Oslo"]}).json()
    assert [len(found[0]), len(found[2])] == [1, 1]
    assert (found[1]["cause"], found[1]["place"]) == ("text-too-long", "inputs[1]")
    documents = limited.post("/tag", json={"documents": [long, "Mira"]}).json()["documents"]
    assert documents[0]["cause"] == "text-too-long"
    assert len(documents[1]["entities"]) == 1


# --- what is not for the client's fault


class Broken(Service):
    """A service in which something happens that nobody expects."""

    async def tag_some(self, *_: Any) -> Any:
        raise RuntimeError("the secret text Mira")


def test_a_defect_is_told_without_its_text(named: Tagger, caplog: pytest.LogCaptureFixture) -> None:
    service = Broken([ServedModel.of("named", named)])
    with serving(service) as url:
        answer = httpx.post(f"{url}/tag", json=BODY)
        assert httpx.get(f"{url}/health").status_code == 200
    found = refused(answer, "defect")
    assert "secret" not in json.dumps(found)
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert record.getMessage() == f"{found['request_id']} failed"
    assert record.exc_info


def test_a_model_that_fails_is_told_without_the_text(
    named: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise ValueError("the secret text Mira")

    with serving(named) as url:
        monkeypatch.setattr(named.inference.backend, "logits", fail)
        answer = httpx.post(f"{url}/", json={"inputs": "Mira"})
        found = refused(answer, "model-failed")
        assert found["place"] == "inputs"
        several = httpx.post(f"{url}/", json={"inputs": ["Mira", "Oslo"]})
    assert [each["cause"] for each in several.json()] == ["model-failed"] * 2
    assert "secret" not in answer.text + several.text


def test_a_stopped_server_refuses(named: Tagger) -> None:
    service = Service([ServedModel.of("named", named)])
    with serving(service) as url:
        service.stop()
        refused(httpx.post(f"{url}/tag", json=BODY), "stopping")
        refused(httpx.get(f"{url}/readyz"), "not-ready")


# --- logs and counts


def test_requests_are_logged_without_texts(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "nerine.serve"):
        client.post("/ent", json={"text": "Mira secret"}, headers={"X-Request-Id": "one"})
        client.get("/secret%0Aline", params={"text": "hidden"}, headers={"X-Request-Id": "two"})
    lines = [each for each in caplog.records if each.name == "nerine.serve"]
    first, second = (json.loads(JsonFormatter().format(each)) for each in lines)
    assert {key: first[key] for key in ("request_id", "method", "path", "status")} == {
        "request_id": "one",
        "method": "POST",
        "path": "/ent",
        "status": 200,
    }
    assert (second["status"], second["request_id"]) == (404, "two")
    assert "\n" not in lines[1].getMessage()
    assert "secret" not in json.dumps(first)
    assert "hidden" not in json.dumps(second)


def test_requests_are_counted_by_path_and_status(named: Tagger) -> None:
    with serving(named) as url:
        for path in ("/ent", "/ent", "/other", "/more"):
            httpx.post(f"{url}{path}", json={"text": TEXTS[0]})
        httpx.post(f"{url}/ent", json={})
        answer = httpx.get(f"{url}/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert 'nerine_requests_total{path="/ent",status="200"} 2.0' in lines
    assert 'nerine_requests_total{path="/ent",status="422"} 1.0' in lines
    assert 'nerine_requests_total{path="(none)",status="404"} 2.0' in lines
    assert "nerine_documents_total 2.0" in lines
    assert 'nerine_request_seconds_count{path="/ent"} 3.0' in lines


def test_a_client_that_goes_away_is_counted(named: Tagger) -> None:
    with serving(named) as url:
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as connection:
            head = b"POST /tag HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"
            connection.sendall(head)
        for _ in range(200):
            lines = httpx.get(f"{url}/metrics").text.splitlines()
            if 'nerine_requests_total{path="/tag",status="499"} 1.0' in lines:
                break
        else:
            pytest.fail("the request is not counted")


# --- pages elsewhere


def test_pages_elsewhere_are_let_in_if_they_are_named(
    limited: httpx.Client, client: httpx.Client
) -> None:
    headers = {"Origin": "https://example.org"}
    allowed = "access-control-allow-origin"
    assert limited.post("/tag", json=BODY, headers=headers).headers[allowed] == headers["Origin"]
    assert allowed not in limited.get("/info", headers={"Origin": "https://other.org"}).headers
    assert allowed not in client.post("/tag", json=BODY, headers=headers).headers
    asked = {**headers, "Access-Control-Request-Method": "POST"}
    assert limited.options("/tag", headers=asked).status_code == 200
    refused(client.options("/tag", headers=asked), "method-not-allowed")


def test_an_app_can_be_mounted_in_another(named: Tagger) -> None:
    app = make_app([ServedModel.of("named", named)], AppOptions(keys=("a",)))
    with TestClient(Starlette(routes=[Mount("/ner", app)])) as mounted:
        assert mounted.get("/ner/health").status_code == 200
        assert mounted.post("/ner/tag", json=BODY).status_code == 401
        answer = mounted.post("/ner/tag", json=BODY, headers={"X-Api-Key": "a"})
        assert len(answer.json()["documents"][0]["entities"]) == 1
        assert mounted.get("/ner/openapi.json").json()["servers"] == [{"url": "/ner"}]
