"""Label Studio's regions ↔ entities, with offsets in code points or UTF-16 code units."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from nerine.core.document import Document, Entity
from nerine.core.errors import FormatError
from nerine.data.formats.overlaps import Annotation
from nerine.data.formats.records import Record, is_score

_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_IN_UTF16 = "with offsets in UTF-16 code units, as the texts of the regions show"
_UNCLEAR = "with offsets after an emoji whose unit is unclear, read as code points"
_OTHER_LABELS = ("hypertextlabels", "paragraphlabels", "timelinelabels")


def read_regions(text: str, result: Sequence[Record]) -> tuple[list[Annotation], str | None]:
    """The regions with labels in an annotation's `result`, and a remark about their offsets.

    The key of each annotation is its index in `result`. Offsets are checked against `text` and
    converted to code points.
    """
    offsets = Offsets(text)
    values: dict[int, Record] = {}
    for index, region in enumerate(result):
        if not has_labels(region):
            continue
        value = region["value"] if isinstance(region.get("value"), dict) else {}
        kinds = [type(value.get(name)) for name in ("start", "end")]
        labels, score = value.get("labels"), region.get("score")
        if kinds != [int, int] or region["type"] in _OTHER_LABELS:
            raise FormatError(
                f"a region of type {region['type']!r} has no range of a plain text",
                expected='"start" and "end" as whole numbers in regions of type "labels"',
            )
        if not isinstance(labels, list) or not all(isinstance(x, str) and x for x in labels):
            raise FormatError(f"the labels are {labels!r}", expected="a list of names")
        if score is not None and not is_score(score):
            raise FormatError(f"the score is {score!r}", expected="a number from 0 to 1")
        values[index] = value
    in_utf16 = {i: offsets.are_utf16(value) for i, value in values.items()}
    known = set(in_utf16.values()) - {None}
    annotations = []
    is_unclear = False
    for index, value in values.items():
        code_points = offsets.range(value, utf16=False)
        code_units = offsets.range(value, utf16=True)
        is_utf16 = in_utf16[index]
        if is_utf16 is None:
            is_unclear = is_unclear or (len(known) != 1 and code_units != code_points)
            is_utf16 = known == {True}
        start, end = code_units if is_utf16 else code_points
        labels = value["labels"]
        fault = None if len(labels) == 1 else f"has {len(labels)} labels"
        score = result[index].get("score")
        annotations.append(Annotation(index, start, end, ", ".join(labels), fault, score))
    return annotations, _UNCLEAR if is_unclear else _IN_UTF16 if True in known else None


def has_labels(region: Record) -> bool:
    """Whether a region's type has labels, so that it may be an entity."""
    return region.get("type") in ("labels", *_OTHER_LABELS)


class Offsets:
    """The offsets of regions of one text, in code points or in UTF-16 code units.

    JavaScript counts the latter. They differ after a character beyond U+FFFF, such as most emoji,
    which takes two code units.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        # the offsets of the second units of all pairs
        self._seconds = [m.start() + i + 1 for i, m in enumerate(_ASTRAL.finditer(text))]

    def code_point(self, unit: int) -> int:
        """The code point at the UTF-16 code unit `unit`; -1 in the middle of a character."""
        before = bisect_left(self._seconds, unit)
        return -1 if unit in self._seconds[before : before + 1] else unit - before

    def range(self, value: Record, *, utf16: bool) -> tuple[int, int]:
        """The region's range in code points; -1 for an offset in the middle of a character."""
        start, end = value["start"], value["end"]
        return (self.code_point(start), self.code_point(end)) if utf16 else (start, end)

    def are_utf16(self, value: Record) -> bool | None:
        """Whether the offsets count UTF-16 code units, by the region's own text; None if unknown.

        Raises `FormatError` if the region's text agrees with neither unit.
        """
        shown = value.get("text")
        if not isinstance(shown, str):
            return None
        # an export may have line ends as a backslash and an n
        expected = (shown.split(), shown.replace("\\n", " ").split())
        fitting = []
        for utf16 in (False, True):
            start, end = self.range(value, utf16=utf16)
            is_inside = 0 <= start < end <= len(self._text)
            if is_inside and self._text[start:end].split() in expected:
                fitting.append(utf16)
        if not fitting:
            start, end = value["start"], value["end"]
            raise FormatError(
                f"the region [{start}, {end}) shows {shown[:60]!r}, but the text there is "
                f"{self._text[max(start, 0) : max(end, 0)][:60]!r}",
                expected="offsets in code points or in UTF-16 code units",
                hint="--text-field (text_field=…) names the text if it is in another field; "
                "line ends of two characters (CR LF) shift Label Studio's offsets",
            )
        return fitting[0] if len(fitting) == 1 else None


def in_code_points(region: Record, span: tuple[int, int], document: Document) -> Record:
    """The region with its range in code points, as Label Studio counts today."""
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
    """Regions of `entities`, with the tag names of the regions that the task has already."""
    like: Record = next((each for each in known if has_labels(each)), {})
    names = (like.get("from_name", "label"), like.get("to_name", field))
    regions = []
    for entity in entities:
        region = new_region(entity.start, entity.end, *names)
        region["value"] |= {"text": document.surface(entity), "labels": [entity.label]}
        regions.append(with_score(region, entity))
    return regions


def new_region(start: int, end: int, from_name: str, to_name: str) -> Record:
    """A region over the code points `[start, end)`, without a text and labels."""
    return {
        "id": f"{start}-{end}",
        "from_name": from_name,
        "to_name": to_name,
        "type": "labels",
        "value": {"start": start, "end": end},
    }


def with_score(region: Record, entity: Entity) -> Record:
    """A region with the score of its entity, or without one if the entity has none."""
    plain = {name: value for name, value in region.items() if name != "score"}
    return plain if entity.score is None else {**plain, "score": entity.score}
