r"""WebAnno TSV 3, as WebAnno and INCEpTION export it (versions 3.0 to 3.3), read only.

::

    #FORMAT=WebAnno TSV 3.3
    #T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value

    #Text=Mira Okonjo left Lisbon.
    1-1	0-4	Mira	*[1]	PER[1]
    1-2	5-11	Okonjo	*[1]	PER[1]

A document is a sentence, as in column files: its text is the one of its `#Text=` lines, its tokens
are the file's, its id the `#Sentence.id`. The file does not hold what is between sentences. A
folder of files is one split; the first sentence of each file has a `docstart` in its meta. So is
the folder `annotation` or `curation` of an exported project, where a folder is a document and a
file an annotator (`ReadOptions.annotations`).

Labels are the feature `value` of the layer of named entities; without that layer, the feature of
the only layer of the user's own, or the layer's name if it has no feature. `ReadOptions.control`
names another layer (`webanno.custom.Person` or `Person`), a feature, or both (`Person:role`). The
layer is noted in the log. A file without such a layer is of the kind `unlabelled`: WebAnno leaves
layers without annotations out.

Offsets count UTF-16 units, or code points if the tokens of the file show that. Annotations with
several labels, inside others or across each other are separate entities. One that goes on in the
next sentence is of the kind `pieces`, one without a label of the kind `no-label`. Other features of
its layer are kept in `meta["entity_fields"]`.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from nerine.core.display import counted
from nerine.core.document import Document, Token
from nerine.core.errors import FormatError
from nerine.core.files import errors_at, read_lines
from nerine.data.formats.head import Head
from nerine.data.formats.offsets import OffsetChecker
from nerine.data.formats.options import Offsets, ReadLog, ReadOptions
from nerine.data.formats.sizes import grown
from nerine.data.formats.standoff.folders import exported_files, files_of
from nerine.data.formats.standoff.regions import Passage, Region, document_of
from nerine.data.formats.standoff.webanno_layers import (
    Header,
    LabelColumn,
    Layer,
    choose_label_column,
    is_old_header,
    no_layer_error,
)
from nerine.data.formats.standoff.webanno_text import (
    joined,
    misplaced_token,
    split_number,
    token_places,
    unescape_java,
    unescape_text,
    unescape_value,
)

EXTENSIONS = (".tsv",)

_ROW = re.compile(r"\d{1,9}-\d{1,9}(\.\d{1,9})?\t(\d{1,18})-(\d{1,18})\t(.*)", re.DOTALL)
_STACKED = re.compile(r"(?:\\.|[^|])+", re.DOTALL)
_NONE, _NO_VALUE = "_", "*"


def recognises(head: Head) -> bool:
    """Whether a file begins with the header of a WebAnno TSV file of version 2 or 3."""
    first = head.lines[0] if head.lines else ""
    return first.startswith("#FORMAT=WebAnno TSV") or is_old_header(first)


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The sentences of a file or of those of a folder, with the places of their first lines."""
    files = {file: Header.of(file) for file in _files(path, options, log)}
    layers = {layer.name: layer for each in files.values() for layer in each.layers}
    with errors_at(str(path)):
        column = _chosen(list(layers.values()), options, log)
    if column is None and "unlabelled" in options.skip:
        return
    for file, header in files.items():
        for index, sentence in enumerate(_sentences(file, header, column, options, log)):
            if index == 0 and len(files) > 1:
                sentence.meta["docstart"] = ["-DOCSTART-"]
            yield _document(sentence, options, log)


def _files(path: Path, options: ReadOptions, log: ReadLog) -> list[Path]:
    """The files of a folder: its own, or those of the documents of an exported project."""
    if not path.is_dir() or any(path.glob(f"*{EXTENSIONS[0]}")):
        return files_of(path, EXTENSIONS)
    files = exported_files(path, EXTENSIONS[0], options.annotations)
    missing = sum(each.is_dir() for each in path.iterdir()) - len(files)
    if missing and files:
        log.add_note(f"webanno: {counted(missing, 'folder')} without annotations that count")
    return files or files_of(path, EXTENSIONS)


def _chosen(layers: list[Layer], options: ReadOptions, log: ReadLog) -> LabelColumn | None:
    """The column of labels; None for files without one that are kept or skipped."""
    treatment = options.treatment("unlabelled")
    try:
        column = choose_label_column(layers, options.control)
    except FormatError:
        if treatment == "error" or options.control is None:
            raise
        column = None
    if column is None:
        if treatment == "error":
            raise no_layer_error(layers)
        (log.skip if treatment == "skip" else log.accept)("unlabelled")
        return None
    others = [each.short_name for each in layers if each.name != column.layer.name]
    shown = f"feature {column.feature}" if column.feature else "its name is the label"
    left = f"; not read: {', '.join(others)}" if others else ""
    log.add_note(f"webanno: layer {column.layer.short_name}, {shown}{left}")
    return column


