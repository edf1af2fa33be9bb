"""All readers on damaged and invented files: documents, or an error of ours that has a place."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError, MissingExtraError, NerineError, SettingsError
from nerine.data.formats import FORMATS, ReadLog, ReadOptions, read_documents, write_documents

OPTIONS = (
    ReadOptions(),
    ReadOptions(
        repair=True, accept={"rejected", "cancelled", "unlabelled"}, skip={"pieces", "no-label"}
    ),
    ReadOptions(annotations="union", overlaps="outermost", inclusive_ends=True),
    ReadOptions(offsets="utf-16", token_column=0, tag_column=-1),
    ReadOptions(offsets="bytes", text_field="text", control="label", token_column="a"),
)

DOCUMENTS = (
    Document("Mira left Ghent.", (Entity(0, 4, "PER"), Entity(10, 15, "LOC")), id="1"),
    Document.from_tokens(["So", "🙂", "Ann", "won"]).with_entities([Entity(5, 8, "PER", 0.5)]),
    Document("\u00e9té", (), (Token(0, 3),), meta={"url": "x"}),
)

SAMPLES = (
    b"0\tMira\tB-PER\n1\tleft\tO\n\n0\tGhent\tB-LOC\n",
    b"#\thttp://x.org [2009]\n1\tMira\tB-PER\tO\n2\tleft\tO\tB-LOC\n",
    b"Mira PERSON\nleft O\n\nGhent GPE\n",
    b"Mira (PERSON*\nOkonjo *)\nleft *\n\n",
    b"# global.columns = ID FORM NE\n1\tMira\tB-PER\n2\tleft\tO\n\n",
    (
        b"# text = im Haus\n1-2\tim\t_\t_\t_\t_\t_\t_\t_\t_\n1\tin\t_\t_\t_\t_\t_\t_\t_\tname=O\n"
        b"2\tdem\t_\t_\t_\t_\t_\t_\t_\tname=B-X\n\n"
    ),
    b'[["Mira left", {"entities": [[0, 4, "PER"]]}]]',
    (
        b'[{"id": 0, "paragraphs": [{"raw": "Mira left", "sentences": [{"tokens": ['
        b'{"id": 0, "orth": '
        b'"Mira", "ner": "U-PER"}, {"id": 1, "orth": "left", "ner": "O"}]}]}]}]'
    ),
    b'[{"tokenized_text": ["Mira", "left"], "ner": [[0, 0, "PER"]]}]',
    (
        b'{"content": "Mira left", "annotation": [{"label": ["PER"], "points": [{"start": 0, '
        b'"end": 3, '
        b'"text": "Mira"}]}]}\n'
    ),
    (
        b'{"text": "Mira left", "spans": [{"start": 0, "end": 4, "label": "PER", "text": "Mira"}], '
        b'"answer": "accept", "_task_hash": 1}\n'
    ),
    (
        b'[{"id": 1, "data": {"text": "Mira left"}, "annotations": [{"completed_by": 2, "result": '
        b'[{"from_name": "label", "to_name": "text", "type": "labels", "value": {"start": 0, '
        b'"end": 4, '
        b'"text": "Mira", "labels": ["PER", "ORG"]}}]}]}]'
    ),
    b'Sentence #,Word,POS,Tag\nSentence: 1,Mira,NNP,B-PER\n,left,VBD,O\nSentence: 2,"""",.,O\n',
    (
        b'text,label\n"Mira left","[{""start"": 0, ""end"": 4, ""text"": ""Mira"", '
        b'""labels"": [""PER""]}]"\n'
    ),
    (
        b"#FORMAT=WebAnno TSV 3.3\n#T_SP="
        b"de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|value\n"
        b"\n\n#Text=Mira left\n1-1\t0-4\tMira\tPER\n1-2\t5-9\tleft\t_\n"
    ),
    b"1|t|Mira left\n1|a|Ghent is far.\n1\t0\t4\tMira\tPER\tX\n1\t10\t15\tGhent\tLOC\tY\n\n",
    (
        b'{"source": "x", "documents": [{"id": "1", "passages": [{"offset": 0, '
        b'"text": "Mira left", '
        b'"annotations": [{"id": "1", "text": "Mira", "infons": {"type": "PER"}, "locations": '
        b'[{"offset": 0, "length": 4}]}]}]}]}'
    ),
    (
        b"<?xml version='1.0'?>\n<collection><document><id>1</id><passage><offset>0</offset>"
        b"<text>Mira left</text><annotation id='1'><infon key='type'>PER</infon>"
        b"<location offset='0' length='4'/><text>Mira</text></annotation></passage></document>"
        b"</collection>"
    ),
    (
        b'<?xml version="1.0"?>\n<deIdi2b2><TEXT><![CDATA[Mira left]]></TEXT><TAGS><NAME id="P0" '
        b'start="0" end="4" text="Mira" TYPE="PATIENT"/></TAGS></deIdi2b2>'
    ),
    b'c="mira" 1:0 1:0||t="person"\n',
)
"""Small files of formats and layouts that are read."""

