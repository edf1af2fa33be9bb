"""Where the tags of a CoNLL-U file are: in a column, or in MISC under a key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nerine.core.errors import FormatError
from nerine.core.tags import OUTSIDE
from nerine.data.formats.columns.layout import column_index

NO_VALUE = "_"
TAG_NAMES = ("ner", "ne", "nes", "entity", "entities", "named_entity", "iob", "bio")
"""Names of columns that hold tags; the first two are keys in MISC too, whatever their values."""

_TAG = re.compile(r"[BIESLUMW]-.+")


@dataclass(frozen=True, slots=True)
class Source:
    """Where words and tags are: the names of the columns, those of tags, or a key in MISC."""

    names: tuple[str, ...]
    columns: tuple[int, ...] = ()
    key: str | None = None

    @property
    def form(self) -> int:
        """The column of the words."""
        return self.names.index("FORM")

    @property
    def misc(self) -> int | None:
        """The column of miscellaneous values."""
        return self.names.index("MISC") if "MISC" in self.names else None

    def layers(self, rows: Sequence[Sequence[str]]) -> list[list[str]]:
        """The tags of some rows, a list for each column of tags; `_` stands for `O`."""
        if self.key is None:
            return [[_outside(row[index]) for row in rows] for index in self.columns]
        return [[_in_misc(row[self.misc or -1], self.key) for row in rows]]

    @property
    def others(self) -> list[int]:
        """The columns that hold neither ids, words nor tags, MISC after the others."""
        used = ("ID", "FORM")
        found = [i for i, name in enumerate(self.names) if name not in used]
        return sorted(set(found) - {*self.columns}, key=lambda i: (i == self.misc, i))


def _outside(tag: str) -> str:
    return OUTSIDE if tag == NO_VALUE else tag


def _in_misc(misc: str, key: str) -> str:
    """The tag under a key in MISC; under the empty key the value that has none."""
    for part in misc.split("|"):
        name, equals, value = part.partition("=")
        if (equals and name == key) or (not equals and not key and is_tag(part)):
            return value if equals else part
    return OUTSIDE


def is_tag(value: str) -> bool:
    """Whether a value in MISC has the form of a tag."""
    return value == OUTSIDE or _TAG.fullmatch(value) is not None


def is_tag_column(name: str) -> bool:
    """Whether a column has a name that columns of tags have, such as `NER` or `X:NE`."""
    return name.casefold().rpartition(":")[2] in TAG_NAMES


def stated_source(
    names: tuple[str, ...], stated: int | str | tuple[int, ...], place: str
) -> Source:
    """The source that an option states: columns by name or number, or a key in MISC."""
    if isinstance(stated, str) and stated not in names and "MISC" in names:
        return Source(names, key=stated)
    found = [
        names.index(each)
        if isinstance(each, str) and each in names
        else column_index(each, "tag_column", len(names), place)
        for each in (stated if isinstance(stated, tuple) else (stated,))
    ]
    return Source(names, tuple(found))


def find_source(names: tuple[str, ...], rows: Iterable[Sequence[str]], place: str) -> Source:
    """The column whose name is one of tags, or the one key in MISC whose values are tags."""
    named = [index for index, name in enumerate(names) if is_tag_column(name)]
    if named:
        return Source(names, tuple(named[:1]))
    keys: dict[str, set[str]] = {}
    if "MISC" in names:
        misc = names.index("MISC")
        for part in (part for row in rows for part in row[misc].split("|")):
            key, equals, value = part.partition("=")
            keys.setdefault(key if equals else "", set()).add(value if equals else part)
    keyed = {key: values for key, values in keys.items() if key or all(map(is_tag, values))}
    found = (
        [key for key, values in keyed.items() if any(map(_TAG.fullmatch, values))]
        or [key for key in keyed if key.casefold() in TAG_NAMES[:2]]
        or [key for key, values in keyed.items() if values == {OUTSIDE}]
    )
    if len(found) == 1:
        return Source(names, key=found[0])
    shown = ", ".join(key for key in sorted(found or keys) if key) or "none"
    raise FormatError(
        "several keys in MISC hold tags" if found else "no column and no key in MISC holds tags",
        place=place,
        expected=f"a column NER, or name=B-person in MISC; the columns are {' '.join(names)}, the "
        f"keys {shown[:200]}",
        hint="--tag-column (tag_column=…) names the column or the key",
    )