def _sentences(
    path: Path,
    header: Header,
    column: LabelColumn | None,
    options: ReadOptions,
    log: ReadLog,
) -> Iterator[_Sentence]:
    """The sentences of a file, joined to the following ones."""
    same = [each for each in header.layers if column and each.name == column.layer.name]
    if same and column and column.feature in same[0].plain_features:
        index = same[0].plain_features[column.feature]
        column = replace(column, layer=same[0], index=index)
    else:
        column = None  # WebAnno leaves layers without annotations out
    units: list[Offsets] = [options.offsets] if options.offsets else ["utf-16", "code-points"]
    reader = _Sentences(path, header, column, units, log)
    previous: _Sentence | None = None
    with contextlib.closing(read_lines(path)) as lines:
        for sentence in reader.of(itertools.islice(lines, header.length, None)):
            if previous is not None:
                _join(previous, sentence, log)
                yield previous
            previous = sentence
    if reader.units == ["code-points"] and not options.offsets:
        log.add_note("webanno: offsets count code points, as the tokens show")
    if previous is not None:
        yield previous


@dataclass(slots=True)
class _Unit:
    """A token, or a part of one, that an annotation covers."""

    token: int
    start: int
    end: int
    label: str | None
    place: str
    fields: dict[str, str]


@dataclass(slots=True)
class _Sentence:
    """A sentence, with annotations by their numbers; those without have negative ones."""

    place: str
    text: str
    id: str | None
    tokens: tuple[Token, ...] = ()
    meta: dict[str, list[str]] = field(default_factory=dict)
    annotations: dict[int, list[_Unit]] = field(default_factory=dict)
    unit: Offsets = "utf-16"
    begun_before: set[int] = field(default_factory=set)
    continued: set[int] = field(default_factory=set)


def _join(sentence: _Sentence, following: _Sentence, log: ReadLog) -> None:
    """Finds annotations that go on from a sentence to the following one."""
    for number in sentence.annotations.keys() & following.annotations.keys():
        if number < 0:
            continue
        last, first = sentence.annotations[number][-1], following.annotations[number][0]
        is_at_break = last.token == len(sentence.tokens) - 1 and first.token == 0
        if is_at_break and last.label == first.label:
            sentence.continued.add(number)
            following.begun_before.add(number)
        else:
            log.add_note("webanno: numbers in brackets begin again in other sentences")


def _document(sentence: _Sentence, options: ReadOptions, log: ReadLog) -> tuple[str, Document]:
    regions = []
    for number, units in sentence.annotations.items():
        if number in sentence.begun_before:
            continue  # counted in the sentence in which it begins
        labels = dict.fromkeys(each.label for each in units)
        if len(labels) > 1:
            log.refuse(
                FormatError(
                    f"the annotation [{number}] has the labels {', '.join(map(str, labels))}",
                    place=units[-1].place,
                    expected="one label in all lines of an annotation",
                )
            )
            continue
        region = Region(
            min(each.start for each in units),
            max(each.end for each in units),
            units[0].label or "",
            units[0].place,
            fields=dict(units[0].fields),
        )
        if number in sentence.continued:
            region = replace(region, fault="pieces", detail="goes on in the next sentence")
        elif any(b.token - a.token > 1 for a, b in itertools.pairwise(units)):
            region = replace(region, fault="pieces")
        regions.append(region)
    passage = Passage(
        sentence.text, regions, sentence.place, sentence.id, sentence.tokens, dict(sentence.meta)
    )
    stated = replace(options, offsets=sentence.unit, inclusive_ends=False)
    checker = OffsetChecker(lambda: (), stated, log)
    return sentence.place, document_of(passage, checker, options, log)


