"""Tagging a DataFrame of Spark.

::

    tagged = tag(spark.read.parquet("posts/"), "runs/wnut", text="body")
    tagged.write.parquet("tagged/")

Each worker process of an executor loads the model once, and uses it for all tasks that it gets. A
row's entities follow from the row alone, so that a task that Spark repeats changes nothing. Needs
the extra `spark`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from nerine.core.arguments import checked
from nerine.core.errors import ArgumentError, FormatError, ProcessError
from nerine.core.extras import import_extra
from nerine.core.files import disk_errors
from nerine.model.given import CheckpointLike
from nerine.model.loading.thresholds import ThresholdChoice
from nerine.model.pickling import PickledTagger, files_to_load, unpickled
from nerine.model.tagger import Tagger
from nerine.serving.columns import ColumnTagger

DataFrame = TypeVar("DataFrame")


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
    types = import_extra("pyspark.sql.types", "spark", "tagging with Spark")
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
    files = import_extra("pyspark", "spark", "tagging with Spark").SparkFiles
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
    root = import_extra("pyspark", "spark", "tagging with Spark").SparkFiles.getRootDirectory()
    archive = Path(root, f"{name}.zip")
    if not archive.exists():
        parts = archive.with_suffix(".part")
        with zipfile.ZipFile(parts, "w", strict_timestamps=False) as packed:
            for path in files_to_load(folder):
                packed.write(path, path.relative_to(folder))
        parts.replace(archive)
        context.addArchive(f"{archive}#{name}")
    return _Sent(kind, pickled, name)
