"""The columns that divide the documents of a file without empty lines."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from nerine.data.formats.columns.header import Header
from nerine.data.formats.columns.judgement import Column, filled
from nerine.data.formats.columns.layout import Layout

_REPEATED = 1.5
_DIGITS = re.compile(r"\d")


def divided(layout: Layout, header: Header | None) -> Layout:
    """The layout with its dividers: names of sentences, or numbers of tokens that begin again.

    Of several columns that may divide, the one with most divisions is taken if it has those of the
    first one too. Numbers of sentences that begin again in each document divide with its name.
    """
    free = [each for each in layout.columns if each.index not in (layout.token, *layout.tags)]
    ways: list[tuple[Column, ...]] = [(each,) for each in free if each.kind == "sentence"]
    if header is not None:
        named = tuple(each for each in free if each.index in header.sentences and _repeats(each))
        ways = [way for way in ways if way[0].index not in header.others]
        ways = [named] if named else ways
    ways += [(*way, each) for way in ways for each in free if _numbers_within(way, each)]
    counters = [each for each in free if each.kind == "counter"]
    ways += [(each,) for each in counters if _divisions([each])]
    if not ways:
        constant = [each for each in free if each.kind == "constant"]
        ways += [(each,) for each in constant if _is_name(each, layout.token)][:1]
    if not ways:
        return layout
    first = _divisions(ways[0])
    way = max((way for way in ways if first <= _divisions(way)), key=lambda w: len(_divisions(w)))
    indices = tuple(each.index for each in way)
    return replace(layout, dividers=indices, counts=way[0] in counters)


def _divisions(way: Sequence[Column]) -> set[int]:
    """The rows, by their numbers, before which columns divide documents."""
    if way[0].kind == "counter":
        pairs = itertools.pairwise(map(int, way[0].values))
        return {row for row, (before, after) in enumerate(pairs, start=1) if after <= before}
    rows = zip(*(filled(each.values) for each in way), strict=True)
    pairs_of_names = enumerate(itertools.pairwise(rows), start=1)
    return {row for row, (before, after) in pairs_of_names if after != before}


def _repeats(column: Column) -> bool:
    values = filled(column.values)
    return all(values) and len({*values}) < len(values)


def _is_name(column: Column, token: int) -> bool:
    """Whether a column with one value may hold the name of a first, long document."""
    return column.index < token and _DIGITS.search(column.values[0]) is not None


def _numbers_within(way: Collection[Column], column: Column) -> bool:
    """Whether a column numbers the sentences of each document, from 0 or 1 on."""
    if column.kind != "number" or column in way or not all(map(str.isdecimal, column.values)):
        return False
    names = zip(*(filled(each.values) for each in way), strict=True)
    rows = zip(names, map(int, column.values), strict=True)
    divisions = 0
    for _, group in itertools.groupby(rows, key=lambda row: row[0]):
        numbers = [number for _, number in group]
        steps = [after - before for before, after in itertools.pairwise(numbers)]
        if numbers[0] not in (0, 1) or not {0, 1}.issuperset(steps):
            return False
        divisions += 1 + sum(steps)
    return len(column.values) >= _REPEATED * divisions
