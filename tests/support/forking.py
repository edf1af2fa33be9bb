"""A program that loads a tagger, uses it, and forks: what each forked process says, as JSON.

python tests/support/forking.py FOLDER BACKEND

It runs with several threads, unlike the other tests. Each forked process does one thing and ends;
one that does not end in time is killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from nerine.core.document import Document
from nerine.core.errors import NerineError
from nerine.model.tagger import Tagger

TEXTS = [
    "Mira Okonjo left Tandem Labs for Lisbon.",
    "In Lisbon it rains, said Jonas.",
    "The train to New York was late. " * 4,
]
ENDING = ("many texts", "exits")
SECONDS = 120.0
"""The time for a forked process, generous for a busy machine; most need less than one second."""


def found(documents: Iterable[Document]) -> list[Any]:
    """The entities of documents, for JSON and for comparing."""
    return [
        [
            [each.start, each.end, each.label, round(each.score or 0, 4)]
            for each in document.entities
        ]
        for document in documents
    ]


def in_fork(task: Callable[[], Any], *, exits: bool = False) -> dict[str, Any]:
    """What `task` returns in a forked process, under `result`, and how that process ended.

    With `exits` it ends as Python programs do, which takes time, else at once.
    """
    reader, writer = os.pipe()
    process = os.fork()
    if not process:
        os.close(reader)
        try:
            answer = json.dumps({"result": task()})
        except NerineError as error:
            answer = json.dumps({"error": str(error)})
        os.write(writer, answer.encode())
        if exits:
            sys.exit(0)
        os._exit(0)
    os.close(writer)
    deadline = time.monotonic() + SECONDS
    ended, status = os.waitpid(process, os.WNOHANG)
    while not ended and time.monotonic() < deadline:
        time.sleep(0.02)
        ended, status = os.waitpid(process, os.WNOHANG)
    if not ended:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    with os.fdopen(reader) as answers:
        said = json.loads(answers.read() or "{}")
    return {**said, "end": status if ended else "it hangs"}


def main(folder: Path, backend: str) -> None:
    """Prints what each forked process says, by the name of its task."""
    tagger = Tagger.load(folder, device="cpu", backend=backend)
    pickled = pickle.dumps(tagger)
    tasks: dict[str, Callable[[], Any]] = {
        "calls": lambda: found(map(tagger, TEXTS)),
        "many texts": lambda: found(tagger.predict(TEXTS * 20))[: len(TEXTS)],
        "in a thread": lambda: found(ThreadPoolExecutor(1).submit(tagger.predict, TEXTS).result()),
        "asyncio": lambda: found(asyncio.run(tagger.apredict(TEXTS))),
        "loads": lambda: found(Tagger.load(folder, device="cpu", backend=backend).predict(TEXTS)),
        "unpickles": lambda: found(pickle.loads(pickled).predict(TEXTS)),
        "has the model": lambda: pickle.loads(pickled).inference is tagger.inference,
        "exits": lambda: None,
    }
    before = {name: in_fork(tasks[name]) for name in ("calls", "loads")}
    expected = found(tagger.predict(TEXTS))
    tagger.predict(TEXTS * 20)  # in threads of all libraries
    assert found(map(tagger, TEXTS)) == expected
    stream = tagger.pipe([TEXTS[1]] * 400)  # the first 256 are tagged together
    next(stream)
    after = {name: in_fork(task, exits=name in ENDING) for name, task in tasks.items()}
    after["reads on"] = in_fork(lambda: len(list(stream)))
    print(json.dumps({"expected": expected, "before": before, "after": after}))
    assert len(list(stream)) == 399


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
