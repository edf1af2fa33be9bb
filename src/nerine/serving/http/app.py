"""The ASGI app: all contracts on one port."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Router
from starlette.types import ASGIApp

from nerine.serving.http.gate import Gate
from nerine.serving.http.limits import Limits
from nerine.serving.http.metrics import Metrics
from nerine.serving.http.routes import health, native
from nerine.serving.http.service import ServedModel, Service


@dataclass(frozen=True, slots=True)
class AppOptions:
    """The options of an app.

    Attributes:
        limits: The limits.
        keys: Keys of which a request must have one; without any, every request is admitted.
        origins: The origins of pages elsewhere that may use the server; by default none.
    """

    limits: Limits = field(default_factory=Limits)
    keys: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


def make_app(models: Sequence[ServedModel] | Service, options: AppOptions | None = None) -> ASGIApp:
    """The app that serves models, for an ASGI server or to be mounted in another app.

    Its threads start with the app's lifespan, or with its first request where it is mounted.

    Args:
        models: The models, or a service that has them.
        options: The options.

    Raises:
        SettingsError: If two models have the same name, or there is none.
    """
    options = options or AppOptions()
    service = models if isinstance(models, Service) else Service(models, options.limits)
    metrics = Metrics(service)
    endpoints = (*native.ENDPOINTS, *health.endpoints(metrics))

    @contextlib.asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        service.start()
        yield
        service.stop(service.limits.seconds)

    router = Router([endpoint.route(service) for endpoint in endpoints], lifespan=lifespan)
    open_paths = frozenset(endpoint.path for endpoint in endpoints if endpoint.is_open)
    gate = Gate(router, options.keys, open_paths, metrics)
    if not options.origins:
        return gate
    return CORSMiddleware(
        gate,
        allow_origins=options.origins,
        allow_methods=("GET", "POST"),
        allow_headers=("Authorization", "Content-Type", "X-Api-Key", "X-Request-Id"),
        expose_headers=("Retry-After", "X-Request-Id"),
    )
