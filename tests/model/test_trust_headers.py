"""Headers of safetensors files: a correct one is read, and a wrong one is refused."""

from __future__ import annotations

import json
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from nerine.core.errors import CheckpointError
from nerine.model.loading.trust import read_header
from nerine.model.loading.trust.headers import MOST_HEADER_BYTES
from nerine.model.loading.trust.weights import read_weights

DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32)
SMALL_DTYPES = (torch.int16, torch.int8, torch.uint8, torch.bool, torch.float8_e4m3fn)
GOOD = {"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "model.safetensors"


def safetensors(header: Any, data: int = 24) -> bytes:
    """A file with any header, or other bytes in its place."""
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(content).to_bytes(8, "little") + content + bytes(data)


def opens(path: Path) -> bool:
    """Whether safetensors opens the file."""
    try:
        with safe_open(path, framework="pt"):
            return True
    except SafetensorError:
        return False


def passes(path: Path) -> bool:
    """Whether the header is accepted; an error other than `CheckpointError` fails the test."""
    try:
        return read_header(path) is not None
    except CheckpointError:
        return False


# --- laws


@given(
    st.dictionaries(
        st.text(max_size=6).filter(lambda name: name != "__metadata__"),
        st.tuples(st.sampled_from(DTYPES + SMALL_DTYPES), st.lists(st.integers(0, 4), max_size=3)),
        max_size=5,
    ),
    st.none() | st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2),
)
def test_what_the_library_writes_is_read(
    scratch: Path, wanted: dict[str, tuple[torch.dtype, list[int]]], metadata: dict[str, str] | None
) -> None:
    tensors = {name: torch.zeros(shape, dtype=dtype) for name, (dtype, shape) in wanted.items()}
    save_file(tensors, scratch, metadata)
    assume(tensors or metadata is None)  # safetensors 0.8.0 writes no JSON then
    header = read_header(scratch)
    assert header.shapes == {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    assert header.parameters == sum(tensor.numel() for tensor in tensors.values())
    assert header.largest == max((d for t in tensors.values() for d in t.shape), default=0)


_NUMBERS = st.sampled_from([0, 1, 2, 3, 6, 8, 12, 24, 25, -1, 2**31, 2**63, 2**64, 1.0, "1", None])
_INFO = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from(["F32", "F64", "I8", "BOOL", "F4", "F6_E2M3", "BF16", "X", 1]),
        "shape": st.lists(_NUMBERS, max_size=3) | st.just(24),
        "data_offsets": st.lists(_NUMBERS, max_size=3),
        "more": st.just(1),
    },
)
_HEADERS: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(["a", "b", "c", "", "__metadata__", "\ud800"]),
    _INFO | st.sampled_from([None, 1, {"format": "pt"}, {"format": 1}, {"x": "\ud800"}, []]),
    max_size=3,
)


@given(_HEADERS, st.integers(0, 30))
@example(GOOD, 24)
def test_what_the_library_refuses_is_refused(
    scratch: Path, header: dict[str, Any], data: int
) -> None:
    scratch.write_bytes(safetensors(header, data))
    assert opens(scratch) or not passes(scratch)


@given(st.data())
def test_no_mutation_gives_anything_but_an_error_of_ours(
    scratch: Path, data: st.DataObject
) -> None:
    content = bytearray(safetensors({**GOOD, "__metadata__": {"format": "pt"}}))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        piece = data.draw(
            st.binary(max_size=3) | st.sampled_from([b"-0", b'"', b"}", b"9" * 30, b"NaN", b"1e3"])
        )
        content[at : at + data.draw(st.integers(0, 3))] = piece
        content = content or bytearray(1)
    scratch.write_bytes(content)
    assert opens(scratch) or not passes(scratch)


# --- lies of each kind


