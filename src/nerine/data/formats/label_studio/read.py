"""Read documents from Label Studio's tasks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError
from nerine.core.files import errors_at
from nerine.core.strict_json import shown
from nerine.data.formats.label_studio.annotations import (
    annotations_of,
    chosen,
    is_cancelled,
    list_name,
)
from nerine.data.formats.label_studio.regions import (
    LABELS,
    Region,
    has_range,
    in_code_points,
    kind_of_result,
    new_regions,
    parse_region,
    value_of,
)
from nerine.data.formats.label_studio.selection import Selection
from nerine.data.formats.label_studio.survey import strings_in, target_of
from nerine.data.formats.label_studio.tasks import UNNAMED, read_tasks, task_of
from nerine.data.formats.label_studio.usual import Chosen
from nerine.data.formats.offsets import Counting, OffsetChecker, StatedRange, agrees
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.records import Record, id_of, is_ranges, meta_of
from nerine.data.formats.unusual import treat

OWN, READ = "label_studio", "nerine"
"""The field of `meta` that holds a task, and in it the field that says what was read of it."""

USUAL = {"from_name": "label", "to_name": "text", "type": LABELS}
"""Names of a region as in Label Studio's template for named entities."""

_ADDRESSES = ("http://", "https://", "s3://", "gs://", "azure-blob://", "/data/")


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of an export, each with its place: the line and the task's number or id."""
    chosen_so_far = Chosen(path, options, log)

    def stated() -> Iterator[tuple[str, list[StatedRange]]]:
        for place, values in read_tasks(path):
            with contextlib.suppress(FormatError):  # raised when the task is read
                selection = chosen_so_far.selection(values)
                task = _Task.of(values, selection, options, ReadLog())
                if task is not None:
                    regions = task.regions(place, options, ReadLog())
                    yield task.text, [each for _, each in regions]

    checker = OffsetChecker(stated, options, log)
    for place, values in read_tasks(path):
        selection = chosen_so_far.selection(values)
        try:
            with errors_at(place):
                task = _Task.of(values, selection, options, log)
                document = task.read(checker, options, log, place) if task else None
        except FormatError as error:
            log.refuse(error)
        else:
            if document is not None:
                yield place, document


