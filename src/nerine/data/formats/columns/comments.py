"""Nerine's comments in column files, `# key = value`, for data that the columns cannot hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from nerine.core.document import Document, Token
from nerine.core.errors import FormatError
from nerine.core.files import json_line
from nerine.data.formats.records import is_ranges
from nerine.data.formats.tagged_words import can_locate

_OWN_KEYS = ("id", "id_json", "text", "text_json", "tokens", "meta")
UNFIT_FOR_A_LINE = re.compile("[\t\n\r\ud800-\udfff]")
_EXPECTED = {"tokens": "a JSON list of [start, end]", "meta": "a JSON object"}


def own_key(line: str) -> str | None:
    """The key of a comment line, if it is one of Nerine's."""
    if not line.startswith("# ") or " = " not in f"{line} ":
        return None
    key = line[2:].partition(" =")[0]
    return key if key in _OWN_KEYS else None


def states_text(comments: Iterable[tuple[int, str]]) -> bool:
    """Whether one of these comment lines, with their numbers, holds a document's text."""
    return any(line.startswith(("# text = ", "# text_json = ")) for _, line in comments)


def read_comments(
    comments: Iterable[tuple[int, str]], path: object
) -> tuple[dict[str, Any], list[str]]:
    """The values of Nerine's comments by key, and the other comments unchanged.

    The keys `id_json` and `text_json` become `id` and `text`.

    Args:
        comments: Comment lines of the file `path` with their numbers.
        path: The file, for messages.
    """
    own: dict[str, Any] = {}
    others = []
    for number, line in comments:
        key = own_key(line)
        if not key:
            others.append(line)
            continue
        written = line.partition("=")[2].strip()
        if key in ("id", "text"):
            own[key] = written
            continue
        try:
            value = json.loads(written)
        except (ValueError, RecursionError):
            value = None
        expected_type = dict if key == "meta" else str
        if not (is_ranges(value) if key == "tokens" else isinstance(value, expected_type)):
            raise FormatError(
                f"the comment '# {key}' holds {written[:60]!r}",
                place=f"{path}:{number}",
                expected=_EXPECTED.get(key, "a JSON string"),
            )
        own[key.removesuffix("_json")] = value
    return own, others


def write_comments(
    document: Document, words: Sequence[Token], shown: Sequence[str], own_meta: Mapping[str, Any]
) -> Iterator[str]:
    """The comment lines of a document.

    `shown` is the token column of its `words`, `own_meta` the meta with a place of its own there.
    """
    if document.id is not None:
        yield string_comment("id", document.id)
    surfaces = [document.surface(word) for word in words]
    hidden = surfaces != [*shown]
    if not words or hidden or document.text != " ".join(surfaces):
        yield string_comment("text", document.text)
        if hidden or not can_locate(document.text, words):
            yield f"# tokens = {json_line([[word.start, word.end] for word in words])}"
    rest = {key: value for key, value in document.meta.items() if key not in own_meta}
    if rest:
        yield f"# meta = {json_line(rest)}"
    yield from own_meta.get("comments", ())


def string_comment(key: str, value: str) -> str:
    """The comment line for a string: plain if it can be read back so, else as JSON."""
    if value and value == value.strip() and not UNFIT_FOR_A_LINE.search(value):
        return f"# {key} = {value}"
    return f"# {key}_json = {json_line(value)}"
