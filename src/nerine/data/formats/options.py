"""Options of readers and writers, and the log of a reader, the same for all formats."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Literal, NoReturn

from nerine.core.arguments import check_fields
from nerine.core.errors import FormatError, SettingsError
from nerine.core.tags import Reading, ReadScheme, TagScheme

Style = Literal["nerine", "doccano", "prodigy"]
Overlaps = Literal["error", "outermost", "innermost", "first", "drop"]
Offsets = Literal["code-points", "utf-16", "bytes"]

Unusual = Literal["cancelled", "rejected", "unlabelled", "no-label", "pieces", "empty"]
UNUSUAL: Mapping[str, tuple[str, str]] = {
    "cancelled": ("cancelled annotation", "cancelled annotations"),
    "rejected": ("rejected record", "rejected records"),
    "unlabelled": ("text without annotation", "texts without annotation"),
    "no-label": ("region without a label", "regions without a label"),
    "pieces": ("entity in several pieces", "entities in several pieces"),
    "empty": ("annotation of no characters", "annotations of no characters"),
}
"""Kinds of records and annotations, in words: an error unless they are skipped or accepted.

A cancelled annotation was given up by its annotator; the answer to a rejected record is "reject" or
"ignore". A region without a label, an entity in several pieces, and an annotation of no characters
can be skipped but not accepted.
"""


MOST_UNREADABLE = 1000
"""The most unreadable lines that are listed; one more ends the reading."""

NEVER_ACCEPTED: Set[str] = {"no-label", "pieces", "empty"}
ANNOTATIONS = ("error", "first", "latest", "union")
READ_ONE = "annotated by several, of which {} is read (--annotations)"
UNION = "annotated by several, with the entities of all (--annotations)"


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read documents. Each format uses the options that apply to it.

    Attributes:
        scheme: The scheme of tag files, or `"IO"` for labels without a prefix; None detects it by
            a first pass over the tags.
        token_column: In column files the index of the token column, from 0, or from -1 backwards,
            or its name in a header; None judges the columns by what they hold. In records and
            tables the name of the field; None, and a number, mean the usual names.
        tag_column: The same for the tags; several columns are layers of entities, which may be
            nested.
        separator: Of column files, `"tab"` or `"space"` (runs of spaces); None detects it.
        tag_names: The names of tags that are given as numbers.
        known_tag_names: Tag names by column from outside the files, for files without names.
        repair: Whether to read, and count, tag sequences that their scheme does not allow.
        reading: How such a sequence is read.
        skip: The kinds (`UNUSUAL`) of records and annotations to leave out and count.
        accept: The kinds to read like any other, and count; an unlabelled text has no entities.
        annotations: Which of several annotators of one text counts: `"error"`, `"first"`,
            `"latest"`, `"union"` (the entities of all) or `"by=NAME"`.
        text_field: The field of a record or task that holds the text; None means the usual one.
        control: In Label Studio the name of the labels' control (`from_name`), in other formats
            the layer or field that holds the labels; None means the only or the usual one.
        offsets: The unit of offsets; None finds it out from the entities' own texts, and takes
            code points where nothing tells.
        inclusive_ends: Whether the end of an entity is its last character, not the one after it.
        overlaps: Which of entities that overlap are read; None reads all. `"error"` allows none,
            `"outermost"` takes the longest first, `"innermost"` the shortest first, `"first"` the
            one that begins first, and of these the longest; `"drop"` none of them.

    Raises:
        SettingsError: If an option has another type, or a value that is not known.
    """

    scheme: ReadScheme | None = None
    token_column: int | str | None = None
    tag_column: int | str | tuple[int, ...] | None = None
    separator: str | None = None
    tag_names: tuple[str, ...] | None = None
    known_tag_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    repair: bool = False
    reading: Reading = "lenient"
    skip: Set[str] = frozenset()
    accept: Set[str] = frozenset()
    annotations: str = "error"
    text_field: str | None = None
    control: str | None = None
    offsets: Offsets | None = None
    inclusive_ends: bool = False
    overlaps: Overlaps | None = None

    def __post_init__(self) -> None:
        check_fields(self, SettingsError)
        for name, values in (("skip", self.skip), ("accept", self.accept)):
            unknown = sorted({*values} - UNUSUAL.keys())
            if unknown:
                _refuse(name, unknown[0], f"a set of some of {', '.join(UNUSUAL)}")
        if self.accept & NEVER_ACCEPTED:
            never = min(self.accept & NEVER_ACCEPTED)
            _refuse("accept", never, "'skip', as it cannot be an entity")
        if self.skip & self.accept:
            _refuse("accept", min(self.skip & self.accept), "a kind that is not skipped too")
        if self.annotations not in ANNOTATIONS and not self.annotations.startswith("by="):
            _refuse("annotations", self.annotations, f"{', '.join(ANNOTATIONS)} or by=NAME")

    def accepting(self, kind: Unusual) -> ReadOptions:
        """These options with records or annotations of a kind accepted."""
        return replace(self, skip={*self.skip} - {kind}, accept={*self.accept, kind})

    def treatment(self, kind: Unusual) -> Literal["error", "skip", "accept"]:
        """What to do with records and annotations of a kind."""
        if kind in self.skip:
            return "skip"
        return "accept" if kind in self.accept else "error"


