"""Detection of the format of a system's file by its content; its name is a hint at most."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nerine.core.errors import FormatError
from nerine.core.tags import is_tag
from nerine.data.formats import FORMATS, ReadOptions, detect_format
from nerine.data.formats.columns.layout import Layout, column_separator, is_docstart
from nerine.data.formats.head import Head
from nerine.data.formats.words import TAG_FIELDS, TOKEN_FIELDS

_LINES = 200
"""Lines of a file that are looked at."""


def predicted_format(path: Path, options: ReadOptions) -> str:
    """The name of the format of a system's file.

    Lines with a tag in a column of their own are `columns`, whatever the name of the file.
    Raises `FormatError` if neither the content nor the extension tells.
    """
    if not path.is_file():
        return detect_format(path)
    head = Head.of(path)
    if any(each.recognises(head) for each in FORMATS.values()):
        return detect_format(path)
    if _has_tag_rows(head, options):
        return "columns"
    if head.first_record:
        return _json_format(head.first_record)
    try:
        return detect_format(path)
    except FormatError as error:
        if "(format=…)" not in (error.hint or ""):
            raise  # the file is not in UTF-8
        raise FormatError(
            error.found,
            place=error.place,
            expected="lines with a token and its tag, or records with text and entities",
            hint=f"--predicted-format (format=…) states the format: {', '.join(FORMATS)}",
        ) from None


def _has_tag_rows(head: Head, options: ReadOptions) -> bool:
    """Whether most lines are a tag, or columns of which one is a tag."""
    lines = [line.rstrip(" \t") for line in head.text.splitlines()[: 2 * _LINES] if line.strip()]
    lines = [line for line in lines if not is_docstart(line)][:_LINES]
    rows = [Layout(column_separator(options.separator, line)).split(line) for line in lines]
    tagged = [row for row in rows if any(map(is_tag, row[1:] or row))]
    return 2 * len(tagged) > len(rows)


def _json_format(record: Mapping[str, Any]) -> str:
    if "data" in record and record.keys() & {"annotations", "predictions", "completions"}:
        return "label-studio"
    has_spans = record.keys() & {"entities", "spans"}
    has_words = record.keys() & set(TAG_FIELDS) and record.keys() & set(TOKEN_FIELDS)
    return "words" if has_words and not has_spans else "spans"
