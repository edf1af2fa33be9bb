"""The command line: its boundary, its help, and the commands that need no model."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import nerine
from nerine.cli import main
from nerine.cli.terminal import Titled, VisibleOutput, print_json, table
from nerine.core.display import visible
from nerine.data import corpus as corpus_module
from nerine.data.corpus import load_corpus
from shells import written_to_terminal

COMMANDS = (
    *("demo", "train", "evaluate", "calibrate", "score", "compare", "report", "predict", "tag"),
    *("optimize", "distill", "explain", "check", "suspects", "convert", "split", "describe"),
    *("push", "pull"),
)
CONLL = "Mira B-person\nleft O\n\nOslo B-place\n\n"
ESCAPE = "\x1b[31m"


def run(*arguments: object, **options: Any) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments], **options)


@pytest.fixture
def conll(tmp_path: Path) -> Path:
    path = tmp_path / "train.conll"
    path.write_text(CONLL)
    return path


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A file whose third line follows nothing that it could continue."""
    path = tmp_path / "broken.conll"
    path.write_text("Mira B-person\nleft O\nOslo I-place\n")
    return path


def test_help_names_every_command() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for command in COMMANDS:
        assert f"\n  {command}" in result.stdout
    assert "_NERINE_COMPLETE=bash_source" in result.stdout


@pytest.mark.parametrize("width", [40, 60, 79, 80])
def test_a_table_of_numbers_that_is_too_wide_comes_in_parts(width: int) -> None:
    names = ("precision", "F1, 95% interval", "wrong type and boundary", "support")
    shown = table(("label", *names), numbers=names)
    for label in ("creative-work", "all labels"):
        shown.add_row(label, "0.1234", "0.1000 to 0.9000", "12", "3,456")
        shown.add_section()
    stream = io.StringIO()
    Console(file=stream, width=width, _environ={}).print(Titled("A title", shown))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "A title"
    assert max(len(line) for line in lines) <= width
    rows = [[part.strip() for part in line.split("   ") if part.strip()] for line in lines]
    parts = [row for row in rows if row[:1] == ["label"]]
    assert len(parts) == {40: 4, 60: 2, 79: 2, 80: 1}[width]
    assert [name for row in parts for name in row[1:]] == [*names]
    values = [value for row in rows if row[:1] == ["creative-work"] for value in row[1:]]
    assert values == ["0.1234", "0.1000 to 0.9000", "12", "3,456"]


def test_a_table_with_texts_after_numbers_stays_whole() -> None:
    shown = table(("", "P(gold)", "proposed"), numbers=("", "P(gold)"))
    shown.add_row("1", "0.500", "a long text " * 9)
    stream = io.StringIO()
    Console(file=stream, width=40, _environ={}).print(Titled("A title", shown))
    assert stream.getvalue().count("P(gold)") == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_has_examples(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    examples = result.stdout.partition("Examples:\n")[2]
    assert examples.count(f"nerine {command}") >= 2
    assert "--json" in result.stdout


def test_says_its_version() -> None:
    assert run("--version").stdout == f"nerine {nerine.__version__}\n"


def test_completes_commands() -> None:
    environment = {**os.environ, "_NERINE_COMPLETE": "bash_complete", "COMP_LINE": "nerine de"}
    found = subprocess.run(
        [sys.executable, "-m", "nerine"],
        env={**environment, "COMP_POINT": "9"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "prefix,\nplain,demo\nplain,describe\n"


def test_light_commands_import_no_tensors(tmp_path: Path) -> None:
    arguments = [["--version"], ["--help"], *([command, "--help"] for command in COMMANDS)]
    arguments += [
        ["describe", "sample"],
        ["check", "sample"],
        ["convert", "sample", str(tmp_path), "--to", "columns"],
    ]
    code = (
        "import json, sys\n"
        "from nerine.cli import main\n"
        "for arguments in json.loads(sys.argv[1]):\n"
        "    try:\n"
        "        main(arguments)\n"
        "    except SystemExit as end:\n"
        "        assert end.code == 0, arguments\n"
        "heavy = {'torch', 'numpy', 'transformers', 'tokenizers'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run(
        [sys.executable, "-c", code, json.dumps(arguments)], capture_output=True, check=True
    )


def test_a_user_error_is_a_message_and_exit_code_2(broken: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "nerine", "describe", str(broken)], capture_output=True, text=True
    )
    assert found.returncode == 2
    assert found.stdout == ""
    assert found.stderr.startswith(f"error: {broken}:3: 'I-place' cannot follow 'O' in IOB2\n")
    assert "\n  expected: " in found.stderr
    assert "\n  hint: --repair" in found.stderr
    assert "; --scheme-in (scheme=…) states" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["describe", "./nowhere"], "./nowhere: there is no such file or folder"),
        (["describe", "sample", "--scheme-in", "IOB9"], "unknown tag scheme 'IOB9'"),
        (["describe", "sample", "--format", "xml"], "Invalid value for '--format'"),
        (
            ["convert", "sample", "out.jsonl"],
            "Missing option '--to', the format of the files in out.jsonl",
        ),
        (["convert", "sample", "out", "--to", "parquet"], "'parquet' is not one of"),
        (["train", "sample"], "Missing option '-o'"),
        (["train", "sample", "-o", "run", "--epochs", "0"], "epochs: 0 is too small"),
        (["train", "sample", "-o", "run", "--words", "all"], "Invalid value for '--words'"),
        (["train", "sample", "-o", "run", "--scheme", "X"], "unknown tag scheme 'X'"),
        (["train", "sample", "-o", "run", "--settings", "a.toml"], "a.toml: cannot be read"),
        (["predict", "run", "--file", "no.txt"], "no.txt: the file does not exist"),
        (["evaluate", "run", "sample", "--split", "dev"], "sample: there is no dev split"),
        (["demo", "--epochs", "0"], "epochs: 0 is too small"),
        (["tags"], "No such command 'tags'"),
    ],
)
def test_bad_input_is_an_error(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert message in errors[0]


def test_a_message_shows_no_control_characters(tmp_path: Path) -> None:
    result = run("describe", tmp_path / f"{ESCAPE}corpus")
    assert result.exit_code == 2
    assert f"{tmp_path}/␛[31mcorpus: there is no such file or folder" in result.stderr


def test_an_interruption_is_one_line_and_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(corpus_module, "load_corpus", interrupted)
    result = run("describe", "sample")
    assert result.exit_code == 1
    assert result.stderr.strip() == "interrupted"


def test_a_defect_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_module, "load_corpus", lambda *_, **__: 1 / 0)
    result = run("describe", "sample")
    assert result.exit_code == 1
    assert isinstance(result.exception, ZeroDivisionError)


