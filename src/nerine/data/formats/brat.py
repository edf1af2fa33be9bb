"""brat's standoff files: a text in `NAME.txt`, its annotations in `NAME.ann` next to it.

::

    T1	person 0 4	Mira
    R1	born-in Arg1:T1 Arg2:T2

A split is a folder of such pairs; `load_corpus` reads a folder with the folders `train`, `dev` and
`test`. The `.ann` or the `.txt` file alone names one document. A document's id is the name of its
files, and documents are read in the order of these names. The shared tasks of BioNLP have
`NAME.a1` with the given annotations in place of `NAME.ann`, and `NAME.a2` with more of them: both
are read as if they were one `.ann` file, and written as one.

Text-bound annotations (`T`) are the entities, triggers of events too; a remark counts the documents
that have some. They may overlap, and equal ones are one entity. Their third column must agree with
the text except for white space. Offsets count code points, unless the third columns of the folder
as a whole show, or `ReadOptions.offsets` states, that they count something else (`own_texts`). An
annotation in several pieces (`0 4;8 10`) cannot be an entity: it is an error, or is left out with
"pieces" in `ReadOptions.skip`. One whose pieces only line ends part is read as one, with a remark,
since brat stores an annotation of several lines so. A text without annotation file is "unlabelled".

`meta["brat"]` holds the lines of the `.ann` file to write back: [id, start, end, label] for an
entity, with its pieces ("0 4;5 10") as a fifth part if it has some, and the other lines (relations,
events, attributes, notes, annotations in pieces) unchanged. It is missing if the file has only
entities, in order, with the ids T1, T2 and so on. An entity that was changed since gets a new id; a
line that refers to an entity that was removed is an error.

The file `nerine.jsonl` in the same folder, which brat ignores, holds what brat's files cannot:
tokens, scores, other meta, ids that cannot be file names, the order of documents, and that files
called `train` and `test` are not splits. It has a JSON object a document: the name of its files
and the fields of `nerine.data.formats.records`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Entity
from nerine.core.errors import FormatError
from nerine.core.files import errors_at, json_line, read_records
from nerine.data.formats.brat_pairs import EXTENSIONS, PIECES, TEXT, Pair, annotation_files
from nerine.data.formats.offsets import OffsetChecker, StatedRange
from nerine.data.formats.options import ReadLog, ReadOptions, WriteOptions
from nerine.data.formats.records import Record, extras_of, with_extras
from nerine.data.split_files import (
    ANNOTATIONS,
    GIVEN,
    INDEX,
    are_split_names,
    is_annotated_text,
    is_unrelated,
)

__all__ = ["EXTENSIONS", "TEXT", "is_pair", "read", "write_folder"]

_NUMBER = r"\d{1,18}"
_ENTITY_NUMBER = re.compile(rf"T({_NUMBER})(?!\d)")
_SAFE_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,98}[A-Za-z0-9_-])?")


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a folder, or the one that an annotation or text file names."""
    folder = path if path.is_dir() else path.parent
    index: dict[str, tuple[str, Record]] = {}  # by name, the place and record of a document
    for line, record in read_records(folder / INDEX) if (folder / INDEX).is_file() else ():
        name = record.get("name")
        if not isinstance(name, str) or name in index:
            raise FormatError(
                f"{name!r} is listed twice" if isinstance(name, str) else "the name is not a name",
                place=f"{folder / INDEX}:{line}",
                expected="the name of each document's files, once",
            )
        index[name] = (f"{folder / INDEX}:{line}", record)
    names = _names_in(folder, [*index]) if path.is_dir() else [path.stem]
    checker = OffsetChecker(lambda: _stated_in(folder, names), options, log)
    for name in names:
        try:
            place = str(annotation_files(folder, name)[0])
            pair = Pair.read(folder, name, options, log)
            if pair is None:
                continue
            document = pair.document(checker, options, log)
            if name in index:
                line_, extras = index[name]
                meta = document.meta
                with errors_at(line_):
                    document = with_extras(document, extras)
                document = replace(document, meta={**document.meta, **meta})
        except FormatError as error:
            log.refuse(error)
        else:
            yield place, document


def is_pair(path: Path) -> bool:
    """Whether `path` is the text or an annotation file of a pair."""
    text = path.with_suffix(TEXT)
    return path.suffix in (*EXTENSIONS, TEXT) and text.is_file() and is_annotated_text(text)


def _names_in(folder: Path, listed: list[str]) -> list[str]:
    """The names of a folder's pairs: those listed in the index in its order, then the others."""
    for path in sorted(
        each for end in (ANNOTATIONS, GIVEN) for each in folder.glob(f"*/**/*{end}")
    ):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            raise FormatError(
                "a folder inside holds annotations too",
                place=str(path),
                expected=f"all pairs of texts and annotations in {folder} itself",
                hint="name one folder of pairs, or a folder with train, dev and test in it",
            )
    files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    present = {path.stem for path in files if path.suffix in (ANNOTATIONS, GIVEN)}
    present |= {p.stem for p in files if p.suffix == TEXT and not is_unrelated(p.name)}
    if not present and not (folder / INDEX).is_file():
        raise FormatError(
            "the folder has no .ann file",
            place=str(folder),
            expected="pairs of .txt and .ann files, as brat writes them",
        )
    missing = [name for name in listed if name not in present]
    if missing:
        raise FormatError(
            f"{missing[0]}{ANNOTATIONS} is missing",
            place=str(folder / INDEX),
            expected="the files of each document that is listed",
            hint="remove the line if the document was removed on purpose",
        )
    return [*listed, *sorted(present.difference(listed))]


