"""Label Studio's exports: JSON, and JSON-MIN. A task is a document.

::

    [{"id": 5, "data": {"text": "Mira left."}, "annotations": [{"result": [
        {"id": "x1", "from_name": "label", "to_name": "text", "type": "labels",
         "value": {"start": 0, "end": 4, "text": "Mira", "labels": ["person"]}}]}]}]

The text is `data["text"]`, the only string in `data`, or the field that `ReadOptions.text_field`
names. Entities are the regions of type `labels` in the one annotation that was not cancelled. A
region of several labels, or one that overlaps another, is no entity: an error, or set aside with
`ReadOptions.set_aside`. A region's `score` is the entity's.

Offsets: Label Studio counts code points today and counted UTF-16 code units before (its issues
1347 and 1008), which differ behind an emoji. A region's `value["text"]` tells which; regions
without it go by the others of the task. Where nothing tells and it matters, they are read as code
points, and the log says so. White space is not compared, as a browser shows it in its own way.

The other fields of `data` are the document's `meta`; `data["id"]`, or else the task's id, is its
id; `data["tokens"]` as [start, end] its tokens. `meta["label_studio"]` holds the task without its
data, so that predictions, relations and choices are written back, and is missing where a task has
nothing beyond what is written for any document. Offsets are written in code points. JSON-MIN is
read, and written back as JSON.

With `WriteOptions.predictions_of` the entities become one prediction more of their task, in the
name of that model, for an annotator to go over; annotations and other predictions stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Token
from nerine.core.errors import FormatError
from nerine.core.files import errors_at, json_array, json_line, read_lines
from nerine.data.formats.comments import is_ranges
from nerine.data.formats.options import ReadLog, ReadOptions, WriteOptions
from nerine.data.formats.records import Record, id_of, meta_of, with_meta
from nerine.data.formats.regions import Regions, in_code_points, new_region, new_regions, scored

EXTENSIONS = (".json",)

_OWN = "label_studio"
_OF_MINIMAL = ("annotation_id", "annotator", "created_at", "lead_time", "updated_at", "agreement")
_LIST_NAMES = ("annotations", "completions")  # the second one before version 1.0


def is_export(path: Path) -> bool:
    """Whether the JSON in `path` is an array of Label Studio's tasks."""
    first = next(iter(json_array(path)), None) if _begins_array(path) else None
    if first is None:
        return _begins_array(path)
    task = first[1]
    return isinstance(task, dict) and (
        isinstance(task.get("data"), dict) or any(name in task for name in _OF_MINIMAL[:2])
    )


def _begins_array(path: Path) -> bool:
    first = next((line for _, line in read_lines(path) if line.strip()), "")
    return first.lstrip().startswith("[")


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of an export, each with its place: the line and the task's number or id."""
    for number, (line, task) in enumerate(json_array(path), start=1):
        place = f"{path}:{line}, task {_name_of(task, number)}"
        if not isinstance(task, dict):
            raise FormatError(f"{str(task)[:60]!r} is no task", place=place, expected="an object")
        task = task if isinstance(task.get("data"), dict) else _full(task, options, place)
        annotation = _annotation(task, options, log, place)
        if annotation is not None:
            with errors_at(place):
                document = _document(task, annotation, options, log, place)
            yield place, document


def _name_of(task: Any, number: int) -> str:
    return f"{task['id']!s:.40}" if isinstance(task, dict) and "id" in task else f"number {number}"


def _full(record: Record, options: ReadOptions, place: str) -> Record:
    """A task of JSON-MIN, whose data and regions stand side by side, as one of JSON."""
    regions = {name: value for name, value in record.items() if _are_regions(value)}
    if len(regions) > 1:
        raise FormatError(
            f"several fields hold regions: {', '.join(regions)}",
            place=place,
            expected="one field with regions",
            hint="export as JSON, which keeps them apart",
        )
    data = {name: value for name, value in record.items() if name not in regions}
    to_name = _text_field(data, options, place)
    values = [value for found in regions.values() for value in found]
    name = next(iter(regions), "label")
    result = [
        new_region(value["start"], value["end"], name, to_name) | {"value": value}
        if _is_region(value)
        else {"type": "labels", "value": value}  # which is refused with the other bad regions
        for value in values
    ]
    return {"data": data, "annotations": [{"result": result}]}


