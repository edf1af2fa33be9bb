"""Read documents from Label Studio's tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

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
    Offsets,
    Region,
    Unit,
    has_range,
    in_code_points,
    kind_of_result,
    new_regions,
    parse_region,
    value_of,
)
from nerine.data.formats.label_studio.selection import Selection, select
from nerine.data.formats.label_studio.survey import Survey, target_of
from nerine.data.formats.label_studio.tasks import UNNAMED, read_tasks, task_of
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.records import Record, id_of, is_ranges, meta_of

OWN, READ = "label_studio", "nerine"
"""The field of `meta` that holds a task, and in it the field that says what was read of it."""

USUAL = {"from_name": "label", "to_name": "text", "type": LABELS}
"""Names of a region as in Label Studio's template for named entities."""

_UNCLEAR = (
    "with offsets after an emoji whose unit nothing shows, read as code points "
    '(--offsets utf-16, offsets="utf-16", reads them otherwise)'
)
_ADDRESSES = ("http://", "https://", "s3://", "gs://", "azure-blob://", "/data/")


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of an export, each with its place: the line and the task's number or id."""
    selection = select(Survey.of(lambda: read_tasks(path), options), log, str(path))
    for place, values in read_tasks(path):
        try:
            with errors_at(place):
                task = task_of(values)
                annotations = annotations_of(task)
                indices = chosen(annotations, options, log, selection.annotators)
                if indices is None:
                    continue
                document = _Task(task, annotations, indices, selection).read(options, log, place)
        except FormatError as error:
            log.refuse(error)
        else:
            yield place, document


@dataclass
class _Task:
    task: Record
    annotations: list[Record]
    indices: list[int]
    selection: Selection
    entities: dict[tuple[int, int, str], Entity] = field(default_factory=dict)

    def read(self, options: ReadOptions, log: ReadLog, place: str) -> Document:
        """The document of the task."""
        data, selection = self.task["data"], self.selection
        for holder in (data, self.task):
            if not isinstance(holder.get("id"), int | str | float | None):
                raise FormatError(f"the id is {shown(holder['id'])}", expected="a number or a name")
        name = selection.text_field(data)
        offsets = Offsets(data[name], selection.unit)
        other = Offsets(data[name], Unit("utf-16"))
        is_unclear = False
        for index in self.indices:
            for number, result in enumerate(self.annotations[index]["result"], start=1):
                with errors_at(f"{place}, region {number}"):
                    found = self._region(result, offsets, options, log)
                    if found is not None and not selection.is_certain:
                        is_unclear = is_unclear or other.range(*found) != found
        if is_unclear:
            log.add_remark(_UNCLEAR)
        return self._document(name, offsets.text)

    def _region(
        self, result: Record, offsets: Offsets, options: ReadOptions, log: ReadLog
    ) -> tuple[int, int] | None:
        """Adds the entities of a result; returns its range as it stands in the file."""
        is_bare = kind_of_result(result) == LABELS and not value_of(result).get(LABELS)
        if is_bare and has_range(result) and self.selection.kind == LABELS:
            if not self.selection.stands_on_text(result):
                return None
        elif not self.selection.takes(result):
            return None
        region = parse_region(result)
        if not region.labels:
            if options.treatment("no-label") != "skip":
                raise FormatError(
                    f"the region [{region.start}, {region.end}) has no label",
                    expected="at least one label",
                    hint='--skip no-label (skip={"no-label"}) leaves such regions out, and counts '
                    "them",
                )
            log.skip("no-label")
            return None
        start, end = self._range(region, offsets)
        for label in region.labels:
            known = self.entities.get((start, end, label))
            if known is None or known.score is None:
                self.entities[start, end, label] = Entity(start, end, label, region.score)
        return region.start, region.end

    def _range(self, region: Region, offsets: Offsets) -> tuple[int, int]:
        """The range of a region in code points, if the text there is the region's own."""
        start, end, surface = region.start, region.end, region.surface
        found = offsets.range(start, end)
        if surface is not None and not offsets.agree(start, end, surface):
            there = offsets.text[slice(*found)] if found else ""
            raise FormatError(
                f"the region [{start}, {end}) shows {surface[:60]!r}, but the text there is "
                f"{there[:60]!r}",
                expected=f"the text of the region at its offsets in {offsets.unit.described}",
                hint=self._hint(region),
            )
        if found is None:
            raise FormatError(
                f"the range [{start}, {end}) is not in the text of {len(offsets.text)} code points",
                expected="start < end, inside the text",
            )
        return found

    def _hint(self, region: Region) -> str | None:
        """How to read a region whose own text is not at its place."""
        data, base = self.task["data"], self.selection.other_base
        if base is not None:
            return f'--offsets {base} (offsets="{base}") agrees with the texts of all regions'
        text = data[self.selection.text_field(data)]
        if text.startswith(_ADDRESSES) and len(text.split()) == 1:
            return "the text is an address: put the text that is there into the field"
        for name, other in data.items():
            if isinstance(other, str) and Offsets(other, self.selection.unit).agree(
                region.start, region.end, region.surface or ""
            ):
                return (
                    f"--text-field {name} (text_field={name!r}) reads the field that it stands in"
                )
        return None

    def _document(self, name: str, text: str) -> Document:
        data = self.task["data"]
        entities = tuple(self.entities[key] for key in sorted(self.entities))
        tokens, used = None, {name}
        if is_ranges(data.get("tokens")):
            tokens = tuple(Token(start, end) for start, end in data["tokens"])
            used.add("tokens")
        id_ = id_of(data) if "id" in data else id_of(self.task)
        document = Document(text, entities, tokens, id_, meta_of(data, used))
        rest = {key: value for key, value in self.task.items() if key != "data"}
        if self.annotations:
            rest[list_name(self.task)] = [self._converted(each, name) for each in self.annotations]
        if rest.keys() == {"annotations"} and name == USUAL["to_name"]:
            usual = new_regions(document, entities, USUAL)
            if rest["annotations"] == [{"result": usual}]:
                return document
        if OWN in document.meta or READ in rest:
            taken = OWN if OWN in document.meta else READ
            raise FormatError(f"the task has the field {taken!r}", expected="other names of fields")
        what = self._what_was_read(name)
        return replace(
            document, meta={**document.meta, OWN: {**rest, READ: what} if what else rest}
        )

    def _converted(self, annotation: Record, name: str) -> Record:
        """An annotation with the offsets of all its regions in code points."""
        is_named = all(each.get("to_name") is not UNNAMED for each in annotation["result"])
        if self.selection.unit == Unit() and is_named:
            return annotation
        results = []
        for result in annotation["result"]:
            own = self.selection.fields.get(target_of(result))
            if own is None and self.selection.stands_on_text(result):
                own = name
            text = self.task["data"].get(own)
            if isinstance(text, str):
                result = in_code_points(result, text, self.selection.unit)
            if result.get("to_name") is UNNAMED:
                result = {**result, "to_name": own or name}
            results.append(result)
        return {**annotation, "result": results}

    def _what_was_read(self, name: str) -> Mapping[str, object]:
        """What the writer must know to find the regions that were read; empty if it is usual."""
        selection = self.selection
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
