"""Ray and Spark on this machine, and what tests send to their workers."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import nerine
from nerine.model.tagger import Tagger
from nerine.serving.ray import TagTexts
from places import SUPPORT

FEW_MB = 100 << 20
MEMBERS = ("start", "end", "label", "score")


def expected_of(tagger: Tagger, texts: Sequence[str | None]) -> list[Any]:
    """The entities of each text by the tagger alone, None for None."""
    return [
        None if text is None else [{name: getattr(e, name) for name in MEMBERS} for e in found]
        for text in texts
        for found in [tagger(text or "").entities]
    ]


def assert_same(found: Sequence[Any], expected: Sequence[Any]) -> None:
    """The same entities; scores depend in their last digits on the texts of a batch."""
    assert [each is None for each in found] == [each is None for each in expected]
    for ours, theirs in zip(found, expected, strict=True):
        places = [[{**each, "score": 0} for each in entities or []] for entities in (ours, theirs)]
        assert places[0] == places[1]
        scores = [[each["score"] for each in entities or []] for entities in (ours, theirs)]
        assert scores[0] == pytest.approx(scores[1], abs=1e-4)


def give_paths(environment: pytest.MonkeyPatch) -> None:
    """Lets processes that are started from now on find these modules and the package."""
    paths = [str(Path(nerine.__file__).parents[1]), str(SUPPORT)]
    environment.setenv("PYTHONPATH", os.pathsep.join(paths))


def start_ray(environment: pytest.MonkeyPatch) -> Any:
    """Ray on this machine alone, with two CPUs; `shutdown` ends it."""
    ray = pytest.importorskip("ray", reason="needs the extra ray: make engines")
    give_paths(environment)
    environment.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # as later versions do
    ray.init(
        address="local",
        num_cpus=2,
        object_store_memory=FEW_MB,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        _node_ip_address="127.0.0.1",
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray


def spark_environment(environment: pytest.MonkeyPatch) -> Any:
    """The package pyspark, set up for this machine alone."""
    pyspark = pytest.importorskip("pyspark", reason="needs the extra spark: make engines")
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        pytest.skip("needs Java: apt-get install openjdk-17-jre-headless")
    give_paths(environment)
    environment.setenv("PYSPARK_PYTHON", sys.executable)
    environment.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    return pyspark


@contextlib.contextmanager
def spark_session(
    environment: pytest.MonkeyPatch, folder: Path, master: str, **settings: Any
) -> Iterator[Any]:
    """A session of Spark on this machine alone."""
    spark_environment(environment)
    sql = importlib.import_module("pyspark.sql")
    builder = sql.SparkSession.builder.master(master)
    usual = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.warehouse.dir": folder / "warehouse",
        "spark.sql.shuffle.partitions": 2,
        "spark.sql.execution.arrow.maxRecordsPerBatch": 7,
    }
    for name, value in {**usual, **settings}.items():
        builder = builder.config(name, str(value))
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    try:
        yield session
    finally:
        session.stop()


@contextlib.contextmanager
def spark_hosts(
    environment: pytest.MonkeyPatch, folder: Path, names: Sequence[str]
) -> Iterator[str]:
    """The address of a cluster of Spark with a worker of one core at each address of this machine.

    Spark repeats a slow task on another host only, and so never in its local modes.
    """
    pyspark = spark_environment(environment)
    environment.setenv("SPARK_DAEMON_MEMORY", "256m")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    address = f"spark://127.0.0.1:{port}"
    program = str(Path(pyspark.__file__).parent / "bin" / "spark-class")
    deploy = "org.apache.spark.deploy"
    page = ["--webui-port", "0"]
    master = [f"{deploy}.master.Master", "--host", "127.0.0.1", "--port", port, *page]
    size = ["--cores", "1", "--memory", "900m", "--work-dir", str(folder)]
    worker = [f"{deploy}.worker.Worker", *size, *page, address, "--host"]
    with contextlib.ExitStack() as started, (folder / "log").open("w") as log:
        for command in (master, *([*worker, name] for name in names)):
            process = started.enter_context(
                subprocess.Popen([program, *command], stdout=log, stderr=subprocess.STDOUT)
            )
            started.callback(process.terminate)
        yield address


def note(name: str) -> None:
    """Adds a line with the number of this process to the file called `name`."""
    with Path(name).open("a", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")


class NotedTagger(Tagger):
    """A tagger that notes where it is loaded, in the file `loads` next to its folder."""

    @classmethod
    def load(cls, name: Any, **options: Any) -> Tagger:
        """Loads it as `Tagger.load` does."""
        note(str(Path(str(name)).with_name("loads")))
        return super().load(name, **options)


class Disturbed(Tagger):
    """A tagger that is disturbed at the text `AT`, once for all processes.

    The first that comes there makes the file `disturbed` next to the checkpoint's folder.
    """

    AT = "Mira was in Oslo 150"

    def pipe_with_errors(self, texts: Any) -> Any:
        """As that of `Tagger`, with a disturbance."""
        for each in super().pipe_with_errors(texts):
            if getattr(each, "text", None) == self.AT and self.is_first:
                self.disturb()
            yield each

    @property
    def is_first(self) -> bool:
        """Whether this is the first time, of all processes."""
        try:
            self.beside("disturbed").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def beside(self, name: str) -> Path:
        """A file next to the folder of the checkpoint."""
        return Path(self.name).with_name(name)

    def disturb(self) -> None:
        """Raises an error that is none of Nerine's."""
        raise RuntimeError("the first attempt fails")


class Mortal(Disturbed):
    """Its process is killed."""

    def disturb(self) -> None:
        """Kills this process."""
        os.kill(os.getpid(), signal.SIGKILL)


class Doomed(Mortal):
    """All processes are killed there."""

    @property
    def is_first(self) -> bool:
        """Always."""
        return True


class Late(Disturbed):
    """Waits until another attempt has done the shard, and resumes."""

    def disturb(self) -> None:
        """Waits for the folder of the attempt that won, and notes that this one resumes."""
        done = Path(self.beside("waits-for").read_text(encoding="utf-8"))
        until = time.monotonic() + 240
        while not done.exists() and time.monotonic() < until:
            time.sleep(0.01)
        if done.exists():
            self.beside("resumed").touch()


class MortalTexts(TagTexts):
    """Its process ends at its second batch, once for all processes."""

    def __call__(self, batch: Any) -> Any:
        """Tags a batch, or ends the process."""
        deaths = Path(self.tagger.name).with_name("deaths")
        self.batches = getattr(self, "batches", 0) + 1
        if self.batches == 2 and not deaths.exists():
            note(str(deaths))
            os._exit(1)
        return super().__call__(batch)


class Attempts:
    """Passes batches on, notes each attempt at a task in a folder, and disturbs first attempts.

    Args:
        folder: Gets a file `PARTITION-ATTEMPT` for each attempt.
        fails: Whether the first attempt at the first partition fails after its first batch.
        waits: How many seconds that attempt waits instead, before its second batch.
    """

    def __init__(self, folder: Path, *, fails: bool = False, waits: float = 0) -> None:
        self._folder, self._fails, self._waits = folder, fails, waits

    def pipe(self, batches: Iterator[Any]) -> Iterator[Any]:
        """The same batches."""
        from pyspark import TaskContext

        task: Any = TaskContext.get()
        partition, attempt = task.partitionId(), task.attemptNumber()
        (self._folder / f"{partition}-{attempt}").touch()
        for number, batch in enumerate(batches):
            if number == 1 and (partition, attempt) == (0, 0):
                if self._fails:
                    raise RuntimeError("the first attempt fails")
                time.sleep(self._waits)
            yield batch
