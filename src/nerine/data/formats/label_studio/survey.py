"""What a Label Studio file as a whole tells: its text, its control, and the unit of its offsets."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
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
    UNITS,
    Offsets,
    Unit,
    has_range,
    kind_of_result,
    value_of,
)
from nerine.data.formats.label_studio.tasks import task_of
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.records import Record

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
class Evidence:
    """How often the regions' own texts agree with a field, by the units in which they do."""

    patterns: Counter[frozenset[Unit]] = field(default_factory=Counter)
    places: dict[frozenset[Unit], str] = field(default_factory=dict)

    def add(self, pattern: frozenset[Unit], place: str) -> None:
        """Counts a region that agrees in the units of `pattern`."""
        self.patterns[pattern] += 1
        self.places.setdefault(pattern, place)

    def merged(self, other: Evidence) -> Evidence:
        """The evidence of both."""
        return Evidence(self.patterns + other.patterns, {**other.places, **self.places})

    def agreeing(self, unit: Unit) -> int:
        """The number of regions that agree in a unit."""
        return sum(count for pattern, count in self.patterns.items() if unit in pattern)

    def fitting(self, units: Collection[Unit]) -> list[Unit]:
        """The units in which all regions agree."""
        return [unit for unit in units if all(unit in pattern for pattern in self.patterns)]

    @property
    def total(self) -> int:
        """The number of regions with a text of their own."""
        return self.patterns.total()


_USUAL = (Unit(), Unit("utf-16"))


@dataclass
class Survey:
    """Counts over all results of a file that are read under `options`; `units` are tried."""

    options: ReadOptions
    units: Sequence[Unit]
    controls: Counter[tuple[Target, str, str]] = field(default_factory=Counter)
    """Regions by text, control and kind, of the kinds that give names to ranges."""
    others: Counter[str] = field(default_factory=Counter)
    """Results that name no range, by kind."""
    annotators: Counter[str] = field(default_factory=Counter)
    names: set[str] = field(default_factory=set)
    fields: Counter[str] = field(default_factory=Counter)
    evidence: dict[tuple[Target, str], Evidence] = field(
        default_factory=lambda: defaultdict(Evidence)
    )

    @classmethod
    def of(
        cls, tasks: Callable[[], Iterator[tuple[str, list[Any]]]], options: ReadOptions
    ) -> Survey:
        """The survey of a file's tasks, as far as they can be read.

        Units that are unusual are tried in a second pass, if no usual one agrees.
        """
        stated = [unit for unit in UNITS if options.offsets in (None, unit.base)]
        usual = [unit for unit in stated if unit in _USUAL]
        survey = cls(options, usual or stated).fill(tasks())
        if survey.is_open():
            survey = cls(options, UNITS).fill(tasks())
            survey.units = stated
        return survey

    def fill(self, tasks: Iterator[tuple[str, list[Any]]]) -> Survey:
        """This survey, with the tasks added as far as they can be read."""
        try:
            for place, values in tasks:
                self._add(place, values)
        except FormatError:
            return self  # the reader raises it again, with the documents before it read
        return self

    def is_open(self) -> bool:
        """Whether the regions of some text agree with no field."""
        agreeing = {target for (target, _), e in self.evidence.items() if e.fitting(self.units)}
        return any(target not in agreeing for target, _ in self.evidence)

    def _add(self, place: str, values: list[Any]) -> None:
        try:
            task = task_of(values)
            annotations = annotations_of(task)
        except FormatError:
            return
        data = task["data"]
        self.fields.update([*strings_in(data)])
        for each in annotations:
            self.annotators[annotator_of(each)] += 1
            self.names.update(names_of(each))
        try:
            indices = chosen(annotations, self.options, ReadLog())
        except FormatError:
            indices = [i for i, each in enumerate(annotations) if not is_cancelled(each)]
        texts = {name: _Text(text, self.units) for name, text in strings_in(data).items()}
        for index in indices or ():
            for result in annotations[index]["result"]:
                self._add_result(place, result, texts)

    def _add_result(self, place: str, result: Record, texts: Mapping[str, _Text]) -> None:
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
            for name, text in texts.items():
                pattern = text.units_of(value["start"], value["end"], surface)
                self.evidence[target, name].add(pattern, place)

    def evidence_for(self, targets: Iterable[Target], name: str) -> Evidence:
        """The evidence for a field, of the regions on these texts."""
        found = Evidence()
        for target in targets:
            found = found.merged(self.evidence.get((target, name), Evidence()))
        return found

    def field_of(self, target: Target) -> str | None:
        """The field that holds a text; None if neither its name nor its regions tell."""
        if len(self.fields) == 1:
            return next(iter(self.fields))
        units = self.units
        own = {name: self.evidence.get((target, name), Evidence()) for name in self.fields}
        clean = [name for name, each in own.items() if each.total and each.fitting(units)]
        for name in (target[0], "text"):
            if name in clean:
                return name
        if clean:
            return clean[0] if len(clean) == 1 else None
        if target[0] in self.fields:
            return target[0]
        best = max(own, key=lambda name: max(map(own[name].agreeing, units)), default=None)
        agreeing = max(map(own[best].agreeing, units)) if best else 0
        return best if best and agreeing * 2 > own[best].total else None

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


class _Text:
    """A text with the offsets into it in some units."""

    def __init__(self, text: str, units: Sequence[Unit]) -> None:
        self._text = text
        self._units = units

    @cached_property
    def _offsets(self) -> list[tuple[Offsets, frozenset[Unit]]]:
        """Offsets with the units that are the same in this text."""
        first: list[Unit] = []
        others: list[tuple[Offsets, frozenset[Unit]]] = []
        for unit in self._units:
            offsets = Offsets(self._text, unit)
            if offsets.bounds is None:
                first.append(unit)
            else:
                others.append((offsets, frozenset([unit])))
        return [(Offsets(self._text, first[0]), frozenset(first)), *others] if first else others

    def units_of(self, start: int, end: int, surface: str) -> frozenset[Unit]:
        """The units in which a range shows `surface`."""
        found = [units for offsets, units in self._offsets if offsets.agree(start, end, surface)]
        return found[0] if len(found) == 1 else frozenset[Unit]().union(*found)
