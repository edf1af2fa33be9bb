"""brat's standoff files: a text in `NAME.txt`, its annotations in `NAME.ann` next to it.

::

    T1	person 0 4	Mira
    R1	born-in Arg1:T1 Arg2:T2

Offsets count code points. A split is a folder of such pairs; `load_corpus` reads a folder with
the folders `train`, `dev` and `test`. The `.ann` or the `.txt` file alone names one document. A
document's id is the name of its files, and documents are read in the order of these names.

Text-bound annotations (`T`) are the entities. Their third column must agree with the text except
for white space. An annotation in several pieces (`0 4;8 10`), or one that overlaps another, cannot
be an entity: it is an error, or is set aside with `ReadOptions.set_aside`. Of annotations that
overlap, the one that begins first is kept; of those that begin together, the longest.

`meta["brat"]` holds the lines of the `.ann` file to write back: [id, start, end, label] for an
entity, and the other lines (relations, events, attributes, notes, annotations set aside) unchanged.
It is missing if the file has only entities, in order, with the ids T1, T2 and so on. An entity
that was changed since gets a new id; a line that refers to an entity that was removed is an error.

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

from nerine.core.document import Document, Entity
from nerine.core.errors import FormatError
from nerine.core.files import errors_at, json_line, read_lines, read_records, read_text
from nerine.data.formats.options import ReadLog, ReadOptions, WriteOptions
from nerine.data.formats.overlaps import Annotation, without_overlap
from nerine.data.formats.records import Record, extras_of, with_extras
from nerine.data.split_files import ANNOTATIONS, INDEX, are_split_names, is_unrelated

EXTENSIONS = (ANNOTATIONS,)
TEXT = ".txt"

_NUMBER = r"\d{1,18}"  # int() refuses thousands of digits, and no text is so long
_RANGE = rf"{_NUMBER} {_NUMBER}"
_ENTITY_LINE = re.compile(rf"(T\d\S*)\t(\S+) ({_RANGE}(?:;{_RANGE})*)(?:\t(.*))?", re.DOTALL)
_ENTITY_NUMBER = re.compile(rf"T({_NUMBER})(?!\d)")
_SAFE_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,98}[A-Za-z0-9_-])?")


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a folder, or the one that an `.ann` or `.txt` file names."""
    folder = path if path.is_dir() else path.parent
    index: dict[str, tuple[str, Record]] = {}  # by name, the place and record of a document
    for line, record in read_records(folder / INDEX) if (folder / INDEX).is_file() else ():
        name = record.get("name")
        if not isinstance(name, str) or name in index:
            raise FormatError(
                f"{name!r} is listed twice" if isinstance(name, str) else f"the name is {name!r}",
                place=f"{folder / INDEX}:{line}",
                expected="the name of each document's files, once",
            )
        index[name] = (f"{folder / INDEX}:{line}", record)
    if path.is_dir():
        names = _names_in(folder, [*index], options)
    else:
        names = [path.name.removesuffix(path.suffix)]
    for name in names:
        document = _read_pair(folder, name, options, log)
        if name in index:
            place, extras = index[name]
            meta = document.meta
            with errors_at(place):
                document = with_extras(document, extras)
            document = replace(document, meta={**document.meta, **meta})
        yield str(folder / f"{name}{ANNOTATIONS}"), document


def is_pair(path: Path) -> bool:
    """Whether `path` is the `.txt` or `.ann` file of a pair."""
    return path.suffix in (ANNOTATIONS, TEXT) and path.with_suffix(ANNOTATIONS).is_file()


def _names_in(folder: Path, listed: list[str], options: ReadOptions) -> list[str]:
    """The names of a folder's pairs: those listed in the index in its order, then the others."""
    for path in sorted(folder.glob(f"*/**/*{ANNOTATIONS}")):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            raise FormatError(
                "a folder inside holds annotations too",
                place=str(path),
                expected=f"all pairs of .txt and .ann in {folder} itself",
                hint="name one folder of pairs, or a folder with train, dev and test in it",
            )
    files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    present = {path.stem for path in files if path.suffix == ANNOTATIONS}
    texts = [path.stem for path in files if path.suffix == TEXT and not is_unrelated(path.name)]
    unannotated = [name for name in texts if name not in present]
    if unannotated and not options.unlabelled:
        raise FormatError(
            "the text has no annotation file",
            place=str(folder / f"{unannotated[0]}{TEXT}"),
            expected=f"{unannotated[0]}{ANNOTATIONS}, empty for a text without entities",
        )
    present.update(unannotated)
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