@dataclass
class _Task:
    task: Record
    annotations: list[Record]
    indices: list[int]
    selection: Selection
    name: str
    """The field of the text."""

    @classmethod
    def of(
        cls, values: list[Any], selection: Selection, options: ReadOptions, log: ReadLog
    ) -> _Task | None:
        """The task of these records; None if it is skipped."""
        task = task_of(values)
        annotations = annotations_of(task)
        indices = chosen(annotations, options, log, selection.annotators)
        if indices is None:
            return None
        for holder in (task["data"], task):
            if not isinstance(holder.get("id"), int | str | float | None):
                raise FormatError(f"the id is {shown(holder['id'])}", expected="a number or a name")
        return cls(task, annotations, indices, selection, selection.text_field(task["data"]))

    @property
    def text(self) -> str:
        """The text."""
        text: str = self.task["data"][self.name]
        return text

    def read(
        self, checker: OffsetChecker, options: ReadOptions, log: ReadLog, place: str
    ) -> Document:
        """The document of the task."""
        regions = self.regions(place, options, log)
        try:
            ranges = checker.ranges(self.text, [each for _, each in regions])
        except FormatError as error:
            raise self._with_hint(error, regions, checker.counting) from None
        entities: dict[tuple[int, int, str], Entity] = {}
        for (region, _), found in zip(regions, ranges, strict=True):
            if found is None:
                continue
            for label in region.labels:
                key = (*found, label)
                known = entities.get(key)
                if known is None or known.score is None:
                    entities[key] = Entity(*key, region.score)
        ordered = tuple([entities[key] for key in sorted(entities)])
        return self._document(ordered, checker.counting)

    def regions(
        self, place: str, options: ReadOptions, log: ReadLog
    ) -> list[tuple[Region, StatedRange]]:
        """The regions that are read, with their ranges as they stand in the file."""
        found: list[tuple[Region, StatedRange]] = []
        for index in self.indices:
            for number, result in enumerate(self.annotations[index]["result"], start=1):
                here = f"{place}, region {number}"
                try:
                    region = self._region(result, options, log)
                except FormatError as error:
                    raise FormatError.placed(error, here) from None
                if region is not None:
                    label = ", ".join(region.labels)
                    stated = StatedRange(region.start, region.end, region.surface, label, here)
                    found.append((region, stated))
        return found

    def _region(self, result: Record, options: ReadOptions, log: ReadLog) -> Region | None:
        """The region of a result; None if it is not read."""
        is_bare = kind_of_result(result) == LABELS and not value_of(result).get(LABELS)
        if is_bare and has_range(result) and self.selection.kind == LABELS:
            if not self.selection.stands_on_text(result):
                return None
        elif not self.selection.takes(result):
            return None
        region = parse_region(result)
        if not region.labels:
            found = f"the region [{region.start}, {region.end}) has no label"
            treat("no-label", found, options, log, expected="at least one label")
            return None
        return region

    def _with_hint(
        self,
        error: FormatError,
        regions: Sequence[tuple[Region, StatedRange]],
        counting: Counting,
    ) -> FormatError:
        """The error with how to read a region whose own text is not at its place."""
        for region, stated in regions:
            if error.hint is None and error.place == stated.place and region.surface is not None:
                hint = self._hint(region.surface, stated, counting)
                return FormatError(
                    error.found, expected=error.expected, place=error.place, hint=hint
                )
        return error

    def _hint(self, surface: str, stated: StatedRange, counting: Counting) -> str | None:
        if self.text.startswith(_ADDRESSES) and len(self.text.split()) == 1:
            return "the text is an address: put the text that is there into the field"
        for name, other in strings_in(self.task["data"]).items():
            start, end = counting.of(other)(stated.start, stated.end)
            if 0 <= start < end and agrees(surface, other[start:end]):
                return (
                    f"--text-field {name} (text_field={name!r}) reads the field that it stands in"
                )
        return None

    def _document(self, entities: tuple[Entity, ...], counting: Counting) -> Document:
        data, name = self.task["data"], self.name
        tokens, used = None, {name}
        if is_ranges(data.get("tokens")):
            tokens = tuple(Token(start, end) for start, end in data["tokens"])
            used.add("tokens")
        id_ = id_of(data) if "id" in data else id_of(self.task)
        document = Document(self.text, entities, tokens, id_, meta_of(data, used))
        rest = {key: value for key, value in self.task.items() if key != "data"}
        if self.annotations:
            rest[list_name(self.task)] = [
                self._converted(each, counting) for each in self.annotations
            ]
        if rest.keys() == {"annotations"} and name == USUAL["to_name"]:
            usual = new_regions(document, entities, USUAL)
            if rest["annotations"] == [{"result": usual}]:
                return document
        if OWN in document.meta or READ in rest:
            taken = OWN if OWN in document.meta else READ
            raise FormatError(f"the task has the field {taken!r}", expected="other names of fields")
        what = self._what_was_read()
        return replace(
            document, meta={**document.meta, OWN: {**rest, READ: what} if what else rest}
        )

    def _converted(self, annotation: Record, counting: Counting) -> Record:
        """An annotation with the offsets of all its regions in code points."""
        is_named = all(each.get("to_name") is not UNNAMED for each in annotation["result"])
        if counting == Counting() and is_named:
            return annotation
        results = []
        for result in annotation["result"]:
            own = self.selection.fields.get(target_of(result))
            if own is None and self.selection.stands_on_text(result):
                own = self.name
            text = self.task["data"].get(own)
            if isinstance(text, str):
                result = in_code_points(result, text, counting)
            if result.get("to_name") is UNNAMED:
                result = {**result, "to_name": own or self.name}
            results.append(result)
        return {**annotation, "result": results}

    def _what_was_read(self) -> Mapping[str, object]:
        """What the writer must know to find the regions that were read; empty if it is usual."""
        selection, name = self.selection, self.name
        controls, targets = selection.names
        # a region of JSON-MIN, which does not name its text, is written with the field's name
        nameless = (r for each in self.annotations for r in each["result"] if not target_of(r)[0])
        is_nameless = any(result.get("to_name") is not UNNAMED for result in nameless)
        texts = sorted({each or ("" if is_nameless else name) for each in targets})
        is_all = selection.controls is None and selection.targets is None
        what: Record = {} if name == USUAL["to_name"] else {"text_field": name}
        if controls and not (is_all and controls == [USUAL["from_name"]]):
            what["from_name"] = controls
        if not is_all or texts not in ([], [name]):
            what["to_name"] = texts
        if selection.kind != LABELS:
            what["type"] = selection.kind
        valid = [i for i, each in enumerate(self.annotations) if not is_cancelled(each)]
        if self.indices != valid and self.annotations:
            what["annotations"] = self.indices
        return what
