"""The Open Inference Protocol (V2) of KServe, Triton and others, and KServe's V1.

In V2 the texts are a tensor of the type BYTES, in JSON or binary after the JSON. So is the output
`entities`, which has a string of JSON for each text: a list of its entities, or why there is none.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.responses import Response

import nerine
from nerine.core.document import Document
from nerine.serving.http.endpoints import (
    Call,
    Endpoint,
    Refused,
    Strict,
    parse,
    read_body,
    unless_short,
)
from nerine.serving.http.problems import Problem
from nerine.serving.http.routes.health import live, ready
from nerine.serving.http.texts import Found, tag_texts

JSON_LENGTH = "Inference-Header-Content-Length"
"""The header with the length of the JSON before binary tensors."""

BINARY = "application/octet-stream"

_INPUT = "text"
_OUTPUT = "entities"
_DIMENSIONS = 8
_NAMED = {"content_type"}
"""Parameters of MLServer's clients, which say that BYTES are strings."""


Side = Annotated[int, Field(ge=0, lt=2**31)]
"""The length of a tensor in one of its dimensions."""


class InputTensor(Strict):
    """A tensor of texts."""

    name: str
    shape: list[Side] = Field(
        max_length=_DIMENSIONS, description="Its product is the number of the texts"
    )
    datatype: str = Field(description="`BYTES`")
    parameters: dict[str, Any] | None = Field(
        None, description="`binary_data_size`: the bytes of binary texts, which stand after the JSON"
    )
    data: list[Any] | None = Field(None, description="The texts, unless they are binary")


class OutputRequest(Strict):
    """An output that is asked for."""

    name: str = Field(description="`entities`")
    parameters: dict[str, Any] | None = Field(
        None, description="`binary_data`: whether it is sent after the JSON"
    )


class InferRequest(Strict):
    """A tensor of texts and what is asked of it."""

    id: str | None = Field(None, description="Comes back in the answer")
    name: str | None = Field(None, alias="model_name", description="The path has the model")
    inputs: list[InputTensor] = Field(description="One tensor with the texts")
    outputs: list[OutputRequest] | None = None
    parameters: dict[str, Any] | None = Field(
        None, description="`binary_data_output`: whether outputs are sent after the JSON"
    )


class Tensor(Strict):
    """An output; its data is binary after the JSON if it has `binary_data_size`."""

    name: str
    shape: list[int]
    datatype: str
    data: list[str] | None = None
    parameters: dict[str, int] | None = None


class InferAnswer(BaseModel, extra="forbid", protected_namespaces=()):
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
    score: float


class PredictRequest(Strict):
    """Texts, in V1."""

    instances: list[Any] = Field(description="Texts")


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


class Status(Strict):
    """Whether the server is in order, in V1."""

    status: str


# --- reading


def _check_parameters(parameters: Mapping[str, Any] | None, known: set[str], place: str) -> None:
    for name in parameters or ():
        if name not in known | _NAMED:
            raise Problem(
                "invalid",
                f"the parameter {name[:100]!r} is not supported",
                expected=f"only {', '.join(sorted(known))}",
                place=f"{place}parameters",
            )


def _input_of(request: InferRequest) -> InputTensor:
    """The tensor of texts, and the checks of everything else."""
    _check_parameters(request.parameters, {"binary_data_output"}, "")
    for number, output in enumerate(request.outputs or ()):
        place = f"outputs[{number}]"
        _check_parameters(output.parameters, {"binary_data"}, f"{place}.")
        if output.name != _OUTPUT:
            raise Problem(
                "invalid",
                f"there is no output {output.name[:100]!r}",
                expected=_OUTPUT,
                place=place,
            )
    if len(request.inputs) != 1:
        raise Problem(
            "invalid",
            f"{len(request.inputs)} inputs",
            expected="one tensor with all texts",
            place="inputs",
        )
    (tensor,) = request.inputs
    _check_parameters(tensor.parameters, {"binary_data_size"}, "inputs[0].")
    if tensor.datatype.upper() != "BYTES":
        raise Problem(
            "invalid",
            f"a tensor of the type {tensor.datatype[:100]!r}",
            expected="BYTES",
            place="inputs[0].datatype",
        )
    return tensor


