"""The OpenAPI document of all contracts, and a page that shows it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode
from starlette.responses import Response

from nerine.serving.http.endpoints import BINARY, JSON, Call, Endpoint, Refusal
from nerine.serving.http.problems import STATUS, Cause
from nerine.serving.http.streaming import NDJSON
from nerine.serving.http.tensors import JSON_LENGTH

Contracts = Mapping[str, tuple[Endpoint, ...]]
"""The endpoints of each contract."""

_FOLDER = Path(__file__).parent.parent / "templates"
_MODE: JsonSchemaMode = "validation"
_REFERENCE = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)(:\w+)?\}")

_ALWAYS: tuple[Cause, ...] = ("unauthorized", "unknown-model", "not-ready")
_OF_BODY: tuple[Cause, ...] = (
    "not-json",
    "body-too-large",
    "too-many-texts",
    "text-too-long",
    "invalid",
    "model-failed",
    "overloaded",
    "timeout",
    "stopping",
)


def _adapters(endpoint: Endpoint) -> Iterator[tuple[str, Any]]:
    """The types of an endpoint by their use."""
    yield from (("body", endpoint.body), ("answer", endpoint.answer), ("query", endpoint.query))
    yield from zip(("line", "answer line"), endpoint.line or (), strict=False)
    yield "line query", endpoint.line_query


class _Document:
    """The OpenAPI document in the making."""

    def __init__(self, contracts: Contracts, *, has_keys: bool) -> None:
        self._has_keys = has_keys
        shown = {
            name: [endpoint for endpoint in endpoints if endpoint.is_shown]
            for name, endpoints in contracts.items()
        }
        types = {
            (endpoint.method, endpoint.path, use): kind
            for endpoints in shown.values()
            for endpoint in endpoints
            for use, kind in (*_adapters(endpoint), ("refusal", Refusal))
            if kind is not None
        }
        self._schemas, definitions = TypeAdapter.json_schemas(
            [(key, _MODE, TypeAdapter(kind)) for key, kind in types.items()],
            ref_template=_REFERENCE,
        )
        self._definitions = {name: _plain(each) for name, each in definitions["$defs"].items()}
        paths: dict[str, dict[str, Any]] = {}
        for name, endpoints in shown.items():
            for endpoint in endpoints:
                path = _PARAMETER.sub(r"{\1}", endpoint.path)
                operation = self._operation(endpoint, name)
                paths.setdefault(path, {})[endpoint.method.lower()] = operation
        for endpoint in (each for endpoints in shown.values() for each in endpoints):
            for kind in (endpoint.query, endpoint.line_query):
                if kind is not None:  # its fields stand where they are used
                    self._definitions.pop(kind.__name__, None)
        schemes = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "basic": {"type": "http", "scheme": "basic"},
            "header": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
        }
        self.content: dict[str, Any] = {
            "openapi": "3.1.0",
            "info": {
                "title": "Nerine",
                "version": version("nerine"),
                "description": "Named entities in texts",
                "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/"}],
            "tags": [{"name": name} for name, endpoints in shown.items() if endpoints],
            "paths": paths,
            "components": {
                "schemas": self._definitions,
                **({"securitySchemes": schemes} if has_keys else {}),
            },
        }

    def _schema(self, endpoint: Endpoint, use: str) -> dict[str, Any]:
        found = self._schemas.get(((endpoint.method, endpoint.path, use), _MODE), {})
        plain: dict[str, Any] = _plain(found)
        return plain

    def _operation(self, endpoint: Endpoint, contract: str) -> dict[str, Any]:
        named = re.sub(r"\W+", "-", endpoint.path).strip("-") or "root"
        operation: dict[str, Any] = {
            "operationId": f"{endpoint.method.lower()}-{named}",
            "summary": endpoint.summary,
            "tags": [contract],
        }
        parameters = [*_of_path(endpoint), *self._of_query(endpoint), *_of_headers(endpoint)]
        if parameters:
            operation["parameters"] = parameters
        if endpoint.body is not None:
            operation["requestBody"] = {"required": True, "content": self._bodies(endpoint)}
        operation["responses"] = {
            str(endpoint.status): {
                "description": "The answer",
                "headers": _headers(),
                "content": self._answers(endpoint),
            },
            **self._refusals(endpoint),
        }
        if self._has_keys and not endpoint.is_open:
            operation["security"] = [{"bearer": []}, {"basic": []}, {"header": []}]
        return operation

    def _of_query(self, endpoint: Endpoint) -> Iterator[dict[str, Any]]:
        note = ""
        schema = self._schema(endpoint, "query")
        if endpoint.line_query is not None:
            note = " (only with NDJSON)"
            schema = self._schema(endpoint, "line query")
        if "$ref" in schema:
            schema = self._definitions[schema["$ref"].rpartition("/")[2]]
        for name, described in schema.get("properties", {}).items():
            kind = {key: each for key, each in described.items() if key != "description"}
            kinds = [each for each in kind.get("anyOf", [kind]) if each.get("type") != "null"]
            yield {
                "name": name,
                "in": "query",
                "required": False,
                "description": described.get("description", "") + note,
                "schema": kinds[0],
            }

    def _bodies(self, endpoint: Endpoint) -> dict[str, Any]:
        body: dict[str, Any] = {"schema": self._schema(endpoint, "body")}
        if endpoint.example is not None:
            body["example"] = endpoint.example
        bodies = {JSON: body, **_binary(endpoint)}
        if endpoint.line is not None:
            text = "A document a line: a text, or an object as in `documents`"
            bodies[NDJSON] = {"schema": {"type": "string", "description": text}}
        return bodies

    def _answers(self, endpoint: Endpoint) -> dict[str, Any]:
        if endpoint.media_type != JSON:
            return {endpoint.media_type: {"schema": {"type": "string"}}}
        answers = {JSON: {"schema": self._schema(endpoint, "answer")}}
        if endpoint.line is not None:
            text = "A tagged document, or why there is none, for each line"
            answers[NDJSON] = {"schema": {"type": "string", "description": text}}
        return answers | _binary(endpoint)

    def _refusals(self, endpoint: Endpoint) -> dict[str, Any]:
        causes = [*_ALWAYS, *(_OF_BODY if endpoint.body is not None else ("invalid",))]
        if endpoint.is_open:
            causes.remove("unauthorized")
        by_status: dict[int, list[Cause]] = {}
        for cause in causes:
            by_status.setdefault(STATUS[cause], []).append(cause)
        return {
            str(status): {
                "description": ", ".join(some),
                "headers": _headers(*(("Retry-After",) if status == STATUS["overloaded"] else ())),
                "content": {JSON: {"schema": self._schema(endpoint, "refusal")}},
            }
            for status, some in sorted(by_status.items())
        }


def _binary(endpoint: Endpoint) -> dict[str, Any]:
    schema = {"type": "string", "format": "binary", "description": "The same with binary tensors"}
    return {BINARY: {"schema": schema}} if endpoint.has_binary_form else {}


def _headers(*more: str) -> dict[str, Any]:
    named = {
        "X-Request-Id": ("The id of the request, as in the log", "string"),
        "Retry-After": ("Seconds after which the request may be sent again", "integer"),
    }
    return {
        name: {"description": named[name][0], "required": True, "schema": {"type": named[name][1]}}
        for name in ("X-Request-Id", *more)
    }


def _of_path(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    for match in _PARAMETER.finditer(endpoint.path):
        yield {
            "name": match[1],
            "in": "path",
            "required": True,
            "description": "Name of the model",
            "schema": {"type": "string"},
        }


def _of_headers(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    if endpoint.has_binary_form:
        yield {
            "name": JSON_LENGTH,
            "in": "header",
            "required": False,
            "description": "Length of the JSON before binary tensors",
            "schema": {"type": "integer", "minimum": 0},
        }


def _plain(schema: Any) -> Any:
    """A schema without titles, and with the first paragraph of docstrings."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain: dict[str, Any] = {}
    for name, value in schema.items():
        if name == "title" and isinstance(value, str):
            continue
        if name == "description" and isinstance(value, str):
            plain[name] = " ".join(value.partition("\n\n")[0].split())
        elif name == "properties":
            plain[name] = {key: _plain(each) for key, each in value.items()}
        else:
            plain[name] = _plain(value)
    return plain


