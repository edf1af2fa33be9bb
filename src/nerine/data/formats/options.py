"""Options of readers and writers, and the log of a reader, the same for all formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from nerine.core.tags import Reading, TagScheme

Style = Literal["nerine", "doccano", "prodigy"]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read documents. Each format uses the options that apply to it.

    Attributes:
        scheme: The scheme of tag files; None detects it by a first pass over the tags.
        token_column: In column files the index of the token column, from 0, or from -1 backwards.
            In records and tables the name of the field; a number there means the usual names.
        tag_column: The same for the tags.
        separator: Of column files, `"tab"` or `"space"` (runs of spaces); None detects it.
        tag_names: The names of tags that are given as numbers.
        known_tag_names: Tag names by column from outside the files, for files without names.
        repair: Whether to read, and count, tag sequences that their scheme does not allow.
        reading: How such a sequence is read.
        skip_rejected: Whether to skip, and count, records that an annotator rejected or ignored.
        unlabelled: Whether to read texts without annotation too, as texts to be tagged.
        text_field: The field of a record or task that holds the text; None means the usual one.
        set_aside: Whether to keep in `Document.meta`, and count, annotations of brat and Label
            Studio that cannot be entities: in several pieces, overlapping, with several labels.
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
    """How to write documents. Each format uses the options that apply to it.

    Attributes:
        scheme: The scheme of tags.
        separator: Of column files, `"tab"` or `"space"`.
        token_column: The index of the token column, as in `ReadOptions`.
        tag_column: The index of the tag column.
        style: The tool whose span records to write.
        predictions_of: For Label Studio, the name of the model that predicted the entities, so
            that they are written as its predictions, to be reviewed; None writes an annotation.
    """

    scheme: TagScheme = TagScheme.IOB2
    separator: str = "tab"
    token_column: int = 0
    tag_column: int = -1
    style: Style = "nerine"
    predictions_of: str | None = None


@dataclass(frozen=True, slots=True)
class TagFault:
    """A tag that its file's scheme does not allow, in a sequence that was read leniently.

    Attributes:
        document: Index of the document among those that were read.
        token: Index of the token in its document.
        place: File and line, or file and record, of the tag.
        reason: Why the tag is not allowed.
        scheme: The scheme of the file.
        other_scheme: Another scheme that allows the whole sequence, if any.
    """

    document: int
    token: int
    place: str
    reason: str
    scheme: TagScheme
    other_scheme: TagScheme | None


@dataclass(slots=True)
class ReadLog:
    """What a reader counted and found.

    Two logs are equal if their counts, schemes and remarks are equal.

    Attributes:
        documents: Number of documents that were read.
        repaired_tags: Number of tags that lenient reading changed.
        repaired_documents: Number of documents with such tags.
        skipped: Number of records that were skipped.
        scheme: The scheme of the tags; None for formats without tags.
        set_aside: Number of annotations that cannot be entities and are kept in `meta` instead.
        remarks: Remarks about documents, each with the number of documents that it applies to.
        format: The name of the format.
        faults: Every tag that was repaired or made a repair necessary.
        first_rows: For column files, the line number of each document's first token.
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

    def add_remark(self, text: str) -> None:
        """Counts one more document that a remark applies to.

        Args:
            text: The remark, phrased to follow "12 documents", such as "with tags of …".
        """
        self.remarks[text] = self.remarks.get(text, 0) + 1
