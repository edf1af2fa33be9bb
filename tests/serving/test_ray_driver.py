"""Files tagged on a cluster of Ray with several nodes, some of which fail."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clusters import (
    DEADLY,
    At,
    FullDisk,
    NotingTagger,
    add_node,
    outputs_of,
    ray_cluster,
    records,
    sharded,
    wait_until,
)
from nerine.core.errors import MissingExtraError, SettingsError, TaggingError
from nerine.model.tagger import Tagger
from nerine.serving.cluster import scheduler
from nerine.serving.cluster.ray_driver import tag_on_ray
from nerine.serving.files import TaggingOptions, plan_tagging
from nerine.serving.files.verifying import verify_output
from nerine.serving.ray import tag_files
from slow_tagger import SlowTagger
from streams import StubTagger

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore"),  # of Ray itself
]
RECORDS = 1500


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes with a CPU each."""
    # Ray's sockets are below it, whose names have to be short
    with (
        pytest.MonkeyPatch.context() as environment,
        tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as temporary,
    ):
        environment.setenv("TMPDIR", temporary)
        with ray_cluster(environment, 2) as found:
            yield found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return records(tmp_path / "in.jsonl", RECORDS)


@pytest.fixture
def expected(source: Path, tmp_path: Path) -> dict[str, bytes]:
    """The outputs of one process."""
    sharded(source, tmp_path / "one").run(StubTagger())
    found = outputs_of(tmp_path / "one")
    assert len(found) > 10
    return found


def assert_whole(folder: Path, expected: dict[str, bytes]) -> None:
    """The output is that of one process, and holds each record once."""
    assert outputs_of(folder) == expected
    found = verify_output(folder)
    assert found.is_whole
    assert found.documents == RECORDS
    lines = [json.loads(line) for path in folder.glob("*.jsonl") for line in path.open()]
    assert sorted(line["id"] for line in lines) == [*range(RECORDS)]


# -- without Ray ---------------------------------------------------------------------------------


def test_ray_that_is_missing_is_named(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match="tagging on Ray") as caught:
        tag_files(StubTagger(), source, tmp_path / "out")
    assert caught.value.hint == 'pip install "nerine[ray]"'


# -- equal outputs -------------------------------------------------------------------------------


def test_a_model_on_two_nodes_writes_the_bytes_of_one_process(
    cluster: Any, onnx_checkpoint: Path, tmp_path: Path
) -> None:
    texts = ["Mira left Oslo.", "", "Zoë of Saltwater Choir 😀", "So?"] * 40
    (tmp_path / "a.jsonl").write_text("".join(f"{json.dumps({'text': t})}\n" for t in texts))
    (tmp_path / "b.csv").write_text("text,id\n" + "".join(f"{t},1\n" for t in texts))
    (tmp_path / "c.txt.gz").write_bytes(gzip.compress("\n".join(texts).encode()))
    inputs = [tmp_path / name for name in ("a.jsonl", "b.csv", "c.txt.gz")]
    options = TaggingOptions(shards=True, shard_bytes=1000)
    one, several = tmp_path / "one", tmp_path / "several"
    tagger = Tagger.load(onnx_checkpoint, device="cpu", threads=1)
    alone = plan_tagging(inputs, one, options).run(tagger)
    summary = tag_files(onnx_checkpoint, inputs, several, options)
    assert outputs_of(several) == outputs_of(one)
    assert summary.documents == alone.documents == summary.tagged_now
    assert summary.entities == alone.entities
    assert verify_output(several).is_whole
    unpacked = list(Path(os.environ["TMPDIR"]).glob("nerine-*/*/config.json"))
    assert len(unpacked) == 1  # the nodes are on the same machine


