"""The ASGI app: all contracts on one port."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from starlette.routing import Router
from starlette.types import ASGIApp

from nerine.core.arguments import check_fields, checked
from nerine.core.errors import SettingsError
from nerine.serving.http.gate import Gate
from nerine.serving.http.limits import Limits
from nerine.serving.http.metrics import Metrics
from nerine.serving.http.models import Models, served_models
from nerine.serving.http.routes import (
    displacy,
    health,
    huggingface,
    inference_protocol,
    label_studio,
    native,
    openapi,
    page,
    predict,
    presidio,
)
from nerine.serving.http.service import Service


@dataclass(frozen=True, slots=True)
class AppOptions:
    """The options of an app.

    Attributes:
        limits: The limits.
        keys: The accepted keys; a request needs one of them. Without any, all are admitted.
        origins: The origins of pages elsewhere that may use the server; by default none.
        languages: The languages of the models, which Presidio's clients state.

    Raises:
        SettingsError: If an option has another type, a key is empty, or no language is given.
    """

    limits: Limits = field(default_factory=Limits)
    keys: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    languages: tuple[str, ...] = ("en",)

    def __post_init__(self) -> None:
        check_fields(self, SettingsError)
        if not all(self.keys):
            raise SettingsError("a key is empty", expected="keys with characters", place="keys")
        if not self.languages:
            expected = "one language or more, such as en"
            raise SettingsError("there is no language", expected=expected, place="languages")


@checked
def make_app(models: Models | Service, options: AppOptions | None = None) -> ASGIApp:
    """The app that serves models, for an ASGI server or to be mounted in another app.

    Its threads start with the app's lifespan, or with its first request where it is mounted.

    Args:
        models: A tagger, a folder or a hub id, several of them, a mapping of names to them, or a
            service that has them. The first one is used where a request names none.
        options: Limits, keys, and origins of pages elsewhere.

    Raises:
        ArgumentError: If the options are not `AppOptions`.
        SettingsError: If a model is not one, two have the same name, or there is none.
        NerineError: If a model cannot be loaded, or fails on an ordinary text.
    """
    options = options or AppOptions()
    if isinstance(models, Service):
        service = models
    else:
        service = Service(served_models(models), options.limits)
    metrics = Metrics(service)
    contracts = {
        "Nerine": native.ENDPOINTS,
        "Server": health.endpoints(metrics),
        "Hugging Face": (*huggingface.ENDPOINTS, *predict.ENDPOINTS),
        "Label Studio": label_studio.ENDPOINTS,
        "Presidio": presidio.endpoints(options.languages),
        "Open Inference Protocol": inference_protocol.ENDPOINTS,
        "displaCy": displacy.ENDPOINTS,
    }
    contracts["Documentation"] = openapi.endpoints(contracts, has_keys=bool(options.keys))
    endpoints = [endpoint for contract in contracts.values() for endpoint in contract]
    endpoints += page.endpoints()

    @contextlib.asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        service.start()
        yield
        service.stop(service.limits.seconds)

    routes = [endpoint.route(service) for endpoint in endpoints]
    router = Router(routes, redirect_slashes=False, lifespan=lifespan)
    open_paths = frozenset(endpoint.path for endpoint in endpoints if endpoint.is_open)
    gate = Gate(router, options.keys, open_paths, metrics)
    if not options.origins:
        return gate
    from starlette.middleware.cors import CORSMiddleware

    return CORSMiddleware(
        gate,
        allow_origins=options.origins,
        allow_methods=("GET", "POST"),
        allow_headers=("Authorization", "Content-Type", "X-Api-Key", "X-Request-Id"),
        expose_headers=("Retry-After", "X-Request-Id"),
    )