def test_a_closed_pipe_is_quiet() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "nerine", "describe", "sample", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_describes_a_corpus_as_tables() -> None:
    result = run("describe", "sample")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["corpus", "sample"] in lines
    assert ["train", "630", "none", "54,585", "584", "582"] in lines
    assert ["person", "173", "45", "41"] in lines
    assert result.stderr == ""


def test_describes_a_corpus_as_json() -> None:
    described = json.loads(run("describe", "sample", "--json").stdout)
    assert described["hash"] == load_corpus("sample").hash
    assert described["splits"]["test"]["entities_by_label"]["person"] == 41


def test_shows_no_text_to_a_terminal_that_could_steer_it(tmp_path: Path) -> None:
    record = {
        "text": f"Mira {ESCAPE}left [bold red]Oslo[/] \x9b5m\u202e.",
        "entities": [{"start": 0, "end": 4, "label": "[red]per\x07son"}],
    }
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps(record) + "\n")
    shown = written_to_terminal("describe", str(path))
    assert ESCAPE not in shown
    assert not {"\x07", "\x9b", "\u202e"} & set(shown)
    assert "[bold red]Oslo[/]" in shown
    assert "[red]per␇son" in shown


@given(st.text(st.characters()))
def test_visible_text_is_as_long_and_has_no_control_characters(text: str) -> None:
    shown = visible(text)
    assert len(shown) == len(text)
    assert not any(ord(each) < 32 or 127 <= ord(each) < 160 for each in shown)
    shown.encode()
    assert visible("a\tb\nc\r", lines=True) == "a\tb\nc␍"


def test_json_comes_back_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"text": "naïve \x9b\u202e\ud800 \x1b", "scores": [0.5, 1]}
    print_json(value)
    shown = capsys.readouterr().out
    assert "naïve" in shown
    assert not {"\x9b", "\u202e", "\ud800", "\x1b"} & set(shown)
    assert json.loads(shown) == value


def test_json_has_null_for_what_is_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"loss": float("nan"), "losses": (float("inf"), 1.0)})
    assert json.loads(capsys.readouterr().out) == {"loss": None, "losses": [None, 1.0]}


def test_a_terminal_gets_records_without_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert VisibleOutput().write("a\tb\x1b\n") == 5
    assert capsys.readouterr().out == "a\tb␛\n"


