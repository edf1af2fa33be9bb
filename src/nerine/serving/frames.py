"""Entities of the texts in a data frame of pandas or polars. Needs the extra `datasets`.

::

    tagged = tag_frame(frame, "runs/wnut", text="body")  # a column of entities
    entities = tag_frame(frame, "runs/wnut", text="body", form="long")  # a row for each entity
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeVar, get_args

from nerine.core.arguments import checked
from nerine.core.errors import ArgumentError, SettingsError
from nerine.core.extras import import_extra
from nerine.model.given import CheckpointLike
from nerine.model.loading.thresholds import ThresholdChoice
from nerine.serving.columns import ColumnTagger

Frame = TypeVar("Frame")
Form = Literal["list", "long"]

_FORMS: Sequence[str] = get_args(Form)
_PURPOSE = "tagging data frames"


@checked
def tag_frame(
    frame: Frame,
    checkpoint: CheckpointLike,
    *,
    text: str = "text",
    into: str = "entities",
    form: Form = "list",
    errors: str | None = None,
    labels: Iterable[str] | None = None,
    thresholds: ThresholdChoice = None,
) -> Frame:
    """Tags the texts in a column of a data frame.

    As a list, the frame is returned with one more column of lists of structs with the members
    `start`, `end`, `label` and `score`; its rows, their order and its other columns, and the index
    of pandas, are kept. In the long form, a frame is returned that has a row for each entity, in
    the order of the texts: `row` (the number of the text's row, from 0), `start`, `end`, `label`,
    `score` and `text`, the words of the entity; in pandas, its index is that of the text's row.

    Offsets count code points. A null has null for its entities, and none in the long form.

    Args:
        frame: A `pandas.DataFrame` or a `polars.DataFrame`; it is not changed.
        checkpoint: A tagger, or what `Tagger.load` loads: a folder or a hub id.
        text: The column that holds the texts.
        into: The column that receives the entities, as a list.
        form: `"list"` or `"long"`.
        errors: A column that receives the reason for each text that cannot be tagged; None to raise
            an error instead. Only as a list.
        labels: The labels whose entities are kept; None for all.
        thresholds: As for `Tagger.load`; None for those of the tagger.

    Returns:
        A frame of the same kind.

    Raises:
        ArgumentError: If an argument has another type.
        CheckpointError: If the checkpoint cannot be loaded, no thresholds are saved with it, or
            many texts all fail in the same way.
        FormatError: If the frame has no such column, or has one of the name of one that is added;
            or a cell holds something else than text or null, or the model fails on it.
        MissingExtraError: If pyarrow is not installed.
        SettingsError: If the model has no such label, a threshold is outside 0 to 1, the form is
            unknown, or it does not go with `errors`.
    """
    if form not in _FORMS:
        raise SettingsError(f"{form!r} is not known", place="form", expected="list or long")
    if form == "long" and errors is not None:
        raise SettingsError(
            "the long form has no column for errors", place="errors", expected='form="list"'
        )
    kind = _kind_of(frame)
    given: Any = frame
    tag = ColumnTagger(
        checkpoint, text=text, into=into, errors=errors, labels=labels, thresholds=thresholds
    )
    names = [str(name) for name in given.columns]
    tag.check_names(names if form == "list" else [name for name in names if name != into])
    texts = given[text].to_numpy()
    added = {name: column for name, column in tag({text: texts}).items() if name != text}
    tagged: Frame
    if form == "long":
        tagged = _long(given, kind, texts, added[into])
    elif kind == "polars":
        polars = sys.modules["polars"]
        columns = (polars.Series(name, polars.from_arrow(each)) for name, each in added.items())
        tagged = given.with_columns(columns)
    else:
        array = sys.modules["pandas"].arrays.ArrowExtensionArray
        tagged = given.assign(**{name: array(each) for name, each in added.items()})
    return tagged


def _kind_of(frame: Any) -> str:
    """`pandas` or `polars`; raises `ArgumentError` for something else."""
    for name in ("pandas", "polars"):
        module = sys.modules.get(name)
        if module is not None and isinstance(frame, module.DataFrame):
            return name
    kind = type(frame)
    raise ArgumentError(
        f"frame is of type {kind.__module__}.{kind.__qualname__}",
        expected="a DataFrame of pandas or polars",
        hint="collect() a LazyFrame; ColumnTagger takes tables of pyarrow and dictionaries",
    )


def _long(frame: Any, kind: str, texts: Any, entities: Any) -> Any:
    """A frame with a row for each entity."""
    arrow = import_extra("pyarrow", "datasets", _PURPOSE)
    compute = import_extra("pyarrow.compute", "datasets", _PURPOSE)
    rows = compute.list_parent_indices(entities)
    members = compute.list_flatten(entities)
    columns = {name: members.field(name) for name in ("start", "end", "label", "score")}
    bounds = zip(
        *(each.to_pylist() for each in (rows, columns["start"], columns["end"])), strict=True
    )
    surfaces = [texts[row][start:end] for row, start, end in bounds]
    table = arrow.table({"row": rows, **columns, "text": arrow.array(surfaces, arrow.string())})
    if kind == "polars":
        return sys.modules["polars"].from_arrow(table)
    return table.to_pandas().set_index(frame.index.take(rows.to_numpy()))
