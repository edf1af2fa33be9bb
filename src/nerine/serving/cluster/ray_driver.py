"""Tagging of files on a cluster of Ray.

::

    plan = plan_tagging(["posts/"], "tagged/", TaggingOptions(shards=True))
    summary = tag_on_ray(plan, tagger, workers=64, address="auto")

Workers are actors that hold a loaded tagger. The files of its checkpoint are put into the cluster's
store of objects once, and once into a folder of each machine. A worker that dies is replaced, and
its shard is tagged elsewhere. The driver gives out numbers of shards and hears how many documents
they had; outputs go from the workers to the file system, which all machines have to share.

The driver may be killed at any moment. Its workers end with it, and `start="resume"` continues.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nerine.core.errors import NerineError, SettingsError, TaggingError, first_line
from nerine.core.extras import import_extra
from nerine.core.ray_cluster import RayCluster, enter
from nerine.model.tagger import Tagger
from nerine.serving.cluster.driving import Drive
from nerine.serving.cluster.scheduler import ATTEMPTS
from nerine.serving.cluster.sending import (
    SentTagger,
    check_use,
    sent,
    threads_of,
)
from nerine.serving.cluster.worker import Failed, Tagged, failure_of, tag_here
from nerine.serving.files.attempts import ShardWork
from nerine.serving.files.blocks import Listener, StreamTagger, logger
from nerine.serving.files.identity import tagger_identity
from nerine.serving.files.plan import TaggingPlan, TaggingSummary
from nerine.serving.files.sharded import ShardedFolder

_PURPOSE = "tagging on Ray"
_GLANCE = 0.5  # seconds between two looks at the lease and at shards that take long
_WAITING = 60.0  # seconds until the user is told that no worker has begun


def tag_on_ray(
    plan: TaggingPlan,
    tagger: StreamTagger,
    *,
    workers: int | None = None,
    address: str | None = None,
    listener: Listener | None = None,
    attempts: int = ATTEMPTS,
) -> TaggingSummary:
    """Tags the shards of a planned run, as `nerine.serving.ray.tag_files`, and raises its errors.

    Args:
        plan: The run; its output is a folder with a file for each shard.
        tagger: The tagger.
        workers: The number of workers.
        address: The address of a cluster.
        listener: Receives the progress, counted in shards.
        attempts: Failures after which a shard is given up.
    """
    ray = import_extra("ray", "ray", _PURPOSE)
    _check_plan(plan)
    use = tagger_identity(tagger)
    threads = threads_of(tagger)
    cluster = RayCluster(address, workers, threads)

    def tag(folder: ShardedFolder) -> int:
        drive = Drive(folder, plan.inputs.files, listener, attempts)
        if drive.missing:
            with cluster.connected(TaggingError, _PURPOSE), _ray_errors(ray, folder):
                number = min(cluster.number_of_workers(ray), drive.missing)
                sending = sent(tagger, ray.put) if isinstance(tagger, Tagger) else tagger
                with _Crew(ray, ray.put(sending), use, number, threads) as crew:
                    _drive(drive, crew)
        drive.check_complete()
        return drive.documents

    return plan.run_shards(tag, use)


def _check_plan(plan: TaggingPlan) -> None:
    """Raises `SettingsError` for what other machines cannot do."""
    if plan.options.share:
        raise SettingsError(
            "the driver of a cluster gives out all shards",
            place="share",
            hint="leave out --shard (share=…)",
        )
    if not plan.resumable:
        raise SettingsError(
            "other machines cannot read standard input, or write to a stream",
            place="inputs",
            hint="name files that all machines see",
        )


@contextlib.contextmanager
def _ray_errors(ray: Any, folder: ShardedFolder) -> Iterator[None]:
    """Turns errors of the cluster itself into a `TaggingError`."""
    try:
        yield
    except ray.exceptions.RayError as error:
        raise TaggingError(
            f"the cluster failed: {first_line(error)}",
            place=str(folder.outputs.output),
            hint="shards that are done stay done: use --resume when it runs again",
        ) from error


def _drive(drive: Drive, crew: _Crew) -> None:
    """Has all shards tagged."""
    while not drive.scheduler.is_finished:
        for (worker, _), work in drive.assign(time.monotonic()):
            crew.start(worker, work)
        for worker, answer in crew.answers():
            now = time.monotonic()
            match answer:
                case Tagged() | Failed() if crew.has_joined(worker):
                    drive.ended(worker, now, answer)
                case str() as node:
                    crew.joined(worker)
                    drive.scheduler.join(worker, node)
                case Failed(reason=reason, error=error):
                    _lose(drive, crew, worker, reason, error)
                case _:
                    _lose(drive, crew, worker, str(answer))


def _lose(
    drive: Drive, crew: _Crew, worker: int, reason: str, error: NerineError | None = None
) -> None:
    """A worker died, or could not load the tagger; another one takes its place."""
    if error is not None:
        raise error
    logger.info("worker %d: %s", worker, reason)
    if not crew.has_joined(worker):
        drive.scheduler.join(worker, "")
    drive.scheduler.lost(worker, time.monotonic(), reason)
    crew.replace(worker)


class _Died:
    """A worker that died.

    Args:
        reason: Why, as Ray says.
    """

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __str__(self) -> str:
        return self._reason


class _Crew:
    """The workers of a run, which end with it. A context manager.

    Args:
        ray: The module.
        tagger: The reference of what the workers load.
        use: The `tagger_identity` that theirs must have.
        number: How many they are.
        cpus: How many CPUs each one has.
    """

    def __init__(
        self, ray: Any, tagger: Any, use: Mapping[str, Any], number: int, cpus: int
    ) -> None:
        self._ray = ray
        self._arguments = ([tagger], use, str(Path.cwd()))  # in a list, so that Ray leaves it alone
        self._kind = ray.remote(_Worker).options(
            num_cpus=cpus, max_restarts=0, max_task_retries=0, scheduling_strategy="SPREAD"
        )
        self._actors: dict[int, Any] = {}
        self._waiting: dict[Any, int] = {}
        self._joined: set[int] = set()
        self._next = 0
        self._began = time.monotonic()
        for _ in range(number):
            self._add()

    def __enter__(self) -> _Crew:
        return self

    def __exit__(self, *_: object) -> None:
        for actor in self._actors.values():
            with contextlib.suppress(Exception):  # the cluster may be gone
                self._ray.kill(actor)

    def _add(self) -> None:
        worker, self._next = self._next, self._next + 1
        actor = self._kind.remote()
        self._actors[worker] = actor
        self._waiting[actor.load.remote(*self._arguments)] = worker

    def start(self, worker: int, work: ShardWork) -> None:
        """Gives a shard to a worker."""
        self._waiting[self._actors[worker].tag.remote(work)] = worker

    def joined(self, worker: int) -> None:
        """A worker has loaded the tagger."""
        self._joined.add(worker)

    def has_joined(self, worker: int) -> bool:
        """Whether a worker has loaded the tagger."""
        return worker in self._joined

    def replace(self, worker: int) -> None:
        """Another worker takes the place of one that is gone."""
        with contextlib.suppress(Exception):  # it is gone
            self._ray.kill(self._actors[worker])
        del self._actors[worker]
        self._joined.discard(worker)
        self._add()

    def answers(self) -> Iterator[tuple[int, Any]]:
        """What workers have answered meanwhile: waits for it, but not long."""
        waiting = [*self._waiting]
        if not waiting:  # all workers rest
            time.sleep(_GLANCE)
            return
        done, _ = self._ray.wait(waiting, num_returns=1, timeout=_GLANCE)
        if done:  # and all others that are there
            done, _ = self._ray.wait(waiting, num_returns=len(waiting), timeout=0)
        elif not self._joined and time.monotonic() - self._began > _WAITING:
            self._began = time.monotonic()
            logger.info("no worker has begun yet: does the cluster have a free CPU?")
        for reference in done:
            worker = self._waiting.pop(reference)
            try:
                yield worker, self._ray.get(reference)
            except self._ray.exceptions.RayTaskError as error:
                yield worker, Failed(first_line(error.cause), "shard")
            except self._ray.exceptions.RayError as error:
                yield worker, _Died(f"the worker died: {first_line(error)}")


class _Worker:
    """An actor, which holds a tagger."""

    def __init__(self) -> None:
        self._tagger: Any = None

    def load(self, tagger: list[Any], use: Mapping[str, Any], folder: str) -> str | Failed:
        """Loads the tagger; returns the name of the node.

        Args:
            tagger: The reference of what was sent.
            use: The `tagger_identity` that it must have.
            folder: The driver's folder.
        """
        ray = import_extra("ray", "ray", _PURPOSE)
        enter(folder)
        try:
            received = ray.get(tagger[0])
            if isinstance(received, SentTagger):
                received = received.load(ray.get)
            check_use(received, use)
        except Exception as error:
            return failure_of(error)
        self._tagger = received
        return str(ray.get_runtime_context().get_node_id())

    def tag(self, work: ShardWork) -> Tagged | Failed:
        """Tags a shard."""
        return tag_here(work, self._tagger)
