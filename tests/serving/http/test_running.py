"""A server's life: its address, signals, reloads, processes and errors."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from nerine.core.errors import SettingsError
from nerine.model.tagger import Tagger
from nerine.serving.http.app import AppOptions, make_app
from nerine.serving.http.models import served_models
from nerine.serving.http.running import _Server, service_of
from nerine.serving.http.sockets import address_of, bound, bound_to_file, listen
from processes import PATIENCE, ServerProcess, lives, serve, until
from servers import TEXTS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals and /proc of Linux")

TEXT = "Mira Okonjo left Tandem Labs for Lisbon."

BLOCKED = """
import sys, time
from pathlib import Path

import nerine
from nerine.serving.http.service import ServedModel

folder, begun, go = map(Path, sys.argv[1:])
tagger = nerine.Tagger.load(folder)
model = ServedModel.of("run", tagger)
backend = tagger.inference.backend


class Blocked:
    def __getattr__(self, name):
        return getattr(backend, name)

    def logits(self, batch, *, alone=True):
        begun.touch()
        while not go.exists():
            time.sleep(0.01)
        return backend.logits(batch, alone=alone)


from nerine.serving.http.limits import Limits
from nerine.serving.http.app import AppOptions

tagger.inference.backend = Blocked()
nerine.serve(model, AppOptions(Limits(queue=100_000)), port=0)
"""
"""A server whose model waits until a file is there."""


def tag(url: str, texts: list[str], **options: Any) -> Any:
    answer = httpx.post(f"{url}/tag", json={"documents": texts}, timeout=PATIENCE, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


def entities(answer: Any) -> list[list[tuple[int, int, str]]]:
    return [
        [(each["start"], each["end"], each["label"]) for each in document["entities"]]
        for document in answer["documents"]
    ]


def expected(tagger: Tagger, texts: list[str]) -> list[list[tuple[int, int, str]]]:
    return [
        [(each.start, each.end, each.label) for each in document.entities]
        for document in tagger.predict(texts)
    ]


def refuses(url: str) -> bool:
    """Whether no connection can be made."""
    try:
        httpx.get(f"{url}/livez", timeout=PATIENCE)
    except httpx.TransportError:
        return True
    return False


# --- the end


def test_accepted_requests_are_answered_after_sigterm(
    onnx_checkpoint: Path, tmp_path: Path
) -> None:
    begun, go = tmp_path / "begun", tmp_path / "go"
    answers: list[Any] = []
    with ServerProcess("-c", BLOCKED, onnx_checkpoint, begun, go) as server:
        asking = threading.Thread(target=lambda: answers.append(tag(server.url, [TEXT])))
        asking.start()
        until(begun.exists, "the model has begun")
        server.send(signal.SIGTERM)
        until(lambda: refuses(server.url), "new connections are refused")
        assert server.process.poll() is None
        assert answers == []
        go.touch()
        asking.join(PATIENCE)
        assert server.ended() == 0
    assert entities(answers[0]) == expected(Tagger.load(onnx_checkpoint), [TEXT])


def test_environment_grace_and_a_second_signal(onnx_checkpoint: Path, tmp_path: Path) -> None:
    environment = {
        "NERINE_SERVE_CHECKPOINTS": f"{onnx_checkpoint}=first {onnx_checkpoint}=second",
        "NERINE_SERVE_PORT": "0",
        "NERINE_SERVE_MAX_TEXTS": "2",
        "NERINE_SERVE_LOG": "json",
        "NERINE_SERVE_GRACE": "600",
        "NERINE_KEY": "sesame",
    }
    key = {"Authorization": "Bearer sesame"}
    with ServerProcess("-m", "nerine", "serve", environment=environment) as server:
        assert server.line.startswith('{"time"')
        assert httpx.get(f"{server.url}/info").status_code == 401
        info = httpx.get(f"{server.url}/info", headers=key).json()
        assert [model["name"] for model in info["models"]] == ["first", "second"]
        assert info["limits"]["texts"] == 2
        server.send(signal.SIGTERM)
        until(
            lambda: httpx.get(f"{server.url}/readyz").status_code == 503, "it says it is not ready"
        )
        assert httpx.get(f"{server.url}/livez").status_code == 200
        with httpx.Client(headers=key) as client:
            answer = client.post(f"{server.url}/tag", json={"documents": [TEXT]})
        assert answer.status_code == 200
        assert answer.headers["connection"] == "close"
        server.send(signal.SIGTERM)
        assert server.ended() == 1
        assert "second signal" in server.log
        assert TEXT not in server.log


SERVING = """
import json, os, signal, sys, threading, time

import httpx
import nerine
from nerine.model.tagger import Tagger

numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
before = [signal.getsignal(each) for each in numbers]
told = []


