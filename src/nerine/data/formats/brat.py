"""brat's standoff files: a text in `NAME.txt`, and its annotations in `NAME.ann` beside it.

::

    T1	person 0 4	Mira
    R1	born-in Arg1:T1 Arg2:T2

Offsets count code points. A split is a folder of such pairs, `load_corpus` takes a folder with
the folders `train`, `dev` and `test`, and a single document is named by its `.ann` or `.txt`. A
document's id is the name of its files, in whose order they are read.

Text-bound annotations (`T`) are the entities, and their third column must agree with the text,
but for white space. One in pieces (`0 4;8 10`), or one that overlaps another, is no entity: that
is an error, or it is set aside with `ReadOptions.set_aside`. Of annotations that overlap, the one
that begins first is kept, and the longest of these.

`meta["brat"]` holds the lines of the `.ann` file: those of entities as [id, start, end, label],
all others (relations, events, attributes, notes, what was set aside) as they stand, to be written
back. It is missing where the file has entities in order only, called T1, T2 and so on. An entity
that has been changed since gets a new id; a line that then refers to nothing is an error.

What brat has no place for (tokens, scores, other meta, ids that cannot name a file, the order of
documents, and that some called `train` and `test` are no splits) stands in `nerine.jsonl` in the
same folder, which brat passes over: a JSON object a document with the name of its files and the
fields of `nerine.data.formats.extras`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Entity
from nerine.core.errors import FormatError
from nerine.core.files import errors_at, json_line, read_lines, read_records, read_text
from nerine.data.formats.apart import Candidate, keep_apart
from nerine.data.formats.extras import extras_of, with_extras
from nerine.data.formats.folders import ANNOTATIONS, INDEX, lies_beside, name_splits
from nerine.data.formats.options import ReadLog, ReadOptions, WriteOptions
from nerine.data.formats.records import Record

EXTENSIONS = (ANNOTATIONS,)
TEXT = ".txt"

_NUMBER = r"\d{1,18}"  # int() refuses thousands of digits, and no text is so long
_RANGE = rf"{_NUMBER} {_NUMBER}"
_BOUND = re.compile(rf"(T\d\S*)\t(\S+) ({_RANGE}(?:;{_RANGE})*)(?:\t(.*))?", re.DOTALL)
_SAFE_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,98}[A-Za-z0-9_-])?")
_EXPECTED = "an id, a TAB, a label with its range, a TAB and the text there: T1⇥person 0 4⇥Mira"

Item = str | tuple[str, Entity]
"""A line of an `.ann` file: an entity with its id, or a line that stays as it is."""


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a folder, or the one that an `.ann` or `.txt` file names."""
    folder = path if path.is_dir() else path.parent
    extras = _read_index(folder / INDEX)
    if path.is_dir():
        names = _names_in(folder, extras, options)
    else:
        names = [path.name.removesuffix(path.suffix)]
    for name in names:
        place = str(folder / f"{name}{ANNOTATIONS}")
        plain = _read_pair(folder, name, options, log)
        document = with_extras(plain, extras[name][1], extras[name][0]) if name in extras else plain
        yield place, replace(document, meta={**document.meta, **plain.meta})


def is_pair(path: Path) -> bool:
    """Whether `path` is the `.txt` or `.ann` file of a pair."""
    return path.suffix in (ANNOTATIONS, TEXT) and path.with_suffix(ANNOTATIONS).is_file()


def _names_in(folder: Path, listed: Iterable[str], options: ReadOptions) -> list[str]:
    """The names of the pairs: those of the index in its order, then the others."""
    _refuse_folders_inside(folder)
    files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    present = {path.stem for path in files if path.suffix == ANNOTATIONS}
    texts = [path for path in files if path.suffix == TEXT and not lies_beside(path.name)]
    lone = [path for path in texts if path.stem not in present]
    if lone and not options.unlabelled:
        raise FormatError(
            "the text has no annotations beside it",
            place=str(lone[0]),
            expected=f"{lone[0].stem}{ANNOTATIONS}, empty for a text without entities",
        )
    present.update(path.stem for path in lone)
    if not present and not (folder / INDEX).is_file():
        raise FormatError("no file is called .ann", place=str(folder), expected="brat's pairs")
    listed = list(listed)
    gone = [name for name in listed if name not in present]
    if gone:
        raise FormatError(
            f"{gone[0]}{ANNOTATIONS} is not there",
            place=str(folder / INDEX),
            expected="the files of each document that is listed",
            hint="remove the line if the document was removed on purpose",
        )
    return [*listed, *sorted(present.difference(listed))]


