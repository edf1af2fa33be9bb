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
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
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
