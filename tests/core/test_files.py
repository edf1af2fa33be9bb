"""Files: lines with their numbers, and what is too long."""

from __future__ import annotations

from pathlib import Path

import pytest

from nerine.core import files
from nerine.core.errors import FormatError


def test_a_line_without_an_end_takes_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LONGEST_LINE", 10)
    path = tmp_path / "long.txt"
    path.write_bytes(b"0123456789\n")
    with pytest.raises(FormatError, match=r"long.txt:1: the line has more than 10 bytes"):
        list(files.read_lines(path))
    path.write_bytes(b"012345678\n" * 3)
    assert [number for number, _ in files.read_lines(path)] == [1, 2, 3]
