"""The OpenAPI document, its page, and answers that keep to the document."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from nerine.model.tagger import Tagger
from nerine.serving.http.app import AppOptions
from servers import serving

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@schemathesis.serializer("application/x-ndjson")
def lines(_: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def operations(url: str) -> list[Any]:
    schema: Any = schemathesis.openapi.from_url(f"{url}/openapi.json")
    return [result.ok() for result in schema.get_all_operations()]


def go_through(url: str, examples: int) -> None:
    """Calls each operation with bodies and parameters that fit its description, and others."""
    found = operations(url)
    assert len(found) > 25
    for operation in found:
        # a request without a body and parameters cannot be wrong
        for mode in GenerationMode if operation.body else [GenerationMode.POSITIVE]:
            strategy = operation.as_strategy(generation_mode=mode)

            @settings(
                max_examples=examples,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            )
            @given(case=strategy)
            def call(case: Any) -> None:
                case.call_and_validate(checks=CHECKS, timeout=60)

            call()


def test_answers_keep_to_the_document(url: str) -> None:
    go_through(url, 3)


@pytest.mark.slow
def test_answers_to_many_requests_keep_to_the_document(url: str) -> None:
    go_through(url, 60)


# --- the document


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def test_every_path_is_described(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert {
        *("/tag", "/explain", "/reload", "/info", "/health", "/livez", "/readyz", "/ping"),
        *("/metrics", "/", "/predict", "/invocations", "/analyze", "/supportedentities"),
        *("/recognizers", "/setup", "/webhook", "/versions", "/validate", "/train"),
        *("/job_status", "/v2", "/v2/models/{model}/infer", "/v1/models/{model}:predict"),
        *("/ent", "/openapi.json", "/docs"),
    } <= set(document["paths"])
    assert set(document["paths"]["/"]) == {"get", "post"}


def test_every_operation_says_what_it_takes_and_gives(document: dict[str, Any]) -> None:
    names = []
    for methods in document["paths"].values():
        for method, operation in methods.items():
            names.append(operation["operationId"])
            (first, *others) = operation["responses"]
            assert first in ("200", "201")
            assert others
            for response in operation["responses"].values():
                assert response["description"]
                for body in response["content"].values():
                    assert body["schema"]
            assert ("requestBody" in operation) == (method == "post")
    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert named == set(schemas)
    assert all(schema.get("description") for schema in schemas.values())


def test_a_body_may_have_its_other_forms(document: dict[str, Any]) -> None:
    tag = document["paths"]["/tag"]["post"]
    forms = ["application/json", "application/x-ndjson"]
    assert list(tag["requestBody"]["content"]) == forms
    assert list(tag["responses"]["200"]["content"]) == forms
    infer = document["paths"]["/v2/models/{model}/infer"]["post"]
    assert list(infer["requestBody"]["content"]) == [forms[0], "application/octet-stream"]
    assert {"model", "offset_unit"} < {each["name"] for each in tag["parameters"]}


def test_examples_are_answered(client: httpx.Client, document: dict[str, Any]) -> None:
    count = 0
    for path, methods in document["paths"].items():
        if path == "/reload" or "post" not in methods:
            continue
        body = methods["post"]["requestBody"]["content"]["application/json"]
        answer = client.post(path.replace("{model}", "named"), json=body["example"])
        assert answer.is_success, (path, answer.text)
        count += 1
    assert count > 10


def test_keys_are_in_the_document_of_a_server_that_wants_one(
    named: Tagger, document: dict[str, Any]
) -> None:
    assert "securitySchemes" not in document["components"]
    with serving(named, AppOptions(keys=("secret",))) as url:
        other = httpx.get(f"{url}/openapi.json").json()
        page = httpx.get(f"{url}/docs").text
    assert set(other["components"]["securitySchemes"]) == {"bearer", "basic", "header"}
    assert "security" in other["paths"]["/tag"]["post"]
    assert "security" not in other["paths"]["/health"]["get"]
    assert "wants a key" in page


# --- the page


def test_the_page_shows_every_operation_and_loads_nothing(
    client: httpx.Client, document: dict[str, Any]
) -> None:
    answer = client.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src")
    page = answer.text
    for path in document["paths"]:
        assert path in page
    assert not re.search(r"<script|<link|<img|\son\w+=|https?://", page)
    assert set(re.findall(r'href="([^"#]+)', page)) == {"openapi.json"}


def test_links_of_the_page_lead_somewhere(client: httpx.Client) -> None:
    page = client.get("/docs").text
    places = re.findall(r'\bid="([^"]+)"', page)
    assert len(places) == len(set(places))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(places)


def test_the_page_keeps_to_its_own_policy(url: str, browser: Any) -> None:
    page = browser.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{url}/docs")
    assert page.get_by_role("heading", name="Hugging Face").is_visible()
    page.get_by_role("link", name="EntityGroup").first.click()
    assert page.url.endswith("#schema-EntityGroup")
    margin = page.evaluate("getComputedStyle(document.body).maxWidth")
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()
    assert margin == "960px"
    assert said == []
    assert [each.partition("#")[0] for each in asked] == [f"{url}/docs"]
