"""What drivers of clusters have in common, with workers in this process."""

from __future__ import annotations

import dataclasses
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from nerine.core.errors import FormatError, ProcessError, SettingsError, TaggingError
from nerine.model.loading.checkpoint import load_checkpoint
from nerine.model.pickling import SharedTaggers
from nerine.model.tagger import Tagger
from nerine.serving.cluster import scheduler
from nerine.serving.cluster.driving import Drive
from nerine.serving.cluster.sending import check_use, sent, threads_of
from nerine.serving.cluster.worker import Failed, Tagged, failure_of, tag_here
from nerine.serving.files import TaggingOptions, plan_tagging
from nerine.serving.files.attempts import ShardWork
from nerine.serving.files.identity import tagger_identity
from nerine.serving.files.plan import TaggingPlan
from nerine.serving.files.sharded import ShardedFolder
from nerine.serving.files.verifying import verify_output
from streams import POISON, StubTagger, files_in, look_aheads_of_four


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nerine.model.batching.look_aheads", look_aheads_of_four)


def lines(number: int) -> str:
    texts = [f"Mira was in Oslo {n}" if n % 17 else POISON for n in range(number)]
    return "".join(f"{json.dumps({'id': n, 'text': text})}\n" for n, text in enumerate(texts))


def plan_of(folder: Path, output: str = "out", start: Any = "new") -> TaggingPlan:
    """A run of twelve shards or so, over two files."""
    folder.mkdir(exist_ok=True)
    inputs = [folder / "a.jsonl", folder / "b.jsonl"]
    for path, number in zip(inputs, (60, 30), strict=True):
        if not path.exists():
            path.write_text(lines(number))
    options = TaggingOptions(shards=True, shard_bytes=400, start=start)
    return plan_tagging(inputs, folder / output, options)


def outputs_of(folder: Path) -> dict[str, bytes]:
    found = {name: data for name, data in files_in(folder).items() if ".tagging" not in name}
    failed = folder.with_name(f"{folder.name}.failed")
    return {**found, **{f"failed {name}": data for name, data in files_in(failed).items()}}


class Cluster:
    """Workers in this process that tag the shards of a plan, some of them badly.

    Args:
        plan: The plan.
        happens: What happens to the attempt at a shard: `"done"`, `"failed"`, `"died"` or
            `"died after"` it was done.
    """

    def __init__(self, plan: TaggingPlan, happens: Callable[[ShardWork], str]) -> None:
        self.plan, self.happens = plan, happens
        self.now = 0.0
        self.heard: list[Any] = []
        self.workers = iter(range(10**6))

    def started(self, name: str, done: int, size: int | None) -> None:
        self.heard.append((name, done, size))

    def advanced(self, done: int, documents: int) -> None:
        self.heard.append((done, documents))

    def run(self) -> Any:
        return self.plan.run_shards(self.tag, {})

    def tag(self, folder: ShardedFolder) -> int:
        drive = Drive(folder, self.plan.inputs.files, self)
        for node in "aab":
            drive.scheduler.join(next(self.workers), node)
        while not drive.scheduler.is_finished:
            for (worker, _), work in drive.assign(self.now):
                self.attempt(drive, worker, work)
            self.now = max(self.now + 1, drive.scheduler.wake(self.now) or 0.0)
        drive.check_complete()
        return drive.documents

    def attempt(self, drive: Drive, worker: int, work: ShardWork) -> None:
        what = self.happens(work)
        if what in ("done", "died after"):
            outcome = tag_here(work, StubTagger())
        if what == "failed":
            drive.ended(worker, self.now, Failed("the disk is full", "node"))
        elif what == "done":
            drive.ended(worker, self.now, outcome)
        else:
            drive.scheduler.lost(worker, self.now, "it died")
            drive.scheduler.join(next(self.workers), "a")


# -- runs ----------------------------------------------------------------------------------------