def _flat(data: list[Any]) -> Iterator[Any]:
    for each in data:
        if isinstance(each, list):
            yield from _flat(each)
        else:
            yield each


def _binary(rest: bytes, size: Any) -> Iterator[str]:
    """The texts of a binary tensor: each has its length in four bytes before it."""
    place = "inputs[0]"
    if type(size) is not int or size != len(rest):
        raise Problem(
            "invalid",
            f"{len(rest):,} bytes after the JSON",
            expected=f"those of binary_data_size and the header {JSON_LENGTH}",
            place=place,
        )
    start = 0
    while start < len(rest):
        end = start + 4
        length = int.from_bytes(rest[start:end], "little")
        start, end = end, end + length
        if end > len(rest):
            raise Problem("invalid", "the last text is cut short", place=place)
        try:
            yield rest[start:end].decode()
        except UnicodeDecodeError:
            raise Problem(
                "invalid", "a text is not valid UTF-8", expected="UTF-8", place=place
            ) from None
        start = end


async def _read(call: Call) -> tuple[InferRequest, list[Any]]:
    """The request and its texts."""
    body = await read_body(call.request, call.service.limits.body)
    stated = call.request.headers.get(JSON_LENGTH, "")
    length = int(stated) if stated.isascii() and stated.isdecimal() else len(body)
    request: InferRequest = parse(InferRequest, body[:length])
    tensor = _input_of(request)
    size = (tensor.parameters or {}).get("binary_data_size")
    texts = list(_flat(tensor.data) if tensor.data is not None else _binary(body[length:], size))
    if math.prod(tensor.shape) != len(texts):
        raise Problem(
            "invalid",
            f"{len(texts):,} texts in a tensor of the shape {str(tensor.shape)[:100]}",
            expected="a shape whose product is the number of the texts",
            place="inputs[0].shape",
        )
    return request, texts


# --- answers


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


def _is_binary(request: InferRequest) -> bool:
    """Whether the output is sent after the JSON."""
    usual = (request.parameters or {}).get("binary_data_output", False)
    asked = request.outputs[0].parameters if request.outputs else None
    return bool((asked or {}).get("binary_data", usual))


async def infer(call: Call) -> Any:
    """Answers `/v2/models/{model}/infer`."""
    model = call.service.model(call.request.path_params["model"])
    request, texts = await _read(call)
    found = await tag_texts(call, model, texts, "inputs[0].data")
    values = await unless_short(_size(found), lambda: [to_json(_entities(each)) for each in found])
    tensor: dict[str, Any] = {"name": _OUTPUT, "shape": [len(values)], "datatype": "BYTES"}
    name = {} if request.id is None else {"id": request.id}
    answer = {
        "model_name": model.name,
        "model_version": model.version,
        **name,
        "outputs": [tensor],
    }
    if not _is_binary(request):
        tensor["data"] = [value.decode() for value in values]
        return answer
    rest = b"".join(struct.pack("<I", len(value)) + value for value in values)
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
    return {"name": "nerine", "version": nerine.__version__, "extensions": extensions}


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
    tensors = [
        {"name": name, "datatype": "BYTES", "shape": [-1]} for name in (_INPUT, _OUTPUT)
    ]
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
            ("/v2/models/{model:path}/ready", model_ready, "Whether it is ready", ModelReady, False),
            ("/v2/models/{model:path}", model_info, "A model (V2)", ModelInfo, False),
            ("/v1/models", models, "The names of the models", Models, False),
            ("/v1/models/{model:path}", model_ready, "Whether it is ready", ModelReady, False),
            ("/", status, "Whether the server is in order (V1)", Status, False),
        )
    ),
)
