"""The header of a safetensors file, read with bounded work and memory, and checked in full.

::

    8 bytes  the length N of the header, little-endian
    N bytes  {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …} in UTF-8
    the rest the tensors, one after another without a gap

The format is described at https://huggingface.co/docs/safetensors. The library that loads the
weights checks most of this too; here it is checked before any library opens the file, and told
with the name of the tensor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerine.core.errors import CheckpointError
from nerine.core.strict_json import CUT_SHORT, check_size, parse_object, shown, unreadable

MOST_HEADER_BYTES = 10_000_000
"""A BERT of 12 layers has a header of 20 kB; 10 MB hold some 80,000 tensors."""

_LENGTH_BYTES = 8
_MOST_FILE_BYTES = 2**63 - 1
_MOST_NUMBER = 2**63 - 1
_MOST_DIMENSIONS = 1_000
_METADATA = "__metadata__"
_FIELDS = {"dtype", "shape", "data_offsets"}
_DTYPES = {
    4: "F4",
    6: "F6_E2M3 F6_E3M2",
    8: "BOOL U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ",
    16: "I16 U16 F16 BF16",
    32: "I32 U32 F32",
    64: "I64 U64 F64 C64",
}
_BITS = {name: bits for bits, names in _DTYPES.items() for name in names.split()}


@dataclass(frozen=True, slots=True)
class Header:
    """The shapes of the tensors in one file or several, by their names."""

    shapes: Mapping[str, tuple[int, ...]]

    @property
    def parameters(self) -> int:
        """The number of values in all tensors."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @property
    def largest(self) -> int:
        """The largest dimension of a tensor."""
        return max((size for shape in self.shapes.values() for size in shape), default=0)


def read_header(path: Path) -> Header:
    """The header of the safetensors file at `path`; raises `CheckpointError` where it lies."""
    size = check_size(path, _MOST_FILE_BYTES)
    content = _header_bytes(path, size)
    parsed = parse_object(content, path, _unique, parse_int=_natural)
    _check_metadata(parsed.pop(_METADATA, {}), path)
    spans = {name: _span(name, info, path) for name, info in parsed.items()}
    _check_cover(spans, size - _LENGTH_BYTES - len(content), path)
    return Header({name: tuple(info["shape"]) for name, info in parsed.items()})


def _header_bytes(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
            if size < _LENGTH_BYTES or length > size - _LENGTH_BYTES:
                raise _lie(path, f"the file of {size:,} bytes ends inside of its header")
            if length > MOST_HEADER_BYTES:
                raise CheckpointError(
                    f"the header has {length:,} bytes",
                    place=str(path),
                    expected=f"at most {MOST_HEADER_BYTES:,} bytes",
                )
            content = stream.read(length)
    except OSError as error:
        raise unreadable(path, error) from error
    if len(content) < length or not content.startswith(b"{"):
        raise _lie(path, "the header is no JSON object")
    return content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are different, and are text that can be written again."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key stands twice in one object")
    for key in made:
        key.encode()  # half of a surrogate pair raises
    return made


def _natural(digits: str) -> int:
    """Rust reads no `-0` where a size is due, and Python would."""
    if len(digits) > len(str(_MOST_NUMBER)) or digits.startswith("-") or int(digits) > _MOST_NUMBER:
        raise ValueError("a number is negative or has more than 63 bits")
    return int(digits)


def _check_metadata(found: Any, path: Path) -> None:
    texts = found.values() if isinstance(found, dict) else [None]
    if not all(_is_text(text) for text in texts):
        raise _lie(path, f"{_METADATA} holds more than strings")


def _is_text(value: Any) -> bool:
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


def _span(name: str, info: Any, path: Path) -> tuple[int, int]:
    """Where a tensor begins and ends, once its description agrees with itself."""
    what = f"the tensor {shown(name)}"
    if not isinstance(info, dict) or set(info) != _FIELDS:
        raise _lie(path, f"{what} is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = info["dtype"], info["shape"], info["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _BITS:
        raise _lie(path, f"{what} has the unknown dtype {shown(dtype)}")
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        raise _lie(path, f"{what} has a shape or data_offsets that are no arrays of sizes")
    begin, end = offsets
    if _count(shape, what, path) * _BITS[dtype] != 8 * (end - begin):
        raise _lie(path, f"{what} has data_offsets that are not as far apart as its shape asks")
    return begin, end


def _are_sizes(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= _MOST_DIMENSIONS
        and all(type(each) is int for each in value)
    )


def _count(shape: list[int], what: str, path: Path) -> int:
    """The number of values, without ever making a number of thousands of digits."""
    count = 1
    for size in shape:
        count *= size
        if count > _MOST_NUMBER // 64:
            raise _lie(path, f"{what} has a shape that no file can hold")
    return count


def _check_cover(spans: Mapping[str, tuple[int, int]], size: int, path: Path) -> None:
    """The tensors lie one after another and fill the file."""
    position = 0
    for name, (begin, end) in sorted(spans.items(), key=lambda item: item[1]):
        if begin != position:
            raise _lie(path, f"before the tensor {shown(name)} is a gap or an overlap")
        position = end
    if position != size:
        raise _lie(path, f"the tensors need {position:,} bytes, the file has {size:,} for them")


def _lie(path: Path, found: str) -> CheckpointError:
    return CheckpointError(
        found,
        place=str(path),
        expected="a safetensors file whose header describes what follows it",
        hint=CUT_SHORT,
    )