def _are_regions(value: Any) -> bool:
    return isinstance(value, list) and any(_is_region(each) for each in value)


def _is_region(value: Any) -> bool:
    return isinstance(value, dict) and {"start", "end"} <= value.keys()


def _annotation(task: Record, options: ReadOptions, log: ReadLog, place: str) -> Record | None:
    """The one annotation that counts; None for a task that is skipped."""
    found = task.get(_list_name(task), [])
    if not isinstance(found, list) or not all(_is_annotation(each) for each in found):
        raise FormatError(
            f"the annotations are {str(found)[:60]!r}",
            place=place,
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
    raise FormatError(
        f"the task has {len(valid)} annotations that were not cancelled",
        place=place,
        expected="exactly one",
        hint=_hint(len(found), len(valid)),
    )


def _hint(found: int, valid: int) -> str:
    if valid:
        return "keep one for each task; Label Studio's own review tells which"
    if found:
        return "--skip-rejected (skip_rejected=True) leaves out tasks that were cancelled"
    return "export annotated tasks only; predictions are no annotations"


def _list_name(task: Mapping[str, Any]) -> str:
    return next((name for name in _LIST_NAMES if name in task), _LIST_NAMES[0])


def _is_annotation(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("result"), list)
        and all(isinstance(each, dict) for each in value["result"])
    )


def _document(
    task: Record, annotation: Record, options: ReadOptions, log: ReadLog, place: str
) -> Document:
    data = task["data"]
    field = _text_field(data, options, place)
    text = data[field]
    regions = Regions.of(text, annotation["result"], place)
    kept, aside = regions.entities(options, place)
    log.set_aside += len(aside)
    if regions.remark:
        log.remark(regions.remark)
    tokens = data.get("tokens")
    has_tokens = is_ranges(tokens)
    meta = meta_of(data, {field, *(["tokens"] if has_tokens else [])})
    rest = {name: value for name, value in task.items() if name != "data"}
    id_ = id_of(data) if "id" in data else id_of(task)
    ranges = tuple(Token(start, end) for start, end in tokens) if has_tokens else None
    document = Document(text, tuple(kept.values()), ranges, id_, meta)
    if field != "text":
        rest["text_field"] = field
    usual = {"annotations": [{"result": new_regions(document, document.entities, "text")}]}
    return document if rest == usual else _with_rest(document, rest, place)


def _with_rest(document: Document, rest: Record, place: str) -> Document:
    if _OWN in document.meta:
        raise FormatError(
            f"the data has the field {_OWN!r}", place=place, expected="other names of fields"
        )
    return replace(document, meta={**document.meta, _OWN: rest})


def _text_field(data: Record, options: ReadOptions, place: str) -> str:
    stated = options.text_field
    strings = [
        name
        for name, value in data.items()
        if isinstance(value, str) and name not in ("id", *_OF_MINIMAL)
    ]
    if stated is None and "text" in strings:
        return "text"
    if stated in strings:
        return str(stated)
    if stated is None and len(strings) == 1:
        return strings[0]
    unclear = "it is not clear which field is the text"
    found = unclear if stated is None else f"the field {stated!r} holds no text"
    raise FormatError(
        f"{found}; there are: {', '.join(data) or 'none'}",
        place=place,
        expected=f"a string in {stated or 'text'!r}" + ("" if stated else ", or one string alone"),
        hint="--text-field (text_field=…) names the field",
    )


