"""The files of one document of brat or of BioNLP's shared tasks → a document."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Entity
from nerine.core.errors import FormatError
from nerine.core.files import errors_at, read_lines
from nerine.data.formats.offsets import OffsetChecker, StatedRange
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.sizes import grown, read_limited
from nerine.data.formats.unusual import treat
from nerine.data.split_files import ANNOTATIONS, GIVEN

TEXT, MORE = ".txt", ".a2"
EXTENSIONS = (ANNOTATIONS, GIVEN, MORE)

_NUMBER = r"\d{1,18}"  # int() refuses thousands of digits, and no text is so long
_RANGE = rf"{_NUMBER} {_NUMBER}"
PIECES = re.compile(rf"{_RANGE}(?:;{_RANGE})*")
_EVENT = re.compile(r"E\S*\t[^\s:]+:(T\S+)")
_ENTITY_LINE = re.compile(rf"(T\d\S*)\t(\S+) ({PIECES.pattern})(?:\t(.*))?", re.DOTALL)


def annotation_files(folder: Path, name: str) -> list[Path]:
    """The annotation files of a document that are there; the missing `.ann` if there is none."""
    own, given, more = (folder / f"{name}{extension}" for extension in EXTENSIONS)
    if own.is_file() and given.is_file():
        raise FormatError(
            f"the document has the annotations {own.name} and {given.name}",
            place=str(own),
            expected="one of them",
            hint="move the other one to another folder",
        )
    if not given.is_file():
        return [own]
    return [given, more] if more.is_file() else [given]


@dataclass(frozen=True, slots=True)
class TextBound:
    """A text-bound annotation as its line states it.

    `pieces` holds the ranges of one that was in pieces and is read as one.
    """

    place: str
    line: str
    id: str
    label: str
    ranges: list[StatedRange]
    pieces: str = ""

    @property
    def is_in_pieces(self) -> bool:
        """Whether it has several ranges."""
        return len(self.ranges) > 1

    @classmethod
    def parse(cls, place: str, line: str) -> TextBound:
        """The annotation of a line that begins with T."""
        match = _ENTITY_LINE.fullmatch(line)
        if match is None:
            raise FormatError(
                f"{line[:60]!r} is not a valid annotation",
                place=place,
                expected="an id, a TAB, a label with its range, a TAB and the text there: "
                "T1⇥person 0 4⇥Mira",
            )
        id_, label, ranges, shown = match.groups()
        bounds = [(int(start), int(end)) for start, end in map(str.split, ranges.split(";"))]
        surface = shown if len(bounds) == 1 else None
        stated = [StatedRange(start, end, surface, label, place) for start, end in bounds]
        return cls(place, line, id_, label, stated)

    def joined(self, text: str) -> TextBound:
        """The annotation in one piece, if only line ends part its pieces; else as it is.

        That is how brat stores an annotation of several lines.
        """
        gaps = [text[one.end : other.start] for one, other in pairwise(self.ranges)]
        if not gaps or not all(gap.isspace() and {*"\r\n"} & {*gap} for gap in gaps):
            return self
        shown = self.line.split("\t")[2:3]
        whole = self.ranges[0]._replace(end=self.ranges[-1].end, shown=shown[0] if shown else None)
        pieces = ";".join(f"{each.start} {each.end}" for each in self.ranges)
        return replace(self, ranges=[whole], pieces=pieces)


@dataclass(frozen=True, slots=True)
class Pair:
    """A text and the lines of its annotations: text-bound ones, and the others as they are."""

    name: str
    text: str
    lines: list[TextBound | str]

    @classmethod
    def read(cls, folder: Path, name: str, options: ReadOptions, log: ReadLog) -> Pair | None:
        """The files of a document; None if it is skipped."""
        paths = annotation_files(folder, name)
        path = folder / f"{name}{TEXT}"
        if not paths[0].is_file() and path.is_file():
            found, expected = "the text has no annotation file", paths[0].name
            expected += ", empty for a text without entities"
            if not treat("unlabelled", found, options, log, expected=expected, place=str(path)):
                return None
            paths = []
        text = read_limited(path)
        lines: list[TextBound | str] = []
        size = 0
        for number, line, file in ((n, line, f) for f in paths for n, line in read_lines(f)):
            size = grown(size, line, file, number, "the annotations of one text")
            try:
                if line.startswith("T"):
                    lines.append(TextBound.parse(f"{file}:{number}", line).joined(text))
                elif line:
                    lines.append(line)
            except FormatError as error:
                log.refuse(error)
        return cls(name, text, lines)

    @property
    def entities(self) -> list[TextBound]:
        """The text-bound annotations."""
        return [each for each in self.lines if isinstance(each, TextBound)]

    def document(self, checker: OffsetChecker, options: ReadOptions, log: ReadLog) -> Document:
        """The document of the pair."""
        first: dict[str, str] = {}
        for each in self.entities:
            if first.setdefault(each.id, each.place) != each.place:
                raise FormatError(
                    f"the id {each.id} is used twice, first in {first[each.id]}",
                    place=each.place,
                    expected="a different id for each annotation",
                )
        whole = [each for each in self.entities if not each.is_in_pieces]
        found = checker.ranges(self.text, [each.ranges[0] for each in whole], log.refuse)
        located = {each.id: pair for each, pair in zip(whole, found, strict=True) if pair}
        entities: dict[tuple[int, int, str], Entity] = {}
        stored: list[Any] = []
        for line in self.lines:
            if isinstance(line, str):
                stored.append(line)
            elif line.is_in_pieces:
                stored.append(self._in_pieces(line, checker, options, log))
            elif line.id in located:
                key = (*located[line.id], line.label)
                entities[key] = Entity(*key)
                is_as_stated = line.pieces and key[:2] == line.ranges[0][:2]
                stored.append([line.id, *key, *([line.pieces] if is_as_stated else [])])
        events = (_EVENT.match(line) for line in stored if isinstance(line, str))
        if any(match and match[1] in located for match in events):
            log.add_remark("with triggers of events, read as entities like others")
        if any(each.pieces and each.id in located for each in self.entities):
            log.add_remark("with an entity in pieces that only line ends part, read as one")
        ordered = tuple(entities[key] for key in sorted(entities))
        usual = [[f"T{i}", each.start, each.end, each.label] for i, each in enumerate(ordered, 1)]
        meta = {} if stored == usual else {"brat": stored}
        return Document(self.text, ordered, id=self.name, meta=meta)

    def _in_pieces(
        self, annotation: TextBound, checker: OffsetChecker, options: ReadOptions, log: ReadLog
    ) -> str:
        """The line of an annotation in several pieces, in code points, if it may be skipped."""
        with errors_at(annotation.place):
            ranges = ";".join(f"{each.start} {each.end}" for each in annotation.ranges)
            treat("pieces", f"the {annotation.label} at {ranges[:60]} is in pieces", options, log)
            found = checker.ranges(self.text, annotation.ranges)
        stated = [(each.start, each.end) for each in annotation.ranges]
        if found == stated or None in found:
            return annotation.line
        head, rest = annotation.line.split("\t")[0], annotation.line.split("\t")[2:]
        ranges = ";".join(f"{start} {end}" for start, end in filter(None, found))
        return "\t".join([head, f"{annotation.label} {ranges}", *rest])