FOLDERS = (
    {
        "a.txt": b"Mira left\nGhent",
        "a.ann": b"T1\tPER 0 4\tMira\nT2\tLOC 10 15\tGhent\nR1\tx A:T1\n",
    },
    {
        "b.txt": "🙂 Mira left".encode(),
        "b.a1": b"T1\tPER 2 6\tMira\nT2\tX 2 4;5 6\tMi a\n",
        "b.a2": b"T3\tGo 7 11\tleft\nE1\tGo:T3 Who:T1\n",
        "nerine.jsonl": b'{"name": "b", "id": "1", "tokens": [[0, 1], [2, 6]], "meta": {"x": 1}}\n',
    },
    {
        "a.con": b'c="mira okonjo" 1:0 1:1||t="person"\nc="ghent" 2:0 2:0||t="place"\n',
        "a.txt": b"Mira Okonjo left\nGhent .\n",
        "b.txt": b"Seen .\n",
    },
    {
        "a.xml": b'<?xml version="1.0"?>\n<deIdi2b2><TEXT><![CDATA[Mira left]]></TEXT><TAGS>'
        b'<NAME id="P0" start="0" end="4" text="Mira" TYPE="PATIENT"/><NOTE id="P1"/></TAGS>'
        b"</deIdi2b2>",
        "b.xml": b"<deIdi2b2><TEXT>Ghent &amp; us</TEXT><TAGS/></deIdi2b2>",
    },
    {
        "a.xml": b"<collection><document><id>1</id><passage><offset>0</offset><text>Mira</text>"
        b'<annotation id="1"><infon key="type">PER</infon><location offset="0" length="4"/>'
        b"<text>Mira</text></annotation></passage></document></collection>",
        "b.json": b'{"id": "2", "passages": [{"offset": 0, "text": "Mira", "annotations": []}]}',
    },
    {
        f"{name}/ann.tsv": b"#FORMAT=WebAnno TSV 3.3\n#T_SP=webanno.custom.Ne|value\n"
        b"\n\n#Text=Mira Okonjo left\n1-1\t0-4\tMira\tPER[1]\t\n1-2\t5-11\tOkonjo\tPER[1]\t\n"
        b"1-3\t12-16\tleft\t_\t\n1-3.1\t12-14\tle\tA|B[2]\t\n"
        for name in ("a.txt", "b.txt")
    },
    dict.fromkeys(
        ("1", "2"),
        b'{"id": 1, "task": {"id": 1, "data": {"text": "Mira left"}}, "result": [{"from_name": '
        b'"label", "to_name": "text", "type": "labels", "value": {"start": 0, "end": 4, "text": '
        b'"Mira", "labels": ["PER"]}}], "completed_by": {"id": 1}}',
    ),
)
"""Folders that are one split, by the paths of their files."""

PIECES = (
    *(b"[", b"]", b"{", b"}", b'"', b",", b":", b"\t", b" ", b"\n", b"\r\n", b"\r", b"\\", b"#"),
    *(b"null", b"true", b"-1", b"1e999", b"NaN", b"9" * 5000, b"0", b"\x00", b"\xff\xfe", b"|"),
    *(b"B-PER", b"I-PER", b"I-", b"O", b"S-X", b"(X*", b"*)", b"-", b"\xf0\x9f\x99\x82"),
    *(b"\xef\xbb\xbf", b'"\\ud800"', b"&lt;", b"<", b">", b"<!DOCTYPE x>", b"<![CDATA[", b"1-2"),
    *(b'"text":', b'"entities":', b'"start":', b'"end":', b'"label":', b'"spans":', b"1.1"),
    *(b"# text =", b"-DOCSTART-", b"# tokens = [[0,9]]", b"T1\tX 0 4\tMira", b"|t|", b"#Text="),
)


FILES = ("file", "file.conll", "file.json", "file.jsonl", "file.csv", "file.tsv", "file.xml")
SLOWEST = 20.0
"""The most seconds of the processor that reading a small file may take."""

Folder = dict[str, bytes]
Changes = list[tuple[int, int, bytes]]


def written_samples(folder: Path) -> list[Folder]:
    """A file, or a folder, of each format that can be written."""
    found = []
    for name, each in FORMATS.items():
        if each.can_write:
            path = folder / f"sample-{name}"
            try:
                write_documents(DOCUMENTS, path, name)
            except NerineError:  # this format cannot hold one of them
                write_documents(DOCUMENTS[:1], path, name)
            inside = sorted(path.iterdir()) if path.is_dir() else []
            files = {one.name: one.read_bytes() for one in inside}
            found.append(files or {"": path.read_bytes()})
    return found


