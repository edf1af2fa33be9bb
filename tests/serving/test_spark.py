"""Tagging a DataFrame of Spark, in local mode and on a cluster of processes on this machine."""

from __future__ import annotations

import datetime
import decimal
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engines import Attempts, NotedTagger, spark_environment, spark_hosts, spark_session
from forking import TEXTS
from hub import Hub
from nerine.core.errors import (
    ArgumentError,
    FormatError,
    NerineError,
    ProcessError,
    SettingsError,
)
from nerine.model.loading.checkpoint import load_checkpoint, save_checkpoint
from nerine.model.loading.sources import find_source
from nerine.model.tagger import Tagger
from nerine.serving.spark import tag
from tiny import make_checkpoint

pytest.importorskip("pyspark", reason="needs the extra spark: make engines")

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore"),  # of Spark itself
]
ROWS = 60
COLUMNS = (
    "id long, body string, at timestamp, day date, price decimal(10,2), counts map<string,int>, "
    "raw binary, point struct<x:int,y:string>, words array<string>, score double"
)
NAMES = "transform(entities, e -> substring(body, int(e.start + 1), int(e.end - e.start)))"


def texts() -> list[str | None]:
    """Texts, some of them null or empty."""
    some = [*TEXTS, None, "", "😀 Mira grüßt aus Kraków"]
    return [some[row % len(some)] for row in range(ROWS)]


def rows(session: Any, partitions: int = 4) -> Any:
    """A DataFrame with columns of many types."""
    day = datetime.date(2024, 2, 29)
    at = datetime.datetime(2024, 2, 29, 12, 30, 0, 1)  # noqa: DTZ001 - Spark's have no zone
    rest = (at, day, decimal.Decimal("1.25"), {"a": 1}, b"\xff", (1, "b"), ["a", None], 0.5)
    made = session.createDataFrame([(i, t, *rest) for i, t in enumerate(texts())], COLUMNS)
    return made.repartition(partitions, "id").sortWithinPartitions("id")


def expected(tagger: Tagger) -> list[Any]:
    """The places of the entities of each text; None for a null."""
    return [
        None if text is None else [(e.start, e.end, e.label) for e in tagger(text).entities]
        for text in texts()
    ]


def found(df: Any) -> list[Any]:
    """The places of the entities in the order of the ids, which are there once each."""
    collected = sorted(df.select("id", "entities").collect())
    assert [each.id for each in collected] == list(range(ROWS))
    return [
        None if each.entities is None else [(e.start, e.end, e.label) for e in each.entities]
        for each in collected
    ]


def test_workers_give_the_entities_of_a_tagger_and_keep_all_else(spark: Any, folder: Path) -> None:
    df = rows(spark)
    tagged = tag(df, folder, text="body")
    assert tagged.columns == [*df.columns, "entities"]
    assert tagged.schema["entities"].dataType.simpleString() == (
        "array<struct<start:bigint,end:bigint,label:string,score:double>>"
    )
    assert sorted(tagged.drop("entities").collect()) == sorted(df.collect())
    assert found(tagged) == expected(Tagger.load(folder, device="cpu"))


def test_the_offsets_are_those_of_spark(spark: Any, folder: Path) -> None:
    tagger = Tagger.load(folder, device="cpu")
    tagged = tag(rows(spark), tagger, text="body").selectExpr("id", f"{NAMES} as names")
    for row in tagged.collect():
        text = texts()[row.id]
        names = [text[e.start : e.end] for e in tagger(text).entities] if text is not None else None
        assert row.names == names


def test_a_worker_loads_the_model_once_for_all_its_tasks(spark: Any, folder: Path) -> None:
    tagger = NotedTagger.load(folder, device="cpu")
    loads = folder.with_name("loads")
    loads.write_text("")
    for _ in range(2):
        assert found(tag(rows(spark, 8), tagger, text="body")) == expected(tagger)
    processes = loads.read_text().split()
    assert 1 <= len(processes) == len(set(processes)) <= 4


