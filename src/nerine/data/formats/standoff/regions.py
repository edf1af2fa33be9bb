"""Texts with labelled ranges as a file states them → documents.

The formats of this folder parse a file into passages; what is the same for all of them is here:
the unit of offsets, the comparison of an annotation's own text with its range, and annotations
that cannot be entities.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError
from nerine.core.files import errors_at
from nerine.data.formats.options import Offsets, ReadLog, ReadOptions, Unusual

UNITS: dict[Offsets, str] = {
    "code-points": "code points",
    "utf-16": "UTF-16 units",
    "bytes": "bytes of UTF-8",
}
LARGEST = 10**18
"""A limit for offsets in a file: `int` refuses thousands of digits, and no text is so long."""

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Region:
    """A labelled range of a passage as its file states it.

    Attributes:
        start: Its first unit, counted from the beginning of the passage.
        end: The unit after its last one, or its last one if the file counts so.
        label: Its label; empty if it has none.
        place: Its file and line, or file and name.
        shown: The text that the file itself shows for it; None if it shows none.
        fault: Why it cannot be an entity whatever its range is.
        fields: Other fields, to be kept in the document's meta.
        detail: The reason of `fault` if it has a special one, such as "goes on in line 7".
    """

    start: int
    end: int
    label: str
    place: str
    shown: str | None = None
    fault: Unusual | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A text with its regions, and the other parts of the document that it becomes."""

    text: str
    regions: Sequence[Region]
    place: str
    id: str | None = None
    tokens: tuple[Token, ...] | None = None
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counting:
    """How the offsets of a file count: their unit, and whether ends are inclusive.

    `hint` is for an annotation whose own text disagrees with its range nevertheless.
    """

    unit: Offsets
    inclusive: bool = False
    hint: str = "the text, or its line ends, may have been changed since it was annotated"


def find_counting(passages: Iterable[Passage], options: ReadOptions, log: ReadLog) -> Counting:
    """How offsets count: as stated, or as the annotations' own texts in the whole file show.

    Code points are taken where nothing tells. Another unit that is found is noted in the log.
    """
    stated: Sequence[Offsets] = [options.offsets] if options.offsets else [*UNITS]
    fitting = {
        (unit, inclusive): True
        for inclusive in sorted({options.inclusive_ends, True})
        for unit in stated
    }
    for passage in passages:
        regions = [each for each in passage.regions if each.shown is not None and not each.fault]
        is_ascii = passage.text.isascii()  # then all units are the same
        found: dict[tuple[Offsets, bool], bool] = {}
        for unit, inclusive in [way for way, fits in fitting.items() if fits]:
            way = (stated[0] if is_ascii else unit, inclusive)
            if way not in found:
                locate = locator(passage.text, way[0])
                found[way] = all(
                    _agrees(_covered(passage.text, each, locate, inclusive), each.shown)
                    for each in regions
                )
            fitting[unit, inclusive] = found[way]
    ways = [way for way, fits in fitting.items() if fits] or [(stated[0], options.inclusive_ends)]
    unit, inclusive = ways[0]
    if inclusive != options.inclusive_ends:
        hint = "ends are inclusive here: --inclusive-ends (inclusive_ends=True) reads them so"
        return Counting(unit, options.inclusive_ends, hint)
    if unit not in (options.offsets, "code-points"):
        log.add_note(f"offsets count {UNITS[unit]}, as the annotations' own texts show")
    return Counting(unit, inclusive)


def locator(text: str, unit: Offsets) -> Callable[[int], int | None]:
    """A function from an offset in `unit` to one in code points.

    Its result is None for an offset outside the text or inside a character.
    """
    if unit == "code-points" or text.isascii():
        length = len(text)
        return lambda offset: offset if 0 <= offset <= length else None
    if unit == "utf-16":
        widths = (1 + (sign > "\uffff") for sign in text)
    else:
        widths = (len(sign.encode("utf-8", "surrogatepass")) for sign in text)
    bounds = [0, *accumulate(widths)]

    def locate(offset: int) -> int | None:
        index = bisect_left(bounds, offset)
        return index if index < len(bounds) and bounds[index] == offset else None

    return locate


