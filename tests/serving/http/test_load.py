"""A server under load and faults: every answer is the tagger's, nothing is lost or left over."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs the extra serve")

import uvicorn

from bench.serving.answers import Found, expected_of, is_same
from bench.serving.connection import Answer, Connection, ask, request
from nerine.model.tagger import Tagger
from nerine.serving.http.app import AppOptions, make_app
from nerine.serving.http.limits import Limits
from nerine.serving.http.service import ServedModel
from processes import ServerProcess, serve
from tiny import documents
from traffic import BODY, CHARACTERS, MEGABYTE, PATIENCE, Visit, go_through, mixed_visits

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals and /proc of Linux")

KEY = "of-the-house"
GOOD = {"Authorization": f"Bearer {KEY}"}
TEXTS = [document.text for document in documents()]
LONG = " ".join(TEXTS * 20)
QUEUE = 10**9
"""So long that nothing is refused."""
USERS = 8
MINUTES = 10
LARGE, EARLY = 60, 180
"""Seconds of large texts, and then of mixed ones, after which memory stays as it is."""
GROWTH = 20_000_000
THREADS = 3 * (os.cpu_count() or 1) + 8
"""The most threads: the loop's, those of the scheduler and of onnxruntime, and asyncio's pool."""


@pytest.fixture(scope="module")
def tagger(onnx_checkpoint: Path) -> Tagger:
    return Tagger.load(onnx_checkpoint)


def tag_request(*texts: str) -> bytes:
    return request("/tag", json.dumps({"documents": texts}).encode(), GOOD)


def check(answer: Answer | None, expected: Mapping[str, list[Found]]) -> str:
    """Checks that an answer has the entities of the version that it names; the version."""
    assert answer is not None
    assert answer.status == 200, answer.body
    content = json.loads(answer.body)
    version = str(content["version"])
    for found, entities in zip(content["documents"], expected[version], strict=True):
        ranges = [
            (each["start"], each["end"], each["label"], each["score"]) for each in found["entities"]
        ]
        assert is_same(ranges, entities)
    return version


def port_of(server: ServerProcess) -> int:
    return int(server.url.rpartition(":")[2])


async def until(is_so: Callable[[], bool]) -> None:
    """Waits for something that comes, however busy the machine is."""
    async with asyncio.timeout(PATIENCE):
        while not is_so():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def serving(model: ServedModel) -> AsyncIterator[int]:
    """Serves a model in this loop, and gives the port; at its end no task is left."""
    limits = Limits(body=BODY, characters=CHARACTERS, queue=QUEUE, seconds=int(PATIENCE))
    app = make_app([model], AppOptions(limits, (KEY,)))
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="on")
    )
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started or running.done())
    before = asyncio.all_tasks()
    yield server.servers[0].sockets[0].getsockname()[1]
    await until(lambda: asyncio.all_tasks() == before)
    server.should_exit = True
    await running


# --- mixed load


def test_mixed_load_is_answered_as_by_the_tagger_and_leaves_no_task(tagger: Tagger) -> None:
    visits = mixed_visits(tagger, KEY)

    async def run() -> None:
        async with serving(ServedModel.of("tiny", tagger)) as port:
            report = await go_through(port, visits, users=USERS, requests=200)
        assert report.faults == []
        assert {kind for kind, _ in report.counts} == {visit.kind for visit in visits}
        assert report.counts.total() == 200

    asyncio.run(run())


def resident(server: ServerProcess) -> int:
    """The bytes of its memory."""
    pages = Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")


def held(server: ServerProcess) -> dict[str, int]:
    """What a server holds: descriptors, connections among them, threads and processes."""
    place = Path(f"/proc/{server.process.pid}")
    return {
        "descriptors": len(list((place / "fd").iterdir())),
        "threads": max(THREADS, len(list((place / "task").iterdir()))),
        "processes": len(server.children),
    }


@pytest.mark.slow
def test_ten_minutes_of_mixed_load_leak_nothing(onnx_checkpoint: Path, tagger: Tagger) -> None:
    visits = mixed_visits(tagger, KEY, long_words=20_000)
    limits = {"max-body": BODY, "max-characters": CHARACTERS, "queue": QUEUE, "timeout": 120}
    options = [f"--{name}={value}" for name, value in limits.items()]
    with serve(onnx_checkpoint, f"--key={KEY}", "--log=none", *options) as server:
        at_rest = held(server)
        asking = request("/metrics", b"", GOOD, method="GET")

        async def run(some: list[Visit], seconds: float) -> int:
            report = await go_through(
                port_of(server), some, users=2 * USERS, requests=1_000_000, seconds=seconds
            )
            assert report.faults == []
            metrics = ""
            async with asyncio.timeout(PATIENCE):  # texts of clients that went away are dropped
                while "nerine_waiting_subwords 0.0" not in metrics:
                    answer = await ask(port_of(server), asking)
                    assert answer is not None
                    metrics = answer.body.decode()
            assert 'status="5' not in metrics
            await until(lambda: held(server) == at_rest)
            return resident(server)

        large = [visit for visit in visits if len(visit.content) > MEGABYTE / 20]
        asyncio.run(run(large, LARGE))  # all users at once need the most memory
        early = asyncio.run(run(visits, EARLY))
        late = asyncio.run(run(visits, 60 * MINUTES - EARLY - LARGE))
        assert late - early < GROWTH
        server.send(signal.SIGTERM)
        assert server.ended() == 0
        assert server.log == ""


# --- faults


def test_sigterm_under_load_answers_every_request_that_was_accepted(
    onnx_checkpoint: Path, tagger: Tagger
) -> None:
    content = tag_request(*TEXTS, LONG)
    version = ServedModel.of("run", tagger).version
    expected = {version: list(map(expected_of, tagger.predict([*TEXTS, LONG])))}
    answers: list[list[Answer | None]] = [[] for _ in range(USERS)]

    async def use(server: ServerProcess, own: list[Answer | None]) -> None:
        connection = await Connection.open(port_of(server))
        while connection.is_open:
            own.append(await asyncio.wait_for(connection.ask(content), PATIENCE))

    async def run(server: ServerProcess) -> None:
        users = asyncio.gather(*(use(server, own) for own in answers))
        await until(lambda: users.done() or all(len(own) >= 2 for own in answers))
        server.send(signal.SIGTERM)
        await users
        assert server.ended() == 0

    with serve(onnx_checkpoint, f"--key={KEY}", f"--queue={QUEUE}") as server:
        asyncio.run(run(server))
    for own in answers:
        for answer in own:
            assert check(answer, expected) == version
        assert own[-1] is not None
        assert own[-1].headers["connection"] == "close"


def test_a_worker_that_is_killed_under_load_is_noticed_and_replaced(
    onnx_checkpoint: Path,
) -> None:
    content = tag_request(*TEXTS)
    statuses: list[int] = []
    is_over = False

    async def use(server: ServerProcess) -> None:
        connection = await Connection.open(port_of(server))
        while not is_over:
            if not connection.is_open:
                connection = await Connection.open(port_of(server))
            answer = await asyncio.wait_for(connection.ask(content), PATIENCE)
            statuses.append(answer.status if answer else 0)
        connection.close()

    async def run(server: ServerProcess) -> None:
        nonlocal is_over
        await until(lambda: len(server.children) == 2)
        users = asyncio.gather(*(use(server) for _ in range(USERS)))
        await until(lambda: len(statuses) > 4 * USERS)
        killed = server.children[0]
        os.kill(killed, signal.SIGKILL)
        await until(lambda: f"worker {killed} ended by signal 9" in server.log)
        await until(lambda: len(server.children) == 2)
        at_least = len(statuses) + 4 * USERS
        await until(lambda: len(statuses) > at_least)
        is_over = True
        await users

    with serve(onnx_checkpoint, f"--key={KEY}", f"--queue={QUEUE}", "--workers=2") as server:
        asyncio.run(run(server))
        server.send(signal.SIGTERM)
        assert server.ended() == 0
    assert set(statuses) <= {0, 200}
    assert statuses.count(0) <= USERS  # those that the worker had when it was killed


def test_reloads_under_load_fail_no_request_and_answers_are_of_the_model_they_name(
    checkpoint_of: Callable[..., Path], tmp_path: Path
) -> None:
    folders = [checkpoint_of("bert"), checkpoint_of("bert", scheme="BIOES")]
    taggers = [Tagger.load(folder, device="cpu") for folder in folders]
    models = [ServedModel.of("a", tagger) for tagger in taggers]
    expected = {
        model.version: list(map(expected_of, model.tagger.predict(TEXTS))) for model in models
    }
    assert len(expected) == 2
    place = tmp_path / "served"
    place.symlink_to(folders[0])
    served = ServedModel.of(
        "a", Tagger.load(place, device="cpu"), lambda: Tagger.load(place, device="cpu")
    )
    content = tag_request(*TEXTS)
    versions: list[str] = []
    is_over = False

    async def use(port: int) -> None:
        connection = await Connection.open(port)
        while not is_over:
            answer = await asyncio.wait_for(connection.ask(content), PATIENCE)
            versions.append(check(answer, expected))
        connection.close()

    async def run() -> None:
        nonlocal is_over
        async with serving(served) as port:
            users = asyncio.gather(*(use(port) for _ in range(USERS)))
            for folder, model in zip(folders[::-1] * 2, models[::-1] * 2, strict=False):
                replacement = tmp_path / "next"
                replacement.symlink_to(folder)
                replacement.replace(place)
                reloaded = await ask(port, request("/reload", b"{}", GOOD))
                assert reloaded is not None
                assert json.loads(reloaded.body) == {
                    "models": [{"name": "a", "version": model.version}]
                }
                count = versions.count(model.version)
                await until(
                    lambda: users.done() or versions.count(model.version) > count + USERS  # noqa: B023
                )
            is_over = True
            await users

    asyncio.run(run())
    assert set(versions) == set(expected)
