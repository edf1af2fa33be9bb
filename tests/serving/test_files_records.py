"""Row accounting of tagging runs: each record is in an output or whole among the failures."""

from __future__ import annotations

import csv
import decimal
import io
import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nerine.core.errors import FormatError, TaggingError
from nerine.model.tagger import Tagger
from nerine.serving.files import TaggingOptions, TaggingSummary, durable, tag_files
from nerine.serving.files.inputs import find_inputs
from nerine.serving.files.rows import LONE_QUOTE
from streams import (
    POISON,
    StubTagger,
    Watched,
    look_aheads_of_four,
    slow_producer,
    standard_input,
)

LONGEST = 300


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nerine.model.batching.look_aheads", look_aheads_of_four)
    monkeypatch.setattr("os.fsync", lambda _: None)  # which takes most of the time there is


@pytest.fixture
def _short_records(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("lines", "rows", "parquet"):
        monkeypatch.setattr(f"nerine.serving.files.{module}.LONGEST", LONGEST)
    for module in ("lines", "rows"):
        monkeypatch.setattr(f"nerine.serving.files.{module}.KEPT", 2 * LONGEST)


def tagged(
    folder: Path, name: str, content: bytes | str, **options: Any
) -> tuple[TaggingSummary, Path, list[dict[str, Any]]]:
    """The summary, the output and the failures of a file of this name and content."""
    source, output = folder / name, folder / f"out-{name.replace('.txt', '.jsonl')}"
    source.write_bytes(content if isinstance(content, bytes) else content.encode())
    summary = tag_files(StubTagger(), [source], output, TaggingOptions(**options))
    return summary, output, failures_of(output)


def failures_of(output: Path) -> list[dict[str, Any]]:
    path = output.with_name(f"{output.name}.failed.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


# Every record of any input, by its id.

TEXTS = st.one_of(
    st.none(),
    st.just(""),
    st.just(POISON),
    st.text(max_size=20),
    st.text(alphabet='ab" \t,\n\r\\', max_size=12),
    st.sampled_from(
        ["Zoë in Gent", "\ufeffMira", "a\0b", "x\u2028y", "\x85", "한국 Oslo", '"Best']
    ),
)


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(TEXTS, max_size=12), cut=st.booleans(), windows=st.booleans())
def test_each_json_record_is_in_the_output_or_failed(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[str | None],
    cut: bool,
    windows: bool,
) -> None:
    # the first one tells that there is a field; the others are odd in all ways
    lines = [b'{"id": "first", "text": "Mira"}']
    for number, text in enumerate(texts):
        line = json.dumps({"id": number, "text": text}, ensure_ascii=number % 2 == 0)
        odd = number % 5 == 4
        lines.append(line.encode("cp1252" if odd and windows else "utf-8", "replace"))
        if cut and number % 4 == 3:
            lines[-1] = lines[-1][:-1]
        if number % 3 == 2:
            lines.append(b"  " if number % 2 else b"")
    ending = b"\r\n" if windows else b"\n"
    folder = tmp_path_factory.mktemp("jsonl")
    summary, output, failures = tagged(folder, "in.jsonl", ending.join(lines) + ending)
    kept = output.read_bytes().split(b"\n")
    read = [json.loads(line)["id"] for line in kept if line.strip()]
    failed = [json.loads(each["record"].rstrip().rstrip("}") + "}")["id"] for each in failures]
    assert sorted(map(str, [*read, *failed])) == sorted(["first", *map(str, range(len(texts)))])
    assert (summary.documents, summary.failures) == (len(texts) + 1, len(failed))
    assert summary.nulls == sum(b'"entities": null' in line for line in kept)
    whole = [each["record"].encode("utf-8", "surrogateescape").rstrip(b"\r\n") for each in failures]
    assert all(record in lines for record in whole)
    assert len([line for line in kept if not line.strip()]) == 1 + sum(
        not line.strip() for line in lines
    )


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(TEXTS, max_size=12),
    delimiter=st.sampled_from(",;"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    broken=st.sampled_from([b"", b"a%sb%sc%s\n", b"\xe9%s%s\n", b'"x"y%s%s\n']),
)
def test_each_row_of_csv_is_in_the_output_or_failed(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[str | None],
    delimiter: str,
    quoting: Any,
    broken: bytes,
) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, quoting=quoting, lineterminator="\n")
    writer.writerow(["id", "text", "rest"])
    rows = [(f"{n}", (text or "").replace("\r", ""), "r") for n, text in enumerate(texts)]
    writer.writerows(rows)
    bad = broken.replace(b"%s", delimiter.encode())
    content = stream.getvalue().encode() + bad
    folder = tmp_path_factory.mktemp("csv")
    options = {"separator": delimiter, "quoting": "csv"}
    summary, output, failures = tagged(folder, "in.csv", content, **options)
    read = list(csv.reader(io.StringIO(output.read_text(), newline=""), delimiter=delimiter))
    poisoned = [row for row in rows if POISON in row[1]]
    assert [tuple(row[:3]) for row in read[1:]] == [row for row in rows if row not in poisoned]
    assert summary.documents == len(rows) + bool(bad)
    assert summary.failures == len(poisoned) + bool(bad) == len(failures)
    if bad:
        assert failures[-1]["record"].encode("utf-8", "surrogateescape") == bad
    assert b"".join(
        [*(each["record"].encode() for each in failures[: len(poisoned)])]
    ).decode() == ("".join(_written(row, delimiter, quoting) for row in poisoned))