def info(shape: Any, offsets: Any, dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


LIES: dict[str, tuple[Any, str]] = {
    "gap": ({"a": info([1], [0, 4]), "b": info([4], [8, 24])}, "offset for tensor `b`"),
    "overlap": ({"a": info([4], [0, 16]), "b": info([3], [12, 24])}, "offset for tensor `b`"),
    "same bytes twice": ({"a": info([6], [0, 24]), "b": info([6], [0, 24])}, "offset for tensor"),
    "late start": ({"a": info([5], [4, 24])}, "offset for tensor `a`"),
    "past the end": ({"a": info([12], [0, 48])}, "file not fully covered"),
    "not all": ({"a": info([2], [0, 8])}, "file not fully covered"),
    "shape": ({"a": info([2, 2], [0, 24])}, "invalid shape, data type, or offset"),
    "backwards": ({"a": info([6], [24, 0])}, "offset for tensor `a`"),
    "dtype": ({"a": info([6], [0, 24], "PICKLE")}, "unknown variant `PICKLE`"),
    "negative": ({"a": info([-6], [0, 24])}, "integer `-6`, expected usize"),
    "fraction": ({"a": info([6.0], [0, 24])}, "floating point `6.0`, expected usize"),
    "truth": ({"a": info([True], [0, 24])}, "boolean `true`, expected usize"),
    "huge": ({"a": info([2**62, 2**62], [0, 24])}, "overflow"),
    "huge and empty": ({"a": info([2**62, 2**62, 0], [0, 0])}, "overflow"),
    "no offsets": ({"a": {"dtype": "F32", "shape": [6]}}, "missing field `data_offsets`"),
    "no object": ({"a": 1}, "integer `1`, expected struct"),
    "metadata": ({**GOOD, "__metadata__": {"format": 1}}, "expected a string"),
    "array": ([GOOD], "invalid type: sequence"),
    "no JSON": (b"{nothing", "invalid JSON"),
    "space first": (b" " + json.dumps(GOOD).encode(), "does not begin with {"),
    "not UTF-8": (b'{"\xff": 1}', "invalid UTF-8"),
    "half a pair": (b'{"\\ud800": {}}', "invalid JSON"),
    "twice": (
        json.dumps({"a": GOOD["a"], "b": GOOD["a"]}).replace('"b"', '"a"').encode(),
        "a key occurs twice",
    ),
    "deep": (b'{"a":' * 50_000, "recursion limit exceeded"),
    "long number": (b'{"a":' + b"9" * 5_000 + b"}", "number out of range"),
    "many sizes": ({"a": info([10**15] * 1_000, [0, 24])}, "overflow"),
    "terminal": ({"a": info([6], [0, 24], "\x1b[31m")}, "unknown variant `␛"),
}


@pytest.mark.parametrize("kind", LIES)
def test_a_header_that_lies(scratch: Path, kind: str) -> None:
    header, found = LIES[kind]
    scratch.write_bytes(safetensors(header))
    with pytest.raises(CheckpointError, match=found):
        read_header(scratch)


def test_the_same_file_without_a_lie_passes(scratch: Path) -> None:
    scratch.write_bytes(safetensors(GOOD))
    assert read_header(scratch).shapes == {"a": (2, 3)}


@pytest.mark.parametrize("length", [MOST_HEADER_BYTES + 1, 2**40, 2**63, 2**64 - 1])
def test_an_oversized_header_costs_nothing(scratch: Path, length: int) -> None:
    with scratch.open("wb") as stream:  # a sparse file, as large as it says up to 16 GB
        stream.write(length.to_bytes(8, "little") + b"{")
        stream.truncate(min(8 + length + 1, 2**34))
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(CheckpointError, match="header"):
        read_header(scratch)
    assert time.perf_counter() - start < 1
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("size", range(9))
def test_a_file_of_a_few_bytes(scratch: Path, size: int) -> None:
    scratch.write_bytes(safetensors(GOOD)[:size])
    with pytest.raises(CheckpointError, match="header"):
        read_header(scratch)


# --- shards


def shards(folder: Path) -> dict[str, str]:
    """Two files with a tensor each, and the file of each tensor."""
    names = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    for tensor, name in zip("ab", names, strict=True):
        save_file({tensor: torch.zeros(3)}, folder / name)
    return dict(zip("ab", names, strict=True))


def write_index(folder: Path, where: Any, metadata: Any = None) -> None:
    index = {"metadata": metadata if metadata is not None else {}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_shards_are_read_as_one(tmp_path: Path) -> None:
    write_index(tmp_path, shards(tmp_path))
    assert read_weights(tmp_path).shapes == {"a": (3,), "b": (3,)}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"b": "../out.safetensors"}, "is not a safetensors file of this folder"),
        ({"b": "/tmp/out.safetensors"}, "is not a safetensors file of this folder"),
        ({"b": "..\\out.safetensors"}, "is not a safetensors file of this folder"),
        ({"b": "pytorch_model.bin"}, "is not a safetensors file of this folder"),
        ({"b": 1}, "is not a safetensors file of this folder"),
        ({"b": "gone.safetensors"}, "is missing"),
        ({"c": "model-00002-of-00002.safetensors"}, "holds other tensors than the index says"),
        ({"b": "model-00001-of-00002.safetensors"}, "holds other tensors than the index says"),
    ],
)
def test_an_index_that_lies(tmp_path: Path, change: dict[str, Any], found: str) -> None:
    (tmp_path / "folder").mkdir()
    save_file({"b": torch.zeros(3)}, tmp_path / "out.safetensors")
    write_index(tmp_path / "folder", {**shards(tmp_path / "folder"), **change})
    with pytest.raises(CheckpointError, match=found):
        read_weights(tmp_path / "folder")


@pytest.mark.parametrize("where", [None, [], {}, "all"])
def test_an_index_without_a_map(tmp_path: Path, where: Any) -> None:
    write_index(tmp_path, where)
    with pytest.raises(CheckpointError, match="no metadata or no weight_map"):
        read_weights(tmp_path)