def _refuse(name: str, value: object, expected: str) -> NoReturn:
    raise SettingsError(f"{name} is {value!r}", expected=expected)


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
        entity_texts: Whether span records have the text of each entity.

    Raises:
        SettingsError: If an option has another type, or a value that is not known.
    """

    scheme: TagScheme = TagScheme.IOB2
    separator: str = "tab"
    token_column: int = 0
    tag_column: int = -1
    style: Style = "nerine"
    predictions_of: str | None = None
    entity_texts: bool = False

    def __post_init__(self) -> None:
        check_fields(self, SettingsError)


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
        skipped: Number of records and annotations that were skipped, by kind (`UNUSUAL`).
        accepted: Number of those that were accepted.
        overlaps: Number of entities left out because they overlap others.
        scheme: The scheme of the tags; None for formats without tags.
        notes: Notes for the user on how the file was read, such as what its columns are.
        remarks: Remarks about documents, each with the number of documents that it applies to.
        format: The name of the format.
        columns: For column files, the number of columns and the indices of those of the tags.
        unreadable: If it is a list, lines and records that cannot be read are left out and their
            errors listed here, up to `MOST_UNREADABLE`; if it is None, the first one is raised.
        faults: Every tag that was repaired or made a repair necessary.
        first_rows: For column files, the line number of each document's first token.
    """

    documents: int = 0
    repaired_tags: int = 0
    repaired_documents: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    accepted: dict[str, int] = field(default_factory=dict)
    overlaps: int = 0
    scheme: TagScheme | None = None
    notes: list[str] = field(default_factory=list)
    remarks: dict[str, int] = field(default_factory=dict)
    format: str | None = field(default=None, compare=False)
    columns: tuple[int, tuple[int, ...]] | None = field(default=None, compare=False)
    unreadable: list[FormatError] | None = field(default=None, compare=False, repr=False)
    faults: list[TagFault] = field(default_factory=list, compare=False, repr=False)
    first_rows: list[int] = field(default_factory=list, compare=False, repr=False)

    def refuse(self, error: FormatError) -> None:
        """Raises the error of a line or record, or lists it if `unreadable` is a list."""
        if self.unreadable is None or len(self.unreadable) >= MOST_UNREADABLE:
            try:
                raise error
            finally:
                del error  # a reference to itself would keep files open
        self.unreadable.append(error)

    def skip(self, kind: Unusual) -> None:
        """Counts a record or an annotation that is skipped."""
        self.skipped[kind] = self.skipped.get(kind, 0) + 1

    def accept(self, kind: Unusual) -> None:
        """Counts a record or an annotation that is accepted."""
        self.accepted[kind] = self.accepted.get(kind, 0) + 1

    def add_note(self, text: str) -> None:
        """Adds a note, unless it is there already."""
        if text not in self.notes:
            self.notes.append(text)

    def add_remark(self, text: str) -> None:
        """Counts one more document that a remark applies to.

        Args:
            text: The remark, phrased to follow "12 documents", such as "with tags of …".
        """
        self.remarks[text] = self.remarks.get(text, 0) + 1
