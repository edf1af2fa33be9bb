"""Files of one text and one control, of which the first tasks tell what is read of all."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from nerine.core.errors import FormatError
from nerine.core.files import errors_at
from nerine.data.formats.label_studio.annotations import BY, annotations_of, is_cancelled
from nerine.data.formats.label_studio.regions import LABELS, has_range, kind_of_result, value_of
from nerine.data.formats.label_studio.selection import Selection, select
from nerine.data.formats.label_studio.survey import Survey, strings_in
from nerine.data.formats.label_studio.tasks import read_tasks, task_of
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.records import Record

_MOST = 1000
"""Tasks that are looked at for a first region."""


class _Usual(NamedTuple):
    """The only text of each task, the control that labels it, and its name there."""

    field: str
    control: str
    name: str

    @classmethod
    def of(cls, tasks: Iterable[tuple[str, list[Any]]]) -> _Usual | None:
        """Those of the first region; None if they must be found out from the whole file."""
        for _, values in tasks:
            results = _results(values)
            if results is None:
                return None
            for result in results:
                control, name = result.get("from_name"), result.get("to_name")
                texts = [*strings_in(task_of(values)["data"])]
                if isinstance(control, str) and isinstance(name, str) and len(texts) == 1:
                    return cls(texts[0], control, name) if control and name else None
                return None
        return None

    def covers(self, values: list[Any]) -> bool:
        """Whether a task has one text and annotation, all of whose results are regions on it."""
        results = _results(values)
        return (
            results is not None
            and [*strings_in(task_of(values)["data"])] == [self.field]
            and all(
                result.get("from_name") == self.control
                and result.get("to_name") == self.name
                and kind_of_result(result) == LABELS
                and has_range(result)
                and bool(value_of(result).get(LABELS))
                for result in results
            )
        )

    @property
    def selection(self) -> Selection:
        """What is read of a file of such tasks."""
        fields = {(self.name, ""): self.field}
        return Selection(
            self.field, None, None, LABELS, fields, ([self.control], [self.name]), annotators=""
        )

    def check(self, selection: Selection) -> None:
        """Raises `FormatError` if a task of this kind is read otherwise in a selection."""
        result = {"from_name": self.control, "to_name": self.name, "type": LABELS}
        if selection.text_field({self.field: ""}) != self.field or not selection.takes(result):
            raise FormatError(
                f"the tasks before this one have regions of {self.control!r} on {self.field!r}, "
                "which are not read of the file as a whole",
                expected="the regions of one text",
            )


def _results(values: list[Any]) -> list[Record] | None:
    """The results of a task with one annotation that was not cancelled; None for other tasks."""
    try:
        annotations = annotations_of(task_of(values))
    except FormatError:
        return None
    if len(annotations) != 1 or is_cancelled(annotations[0]):
        return None
    results: list[Record] = annotations[0]["result"]
    return results


class Chosen:
    """What is read of a file, as its first region tells if it can, or else a survey of it all."""

    def __init__(self, path: Path, options: ReadOptions, log: ReadLog) -> None:
        self._path, self._options, self._log = path, options, log
        is_stated = options.text_field is not None or options.control is not None
        self._usual: _Usual | None = None
        if not is_stated and not options.annotations.startswith(BY):
            self._usual = _Usual.of(itertools.islice(read_tasks(path), _MOST))
        self._selection = self._usual.selection if self._usual else None

    def selection(self, values: list[Any]) -> Selection:
        """What is read of the task of these records.

        Raises `FormatError` as `select` does.
        """
        usual = self._usual
        if self._selection is None or (usual is not None and not usual.covers(values)):
            survey = Survey(self._options).fill(read_tasks(self._path))
            self._selection = select(survey, self._log, str(self._path))
            self._usual = None
            if usual is not None:
                with errors_at(str(self._path)):
                    usual.check(self._selection)
        return self._selection
