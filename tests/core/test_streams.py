"""Lines of a stream as they come, with pauses where a pipe stands still."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core import streams
from nerine.core.streams import PAUSE, line_pieces, timely_lines


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The reading and the writing end of a pipe, of which a pause comes at once."""
    monkeypatch.setattr(streams, "PATIENCE", 0.0)
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream, os.fdopen(writing, "wb", buffering=0) as end:
        yield stream, end


def test_a_pause_comes_where_a_pipe_stands_still(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    stream, end = pipe
    lines = timely_lines(stream)
    end.write(b"Mira\nOs")
    assert [next(lines), next(lines)] == [b"Mira\n", PAUSE]
    end.write(b"lo\n\n")
    assert [next(lines), next(lines), next(lines)] == [b"Oslo\n", b"\n", PAUSE]
    end.write(b"Ana")
    assert next(lines) is PAUSE
    end.close()
    assert list(lines) == [b"Ana"]


def test_a_line_that_comes_late_is_waited_for(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    stream, end = pipe
    pieces = line_pieces(stream)
    end.write(b"a")
    assert [next(pieces), next(pieces)] == [b"a", PAUSE]
    end.write(b"b\n")  # there is one pause only, until more data have come
    assert next(pieces) == b"b\n"
    end.close()
    assert [each for each in pieces if each is not PAUSE] == []


@given(st.text("ab\n\r", max_size=40), st.integers(1, 5))
def test_lines_of_files_are_whole_however_they_are_read(
    tmp_path_factory: pytest.TempPathFactory, text: str, piece: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines"
    path.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch, path.open("rb") as file:
        patch.setattr(streams, "_PIECE", piece)
        expected = list(io.BytesIO(text.encode()))
        assert list(timely_lines(file)) == list(timely_lines(io.BytesIO(text.encode()))) == expected


def test_a_regular_file_has_no_pauses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PATIENCE", 0.0)
    path = tmp_path / "lines"
    path.write_bytes(b"a\nb\n")
    with path.open("rb") as stream:
        assert list(timely_lines(stream)) == [b"a\n", b"b\n"]
