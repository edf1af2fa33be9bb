"""The log of a reader: counts, repaired tags and remarks."""

from __future__ import annotations

from dataclasses import dataclass, field

from nerine.core.tags import TagScheme


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