def parquet_samples(folder: Path) -> list[Folder]:
    """Files of Parquet, which is read only: rows of tokens and tags, and of texts and entities."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    tables = (
        {"tokens": [["Mira", "left"], ["So"]], "ner_tags": [["B-PER", "O"], ["O"]]},
        {"text": ["Mira left"] * 50, "entities": [[{"start": 0, "end": 4, "label": "PER"}]] * 50},
        {"tokenized_text": [["Mira", "left"]], "ner": [[["0", "0", "PER"]]]},
    )
    found = []
    for columns in tables:
        parquet.write_table(pyarrow.table(columns), folder / "sample.parquet")
        found.append({"": (folder / "sample.parquet").read_bytes()})
    return found


def edits() -> st.SearchStrategy[list[tuple[int, int, bytes]]]:
    """Places, lengths to remove, and what comes there instead."""
    one = st.tuples(
        st.integers(0, 2000),
        st.sampled_from([0, 0, 1, 4, 30]),
        st.one_of(st.sampled_from(PIECES), st.binary(max_size=3), st.just(b"")),
    )
    return st.lists(one, min_size=1, max_size=6)


def edited(content: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for place, removed, piece in changes:
        at = place % (len(content) + 1)
        content = content[:at] + piece + content[at + removed :]
    return content


def refusal(path: Path, name: str | None, options: ReadOptions, log: ReadLog) -> list[NerineError]:
    """Our errors while a file is read to its end; any other is a failure, and so is a long wait."""
    begin = time.process_time()
    errors: list[NerineError] = []
    try:
        for document in read_documents(path, name, options, log):
            assert all(document.surface(entity) for entity in document.entities)
    except (FormatError, SettingsError) as error:
        errors.append(error)
    assert time.process_time() - begin < SLOWEST, f"{name}: {time.process_time() - begin:.0f} s"
    return [*errors, *(log.unreadable or [])]


def try_to_read(files: Folder, parent: Path, names: Iterable[str | None], option: int) -> None:
    """Reads a folder of files, or one file, in some formats; None detects the format."""
    folder = parent / "folder"
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        path = folder / (name or FILES[option % len(FILES)])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    options = OPTIONS[option % len(OPTIONS)]
    for format_name in names:
        log = ReadLog(unreadable=[] if option % 2 else None)
        for error in refusal(path if len(files) == 1 else folder, format_name, options, log):
            assert str(folder) in (error.place or ""), f"{format_name}: no place: {error}"


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Folder]:
    folder = tmp_path_factory.mktemp("samples")
    try:
        written = written_samples(folder)
    except MissingExtraError as error:
        pytest.skip(str(error))
    return [*({"": each} for each in SAMPLES), *FOLDERS, *written, *parquet_samples(folder)]


def damaged(files: Folder, place: int, changes: Changes) -> Folder:
    """The files, with changes in one of them; sometimes that one is gone, or stands alone."""
    name = sorted(files)[place % len(files)]
    rest = {} if place % 7 == 0 else files
    if place % 11 == 0 and len(files) > 1:
        return {other: files[other] for other in files if other != name}
    return {**rest, name: edited(files[name], changes)}


INVENTED_FILES = (("",), ("a.txt", "a.ann"), ("a.txt", "a.con"), ("a.xml", "b.xml"), ("1", "2"))

FEW = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
MANY = settings(FEW, max_examples=10_000)
OPTION = st.integers(0, len(OPTIONS) * len(FILES) * 2 - 1)
DAMAGED = (st.integers(0, 10_000), st.integers(0, 1000), edits(), OPTION)
INVENTED = (st.sampled_from(INVENTED_FILES), st.lists(st.sampled_from(PIECES), max_size=30), OPTION)
FORMAT = st.sampled_from([*FORMATS])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def invented(names: Iterable[str], pieces: list[bytes]) -> Folder:
    """Files of these names that share the pieces."""
    known = list(names)
    size = len(pieces) // len(known) + 1
    return {
        name: b"".join(pieces[size * index : size * (index + 1)])
        for index, name in enumerate(known)
    }


@FEW
@given(*DAMAGED)
def test_a_damaged_file_is_read_or_refused_with_its_place(
    samples: list[Folder], folder: Path, number: int, place: int, changes: Changes, option: int
) -> None:
    files = damaged(samples[number % len(samples)], place, changes)
    try_to_read(files, folder, [None, *FORMATS], option)


@FEW
@given(*INVENTED)
def test_an_invented_file_is_read_or_refused_with_its_place(
    folder: Path, names: tuple[str, ...], pieces: list[bytes], option: int
) -> None:
    try_to_read(invented(names, pieces), folder, [None, *FORMATS], option)


@pytest.mark.slow
@MANY
@given(*DAMAGED, FORMAT)
def test_ten_thousand_damaged_files(
    samples: list[Folder],
    folder: Path,
    number: int,
    place: int,
    changes: Changes,
    option: int,
    name: str,
) -> None:
    files = damaged(samples[number % len(samples)], place, changes)
    try_to_read(files, folder, [None, name], option)


@pytest.mark.slow
@MANY
@given(*INVENTED, FORMAT)
def test_ten_thousand_invented_files(
    folder: Path, names: tuple[str, ...], pieces: list[bytes], option: int, name: str
) -> None:
    try_to_read(invented(names, pieces), folder, [None, name], option)
