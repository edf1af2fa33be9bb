"""The Open Inference Protocol (V2) of KServe, Triton and others, and KServe's V1.

In V2 the texts are a tensor of the type BYTES, in JSON or binary after the JSON. So is the output
`entities`, which has a string of JSON for each text: a list of its entities, or why there is none.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from pydantic import Field
from pydantic_core import to_json
from starlette.responses import Response

from nerine.core.document import Document
from nerine.serving.http.endpoints import (
    BINARY,
    Call,
    Endpoint,
    Refused,
    Strict,
    Unread,
    read_body,
    unless_short,
)
from nerine.serving.http.problems import Problem
from nerine.serving.http.routes.health import Status, live, ready
from nerine.serving.http.tensors import (
    JSON_LENGTH,
    OUTPUT,
    InferRequest,
    binary,
    is_binary,
    read_texts,
)
from nerine.serving.http.texts import Found, tag_texts

_INPUT = "text"


class Tensor(Strict):
    """An output; its data is binary after the JSON if it has `binary_data_size`."""

    name: str
    shape: list[int]
    datatype: str
    data: list[str] | None = None
    parameters: dict[str, int] | None = None


class InferAnswer(Strict, protected_namespaces=()):
    """The outputs."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[Tensor]


class InferredEntity(Strict):
    """An entity; offsets count code points."""

    start: int
    end: int
    label: str
    text: str
    score: float | None


class PredictRequest(Strict):
    """Texts, in V1."""

    instances: Unread[str] = Field(description="Texts")


class PredictAnswer(Strict):
    """The entities of each text, in V1."""

    predictions: list[list[InferredEntity] | Refused]


class TensorInfo(Strict):
    """An input or an output."""

    name: str
    datatype: str
    shape: list[int]


class ModelInfo(Strict):
    """A model, its input and its output."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorInfo]
    outputs: list[TensorInfo]


class ServerInfo(Strict):
    """The server."""

    name: str
    version: str
    extensions: list[str]


class Models(Strict):
    """The names of the models."""

    models: list[str]


class ModelReady(Strict):
    """Whether a model is ready."""

    name: str
    ready: bool


class Live(Strict):
    """Whether the server is in order."""

    live: bool


class Ready(Strict):
    """Whether the server is ready."""

    ready: bool


def _entities(found: Found) -> Any:
    if isinstance(found, Problem):
        return found.to_dict()
    return [
        {
            "start": each.start,
            "end": each.end,
            "label": each.label,
            "text": found.surface(each),
            "score": each.score,
        }
        for each in found.entities
    ]


def _size(found: list[Found]) -> int:
    return sum(len(each.text) for each in found if isinstance(each, Document))


async def infer(call: Call) -> Any:
    """Answers `/v2/models/{model}/infer`."""
    model = call.service.model(call.request.path_params["model"])
    body = await read_body(call.request, call.service.limits.body)
    request, texts = read_texts(body, call.request.headers.get(JSON_LENGTH))
    found = await tag_texts(call, model, texts, "inputs[0].data")
    values = await unless_short(_size(found), lambda: [to_json(_entities(each)) for each in found])
    tensor: dict[str, Any] = {"name": OUTPUT, "shape": [len(values)], "datatype": "BYTES"}
    name = {} if request.id is None else {"id": request.id}
    answer = {
        "model_name": model.name,
        "model_version": model.version,
        **name,
        "outputs": [tensor],
    }
    if not is_binary(request):
        tensor["data"] = [value.decode() for value in values]
        return answer
    rest = binary(values)
    tensor["parameters"] = {"binary_data_size": len(rest)}
    head = to_json(answer)
    return Response(head + rest, media_type=BINARY, headers={JSON_LENGTH: str(len(head))})


async def predict(call: Call) -> dict[str, Any]:
    """Answers `/v1/models/{model}:predict`."""
    model = call.service.model(call.request.path_params["model"])
    found = await tag_texts(call, model, call.body.instances, "instances")
    return {"predictions": await unless_short(_size(found), lambda: list(map(_entities, found)))}


async def server_info(call: Call) -> dict[str, Any]:  # noqa: ARG001 - a handler
    """Answers `/v2`."""
    extensions = ["binary_tensor_data"]
    return {"name": "nerine", "version": version("nerine"), "extensions": extensions}


async def server_live(call: Call) -> dict[str, bool]:
    """Answers `/v2/health/live`."""
    await live(call)
    return {"live": True}


async def server_ready(call: Call) -> dict[str, bool]:
    """Answers `/v2/health/ready`."""
    await ready(call)
    return {"ready": True}


async def status(call: Call) -> dict[str, str]:
    """Answers `GET /`, by which V1's client sees whether the server lives."""
    await live(call)
    return {"status": "alive"}


async def models(call: Call) -> dict[str, Any]:
    """Answers `/v1/models`."""
    return {"models": [model.name for model in call.service.models]}


async def model_info(call: Call) -> dict[str, Any]:
    """Answers `/v2/models/{model}`."""
    model = call.service.model(call.request.path_params["model"])
    tensors = [{"name": name, "datatype": "BYTES", "shape": [-1]} for name in (_INPUT, OUTPUT)]
    return {
        "name": model.name,
        "versions": [model.version],
        "platform": f"nerine_{model.tagger.inference.backend.name}",
        "inputs": tensors[:1],
        "outputs": tensors[1:],
    }


async def model_ready(call: Call) -> dict[str, Any]:
    """Answers `/v2/models/{model}/ready` and `/v1/models/{model}`."""
    model = call.service.model(call.request.path_params["model"])
    await ready(call)
    return {"name": model.name, "ready": True}


_TEXT = "Mira Okonjo left Tandem Labs for Lisbon."
_TENSOR = {"name": _INPUT, "shape": [1], "datatype": "BYTES", "data": [_TEXT]}

ENDPOINTS = (
    Endpoint(
        "/v2/models/{model:path}/infer",
        infer,
        "The entities of texts (V2)",
        body=InferRequest,
        reads_itself=True,
        answer=InferAnswer,
        has_binary_form=True,
        example={"inputs": [_TENSOR]},
    ),
    Endpoint(
        "/v1/models/{model:path}:predict",
        predict,
        "The entities of texts (V1)",
        body=PredictRequest,
        answer=PredictAnswer,
        example={"instances": [_TEXT]},
    ),
    *(
        Endpoint(path, handler, summary, method="GET", answer=answer, is_open=is_open)
        for path, handler, summary, answer, is_open in (
            ("/v2", server_info, "The server (V2)", ServerInfo, False),
            ("/v2/health/live", server_live, "Whether the server is in order", Live, True),
            ("/v2/health/ready", server_ready, "Whether the server is ready", Ready, True),
            (
                "/v2/models/{model:path}/ready",
                model_ready,
                "Whether it is ready",
                ModelReady,
                False,
            ),
            ("/v2/models/{model:path}", model_info, "A model (V2)", ModelInfo, False),
            ("/v1/models", models, "The names of the models", Models, False),
            ("/v1/models/{model:path}", model_ready, "Model readiness", ModelReady, False),
            ("/", status, "Whether the server is in order (V1)", Status, False),
        )
    ),
)