def test_relative_names_are_those_of_the_driver(
    cluster: Any,
    source: Path,
    tmp_path: Path,
    expected: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    tag_on_ray(sharded(Path("in.jsonl"), Path("out")), StubTagger(), workers=1)
    assert_whole(tmp_path / "out", expected)


def test_a_worker_that_is_killed_is_replaced(
    cluster: Any, source: Path, tmp_path: Path, expected: dict[str, bytes]
) -> None:
    tagger = NotingTagger(tmp_path / "processes")
    killed = At(3, lambda: os.kill(tagger.processes[-1], signal.SIGKILL))
    tag_on_ray(sharded(source, tmp_path / "out"), tagger, workers=1, listener=killed)
    assert killed.is_done
    assert len({*tagger.processes}) == 2
    assert_whole(tmp_path / "out", expected)


def test_a_node_that_dies_loses_nothing(
    cluster: Any, source: Path, tmp_path: Path, expected: dict[str, bytes]
) -> None:
    node = add_node(cluster)
    dies = At(3, lambda: cluster.remove_node(node, allow_graceful=False))
    tag_on_ray(sharded(source, tmp_path / "out"), SlowTagger(), workers=3, listener=dies)
    assert dies.is_done
    assert_whole(tmp_path / "out", expected)


def test_a_disk_that_is_full_on_one_node_costs_time_alone(
    cluster: Any, source: Path, tmp_path: Path, expected: dict[str, bytes]
) -> None:
    (bad, _) = cluster.worker_nodes
    tag_on_ray(sharded(source, tmp_path / "out"), FullDisk(bad.node_id), workers=2)
    assert_whole(tmp_path / "out", expected)


# -- drivers -------------------------------------------------------------------------------------

DRIVER = """
import sys
from pathlib import Path
from clusters import sharded
from nerine.serving.cluster.ray_driver import tag_on_ray
from slow_tagger import SlowTagger
source, output, address = sys.argv[1:]
print("begins", flush=True)
tag_on_ray(sharded(Path(source), Path(output)), SlowTagger(), workers=2, address=address)
"""


@pytest.fixture
def driver(cluster: Any, source: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that drives a run, of which some shards are done already."""
    done = tmp_path / "out" / ".tagging" / "done"
    command = [sys.executable, "-c", DRIVER, source, tmp_path / "out", cluster.address]
    with subprocess.Popen(command) as child:
        wait_until(lambda: child.poll() is not None or (done.is_dir() and len([*done.iterdir()])))
        assert child.poll() is None
        yield child
        child.kill()


def test_a_driver_that_was_killed_is_started_again(
    driver: subprocess.Popen[bytes], source: Path, tmp_path: Path, expected: dict[str, bytes]
) -> None:
    driver.kill()
    driver.wait()
    summary = tag_on_ray(sharded(source, tmp_path / "out", "resume"), SlowTagger(), workers=2)
    assert 0 < summary.tagged_now < RECORDS
    assert_whole(tmp_path / "out", expected)


def test_a_second_driver_is_refused_and_hurts_nothing(
    driver: subprocess.Popen[bytes], source: Path, tmp_path: Path, expected: dict[str, bytes]
) -> None:
    with pytest.raises(TaggingError, match="another process is at work here") as caught:
        tag_on_ray(sharded(source, tmp_path / "out", "resume"), SlowTagger(), workers=1)
    assert f"process {driver.pid} on " in caught.value.found
    assert driver.wait(_LONG) == 0
    assert_whole(tmp_path / "out", expected)


_LONG = 300


# -- refusals ------------------------------------------------------------------------------------


def test_a_text_that_kills_its_workers_is_named_and_all_others_are_tagged(
    cluster: Any, tmp_path: Path
) -> None:
    source = records(tmp_path / "in.jsonl", RECORDS, deadly=777)
    tagger = NotingTagger(tmp_path / "processes")
    with pytest.raises(TaggingError) as caught:
        tag_on_ray(sharded(source, tmp_path / "out"), tagger, workers=2, attempts=2)
    where = re.search(rf"{source}, lines or rows (\d+) to (\d+)\)", caught.value.found)
    assert where is not None
    assert int(where[1]) <= 778 <= int(where[2])
    assert "after 2 attempts: the worker died" in caught.value.found
    found = verify_output(tmp_path / "out")
    assert found.done == found.shards - 1
    assert not found.problems
    cured = NotingTagger(tagger.notes, is_mortal=False)
    summary = tag_on_ray(sharded(source, tmp_path / "out", "resume"), cured, workers=1)
    assert summary.tagged_now < 200
    sharded(source, tmp_path / "one").run(StubTagger())
    assert outputs_of(tmp_path / "out") == outputs_of(tmp_path / "one")
    assert any(DEADLY.encode() in data for data in outputs_of(tmp_path / "out").values())


def test_an_input_that_changes_meanwhile_is_refused(
    cluster: Any, source: Path, tmp_path: Path
) -> None:
    changes = At(2, lambda: source.write_text(source.read_text().replace("Oslo", "Bonn")))
    with pytest.raises(TaggingError, match="has changed"):
        tag_on_ray(sharded(source, tmp_path / "out"), SlowTagger(), workers=2, listener=changes)
    assert not verify_output(tmp_path / "out").is_whole


def test_a_disk_that_is_full_for_all_ends_the_run(
    cluster: Any, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "_REST", 0.01)
    with pytest.raises(TaggingError, match=r"all workers fail: .*No space left on device"):
        tag_on_ray(sharded(source, tmp_path / "out"), FullDisk(None), workers=2, attempts=99)
    assert outputs_of(tmp_path / "out") == {}


def test_a_run_that_machines_cannot_share_is_refused(
    cluster: Any, source: Path, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="a file for each shard"):
        tag_on_ray(plan_tagging([source], tmp_path / "out.jsonl"), StubTagger())
    options = TaggingOptions(shards=True, share=(1, 2))
    with pytest.raises(SettingsError, match="gives out all shards"):
        tag_on_ray(plan_tagging([source], tmp_path / "out", options), StubTagger())
    with pytest.raises(SettingsError, match="write to a stream"):
        tag_on_ray(plan_tagging([source], io.BytesIO()), StubTagger())


# -- the command ---------------------------------------------------------------------------------


def test_the_command_tags_on_a_cluster(
    cluster: Any, onnx_checkpoint: Path, source: Path, tmp_path: Path
) -> None:
    def tag(output: str, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "nerine", "tag", str(onnx_checkpoint), str(source)]
        size = ["--shard-size", "0.01", "-o", str(tmp_path / output)]
        return subprocess.run([*command, *size, *options], capture_output=True, text=True)

    ray = ("--on", "ray", "--workers", "2", "--address")
    ran = tag("out", *ray, cluster.address)
    assert ran.returncode == 0, ran.stderr
    assert f"{RECORDS:,} documents tagged" in ran.stderr
    assert tag("one", "--shards", "--threads", "1").returncode == 0
    assert outputs_of(tmp_path / "out") == outputs_of(tmp_path / "one")
    ran = tag("no", *ray, "127.0.0.1:1")
    assert ran.returncode == 2
    assert "error: 127.0.0.1:1: there is no cluster of Ray here" in ran.stderr
