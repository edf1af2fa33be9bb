"""Strict JSON: without NaN and Infinity, and from untrusted files with bounded work.

`STRICT` decodes the lines of corpora (`nerine.core.files`). `read_object` and `parse_object` read
files of checkpoints; their errors are `CheckpointError`s that name the file and quote none of its
content, as the file may be a link to something else.
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
CUT_SHORT = "copy or download it again if it may be cut short"
_LONGEST_SHOWN = 80

Pairs = Callable[[list[tuple[str, Any]]], dict[str, Any]]


def refuse_constant(name: str) -> NoReturn:
    """Python reads `NaN` and `Infinity`, which pass every comparison with a limit."""
    raise ValueError(f"{name} is not a JSON number")


STRICT = json.JSONDecoder(parse_constant=refuse_constant)


def read_object(path: Path, limit: int) -> dict[str, Any]:
    """The JSON object in a file of at most `limit` bytes."""
    check_size(path, limit)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    return parse_object(content, path)


def parse_object(content: bytes, place: Path, pairs: Pairs = dict, **hooks: Any) -> dict[str, Any]:
    """A JSON object in UTF-8; `pairs` and `hooks` make its values, as for `json.loads`."""
    hint = CUT_SHORT
    try:
        parsed = json.loads(
            content.decode(), object_pairs_hook=pairs, parse_constant=refuse_constant, **hooks
        )
        if isinstance(parsed, dict):
            return parsed
        raise CheckpointError(
            f"the JSON is {kind_of(parsed)}", place=str(place), expected="an object"
        )
    except UnicodeDecodeError as error:
        found = f"byte {error.start} is not UTF-8"
    except json.JSONDecodeError as error:
        found = f"this is not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}"
    except RecursionError:
        found, hint = "the JSON is nested too deeply", ""
    except ValueError as error:  # a number of thousands of digits, or a problem found by a hook
        found, hint = f"this JSON cannot be used: {shown(str(error))}", ""
    raise CheckpointError(found, place=str(place), hint=hint or None)


def check_size(path: Path, limit: int) -> int:
    """The size of a file in bytes; an error if it is not regular or larger than `limit`."""
    try:
        status = path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    if not stat.S_ISREG(status.st_mode):
        raise CheckpointError("this is not a regular file", place=str(path), expected="a file")
    if status.st_size > limit:
        raise CheckpointError(
            f"the file has {status.st_size:,} bytes",
            place=str(path),
            expected=f"at most {limit:,} bytes in a file of this name",
        )
    return status.st_size


def unreadable(path: Path, error: OSError) -> CheckpointError:
    """The error for a file that the system cannot read."""
    return CheckpointError(f"cannot be read: {error.strerror or error}", place=str(path))


def shown(value: object) -> str:
    """An untrusted value for a message: one short line without control characters."""
    text = value if isinstance(value, str) else kind_of(value)
    return visible(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…")


def kind_of(value: object) -> str:
    """The kind of a JSON value such as `an array`; a small number, true, false or null itself."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number of more than 64 bits"
    return json.dumps(value)
