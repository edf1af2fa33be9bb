"""The beginning of a file, from which its format is recognised."""

from __future__ import annotations

import codecs
import contextlib
import itertools
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nerine.core.encodings import decoded, wide_encoding
from nerine.core.files import opened
from nerine.core.json_values import list_in
from nerine.core.strict_json import STRICT

HEAD_BYTES = 256 * 1024
_MARKED = 64
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True)
class Head:
    """The beginning of a file.

    Attributes:
        path: The file.
        content: Its first bytes, at most `HEAD_BYTES`, without a byte order mark of UTF-8.
        is_whole: Whether these are all its bytes.
    """

    path: Path
    content: bytes
    is_whole: bool

    @classmethod
    def of(cls, path: Path) -> Head:
        """Reads the beginning of a file; raises `FormatError` if it cannot be read."""
        with opened(path) as stream:
            content = stream.read(HEAD_BYTES + 1)
        is_whole = len(content) <= HEAD_BYTES
        return cls(path, content[:HEAD_BYTES].removeprefix(codecs.BOM_UTF8), is_whole)

    @property
    def suffix(self) -> str:
        """The extension of the file's name, in lower case."""
        return self.path.suffix.lower()

    @cached_property
    def text(self) -> str:
        """The bytes as UTF-8; what is not UTF-8 becomes U+FFFD."""
        return self.content.decode(errors="replace")

    def check_encoding(self) -> None:
        """Raises `FormatError` at the first line of a text that is not in UTF-8."""
        if _CONTROLS.search(self.content) and not wide_encoding(self.content[:_MARKED]):
            return  # it is not a text
        lines = self.content.split(b"\n")
        for number, line in enumerate(lines if self.is_whole else lines[:-1], start=1):
            decoded(line, f"{self.path}:{number}")

    @cached_property
    def lines(self) -> list[str]:
        """The lines, without their ends; the last one only if it is complete or the only one."""
        lines = [line.removesuffix("\r") for line in self.text.split("\n")]
        return lines if self.is_whole or len(lines) == 1 else lines[:-1]

    @cached_property
    def filled_lines(self) -> list[str]:
        """The lines that are not blank."""
        return [line for line in self.lines if line.strip()]

    @cached_property
    def first_value(self) -> Any:
        """The first JSON value; of an array, or of an object's list of records, its first element.

        None if there is no such value.
        """
        text = self.text.lstrip()
        value = _decoded(text)
        if value is None and text.startswith("["):
            value = [_decoded(text[1:].lstrip())]  # the array is longer than the head
        records = value if isinstance(value, list) else list_in(value) if self.is_whole else None
        return value if records is None else next((one for one in records if one is not None), None)

    @property
    def first_record(self) -> dict[str, Any]:
        """The first JSON value if it is an object, else an empty one."""
        return self.first_value if isinstance(self.first_value, dict) else {}

    @property
    def has_json_line(self) -> bool:
        """Whether the first line that is not blank is a JSON object or array."""
        line = next(iter(self.filled_lines), "").strip()
        return line[-1:] in ("}", "]") and isinstance(_whole(line), dict | list)

    def filled(self, count: int) -> list[str]:
        """The first lines that are not blank."""
        return list(itertools.islice(self.filled_lines, count))


def _whole(text: str) -> Any:
    with contextlib.suppress(ValueError, RecursionError):
        return STRICT.decode(text)
    return None


def _decoded(text: str) -> Any:
    with contextlib.suppress(ValueError, RecursionError):
        return STRICT.raw_decode(text)[0]
    return None