def _stated_in(folder: Path, names: list[str]) -> Iterator[tuple[str, list[StatedRange]]]:
    """The texts and ranges of all pairs, as far as they can be read."""
    for name in names:
        try:
            pair = Pair.read(folder, name, ReadOptions(skip={"unlabelled"}), ReadLog())
            if pair is not None:
                yield pair.text, [each.ranges[0] for each in pair.entities if not each.is_in_pieces]
        except FormatError:
            continue  # raised again when the pair is read


def write_folder(documents: Iterable[Document], folder: Path, options: WriteOptions) -> None:  # noqa: ARG001
    """Writes pairs, and the index if it is needed, into the empty `folder`."""
    index: list[Record] = []
    used: set[str] = set()
    for number, document in enumerate(documents, start=1):
        name = document.id or ""  # if it can name files on any system; else a number
        if not _SAFE_NAME.fullmatch(name) or name.casefold() in used:
            name = f"{number:05}"
            while name in used:
                name += "_"
        lines = _annotation_lines(document)
        (folder / f"{name}{TEXT}").write_bytes(document.text.encode())
        (folder / f"{name}{ANNOTATIONS}").write_bytes("".join(f"{e}\n" for e in lines).encode())
        entities = tuple(replace(each, score=None) for each in document.entities)
        plain = Document(document.text, entities, id=name)
        rest = {key: value for key, value in document.meta.items() if key != "brat"}
        index.append({"name": name, **extras_of(replace(document, meta=rest), plain)})
        json_line(index[-1])  # raises while the document is known
        used.add(name.casefold())
    names = [record["name"] for record in index]
    needs_index = names != sorted(names) or any(len(record) > 1 for record in index)
    if not names or needs_index or are_split_names(names):
        content = "".join(f"{json_line(record)}\n" for record in index)
        (folder / INDEX).write_text(content, encoding="utf-8", newline="")


def _annotation_lines(document: Document) -> list[str]:
    """The stored lines without entities that are gone, then a line for each new entity."""
    stored = document.meta.get("brat", [])
    if not isinstance(stored, list) or not all(
        (isinstance(line, str) and line and "\n" not in line and line[-1] != "\r")
        or (
            isinstance(line, list)
            and [type(part) for part in line[:4]] == [str, int, int, str]
            and (len(line) == 4 or (len(line) == 5 and _are_pieces(line[4], line[1], line[2])))
        )
        for line in stored
    ):
        raise FormatError(
            "meta has the field 'brat' without the lines of an .ann file",
            expected="lines, and [id, start, end, label] for each entity",
        )
    present = {(each.start, each.end, each.label): each for each in document.entities}
    new = dict(present)
    pieces = {line[0]: line[4] for line in stored if isinstance(line, list) and len(line) == 5}
    entities: list[tuple[str, Entity | None]] = []  # with their ids; or other lines
    ids = [line if isinstance(line, str) else line[0] for line in stored]
    for id_, line in zip(ids, stored, strict=True):
        if isinstance(line, str):
            entities.append((line, None))
        elif (line[1], line[2], line[3]) in present:  # of equal lines each has its id
            entities.append((id_, present[line[1], line[2], line[3]]))
            new.pop((line[1], line[2], line[3]), None)
    numbers = [int(match[1]) for match in map(_ENTITY_NUMBER.match, ids) if match]
    first = max(numbers, default=0) + 1
    entities += [(f"T{number}", each) for number, each in enumerate(new.values(), first)]
    written = {id_ for id_, entity in entities if entity}
    removed = {line[0] for line in stored if isinstance(line, list)} - written
    lines = []
    for id_, entity in entities:
        if entity is None:
            # ids stand in the second column: alone, or after a role as in Arg1:T1
            second = id_.partition("\t")[2].partition("\t")[0]
            missing = removed.intersection(each.rpartition(":")[2] for each in second.split())
            if missing:
                raise FormatError(
                    f"{id_[:60]!r} refers to {min(missing)}, which is no longer an entity",
                    expected="the entity as it was read, or a document without this line",
                    hint='meta["brat"] holds the lines',
                )
            lines.append(id_)
            continue
        if entity.label.split() != [entity.label]:
            raise FormatError(
                f"the label {entity.label!r} has white space",
                expected="labels without white space in brat's files",
            )
        ranges = pieces.get(id_, f"{entity.start} {entity.end}")
        parts = [document.text[slice(*map(int, each.split()))] for each in ranges.split(";")]
        shown = re.sub(r"\s", " ", " ".join(parts))
        lines.append(f"{id_}\t{entity.label} {ranges}\t{shown}")
    return lines


def _are_pieces(value: Any, start: int, end: int) -> bool:
    """Whether a value is ranges from `start` to `end` in order, such as "0 4;5 10"."""
    if not isinstance(value, str) or not PIECES.fullmatch(value):
        return False
    bounds = [int(bound) for bound in value.replace(";", " ").split()]
    return (bounds[0], bounds[-1]) == (start, end) and bounds == sorted(bounds)
