"""The header of a safetensors file, read with bounded work and memory.

::

    8 bytes  the length N of the header, little-endian
    N bytes  {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …} in UTF-8
    the rest the tensors, one after another without a gap

The format is described at https://huggingface.co/docs/safetensors. `safe_open` checks that header
and file agree; it maps the file and reads none of the tensors. Two forms that it takes are refused
here, because other readers may understand them differently: white space before the header, and a
key that occurs twice.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from nerine.core.display import visible
from nerine.core.errors import CheckpointError, first_line
from nerine.core.strict_json import CUT_SHORT, check_size, unreadable

MOST_HEADER_BYTES = 10_000_000
"""A BERT of 12 layers has a header of 20 kB; 10 MB hold some 80,000 tensors."""

_LENGTH_BYTES = 8
_MOST_FILE_BYTES = 2**63 - 1
_LONGEST_SHOWN = 300


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """Where a tensor lies: `size` bytes from the byte `start` of a file on."""

    path: Path
    dtype: str
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Header:
    """The shapes and places of the tensors in one or several files, by the tensors' names."""

    shapes: Mapping[str, tuple[int, ...]]
    places: Mapping[str, TensorPlace] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """The number of values in all tensors."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @property
    def largest(self) -> int:
        """The largest dimension of a tensor."""
        return max((size for shape in self.shapes.values() for size in shape), default=0)


def read_header(path: Path) -> Header:
    """The header of the safetensors file at `path`; raises `CheckpointError` if it is wrong."""
    check_size(path, _MOST_FILE_BYTES)
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
            if length > MOST_HEADER_BYTES:
                raise CheckpointError(
                    f"the header has {length:,} bytes",
                    place=str(path),
                    expected=f"at most {MOST_HEADER_BYTES:,} bytes",
                )
            content = stream.read(length)
        with safe_open(path, framework="np") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        if not content.startswith(b"{"):
            raise ValueError("it does not begin with {")
        tensors = json.loads(content, object_pairs_hook=_unique)
    except OSError as error:
        raise unreadable(path, error) from error
    except (SafetensorError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"the header cannot be used: {visible(first_line(error)[:_LONGEST_SHOWN])}",
            place=str(path),
            expected="a safetensors file whose header describes all of its content",
            hint=CUT_SHORT,
        ) from error
    begin = _LENGTH_BYTES + length
    places = {}
    for name in shapes:
        first, last = tensors[name]["data_offsets"]
        places[name] = TensorPlace(path, tensors[name]["dtype"], begin + first, last - first)
    return Header(shapes, places)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(members := dict(pairs)) < len(pairs):
        raise ValueError("a key occurs twice in one object")
    return members