def test_labels_thresholds_and_names_of_columns_can_be_chosen(spark: Any, folder: Path) -> None:
    options: Any = {"into": "people", "errors": "why", "labels": ["person"], "thresholds": 0.3}
    tagged = tag(rows(spark), folder, text="body", **options)
    kept = [each for row in tagged.collect() for each in row.people or []]
    assert {each.label for each in kept} == {"person"}
    assert min(each.score for each in kept) >= 0.3
    assert tagged.where("why is not null").count() == 0


@pytest.mark.parametrize("sends", [False, True])
def test_a_failing_first_attempt_duplicates_and_loses_nothing(
    spark: Any, folder: Path, tmp_path: Path, sends: bool
) -> None:
    (tmp_path / "attempts").mkdir()
    df = rows(spark)
    attempts = Attempts(tmp_path / "attempts", fails=True)
    tagged = tag(df, folder, text="body", send=sends).withColumnRenamed("entities", "kept")
    again = tag(tagged.mapInArrow(attempts.pipe, tagged.schema), folder, text="body")
    again.write.parquet(str(tmp_path / "tagged"))
    assert {"0-0", "0-1", "1-0"} <= {path.name for path in (tmp_path / "attempts").iterdir()}
    written = spark.read.parquet(str(tmp_path / "tagged"))
    assert found(written) == expected(Tagger.load(folder, device="cpu"))
    assert written.where("not (kept <=> entities)").count() == 0


def test_a_folder_is_sent_to_the_workers(spark: Any, folder: Path) -> None:
    known = expected(Tagger.load(folder, device="cpu"))
    first = tag(rows(spark), folder, text="body", send=True)
    second = tag(rows(spark), folder, text="body", send=True)
    shutil.rmtree(folder)
    assert found(first) == known
    assert found(second) == known


def test_another_checkpoint_at_the_same_path_is_refused(spark: Any, folder: Path) -> None:
    tagged = tag(rows(spark), folder, text="body")
    other = make_checkpoint(folder.with_name("other"), labels=("group",))
    shutil.rmtree(folder / "onnx")
    save_checkpoint(folder, load_checkpoint(other))
    with pytest.raises(Exception, match="has changed since the tagger was pickled"):
        tagged.collect()


def test_bytes_that_are_no_text_fail_the_job_or_have_a_column(spark: Any, folder: Path) -> None:
    df = spark.createDataFrame([(0, b"Mira left."), (1, b"Mir\xe4")], "id long, raw binary")
    df = df.selectExpr("id", "cast(raw as string) as body")
    with pytest.raises(Exception, match=r"FormatError: row . of a batch, in the column 'body'"):
        tag(df, folder, text="body").collect()
    tagged = sorted(tag(df, folder, text="body", errors="why").collect())
    assert tagged[0].entities is not None
    assert tagged[0].why is None
    assert (tagged[1].entities, tagged[1].why) == (
        None,
        "the text is not UTF-8: unexpected end of data at byte 3",
    )