def write(documents: Iterable[Document], options: WriteOptions) -> Iterator[str]:
    """An array of tasks, a line each."""
    lead = "[\n"
    for document in documents:
        yield f"{lead}{json_line(_task(document, options.predictions_of))}"
        lead = ",\n"
    yield "[]\n" if lead == "[\n" else "\n]\n"


def _task(document: Document, model: str | None) -> Record:
    rest = _rest_of(document)
    field = rest.pop("text_field", "text")
    meta = {name: value for name, value in document.meta.items() if name != _OWN}
    own: Record = {field: document.text}
    if document.tokens is not None:
        own["tokens"] = [[token.start, token.end] for token in document.tokens]
    elif is_ranges(meta.get("tokens")):
        raise FormatError("meta has the field 'tokens', which would be read as the tokens")
    # the task's own id is the document's where its data has none
    is_bare = "id" in rest and id_of(rest) == document.id and "id" not in meta
    data = with_meta(Document("", id=None if is_bare else document.id), own, meta)
    head = {"id": rest.pop("id")} if "id" in rest else {}
    name = _list_name(rest)
    if model is not None:
        predicted = _predicted(document, rest, model, field)
        return {**head, "data": data, **rest, "predictions": predicted}
    annotations = [dict(each) for each in rest.get(name, [])]
    if not annotations and _OWN in document.meta and not document.entities:
        return {**head, "data": data, **rest}  # nobody has annotated it yet
    annotations = annotations or [{"result": []}]
    for annotation in annotations:
        if not annotation.get("was_cancelled"):
            annotation["result"] = _result(document, annotation["result"], field)
    return {**head, "data": data, **rest, name: annotations}


def _predicted(document: Document, rest: Record, model: str, field: str) -> list[Any]:
    """The task's predictions and one more, whose regions are called like its annotations'."""
    before = rest.get("predictions") or []
    if not isinstance(before, list):
        raise FormatError(f"the predictions are {str(before)[:60]!r}", expected="a list")
    known = [region for each in rest.get(_list_name(rest), []) for region in each["result"]]
    result = new_regions(document, document.entities, field, known)
    return [*before, {"model_version": model, "result": result}]


def _rest_of(document: Document) -> Record:
    """What the document keeps of its task."""
    rest = document.meta.get(_OWN, {})
    lists = rest.get(_list_name(rest), []) if isinstance(rest, dict) else None
    if not isinstance(lists, list) or not all(_is_annotation(each) for each in lists):
        raise FormatError(
            f"meta has the field {_OWN!r}, which is no task of Label Studio",
            expected="other names in meta",
        )
    return dict(rest)


def _result(document: Document, stored: Sequence[Record], field: str) -> list[Record]:
    """The stored regions that are still entities, whatever is no entity, and new regions."""
    regions = Regions.of(document.text, stored, _OWN)
    was, _ = regions.entities(ReadOptions(set_aside=True), _OWN)
    ranges = {each.key: (each.start, each.end) for each in regions.candidates}
    left = {(each.start, each.end, each.label): each for each in document.entities}
    result: list[Record] = []
    gone: list[Any] = []
    for index, region in enumerate(stored):
        region = in_code_points(region, ranges[index], document) if index in ranges else region
        if index not in was:
            result.append(region)
            continue
        entity = left.pop((was[index].start, was[index].end, was[index].label), None)
        if entity is None:
            gone.append(region.get("id"))
        else:
            result.append(region if entity == was[index] else scored(region, entity))
    _check_relations(result, gone)
    return result + new_regions(document, left.values(), field, result)


def _check_relations(result: Iterable[Record], gone: Sequence[Any]) -> None:
    for each in result:
        ends = [each.get(name) for name in ("from_id", "to_id", "parentID")]
        missing = [end for end in ends if end is not None and end in gone]
        if missing:
            raise FormatError(
                f"a {each.get('type', 'result')} refers to the region {missing[0]!r}, "
                "which is no longer an entity",
                expected="the entity as it was read",
                hint=f"meta[{_OWN!r}] holds the results",
            )
