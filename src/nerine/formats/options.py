"""What a reader or writer can be told, and what a reader notes down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nerine.errors import SettingsError
from nerine.schemes import Reading, TagScheme

Style = Literal["nerine", "doccano", "prodigy"]
TAB, SPACE = "\t", " "

_SEPARATORS = {TAB: TAB, "tab": TAB, SPACE: SPACE, "space": SPACE}


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read. Every format takes what concerns it.

    - `scheme`: the scheme of tag files; None detects it by a first pass over the tags.
    - `token_column`, `tag_column`: in column files a number, from 0, or from -1 backwards; in
      records and tables a name, where a number means the usual names.
    - `separator`: of column files, `"tab"` or `"space"` (runs of spaces); None looks at the file.
    - `tag_names`: the names of tags that are given as numbers.
    - `repair`: read a tag sequence that its scheme does not allow all the same, and count it.
    - `reading`: how such a sequence is read.
    - `skip_rejected`: skip and count records that an annotator rejected or ignored.
    - `unlabelled`: read span records without entities too, as texts that are to be tagged.
    """

    scheme: TagScheme | None = None
    token_column: int | str = 0
    tag_column: int | str = -1
    separator: str | None = None
    tag_names: tuple[str, ...] | None = None
    repair: bool = False
    reading: Reading = "lenient"
    skip_rejected: bool = False
    unlabelled: bool = False


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How to write. Every format takes what concerns it.

    - `scheme`: the scheme of tags.
    - `separator`: of column files, `"tab"` or `"space"`.
    - `token_column`, `tag_column`: where column files have them, as in `ReadOptions`.
    - `style`: whose span records to write.
    """

    scheme: TagScheme = TagScheme.IOB2
    separator: str = "tab"
    token_column: int = 0
    tag_column: int = -1
    style: Style = "nerine"


@dataclass(slots=True)
class ReadLog:
    """What happened while a file was read.

    `scheme` stays None where there are no tags; `first_repaired` is the place of the first fault.
    """

    documents: int = 0
    repaired_tags: int = 0
    repaired_documents: int = 0
    first_repaired: str | None = None
    skipped: int = 0
    scheme: TagScheme | None = None


def separator_named(name: str) -> str:
    """TAB or space, from the name or the character itself."""
    if name not in _SEPARATORS:
        raise SettingsError(
            f"{name!r} is no separator of columns", expected="'tab' or 'space' (runs of spaces)"
        )
    return _SEPARATORS[name]