def _refuse_folders_inside(folder: Path) -> None:
    for path in sorted(folder.glob(f"*/**/*{ANNOTATIONS}")):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            raise FormatError(
                "there are annotations in a folder inside",
                place=str(path),
                expected=f"all pairs of .txt and .ann in {folder} itself",
                hint="name one folder of pairs, or a folder with train, dev and test in it",
            )


def _read_index(path: Path) -> dict[str, tuple[str, Record]]:
    """For each document by its name where its extras stand, and these."""
    found: dict[str, tuple[str, Record]] = {}
    for line, record in read_records(path) if path.is_file() else ():
        name = record.get("name")
        if not isinstance(name, str) or name in found:
            raise FormatError(
                f"the name {name!r} is missing or listed twice"
                if name is None or name in found
                else f"the name is {name!r}",
                place=f"{path}:{line}",
                expected="the name of each document's files, once",
            )
        found[name] = (f"{path}:{line}", record)
    return found


def _read_pair(folder: Path, name: str, options: ReadOptions, log: ReadLog) -> Document:
    path = folder / f"{name}{ANNOTATIONS}"
    text = read_text(folder / f"{name}{TEXT}")
    lines = list(read_lines(path)) if path.is_file() or not options.unlabelled else []
    bound: list[Candidate[int]] = []
    ids: dict[int, str] = {}
    for number, line in lines:
        if line.startswith("T"):
            ids[number], candidate = _candidate(number, line, text, f"{path}:{number}")
            bound.append(candidate)
    _check_ids(ids, path)
    kept, aside = keep_apart(bound, options, lambda number: f"{path}:{number}")
    log.set_aside += len(aside)
    items: list[Item] = [
        (ids[number], kept[number]) if number in kept else line for number, line in lines if line
    ]
    entities = sorted(kept.values(), key=lambda each: each.start)
    meta = {} if items == _usual(entities) else {"brat": [_stored(item) for item in items]}
    with errors_at(str(path)):
        return Document(text, tuple(entities), id=name, meta=meta)


def _candidate(number: int, line: str, text: str, place: str) -> tuple[str, Candidate[int]]:
    match = _BOUND.fullmatch(line)
    if match is None:
        raise FormatError(f"{line[:60]!r} is no annotation", place=place, expected=_EXPECTED)
    id_, label, ranges, shown = match.groups()
    bounds = [(int(start), int(end)) for start, end in map(str.split, ranges.split(";"))]
    if any(not 0 <= start < end <= len(text) for start, end in bounds):
        raise FormatError(
            f"the range {ranges} is not in the text",
            place=place,
            expected=f"0 <= start < end <= {len(text)}, the length of the text in code points",
        )
    covered = " ".join(text[start:end] for start, end in bounds)
    if shown is not None and shown.split() != covered.split():
        raise FormatError(
            f"the annotation shows {shown[:60]!r}",
            place=place,
            expected=f"{covered[:60]!r}, as the text has at {ranges}",
            hint="the text may have been changed, its line ends perhaps, since it was annotated",
        )
    fault = "is in pieces" if len(bounds) > 1 else None
    return id_, Candidate(number, bounds[0][0], bounds[-1][1], label, fault)


def _check_ids(ids: Mapping[int, str], path: Path) -> None:
    seen: dict[str, int] = {}
    for number, id_ in ids.items():
        if id_ in seen:
            raise FormatError(
                f"{id_} is there twice, in line {seen[id_]} already",
                place=f"{path}:{number}",
                expected="an id of its own for each annotation",
            )
        seen[id_] = number


def _usual(entities: Iterable[Entity]) -> list[Item]:
    return [(f"T{number}", entity) for number, entity in enumerate(entities, start=1)]


def _stored(item: Item) -> str | list[Any]:
    if isinstance(item, str):
        return item
    id_, entity = item
    return [id_, entity.start, entity.end, entity.label]


