"""Clinical notes of the i2b2 (now n2c2) shared tasks, read only.

Concepts of 2010, in `NAME.con`, with the text in `NAME.txt` next to it or in a folder `txt` next to
its folder::

    c="a quill fracture" 27:2 27:4||t="problem"

Lines are counted from 1, their tokens from 0, and the last token is included; `c` is the text in
lower case. Tokens are what white space divides, or single spaces where the concepts of the file
show that.

De-identification of 2014, in XML::

    <deIdi2b2><TEXT><![CDATA[Seen by Mira Okonjo.]]></TEXT><TAGS>
    <NAME id="P0" start="8" end="19" text="Mira Okonjo" TYPE="DOCTOR" comment="" />
    </TAGS></deIdi2b2>

Files with another root, such as `MEDDOCAN`, are read too. Labels are the attribute `TYPE`, or the
name of the tag where it has none; `ReadOptions.control` names another attribute, or `tag` for the
name of the tag. The other attributes are kept in `meta["entity_fields"]`. A tag without a range is
of the kind `empty`.

A document is a file, and the file's name is its id. A folder of such files is one split, read in
the order of their names. A text without a `.con` file is of the kind `unlabelled`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from nerine.core.document import Document, Token
from nerine.core.errors import FormatError
from nerine.core.files import read_lines
from nerine.data.formats.head import Head
from nerine.data.formats.offsets import OffsetChecker
from nerine.data.formats.options import ReadLog, ReadOptions, Unusual
from nerine.data.formats.sizes import grown, read_limited
from nerine.data.formats.standoff.folders import files_of
from nerine.data.formats.standoff.regions import Passage, Region, document_of, stated_in
from nerine.data.formats.standoff.xml_nodes import Node, read_nodes
from nerine.data.formats.unusual import treat
from nerine.data.split_files import is_unrelated

CONCEPTS = ".con"
EXTENSIONS = (CONCEPTS, ".xml")

_CONCEPT = re.compile(
    r'c="(.*)" (\d{1,9}):(\d{1,9}) (\d{1,9}):(\d{1,9})\|\|t="([^"]*)"\s*', re.DOTALL
)
_XML = re.compile(
    r"\s*(<\?xml[^>]*\?>\s*)?(<!--.*?-->\s*)*(<deIdi2b2[\s>]|<\w+>\s*<TEXT>\s*<!\[CDATA\[)",
    re.DOTALL,
)
_LINE = re.compile(r"[^\n]*\n?")
_WORD, _SPACED = re.compile(r"\S+"), re.compile(r"[^ ]*(?: |$)")
_NUMBER = re.compile(r"\d{1,18}")
_OWN_ATTRIBUTES = ("start", "end", "text")


def recognises(head: Head) -> bool:
    """Whether a file begins like concepts of 2010 or like a text of 2014."""
    first = head.filled(1)
    return bool(first and _CONCEPT.fullmatch(first[0])) or bool(_XML.match(head.text))


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The document of a file, or those of a folder, each with the place of its file."""
    for file in files_of(path, EXTENSIONS):
        read_file = _tagged if _is_xml(file) else _concepts
        try:
            document = read_file(file, options, log)
        except FormatError as error:
            log.refuse(error)
        else:
            yield str(file), document
    if path.is_dir():
        yield from _without_concepts(path, options, log)


def _is_xml(path: Path) -> bool:
    return Head.of(path).text.lstrip().startswith("<")


def _without_concepts(
    folder: Path, options: ReadOptions, log: ReadLog
) -> Iterator[tuple[str, Document]]:
    """The texts of a folder of concepts that have no concepts, if they are kept."""
    annotated = {each.stem for each in folder.iterdir() if each.suffix.lower() == CONCEPTS}
    places = (folder, folder.parent / "txt") if annotated else ()
    texts = [each for place in places if place.is_dir() for each in sorted(place.glob("*.txt"))]
    for text in texts:
        if text.stem in annotated or is_unrelated(text.name):
            continue
        found = "the text has no file of concepts"
        expected = f"{text.stem}{CONCEPTS}, empty for a text without concepts"
        if treat("unlabelled", found, options, log, expected=expected, place=str(text)):
            yield str(text), _document(text, [], text, options, log)


def _text_of(path: Path) -> Path:
    """The file with the text of a file with concepts."""
    name = path.with_suffix(".txt").name
    places = [path.with_name(name), path.parent.parent / "txt" / name]
    return next((each for each in places if each.is_file()), places[0])


def _concepts(path: Path, options: ReadOptions, log: ReadLog) -> Document:
    concepts = []
    size = 0
    for number, line in read_lines(path):
        size = grown(size, line, path, number, "the concepts of one text")
        match = _CONCEPT.fullmatch(line)
        if match:
            bounds = [int(each) for each in match.groups()[1:5]]
            concepts.append((f"{path}:{number}", match[1], bounds, match[6]))
        elif line.strip():
            raise FormatError(
                f"{line[:60]!r} is not a concept",
                place=f"{path}:{number}",
                expected='c="TEXT" LINE:TOKEN LINE:TOKEN||t="TYPE"',
            )
    return _document(path, concepts, _text_of(path), options, log)


