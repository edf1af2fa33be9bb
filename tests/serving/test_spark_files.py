"""Tagging files with Spark: the bytes of one process, whatever happens to the tasks."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import engines
from engines import NotedTagger, spark_environment, spark_hosts, spark_session
from nerine.cli import main
from nerine.core.errors import ArgumentError, NerineError, SettingsError, TaggingError
from nerine.model.tagger import Tagger
from nerine.serving import spark as driver
from nerine.serving.files import TaggingOptions
from nerine.serving.files import tag_files as tag_here
from nerine.serving.files.sharded import ShardedFolder
from nerine.serving.files.verifying import verify_output
from nerine.serving.spark import tag_files
from streams import files_in

pytest.importorskip("pyspark", reason="needs the extra spark: make engines")

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore"),  # of Spark itself
]
RECORDS = 300
SMALL = TaggingOptions(shards=True, shard_bytes=1000)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Records in two files, two of them bad, that make some fifteen shards."""
    lines = [json.dumps({"id": n, "text": f"Mira was in Oslo {n}"}) for n in range(RECORDS)]
    lines[20], lines[RECORDS - 1] = "{bad", json.dumps({"id": RECORDS - 1, "text": 5})
    place = tmp_path / "posts"
    place.mkdir()
    (place / "a.jsonl").write_text("\n".join(lines[:200]) + "\n")
    (place / "b.jsonl").write_text("\n".join(lines[200:]))
    return place


@pytest.fixture
def whole(folder: Path, source: Path, tmp_path: Path) -> dict[str, bytes]:
    """The files of one process."""
    output = tmp_path / "whole"
    tag_here(Tagger.load(folder, threads=1), source, output, SMALL)
    return outputs_in(output)


def outputs_in(output: Path) -> dict[str, bytes]:
    """The outputs and the failures, without the state of the run."""
    kept = {name: each for name, each in files_in(output).items() if ".tagging" not in name}
    failed = output.with_name(f"{output.name}.failed")
    return {**kept, **{f"failed/{name}": each for name, each in files_in(failed).items()}}


def assert_whole(output: Path, expected: dict[str, bytes]) -> None:
    """Asserts the bytes of one process, a whole output, and each id exactly once."""
    assert outputs_in(output) == expected
    found = verify_output(output)
    assert found.is_whole
    assert (found.documents, found.failures) == (RECORDS, 2)
    lines = [line for path in sorted(output.glob("*.jsonl")) for line in path.open()]
    ids = [json.loads(line)["id"] for line in lines]
    assert ids == [n for n in range(RECORDS) if n not in (20, RECORDS - 1)]
    assert not [*(output / ".tagging").glob("work/*")]


@pytest.mark.parametrize("sends", [False, True])
def test_the_executors_write_the_bytes_of_one_process(
    spark: Any, folder: Path, source: Path, whole: dict[str, bytes], tmp_path: Path, sends: bool
) -> None:
    output, options = tmp_path / "out", TaggingOptions(shard_bytes=1000)
    summary = tag_files(spark, folder, source, output, options, send=sends)
    assert_whole(output, whole)
    assert len(whole) > 10
    assert (summary.documents, summary.tagged_now, summary.failures) == (RECORDS, RECORDS, 2)
    assert summary.shards == (len([*output.glob("*.jsonl")]),) * 2
    assert summary.failed == str(output) + ".failed"