def write_folder(documents: Iterable[Document], folder: Path, options: WriteOptions) -> None:  # noqa: ARG001
    """Writes pairs, and the index where it is needed, into `folder`, which is empty."""
    index: list[Record] = []
    used: set[str] = set()
    names: list[str] = []
    for document in documents:
        name = _name_for(document.id, used, len(names) + 1)
        plain = _write_pair(document, folder, name)
        rest = {key: value for key, value in document.meta.items() if key != "brat"}
        index.append({"name": name, **extras_of(replace(document, meta=rest), plain)})
        json_line(index[-1])  # fails here, where the document is known
        used.add(name.casefold())
        names.append(name)
    is_plain = names == sorted(names) and all(len(record) == 1 for record in index)
    if not names or not is_plain or name_splits(names):
        lines = "".join(f"{json_line(record)}\n" for record in index)
        (folder / INDEX).write_text(lines, encoding="utf-8", newline="")


def _name_for(id_: str | None, used: set[str], number: int) -> str:
    """The document's id where it can name files on any system, else its number."""
    if id_ and _SAFE_NAME.fullmatch(id_) and id_.casefold() not in used:
        return id_
    name = f"{number:05}"
    while name in used:
        name += "_"
    return name


def _write_pair(document: Document, folder: Path, name: str) -> Document:
    """Writes the two files of a document; returns what they hold."""
    items = _items_of(document)
    lines = [each if isinstance(each, str) else _bound_line(*each, document) for each in items]
    _check_references(document, items)
    (folder / f"{name}{TEXT}").write_bytes(document.text.encode())
    content = "".join(f"{line}\n" for line in lines).encode()
    (folder / f"{name}{ANNOTATIONS}").write_bytes(content)
    plain = (replace(each, score=None) for each in document.entities)
    return Document(document.text, tuple(plain), id=name)


def _items_of(document: Document) -> list[Item]:
    """The lines that the document came with, without entities that are gone, and the new ones."""
    stored = document.meta.get("brat", [])
    if not _are_stored(stored):
        raise FormatError(
            "meta has the field 'brat' without the lines of an .ann file",
            expected="lines, and [id, start, end, label] for each entity",
        )
    left = {(e.start, e.end, e.label): e for e in document.entities}
    items: list[Item] = []
    for line in stored:
        if isinstance(line, str):
            items.append(line)
        elif (entity := left.pop((line[1], line[2], line[3]), None)) is not None:
            items.append((line[0], entity))
    taken = [int(number) for line in stored for number in _number_of(line)]
    first = max(taken, default=0) + 1
    return items + [(f"T{first + index}", entity) for index, entity in enumerate(left.values())]


def _are_stored(lines: Any) -> bool:
    return isinstance(lines, list) and all(
        (isinstance(line, str) and line and not {"\n", "\r"} & set(line))
        or (isinstance(line, list) and [type(part) for part in line] == [str, int, int, str])
        for line in lines
    )


def _number_of(line: str | Sequence[Any]) -> list[str]:
    match = re.match(rf"T({_NUMBER})(?!\d)", line if isinstance(line, str) else line[0])
    return [match[1]] if match else []


def _bound_line(id_: str, entity: Entity, document: Document) -> str:
    if entity.label.split() != [entity.label]:
        raise FormatError(
            f"the label {entity.label!r} has white space",
            expected="labels without white space in brat's files",
        )
    shown = re.sub(r"\s", " ", document.surface(entity))
    return f"{id_}\t{entity.label} {entity.start} {entity.end}\t{shown}"


def _check_references(document: Document, items: Iterable[Item]) -> None:
    """Raises `FormatError` for a line that refers to an entity that is gone."""
    items = list(items)
    written = {item[0] for item in items if isinstance(item, tuple)}
    stored = document.meta.get("brat", [])
    gone = {line[0] for line in stored if isinstance(line, list)} - written
    for line in items if gone else ():
        missing = gone.intersection(_references(line) if isinstance(line, str) else ())
        if missing:
            raise FormatError(
                f"{str(line)[:60]!r} refers to {min(missing)}, which is no longer an entity",
                expected="the entity as it was read, or a document without this line",
                hint='meta["brat"] holds the lines',
            )


def _references(line: str) -> list[str]:
    """The ids in the second column: alone, or after a role as in `Arg1:T1`."""
    _, _, rest = line.partition("\t")
    return [each.rpartition(":")[2] for each in rest.partition("\t")[0].split()]
