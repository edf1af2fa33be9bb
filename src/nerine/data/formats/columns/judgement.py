"""What each column of a column file holds, judged from its first few hundred token lines.

The values of a column are looked at by sentence. `judge` says what each column holds; `choose`
takes the columns of tokens and tags if there is no doubt about them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from nerine.core.tags import OUTSIDE, are_tags, detect_notation
from nerine.data.formats.columns.tagsets import CHUNKS, PARTS_OF_SPEECH, RELATIONS

Kind = Literal[
    "blank",
    "counter",
    "sentence",
    "constant",
    "number",
    "identifier",
    "tags",
    "outside",
    "chunks",
    "other tags",
    "tag lists",
    "brackets",
    "pos",
    "relation",
    "words",
]
KINDS: dict[Kind, str] = {
    "blank": "is empty",
    "counter": "counts tokens",
    "sentence": "names sentences",
    "constant": "holds one value",
    "number": "holds numbers",
    "identifier": "holds identifiers",
    "tags": "holds tags",
    "outside": "holds only 'O'",
    "chunks": "holds chunks",
    "other tags": "holds tags in another notation",
    "tag lists": "holds several tags a line",
    "brackets": "holds brackets",
    "pos": "holds parts of speech",
    "relation": "holds syntactic relations",
    "words": "holds words",
}
TAG_KINDS: tuple[Kind, ...] = ("tags", "other tags", "brackets", "outside", "chunks")

_BLANKS = {"", "_", "-", "*", "--"}
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?%?", re.ASCII)
_PREFIXED = re.compile(r"[BIESLU]-.+", re.DOTALL)
_DIGITS = re.compile(r"\d+")
_FEW, _MANY = 8, 40
_LEAST_OUTSIDE = 0.1
_DENSE, _SPARSE = 0.25, 0.5
_CLOSED = 0.25
_ALIKE = 0.3
_SHOWN = 3

Values = Sequence[str]
"""The values of a column in the lines of one sentence."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its index, what it holds, and its values by sentence."""

    index: int
    kind: Kind
    sentences: tuple[tuple[str, ...], ...]

    @property
    def values(self) -> list[str]:
        """All values in order."""
        return [value for sentence in self.sentences for value in sentence]

    @property
    def examples(self) -> str:
        """The first few different values."""
        shown = list(dict.fromkeys(self.values))[:_SHOWN]
        return ", ".join(repr(value[:20]) for value in shown)

    def __str__(self) -> str:
        return f"{self.index} {KINDS[self.kind]} ({self.examples})"


@dataclass(frozen=True, slots=True)
class Choice:
    """The columns of the tokens and of the tags, or the reason why there is doubt about them.

    Attributes:
        token: The column of the tokens.
        tag: The column of the tags.
        doubt: The reason; empty if there is none.
        about: The option, `token` or `tag`, that solves it.
    """

    token: int = 0
    tag: int = -1
    doubt: str = ""
    about: tuple[Literal["token", "tag"], ...] = ()


def judge(sentences: Sequence[Sequence[Sequence[str]]]) -> tuple[Column, ...]:
    """The columns of `sentences`, which are lists of rows of the same number of values."""
    filled = [rows for rows in sentences if rows]
    if not filled:
        return ()
    by_sentence = [list(zip(*rows, strict=True)) for rows in filled]
    columns = []
    for index in range(len(filled[0][0])):
        values = tuple(columns_of[index] for columns_of in by_sentence)
        columns.append(Column(index, _kind(values), values))
    return tuple(columns)


def _kind(sentences: Sequence[Values]) -> Kind:
    values = [value for sentence in sentences for value in sentence]
    different = set(values)
    if different <= _BLANKS:
        return "blank"
    if tags := _tag_kind(values, different):
        return tags
    checks: tuple[tuple[Kind, bool], ...] = (
        ("counter", _counts(sentences)),
        ("constant", len(different) == 1 and len(values) > 1),
        ("sentence", _names_sentences(sentences)),
        ("number", all(map(_NUMBER.fullmatch, values))),
        ("identifier", _identifies(values)),
        ("pos", different - _BLANKS <= PARTS_OF_SPEECH),
        ("relation", {value.partition(":")[0] for value in different - _BLANKS} <= RELATIONS),
    )
    return next((kind for kind, holds in checks if holds), "words")


