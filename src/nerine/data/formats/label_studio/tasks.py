"""The tasks of Label Studio's files, in whichever of its layouts they are.

A task has `data` and a list of `annotations` (`completions` before version 1.0). JSON-MIN and the
files of a storage have a record for each annotation; those of one task become one task.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nerine.core.errors import FormatError
from nerine.core.files import read_values
from nerine.core.strict_json import shown
from nerine.data.formats.head import Head
from nerine.data.formats.label_studio.regions import NAMES, free_id
from nerine.data.formats.records import Record

LISTS = ("annotations", "completions")
"""Names of the list of annotations; the second one before version 1.0."""

MINIMAL_FIELDS = ("annotation_id", "annotator", "created_at", "updated_at", "lead_time")
"""Fields of an annotation that JSON-MIN mixes with the fields of the data."""

UNNAMED: Any = object()
"""The `to_name` of results of JSON-MIN, which does not say it."""

_BARE_KINDS = (*NAMES, "rating", "number", "datetime", "ranker", "pairwise")
_BEGINNING = re.compile(r'\[?\s*\{\s*(?:"id"\s*:\s*[\w"-]+\s*,\s*)?"data"\s*:\s*\{\s*"')


def recognises(head: Head) -> bool:
    """Whether a file has Label Studio's tasks or annotations, beyond doubt."""
    record = head.first_record
    if not record:  # the first task may be longer than the head
        start = head.text.lstrip()
        has_names = '"from_name"' in start and '"to_name"' in start and '"result"' in start
        is_json = start.startswith(("{", "["))
        return not head.is_whole and is_json and (has_names or bool(_BEGINNING.match(start)))
    if isinstance(record.get("data"), dict):
        return not {"entities", "spans"} & set(record)
    if is_stored_annotation(record):
        return True
    is_minimal = "annotation_id" in record or {"annotator", "lead_time"} <= set(record)
    return is_minimal and not {"entities", "spans", "tokens", "data"} & set(record)


def is_stored_annotation(record: Mapping[str, Any]) -> bool:
    """Whether a record is an annotation as Label Studio writes it to a storage."""
    return isinstance(record.get("result"), list) and "task" in record and "data" not in record


def is_storage(folder: Path) -> bool:
    """Whether a folder holds annotations as Label Studio writes them to a storage: `7`, `12`, …"""
    files = [each for each in folder.iterdir() if each.name[:1] != "."] if folder.is_dir() else []
    if not files or not all(each.stem.isdecimal() and each.is_file() for each in files):
        return False
    return is_stored_annotation(Head.of(files[0]).first_record)


def read_tasks(path: Path) -> Iterator[tuple[str, list[Any]]]:
    """The tasks of a file or of the files in a folder: their places and values for `task_of`.

    A task whose annotations are records of their own has the place of the first of them, and comes
    when its last annotation is read.
    """
    sizes: Counter[Any] = Counter()
    if _is_of_annotations(next((value for _, value in _values(path)), None)):
        sizes.update(_key(value) for _, value in _values(path))
    pending: dict[Any, tuple[str, list[Any]]] = {}
    for number, (line, value) in enumerate(_values(path), start=1):
        place = f"{line}, task {_name_of(value, number)}"
        key = _key(value) if sizes else None
        if key is None or sizes[key] < 2:
            yield place, [value]
            continue
        first, group = pending.setdefault(key, (place, []))
        group.append(value)
        if len(group) == sizes[key]:
            yield first, group
            del pending[key]


def _name_of(value: Any, number: int) -> str:
    record = value if isinstance(value, dict) else {}
    if isinstance(record.get("task"), dict) and is_stored_annotation(record):
        record = record["task"]
    found = record.get("id")
    return f"{found!s:.40}" if isinstance(found, int | str) else f"number {number}"


def _is_of_annotations(value: Any) -> bool:
    """Whether a value is an annotation, of which a task may have several."""
    return isinstance(value, dict) and not isinstance(value.get("data"), dict)


