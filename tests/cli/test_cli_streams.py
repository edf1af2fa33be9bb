"""`nerine predict` and `nerine tag` on standard input."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nerine.cli import main
from streams import Watched, slow_producer, standard_input


@pytest.fixture(scope="module")
def checkpoint(checkpoint_of: Callable[..., Path]) -> Path:
    return checkpoint_of("bert")


def run(*arguments: object, **options: Any) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)], **options)


def texts_of(result: Result) -> list[str]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line)["text"] for line in result.stdout.splitlines()]


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict"],
        ["predict", "--to", "text"],
        ["predict", "--to", "columns"],
        ["predict", "--file", "-"],
        ["tag", "-", "-o", "-", "--format", "text"],
    ],
)
def test_a_slow_producer_is_answered_line_by_line(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    output = Watched()
    answers: list[bool] = []
    lines = [b"Mira\n", b"Oslo\n", b"Ana\n"]
    with standard_input(monkeypatch) as pipe, io.TextIOWrapper(output, write_through=False) as out:
        monkeypatch.setattr("sys.stdout", out)
        producer = slow_producer(pipe, lines, output, answers)
        with pytest.raises(SystemExit) as ended:
            main([arguments[0], str(checkpoint), *arguments[1:]])
        producer.join(60)
        assert ended.value.code == 0
        assert answers == [True, True]
        written = output.getvalue().decode()
    assert [name in written for name in ("Mira", "Oslo", "Ana")] == [True] * 3


def test_standard_input_is_a_file_called_dash(checkpoint: Path, tmp_path: Path) -> None:
    more = tmp_path / "more.txt"
    more.write_text("Ana\n")
    given = "\ufeffMira\n\nOslo"
    result = run("predict", checkpoint, "Bo", "--file", "-", "--file", more, input=given)
    assert texts_of(result) == ["Bo", "Mira", "", "Oslo", "Ana"]
    assert texts_of(run("predict", checkpoint, input=given)) == ["Mira", "", "Oslo"]


@pytest.mark.parametrize(
    ("format_", "given"),
    [
        ("spans", '{"text": "Mira left", "entities": []}\n{"text": "Oslo"}\n'),
        ("columns", "Mira O\nleft O\n\nOslo O\n"),
    ],
)
def test_standard_input_may_have_the_format_of_a_corpus(
    checkpoint: Path, format_: str, given: str
) -> None:
    result = run("predict", checkpoint, "--file", "-", "--format", format_, input=given)
    assert texts_of(result) == ["Mira left", "Oslo"]
    bad = run("predict", checkpoint, "--file", "-", "--format", "spans", input="{\n")
    assert bad.exit_code == 2
    assert "standard input:1: " in bad.stderr


def test_standard_input_is_read_once(checkpoint: Path) -> None:
    result = run("predict", checkpoint, "--file", "-", "--file", "-", input="a")
    assert result.exit_code == 2
    assert "standard input can be read once only" in result.stderr
    bad = run("predict", checkpoint, "--file", "-", input=b"Mira\nM\xfcller\n")
    assert "standard input:2: byte 0xfc" in bad.stderr


def test_the_summary_counts_records(checkpoint: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"text": "Mira"}\n{"text": null}\n{"text": 5}\n')
    result = run("tag", checkpoint, source, "-o", output)
    assert result.exit_code == 1
    assert "3 records in = 2 out + 1 failed" in result.stderr
    assert "note: 1 record has null instead of a text: the entities are null" in result.stderr


def test_quoting_is_an_option_of_tag(checkpoint: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text('id,text\n1,"Mira\n' + "2,Oslo\n" * 9)
    result = run("tag", checkpoint, source, "-o", output)
    assert result.exit_code == 2
    assert "in.csv:2: a quote opens a cell of this row" in result.stderr
    assert "--quoting none" in result.stderr
    assert run("tag", checkpoint, source, "-o", output, "--quoting", "none").exit_code == 0
    assert len(output.read_text().splitlines()) == 11
    source, output = tmp_path / "in.tsv", tmp_path / "out.tsv"
    source.write_text('id\ttext\n1\t"Mira\n')
    result = run("tag", checkpoint, source, "-o", output)
    assert "note: " in result.stderr
    assert "in.tsv:2: quotes are read as characters of their cells" in result.stderr