def test_a_worker_loads_the_model_once_for_all_shards(
    spark: Any, folder: Path, source: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    tagger = NotedTagger.load(folder)
    loads = folder.with_name("loads")
    loads.write_text("")
    tag_files(spark, tagger, source, tmp_path / "out", SMALL)
    assert_whole(tmp_path / "out", whole)
    processes = loads.read_text().split()
    assert 1 <= len(processes) == len(set(processes)) <= 4


@pytest.mark.parametrize("kind", ["Disturbed", "Mortal"])
@pytest.mark.parametrize("tasks", [3, 10_000])
def test_a_failing_first_attempt_duplicates_and_loses_nothing(
    spark: Any,
    folder: Path,
    source: Path,
    whole: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    tasks: int,
) -> None:
    monkeypatch.setattr(driver, "_MOST_TASKS", tasks)
    tagger = getattr(engines, kind).load(folder)
    summary = tag_files(spark, tagger, source, tmp_path / "out", SMALL)
    assert (tmp_path / "disturbed").exists()
    assert summary.tagged_now == RECORDS
    assert_whole(tmp_path / "out", whole)


def test_a_job_that_spark_gives_up_is_resumed_as_its_hint_says(
    spark: Any, folder: Path, source: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    with pytest.raises(TaggingError, match=r"Spark gave the job up: .*failed 4 times") as caught:
        tag_files(spark, engines.Doomed.load(folder), source, output, SMALL)
    assert 'start="resume"' in (caught.value.hint or "")
    assert "\tat " not in str(caught.value)
    assert not verify_output(output).is_whole
    resumed = tag_files(
        spark, folder, source, output, TaggingOptions(start="resume", shard_bytes=1000)
    )
    assert 0 < resumed.tagged_now <= RECORDS
    assert_whole(output, whole)
    again = tag_files(
        spark, folder, source, output, TaggingOptions(start="resume", shard_bytes=1000)
    )
    assert (again.tagged_now, again.documents) == (0, RECORDS)


def test_a_run_of_the_command_line_is_continued(
    spark: Any, folder: Path, source: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    command = ["tag", str(folder), str(source), "-o", str(output), "--shards", "--threads", "1"]
    result = CliRunner().invoke(
        main, [*command, "--shard", "1/2", "--shard-size", str(1000 / 2**20)]
    )
    assert result.exit_code == 1, result.output  # two records fail
    options = TaggingOptions(start="resume", shard_bytes=1000)
    summary = tag_files(spark, folder, source, output, options)
    assert 0 < summary.tagged_now < RECORDS
    assert_whole(output, whole)


def test_an_input_that_changes_is_an_error_of_nerine(
    spark: Any, folder: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = ShardedFolder.receipt

    def changes(self: ShardedFolder, shard: Any) -> Any:
        """The driver's look at a shard, in whose moment the input changes."""
        path = source / "a.jsonl"
        path.write_bytes(path.read_bytes().replace(b"Oslo 150", b"Rome 150"))
        return receipt(self, shard)

    monkeypatch.setattr(ShardedFolder, "receipt", changes)
    with pytest.raises(TaggingError, match="changed") as caught:
        tag_files(spark, folder, source, tmp_path / "out", SMALL)
    assert type(caught.value) is TaggingError
    assert "a.jsonl" in str(caught.value)
    assert "Py4J" not in str(caught.value)


def test_a_model_that_workers_do_not_find_is_an_error_before_the_run(
    spark: Any, folder: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tagger = Tagger.load(folder)
    parts = tagger.__reduce__()

    class Elsewhere(Tagger):
        """Its checkpoint is on the driver alone."""

        def __reduce__(self) -> Any:
            shutil.rmtree(folder, ignore_errors=True)
            return parts

    tagger.__class__ = Elsewhere
    monkeypatch.setattr(driver, "model_of", lambda _: {})
    with pytest.raises(NerineError, match="run") as caught:
        tag_files(spark, tagger, source, tmp_path / "out", SMALL)
    assert "Py4J" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("session", "options", "error", "message"),
    [
        ("a word", {}, ArgumentError, "spark is a builtins.str"),
        (None, {"processes": 2}, SettingsError, "Spark shares out the shards"),
        (None, {"shards": True, "share": (1, 2)}, SettingsError, "Spark shares out the shards"),
    ],
)
def test_what_is_wrong_is_said_before_the_job(
    spark: Any,
    folder: Path,
    source: Path,
    tmp_path: Path,
    session: Any,
    options: dict[str, Any],
    error: type[NerineError],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        tag_files(session or spark, folder, source, tmp_path / "out", TaggingOptions(**options))


CONNECT = """
import sys
import nerine
from pyspark.sql import SparkSession
from nerine.serving.spark import tag_files

spark = SparkSession.builder.remote("local[2]").getOrCreate()
try:
    tag_files(spark, *sys.argv[1:])
except nerine.ProcessError as error:
    print(error.found)
"""


@pytest.mark.slow
def test_spark_connect_is_refused(folder: Path, source: Path, tmp_path: Path) -> None:
    """In a process of its own, which has no other session."""
    pytest.importorskip("grpc", reason="needs pyspark[connect]: make engines")
    with pytest.MonkeyPatch.context() as environment:
        spark_environment(environment)
        command = [sys.executable, "-c", CONNECT, str(folder), str(source), str(tmp_path / "out")]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.stdout.splitlines()[-1:] == ["a session of Spark Connect cannot tag files"], (
        done.stderr
    )


@pytest.mark.slow
def test_speculation_duplicates_and_loses_nothing(
    folder: Path,
    source: Path,
    whole: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An attempt is late; the other one does its shard; both finish, and one of them counts."""
    eager = {
        "spark.executor.memory": "600m",
        "spark.speculation": "true",
        "spark.speculation.interval": "100ms",
        "spark.speculation.quantile": 0.5,
        "spark.speculation.multiplier": 1.1,
        "spark.speculation.minTaskRuntime": "1s",
    }
    hosts, output = ("127.0.0.1", "127.0.0.2"), tmp_path / "out"
    late = next(name for name, each in whole.items() if engines.Disturbed.AT.encode() in each)
    number = late.rpartition("-")[2].removesuffix(".jsonl")
    (tmp_path / "waits-for").write_text(str(output / ".tagging" / "done" / number))
    monkeypatch.setattr(driver, "_MOST_TASKS", 3)
    with (
        pytest.MonkeyPatch.context() as environment,
        spark_hosts(environment, tmp_path, hosts) as address,
        spark_session(environment, tmp_path, address, **eager) as session,
    ):
        summary = tag_files(session, engines.Late.load(folder), source, output, SMALL, send=False)
    assert (tmp_path / "resumed").exists()
    assert summary.tagged_now == RECORDS
    assert_whole(output, whole)
