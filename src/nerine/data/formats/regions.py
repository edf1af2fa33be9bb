"""Label Studio's regions ↔ entities, whatever the offsets of the regions count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nerine.core.document import Document, Entity
from nerine.core.errors import FormatError
from nerine.data.formats.apart import Candidate, keep_apart
from nerine.data.formats.offsets import Utf16Offsets
from nerine.data.formats.options import ReadOptions
from nerine.data.formats.records import Record

_IN_UTF16 = "with offsets in UTF-16 code units, as the texts of the regions tell"
_UNCLEAR = "with offsets behind an emoji that nothing confirms, read as code points"
_FOREIGN = ("hypertextlabels", "paragraphlabels", "timelinelabels")


@dataclass(frozen=True, slots=True)
class Regions:
    """The regions of one annotation that bear labels, keyed by their index in its `result`.

    `remark` is what the log is to say of their offsets.
    """

    candidates: tuple[Candidate[int], ...]
    remark: str | None

    @classmethod
    def of(cls, text: str, result: Sequence[Record], place: str) -> Regions:
        """The regions in `result`, whose offsets are checked against `text`."""
        values = {i: _checked(each, place) for i, each in enumerate(result) if bears_labels(each)}
        units = _Units(text)
        told = {i: units.telling(value, place) for i, value in values.items()}
        known = set(told.values()) - {None}
        silent = [value for i, value in values.items() if told[i] is None and units.differ(value)]
        remark = _IN_UTF16 if True in known else None
        candidates = []
        for index, value in values.items():
            is_utf16 = told[index] if told[index] is not None else known == {True}
            span = units.range(value, utf16=bool(is_utf16))
            candidates.append(_candidate(index, span, value, result[index]))
        return cls(tuple(candidates), _UNCLEAR if silent and len(known) != 1 else remark)

    def entities(self, options: ReadOptions, place: str) -> tuple[dict[int, Entity], list[int]]:
        """The entities by the index of their region, and the indices of all others."""
        return keep_apart(self.candidates, options, lambda index: f"{place}, region {index + 1}")


def bears_labels(region: Record) -> bool:
    """Whether a region is one that may stand for an entity."""
    return region.get("type") in ("labels", *_FOREIGN)


def _checked(region: Record, place: str) -> Record:
    """The value of a region with a range and labels."""
    value = region.get("value")
    is_range = isinstance(value, dict) and all(
        type(value.get(name)) is int for name in ("start", "end")
    )
    if not isinstance(value, dict) or not is_range or region["type"] in _FOREIGN:
        raise FormatError(
            f"a region of type {region['type']!r} has no range of a plain text",
            place=place,
            expected='"start" and "end" as whole numbers in regions of type "labels"',
        )
    labels, score = value.get("labels"), region.get("score")
    if not isinstance(labels, list) or not all(isinstance(each, str) and each for each in labels):
        raise FormatError(f"the labels are {labels!r}", place=place, expected="a list of names")
    if score is not None and not (type(score) in (int, float) and 0 <= score <= 1):
        raise FormatError(f"the score is {score!r}", place=place, expected="a number from 0 to 1")
    return value


def _candidate(index: int, span: tuple[int, int], value: Record, region: Record) -> Candidate[int]:
    labels = value["labels"]
    fault = None if len(labels) == 1 else f"has {len(labels)} labels"
    return Candidate(index, *span, ", ".join(labels), fault, region.get("score"))


class _Units:
    """What the offsets of a text's regions count: code points or UTF-16 code units."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._utf16 = Utf16Offsets(text)

    def range(self, value: Record, *, utf16: bool) -> tuple[int, int]:
        """The region's range in code points; -1 stands for what is no place in the text."""
        start, end = value["start"], value["end"]
        if not utf16:
            return start, end
        points = [self._utf16.point(unit) for unit in (start, end)]
        return (points[0] if points[0] is not None else -1, -1 if points[1] is None else points[1])

    def differ(self, value: Record) -> bool:
        """Whether it matters what the region's offsets count."""
        return self.range(value, utf16=True) != self.range(value, utf16=False)

    def telling(self, value: Record, place: str) -> bool | None:
        """Whether the offsets are UTF-16, as the region's own text tells; None if it cannot."""
        shown = value.get("text")
        if not isinstance(shown, str):
            return None
        fitting = [utf16 for utf16 in (False, True) if self._agrees(value, shown, utf16=utf16)]
        if not fitting:
            start, end = value["start"], value["end"]
            raise FormatError(
                f"the region [{start}, {end}) shows {shown[:60]!r}, "
                f"the text has {self._text[max(start, 0) : max(end, 0)][:60]!r} there",
                place=place,
                expected="offsets in code points or in UTF-16 code units",
                hint="--text-field names the text where this is another field; "
                "line ends of two characters (CR LF) make Label Studio count otherwise",
            )
        return fitting[0] if len(fitting) == 1 else None

    def _agrees(self, value: Record, shown: str, *, utf16: bool) -> bool:
        start, end = self.range(value, utf16=utf16)
        covered = self._text[start:end] if 0 <= start < end <= len(self._text) else None
        if covered is None:
            return False
        # an export may have line ends as a backslash and an n
        return covered.split() in (shown.split(), shown.replace("\\n", " ").split())


def in_code_points(region: Record, span: tuple[int, int], document: Document) -> Record:
    """The region with offsets as Label Studio counts today."""
    value = region["value"]
    if span == (value["start"], value["end"]):
        return region
    start, end = span
    text = {"start": start, "end": end, "text": document.text[start:end]}
    return {**region, "value": {**value, **text}}


def new_regions(
    document: Document,
    entities: Iterable[Entity],
    field: str,
    known: Sequence[Record] = (),
) -> list[Record]:
    """Regions of `entities`, called like those that the task has already."""
    like: Record = next((each for each in known if bears_labels(each)), {})
    names = (like.get("from_name", "label"), like.get("to_name", field))
    regions = []
    for entity in entities:
        region = new_region(entity.start, entity.end, *names)
        region["value"] |= {"text": document.surface(entity), "labels": [entity.label]}
        regions.append(scored(region, entity))
    return regions


def new_region(start: int, end: int, from_name: str, to_name: str) -> Record:
    """A region over the code points `[start, end)`, still without a text and labels."""
    return {
        "id": f"{start}-{end}",
        "from_name": from_name,
        "to_name": to_name,
        "type": "labels",
        "value": {"start": start, "end": end},
    }


def scored(region: Record, entity: Entity) -> Record:
    """A region with the score of its entity, or without one where that has none."""
    plain = {name: value for name, value in region.items() if name != "score"}
    return plain if entity.score is None else {**plain, "score": entity.score}
