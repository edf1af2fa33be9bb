"""The annotations of a Label Studio task that count, of several annotators or a cancelled one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from nerine.core.errors import FormatError
from nerine.core.strict_json import shown
from nerine.data.formats.label_studio.tasks import LISTS
from nerine.data.formats.options import READ_ONE, UNION, ReadLog, ReadOptions
from nerine.data.formats.records import Record
from nerine.data.formats.unusual import treat

BY = "by="
_LATEST_TIME = 1e15  # int() of more digits has no float


def list_name(task: Mapping[str, Any]) -> str:
    """The name of a task's list of annotations."""
    return next((name for name in LISTS if name in task), LISTS[0])


def are_annotations(values: Any) -> bool:
    """Whether a value is a list of annotations with results."""
    return isinstance(values, list) and all(
        isinstance(each, dict)
        and isinstance(each.get("result"), list)
        and all(isinstance(result, dict) for result in each["result"])
        for each in values
    )


def annotations_of(task: Mapping[str, Any]) -> list[Record]:
    """The annotations of a task; raises `FormatError` if they do not have the form of some."""
    found = task.get(list_name(task))
    if not are_annotations([] if found is None else found):
        raise FormatError(
            f"the annotations are {shown(found)}",
            expected='a list of objects with a list as "result"',
        )
    return list(found or [])


def is_cancelled(annotation: Mapping[str, Any]) -> bool:
    """Whether its annotator gave up an annotation."""
    return bool(annotation.get("was_cancelled") or annotation.get("skipped"))


def annotator_of(annotation: Mapping[str, Any]) -> str:
    """The name of an annotation's author: an address or, without one, an id."""
    return next(iter(names_of(annotation)), "an unknown annotator")


def names_of(annotation: Mapping[str, Any]) -> list[str]:
    """All names by which the author of an annotation may be called, the best one first."""
    by = annotation.get("completed_by")
    found = [by.get(name) for name in ("email", "username", "id")] if isinstance(by, dict) else [by]
    found.append(annotation.get("created_username"))
    return [str(each) for each in found if isinstance(each, int | str) and each != ""]


def annotators_listed(annotations: Iterable[Mapping[str, Any]]) -> str:
    """Annotators with the numbers of their annotations, such as "mira (3), 7 (1)"."""
    return listed(Counter(annotator_of(each) for each in annotations))


def listed(counts: Mapping[str, int]) -> str:
    """Names with their counts, the most frequent first; at most ten."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    pairs = [f"{name:.60} ({count})" for name, count in ordered[:10]]
    return ", ".join([*pairs, *(["…"] if len(ordered) > 10 else [])])


def chosen(
    found: Sequence[Record], options: ReadOptions, log: ReadLog, everyone: str = ""
) -> list[int] | None:
    """The indices of the annotations that count; None for a task to skip.

    `everyone` lists the annotators of the file.

    Raises:
        FormatError: If there is none, or several of which no option chooses.
    """
    valid = _not_cancelled(found, options, log)
    if valid is None:
        return None
    if not valid:
        return _unlabelled("the task has 0 annotations", options, log)
    way = options.annotations
    if way.startswith(BY):
        name = way.removeprefix(BY)
        own = [index for index in valid if name in names_of(found[index])]
        if not own:
            by = annotators_listed(found[index] for index in valid)
            return _unlabelled(f"the task has no annotation by {name!r}, but by {by}", options, log)
        if len(valid) > 1:
            log.add_remark(READ_ONE.format(f"that by {name}"))
        return [_latest(found, own)] if len(own) > 1 else own
    if len(valid) == 1:
        return valid
    if way == "union":
        log.add_remark(UNION)
        return valid
    if way in ("first", "latest"):
        log.add_remark(READ_ONE.format(f"the {way}"))
        return valid[:1] if way == "first" else [_latest(found, valid)]
    several = [found[index] for index in valid]
    name = annotator_of(several[0])
    raise FormatError(
        f"the task has {len(valid)} annotations that were not cancelled, by "
        f"{annotators_listed(several)}; annotators of the file: {everyone}",
        expected="exactly one",
        hint='--annotations latest (annotations="latest") reads the latest of each task; others '
        f"are first, union (the entities of all) and by=NAME, such as by={name}",
    )


def _not_cancelled(found: Sequence[Record], options: ReadOptions, log: ReadLog) -> list[int] | None:
    """The indices of the annotations to read, as for their being cancelled; None for a skip."""
    valid = [index for index, each in enumerate(found) if not is_cancelled(each)]
    if valid or not found:
        if len(valid) < len(found):
            log.add_remark("with a cancelled annotation next to the one that is read")
        return valid
    problem = "the task has 0 annotations that were not cancelled"
    if treat("cancelled", problem, options, log, expected="at least one"):
        return [*range(len(found))]
    return None


def _unlabelled(found: str, options: ReadOptions, log: ReadLog) -> list[int] | None:
    expected = "an annotation; predictions do not count as annotations"
    return [] if treat("unlabelled", found, options, log, expected=expected) else None


def _latest(found: Sequence[Record], indices: Sequence[int]) -> int:
    """The annotation that was changed or made last, and of several the last in the file."""
    return max(indices, key=lambda index: (_time_of(found[index]), index))


def _time_of(annotation: Mapping[str, Any]) -> float:
    for name in ("updated_at", "created_at"):
        value = annotation.get(name)
        if isinstance(value, int | float) and abs(value) < _LATEST_TIME:
            return float(value)
        if isinstance(value, str):
            try:
                time = datetime.fromisoformat(value)
            except ValueError:
                continue
            return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    raise FormatError(
        f"the annotation by {annotator_of(annotation)} has no time",
        expected='a time as "updated_at" or "created_at"',
        hint='--annotations first (annotations="first") takes the first one in the file',
    )
