"""Label Studio's exports: JSON, and JSON-MIN. A task is a document.

::

    [{"id": 5, "data": {"text": "Mira left."}, "annotations": [{"result": [
        {"id": "x1", "from_name": "label", "to_name": "text", "type": "labels",
         "value": {"start": 0, "end": 4, "text": "Mira", "labels": ["person"]}}]}]}]

The text is `data["text"]`, or the only string in `data`, or the field that `ReadOptions.text_field`
names. Entities are the regions of type `labels` in the one annotation that was not cancelled. A
region of several labels, or one that overlaps another, cannot be an entity: it is an error, or is
set aside with `ReadOptions.set_aside`. A region's `score` is the entity's.

Offsets: Label Studio counts code points today and counted UTF-16 code units before (its issues
1347 and 1008); the two differ after an emoji. A region's `value["text"]` shows which it is; regions
without it follow the others of the task. If that leaves it open and it matters, offsets are read as
code points and the log has a remark. White space is not compared, as browsers change it.

The other fields of `data` are the document's `meta`. Its id is `data["id"]`, or else the task's id;
its tokens are `data["tokens"]` as [start, end]. `meta["label_studio"]` holds the task without its
data, so that predictions, relations and choices are written back; it is missing if the task has
only what is written for any document. Offsets are written in code points. JSON-MIN is written back
as JSON.

With `WriteOptions.predictions_of` the entities become one more prediction of their task, by that
model, to be reviewed by an annotator; annotations and other predictions stay unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Token
from nerine.core.errors import FormatError
from nerine.core.files import errors_at, json_array, json_line, read_lines
from nerine.data.formats.label_studio_regions import (
    in_code_points,
    new_region,
    new_regions,
    read_regions,
    with_score,
)
from nerine.data.formats.options import ReadLog, ReadOptions, WriteOptions
from nerine.data.formats.overlaps import without_overlap
from nerine.data.formats.records import Record, id_of, is_ranges, meta_of, with_meta

EXTENSIONS = (".json",)

_OWN = "label_studio"
_MINIMAL_FIELDS = (
    *("annotation_id", "annotator", "created_at", "lead_time", "updated_at", "agreement"),
)
_LIST_NAMES = ("annotations", "completions")  # the second one before version 1.0


def is_export(path: Path) -> bool:
    """Whether the JSON in `path` is an array of Label Studio's tasks."""
    first_line = next((line for _, line in read_lines(path) if line.strip()), "")
    if not first_line.lstrip().startswith("["):
        return False
    _, task = next(iter(json_array(path)), (0, {"data": {}}))
    return isinstance(task, dict) and (
        isinstance(task.get("data"), dict) or any(name in task for name in _MINIMAL_FIELDS[:2])
    )


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of an export, each with its place: the line and the task's number or id."""
    for number, (line, task) in enumerate(json_array(path), start=1):
        if not isinstance(task, dict):
            raise FormatError(
                f"{str(task)[:60]!r} is not a task",
                place=f"{path}:{line}, task number {number}",
                expected="an object",
            )
        place = f"{path}:{line}, task " + (
            f"{task['id']!s:.40}" if "id" in task else f"number {number}"
        )
        with errors_at(place):
            if not isinstance(task.get("data"), dict):
                task = _from_minimal(task, options)
            annotation = _annotation(task, options, log)
            if annotation is None:
                continue
            document = _document(task, annotation, options, log, place)
        yield place, document


def _from_minimal(record: Record, options: ReadOptions) -> Record:
    """A record of JSON-MIN, whose data and regions are fields of one object, as a task of JSON."""
    regions = {
        name: value
        for name, value in record.items()
        if isinstance(value, list) and any(_is_region(each) for each in value)
    }
    if len(regions) > 1:
        raise FormatError(
            f"several fields hold regions: {', '.join(regions)}",
            expected="one field with regions",
            hint="export as JSON, which keeps them apart",
        )
    data = {name: value for name, value in record.items() if name not in regions}
    to_name = _text_field(data, options)
    result = [
        new_region(value["start"], value["end"], name, to_name) | {"value": value}
        if _is_region(value)
        else {"type": "labels", "value": value}  # an error, like any other invalid region
        for name, values in regions.items()
        for value in values
    ]
    return {"data": data, "annotations": [{"result": result}]}


def _is_region(value: Any) -> bool:
    return isinstance(value, dict) and {"start", "end"} <= value.keys()


def _annotation(task: Record, options: ReadOptions, log: ReadLog) -> Record | None:
    """The one annotation that counts; None for a task that is skipped."""
    found = task.get(_list_name(task), [])
    if not _are_annotations(found):
        raise FormatError(
            f"the annotations are {str(found)[:60]!r}",
            expected='a list of objects with a list as "result"',
        )
    valid = [each for each in found if not each.get("was_cancelled")]
    if len(valid) == 1:
        return dict(valid[0])
    if found and not valid and options.skip_rejected:
        log.skipped += 1
        return None
    if not found and options.unlabelled:
        return {"result": []}
    if valid:
        hint = "keep one for each task, the one that a review in Label Studio accepts"
    elif found:
        hint = "--skip-rejected (skip_rejected=True) skips tasks that were cancelled"
    else:
        hint = "export annotated tasks only; predictions do not count as annotations"
    raise FormatError(
        f"the task has {len(valid)} annotations that were not cancelled",
        expected="exactly one",
        hint=hint,
    )


def _list_name(task: Mapping[str, Any]) -> str:
    return next((name for name in _LIST_NAMES if name in task), _LIST_NAMES[0])