def _tag_kind(values: Values, different: set[str]) -> Kind | None:
    """The kind of tags that a column holds, a few wrong ones allowed; None if it holds none."""
    if different == {OUTSIDE}:
        return "outside"
    lists = set(filter(are_tags, different))
    if lists and 2 * sum(value in lists for value in values) >= len(values):
        return "tag lists"
    tags = {value for value in different if _PREFIXED.fullmatch(value)}
    if tags:
        number = sum(value == OUTSIDE or value in tags for value in values)
        is_clear = 2 * number >= len(values)
        is_chunks = {tag[2:] for tag in tags} <= CHUNKS
        return ("chunks" if is_chunks else "tags") if is_clear else None
    has_outside = values.count(OUTSIDE) >= _LEAST_OUTSIDE * len(values)
    notation = detect_notation(different - {OUTSIDE}, has_outside=has_outside)
    if notation.name == "brackets":
        return "brackets"
    is_sure = has_outside or "o" in different
    if notation.name == "prefixed" or (notation.name == "affixed" and not is_sure):
        return None
    return "other tags"


def _counts(sentences: Sequence[Values]) -> bool:
    """Whether the values count: from 0 or 1 in each sentence, or on through the file."""
    values = [value for sentence in sentences for value in sentence]
    if not all(value.isdecimal() and value.isascii() and len(value) < _FEW for value in values):
        return False
    starts = {int(values[0])} & {0, 1}
    if len(sentences) == 1:
        numbers = [int(value) for value in values]
        steps = [*itertools.pairwise(numbers)]
        # numbers that only grow, some of them repeated, are names of sentences
        is_name = numbers == sorted(numbers) and len({*numbers}) < len(numbers)
        counts = all(after == before + 1 or after in starts for before, after in steps)
        return counts and not is_name and (len(numbers) > 1 or bool(starts))
    last = -1
    for sentence in sentences:
        first = int(sentence[0])
        if last >= 0 and first != last + 1 and first not in starts:
            return False
        if [int(value) for value in sentence] != [*range(first, first + len(sentence))]:
            return False
        last = first + len(sentence) - 1
    return bool(starts) or len(values) > len(sentences)


def _names_sentences(sentences: Sequence[Values]) -> bool:
    """Whether a value belongs to a sentence: it is in all its lines, or in the first one alone."""
    if len(sentences) == 1:
        return _changes_with_sentences(sentences[0])
    is_same = all(len(set(sentence)) == 1 for sentence in sentences)
    is_first = all(sentence[0] and not any(sentence[1:]) for sentence in sentences)
    has_many = any(len(sentence) > 1 for sentence in sentences)
    return has_many and (is_same or is_first)


def _changes_with_sentences(values: Values) -> bool:
    """Whether the values of lines without empty lines between them are names of sentences.

    Each value stands in one run of lines, or in the first line of a run whose other values are
    empty. The values have digits and differ in these alone, and numbers grow.
    """
    runs = [(value, len([*lines])) for value, lines in itertools.groupby(filled(values))]
    names = [name for name, _ in runs]
    is_apart = len(set(names)) == len(names) > 1 and len(values) >= len(names) * 1.5
    if not is_apart or not all(map(_DIGITS.search, names)):
        return False
    if all(name.isdecimal() and name.isascii() and len(name) < _FEW for name in names):
        steps = [int(after) - int(before) for before, after in itertools.pairwise(names)]
        return set(steps) == {1} or (min(steps) > 0 and len(values) >= 2 * len(names))
    return len({_DIGITS.sub("", name) for name in names}) == 1 and not all(
        map(_NUMBER.fullmatch, names)
    )


def filled(values: Values) -> list[str]:
    """The values, where the first is not empty each empty one replaced by the one before it."""
    found: list[str] = []
    for value in values:
        found.append(value or (found[-1] if found else ""))
    return found


def _identifies(values: Values) -> bool:
    """Whether all values differ, have digits, and differ in these alone."""
    if len(set(values)) < max(2, len(values)) or not all(map(_DIGITS.search, values)):
        return False
    return len({_DIGITS.sub("", value) for value in values}) == 1


def choose(
    columns: Sequence[Column],
    token: int | None = None,
    tag: int | None = None,
    *,
    is_io: bool = False,
) -> Choice:
    """The columns of tokens and tags.

    Args:
        columns: The columns, judged.
        token: The token column that is stated.
        tag: The tag column that is stated.
        is_io: Whether the tags are stated to be labels without prefixes.
    """
    found = Choice(tag=tag) if tag is not None else _tag_column(columns, token, is_io)
    if found.doubt:
        return found
    if token is not None:
        return Choice(token, found.tag)
    return _token_column(columns, found.tag, was_stated=tag is not None)


def _of(columns: Sequence[Column], *kinds: Kind) -> list[Column]:
    return [column for column in columns if column.kind in kinds]