def _key(value: Any) -> Any:
    """What annotations of one task have in common: its id and its text; None if it has no id."""
    if not _is_of_annotations(value):
        return None
    is_stored = is_stored_annotation(value) and isinstance(value["task"], dict)
    task = value["task"] if is_stored else value
    if not isinstance(task.get("id"), int | str):
        return None
    data = task.get("data") if is_stored else task
    strings = [each for each in _dict(data).values() if isinstance(each, str)]
    text = _dict(data).get("text")
    longest = max(strings, key=len, default="")
    return str(task["id"]), text if isinstance(text, str) else longest


def _dict(value: Any) -> Record:
    return value if isinstance(value, dict) else {}


def _values(path: Path) -> Iterator[tuple[str, Any]]:
    """The JSON values of a file, or of the files in a folder, each with its file and line.

    In the place of a line that is not valid JSON comes its error.
    """
    if path.is_dir():
        files = (each for each in path.iterdir() if each.is_file() and each.name[:1] != ".")
        for file in sorted(files, key=lambda each: (len(each.stem), each.name)):
            yield from _values(file)
        return
    errors: list[FormatError] = []
    for line, value in read_values(path, errors.append):
        yield from _with_places(errors)
        yield f"{path}:{line}", value
    yield from _with_places(errors)


def _with_places(errors: list[FormatError]) -> Iterator[tuple[str, FormatError]]:
    """The errors with their places; the list is empty afterwards."""
    while errors:
        error = errors.pop(0)
        yield error.place or "", error


def task_of(values: list[Any]) -> Record:
    """The task of one record that is a task, or of all records of its annotations."""
    if isinstance(values[0], FormatError):
        raise values[0]
    if not isinstance(values[0], dict):
        raise FormatError(f"this is {shown(values[0])}", expected="a task, which is an object")
    if isinstance(values[0].get("data"), dict):
        return values[0]
    return _stored_task(values) if is_stored_annotation(values[0]) else _minimal_task(values)


def _stored_task(records: list[Record]) -> Record:
    task = records[0]["task"]
    if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
        raise FormatError(
            f"the annotation's task is {shown(task)}",
            expected='the task itself with its "data"',
            hint="export the project as JSON, which has the data",
        )
    annotations: list[Record] = []
    for record in records:
        annotation = {name: value for name, value in record.items() if name != "task"}
        if annotation not in annotations:
            annotations.append(annotation)
    return {**task, "annotations": annotations}


def _minimal_task(records: list[Record]) -> Record:
    """Records of JSON-MIN, whose data and results are fields of one object, as a task of JSON."""
    data: Record = {}
    annotations = []
    for record in records:
        own = {name: record[name] for name in MINIMAL_FIELDS if name in record}
        results: list[Record] = []
        used: set[str] = set()
        for name, value in record.items():
            found = None if name in own else _results(name, value, used)
            if found is None:
                data.setdefault(name, value)
            else:
                results += found
        if not results and "annotation_id" in own and own["annotation_id"] is None:
            continue  # the record of a task without annotation
        names = {"annotation_id": "id", "annotator": "completed_by"}
        annotation = {names.get(name, name): value for name, value in own.items()}
        annotations.append({**annotation, "result": results})
    for name in MINIMAL_FIELDS:
        data.pop(name, None)
    task = {"id": data.pop("id")} if "id" in data else {}
    return {**task, "data": data, "annotations": annotations}


def _results(name: str, value: Any, used: set[str]) -> list[Record] | None:
    """The results of the control that a field of JSON-MIN is named after; None for other fields."""
    values = value if isinstance(value, list) and value else [None]
    kinds = [_minimal_kind(each) for each in values]
    if not any(kinds):
        return None
    results = []
    for each, kind in zip(values, kinds, strict=True):
        content = each if isinstance(each, dict) else {}
        result = {"from_name": name, "to_name": UNNAMED, "type": kind or NAMES[0], "value": content}
        start, end = content.get("start"), content.get("end")
        if type(start) is int and type(end) is int:
            result = {"id": free_id(start, end, used), **result}
        results.append(result)
    return results


def _minimal_kind(value: Any) -> str | None:
    """The kind of a result in JSON-MIN, which has no types; None for a value of the data."""
    if not isinstance(value, dict):
        return None
    kind = next((name for name in _BARE_KINDS if name in value), None)
    if kind is None and {"start", "end"} <= value.keys():
        return "textarea" if isinstance(value.get("text"), list) else NAMES[0]
    return kind
