"""What a Label Studio file as a whole tells: its texts and its controls."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nerine.core.errors import FormatError
from nerine.data.formats.label_studio.annotations import (
    BY,
    annotations_of,
    annotator_of,
    chosen,
    is_cancelled,
    listed,
    names_of,
)
from nerine.data.formats.label_studio.regions import (
    LABELS,
    NAMES,
    has_range,
    kind_of_result,
    value_of,
)
from nerine.data.formats.label_studio.tasks import task_of
from nerine.data.formats.offsets import CANDIDATES, Counting, Evidence, StatedRange
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.records import Record

_PLENTY = 1000
"""Regions whose own texts tell the field that they stand on."""

Target = tuple[str, str]
"""The text that a region stands on: its `to_name`, or without one the name of its control."""


def name_of_control(result: Record) -> str:
    """The name of the control that made a result; empty if it has none."""
    name = result.get("from_name")
    return name if isinstance(name, str) else ""


def target_of(result: Record) -> Target:
    """The text that a result stands on."""
    name = result.get("to_name")
    return (name, "") if isinstance(name, str) and name else ("", name_of_control(result))


def strings_in(data: Record) -> dict[str, str]:
    """The fields of a task that may hold its text."""
    return {key: value for key, value in data.items() if isinstance(value, str) and key != "id"}


@dataclass
class Survey:
    """Counts over all results of a file that are read under `options`."""

    options: ReadOptions
    controls: Counter[tuple[Target, str, str]] = field(default_factory=Counter)
    """Regions by text, control and kind, of the kinds that give names to ranges."""
    others: Counter[str] = field(default_factory=Counter)
    """Results that name no range, by kind."""
    annotators: Counter[str] = field(default_factory=Counter)
    names: set[str] = field(default_factory=set)
    fields: Counter[str] = field(default_factory=Counter)
    evidence: dict[tuple[Target, str], Evidence] = field(
        default_factory=lambda: defaultdict(lambda: Evidence(Counting()))
    )
    """The own texts of the first regions compared with each field, if tasks have several."""

    def fill(self, tasks: Iterator[tuple[str, list[Any]]]) -> Survey:
        """This survey, with the tasks added as far as they can be read."""
        try:
            for _, values in tasks:
                self._add(values)
        except FormatError:
            return self  # the reader raises it again, with the documents before it read
        return self

    def _add(self, values: list[Any]) -> None:
        try:
            task = task_of(values)
            annotations = annotations_of(task)
        except FormatError:
            return
        texts = strings_in(task["data"])
        self.fields.update([*texts])
        for each in annotations:
            self.annotators[annotator_of(each)] += 1
            self.names.update(names_of(each))
        try:
            indices = chosen(annotations, self.options, ReadLog())
        except FormatError:
            indices = [i for i, each in enumerate(annotations) if not is_cancelled(each)]
        ranges: dict[Target, list[StatedRange]] = defaultdict(list)
        for index in indices or ():
            for result in annotations[index]["result"]:
                self._add_result(result, ranges)
        if len(self.fields) > 1:
            for target, stated in ranges.items():
                for name, text in texts.items():
                    evidence = self.evidence[target, name]
                    if evidence.shown < _PLENTY:
                        evidence.add(text, stated)

    def _add_result(self, result: Record, ranges: dict[Target, list[StatedRange]]) -> None:
        kind = kind_of_result(result)
        if kind != LABELS and not (kind in NAMES and has_range(result)):
            self.others[kind] += 1
            return
        target = target_of(result)
        value = value_of(result)
        if value.get(kind) or not has_range(result):  # else a region without a label
            self.controls[target, name_of_control(result), kind] += 1
        surface = value.get("text")
        if has_range(result) and isinstance(surface, str):
            ranges[target].append(StatedRange(value["start"], value["end"], surface))

    def field_of(self, target: Target) -> str | None:
        """The field that holds a text; None if neither its name nor its regions tell."""
        if len(self.fields) == 1:
            return next(iter(self.fields))
        own = {name: self.evidence.get((target, name)) for name in self.fields}
        found = {name: each for name, each in own.items() if each and each.shown}
        clean = [name for name, each in found.items() if each.alive]
        for name in (target[0], "text"):
            if name in clean:
                return name
        if clean:
            return clean[0] if len(clean) == 1 else None
        if target[0] in self.fields:
            return target[0]
        most = {name: max(map(each.agreeing, CANDIDATES)) for name, each in found.items()}
        best = max(most, key=lambda name: most[name], default=None)
        return best if best and most[best] * 2 > found[best].shown else None

    def check_annotator(self, place: str) -> None:
        """Raises `FormatError` if the annotator that the options name is not in the file."""
        way = self.options.annotations
        if way.startswith(BY) and self.annotators and way.removeprefix(BY) not in self.names:
            raise FormatError(
                f"no annotation is by {way.removeprefix(BY)!r}",
                place=place,
                expected=f"one of the file's annotators: {listed(self.annotators)}",
                hint=f"--annotations by={next(iter(self.annotators))} names one by address or id",
            )
