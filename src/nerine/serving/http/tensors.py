"""Tensors of texts as the Open Inference Protocol sends them: in JSON, or binary after the JSON."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from nerine.serving.http.endpoints import Strict, Unread, parse
from nerine.serving.http.problems import Problem

JSON_LENGTH = "Inference-Header-Content-Length"
"""The header with the length of the JSON before binary tensors."""

OUTPUT = "entities"
"""The name of the output."""

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
        None,
        description="`binary_data_size`: the bytes of binary texts, which stand after the JSON",
    )
    data: Unread[str | list[Any]] | None = Field(
        None, description="The texts, unless they are binary"
    )


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
    inputs: Annotated[list[InputTensor], Field(fail_fast=True)] = Field(
        min_length=1, max_length=1, description="One tensor with all texts"
    )
    outputs: Annotated[list[OutputRequest], Field(fail_fast=True)] | None = None
    parameters: dict[str, Any] | None = Field(
        None, description="`binary_data_output`: whether outputs are sent after the JSON"
    )


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
        if output.name != OUTPUT:
            raise Problem(
                "invalid",
                f"there is no output {output.name[:100]!r}",
                expected=OUTPUT,
                place=place,
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


def read_texts(body: bytes, json_length: str | None) -> tuple[InferRequest, list[Any]]:
    """The request in a body, and its texts.

    Args:
        body: The body.
        json_length: The header with the length of the JSON; None if all of the body is JSON.

    Raises:
        Problem: If the body is not valid, or asks for what is not supported.
    """
    stated = json_length or ""
    length = int(stated) if stated.isascii() and stated.isdecimal() else len(body)
    request: InferRequest = parse(InferRequest, body[:length])
    tensor = _input_of(request)
    size = (tensor.parameters or {}).get("binary_data_size")
    texts = list(_flat(tensor.data) if tensor.data is not None else _binary(body[length:], size))
    if math.prod(tensor.shape) != len(texts):
        raise Problem(
            "invalid",
            f"{len(texts):,} texts in a tensor of the shape {tensor.shape}",
            expected="a shape whose product is the number of the texts",
            place="inputs[0].shape",
        )
    return request, texts


def is_binary(request: InferRequest) -> bool:
    """Whether a request asks for the output after the JSON.

    Args:
        request: The request.
    """
    usual = (request.parameters or {}).get("binary_data_output", False)
    asked = request.outputs[0].parameters if request.outputs else None
    return bool((asked or {}).get("binary_data", usual))


def binary(values: Sequence[bytes]) -> bytes:
    """A binary tensor of values, each with its length in four bytes before it.

    Args:
        values: The values.
    """
    return b"".join(struct.pack("<I", len(value)) + value for value in values)