def _read_pair(folder: Path, name: str, options: ReadOptions, log: ReadLog) -> Document:
    path = folder / f"{name}{ANNOTATIONS}"
    text = read_text(folder / f"{name}{TEXT}")
    lines = dict(read_lines(path)) if path.is_file() or not options.unlabelled else {}
    annotations: list[Annotation] = []
    ids: dict[int, str] = {}
    for number, line in lines.items():
        if line.startswith("T"):
            with errors_at(f"{path}:{number}"):
                ids[number], annotation = _parse_entity(number, line, text)
            annotations.append(annotation)
    first_lines: dict[str, int] = {}
    for number, id_ in ids.items():
        if first_lines.setdefault(id_, number) != number:
            raise FormatError(
                f"the id {id_} is used twice, first in line {first_lines[id_]}",
                place=f"{path}:{number}",
                expected="a different id for each annotation",
            )
    kept, aside = without_overlap(annotations, options, lambda number: f"{path}:{number}")
    log.set_aside += len(aside)
    stored = [
        [ids[number], kept[number].start, kept[number].end, kept[number].label]
        if number in kept
        else line
        for number, line in lines.items()
        if line
    ]
    entities = tuple(sorted(kept.values(), key=lambda each: each.start))
    usual = [[f"T{i}", each.start, each.end, each.label] for i, each in enumerate(entities, 1)]
    with errors_at(str(path)):
        return Document(text, entities, id=name, meta={} if stored == usual else {"brat": stored})


def _parse_entity(number: int, line: str, text: str) -> tuple[str, Annotation]:
    """The id and the annotation of a line that begins with T."""
    match = _ENTITY_LINE.fullmatch(line)
    if match is None:
        raise FormatError(
            f"{line[:60]!r} is not a valid annotation",
            expected="an id, a TAB, a label with its range, a TAB and the text there: "
            "T1⇥person 0 4⇥Mira",
        )
    id_, label, ranges, shown = match.groups()
    bounds = [(int(start), int(end)) for start, end in map(str.split, ranges.split(";"))]
    if any(not 0 <= start < end <= len(text) for start, end in bounds):
        raise FormatError(
            f"the range {ranges} is not in the text",
            expected=f"0 <= start < end <= {len(text)}, the length of the text in code points",
        )
    covered = " ".join(text[start:end] for start, end in bounds)
    if shown is not None and shown.split() != covered.split():
        raise FormatError(
            f"the annotation shows {shown[:60]!r}",
            expected=f"{covered[:60]!r}, the text at {ranges}",
            hint="the text, or its line ends, may have been changed since it was annotated",
        )
    fault = "is in pieces" if len(bounds) > 1 else None
    return id_, Annotation(number, bounds[0][0], bounds[-1][1], label, fault)


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
        (isinstance(line, str) and line and not {"\n", "\r"} & set(line))
        or (isinstance(line, list) and [type(part) for part in line] == [str, int, int, str])
        for line in stored
    ):
        raise FormatError(
            "meta has the field 'brat' without the lines of an .ann file",
            expected="lines, and [id, start, end, label] for each entity",
        )
    new = {(each.start, each.end, each.label): each for each in document.entities}
    entities: list[tuple[str, Entity | None]] = []  # with their ids; or other lines
    ids = [line if isinstance(line, str) else line[0] for line in stored]
    for id_, line in zip(ids, stored, strict=True):
        if isinstance(line, str):
            entities.append((line, None))
        elif (line[1], line[2], line[3]) in new:
            entities.append((id_, new.pop((line[1], line[2], line[3]))))
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
        shown = re.sub(r"\s", " ", document.surface(entity))
        lines.append(f"{id_}\t{entity.label} {entity.start} {entity.end}\t{shown}")
    return lines
