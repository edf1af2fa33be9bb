"""Cells that hold lists and records, as JSON or as Python prints them."""

from __future__ import annotations

import ast
import io
import itertools
import re
import tokenize
import warnings
from typing import Any

from nerine.core.errors import FormatError
from nerine.core.strict_json import STRICT

_MOST_DEPTH = 200
_MOST_BITS = 14_000  # some 4,200 digits; Python shows no more than 4,300
_LONGEST_LITERAL = 1 << 18  # Python's parser needs some hundred times the memory of its source
_ITEM = re.compile(r"""\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?\d{1,18}(?![\w.]))""")
_ADJACENT = re.compile(r"""['"]\s*['"]""")


def is_structured(cell: str) -> bool:
    """Whether a cell begins like a list or a record."""
    return cell.lstrip()[:1] in ("[", "{", "(")


def structured(cell: str) -> Any:
    """The value in a cell: JSON, or lists and records as Python or numpy prints them.

    Raises `FormatError` if it is neither.
    """
    cell = cell.strip()
    try:
        return checked(STRICT.decode(cell))
    except (ValueError, RecursionError):
        items = _numpy_items(cell) if cell.startswith("[") else None
    if items is not None:
        return items
    problem = f"of {len(cell):,} characters" if len(cell) > _LONGEST_LITERAL else None
    if problem is None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about backslashes in strings
                value = checked(ast.literal_eval(cell))
            if not (_ADJACENT.search(cell) and _has_joined_strings(cell)):
                return value
            problem = "with strings that no comma separates"
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            problem = "that is cut off" if cell[-1:] not in ("]", "}", ")") else None
    raise FormatError(
        f"the cell {cell[:60]!r}{f' {problem},' if problem else ''} is not valid JSON, nor a list "
        "or record of Python",
        expected="""a cell such as '["B-person", "O"]' or '[{"start": 0, "end": 4, …}]'""",
    )


def checked(value: Any) -> Any:
    """The value, if it can be shown in a message; raises `FormatError` if not.

    It can't if it is nested too deeply, or holds a number of thousands of digits.
    """
    level = [value]
    for _ in range(_MOST_DEPTH):
        if any(isinstance(each, int) and each.bit_length() > _MOST_BITS for each in level):
            raise FormatError("a number has thousands of digits")
        level = [
            inner
            for each in level
            if isinstance(each, list | tuple | dict | set)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return value
    raise FormatError("lists are nested too deeply", expected=f"at most {_MOST_DEPTH} levels")


def _has_joined_strings(cell: str) -> bool:
    """Whether two strings stand next to each other, which Python would join."""
    kinds = [token.type for token in tokenize.generate_tokens(io.StringIO(cell).readline)]
    kinds = [kind for kind in kinds if kind != tokenize.NL]
    return any(pair == (tokenize.STRING, tokenize.STRING) for pair in itertools.pairwise(kinds))


def _numpy_items(cell: str) -> list[Any] | None:
    """The items of a list without commas, as numpy prints arrays: `['B-person' 'O']`, `[1 0]`.

    Python would join the strings of such a list to one.
    """
    if not (_ADJACENT.search(cell) or re.match(r"\[\s*-?\d+\s+-?\d", cell)):
        return None
    position, items = 1, []
    while found := _ITEM.match(cell, position):
        if position > 1 and found[0] == found[1]:
            return None  # no white space between two items
        items.append(found[1])
        position = found.end()
    if len(items) < 2 or cell[position:].strip() != "]":
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return [ast.literal_eval(item) for item in items]
        except (ValueError, SyntaxError):
            return None