def pandas_frame(_: Any) -> Any:
    """Of another library."""
    return pytest.importorskip("pandas").DataFrame({"body": ["Mira"]})


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (pandas_frame, {}, ArgumentError, "df is a pandas.*DataFrame"),
        (lambda df: df.drop("body"), {}, FormatError, "no column called 'body'"),
        (lambda df: df, {"text": "id"}, FormatError, "the column 'id' is of type bigint"),
        (lambda df: df, {"text": "words"}, FormatError, "is of type array<string>"),
        (lambda df: df, {"into": "ID"}, FormatError, "'id' exists already, and Spark ignores case"),
        (lambda df: df, {"errors": "id"}, FormatError, "the column 'id' exists already"),
        (lambda df: df, {"labels": ["persn"]}, SettingsError, "no label 'persn'"),
        (
            lambda df: df.withColumnRenamed("day", "a.b"),
            {},
            FormatError,
            "the column 'a.b' has a name",
        ),
        (lambda df: df.withColumn("a`b", df.id), {}, FormatError, "the column 'a`b' has a name"),
        (lambda df: df.select("*", "id"), {}, FormatError, "the column 'id' has a name"),
    ],
)
def test_what_is_wrong_is_said_before_the_job(
    spark: Any,
    folder: Path,
    change: Callable[[Any], Any],
    options: dict[str, Any],
    error: type[NerineError],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        tag(change(rows(spark)), folder, **{"text": "body", **options})


def test_a_tagger_that_cannot_be_sent_is_refused_before_the_job(spark: Any, folder: Path) -> None:
    made = Tagger.from_checkpoint(load_checkpoint(folder), device="cpu")
    with pytest.raises(ProcessError, match="made in memory cannot be pickled"):
        tag(rows(spark), made, text="body")


def test_a_repository_is_sent_by_its_folder(spark: Any, folder: Path, hub: Hub) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    named = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    hub.add_repo("mira/names", named)
    with pytest.raises(ProcessError, match="only a folder can be sent") as caught:
        tag(rows(spark), "mira/names", text="body", send=True)
    assert (caught.value.hint or "").startswith("find_source(name).folder")
    found_there = find_source("mira/names").folder
    tagged = tag(rows(spark), found_there, text="body", send=True)  # as the hint says
    shutil.rmtree(found_there)
    assert found(tagged) == expected(Tagger.load(folder, device="cpu"))


CONNECT = """
import sys
import nerine
from pyspark.sql import SparkSession
from nerine.serving.spark import tag

spark = SparkSession.builder.remote("local[2]").getOrCreate()
df = spark.createDataFrame([(1, "Mira left Lisbon."), (2, None)], "id long, text string")
rows = sorted(tag(df, sys.argv[1]).collect())
print([row.entities and [e.start for e in row.entities] for row in rows])
try:
    tag(df, sys.argv[1], send=True)
except nerine.ProcessError as error:
    print(error.found)
"""


@pytest.mark.slow
def test_spark_connect_tags_too_and_cannot_send(folder: Path, tmp_path: Path) -> None:
    """In a process of its own, which has no other session."""
    pytest.importorskip("grpc", reason="needs pyspark[connect]: make engines")
    with pytest.MonkeyPatch.context() as environment:
        spark_environment(environment)
        command = [sys.executable, "-c", CONNECT, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    starts = [e.start for e in Tagger.load(folder, device="cpu")("Mira left Lisbon.").entities]
    found = [f"[{starts}, None]", "a session of Spark Connect cannot send the folder"]
    assert done.stdout.splitlines()[-2:] == found, done.stderr


@pytest.mark.slow
def test_speculation_duplicates_and_loses_nothing(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "attempts").mkdir()
    eager = {
        "spark.executor.memory": "600m",
        "spark.speculation": "true",
        "spark.speculation.interval": "100ms",
        "spark.speculation.quantile": 0.5,
        "spark.speculation.multiplier": 1.1,
        "spark.speculation.minTaskRuntime": "1s",
    }
    hosts = ("127.0.0.1", "127.0.0.2")
    with (
        pytest.MonkeyPatch.context() as environment,
        spark_hosts(environment, tmp_path, hosts) as address,
        spark_session(environment, tmp_path, address, **eager) as session,
    ):
        attempts = Attempts(tmp_path / "attempts", waits=240)
        slow = rows(session).mapInArrow(attempts.pipe, rows(session).schema)
        tag(slow, folder, text="body", send=True).write.parquet(str(tmp_path / "tagged"))
        assert {"0-0", "0-1"} <= {path.name for path in (tmp_path / "attempts").iterdir()}
        written = session.read.parquet(str(tmp_path / "tagged"))
        assert found(written) == expected(Tagger.load(folder, device="cpu"))
