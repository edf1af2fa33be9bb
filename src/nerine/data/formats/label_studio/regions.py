"""Label Studio's regions ↔ entities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nerine.core.document import Document, Entity
from nerine.core.errors import FormatError
from nerine.core.strict_json import shown
from nerine.data.formats.offsets import Counting
from nerine.data.formats.records import Record, is_score

LABELS = "labels"
NAMES = (LABELS, "choices", "taxonomy")
"""The kinds of results that give names to a range; the field of their names is called the same."""

_LABEL_TYPES = (LABELS, "hypertextlabels", "paragraphlabels", "timelinelabels")
_BARE_TYPES = ("text", "hypertext", "richtext", "paragraphs")
"""Types of regions that no control has labelled."""


@dataclass(frozen=True, slots=True)
class Region:
    """A result that stands on a range of a text, with offsets as in its file."""

    start: int
    end: int
    labels: tuple[str, ...]
    score: float | None
    surface: str | None


def parse_region(region: Record) -> Region:
    """The content of a region; raises `FormatError` if it has no range of a plain text."""
    value = value_of(region)
    type_ = region.get("type", LABELS)
    if not has_range(region) or type_ in _LABEL_TYPES[1:]:
        raise FormatError(
            f"a region of type {shown(type_)} has no range of a plain text",
            expected='"start" and "end" as whole numbers in regions of type "labels"',
        )
    score = region.get("score")
    if score is not None and not is_score(score):
        raise FormatError(f"the score is {shown(score)}", expected="a number from 0 to 1")
    surface = value.get("text")
    return Region(
        value["start"],
        value["end"],
        _labels_of(value, kind_of_result(region)),
        score,
        surface if isinstance(surface, str) else None,
    )


def _labels_of(value: Record, kind: str) -> tuple[str, ...]:
    found = value.get(kind)
    if kind == "taxonomy" and isinstance(found, list):
        found = [taxonomy_label(path) for path in found]
    found = [] if found is None else found
    if not isinstance(found, list) or not all(isinstance(x, str) and x for x in found):
        raise FormatError(f"the {kind} are {shown(value.get(kind))}", expected="a list of names")
    return tuple(dict.fromkeys(found))


def taxonomy_label(path: Any) -> str:
    """The label of a path in a taxonomy, such as `place/city`; empty if it is not valid."""
    names = path if isinstance(path, list) else [path]
    return "/".join(names) if all(isinstance(name, str) and name for name in names) else ""


def value_of(result: Record) -> Record:
    """The value of a result; empty if it has none."""
    value = result.get("value")
    return value if isinstance(value, dict) else {}


def has_range(result: Record) -> bool:
    """Whether a result stands on a range of a text."""
    value = value_of(result)
    return type(value.get("start")) is int and type(value.get("end")) is int


def kind_of_result(result: Record) -> str:
    """The kind of a result: `labels` for those that may be entities, else Label Studio's type."""
    type_ = result.get("type")
    if type_ in _LABEL_TYPES:
        return LABELS
    if isinstance(type_, str) and type_ not in _BARE_TYPES:
        return type_
    return LABELS if has_range(result) else "unknown"


def in_code_points(region: Record, text: str, counting: Counting) -> Record:
    """The region with its range in code points, as Label Studio counts today."""
    if not has_range(region):
        return region
    value = value_of(region)
    found = counting.of(text)(value["start"], value["end"])
    if not 0 <= found[0] < found[1] <= len(text) or found == (value["start"], value["end"]):
        return region
    new = {**value, "start": found[0], "end": found[1]}
    if not isinstance(value.get("text"), list):  # a list is what an annotator wrote
        new["text"] = text[found[0] : found[1]]
    return {**region, "value": new}


def new_regions(
    document: Document,
    entities: Iterable[Entity],
    like: Record,
    known: Sequence[Record] = (),
) -> list[Record]:
    """Regions of `entities` by the control of the region `like`, with ids that are not `known`."""
    kind = kind_of_result(like)
    used = {each["id"] for each in known if isinstance(each.get("id"), str)}
    regions = []
    for entity in entities:
        names: Any = [entity.label.split("/")] if kind == "taxonomy" else [entity.label]
        region = {
            "id": free_id(entity.start, entity.end, used),
            "from_name": like["from_name"],
            "to_name": like["to_name"],
            "type": kind,
            "value": {
                "start": entity.start,
                "end": entity.end,
                "text": document.surface(entity),
                kind: names,
            },
        }
        regions.append(with_score(region, entity))
    return regions


def free_id(start: int, end: int, used: set[str]) -> str:
    """An id for a region over a range that is not `used`, to which it is added."""
    found, number = f"{start}-{end}", 1
    while found in used:
        number += 1
        found = f"{start}-{end}-{number}"
    used.add(found)
    return found


def with_score(region: Record, entity: Entity) -> Record:
    """A region with the score of its entity, or without one if the entity has none."""
    plain = {name: value for name, value in region.items() if name != "score"}
    return plain if entity.score is None else {**plain, "score": entity.score}
