"""What a reader or writer can be told, and what a reader notes down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from nerine.core.errors import SettingsError
from nerine.core.tags import Reading, TagScheme

Style = Literal["nerine", "doccano", "prodigy"]
TAB, SPACE = "\t", " "

_SEPARATORS = {TAB: TAB, "tab": TAB, SPACE: SPACE, "space": SPACE}


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read. Every format takes what concerns it.

    Attributes:
        scheme: The scheme of tag files; None detects it by a first pass over the tags.
        token_column: In column files the index of the column with the tokens, counted from 0, or
            from -1 backwards; in records and tables a name, where a number means the usual names.
        tag_column: That of the tags, likewise.
        separator: Of column files, `"tab"` or `"space"` (runs of spaces); None looks at the file.
        tag_names: The names of tags that are given as numbers.
        known_tag_names: Such names by column, told beside the files, for files without names.
        repair: Whether a tag sequence that its scheme does not allow is read all the same, and
            counted.
        reading: How such a sequence is read.
        skip_rejected: Whether records that an annotator rejected or ignored are skipped and
            counted.
        unlabelled: Whether texts that nobody has annotated are read too, as texts to be tagged.
        text_field: The field of a record or task that holds the text; None takes the usual one.
        set_aside: Whether annotations of brat and Label Studio that are no entities (in pieces,
            overlapping, of several labels) are kept in `Document.meta`, and counted.
    """

    scheme: TagScheme | None = None
    token_column: int | str = 0
    tag_column: int | str = -1
    separator: str | None = None
    tag_names: tuple[str, ...] | None = None
    known_tag_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    repair: bool = False
    reading: Reading = "lenient"
    skip_rejected: bool = False
    unlabelled: bool = False
    text_field: str | None = None
    set_aside: bool = False


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How to write. Every format takes what concerns it.

    Attributes:
        scheme: The scheme of tags.
        separator: Of column files, `"tab"` or `"space"`.
        token_column: The index of the column with the tokens, as in `ReadOptions`.
        tag_column: That of the tags.
        style: Whose span records to write.
        predictions_of: The model whose predictions the entities are, for Label Studio, where
            somebody is to go over them; None writes them as an annotation, which is done.
    """

    scheme: TagScheme = TagScheme.IOB2
    separator: str = "tab"
    token_column: int = 0
    tag_column: int = -1
    style: Style = "nerine"
    predictions_of: str | None = None


@dataclass(frozen=True, slots=True)
class TagFault:
    """A tag that breaks its file's scheme, in a sequence that was read leniently.

    Attributes:
        document: Which one of the documents that were read, counted from 0.
        token: Which one of its tokens, counted from 0.
        place: Where the tag stands.
        reason: What is wrong with it.
        scheme: The scheme of the file.
        other: One that allows the whole sequence, if there is one.
    """

    document: int
    token: int
    place: str
    reason: str
    scheme: TagScheme
    other: TagScheme | None


@dataclass(slots=True)
class ReadLog:
    """What happened while a file was read.

    Logs are equal where they count alike.

    Attributes:
        documents: How many documents were read.
        repaired_tags: How many tags the lenient reading changed.
        repaired_documents: How many documents have such tags.
        skipped: How many records were skipped.
        scheme: The scheme of the tags; None where there are none.
        set_aside: How many annotations are kept in `meta` because they are no entities; they are
            counted, not errors.
        remarks: What a user should know of documents, and of how many documents.
        format: The name of the format that was read.
        faults: Each tag that was repaired, or made repairs necessary.
        first_rows: Of column files, the line of each document's first token, counted from 1.
    """

    documents: int = 0
    repaired_tags: int = 0
    repaired_documents: int = 0
    skipped: int = 0
    scheme: TagScheme | None = None
    set_aside: int = 0
    remarks: dict[str, int] = field(default_factory=dict)
    format: str | None = field(default=None, compare=False)
    faults: list[TagFault] = field(default_factory=list, compare=False, repr=False)
    first_rows: list[int] = field(default_factory=list, compare=False, repr=False)

    def remark(self, what: str) -> None:
        """Counts one document more of which something is to be said.

        Args:
            what: What is to be said, such as "with tags of …".
        """
        self.remarks[what] = self.remarks.get(what, 0) + 1


def separator_named(name: str) -> str:
    """TAB or space, from the name or the character itself."""
    if name not in _SEPARATORS:
        raise SettingsError(
            f"{name!r} is no separator of columns", expected="'tab' or 'space' (runs of spaces)"
        )
    return _SEPARATORS[name]