def ask(address):
    transport = httpx.HTTPTransport(uds=address.removeprefix("unix:"))
    with httpx.Client(transport=transport, base_url="http://server") as client:
        told.append(client.post("/tag", json={"documents": [sys.argv[3]]}, timeout=120).json())
    os.kill(os.getpid(), signal.SIGINT)


nerine.serve(
    {"mine": Tagger.load(sys.argv[1])},
    uds=sys.argv[2],
    ready=lambda address: threading.Thread(target=ask, args=(address,)).start(),
)
assert [signal.getsignal(each) for each in numbers] == before
assert not os.path.exists(sys.argv[2])
print(json.dumps(told))
"""


def test_serve_returns_after_a_signal_and_leaves_no_trace(
    onnx_checkpoint: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SERVING, onnx_checkpoint, tmp_path / "socket", TEXT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (answer,) = json.loads(done.stdout)
    assert answer["model"] == "mine"
    assert entities(answer) == expected(Tagger.load(onnx_checkpoint), [TEXT])
    assert " POST /tag 200 " in done.stderr


def test_a_connection_that_waits_to_be_accepted_is_answered_at_the_end(named: Tagger) -> None:
    async def life() -> bytes:
        with bound("127.0.0.1", 0) as place:
            listen(place)
            service = service_of(served_models(named), AppOptions())
            server = _Server(service, AppOptions(), 0.0, lambda: None, None)
            server.config.load()
            server.lifespan = server.config.lifespan_class(server.config)
            await server.startup([place])
            with socket.create_connection(place.getsockname()) as client:
                client.sendall(b"GET /livez HTTP/1.1\r\nHost: server\r\n\r\n")
                await server.shutdown([place])  # the loop had no time to accept it
                return client.recv(1024)

    assert asyncio.run(life()).startswith(b"HTTP/1.1 200 OK")


# --- reload


def replace(folder: Path, other: Path) -> None:
    shutil.rmtree(folder)
    shutil.copytree(other, folder)


def test_sighup_loads_the_models_again_and_a_failure_leaves_the_old_ones(
    checkpoint_of: Callable[..., Path], tmp_path: Path
) -> None:
    old, new = checkpoint_of("bert"), checkpoint_of("bert", labels=("thing", "place", "name"))
    folder = shutil.copytree(old, tmp_path / "run")
    taggers = {label: Tagger.load(each) for label, each in (("old", old), ("new", new))}
    found = {label: expected(each, [TEXT]) for label, each in taggers.items()}
    assert found["old"] != found["new"]
    with serve(folder) as server:
        versions = {"old": tag(server.url, [TEXT])["version"]}
        answers: list[Any] = []
        is_over = threading.Event()

        def keep_asking() -> None:
            while not is_over.is_set():
                answers.append(tag(server.url, [TEXT]))

        asking = threading.Thread(target=keep_asking)
        asking.start()
        until(lambda: answers, "the old model answers")
        replace(folder, new)
        server.send(signal.SIGHUP)
        until(lambda: "reloaded run" in server.log, "it has reloaded")
        until(lambda: answers[-1]["version"] != versions["old"], "the new model answers")
        is_over.set()
        asking.join(PATIENCE)
        versions["new"] = answers[-1]["version"]
        names = {version: label for label, version in versions.items()}
        for answer in answers:
            assert entities(answer) == found[names[answer["version"]]]

        (folder / "config.json").write_text("{")
        server.send(signal.SIGHUP)
        until(lambda: "reload failed" in server.log, "it says that it could not")
        assert entities(tag(server.url, [TEXT])) == found["new"]
        server.send(signal.SIGTERM)
        assert server.ended() == 0


# --- several processes


def test_a_worker_that_is_killed_is_replaced_and_signals_reach_all(onnx_checkpoint: Path) -> None:
    with serve(onnx_checkpoint, "--workers", 2) as server:
        until(lambda: len(server.children) == 2, "there are two workers")
        killed, other = server.children
        os.kill(killed, signal.SIGKILL)
        until(lambda: f"worker {killed} ended by signal 9" in server.log, "it is told")
        until(lambda: len(server.children) == 2, "there are two workers again")
        assert other in server.children
        assert killed not in server.children
        assert len(tag(server.url, [TEXT])["documents"]) == 1

        workers = server.children

        def all_said(what: str) -> bool:
            lines = server.log.splitlines()
            return all(
                any(f" {pid} " in line and what in line for line in lines) for pid in workers
            )

        def have_reloaded() -> bool:
            # one passes it on to the other, which hears nothing while it is starting
            assert httpx.post(f"{server.url}/reload", timeout=PATIENCE, json={}).status_code == 200
            time.sleep(0.2)
            return all_said(" reloaded ")

        until(have_reloaded, "both have reloaded")
        server.send(signal.SIGTERM)
        assert server.ended() == 0
        assert all_said(" stopped")


def test_workers_end_with_the_first_process(onnx_checkpoint: Path) -> None:
    with serve(onnx_checkpoint, "--workers", 2, "--log", "none") as server:
        workers = server.children
        assert workers
        server.send(signal.SIGKILL)
        server.ended()
        until(lambda: not any(map(lives, workers)), "the workers have ended")


# --- without torch


def test_an_onnx_checkpoint_is_served_without_torch_and_formats(onnx_checkpoint: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "sys.modules['torch'] = sys.modules['transformers'] = None\n"
        "from nerine.cli import main\n"
        "from nerine.serving.http import running\n"
        "run = running.run\n"
        "def told(*arguments, ready, **options):\n"
        "    def tell(address):\n"
        "        print(address, *(name for name, each in sys.modules.items() if each))\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "    run(*arguments, ready=tell, **options)\n"
        "running.run = told\n"
        "main(['serve', sys.argv[1], '--port', '0'])\n"
    )
    with ServerProcess("-c", code, onnx_checkpoint) as server:
        modules = set(server.line.split())
        assert server.ended() == 0
    assert "nerine.serving.http.scheduler" in modules
    unwanted = {"huggingface_hub", "rich", "jinja2", "httpx2", "nerine.data.formats.registry"}
    assert not unwanted & modules


# --- errors


def test_an_address_that_cannot_be_had_is_an_error(tmp_path: Path) -> None:
    with bound("127.0.0.1", 0) as taken:
        listen(taken)
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match="in use") as caught:
            bound("127.0.0.1", port)
        assert caught.value.place == f"127.0.0.1:{port}"
        assert "another port" in str(caught.value.hint)
    with pytest.raises(SettingsError, match="not an address of this machine"):
        bound("192.0.2.1", 0)
    with pytest.raises(SettingsError, match="not known"):
        bound("no host", 0)
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(SettingsError, match="not a socket"):
        bound_to_file(file)
    assert file.read_text() == "mine"
    with pytest.raises(SettingsError, match="No such file"):
        bound_to_file(tmp_path / "nowhere" / "socket")


def test_two_servers_that_begin_together_do_not_share_an_address() -> None:
    with bound("127.0.0.1", 0) as first, bound("127.0.0.1", first.getsockname()[1]) as second:
        listen(first)
        with pytest.raises(SettingsError, match="in use"):
            listen(second)


def test_the_socket_file_of_a_dead_server_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with bound_to_file(path) as first:
        listen(first)
        with pytest.raises(SettingsError, match="in use"):
            bound_to_file(path)
    assert path.exists()
    with bound_to_file(path) as second:
        assert address_of(second) == f"unix:{path}"


def test_addresses_of_version_6_are_written_in_brackets() -> None:
    try:
        found = bound("::1", 0)
    except SettingsError:
        pytest.skip("needs IPv6")
    with found:
        assert found.family == socket.AF_INET6
        assert address_of(found).startswith("http://[::1]:")


def test_models_have_names_by_their_folders(
    named: Tagger, checkpoint_of: Callable[..., Path]
) -> None:
    folder = checkpoint_of("bert")
    models = served_models([named, folder])
    assert [model.name for model in models] == ["named", folder.name]
    assert models[1].reloaded().version == models[1].version
    with pytest.raises(SettingsError, match="given as a tagger"):
        models[0].reloaded()
    with pytest.raises(SettingsError, match="a float cannot be served"):
        served_models([1.5])  # type: ignore[list-item] # on purpose


# --- in another app


def test_a_mounted_app_is_ready_and_tags(named: Tagger) -> None:
    app = Starlette(routes=[Mount("/ner", make_app(named))])

    async def ask() -> tuple[int, Any]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            ready = await client.get("/ner/readyz")
            answer = await client.post("/ner/tag", json={"documents": list(TEXTS)})
            return ready.status_code, answer.json()

    status, answer = asyncio.run(ask())
    assert status == 200
    assert entities(answer) == expected(named, list(TEXTS))


# --- other servers


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["uvicorn", "--port", "PORT", "service:app"],
        ["gunicorn", "-k", "asgi", "-w", "2", "--preload", "-b", "127.0.0.1:PORT", "service:app"],
    ],
    ids=["uvicorn", "gunicorn"],
)
def test_other_servers_run_the_app(words: list[str], onnx_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(
        f"import nerine\n\napp = nerine.make_app({str(onnx_checkpoint)!r})\n", encoding="utf-8"
    )
    with bound("127.0.0.1", 0) as place:
        url = address_of(place)
    command = [each.replace("PORT", url.rpartition(":")[2]) for each in words]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    process = subprocess.Popen(
        [sys.executable, "-m", *command], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: not refuses(url), "it takes connections")
        answers = [tag(url, [TEXT, "Mira"]) for _ in range(4)]
        process.terminate()
        assert process.wait(PATIENCE) in (0, -signal.SIGTERM)
    finally:
        process.kill()
    found = expected(Tagger.load(onnx_checkpoint), [TEXT, "Mira"])
    assert [entities(answer) for answer in answers] == [found] * 4