def _document(
    path: Path,
    concepts: list[tuple[str, str, list[int], str]],
    text_path: Path,
    options: ReadOptions,
    log: ReadLog,
) -> Document:
    """The document of a text and its concepts: place, shown text, bounds and label of each."""
    text = read_limited(text_path)
    words = _words(text)
    tokens = tuple(Token(*each) for line in words for each in line)
    try:
        regions = [_region(text, words, *each) for each in concepts]
    except FormatError:
        spaced = _spaced(text)
        if spaced == words:
            raise
        try:
            regions = [_region(text, spaced, *each) for each in concepts]
        except FormatError:
            regions = [_region(text, words, *each) for each in concepts]  # raises as at first
    passage = Passage(text, regions, str(path), path.stem, tokens)
    stated = replace(options, offsets="code-points", inclusive_ends=False)
    return document_of(passage, OffsetChecker(lambda: (), stated, log), options, log)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a text without their ends, with their beginnings."""
    for match in _LINE.finditer(text):
        if match[0]:
            yield match.start(), match[0].removesuffix("\n").removesuffix("\r")


def _words(text: str) -> list[list[tuple[int, int]]]:
    """The ranges of what white space divides, by line."""
    return [
        [(start + each.start(), start + each.end()) for each in _WORD.finditer(line)]
        for start, line in _lines(text)
    ]


def _spaced(text: str) -> list[list[tuple[int, int]]]:
    """The ranges of what single spaces divide, by line; some are empty."""
    return [
        [
            (start + each.start(), start + each.start() + len(each[0].rstrip(" ")))
            for each in _SPACED.finditer(line)
        ]
        for start, line in _lines(text)
    ]


def _region(
    text: str,
    lines: list[list[tuple[int, int]]],
    place: str,
    shown: str,
    bounds: list[int],
    label: str,
) -> Region:
    """The region of a concept; raises `FormatError` unless it is at its tokens."""
    first_line, first, last_line, last = bounds
    stated = f"{first_line}:{first} {last_line}:{last}"
    try:
        start, end = lines[first_line - 1][first][0], lines[last_line - 1][last][1]
    except IndexError:
        start = end = 0
    if first_line < 1 or last_line < 1 or start >= end:
        raise FormatError(
            f"{stated} is not a range of tokens of the text",
            place=place,
            expected="lines counted from 1, and tokens counted from 0, of the .txt file",
        )
    covered = text[start:end]
    if covered.casefold().split() != shown.casefold().split():
        raise FormatError(
            f"the concept shows {shown[:60]!r}",
            place=place,
            expected=f"{covered[:60]!r}, the tokens at {stated}",
            hint="the text, or its line ends, may have been changed since it was annotated",
        )
    return Region(start, end, label, place)


def _tagged(path: Path, options: ReadOptions, log: ReadLog) -> Document:
    root = next(read_nodes(path), None)
    text, tags = (root.first("TEXT"), root.first("TAGS")) if root else (None, None)
    if root is None or text is None or tags is None:
        raise FormatError(
            f"the file has no texts with tags; its root is <{root.tag if root else ''}>",
            place=str(path),
            expected="<deIdi2b2> with <TEXT> and <TAGS>",
        )
    regions = [_tag(each, path, options.control) for each in tags.children]
    passage = Passage(text.text, regions, f"{path}:{text.line}", path.stem)
    if options.control is None and any("TYPE" in each.attributes for each in tags.children):
        log.add_note("i2b2: labels are TYPE; --control tag (control=…) takes the tags' names")
    checker = OffsetChecker(lambda: stated_in([passage]), options, log)
    return document_of(passage, checker, options, log)


def _tag(node: Node, path: Path, control: str | None) -> Region:
    place = f"{path}:{node.line}"
    start, end = (node.attributes.get(name, "") for name in ("start", "end"))
    fault: Unusual | None = None
    if not start and not end:
        fault, start, end = "empty", "0", "0"
    if not (_NUMBER.fullmatch(start) and _NUMBER.fullmatch(end)):
        raise FormatError(
            f"the range {start[:60]!r} {end[:60]!r} of <{node.tag}> is not two numbers",
            place=place,
            expected='start="8" end="19"',
        )
    label = node.attributes.get(control or "TYPE", node.tag if control in (None, "tag") else "")
    fields = {k: v for k, v in node.attributes.items() if k not in _OWN_ATTRIBUTES and v}
    if control in (None, "TYPE") and "TYPE" in fields:
        fields = {"tag": node.tag, **{k: v for k, v in fields.items() if k != "TYPE"}}
    shown = node.attributes.get("text")
    return Region(int(start), int(end), label, place, shown, fault, dict(fields))