@given(st.integers(0, 12), st.randoms(use_true_random=False))
@examples(max_examples=20)
def test_failures_change_no_byte(
    tmp_path_factory: pytest.TempPathFactory, failures: int, chance: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("run")
    plan_of(folder, "one").run(StubTagger())
    left = [chance.choice(["failed", "died", "died after"]) for _ in range(failures)]
    failed: dict[int, int] = {}

    def happens(work: ShardWork) -> str:
        number = work.shard.number
        if left and failed.get(number, 0) < 2 and chance.random() < 0.5:
            failed[number] = failed.get(number, 0) + 1
            return left.pop()
        return "done"

    cluster = Cluster(plan_of(folder), happens)
    summary = cluster.run()
    assert outputs_of(folder / "out") == outputs_of(folder / "one")
    assert verify_output(folder / "out").is_whole
    assert summary.documents == 90
    assert summary.failures == 6
    (name, done, shards), *steps = cluster.heard
    assert (name, done) == ("shards", 0)
    assert [step[0] for step in steps] == [*range(1, shards + 1)]
    assert steps[-1][1] == summary.tagged_now == 90


def test_shards_that_are_done_are_not_given_out_again(tmp_path: Path) -> None:
    def second(work: ShardWork) -> str:
        return "died" if work.shard.number == 3 else "done"

    with pytest.raises(TaggingError):
        Cluster(plan_of(tmp_path), second).run()
    given_out = []
    resumed = Cluster(
        plan_of(tmp_path, start="resume"),
        lambda work: given_out.append(work.shard.number) or "done",  # type: ignore[func-returns-value]
    )
    summary = resumed.run()
    assert given_out == [3]
    assert summary.documents == 90
    assert 0 < summary.tagged_now < 15
    name, done, shards = resumed.heard[0]
    assert (name, done) == ("shards", shards - 1)


def test_the_error_names_the_shards_that_were_given_up(tmp_path: Path) -> None:
    with pytest.raises(TaggingError) as caught:
        Cluster(plan_of(tmp_path), lambda work: "died" if work.shard.input else "done").run()
    error = caught.value
    place = tmp_path / "b.jsonl"
    assert f"({place}, lines or rows 1 to " in error.found
    assert f"({place}, from line or row " in error.found
    assert "after 4 attempts: it died" in error.found
    assert error.place == str(tmp_path / "out")
    assert "--resume" in str(error.hint)
    done = outputs_of(tmp_path / "out")
    assert done
    assert all("a-" in name for name in done)


def test_many_shards_that_were_given_up_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nerine.serving.cluster.driving._SHOWN", 1)
    with pytest.raises(TaggingError, match=r"; and \d more"):
        Cluster(plan_of(tmp_path), lambda work: "died" if work.shard.input else "done").run()


def test_a_run_in_which_all_fails_ends(tmp_path: Path) -> None:
    with pytest.raises(TaggingError, match="all workers fail: the disk is full"):
        Cluster(plan_of(tmp_path), lambda work: "failed").run()


def test_an_error_that_each_repeat_would_raise_ends_the_run_at_once(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)

    def changes(work: ShardWork) -> str:
        path = tmp_path / "a.jsonl"
        path.write_text(path.read_text().replace("Oslo", "Bonn"))
        return "done"

    with pytest.raises(TaggingError, match="has changed"):
        Cluster(plan, changes).run()
    assert outputs_of(tmp_path / "out") == {}


def test_a_driver_that_lost_its_lease_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def takes_over(work: ShardWork) -> str:
        if work.shard.number == 4:
            for path in (tmp_path / "out" / ".tagging" / "lease").iterdir():
                path.unlink()
            monkeypatch.setattr("nerine.serving.files.lease._RENEWALS", 10**9)
        return "done"

    with pytest.raises(TaggingError, match="lost the lease"):
        Cluster(plan_of(tmp_path), takes_over).run()


# -- failures ------------------------------------------------------------------------------------


def raised(error: Exception, cause: Exception | None = None, *, shown: bool = True) -> Exception:
    """An error as it is raised, perhaps while another one was handled."""
    try:
        try:
            if cause:
                raise cause
        except Exception as first:
            raise error from (first if shown else None)
        raise error
    except Exception as found:
        return found


@pytest.mark.parametrize(
    ("error", "fault", "again"),
    [
        (raised(OSError(28, "No space left on device")), "node", True),
        (raised(TaggingError("x"), OSError(28, "No space left on device")), "node", True),
        (raised(FormatError("x"), FileNotFoundError(2, "gone"), shown=False), "node", True),
        (raised(MemoryError()), "node", True),
        (raised(TaggingError("the content has changed")), "shard", False),
        (raised(RuntimeError("odd")), "shard", True),
    ],
)
def test_a_failure_is_its_nodes_its_shards_or_everybodys(
    error: Exception, fault: scheduler.Fault, again: bool
) -> None:
    failed = failure_of(error)
    assert failed.fault == fault
    assert (failed.error is None) == again
    assert " (on " in failed.reason


def test_a_shard_that_another_worker_has_done_is_not_tagged_again(tmp_path: Path) -> None:
    def tag(folder: ShardedFolder) -> int:
        first = tag_here(folder.work(folder.shards[0]), StubTagger())
        again = tag_here(folder.work(folder.shards[0]), None)  # type: ignore[arg-type]
        assert isinstance(first, Tagged)
        assert again == first
        failed = tag_here(folder.work(folder.shards[1]), None)  # type: ignore[arg-type]
        assert isinstance(failed, Failed)
        assert "AttributeError" in failed.reason
        raise TaggingError("enough")

    with pytest.raises(TaggingError, match="enough"):
        plan_of(tmp_path).run_shards(tag, {})


# -- sent taggers --------------------------------------------------------------------------------


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


TEXT = "Mira Okonjo left Tandem Labs for Lisbon."


def test_a_tagger_travels_with_its_files_once(
    onnx_checkpoint: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tagger = Tagger.load(onnx_checkpoint, device="cpu", threads=1)
    store: list[bytes] = []
    parcel = sent(tagger, lambda data: store.append(data) or len(store) - 1)  # type: ignore[func-returns-value]
    fetched: list[int] = []

    def content(number: int) -> bytes:
        fetched.append(number)
        return store[number]

    received = parcel.load(content)
    assert received(TEXT) == tagger(TEXT)
    assert tagger_identity(received) == tagger_identity(tagger)
    assert received.name == tagger.name
    assert received.source is not None
    assert received.source.folder.is_relative_to(temporary)
    assert sorted(fetched) == [*range(len(store))]
    parcel.load(content)
    assert len(fetched) == len(store)
    monkeypatch.setattr("nerine.model.pickling.shared_taggers", SharedTaggers())  # a new process
    (received.source.folder / "config.json").unlink()  # as programs that tidy up may do
    parcel.load(content)
    assert len(fetched) == 2 * len(store)
    assert oct(next(temporary.iterdir()).stat().st_mode)[-3:] == "700"


def test_what_cannot_be_sent_is_refused(onnx_checkpoint: Path) -> None:
    in_memory = Tagger.from_checkpoint(load_checkpoint(onnx_checkpoint), device="cpu")
    with pytest.raises(ProcessError, match="made in memory"):
        sent(in_memory, bytes)

    class Device:
        type = "cuda"

    loaded = Tagger.load(onnx_checkpoint, device="cpu", backend="pytorch")
    loaded.inference.backend.__class__ = type(
        "Elsewhere", (type(loaded.inference.backend),), {"device": Device()}
    )
    with pytest.raises(SettingsError, match="workers have CPUs"):
        sent(loaded, bytes)


def test_another_users_folder_is_refused(
    onnx_checkpoint: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parcel = sent(Tagger.load(onnx_checkpoint, device="cpu"), bytes)
    (temporary / "nerine-4711").mkdir()
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    if temporary.stat().st_uid != 4711:
        with pytest.raises(ProcessError, match="belongs to another user"):
            parcel.load(bytes)


def test_threads_are_those_of_the_driver(onnx_checkpoint: Path) -> None:
    assert threads_of(Tagger.load(onnx_checkpoint, device="cpu", threads=3)) == 3
    assert threads_of(StubTagger()) == 1


def test_a_worker_that_would_work_otherwise_says_so(onnx_checkpoint: Path) -> None:
    tagger = Tagger.load(onnx_checkpoint, device="cpu", threads=1)
    use = tagger_identity(tagger)
    check_use(tagger, use)
    check_use(StubTagger(), {})
    other = json.loads(json.dumps(use))
    other["the use of the model"]["backend's name"] = "onnx-int8"
    with pytest.raises(TaggingError, match="onnx-int8 at the driver") as caught:
        check_use(tagger, other)
    assert "--backend" in str(caught.value.hint)


def test_work_can_be_pickled_and_is_small(tmp_path: Path) -> None:
    import pickle

    def tag(folder: ShardedFolder) -> int:
        work = folder.work(folder.shards[1])
        data = pickle.dumps(work)
        assert len(data) < 4000
        assert dataclasses.astuple(pickle.loads(data).shard) == dataclasses.astuple(work.shard)
        raise TaggingError("enough")

    with pytest.raises(TaggingError, match="enough"):
        plan_of(tmp_path).run_shards(tag, {})


def test_processes_of_one_machine_share_the_shards_of_a_folder(tmp_path: Path) -> None:
    plan_of(tmp_path, "one").run(StubTagger())
    plan = plan_of(tmp_path, "two")
    two = dataclasses.replace(plan, options=dataclasses.replace(plan.options, processes=2))
    assert two.run(StubTagger()).tagged_now == 90
    assert outputs_of(tmp_path / "two").keys() == outputs_of(tmp_path / "one").keys()
    assert verify_output(tmp_path / "two").is_whole