class _Sentences:
    """The sentences of the body of a file.

    Attributes:
        units: The units of offsets that all tokens so far agree with.
    """

    def __init__(
        self,
        path: Path,
        header: Header,
        column: LabelColumn | None,
        units: list[Offsets],
        log: ReadLog,
    ) -> None:
        self.units = units
        self._log = log
        self._path = path
        ways: list[Callable[[str], str]] = [unescape_text, str]
        is_old = header.version < (3, 2)
        self._unescapes = [unescape_java, *ways] if is_old else [*ways, unescape_java]
        self._width = sum(len(each.features) for each in header.layers)
        self._column = column

    def of(self, lines: Iterator[tuple[int, str]]) -> Iterator[_Sentence]:
        """The sentences of these lines with their numbers."""
        comments: list[tuple[str, str]] = []
        rows: list[tuple[str, str]] = []
        size = 0
        for number, line in itertools.chain(lines, [(0, "")]):
            is_comment = line.startswith("#")
            size = grown(size, line, self._path, number, "an empty line after each sentence")
            if not is_comment and line.strip():
                rows.append((f"{self._path}:{number}", line))
                continue
            # a header of the document, such as #Summary=…, belongs to its first sentence
            has_text = any(each.startswith("#Text=") for _, each in comments)
            if rows or (has_text and not is_comment):
                try:
                    yield self._sentence(comments, rows)
                except FormatError as error:
                    self._log.refuse(error)
                comments, rows, size = [], [], 0
            if is_comment:
                comments.append((f"{self._path}:{number}", line))

    def _sentence(self, comments: list[tuple[str, str]], rows: list[tuple[str, str]]) -> _Sentence:
        texts, others, id_ = [], [], None
        for _, line in comments:
            key, _, value = line.partition("=")
            if key == "#Text":
                texts.append(value)
            elif key == "#Sentence.id":
                id_ = unescape_text(value)
            else:
                others.append(line)
        place = (comments or rows)[0][0]
        if not texts:
            raise FormatError(
                f"{(rows or comments)[0][1][:60]!r} has no text before it",
                place=place,
                expected="#Text=… before the lines of a sentence",
            )
        parsed = [(place, *self._parse(line, place)) for place, line in rows]
        located = [
            (here, start, end, form) for here, is_part, start, end, form, _ in parsed if not is_part
        ]
        text, shift, ranges = self._located(texts, located)
        sentence = _Sentence(
            place,
            text,
            id_,
            tuple(Token(*each) for each in ranges),
            {"webanno": others} if others else {},
            unit=self.units[0],
        )
        token = -1
        for here, is_part, start, end, _, values in parsed:
            token += not is_part
            if token < 0:
                raise FormatError(
                    "a part of a token comes before its token",
                    place=here,
                    expected="1-1, then 1-1.1",
                )
            with errors_at(here):
                self._annotate(
                    sentence, values, _Unit(token, start - shift, end - shift, "", here, {})
                )
        return sentence

    def _parse(self, line: str, place: str) -> tuple[bool, int, int, str, list[str]]:
        """Whether a line is a part of a token, its range, form and the values of its columns."""
        match = _ROW.fullmatch(line)
        values = match[4].split("\t") if match else []
        if (
            match is None
            or len(values) <= self._width
            or not set(values[self._width + 1 :]) <= {"", _NONE}  # a last TAB, unnamed columns
        ):
            raise FormatError(
                f"{line[:60]!r} is not a line of a token with {self._width} columns of layers",
                place=place,
                expected="1-1⇥0-4⇥Mira and a column for each feature of the header",
            )
        return match[1] is not None, int(match[2]), int(match[3]), values[0], values[1:]

    def _located(
        self, texts: list[str], tokens: list[tuple[str, int, int, str]]
    ) -> tuple[str, int, list[tuple[int, int]]]:
        """The text of a sentence, the offset of its beginning, and its tokens' ranges."""
        begin = tokens[0][1] if tokens else 0
        tried = []
        for unescape in self._unescapes:
            text = joined("\n".join(map(unescape, texts)))
            lead = len(text) - len(text.lstrip())
            is_astral = max(text, default="") > "\uffff"
            units = self.units if is_astral else self.units[:1]
            for shift in (begin, begin - lead) if lead else (begin,):
                ways = [(text, tokens, shift, unit, unescape) for unit in units]
                found = [(each, places) for each in ways if (places := token_places(*each))]
                tried += ways
                if found:
                    self.units = [way[3] for way, _ in found] if is_astral else self.units
                    ranges, differs = found[0][1]
                    if differs:
                        self._log.add_remark("whose tokens differ from the text in case")
                    return text, shift, ranges
        raise misplaced_token(*tried[0])

    def _annotate(self, sentence: _Sentence, values: list[str], unit: _Unit) -> None:
        """Adds the annotations of a line to its sentence."""
        if self._column is None or (value := values[self._column.index]) == _NONE:
            return
        layer = self._column.layer
        others = {
            feature: _STACKED.findall(values[index])
            for feature, index in layer.plain_features.items()
            if index != self._column.index
        }
        parts = _STACKED.findall(value)
        if not parts:
            raise FormatError(
                f"the column of {layer.short_name} is empty", expected="_ for no annotation"
            )
        for index, part in enumerate(parts):
            written, number = split_number(part)
            label = None if written == _NO_VALUE else unescape_value(written)
            if not self._column.feature:
                label = layer.short_name
            fields = {}
            for feature, stack in others.items():
                other = split_number(stack[index])[0] if len(stack) == len(parts) else _NO_VALUE
                if other not in (_NO_VALUE, _NONE):
                    fields[feature] = unescape_value(other)
            if number is None:
                number = -1 - len(sentence.annotations)
            annotated = replace(unit, label=label, fields=fields)
            sentence.annotations.setdefault(number, []).append(annotated)
