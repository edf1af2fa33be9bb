"""Rows of a data set with named columns → documents, whatever its columns hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nerine.core.document import Document, joined_tokens
from nerine.core.errors import FormatError
from nerine.core.files import errors_at
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.records import id_of, meta_of
from nerine.data.formats.span_rows import Counts, SpanRow, checked, unlabelled
from nerine.data.formats.spans.items import LABEL, item_list
from nerine.data.formats.tables.cells import is_structured, structured
from nerine.data.formats.words import TAG_FIELDS, TOKEN_FIELDS, Row, TaggedRows

TEXT_FIELDS = ("text", "sentence", "content", "data", "source_text")
ENTITY_FIELDS = ("entities", "spans", "annotations", "privacy_mask", "labels", "label", "ner")
GLINER_FIELDS = ("tokenized_text", "ner")

Names = Mapping[str, tuple[str, ...]]
_MOST_DEPTH = 8


@dataclass(frozen=True, slots=True)
class RecordRows:
    """Rows of named columns, from a file or a saved data set.

    A row holds tokens and tags (see `words`), a text and its entities, or as in GLiNER's data
    `tokenized_text` and `ner`, the first and last token of each entity and its label. Entities are
    structs, one struct of lists, or lists of start, end and label.

    Attributes:
        rows: Returns the rows with their places, from the first one at each call.
        options: How to read.
        names: The names of labels and tags that are numbers, if the source has them, by the path of
            their column, such as `ner_tags` or `entities.label`.
    """

    rows: Callable[[], Iterable[tuple[str, Row]]]
    options: ReadOptions
    names: Names = field(default_factory=dict)

    def documents(self, log: ReadLog) -> Iterator[tuple[str, Document]]:
        """The rows as documents, each with its place."""
        first = next(iter(self.rows()), None)
        if first is None:
            return
        columns = tuple(first[1])
        if all(name in columns for name in GLINER_FIELDS):
            stated = replace(self.options, offsets="code-points", inclusive_ends=False)
            yield from self._of_spans(self._gliner_row, log, stated)
        elif (entities := self._entity_column(columns)) is not None:
            yield from self._of_spans(lambda row, log: self._span_row(row, entities, log), log)
        else:
            yield from self._of_tags(columns, log)

    def _entity_column(self, columns: tuple[str, ...]) -> str | None:
        """The column of entities next to a text; None if the rows hold tags."""
        if self._text_column(columns) is None:
            return None
        stated = self.options.tag_column
        usual = (stated,) if isinstance(stated, str) else ENTITY_FIELDS
        candidates = [name for name in usual if name in columns]
        has_tokens = any(name in columns for name in TOKEN_FIELDS)
        if not has_tokens:
            return candidates[0] if candidates else None
        for name in candidates:
            if name not in TAG_FIELDS and not isinstance(stated, str):
                return name
        for _, row in self.rows() if candidates else ():
            for name in candidates:
                value = row[name]
                if isinstance(value, Mapping):
                    return name
                if isinstance(value, list) and value:
                    return name if isinstance(value[0], Mapping | list) else None
        return None

    def _text_column(self, columns: Iterable[str]) -> str | None:
        stated = self.options.text_field
        names = TEXT_FIELDS if stated is None else (stated,)
        return next((name for name in names if name in columns), None)

    def _of_tags(self, columns: tuple[str, ...], log: ReadLog) -> Iterator[tuple[str, Document]]:
        stated = self.options.tag_column
        usual = next((name for name in TAG_FIELDS if name in columns), None)
        column = stated if isinstance(stated, str) else usual
        if not any(name in columns for name in self._token_names()) or column not in columns:
            place = next(iter(self.rows()))[0]
            raise FormatError(
                "no fields hold tokens and tags, or a text and its entities; the fields are: "
                f"{', '.join(columns)}",
                place=place,
                expected="'tokens' and 'ner_tags', or 'text' and 'entities'",
                hint="--token-column or --text-field (token_column=…, text_field=…) names the "
                "field of the tokens or the text, --tag-column (tag_column=…) that of the tags or "
                "entities",
            )
        counts = Counts(log)

        def rows() -> Iterator[tuple[str, Row]]:
            counts.restart()
            for place, row in self.rows():
                if row[column] is None:
                    with errors_at(place):
                        is_kept = unlabelled(self.options, log, f"the field {column!r} is empty")
                    if not is_kept:
                        continue
                    tokens = next((row[name] for name in self._token_names() if name in row), None)
                    length = len(tokens) if isinstance(tokens, list) else 0
                    row = {**row, column: ["O"] * length}
                yield place, row

        names = self.names.get(column)
        yield from TaggedRows(rows, self.options, names).documents(log)

    def _token_names(self) -> tuple[str, ...]:
        stated = self.options.token_column
        return (stated,) if isinstance(stated, str) else TOKEN_FIELDS

    def _of_spans(
        self,
        span_row: Callable[[Row, ReadLog], SpanRow | None],
        log: ReadLog,
        options: ReadOptions | None = None,
    ) -> Iterator[tuple[str, Document]]:
        def rows(log: ReadLog) -> Iterator[tuple[str, SpanRow]]:
            for place, row in self.rows():
                try:
                    with errors_at(place):
                        found = span_row(row, log)
                except FormatError as error:
                    log.refuse(error)
                else:
                    if found is not None:
                        yield place, found

        return checked(rows, options or self.options, log)

    def _span_row(self, row: Row, column: str, log: ReadLog) -> SpanRow | None:
        text_column = self._text_column(row) or TEXT_FIELDS[0]
        text = row.get(text_column)
        if not isinstance(text, str):
            raise FormatError(
                f"the field {text_column!r} holds {str(text)[:60]!r}",
                expected="a text",
                hint="--text-field (text_field=…) names the field of the texts",
            )
        value = row.get(column)
        if value is None and not unlabelled(
            self.options, log, f"the field {column!r} of entities is empty"
        ):
            return None
        if isinstance(value, str) and is_structured(value):
            value = structured(value)
        items = [] if value is None else self._named(item_list(value), column)
        return SpanRow(text, items, id_of(row), meta_of(row, {text_column, column}))

    def _named(self, items: list[Any], column: str) -> list[Any]:
        """Entities with names in place of their labels' numbers."""
        return [self._named_item(item, column) for item in items]

    def _named_item(self, item: Any, column: str) -> Any:
        if not isinstance(item, Mapping):
            return item
        found = dict(item)
        for name in LABEL:
            label = found.get(name)
            if type(label) is int:
                found[name] = self._label(label, f"{column}.{name}")
            elif isinstance(label, list) and label and all(type(each) is int for each in label):
                found[name] = [self._label(each, f"{column}.{name}") for each in label]
        return found

    def _label(self, number: int, path: str) -> str:
        names = self.options.tag_names or self.names.get(path)
        names = names or self.options.known_tag_names.get(path) or ()
        if not 0 <= number < len(names):
            raise FormatError(
                f"the label number {number} has no name",
                expected=f"a number from 0 to {len(names) - 1}" if names else "labels with names",
                hint="--tag-names (tag_names=…) gives the names of labels in order",
            )
        return names[number]

    def _gliner_row(self, row: Row, log: ReadLog) -> SpanRow | None:
        tokens, items = (row.get(name) for name in GLINER_FIELDS)
        if not isinstance(tokens, list) or not all(isinstance(t, str) and t for t in tokens):
            raise FormatError(
                f"the field {GLINER_FIELDS[0]!r} holds {str(tokens)[:60]!r}",
                expected="a list of strings, none of them empty",
            )
        if items is None and not unlabelled(self.options, log, "the field 'ner' is empty"):
            return None
        ranges = joined_tokens(tokens)
        spans = []
        for item in item_list([] if items is None else items):
            fields = list(item.values()) if isinstance(item, Mapping) else item
            is_triple = isinstance(fields, list | tuple) and len(fields) == 3
            first, last = map(_index, fields[:2]) if is_triple else (-1, -1)
            if not 0 <= first <= last < len(tokens):
                raise FormatError(
                    f"{str(item)[:60]!r} is not an entity of {len(tokens)} tokens",
                    expected='[0, 1, "person"]: its first and last token, from 0, and its label',
                )
            spans.append([ranges[first].start, ranges[last].end, fields[2]])
        meta = meta_of(row, set(GLINER_FIELDS))
        return SpanRow(" ".join(tokens), spans, id_of(row), meta, ranges)


def _index(value: Any) -> int:
    """A token's number, which Parquet stores as a string if the label stands in the same list."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return value if type(value) is int else -1


def label_names(features: Any) -> dict[str, tuple[str, ...]]:
    """The names of numbers (`ClassLabel`) in features as `datasets` stores them, by path."""
    found: dict[str, tuple[str, ...]] = {}
    _collect_names(features, "", found, _MOST_DEPTH)
    return found


def _collect_names(feature: Any, path: str, found: dict[str, tuple[str, ...]], depth: int) -> None:
    if isinstance(feature, list) and len(feature) == 1:
        feature = feature[0]
    if not isinstance(feature, Mapping) or depth == 0:
        return
    kind, names = feature.get("_type"), feature.get("names")
    if kind == "ClassLabel":
        if isinstance(names, list) and all(isinstance(each, str) for each in names):
            found[path] = tuple(names)
    elif isinstance(kind, str) and "feature" in feature:
        _collect_names(feature["feature"], path, found, depth - 1)
    elif not isinstance(kind, str):
        for name, inner in feature.items():
            _collect_names(inner, f"{path}.{name}" if path else str(name), found, depth - 1)