def document(contracts: Contracts, *, has_keys: bool = False) -> dict[str, Any]:
    """The OpenAPI document of a server.

    Args:
        contracts: The endpoints of each contract.
        has_keys: Whether the server wants a key.
    """
    return _Document(contracts, has_keys=has_keys).content


def endpoints(contracts: Contracts, *, has_keys: bool) -> tuple[Endpoint, ...]:
    """The endpoints of the document and of its page, which need no key.

    Args:
        contracts: The endpoints of each contract; those that are returned may be added later.
        has_keys: Whether the server wants a key.
    """

    @cache
    def made() -> dict[str, Any]:
        return document(contracts, has_keys=has_keys)

    async def show(call: Call) -> dict[str, Any]:
        root = call.request.scope.get("root_path", "")
        return {**made(), "servers": [{"url": root or "/"}]}

    @cache
    def page() -> tuple[bytes, str]:
        return _page(made())

    async def show_page(call: Call) -> Response:  # noqa: ARG001 - a handler
        content, policy = page()
        return Response(
            content, media_type="text/html", headers={"Content-Security-Policy": policy}
        )

    get: dict[str, Any] = {"method": "GET", "is_open": True}
    return (
        Endpoint("/openapi.json", show, "This description", answer=dict[str, Any], **get),
        Endpoint("/docs", show_page, "This page", media_type="text/html", **get),
    )


def _page(content: dict[str, Any]) -> tuple[bytes, str]:
    """The page of a document, and its content security policy."""
    from nerine.evaluation.report.rendering import environment, shown

    style = (_FOLDER / "docs.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    template = environment(shown, _FOLDER).get_template("docs.html")
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in content["paths"].items():
        for method, operation in methods.items():
            fields = {"path": path, "method": method.upper(), **operation}
            groups.setdefault(operation["tags"][0], []).append(fields)
    values = {"content": content, "groups": groups, "style": style, "pretty": _pretty}
    return template.render(values).encode(), policy


def _pretty(example: Any) -> str:
    return json.dumps(example, indent=2, ensure_ascii=False)