def _written(row: Sequence[str], delimiter: str, quoting: Any) -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, quoting=quoting, lineterminator="\n").writerow(row)
    return stream.getvalue()


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(
        st.text(alphabet=st.characters(exclude_characters="\t\n\r", exclude_categories=["Cs"])),
        max_size=12,
    ),
    quotes=st.lists(st.booleans(), min_size=12, max_size=12),
    broken=st.none() | st.integers(0, 12),
)
@example(texts=["", "", ""], quotes=[True] * 12, broken=0)
def test_each_line_of_a_tsv_is_a_row_whatever_its_quotes(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[str],
    quotes: list[bool],
    broken: int | None,
) -> None:
    texts = [text.replace('"', "") for text in texts]
    texts = [f'"{text}' if lone else text for text, lone in zip(texts, quotes, strict=False)]
    rows = [f"{number}\t{text}\tx" for number, text in enumerate(texts)]
    if broken is not None:
        rows.insert(broken, 'bad\t"a\tb\tc')
    folder = tmp_path_factory.mktemp("tsv")
    content = "id\ttext\trest\n" + "".join(f"{row}\n" for row in rows)
    try:
        summary, output, failures = tagged(folder, "in.tsv", content)
    except FormatError as error:  # nothing is tagged, and following the hint works
        if broken is None or not any(text == '"' for text in texts):
            raise
        assert "a quote opens a cell" in error.found  # noqa: PT017 - only some files are refused
        assert "--quoting none" in (error.hint or "")  # noqa: PT017
        summary, output, failures = tagged(folder, "in.tsv", content, quoting="none")
    lines = output.read_text().split("\n")[1:-1]
    bad = [row for row in rows if row.startswith("bad")]
    poisoned = [row for row in rows if POISON in row]
    assert [line.rpartition("\t")[0] for line in lines] == [
        row for row in rows if row not in bad and row not in poisoned
    ]
    assert [each["record"] for each in failures] == [
        f"{row}\n" for row in rows if row in bad or row in poisoned
    ]
    assert summary.documents == len(rows) == len(lines) + len(failures)


