"""The Open Inference Protocol and KServe's V1, with requests as KServe's client sends them."""

from __future__ import annotations

import json
import struct
from typing import Any

import httpx
import pytest

from clients import run_client
from nerine.model.tagger import Tagger
from servers import TEXTS, expected

LENGTH = "inference-header-content-length"


def tensor(texts: Any, shape: list[int] | None = None, **fields: Any) -> dict[str, Any]:
    shape = [len(texts)] if shape is None else shape
    return {"name": "text", "shape": shape, "datatype": "BYTES", "data": texts, **fields}


def infer(client: httpx.Client, body: Any, model: str = "named") -> Any:
    answer = client.post(f"/v2/models/{model}/infer", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def packed(texts: list[bytes]) -> bytes:
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


# --- KServe's client itself

KSERVE = """
import asyncio, json, sys
import numpy
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

asked = json.loads(sys.stdin.read())
url, texts = asked["url"], asked["texts"]

def tensor(binary):
    made = InferInput(name="text", shape=[len(texts)], datatype="BYTES")
    made.set_data_from_numpy(numpy.array(texts, dtype=object), binary_data=binary)
    return made

async def ask():
    found = {}
    async with InferenceRESTClient(RESTConfig(protocol="v2", retries=1)) as client:
        found["live"] = await client.is_server_live(url)
        found["ready"] = await client.is_server_ready(url)
        found["model"] = await client.is_model_ready(url, "named")
        found["other"] = await client.is_model_ready(url, "other")
        for name, binary, parameters in (
            ("json", False, None), ("binary", True, {"binary_data_output": True})
        ):
            request = InferRequest("named", [tensor(binary)], request_id="7", parameters=parameters)
            answer = await client.infer(url, request, model_name="named")
            found[name] = [answer.id, answer.model_name, answer.outputs[0].as_numpy().tolist()]
        try:
            await client.infer(url, InferRequest("named", [InferInput("n", [1], "INT32", [1])]),
                               model_name="named")
        except Exception as error:
            found["error"] = str(error)
    async with InferenceRESTClient(RESTConfig(protocol="v1", retries=1)) as client:
        found["v1 live"] = await client.is_server_live(url)
        found["v1 model"] = await client.is_model_ready(url, "named")
        found["v1"] = await client.infer(url, {"instances": texts}, model_name="named")
    return found

print(json.dumps(asyncio.run(ask()), default=lambda value: value.decode()))
"""


@pytest.mark.slow
def test_kserves_client_gets_the_taggers_entities(url: str, named: Tagger) -> None:
    texts = [text for text in TEXTS if text]
    found = run_client("kserve", KSERVE, {"url": url, "texts": texts})
    entities = [expected(named(text)) for text in texts]
    for name in ("json", "binary"):
        request_id, model, values = found[name]
        assert (request_id, model) == ("7", "named")
        assert [json.loads(value) for value in values] == entities
    assert found["v1"] == {"predictions": entities}
    states = ("live", "ready", "model", "other", "v1 live", "v1 model")
    assert [found[state] for state in states] == [True, True, True, False, True, True]
    assert "'INT32'" in found["error"]


# --- the same requests


def test_texts_in_json_give_the_taggers_entities(client: httpx.Client, named: Tagger) -> None:
    body = {"id": "7", "model_name": "named", "inputs": [tensor(TEXTS)]}
    answer = infer(client, body)
    (output,) = answer.pop("outputs")
    version = client.get("/info").json()["models"][0]["version"]
    assert answer == {"id": "7", "model_name": "named", "model_version": version}
    assert [json.loads(value) for value in output.pop("data")] == [
        expected(named(text)) for text in TEXTS
    ]
    assert output == {"name": "entities", "shape": [len(TEXTS)], "datatype": "BYTES"}


def test_binary_texts_give_the_taggers_entities(client: httpx.Client, named: Tagger) -> None:
    rest = packed([text.encode() for text in TEXTS])
    parameters = {"binary_data_size": len(rest)}
    given = tensor(TEXTS, parameters=parameters)
    del given["data"]
    head = json.dumps({"inputs": [given], "outputs": [{"name": "entities"}]}).encode()
    headers = {LENGTH: str(len(head)), "content-type": "application/octet-stream"}
    answer = client.post("/v2/models/named/infer", content=head + rest, headers=headers).json()
    assert [json.loads(value) for value in answer["outputs"][0]["data"]] == [
        expected(named(text)) for text in TEXTS
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {"parameters": {"binary_data_output": True}},
        {"outputs": [{"name": "entities", "parameters": {"binary_data": True}}]},
    ],
)
def test_an_output_is_binary_on_request(
    client: httpx.Client, named: Tagger, asked: dict[str, Any]
) -> None:
    body = {"inputs": [tensor(TEXTS[:1])], **asked}
    answer = client.post("/v2/models/named/infer", json=body)
    length = int(answer.headers[LENGTH])
    head, rest = json.loads(answer.content[:length]), answer.content[length:]
    (output,) = head["outputs"]
    assert output["parameters"] == {"binary_data_size": len(rest)}
    (size,) = struct.unpack("<I", rest[:4])
    assert size == len(rest) - 4
    assert json.loads(rest[4:]) == expected(named(TEXTS[0]))


