"""JSON of strangers → dictionaries, with bounded work.

What cannot be read is a `CheckpointError` that names the file. No content of a file is quoted: a
file may be a link to something else.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from nerine.core.display import visible
from nerine.core.errors import CheckpointError

MEGABYTE = 1_000_000
_SHOWN = 80

Pairs = Callable[[list[tuple[str, Any]]], dict[str, Any]]


def read_object(path: Path, limit: int) -> dict[str, Any]:
    """The JSON object in a file of at most `limit` bytes."""
    check_size(path, limit)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    return parse_object(content, path)


def parse_object(content: bytes, place: Path, pairs: Pairs = dict, **hooks: Any) -> dict[str, Any]:
    """One JSON object in UTF-8; `pairs` and `hooks` make its values, as for `json.loads`."""
    try:
        parsed = json.loads(
            content.decode(), object_pairs_hook=pairs, parse_constant=_no_constant, **hooks
        )
    except UnicodeDecodeError as error:
        raise CheckpointError(
            f"byte {error.start} is not UTF-8", place=str(place), hint=CUT_SHORT
        ) from error
    except json.JSONDecodeError as error:
        raise CheckpointError(
            f"this is no JSON: {error.msg} in line {error.lineno}, column {error.colno}",
            place=str(place),
            hint=CUT_SHORT,
        ) from error
    except RecursionError as error:
        raise CheckpointError("the JSON is nested too deeply", place=str(place)) from error
    except ValueError as error:  # a number of thousands of digits, or what a hook found
        raise CheckpointError(
            f"this is not usable JSON: {shown(str(error))}", place=str(place)
        ) from error
    if not isinstance(parsed, dict):
        raise CheckpointError(
            f"the JSON holds {kind_of(parsed)}", place=str(place), expected="an object"
        )
    return parsed


def _no_constant(name: str) -> NoReturn:
    """Python reads `NaN` and `Infinity`, which slip through every comparison with a limit."""
    raise ValueError(f"{name} is no number")


def check_size(path: Path, limit: int) -> int:
    """The size of a regular file in bytes; raises where it is none or larger than `limit`."""
    try:
        found = path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    if not stat.S_ISREG(found.st_mode):
        raise CheckpointError("this is no regular file", place=str(path), expected="a file")
    if found.st_size > limit:
        raise CheckpointError(
            f"the file has {found.st_size:,} bytes",
            place=str(path),
            expected=f"at most {limit:,} bytes in a file of this name",
        )
    return found.st_size


def unreadable(path: Path, error: OSError) -> CheckpointError:
    """The error of a file that the system does not give."""
    return CheckpointError(f"cannot be read: {error.strerror or error}", place=str(path))


def shown(value: object) -> str:
    """What a stranger wrote, fit for a message: one line, without control characters, short."""
    text = value if isinstance(value, str) else kind_of(value)
    return visible(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def kind_of(value: object) -> str:
    """A JSON value by its kind, and by itself where it is short."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number of more than 64 bits"
    return json.dumps(value)


CUT_SHORT = "copy or download it again if it may be cut short"