@settings(max_examples=30, deadline=None)
@given(texts=st.lists(TEXTS, max_size=12), group=st.integers(1, 5))
def test_each_row_of_parquet_is_in_the_output_or_failed(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str | None], group: int
) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = tmp_path_factory.mktemp("parquet")
    texts = [text and text.encode("utf-8", "replace").decode() for text in texts]
    ids = arrow.array(range(len(texts)), arrow.int64())
    table = arrow.table({"id": ids, "text": arrow.array(texts, arrow.string())})
    parquet.write_table(table, folder / "in.parquet", row_group_size=group)
    output = folder / "out.parquet"
    summary = tag_files(StubTagger(), [folder / "in.parquet"], output)
    rows = parquet.read_table(output).to_pylist()
    failed = [json.loads(each["record"]) for each in failures_of(output)]
    found = {row["id"]: row["text"] for row in [*rows, *failed]}
    assert found == dict(enumerate(texts))
    assert len(rows) + len(failed) == len(texts) == summary.documents
    assert [row["id"] for row in rows if row["entities"] is None] == [
        number for number, text in enumerate(texts) if text is None
    ]
    assert all(POISON in row["text"] for row in failed)


@settings(max_examples=40, deadline=None)
@given(
    lines=st.lists(st.binary(max_size=12).map(lambda each: each.replace(b"\n", b"")), max_size=12)
)
def test_each_line_of_text_is_in_the_output_or_failed(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    lines = [b"Mira", *lines, POISON.encode(), b"last"]
    folder = tmp_path_factory.mktemp("txt")
    summary, output, failures = tagged(folder, "in.txt", b"\n".join(lines))
    kept = [json.loads(line)["text"].encode() for line in output.read_bytes().splitlines()]
    failed = [each["record"].encode("utf-8", "surrogateescape") for each in failures]
    expected = Counter(line.removesuffix(b"\r") for line in lines)
    assert (
        Counter([*kept, *(each.rstrip(b"\n").removesuffix(b"\r") for each in failed)]) == expected
    )
    assert summary.documents == len(lines) == len(kept) + len(failed)
    numbers = [each["line"] for each in failures]
    assert [lines[number - 1] for number in numbers] == [each.rstrip(b"\n") for each in failed]


# Nulls, and all columns of what failed.


def test_a_null_stays_and_its_entities_are_null(tmp_path: Path) -> None:
    content = '{"text": "Mira"}\n{"id": 2, "text": null}\n{"text": 3}\n\n'
    summary, output, failures = tagged(tmp_path, "in.jsonl", content)
    assert output.read_text().splitlines()[1:] == ['{"id": 2, "text": null, "entities": null}', ""]
    assert [each["line"] for each in failures] == [3]
    assert (summary.documents, summary.failures, summary.nulls) == (3, 1, 1)
    assert summary.to_dict()["nulls"] == 1


def test_rows_of_parquet_that_fail_keep_values_of_every_type(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    when = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    nanoseconds = 1_577_934_245_000_000_001
    columns = {
        "text": [POISON],
        "when": [when],
        "exact": arrow.array([nanoseconds], arrow.timestamp("ns")),
        "far": arrow.array([10**9], arrow.date32()),
        "price": [decimal.Decimal("1.20")],
        "for": [timedelta(seconds=3)],
        "raw": [b"\xff\x00"],
        "nested": [{"a": [1, None], "b": {"c": "ü"}}],
        "pairs": arrow.array([[("k", 1)]], arrow.map_(arrow.string(), arrow.int8())),
        "none": arrow.nulls(1),
    }
    source, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
    parquet.write_table(arrow.table(columns), source)
    tag_files(StubTagger(), [source], output)
    (failure,) = failures_of(output)
    record = json.loads(failure["record"])
    assert list(record) == list(columns)
    assert record["when"] == str(when)
    assert record["exact"].endswith("03:04:05.000000001")
    assert record["far"]
    assert (record["price"], record["for"], record["raw"]) == ("1.20", "0:00:03", "/wA=")
    assert record["nested"] == {"a": [1, None], "b": {"c": "ü"}}
    assert (record["pairs"], record["none"]) == ([["k", 1]], None)


def test_a_file_of_parquet_with_nulls_alone_is_tagged(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    source, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
    parquet.write_table(arrow.table({"id": [1, 2], "text": arrow.nulls(2)}), source)
    assert tag_files(StubTagger(), [source], output).nulls == 2
    assert parquet.read_table(output).to_pylist() == [
        {"id": 1, "text": None, "entities": None},
        {"id": 2, "text": None, "entities": None},
    ]


def test_failures_far_apart_are_read_from_their_own_row_groups(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    bad = {3, 1500, 1501, 2999}
    texts = [POISON if number in bad else "x" for number in range(3000)]
    source, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
    table = arrow.table({"id": range(3000), "text": texts})
    parquet.write_table(table, source, row_group_size=1400)
    tag_files(StubTagger(), [source], output)
    assert [json.loads(each["record"])["id"] for each in failures_of(output)] == sorted(bad)
    assert parquet.read_table(output)["id"].to_pylist() == sorted(set(range(3000)) - bad)


@pytest.mark.parametrize("name", ["in.jsonl", "in.csv"])
def test_a_run_that_loses_a_record_is_not_called_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    append = durable.append

    def losing(stream: Any, content: bytes) -> None:
        if "000000.output" in stream.name:
            content = content.rpartition(b"\n" if name == "in.csv" else b"{")[0]
        append(stream, content)

    monkeypatch.setattr(durable, "append", losing)
    lines = {"in.jsonl": '{"text": "a"}\n' * 3, "in.csv": "text\na\na\na"}
    with pytest.raises(TaggingError, match="3 records were read, but 2 are in the outputs"):
        tagged(tmp_path, name, lines[name])
    assert not (tmp_path / f"out-{name}").exists()


@pytest.mark.parametrize("name", ["in.txt", "in.csv", "in.parquet"])
def test_an_input_that_is_not_read_to_its_end_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source, output = tmp_path / name, tmp_path / name.replace("in.txt", "out.jsonl")
    output = output.with_stem("out")
    if name == "in.parquet":
        arrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.table({"text": ["a"] * 7}), source)
    else:
        source.write_text("text\n" + "a\n" * 7)
    reader = find_inputs([source], None).files[0].reader(TaggingOptions())
    records = type(reader).records
    monkeypatch.setattr(type(reader), "records", lambda *given: islice(records(*given), 5))
    with pytest.raises(TaggingError, match=r"only \d+ of \d+ bytes or rows were read"):
        tag_files(StubTagger(), [source], output)
    assert not output.exists()


# Quotes.


def stray(delimiter: str, *, closed: bool, header: str = "id{}text", rows: int = 1000) -> str:
    """A table in which the text of row 3 begins with a quote, and that of row 700 ends with one."""
    texts = [f"Mira was in Oslo {number}." for number in range(rows)]
    texts[2] = '"Best day ever in Gent'
    if closed:
        texts[min(699, rows - 1)] = 'he said hello"'
    body = "".join(f"{number}{delimiter}{text}\n" for number, text in enumerate(texts))
    return header.format(delimiter) + "\n" + body


@pytest.mark.parametrize("closed", [False, True])
def test_a_lone_quote_of_a_tsv_is_a_character(tmp_path: Path, closed: bool) -> None:
    content = stray("\t", closed=closed)
    summary, output, _ = tagged(tmp_path, "in.tsv", content)
    assert (summary.documents, summary.failures) == (1000, 0)
    lines = output.read_text().splitlines()
    assert [line.rpartition("\t")[0] for line in lines[1:]] == content.splitlines()[1:]
    assert json.loads(lines[3].rpartition("\t")[2])[0]["start"] == 1  # after the quote
    (note,) = summary.notes
    assert note == (
        f"{tmp_path}/in.tsv:4: quotes are read as characters of their cells; --quoting csv "
        "reads them around cells"
    )


@pytest.mark.parametrize("rows", [12, 1000])
@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize(("name", "delimiter"), [("in.csv", ","), ("in.csv", ";")])
def test_a_quote_that_swallows_rows_of_csv_is_an_error_before_any_work(
    tmp_path: Path, name: str, delimiter: str, closed: bool, rows: int
) -> None:
    content = stray(delimiter, closed=closed, rows=rows)
    options = {"separator": delimiter}
    with pytest.raises(FormatError) as caught:
        tagged(tmp_path, name, content, **options)
    assert (caught.value.found, caught.value.place) == (LONE_QUOTE, f"{tmp_path / name}:4")
    assert "--quoting none" in (caught.value.hint or "")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    # the hint is followed
    summary, output, _ = tagged(tmp_path, name, content, **options, quoting="none")
    assert (summary.documents, summary.failures, summary.notes) == (rows, 0, ())
    assert f'2{delimiter}"Best day ever in Gent{delimiter}[{{' in output.read_text()
    output.unlink()
    summary, _, failures = tagged(tmp_path, name, content, **options, quoting="csv")
    assert summary.documents == (rows if not closed else rows - min(699, rows - 1) + 2) - (
        0 if closed else rows - 3
    )
    assert len(failures) == (0 if closed else 1)


def test_a_quote_that_swallows_rows_of_one_column_is_an_error(tmp_path: Path) -> None:
    content = "text\n" + '"Best day\n' + "Mira was here\n" * 30 + 'he said hello"\nx\n'
    with pytest.raises(FormatError, match=r"in.csv:2: a quote opens a cell"):
        tagged(tmp_path, "in.csv", content)
    assert tagged(tmp_path, "in.csv", content, quoting="none")[0].documents == 33


@pytest.mark.parametrize(
    "cell",
    [
        "one\ntwo",
        "Dear Sir,\n\nthanks for the call.\nYours, Mira",
        "\n".join(f"line {number}" for number in range(40)),  # no line has two cells
        "Main St 5, Oslo\nHigh St 3, Bergen\nLow St 9, Bari\nX, Y\nP, Q\nR, S\nT, U",
    ],
)
def test_texts_of_several_lines_are_texts(tmp_path: Path, cell: str) -> None:
    content = f'id,text\n1,"{cell}"\n2,"a ""b"""\n3,c\n'
    summary, output, _ = tagged(tmp_path, "in.csv", content)
    assert (summary.documents, summary.failures) == (3, 0)
    (_, first, *_) = csv.reader(io.StringIO(output.read_text(), newline=""))
    assert first[1] == cell


def test_a_poem_of_one_column_is_a_text(tmp_path: Path) -> None:
    cell = "\n".join(f"line {number}" for number in range(15))
    assert tagged(tmp_path, "in.csv", f'text\n"{cell}"\nx\n')[0].documents == 2


def test_a_tsv_whose_file_shows_quoting_is_read_with_it(tmp_path: Path) -> None:
    content = 'id\ttext\n1\t"Mira said ""hi"""\n2\t"a\nb"\n3\tc\n'
    summary, output, _ = tagged(tmp_path, "in.tsv", content)
    assert (summary.documents, summary.failures, summary.notes) == (3, 0, ())
    rows = list(csv.reader(io.StringIO(output.read_text(), newline=""), delimiter="\t"))
    assert [row[1] for row in rows[1:]] == ['Mira said "hi"', "a\nb", "c"]
    lone = content + "".join(f"{n}\tx\n" for n in range(4, 9)) + '9\t"Best\n10\tx\n11\ty\n'
    with pytest.raises(FormatError, match=r"in.tsv:11: a quote opens a cell") as caught:
        tagged(tmp_path, "in.tsv", lone, start="overwrite")
    assert "--quoting none" in (caught.value.hint or "")


def test_a_cell_whose_few_lines_might_be_rows_is_noted(tmp_path: Path) -> None:
    content = 'id,text\n1,"a, b\nc"\n2,"Best day\n3,he said hello"\n4,"Best day\n5,he said"\n'
    summary, output, _ = tagged(tmp_path, "in.csv", content)
    assert summary.documents == 3
    (note,) = summary.notes
    assert note == (
        f"{tmp_path}/in.csv:4: a quoted cell has 2 lines that might be rows; --quoting none "
        "(quoting=…) reads quotes as characters of their cells"
    )
    output.unlink()
    assert tagged(tmp_path, "in.csv", content, quoting="csv")[0].notes == ()


@pytest.mark.parametrize("quoting", ["none", "csv"])
def test_quoting_is_what_is_stated(tmp_path: Path, quoting: str) -> None:
    content = 'id\ttext\n1\t"Mira"\n'
    _, output, _ = tagged(tmp_path, "in.tsv", content, quoting=quoting)
    (entity,) = json.loads(
        output.read_text().splitlines()[1].split("\t", 2)[2].replace('""', '"').strip('"')
    )
    assert entity["start"] == (1 if quoting == "none" else 0)


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[BinaryIO]:
    with standard_input(monkeypatch) as stream:
        yield stream


def piped(pipe: BinaryIO, content: bytes) -> None:
    """Writes the content while standard input is read."""

    def write() -> None:
        with pipe:
            pipe.write(content)

    threading.Thread(target=write, daemon=True).start()


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize(("format_", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_a_lone_quote_in_a_pipe_costs_one_row_at_most(
    pipe: BinaryIO,
    capsys: pytest.CaptureFixture[str],
    closed: bool,
    format_: Any,
    delimiter: str,
) -> None:
    content = stray(delimiter, closed=closed)
    piped(pipe, content.encode())
    stream = io.BytesIO()
    summary = tag_files(StubTagger(), ["-"], stream, TaggingOptions(format=format_))
    lines = stream.getvalue().decode().splitlines()
    assert summary.documents == 1000
    rows = content.splitlines()
    if format_ == "tsv":
        assert summary.failures == 0
        assert len(summary.notes) == 1
    else:
        (failure,) = map(json.loads, capsys.readouterr().err.splitlines())
        assert (failure["line"], failure["record"]) == (4, f"{rows[3]}\n")
        assert failure["reason"] == LONE_QUOTE
        del rows[3]
    assert [line[: len(row)] for line, row in zip(lines, rows, strict=True)] == rows


def test_a_tsv_in_a_pipe_is_quoted_if_its_header_is(pipe: BinaryIO) -> None:
    piped(pipe, b'"id"\t"text"\n"1"\t"Mira\nwas here"\n')
    stream = io.BytesIO()
    summary = tag_files(StubTagger(), ["-"], stream, TaggingOptions(format="tsv"))
    assert (summary.documents, summary.failures) == (1, 0)


# Records without measure.


@pytest.mark.usefixtures("_short_records")
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    ("name", "form", "header"),
    [
        ("in.txt", "{}\n", ""),
        ("in.jsonl", '{{"text": "{}"}}\n', ""),
        ("in.csv", "{},1\n", "text,n\n"),
        ("in.csv", '"{}",1\n', "text,n\n"),
        ("in.tsv", "{}\t1\n", "text\tn\n"),
    ],
)
def test_a_record_that_is_too_long_fails_alone(
    tmp_path: Path, name: str, form: str, header: str, place: int
) -> None:
    records = [form.format(text) for text in ("Mira", "Oslo")]
    long = form.format("x" * (LONGEST + 20))
    records.insert(place, long)
    summary, output, failures = tagged(tmp_path, name, header + "".join(records))
    assert (summary.documents, summary.failures, summary.entities) == (3, 1, {"short": 2})
    (failure,) = failures
    assert failure["record"] == long
    assert failure["line"] == place + 1 + bool(header)
    assert failure["reason"].startswith(f"the record has {len(long)} bytes, more than ")
    assert "Oslo" in output.read_text()


@pytest.mark.usefixtures("_short_records")
def test_what_is_cut_off_a_record_is_said(tmp_path: Path) -> None:
    monster = "x" * 5000
    summary, _, (failure,) = tagged(tmp_path, "in.txt", f"a\n{monster}\nb\n")
    assert summary.documents == 3
    assert "the record has 5,001 bytes" in failure["reason"]
    kept = len(failure["record"])
    assert failure["reason"].endswith(f"only the first {kept:,} of them are kept here")
    assert monster.startswith(failure["record"])


@pytest.mark.usefixtures("_short_records")
@pytest.mark.parametrize("lines", [5, 50])
def test_a_cell_of_many_lines_that_is_too_long_fails_alone(tmp_path: Path, lines: int) -> None:
    cell = "\n".join(f"line {number} {'y' * (1000 // lines)}" for number in range(lines))
    content = f'text,n\nMira,1\n"{cell}",2\n"a\nb",3\nOslo,4\n'
    summary, output, (failure,) = tagged(tmp_path, "in.csv", content)
    assert (summary.documents, summary.failures) == (4, 1)
    assert f'"{cell}",2\n'.startswith(failure["record"])
    assert f"the record has {len(cell) + 5:,} bytes" in failure["reason"]
    rows = list(csv.reader(io.StringIO(output.read_text(), newline="")))
    assert [row[:2] for row in rows[1:]] == [["Mira", "1"], ["a\nb", "3"], ["Oslo", "4"]]


@pytest.mark.usefixtures("_short_records")
def test_a_lone_quote_before_a_record_that_is_too_long_loses_no_line(
    pipe: BinaryIO, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["text,n", '"Mira,1', "Oslo,2", f'{"x" * 400}",3', "a,4", f'"{"y" * 400}', "b,5", "c,6"]
    piped(pipe, "".join(f"{line}\n" for line in lines).encode())
    stream = io.BytesIO()
    tag_files(StubTagger(), ["-"], stream, TaggingOptions(format="csv"))
    failed = [json.loads(line)["record"] for line in capsys.readouterr().err.splitlines()]
    kept = [line.split(",[")[0] for line in stream.getvalue().decode().splitlines()[1:]]
    found = "".join(failed).splitlines() + [line.split(',"[')[0] for line in kept]
    assert sorted(found) == sorted(lines[1:])


@pytest.mark.usefixtures("_short_records")
def test_a_long_text_of_parquet_fails_alone(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    source, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
    table = arrow.table({"id": [1, 2], "text": ["x" * (LONGEST + 1), "Mira"]})
    parquet.write_table(table, source)
    summary = tag_files(StubTagger(), [source], output)
    assert (summary.documents, summary.failures) == (2, 1)
    assert json.loads(failures_of(output)[0]["record"])["id"] == 1
    assert parquet.read_table(output)["id"].to_pylist() == [2]


# Slow producers.


@pytest.mark.parametrize("kind", ["stub", "model"])
@pytest.mark.parametrize("format_", ["text", "jsonl", "csv"])
def test_lines_of_a_slow_producer_are_tagged_as_they_come(
    pipe: BinaryIO, tagger: Tagger, kind: str, format_: Any
) -> None:
    lines = {
        "text": [b"Mira\n", b"Oslo\n", b"and Ana"],
        "jsonl": [b'{"text": "Mira"}\n', b'{"text": "Oslo"}\n', b'{"text": "Ana"}\n'],
        "csv": [b'text,n\n"Mira",1\n', b"Oslo,2\n", b"Ana,3\n"],
    }[format_]
    stream = Watched()
    answers: list[bool] = []

    producer = slow_producer(pipe, lines, stream, answers, header=int(format_ == "csv"))
    used = tagger if kind == "model" else StubTagger()
    summary = tag_files(used, ["-"], stream, TaggingOptions(format=format_))
    producer.join(60)
    assert answers == [True, True]
    assert summary.documents == 3
