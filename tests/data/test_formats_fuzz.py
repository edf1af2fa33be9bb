"""All readers on damaged and invented files: documents, or an error of ours that has a place."""

from __future__ import annotations

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

PIECES = (
    *(b"[", b"]", b"{", b"}", b'"', b",", b":", b"\t", b" ", b"\n", b"\r\n", b"\r", b"\\", b"#"),
    *(b"null", b"true", b"-1", b"1e999", b"NaN", b"9" * 5000, b"0", b"\x00", b"\xff\xfe", b"|"),
    *(b"B-PER", b"I-PER", b"I-", b"O", b"S-X", b"(X*", b"*)", b"-", b"\xf0\x9f\x99\x82"),
    *(b"\xef\xbb\xbf", b'"\\ud800"', b"&lt;", b"<", b">", b"<!DOCTYPE x>", b"<![CDATA[", b"1-2"),
    *(b'"text":', b'"entities":', b'"start":', b'"end":', b'"label":', b'"spans":', b"1.1"),
    *(b"# text =", b"-DOCSTART-", b"# tokens = [[0,9]]", b"T1\tX 0 4\tMira", b"|t|", b"#Text="),
)


def written_samples(folder: Path) -> list[bytes]:
    """A file of each format that can be written to one file."""
    found = []
    for name, each in FORMATS.items():
        if each.can_write and not each.write_folder:
            path = folder / f"sample-{name}"
            documents = DOCUMENTS[:1] if name in ("pubtator",) else DOCUMENTS
            try:
                write_documents(documents, path, name)
            except NerineError:  # this format cannot hold one of them
                write_documents(DOCUMENTS[:1], path, name)
            found.append(path.read_bytes())
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


def refusal(path: Path, name: str | None, options: ReadOptions) -> NerineError | None:
    """Our error while a file is read to its end, if there is one; any other is a failure."""
    try:
        for document in read_documents(path, name, options, ReadLog()):
            assert all(document.surface(entity) for entity in document.entities)
    except (FormatError, SettingsError) as error:
        return error
    return None


def try_everywhere(content: bytes, folder: Path, option: int) -> None:
    path = folder / "file"
    path.write_bytes(content)
    for name in (None, *FORMATS):
        if name != "brat":
            error = refusal(path, name, OPTIONS[option])
            assert error is None or path.name in (error.place or ""), f"{name}: no place: {error}"


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    try:
        written = written_samples(tmp_path_factory.mktemp("samples"))
    except MissingExtraError as error:
        pytest.skip(str(error))
    return [*SAMPLES, *written]


Changes = list[tuple[int, int, bytes]]

FEW = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
MANY = settings(FEW, max_examples=10_000)
DAMAGED = given(st.integers(0, 10_000), edits(), st.integers(0, len(OPTIONS) - 1))
INVENTED = given(st.lists(st.sampled_from(PIECES), max_size=30), st.integers(0, len(OPTIONS) - 1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@FEW
@DAMAGED
def test_a_damaged_file_is_read_or_refused_with_its_place(
    samples: list[bytes], folder: Path, number: int, changes: Changes, option: int
) -> None:
    try_everywhere(edited(samples[number % len(samples)], changes), folder, option)


@FEW
@INVENTED
def test_an_invented_file_is_read_or_refused_with_its_place(
    folder: Path, pieces: list[bytes], option: int
) -> None:
    try_everywhere(b"".join(pieces), folder, option)


@pytest.mark.slow
@MANY
@DAMAGED
def test_ten_thousand_damaged_files(
    samples: list[bytes], folder: Path, number: int, changes: Changes, option: int
) -> None:
    try_everywhere(edited(samples[number % len(samples)], changes), folder, option)


@pytest.mark.slow
@MANY
@INVENTED
def test_ten_thousand_invented_files(folder: Path, pieces: list[bytes], option: int) -> None:
    try_everywhere(b"".join(pieces), folder, option)
