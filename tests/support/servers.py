"""Servers on loopback, in a thread of the test's own process, and a tagger whose finds are known.

::

    with serving(named_tagger(tmp_path)) as url:
        httpx.post(f"{url}/tag", json={"documents": ["Mira left Oslo"]})
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from lookup import Opinion, make_lookup
from nerine.core.document import Document
from nerine.model.tagger import Tagger
from nerine.serving.http.app import AppOptions, make_app
from nerine.serving.http.service import ServedModel, Service

SECONDS = 60
"""The time that a server has to start and to end, generous for a busy machine."""

LABELS = ("location", "organization", "person")
OPINIONS: dict[str, Opinion] = {
    "mira": "B-person",
    "okonjo": "I-person",
    "jonas": {"B-person": 0.6, "B-location": 0.2},
    "ana": "B-person",
    "oslo": "B-location",
    "lisbon": {"B-location": 0.8, "B-organization": 0.1},
    "tandem": "B-organization",
    "labs": "I-organization",
}
"""What the named tagger knows. *Ana Mira* are two persons; *Jonas* and *Lisbon* are less sure."""

TEXTS = (
    "Mira Okonjo left Tandem Labs for Lisbon.",
    "Nobody was there.",
    "",
    "😀 Ana Mira and Jonas, in Oslo 🎉 with Tandem Labs",
    "e\u0301te\u0301: Jonas",
)
"""Texts with names, without any, an empty one, and some whose units of offsets differ."""


def expected(document: Document) -> list[dict[str, Any]]:
    """The entities of a document on the wire."""
    return [
        {
            "start": each.start,
            "end": each.end,
            "label": each.label,
            "text": document.surface(each),
            "score": pytest.approx(each.score, abs=1e-5),
        }
        for each in document.entities
    ]


def named_tagger(folder: Path, name: str = "named") -> Tagger:
    """A tagger that finds the names of `OPINIONS` and nothing else, with fixed scores."""
    if not (folder / name).exists():
        make_lookup(folder / name, LABELS, OPINIONS, longest=64)
    return Tagger.load(folder / name, device="cpu")


@contextlib.contextmanager
def serving(
    models: Tagger | Sequence[ServedModel] | Service, options: AppOptions | None = None
) -> Iterator[str]:
    """Serves a tagger under the name `named`, or models, and gives the server's address."""
    if isinstance(models, Tagger):
        models = [ServedModel.of("named", models)]
    app = make_app(models, options)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_config=None, lifespan="on", timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    started = threading.Event()
    thread = threading.Thread(target=_run, args=(server, started), name="server", daemon=True)
    thread.start()
    assert started.wait(SECONDS)
    assert server.started, "the server did not start"
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(SECONDS)
    assert not thread.is_alive()


def _run(server: uvicorn.Server, started: threading.Event) -> None:
    startup = server.startup

    async def start(*arguments: object, **named: object) -> None:
        await startup(*arguments, **named)  # type: ignore[arg-type]
        started.set()

    server.startup = start  # type: ignore[method-assign]
    try:
        server.run()
    finally:
        started.set()
