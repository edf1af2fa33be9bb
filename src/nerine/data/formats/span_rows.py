"""Rows with a text and its entities → documents, and what a reader of rows counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError
from nerine.data.formats.options import Offsets, ReadLog, ReadOptions, Unusual
from nerine.data.formats.records import Record, is_score

START = ("start", "start_offset", "begin", "start_char", "start_idx", "start_index", "char_start")
END = ("end", "end_offset", "stop", "end_char", "end_idx", "end_index", "char_end")
LABEL = (
    "label",
    "labels",
    "type",
    "entity_type",
    "entity_label",
    "tag",
    "category",
    "entity_group",
)
SURFACE = (
    "text",
    "surface",
    "mention",
    "word",
    "span_text",
    "entity_text",
    "covered_text",
    "value",
)
PAIR = ("span", "offsets", "offset", "indices", "range", "position")
_ITEM = '{"start": 0, "end": 4, "label": "person"} or [0, 4, "person"]'


@dataclass(frozen=True, slots=True)
class SpanRow:
    """A text with its entities as they are in their file.

    Attributes:
        text: The text.
        items: The entities: mappings, lists of start, end and label, or lists of fields.
        id: The document's id.
        meta: Its other fields.
        tokens: Its tokens.
    """

    text: str
    items: Any
    id: str | None
    meta: Mapping[str, Any]
    tokens: tuple[Token, ...] | None = None

    def document(self, options: ReadOptions, log: ReadLog) -> Document:
        """The document; exact duplicates are one entity. Raises `FormatError` without a place."""
        bounds = _Bounds(self.text, options)
        found: dict[tuple[int, int, str], tuple[Entity, Record]] = {}
        for item in item_list(self.items):
            for start, end, label, fields in _entities(item, options, log):
                if start == end and not options.inclusive_ends:
                    _skip("empty", f"the entity {str(item)[:80]!r} has no characters", options, log)
                    continue
                start, end = bounds.code_points(start, end, fields)
                score = fields.pop("score", None)
                entity = Entity(start, end, label, score)
                found.setdefault((start, end, label), (entity, fields))
        ordered = [found[key] for key in sorted(found)]
        extra = [[e.start, e.end, e.label, fields] for e, fields in ordered if fields]
        meta = dict(self.meta) | ({"entity_fields": extra} if extra else {})
        return Document(self.text, tuple(e for e, _ in ordered), self.tokens, self.id, meta)


def item_list(items: Any) -> list[Any]:
    """The entities as a list, also those that are stored as one list for each field."""
    if isinstance(items, Mapping) and set(items) & {"entities", "spans"}:
        items = items.get("entities", items.get("spans"))
    if isinstance(items, Mapping) and items:
        lists = list(items.values())
        if (
            all(isinstance(each, list) for each in lists)
            and len({len(each) for each in lists}) == 1
        ):
            return [dict(zip(items, each, strict=True)) for each in zip(*lists, strict=True)]
    if not isinstance(items, list | tuple):
        raise FormatError(
            f"the entities are {str(items)[:60]!r}", expected=f"a list of entities: {_ITEM}"
        )
    return list(items)


def _entities(
    item: Any, options: ReadOptions, log: ReadLog
) -> Iterator[tuple[int, int, str, Record]]:
    """The entities of an item, one for each of its labels, with their other fields."""
    if isinstance(item, list | tuple) and len(item) == 3:
        item = dict(zip(("start", "end", "label"), item, strict=True))
    fields = dict(item) if isinstance(item, Mapping) else {}
    start, end = (_pop(fields, names) for names in (START, END))
    if start is None and end is None:
        start, end = _pair(_pop(fields, PAIR), options, log)
        if start is None:
            return
    label, score = _pop(fields, LABEL), fields.get("score")
    labels = label if isinstance(label, list) else [] if label is None else [label]
    is_valid = type(start) is int and type(end) is int and (score is None or is_score(score))
    if not is_valid or not all(isinstance(each, str) for each in labels):
        raise FormatError(
            f"{str(item)[:80]!r} is not a valid entity",
            expected=f'{_ITEM}, offsets as whole numbers, and an optional "score" from 0 to 1',
        )
    if not any(labels):
        _skip("no-label", f"the entity {str(item)[:80]!r} has no label", options, log)
    for each in filter(None, labels):
        yield start, end, each, {key: value for key, value in fields.items() if value is not None}


def _skip(kind: Unusual, found: str, options: ReadOptions, log: ReadLog) -> None:
    """Counts an entity that is skipped, or raises the error of its kind."""
    if options.treatment(kind) != "skip":
        raise FormatError(
            found,
            expected="entities in one piece, of one character or more, with a label",
            hint=f'--skip {kind} (skip={{"{kind}"}}) leaves such entities out and counts them',
        )
    log.skip(kind)


def _pop(fields: Record, names: Sequence[str]) -> Any:
    """Takes the value of the first of the names that has one."""
    for name in names:
        if fields.get(name) is not None:
            return fields.pop(name)
    return None


def _pair(value: Any, options: ReadOptions, log: ReadLog) -> tuple[Any, Any]:
    """Start and end from [start, end], or from a list of one such pair."""
    pairs = value if isinstance(value, list) and value and isinstance(value[0], list) else [value]
    if len(pairs) > 1:
        found = f"an entity has {len(pairs)} pieces: {str(pairs)[:60]}"
        _skip("pieces", found, options, log)
        return None, None
    pair = pairs[0]
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise FormatError(f"an entity has the range {str(pair)[:60]!r}", expected=_ITEM)
    return pair[0], pair[1]


class _Bounds:
    """Offsets in the unit of a file → code points, compared with the entities' own texts."""

    def __init__(self, text: str, options: ReadOptions) -> None:
        self._text = text
        self._unit: Offsets = options.offsets or "code-points"
        self._extra = int(options.inclusive_ends)
        self._encoded: dict[str, bytes] = {}

    def code_points(self, start: int, end: int, fields: Record) -> tuple[int, int]:
        """The range in code points; an own text that agrees with it is taken out of `fields`."""
        surface_field = next((name for name in SURFACE if isinstance(fields.get(name), str)), None)
        found = self._converted(start, end + self._extra, self._unit)
        if found is None or not 0 <= found[0] < found[1] <= len(self._text):
            raise FormatError(
                f"an entity has the range [{start}, {end})",
                expected=f"0 <= start < end <= {len(self._text)}, the length of the text",
                hint=self._other_reading(start, end, fields.get(surface_field or "")),
            )
        if surface_field is not None:
            surface, covered = fields.pop(surface_field), self._text[found[0] : found[1]]
            if covered != surface:
                raise FormatError(
                    f"the entity [{start}, {end}) is {covered[:40]!r} in the text, and "
                    f"{surface[:40]!r} in its own field {surface_field!r}",
                    expected="offsets of the entity's own text",
                    hint=self._other_reading(start, end, surface),
                )
        return found

    def _other_reading(self, start: int, end: int, surface: str | None) -> str | None:
        """The option under which the range has the entity's own text, if there is one."""
        if not surface:
            return None
        units: tuple[Offsets, ...] = ("code-points", "utf-16", "bytes")
        for unit in units:
            for extra in (0, 1):
                found = self._converted(start, end + extra, unit)
                if found is None or self._text[found[0] : found[1]] != surface:
                    continue
                hints = []
                if unit != self._unit:
                    hints.append(f"--offsets {unit} (offsets={unit!r})".replace("'", '"'))
                if extra and not self._extra:
                    hints.append("--inclusive-ends (inclusive_ends=True)")
                return f"{' and '.join(hints)} would agree" if hints else None
        return None

    def _converted(self, start: int, end: int, unit: Offsets) -> tuple[int, int] | None:
        """The range in code points; None if a bound is outside the text or inside a character."""
        size = len(self._text)
        if unit == "code-points" or (unit == "bytes" and self._text.isascii()):
            return (start, end) if 0 <= start <= end <= size else None
        encoding, width = ("utf-16-le", 2) if unit == "utf-16" else ("utf-8", 1)
        raw = self._encoded.get(unit) or self._text.encode(encoding, "surrogatepass")
        self._encoded[unit] = raw
        if not 0 <= start <= end <= len(raw) // width:
            return None
        try:
            first = len(raw[: start * width].decode(encoding))
            return first, first + len(raw[start * width : end * width].decode(encoding))
        except UnicodeDecodeError:
            return None


class Counts:
    """What a log counted before a reader began, for readers that read their rows twice."""

    def __init__(self, log: ReadLog) -> None:
        self._log = log
        self._before = [dict(counts) for counts in self._counts()]

    def _counts(self) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
        return self._log.skipped, self._log.accepted, self._log.remarks

    def restart(self) -> None:
        """Sets the counts of rows back."""
        for counts, before in zip(self._counts(), self._before, strict=True):
            counts.clear()
            counts.update(before)


def unlabelled(options: ReadOptions, log: ReadLog, found: str) -> bool:
    """Whether a text without annotation is accepted, not skipped; an error by default."""
    treatment = options.treatment("unlabelled")
    if treatment == "error":
        raise FormatError(
            found,
            expected="entities, or an empty list for a text without entities",
            hint='--skip unlabelled (skip={"unlabelled"}) leaves such texts out, --accept '
            'unlabelled (accept={"unlabelled"}) reads them as texts without entities',
        )
    (log.skip if treatment == "skip" else log.accept)("unlabelled")
    return treatment == "accept"
