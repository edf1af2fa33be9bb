"""Texts with labelled ranges as a file states them → documents.

The formats of this folder parse a file into passages; what is the same for all of them is here:
annotations that cannot be entities. Offsets are those of `nerine.data.formats.offsets`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError
from nerine.core.files import errors_at
from nerine.data.formats.offsets import OffsetChecker, StatedRange
from nerine.data.formats.options import ReadLog, ReadOptions, Unusual
from nerine.data.formats.unusual import treat

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

    @property
    def range(self) -> StatedRange:
        """Its range for the checker of offsets."""
        return StatedRange(self.start, self.end, self.shown, self.label, self.place)


@dataclass(frozen=True, slots=True)
class Passage:
    """A text with its regions, and the other parts of the document that it becomes."""

    text: str
    regions: Sequence[Region]
    place: str
    id: str | None = None
    tokens: tuple[Token, ...] | None = None
    meta: dict[str, Any] = field(default_factory=dict)


def stated_in(passages: Iterable[Passage]) -> Iterator[tuple[str, list[StatedRange]]]:
    """The texts and ranges of passages, for the first pass of the checker of offsets."""
    for passage in passages:
        yield (
            passage.text,
            [each.range for each in passage.regions if each.label and not each.fault],
        )


def document_of(
    passage: Passage, checker: OffsetChecker, options: ReadOptions, log: ReadLog
) -> Document:
    """The document of a passage.

    Regions with the same range and label are one entity. Their other fields are kept in
    `meta["entity_fields"]`, as [start, end, label, fields].
    """
    regions: list[Region] = []
    for region in passage.regions:
        fault = region.fault or (None if region.label else "no-label")
        try:
            with errors_at(region.place):
                if fault is None:
                    regions.append(region)
                else:
                    _skip(region, fault, passage.text, options, log)
        except FormatError as error:
            log.refuse(error)
    entities: dict[tuple[int, int, str], Entity] = {}
    fields: list[list[Any]] = []
    with errors_at(passage.place):
        ranges = checker.ranges(passage.text, [each.range for each in regions], log.refuse)
    for region, found in zip(regions, ranges, strict=True):
        if found is None:
            continue
        key = (*found, region.label)
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
    "empty": ("has no characters", "annotations of one character or more"),
}


def _skip(region: Region, fault: Unusual, text: str, options: ReadOptions, log: ReadLog) -> None:
    """Counts a region that cannot be an entity; raises `FormatError` unless it may be skipped."""
    found, expected = _FAULTS[fault]
    shown = region.shown or text[region.start : region.end]
    treat(
        fault,
        f"the {region.label or 'annotation'} {shown[:_SHOWN]!r} {region.detail or found}",
        options,
        log,
        expected=expected,
        other_hint="--control (control=…) may name a field that holds labels"
        if fault == "no-label"
        else None,
    )
