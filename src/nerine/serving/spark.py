"""Tagging a DataFrame of Spark, and files with Spark.

::

    tagged = tag(spark.read.parquet("posts/"), "runs/wnut", text="body")
    tagged.write.parquet("tagged/")

    tag_files(spark, "runs/wnut", "/shared/posts/", "/shared/tagged/")

Each worker process of an executor loads the model once, and uses it for all tasks that it gets. A
row's entities follow from the row alone, so that a task that Spark repeats changes nothing. A shard
of a file is tagged by itself, and the first attempt that is done counts. Needs the extra `spark`.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from nerine.core import errors as nerine_errors
from nerine.core.arguments import checked
from nerine.core.errors import (
    ArgumentError,
    FormatError,
    NerineError,
    ProcessError,
    SettingsError,
    TaggingError,
    first_line,
)
from nerine.core.extras import import_extra
from nerine.core.files import disk_errors
from nerine.model.given import CheckpointLike, as_tagger, with_thresholds
from nerine.model.loading.thresholds import ThresholdChoice
from nerine.model.pickling import PickledTagger, files_to_load, unpickled
from nerine.model.tagger import Tagger
from nerine.serving.columns import ColumnTagger
from nerine.serving.files.attempts import ShardWork
from nerine.serving.files.identity import model_of, tagger_identity
from nerine.serving.files.options import TaggingOptions
from nerine.serving.files.plan import TaggingSummary, plan_tagging
from nerine.serving.files.sharded import ShardedFolder

DataFrame = TypeVar("DataFrame")

_PURPOSE = "tagging with Spark"
_MOST_TASKS = 10_000
_TOLD = "an error of Nerine in a worker of Spark: "


@checked
def tag(
    df: DataFrame,
    checkpoint: CheckpointLike,
    *,
    text: str = "text",
    into: str = "entities",
    errors: str | None = None,
    labels: Iterable[str] | None = None,
    thresholds: ThresholdChoice = None,
    send: bool = False,
) -> DataFrame:
    """A DataFrame with the entities of the texts in one of its columns.

    Rows and columns are kept. The new column is `array<struct<start: bigint, end: bigint, label:
    string, score: double>>`, and `start` and `end` count code points, as `substring` of Spark does:
    `substring(body, e.start + 1, e.end - e.start)`. The entities of a null are null; those of a
    text without any are an empty array.

    The model is loaded here, and then by each worker process from the same place: the path of a
    folder has to lead to the same files on each executor, unless `send` is given; of a repository
    on the hub, executors load the commit that was loaded here. An executor whose files differ
    raises `ProcessError`.

    Args:
        df: The DataFrame.
        checkpoint: A tagger, or what `Tagger.load` loads: a folder or a hub id.
        text: The column that holds the texts.
        into: The column that receives the entities.
        errors: A column that receives the reason for each text that cannot be tagged, whose
            entities are null then, and null for all others. None to let the job fail.
        labels: The labels whose entities are kept; None for all.
        thresholds: As for `Tagger.load`; None for those of the tagger.
        send: Whether the folder is sent to the executors with the job, for a cluster without a
            folder that all machines see.

    Raises:
        ArgumentError: If `df` is not a DataFrame of Spark, or an argument has another type.
        CheckpointError: If the checkpoint cannot be loaded, or no thresholds are saved with it.
        FormatError: If the DataFrame has no such column of strings, or has a column of the name of
            one that is added.
        MissingExtraError: If pyspark is not installed.
        ProcessError: If the tagger was made in memory or its files have changed, or files cannot
            be sent in this session.
        SettingsError: If the model has no such label, a threshold is outside 0 to 1, or two columns
            would have the same name.
    """
    types = import_extra("pyspark.sql.types", "spark", _PURPOSE)
    frame: Any = df
    if not hasattr(frame, "mapInArrow"):
        kind = type(df)
        raise ArgumentError(
            f"df is a {kind.__module__}.{kind.__name__}",
            place="tag",
            expected="a DataFrame of Spark 3.5 or later",
            hint="spark.createDataFrame(…) makes one",
        )
    tagger = ColumnTagger(
        checkpoint, text=text, into=into, errors=errors, labels=labels, thresholds=thresholds
    )
    _check_columns(frame.schema, tagger, types)
    kinds = {"into": _entities_type(types), "errors": types.StringType()}
    fields = [types.StructField(name, kinds[option]) for option, name in tagger.added.items()]
    schema = types.StructType([*frame.schema.fields, *fields])
    _, parts = tagger.tagger.__reduce__()  # its errors come from here, and not out of Spark
    if send:
        tagger.tagger = _send(*parts, frame.sparkSession)  # type: ignore[assignment] # to be pickled
    result: DataFrame = frame.mapInArrow(tagger.pipe, schema)
    return result


def _check_columns(schema: Any, tagger: ColumnTagger, types: Any) -> None:
    """Raises `FormatError` for columns that do not fit. Spark ignores the case of their names."""
    tagger.check_names(schema.names)
    for name in schema.names:
        if schema.names.count(name) > 1 or set(name) & set(".`"):
            raise FormatError(
                f"the column {name!r} has a name that mapInArrow of Spark does not take",
                expected="names without dots and backticks, each for one column",
                hint="df.toDF(…) gives all columns new names",
            )
    lower = {name.lower(): name for name in schema.names}
    for option, name in tagger.added.items():
        if name.lower() in lower:
            raise FormatError(
                f"the column {lower[name.lower()]!r} exists already, and Spark ignores case",
                hint=f"{option}=… gives the column {name!r} another name",
            )
    kind = schema[tagger.text].dataType
    if not isinstance(kind, types.StringType | types.NullType):
        raise FormatError(
            f"the column {tagger.text!r} is of type {kind.simpleString()}",
            expected="a column of strings",
        )


def _entities_type(types: Any) -> Any:
    """The type of a column of entities in Spark."""
    members = {"start": "LongType", "end": "LongType", "label": "StringType", "score": "DoubleType"}
    fields = [types.StructField(name, getattr(types, kind)()) for name, kind in members.items()]
    return types.ArrayType(types.StructType(fields))


class _Sent:
    """Stands for a tagger in a pickle, which becomes one of the folder that was sent.

    Args:
        kind: The tagger's class.
        pickled: What the tagger's own pickle holds.
        name: The name of the folder among Spark's files.
    """

    def __init__(self, kind: type[Tagger], pickled: PickledTagger, name: str) -> None:
        self._parts = kind, pickled, name

    def __reduce__(self) -> tuple[Callable[..., Tagger], tuple[type[Tagger], PickledTagger, str]]:
        return _received, self._parts


def _received(kind: type[Tagger], pickled: PickledTagger, name: str) -> Tagger:
    """The tagger of the folder called `name` that was sent to this process."""
    files = import_extra("pyspark", "spark", _PURPOSE).SparkFiles
    tagger: Tagger = unpickled(kind, replace(pickled, place=files.get(name)))
    return tagger


@disk_errors(ProcessError)
def _send(kind: type[Tagger], pickled: PickledTagger, session: Any) -> _Sent:
    """Sends the folder of a tagger to the executors, once for each state of its files."""
    context = getattr(session, "sparkContext", None)  # missing in Spark Connect
    if context is None:
        raise ProcessError(
            "a session of Spark Connect cannot send the folder",
            place=pickled.place,
            hint="put it where all executors see it, or on the hub, and leave out send=True",
        )
    folder = Path(pickled.place)
    if not folder.is_dir():
        raise ProcessError(
            "only a folder can be sent, and this was loaded by its name",
            place=pickled.place,
            hint="find_source(name).folder is the folder of a repository or a package",
        )
    name = f"nerine-{pickled.fingerprint}"
    root = import_extra("pyspark", "spark", _PURPOSE).SparkFiles.getRootDirectory()
    archive = Path(root, f"{name}.zip")
    if not archive.exists():
        parts = archive.with_suffix(".part")
        with zipfile.ZipFile(parts, "w", strict_timestamps=False) as packed:
            for path in files_to_load(folder):
                packed.write(path, path.relative_to(folder))
        parts.replace(archive)
        context.addArchive(f"{archive}#{name}")
    return _Sent(kind, pickled, name)


# -- files -------------------------------------------------------------------------------------


@checked
def tag_files(
    spark: Any,
    checkpoint: CheckpointLike,
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    options: TaggingOptions | None = None,
    *,
    thresholds: ThresholdChoice = None,
    send: bool = False,
) -> TaggingSummary:
    """Tags files on the executors of Spark, into a folder with a file for each shard.

    The output is that of `nerine.tag_files` with `TaggingOptions(shards=True)`, byte for byte, if
    the executors use the same backend with as many threads. Inputs and output have to lie on a file
    system that the driver and all executors see at the same paths, and in which a folder can be
    renamed in one step, as NFS and Lustre do; a bucket can't be the output.

    A task tags one shard, or a few neighbours of a run with more than 10,000 shards, and its worker
    commits each of them. A task may be tried again, or run twice by speculation: the first attempt
    at a shard that is done counts. A run that was interrupted, or begun by `nerine tag --shards`,
    is continued by `TaggingOptions(start="resume")`.

    The model is loaded here, and then by each worker process, as by `tag`.

    Args:
        spark: The session, not one of Spark Connect.
        checkpoint: A tagger, or what `Tagger.load` loads: a folder or a hub id.
        inputs: A file, a folder, a pattern such as `"posts/*.jsonl"`, or several of these.
        output: The folder.
        options: How the inputs are tagged; `shards` need not be set.
        thresholds: As for `Tagger.load`; None for those of the tagger.
        send: Whether the checkpoint's folder is sent to the executors with the job, for a cluster
            where they do not see it.

    Returns:
        What was tagged, and what failed.

    Raises:
        ArgumentError: If `spark` is not a session of Spark, or an argument has another type.
        CheckpointError: If the checkpoint cannot be loaded, or no thresholds are saved with it.
        FormatError: If an input cannot be read or has no text.
        MissingExtraError: If pyspark is not installed, or the extra `datasets` is missing for
            Parquet or Zstandard.
        ProcessError: If the tagger was made in memory, its files have changed or differ on an
            executor, files cannot be sent, or this is a session of Spark Connect.
        SettingsError: If the options do not fit the inputs, or share out the shards themselves.
        TaggingError: If another run is in the folder or at work there, an input has changed, the
            executors differ in what decides the scores, files cannot be written, or Spark gives the
            job up.
    """
    context = _context(spark)
    options = options or TaggingOptions()
    if options.processes != 1 or options.share:
        raise SettingsError(
            "Spark shares out the shards to its workers",
            place="share" if options.share else "processes",
            hint="leave it out",
        )
    plan = plan_tagging(inputs, output, replace(options, shards=True))
    tagger = with_thresholds(as_tagger(checkpoint), thresholds)
    kind, pickled = tagger.__reduce__()[1]
    plan = plan.with_model(options.model or model_of(tagger))
    sent = _send(kind, pickled, spark) if send else tagger
    worker = _Worker(pickle.dumps(sent), str(Path.cwd()))

    def tag_shards(folder: ShardedFolder) -> int:
        missing = [folder.work(each) for each in folder.shards if folder.receipt(each) is None]
        if not missing:
            return 0
        works = context.parallelize(missing, min(len(missing), _MOST_TASKS))
        with _told_here(str(output)):
            return int(works.mapPartitions(worker.tag).sum())

    with _told_here(str(output)):
        # threads and backend may be others there than here
        use = json.loads(context.parallelize([0], 1).mapPartitions(worker.identity).first())
    return plan.run_shards(tag_shards, use)


def _context(spark: Any) -> Any:
    """The context of a session, which has the interface for tasks."""
    kind = import_extra("pyspark.sql", "spark", _PURPOSE).SparkSession
    context = getattr(spark, "sparkContext", None)  # missing in Spark Connect
    if context is not None and isinstance(spark, kind):
        return context
    if hasattr(spark, "createDataFrame"):
        raise ProcessError(
            "a session of Spark Connect cannot tag files",
            expected="a session with a context (spark.sparkContext)",
            hint="read the files with spark.read, and use nerine.serving.spark.tag",
        )
    raise ArgumentError(
        f"spark is a {type(spark).__module__}.{type(spark).__name__}",
        place="tag_files",
        expected="a session of Spark 3.5 or later",
        hint="SparkSession.builder.getOrCreate() makes one",
    )


@dataclass(frozen=True, slots=True)
class _Worker:
    """What the worker processes do. Its pickle loads nothing, so that errors can be told.

    Attributes:
        tagger: The pickle of the tagger.
        folder: The driver's folder, from which names of files are read.
    """

    tagger: bytes
    folder: str

    def identity(self, _: Iterable[int]) -> Iterator[str]:
        """What decides the scores here, besides the model, as JSON."""
        with _telling():
            yield json.dumps(tagger_identity(self._loaded()))

    def tag(self, works: Iterable[ShardWork]) -> Iterator[int]:
        """Tags shards; the number of documents of each."""
        with _telling():
            tagger = self._loaded()
            for work in works:
                with _in_folder(self.folder):
                    documents = _documents(work, tagger)
                yield documents

    def _loaded(self) -> Tagger:
        tagger: Tagger = pickle.loads(self.tagger)  # noqa: S301 - made by the driver
        return tagger


@disk_errors(TaggingError)
def _documents(work: ShardWork, tagger: Tagger) -> int:
    """The number of documents of a shard, which is tagged unless an earlier attempt was done."""
    return work.complete(tagger).documents


def _in_folder(folder: str) -> contextlib.AbstractContextManager[None]:
    """Makes a folder that of this process for a time; names that begin at the root need none."""
    return contextlib.chdir(folder) if Path(folder).is_dir() else contextlib.nullcontext()


@contextlib.contextmanager
def _telling() -> Iterator[None]:
    """Raises Nerine's errors in a form in which the driver finds them in those of Spark."""
    try:
        yield
    except NerineError as error:
        values = {name: getattr(error, name) for name in ("found", "expected", "place", "hint")}
        told = json.dumps({"kind": type(error).__name__, **values})
        raise RuntimeError(f"{_TOLD}{told}") from error


@contextlib.contextmanager
def _told_here(output: str) -> Iterator[None]:
    """Raises the error of Nerine that made a job fail, or a `TaggingError` with Spark's reason."""
    java = import_extra("py4j.protocol", "spark", _PURPOSE).Py4JError
    spark = import_extra("pyspark.errors", "spark", _PURPOSE).PySparkException
    try:
        yield
    except (java, spark) as failure:
        if told := re.search(re.escape(_TOLD) + r"(\{.*\})", str(failure)):
            values = json.loads(told[1])
            raise getattr(nerine_errors, values.pop("kind"))(**values) from None
        lines = str(failure).splitlines()
        reasons = [line.removeprefix(": ") for line in lines if line.startswith(": ")]
        raise TaggingError(
            f"Spark gave the job up: {(reasons or [first_line(failure)])[0]}",
            place=output,
            hint='shards that are done stay done: TaggingOptions(start="resume") continues',
        ) from failure