def document_of(
    passage: Passage, counting: Counting, options: ReadOptions, log: ReadLog
) -> Document:
    """The document of a passage.

    Regions with the same range and label are one entity. Their other fields are kept in
    `meta["entity_fields"]`, as [start, end, label, fields].
    """
    locate = locator(passage.text, counting.unit)
    entities: dict[tuple[int, int, str], Entity] = {}
    fields: list[list[Any]] = []
    for region in passage.regions:
        fault = region.fault or (None if region.label else "no-label")
        if fault is None and region.end + counting.inclusive == region.start:
            fault = "empty"
        try:
            with errors_at(region.place):
                if fault is not None:
                    _skip(region, fault, passage.text, options, log)
                    continue
                start, end = _located(passage.text, region, locate, counting)
        except FormatError as error:
            log.refuse(error)
            continue
        key = (start, end, region.label)
        entities[key] = Entity(*key)
        if region.fields:
            fields.append([*key, region.fields])
    meta = dict(passage.meta)
    if fields:
        meta["entity_fields"] = sorted(fields, key=lambda entry: entry[:3])
    with errors_at(passage.place):
        return Document(
            passage.text,
            tuple(entities[key] for key in sorted(entities)),
            passage.tokens,
            passage.id,
            meta,
        )


_FAULTS: dict[Unusual, tuple[str, str]] = {
    "no-label": ("has no label", "a label for each annotation"),
    "pieces": ("is in several pieces", "annotations in one piece"),
    "empty": ("covers no characters", "annotations of one character or more"),
}


def _skip(region: Region, fault: Unusual, text: str, options: ReadOptions, log: ReadLog) -> None:
    """Counts a region that cannot be an entity; raises `FormatError` unless it may be skipped."""
    if options.treatment(fault) == "skip":
        log.skip(fault)
        return
    found, expected = _FAULTS[fault]
    name = region.label or "annotation"
    shown = region.shown or text[region.start : region.end]
    hint = f'--skip {fault} (skip={{"{fault}"}}) leaves such annotations out and counts them'
    if fault == "no-label":
        hint += "; --control (control=…) may name a field that holds labels"
    found = region.detail or found
    raise FormatError(f"the {name} {shown[:_SHOWN]!r} {found}", expected=expected, hint=hint)


def _covered(
    text: str, region: Region, locate: Callable[[int], int | None], inclusive: bool
) -> str | None:
    start, end = locate(region.start), locate(region.end + inclusive)
    return text[start:end] if start is not None and end is not None else None


def _agrees(covered: str | None, shown: str | None) -> bool:
    """Whether a text is the one that the file shows, except for white space."""
    return covered is not None and (covered == shown or covered.split() == (shown or "").split())


def _located(
    text: str, region: Region, locate: Callable[[int], int | None], counting: Counting
) -> tuple[int, int]:
    start, end = locate(region.start), locate(region.end + counting.inclusive)
    stated = f"the range {region.start} {region.end}"
    if start is None or end is None or start >= end:
        length = len(text)
        raise FormatError(
            f"{stated} of the {region.label} {(region.shown or '')[:_SHOWN]!r} is not a range of "
            "the text",
            expected=f"a range of its {length} code points, counted in {UNITS[counting.unit]}",
            hint=counting.hint,
        )
    if region.shown is not None and not _agrees(text[start:end], region.shown):
        raise FormatError(
            f"the annotation shows {region.shown[:_SHOWN]!r}",
            expected=f"{text[start:end][:_SHOWN]!r}, the text at {region.start} {region.end}",
            hint=counting.hint,
        )
    return start, end