def _tag_column(columns: Sequence[Column], token: int | None, is_io: bool) -> Choice:
    others = [column for column in columns if column.index != token]
    if len(columns) == 2 and token != 1 and columns[1].kind in ("tags", "outside", "chunks"):
        return Choice(tag=1)
    tags = _of(others, "tags")
    if len(tags) > 1 and _is_dense(tags[0]) and any(map(_is_sparse, tags[1:])):
        return Choice(doubt=f"columns {_numbers(tags)} hold tags", about=("tag",))
    if tags:
        return Choice(tag=tags[0].index)
    found = _of(others, "other tags") or _of(others, "brackets")
    if is_io and not found:
        found = _of(others, "words", "pos", "constant")
        if len(columns) == 2:
            found = [each for each in found if OUTSIDE in each.values] or found
            found = [each for each in found if each.index == 1] or found
        else:
            found = [each for each in found if _has_names(each)]
    if len(found) > 1:
        return Choice(doubt=f"columns {_numbers(found)} may hold the tags", about=("tag",))
    if found and (labels := _labels_of(found[0], others)):
        doubt = f"column {labels.index} may hold the labels of the tags in column {found[0].index}"
        return Choice(doubt=doubt, about=("tag",))
    found = found or _of(others, "outside") or _of(others, "chunks")
    if found:
        return Choice(tag=found[0].index)
    return Choice(doubt="no column holds tags", about=("tag",))


def _labels_of(tags: Column, others: Sequence[Column]) -> Column | None:
    """The column that has a value exactly where tags without labels are not `O`."""
    if {*tags.values} - {*"BIESLUMWO"}:
        return None
    inside = [tag != OUTSIDE for tag in tags.values]
    return next(
        (
            column
            for column in others
            if column is not tags and [value not in _BLANKS for value in column.values] == inside
        ),
        None,
    )


def _has_names(column: Column) -> bool:
    return detect_notation(set(column.values), has_outside=True).name == "IO"


def _numbers(columns: Sequence[Column]) -> str:
    return " and ".join(str(column.index) for column in columns)


def _share(column: Column, holds: Callable[[str], bool]) -> float:
    values = column.values
    return sum(map(holds, values)) / len(values)


def _is_dense(column: Column) -> bool:
    """Whether nearly all of many tokens have a tag, as in chunks."""
    return len(column.values) >= _FEW and _share(column, OUTSIDE.__eq__) < _DENSE


def _is_sparse(column: Column) -> bool:
    return _share(column, OUTSIDE.__eq__) > _SPARSE


def _token_column(columns: Sequence[Column], tag: int, *, was_stated: bool) -> Choice:
    others = [column for column in columns if column.index != tag]
    if len(columns) == 2:
        token = others[0]
        has_digits = token.kind == "constant" and bool(_DIGITS.search(token.values[0]))
        is_repeated = has_digits or token.kind == "sentence"
        has_names = token.kind == "pos" and columns[tag].kind == "other tags"
        number = len(token.values)
        is_counted = token.kind == "counter" and number >= _FEW
        if is_counted or (is_repeated and number >= _MANY) or has_names:
            return Choice(doubt="no column surely holds words", about=("token",))
        return Choice(token.index, tag)
    words = _of(others, "words")
    if not words and not _of(others, "number", "identifier"):
        words = _of(others, "pos")
    if not words:
        return _plain_token_column(others, tag)
    token, *rest = words
    open_ones = [column for column in rest if not _goes_with(token, column)]
    if open_ones:
        doubt = f"columns {_numbers([token, *open_ones])} may hold the tokens"
        return Choice(doubt=doubt, about=("token",) if was_stated else ("token", "tag"))
    return Choice(token.index, tag)


def _plain_token_column(others: Sequence[Column], tag: int) -> Choice:
    """The token column where none has letters enough to tell: the only one that is possible."""
    left = _of(others, "constant", "number", "identifier", "tags", "outside", "blank")
    if others[0].kind not in ("counter", "sentence") and len(others[0].values) < _FEW:
        return Choice(others[0].index, tag)
    varied = _of(left, "constant", "identifier")
    if len(varied) == 1 and len(varied[0].values) < _FEW:
        return Choice(varied[0].index, tag)
    return Choice(doubt="no column surely holds words", about=("token",))


def _goes_with(token: Column, other: Column) -> bool:
    """Whether a column after the tokens is about them: few classes, or lemmas, not other words."""
    values, others = token.values, other.values
    if len({*others}) == 1 or all(value in _BLANKS or value.isupper() for value in others):
        return True
    if not any(map(str.isalnum, "".join({*others}))):
        return True  # flags, such as + and -
    pairs = [*zip(values, others, strict=True)]
    lowered = [(a, b) for a, b in pairs if a != b and a.casefold() == b.casefold()]
    if 2 * sum(a.islower() for a, _ in lowered) > len(lowered):
        return False  # the first may be the lemmas
    alike = sum(_starts_alike(a, b) for a, b in pairs)
    if alike >= _ALIKE * len(values):
        return True
    varied = len({*others})
    return len(values) >= _MANY and varied < _CLOSED * len({*values}) + _FEW


def _starts_alike(word: str, lemma: str) -> bool:
    return word[:2].casefold() == lemma[:2].casefold()