def test_converts_a_file(conll: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    result = run("convert", conll, target)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr == f"wrote {target}: 2 documents\n"
    assert load_corpus(target).train == load_corpus(conll).train


def test_converts_a_file_to_another_scheme_and_separator(conll: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.bio"
    run("convert", conll, target, "--scheme-out", "bioes", "--separator-out", "space")
    assert target.read_text() == "Mira S-person\nleft O\n\nOslo S-place\n\n"


def test_converts_to_the_style_of_another_tool(conll: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    run("convert", conll, target, "--style", "prodigy")
    record = json.loads(target.read_text().splitlines()[0])
    assert record["spans"][0]["token_end"] == 0


def test_reads_the_columns_that_it_is_told(tmp_path: Path) -> None:
    source, target = tmp_path / "a.conll", tmp_path / "b.jsonl"
    source.write_text("1 B-person Mira x\n2 O left y\n")
    run("convert", source, target, "--token-column", "2", "--tag-column", "-3")
    assert json.loads(target.read_text())["text"] == "Mira left"


def test_names_tags_that_are_numbers(tmp_path: Path) -> None:
    source, target = tmp_path / "a.jsonl", tmp_path / "b.conll"
    source.write_text('{"words": ["Mira", "left"], "gold": [1, 0]}\n')
    options = ["--format", "words", "--tag-column", "gold", "--tag-names", "O,B-person,I-person"]
    result = run("convert", source, target, *options)
    assert result.exit_code == 0
    assert target.read_text() == "Mira\tB-person\nleft\tO\n\n"


def test_converts_a_corpus_to_a_folder(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder"
    result = run("convert", "sample", target, "--to", "words", "--json")
    assert json.loads(result.stdout) == {
        "written": {
            str(target / "train.jsonl"): 630,
            str(target / "validation.jsonl"): 165,
            str(target / "test.jsonl"): 165,
        },
        "notes": [],
    }
    assert load_corpus(target).hash == load_corpus("sample").hash


def test_counts_what_was_repaired(broken: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.conll"
    result = run("convert", broken, target, "--repair")
    assert ": 1 tag repaired in 1 document" in result.stderr
    assert target.read_text().endswith("Oslo\tB-place\n\n")


def test_counts_what_was_skipped(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "a", "answer": "accept"}\n{"text": "b", "answer": "reject"}\n')
    result = run("convert", source, tmp_path / "b.jsonl", "--skip", "rejected", "--json")
    assert json.loads(result.stdout)["notes"] == [f"{source}: 1 rejected record skipped"]


def test_a_conversion_that_fails_leaves_the_target_alone(broken: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    target.write_text("as it was")
    assert run("convert", broken, target).exit_code == 2
    assert target.read_text() == "as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.conll", "out.jsonl"]


def test_a_corpus_cannot_become_a_file(conll: Path, tmp_path: Path) -> None:
    result = run("convert", "sample", conll, "--to", "spans")
    assert result.exit_code == 2
    assert f"error: {conll}: the folder cannot be made" in result.stderr
    assert conll.read_text() == CONLL


def test_converts_a_corpus_to_folders_of_brat_and_back(tmp_path: Path) -> None:
    target, back = tmp_path / "brat", tmp_path / "back"
    shown = json.loads(run("convert", "sample", target, "--to", "brat", "--json").stdout)
    assert shown["written"][str(target / "train")] == 630
    assert load_corpus(target).splits == load_corpus("sample").splits
    assert run("convert", target, back, "--to", "spans").exit_code == 0
    assert load_corpus(back).splits == load_corpus("sample").splits


def test_a_folder_of_brat_converts_like_a_file(conll: Path, tmp_path: Path) -> None:
    assert run("convert", conll, tmp_path / "train", "--to", "brat").exit_code == 0
    assert run("convert", tmp_path / "train", tmp_path / "back.conll").exit_code == 0
    assert load_corpus(tmp_path / "back.conll").train == load_corpus(conll).train
    again = run("convert", conll, tmp_path / "train", "--to", "brat")
    assert again.exit_code == 2
    assert "the folder is not empty" in again.stderr


def test_counts_overlaps_and_says_what_was_read_how(tmp_path: Path) -> None:
    source, target = tmp_path / "a.json", tmp_path / "b.conll"
    labels = {"labels": ["x"]}
    regions = [{"start": 1, "end": 3, **labels}, {"start": 2, "end": 3, **labels}]
    source.write_text(json.dumps([{"text": "🦊aa", "annotation_id": 1, "label": regions}]))
    refused = run("convert", source, target)
    assert refused.exit_code == 2
    assert "2 entities in 1 document overlap others: 'aa' x [1, 3), 'a' x [2, 3)" in refused.stderr
    assert "hint: --overlaps outermost" in refused.stderr
    result = run("convert", source, target, "--overlaps", "outermost", "--json")
    notes = json.loads(result.stdout)["notes"]
    assert f"{source}: 1 entity that overlaps others left out" in notes


def test_what_the_format_to_write_has_no_place_for_is_said(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    scored = {"start": 0, "end": 4, "label": "person", "score": 0.5}
    other = {"tokens": [[0, 2]], "url": "x"}
    records = [
        {"id": "1", "text": "Mira", "entities": [scored]},
        {"id": "2", "text": "Bo", "entities": [[0, 2, "person"]], **other},
    ]
    source.write_text("".join(f"{json.dumps(each)}\n" for each in records))
    result = run("convert", source, tmp_path / "b.conll", "--json")
    (note,) = json.loads(result.stdout)["notes"]
    assert note == "scores of 1 document not written: the format 'columns' has no place for them"
    result = run("convert", source, tmp_path / "b.csv", "--json")
    assert json.loads(result.stdout)["notes"] == []
    result = run("convert", source, tmp_path / "b.pubtator", "--json")
    assert [note.partition(" not")[0] for note in json.loads(result.stdout)["notes"]] == [
        "tokens of 1 document",
        "scores of 1 document",
        "other fields of 1 document",
    ]
