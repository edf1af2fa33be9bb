"""Whether the server lives and is ready, what it serves, and its metrics."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from starlette.responses import Response

from nerine.evaluation.calibration import Thresholds
from nerine.evaluation.signs import Sign
from nerine.serving.http.endpoints import Call, Endpoint, Strict
from nerine.serving.http.limits import Limits
from nerine.serving.http.metrics import Metrics
from nerine.serving.http.problems import Problem


class Status(Strict):
    """The state of the server."""

    status: str


class Health(Status):
    """The state of the server, as Label Studio reads it."""

    model_class: str


class ModelOut(Strict):
    """A model."""

    name: str
    version: str
    labels: list[str]
    scheme: str
    words: str
    decoding: str
    max_length: int
    backend: str
    thresholds: dict[str, float] | None
    saved_thresholds: dict[str, float] | None
    rules: str | None
    notes: list[str]
    signs: list[Sign]


class Info(Strict):
    """The models, the default one first, and the limits."""

    models: list[ModelOut]
    limits: Limits
    nerine: str


async def live(call: Call) -> dict[str, str]:
    """Answers `/livez`: an error if a thread that runs the models has died or hangs."""
    if not call.service.is_alive:
        raise Problem("not-ready", "a thread that runs the models has died or hangs")
    return {"status": "live"}


async def ready(call: Call) -> dict[str, str]:
    """Answers `/readyz`: an error while the server starts or stops."""
    call.service.start()  # an app that is mounted in another one has no lifespan of its own
    if not call.service.is_ready:
        raise Problem("not-ready", "the server is starting or stopping")
    await live(call)
    return {"status": "ready"}


async def health(call: Call) -> dict[str, str]:
    """Answers `/health`, as Label Studio expects it."""
    await ready(call)
    return {"status": "UP", "model_class": "Nerine"}


async def info(call: Call) -> dict[str, Any]:
    """Answers `/info`: the models and the limits."""
    models = []
    for model in call.service.models:
        settings = model.tagger.settings
        models.append(
            {
                "name": model.name,
                "version": model.version,
                "labels": list(model.tagger.labels),
                "scheme": str(settings.scheme.name),
                "words": settings.words,
                "decoding": settings.decoding,
                "max_length": settings.max_length,
                "backend": model.tagger.inference.backend.name,
                "thresholds": _by_label(settings.labels, model.tagger.thresholds),
                "saved_thresholds": _by_label(settings.labels, model.tagger.saved_thresholds),
                "rules": None if model.tagger.rules is None else str(model.tagger.rules),
                "notes": list(model.tagger.notes),
                "signs": [dataclasses.asdict(sign) for sign in model.tagger.signs],
            }
        )
    limits = call.service.limits.to_dict()
    return {"models": models, "limits": limits, "nerine": version("nerine")}


def _by_label(labels: Iterable[str], thresholds: Thresholds | None) -> dict[str, float] | None:
    return None if thresholds is None else {label: thresholds.of(label) for label in labels}


def endpoints(metrics: Metrics) -> tuple[Endpoint, ...]:
    """The endpoints, with those metrics."""

    async def show(call: Call) -> Response:  # noqa: ARG001 - a handler
        return Response(metrics.text(), media_type=metrics.media_type)

    get: dict[str, Any] = {"method": "GET"}
    is_ready = "Whether the server is ready"
    return (
        Endpoint("/health", health, is_ready, answer=Health, **get, is_open=True),
        Endpoint(
            "/livez", live, "Whether the server is in order", answer=Status, **get, is_open=True
        ),
        Endpoint("/readyz", ready, is_ready, answer=Status, **get, is_open=True),
        Endpoint("/ping", ready, is_ready, answer=Status, **get, is_open=True),
        Endpoint("/info", info, "The models and the limits", answer=Info, **get),
        Endpoint("/metrics", show, "Metrics for Prometheus", **get, media_type="text/plain"),
    )
