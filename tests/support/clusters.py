"""Clusters of Ray with several nodes on this machine, and taggers that misbehave on them."""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engines import FEW_MB, give_paths, note
from nerine.core.document import Document
from nerine.core.streams import Pause
from nerine.model.inference import Failure
from nerine.serving.files import TaggingOptions, TaggingPlan, durable, plan_tagging
from slow_tagger import SlowTagger
from streams import files_in

DEADLY = "deadly"
_PATIENCE = 120  # seconds


@contextlib.contextmanager
def ray_cluster(environment: pytest.MonkeyPatch, nodes: int) -> Iterator[Any]:
    """A cluster whose `nodes` have a CPU each, next to a head without any.

    This process is connected to it.
    """
    ray = pytest.importorskip("ray", reason="needs the extra ray: make engines")
    utils = importlib.import_module("ray.cluster_utils")
    give_paths(environment)
    environment.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # as later versions do
    head = {
        "num_cpus": 0,
        "object_store_memory": FEW_MB,
        "include_dashboard": False,
        "_system_config": {"health_check_period_ms": 1000},
    }
    cluster = utils.Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(nodes):
            add_node(cluster)
        ray.init(cluster.address, log_to_driver=False, logging_level="ERROR")
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def add_node(cluster: Any) -> Any:
    """One more node with a CPU."""
    return cluster.add_node(num_cpus=1, object_store_memory=FEW_MB)


def records(path: Path, number: int, deadly: int | None = None) -> Path:
    """A file of so many JSON lines, one of which may hold a text that kills."""
    texts = [f"Mira was in Oslo {n}" if n != deadly else f"So {DEADLY}" for n in range(number)]
    lines = (json.dumps({"id": n, "text": text}) for n, text in enumerate(texts))
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def sharded(source: Path, output: Path, start: Any = "new") -> TaggingPlan:
    """A run with shards of about a hundred of these records."""
    return plan_tagging(
        [source], output, TaggingOptions(shards=True, shard_bytes=5000, start=start)
    )


def outputs_of(folder: Path) -> dict[str, bytes]:
    """The outputs and failures of a run."""
    found = {name: data for name, data in files_in(folder).items() if ".tagging" not in name}
    failed = folder.with_name(f"{folder.name}.failed")
    return {**found, **{f"failed {name}": data for name, data in files_in(failed).items()}}


def wait_until(condition: Callable[[], object]) -> None:
    """Waits until it holds; fails if that takes minutes."""
    end = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < end, "this does not happen"
        time.sleep(0.05)


class At:
    """A listener that does something once so many shards are done."""

    def __init__(self, shards: int, deed: Callable[[], object]) -> None:
        self._shards, self._deed = shards, deed
        self.is_done = False

    def started(self, name: str, done: int, size: int | None) -> None:
        """Does nothing."""

    def advanced(self, done: int, documents: int) -> None:
        """Does the deed, once."""
        if done >= self._shards and not self.is_done:
            self.is_done = True
            self._deed()


class NotingTagger(SlowTagger):
    """Notes its process in a file at each shard, and ends the process at a `DEADLY` text.

    Args:
        notes: The file.
        is_mortal: Whether such a text ends it.
    """

    def __init__(self, notes: Path, *, is_mortal: bool = True) -> None:
        self.notes, self._is_mortal = notes, is_mortal

    def pipe_with_errors(
        self, texts: Iterable[str | Document | Pause]
    ) -> Generator[Document | Failure]:
        """Tags the texts of a shard."""
        note(str(self.notes))
        for each in super().pipe_with_errors(texts):
            if self._is_mortal and isinstance(each, Document) and DEADLY in each.text:
                os._exit(1)
            yield each

    @property
    def processes(self) -> list[int]:
        """The processes that were noted, in order."""
        lines = self.notes.read_text().split() if self.notes.exists() else []
        return [int(line) for line in lines]


class FullDisk(SlowTagger):
    """Lets the disk of one node be full.

    Args:
        node: The id of the node; None for all.
    """

    def __init__(self, node: str | None) -> None:
        self._node = node

    def pipe_with_errors(
        self, texts: Iterable[str | Document | Pause]
    ) -> Generator[Document | Failure]:
        """Tags the texts of a shard, whose output cannot be written then."""
        ray = importlib.import_module("ray")
        if self._node in (None, ray.get_runtime_context().get_node_id()):
            durable.append = _fails
        yield from super().pipe_with_errors(texts)


def _fails(stream: Any, content: bytes) -> None:
    stream.write(content[: len(content) // 2])
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