def test_tensors_may_be_nested_and_have_mlservers_parameters(client: httpx.Client) -> None:
    given = tensor([[TEXTS[0]], [TEXTS[1]]], [2, 1], parameters={"content_type": "str"})
    answer = infer(client, {"inputs": [given], "parameters": {"content_type": "str"}})
    assert answer["outputs"][0]["shape"] == [2]


def test_what_is_no_text_fails_in_its_place(client: httpx.Client, named: Tagger) -> None:
    answer = infer(client, {"inputs": [tensor(["Mira", 5, TEXTS[0]])]})
    found = [json.loads(value) for value in answer["outputs"][0]["data"]]
    assert found[2] == expected(named(TEXTS[0]))
    assert (found[1]["cause"], found[1]["place"]) == ("invalid", "inputs[0].data[1]")
    predictions = client.post("/v1/models/named:predict", json={"instances": [5, TEXTS[0]]})
    found = predictions.json()["predictions"]
    assert found[1] == expected(named(TEXTS[0]))
    assert (found[0]["cause"], found[0]["place"]) == ("invalid", "instances[0]")


BINARY = {"binary_data_size": 5}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"inputs": []}, "inputs"),
        ({"inputs": [tensor(["a"]), tensor(["b"])]}, "inputs"),
        ({"inputs": [tensor(["a"], [2])]}, "inputs[0].shape"),
        ({"inputs": [tensor(["a"], [-1])]}, "inputs[0].shape[0]"),
        ({"inputs": [tensor(["a"], [1] * 9)]}, "inputs[0].shape"),
        ({"inputs": [tensor([1], datatype="INT32")]}, "inputs[0].datatype"),
        ({"inputs": [tensor(["a"], parameters={"lang": "en"})]}, "inputs[0].parameters"),
        ({"inputs": [tensor(None, [1], parameters=BINARY)]}, "inputs[0]"),
        ({"inputs": [tensor(["a"])], "outputs": [{"name": "logits"}]}, "outputs[0]"),
        ({"inputs": [tensor(["a"])], "parameters": {"priority": 1}}, "parameters"),
        ({"inputs": [{**tensor(["a"]), "dtype": "BYTES"}]}, "inputs[0].dtype"),
        ({"instances": ["a"]}, "inputs"),
    ],
)
def test_other_requests_are_refused(client: httpx.Client, body: Any, place: str) -> None:
    answer = client.post("/v2/models/named/infer", json=body)
    assert answer.status_code == 422
    assert answer.json()["place"] == place


@pytest.mark.parametrize(
    "rest", [b"\x05\x00\x00\x00Mira", b"\x01\x00\x00\x00\xff", b"\x09", b"\x01\x00\x00\x00a"]
)
def test_broken_binary_texts_are_refused(client: httpx.Client, rest: bytes) -> None:
    size = {"binary_data_size": len(rest) if rest[-1:] != b"a" else 4}
    if rest.endswith(b"Mira"):
        size = {"binary_data_size": len(rest)}
    given = tensor(None, [1], parameters=size)
    head = json.dumps({"inputs": [given]}).encode()
    headers = {LENGTH: str(len(head))}
    answer = client.post("/v2/models/named/infer", content=head + rest, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["place"] == "inputs[0]"


@pytest.mark.parametrize("length", ["3", "99999", "-1", "a", "²"])
def test_any_length_of_the_json_is_answered(client: httpx.Client, length: str) -> None:
    body = json.dumps({"inputs": [tensor(["a"])]}).encode()
    headers = {LENGTH.encode(): length.encode()}
    answer = client.post("/v2/models/named/infer", content=body, headers=headers)
    assert answer.status_code == (400 if length == "3" else 200)


def test_servers_and_models_are_described(client: httpx.Client) -> None:
    assert client.get("/").json() == {"status": "alive"}
    assert client.get("/v2").json()["name"] == "nerine"
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v1/models").json() == {"models": ["named", "tiny"]}
    for path in ("/v2/models/tiny/ready", "/v1/models/tiny"):
        assert client.get(path).json() == {"name": "tiny", "ready": True}
    described = client.get("/v2/models/tiny").json()
    assert described["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}]
    assert described["outputs"] == [{"name": "entities", "datatype": "BYTES", "shape": [-1]}]
    assert described["platform"] == "nerine_pytorch"


@pytest.mark.parametrize("path", ["/v2/models/other", "/v2/models/other/ready", "/v1/models/other"])
def test_an_unknown_model_is_refused(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["cause"]) == (404, "unknown-model")