def _are_annotations(values: Any) -> bool:
    return isinstance(values, list) and all(
        isinstance(each, dict)
        and isinstance(each.get("result"), list)
        and all(isinstance(region, dict) for region in each["result"])
        for each in values
    )


def _document(
    task: Record, annotation: Record, options: ReadOptions, log: ReadLog, place: str
) -> Document:
    data = task["data"]
    field = _text_field(data, options)
    text = data[field]
    annotations, remark = read_regions(text, annotation["result"])
    entities, aside = without_overlap(
        annotations, options, lambda index: f"{place}, region {index + 1}"
    )
    log.set_aside += len(aside)
    if remark:
        log.add_remark(remark)
    tokens, used = None, {field}
    if is_ranges(data.get("tokens")):
        tokens = tuple(Token(start, end) for start, end in data["tokens"])
        used.add("tokens")
    id_ = id_of(data) if "id" in data else id_of(task)
    document = Document(text, tuple(entities.values()), tokens, id_, meta_of(data, used))
    rest = {name: value for name, value in task.items() if name != "data"}
    if field != "text":
        rest["text_field"] = field
    usual = {"annotations": [{"result": new_regions(document, document.entities, "text")}]}
    if rest == usual:
        return document
    if _OWN in document.meta:
        raise FormatError(f"the data has the field {_OWN!r}", expected="other names of fields")
    return replace(document, meta={**document.meta, _OWN: rest})


def _text_field(data: Record, options: ReadOptions) -> str:
    """The name of the field that holds the text."""
    strings = [
        name
        for name, value in data.items()
        if isinstance(value, str) and name not in ("id", *_MINIMAL_FIELDS)
    ]
    stated = options.text_field
    if stated is not None:
        if stated in strings:
            return stated
        found, expected = f"the field {stated!r} is not a text", f"a string in {stated!r}"
    else:
        if "text" in strings:
            return "text"
        if len(strings) == 1:
            return strings[0]
        found, expected = "the text field is unclear", "a string in 'text', or only one string"
    raise FormatError(
        f"{found}; the fields are: {', '.join(data) or 'none'}",
        expected=expected,
        hint="--text-field (text_field=…) names the field",
    )


def write(documents: Iterable[Document], options: WriteOptions) -> Iterator[str]:
    """A JSON array of tasks, one a line."""
    lead = "[\n"
    for document in documents:
        yield f"{lead}{json_line(_task(document, options.predictions_of))}"
        lead = ",\n"
    yield "[]\n" if lead == "[\n" else "\n]\n"


def _task(document: Document, model: str | None) -> Record:
    """The task of a document, with its entities as an annotation or as predictions of `model`."""
    stored = document.meta.get(_OWN, {})
    if not isinstance(stored, dict) or not _are_annotations(stored.get(_list_name(stored), [])):
        raise FormatError(
            f"meta has the field {_OWN!r}, which is not a task of Label Studio",
            expected="other names in meta",
        )
    rest = dict(stored)
    field = rest.pop("text_field", "text")
    meta = {name: value for name, value in document.meta.items() if name != _OWN}
    own: Record = {field: document.text}
    if document.tokens is not None:
        own["tokens"] = [[token.start, token.end] for token in document.tokens]
    elif is_ranges(meta.get("tokens")):
        raise FormatError("meta has the field 'tokens', which would be read as the tokens")
    # the id belongs to the task, not to its data, if the data had none when it was read
    has_task_id = "id" in rest and id_of(rest) == document.id and "id" not in meta
    data = with_meta(Document("", id=None if has_task_id else document.id), own, meta)
    head = {"id": rest.pop("id")} if "id" in rest else {}
    name = _list_name(rest)
    annotations = [dict(each) for each in rest.get(name, [])]
    if model is not None:
        before = rest.get("predictions") or []
        if not isinstance(before, list):
            raise FormatError(f"the predictions are {str(before)[:60]!r}", expected="a list")
        known = [region for each in annotations for region in each["result"]]
        result = new_regions(document, document.entities, field, known)
        predictions = [*before, {"model_version": model, "result": result}]
        return {**head, "data": data, **rest, "predictions": predictions}
    if not annotations and _OWN in document.meta and not document.entities:
        return {**head, "data": data, **rest}  # still not annotated
    annotations = annotations or [{"result": []}]
    for annotation in annotations:
        if not annotation.get("was_cancelled"):
            annotation["result"] = _result(document, annotation["result"], field)
    return {**head, "data": data, **rest, name: annotations}


def _result(document: Document, stored: Sequence[Record], field: str) -> list[Record]:
    """An annotation's result: stored regions except entities that are gone, then new regions."""
    annotations, _ = read_regions(document.text, stored)
    before, _ = without_overlap(annotations, ReadOptions(set_aside=True), str)
    ranges = {each.key: (each.start, each.end) for each in annotations}
    new = {(each.start, each.end, each.label): each for each in document.entities}
    result: list[Record] = []
    removed: list[Any] = []
    for index, region in enumerate(stored):
        region = in_code_points(region, ranges[index], document) if index in ranges else region
        if index not in before:
            result.append(region)
            continue
        entity = new.pop((before[index].start, before[index].end, before[index].label), None)
        if entity is None:
            removed.append(region.get("id"))
        else:
            result.append(region if entity == before[index] else with_score(region, entity))
    for each in result:
        ends = [each.get(name) for name in ("from_id", "to_id", "parentID")]
        missing = [end for end in ends if end is not None and end in removed]
        if missing:
            raise FormatError(
                f"a {each.get('type', 'result')} refers to the region {missing[0]!r}, "
                "which is no longer an entity",
                expected="the entity as it was read",
                hint=f"meta[{_OWN!r}] holds the results",
            )
    return result + new_regions(document, new.values(), field, result)
