"""The records of JSON files, whichever way they are written down."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core import json_values
from nerine.core.errors import FormatError
from nerine.core.files import read_records, read_values

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
RECORDS = st.lists(st.dictionaries(st.text(max_size=6), VALUES, max_size=3), max_size=4)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("values") / "file.json"


def values(file: Path, content: str | bytes) -> list[tuple[int, Any]]:
    file.write_bytes(
        content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    )
    return list(read_values(file))


@given(RECORDS, st.sampled_from([None, 0, 1, 4]), st.sampled_from(["\n", "\r\n", "", " \n\n"]))
def test_lines_arrays_and_objects_in_any_indentation_are_read_alike(
    file: Path, records: list[dict[str, Any]], indent: int | None, end: str
) -> None:
    one_a_line = "".join(f"{json.dumps(record)}\n" for record in records)
    several = end.join(json.dumps(record, indent=indent) for record in records)
    array = json.dumps(records, indent=indent) + end
    for content in (one_a_line, several, array):
        assert [value for _, value in values(file, content)] == records


@pytest.mark.parametrize("piece", [1, 2, 7])
def test_values_do_not_depend_on_where_a_long_line_is_cut(
    file: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr("nerine.core.files._PIECE", piece)
    records = [{"é🙂": [1, -25, 3.5, True, None, 'a\\"\n\u2028🙂']}, {}, {"x": {"y": "中"}}]
    array = json.dumps(records, ensure_ascii=False)
    assert [value for _, value in values(file, array)] == records
    assert [value for _, value in values(file, "[12, 345 , true]")] == [12, 345, True]


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ('{"a": 1}\n\n{"a": 2}', [1, 3]),
        ('\ufeff{"a": 1}{"a": 2}\n{"a": 3}', [1, 1, 2]),
        ('\n[\n {"a": 1}, {"a":\n 2},\n\n {"a": 3}\n]\n', [3, 3, 6]),
        ('{\n "a": 1\n}\n{\n "a": 2\n}', [1, 4]),
        ("[]", []),
        ("", []),
        (" \r\n ", []),
    ],
)
def test_each_value_has_the_number_of_its_first_line(
    file: Path, content: str, lines: list[int]
) -> None:
    assert [line for line, _ in values(file, content)] == lines


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"data": [{"text": "a"}, {"text": "b"}]}', [{"text": "a"}, {"text": "b"}]),
        ('{"version": "1", "examples": [{"content": "a"}]}', [{"content": "a"}]),
        ('{"classes": ["X"], "annotations": [["a", {}], null]}', [["a", {}], None]),
        ('{"rasa_nlu_data": {"common_examples": [{"text": "a"}]}}', [{"text": "a"}]),
        # records of their own
        ('{"text": "a", "annotations": [{"text": "a", "start": 0}]}', None),
        ('{"data": "a", "label": [[0, 1, "x"]]}', None),
        ('{"data": {"text": "a"}, "annotations": [{"result": []}]}', None),
        ('{"data": [{"text": "a"}], "examples": [{"text": "b"}]}', None),
        ('{"annotations": [{"text": "a", "start": 0, "end": 1}]}', None),
        ('{"data": []}', None),
    ],
)
def test_an_object_that_holds_the_list_of_records_is_that_list(
    file: Path, content: str, expected: list[Any] | None
) -> None:
    found = [value for _, value in values(file, content)]
    assert found == ([json.loads(content)] if expected is None else expected)
    # of several objects none is the list
    assert len(values(file, content + "\n" + '{"text": "c"}')) == 2


def test_arrays_that_begin_with_a_string_are_records(file: Path) -> None:
    assert values(file, '["a", {}]\n["b", {}]') == [(1, ["a", {}]), (2, ["b", {}])]
    assert values(file, '[["a", {}],\n["b", {}]]') == [(1, ["a", {}]), (2, ["b", {}])]


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ('{"a": 1}\n{"a": [\n{"a": 2}\n', 2, "Expecting value"),
        ('{"a": 1}\n{"a": "x\n{"a": 2}\n', 2, "Unterminated string"),
        ('{"a": 1}\n{"a": 2', 2, "Expecting ',' delimiter"),
        ('{\n"a": 1,\n"b":}\n{"a": 1}', 3, r"Expecting value \(column 5\)"),
        ('[{"a": 1},\n{"a": 2}', 2, "the array does not end"),
        ('[{"a": 1}\n{"a": 2}]', 2, "'{' follows a record"),
        ('[{"a": 1},\n]', 2, "Expecting value"),
        ('[{"a": 1}]\n\n{"a": 2}', 3, "more follows its end"),
        ('{"a": 1}\n{"a": NaN}', 2, "NaN is not a JSON number"),
        ('{"a": 1}\n{"a": -Infinity}', 2, "Infinity is not a JSON number"),
        ('{"a": 1, "b": 2, "a": 1}', 1, "the field 'a' is there twice"),
        ('{"a": 1}\n{"a": ' + "9" * 5000 + "}", 2, "Exceeds the limit"),
        ('{"a": 1}\n' + "[" * 100_000, 2, "nested too deeply"),
        ('{"a": 1}\n' + '{"a":' * 100_000, 2, "nested too deeply"),
        ('{"a": 1}\nhello', 2, "Expecting value"),
        (b'{"a": "\xff"}', 1, "byte 0xff at position 7"),
        (b'{"a": 1}\n{"a":\n "\xff"}', 3, "byte 0xff at position 2"),
        (b'{"a": "\xf0\x9f', 1, "is not UTF-8"),
    ],
)
def test_what_is_not_json_is_refused_in_its_line(
    file: Path, content: str | bytes, line: int, words: str
) -> None:
    with pytest.raises(FormatError, match=words) as caught:
        values(file, content)
    assert caught.value.place == f"{file}:{line}"


def test_a_cut_file_is_called_cut(file: Path) -> None:
    for content in ('[{"a": 1}, {"a": 2}', '[{"a": 1}, {"a"', '{"a": [1,'):
        with pytest.raises(FormatError) as caught:
            values(file, content)
        assert "export or copy it again" in (caught.value.hint or "")


@pytest.mark.parametrize("content", ["[('a', {'entities': []})]", "{'a': 1}", '[["a", (0, 1)]]'])
def test_pythons_own_notation_is_named(file: Path, content: str) -> None:
    with pytest.raises(FormatError) as caught:
        values(file, content)
    assert "json.dump" in (caught.value.hint or "")


def test_what_is_not_an_object_is_no_record(file: Path) -> None:
    for content, kind in (
        ("[1]", "1"),
        ("[null]", "null"),
        ('"a"', "a string"),
        ("[[]]", "an array"),
    ):
        file.write_text(content)
        with pytest.raises(FormatError, match=f"this is {kind}") as caught:
            list(read_records(file))
        assert caught.value.place == f"{file}:1"


def test_records_are_read_as_they_are_asked_for(file: Path) -> None:
    file.write_text('{"a": 1}\n' * 1000 + "{")
    assert next(read_records(file)) == (1, {"a": 1})
    file.write_text("[" + '{"a": 1},' * 100_000 + "{]")
    assert next(read_records(file)) == (1, {"a": 1})


def test_a_long_array_in_one_line_is_not_held_in_memory(file: Path) -> None:
    record = {"text": "x" * 1000}
    file.write_text(json.dumps([record] * 20_000))
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_records(file)) == 20_000
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < file.stat().st_size / 2


def test_a_record_has_a_greatest_length(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "LONGEST", 100_000)
    with pytest.raises(FormatError, match="more than 100,000 characters"):
        values(file, '{"a": "' + "x" * 300_000)


def test_records_that_cannot_be_read_can_be_left_out(file: Path) -> None:
    file.write_bytes(b'{"a": 1}\n{"a"\n[2]\n{"a": "\xff"}\n{"a": 3}\n')
    errors: list[FormatError] = []
    assert list(read_records(file, errors.append)) == [(1, {"a": 1}), (5, {"a": 3})]
    # what may be a record over several lines is read on before it is given up
    assert sorted(str(error.place) for error in errors) == [f"{file}:{n}" for n in (2, 3, 4)]
    # inside an array nothing tells where the next record begins
    file.write_text('[{"a": 1},\n{"a"},\n{"a": 3}]')
    errors.clear()
    assert list(read_records(file, errors.append)) == [(1, {"a": 1})]
    assert [error.place for error in errors] == [f"{file}:2"]
