"""The commands that use a checkpoint: predict, evaluate, explain."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

import nerine
from dictionary import make_dictionary
from nerine.cli import main
from nerine.cli.documents import entity_lines, print_documents
from nerine.cli.explain import explanation_tables
from nerine.core.document import Document, Entity, plain_line
from nerine.core.tagged_page import tagged_page
from nerine.data.formats import WriteOptions, read_documents, write_documents
from nerine.model.explanation import Table, explain
from nerine.model.tagger import Tagger
from tiny import documents

TEXTS = ("Mira Okonjo left Oslo .", "", "Nobody was there .")
LABELLED = Document(
    "<b>Mira</b> & Tandem\x1b\nLabs",
    (Entity(3, 7, "<person>", 0.5), Entity(14, 26, "group")),
)


@pytest.fixture(scope="module")
def checkpoint(checkpoint_of: Callable[..., Path]) -> Path:
    return checkpoint_of("bert")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name in ("train", "test"):
        write_documents(documents(), folder / f"{name}.conll")
    return folder


def run(*arguments: object, **options: Any) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments], **options)


def texts_of(result: Result) -> list[str]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line)["text"] for line in result.stdout.split("\n") if line]


def test_predicts_the_arguments_as_json_lines_in_a_pipe(checkpoint: Path, tagger: Tagger) -> None:
    result = run("predict", checkpoint, *TEXTS)
    assert result.stderr == ""
    expected = io.StringIO()
    write_documents(tagger.predict(TEXTS), expected, "spans", WriteOptions(entity_texts=True))
    assert result.stdout == expected.getvalue()
    assert '"score"' in result.stdout
    for line in result.stdout.splitlines():
        record = json.loads(line)
        assert [record["text"][e["start"] : e["end"]] for e in record["entities"]] == [
            e["text"] for e in record["entities"]
        ]
    assert run("predict", checkpoint, *TEXTS, "--json").stdout == result.stdout


def test_compact_lines_have_no_texts_of_entities_and_are_read_the_same(
    checkpoint: Path, tmp_path: Path
) -> None:
    plain, compact = tmp_path / "plain.jsonl", tmp_path / "compact.jsonl"
    assert run("predict", checkpoint, *TEXTS, "-o", plain).exit_code == 0
    assert run("predict", checkpoint, *TEXTS, "-o", compact, "--compact").exit_code == 0
    assert plain.read_text().count('"text"') > len(TEXTS)
    assert compact.read_text().count('"text"') == len(TEXTS)
    assert [*read_documents(plain)] == [*read_documents(compact)]
    again = run("predict", checkpoint, "--file", plain, "--compact")
    assert again.stdout == compact.read_text()


def test_entities_are_rows_of_a_table_in_a_file_a_pipe_and_on_a_terminal(
    checkpoint: Path, tagger: Tagger, tmp_path: Path
) -> None:
    records, output = tmp_path / "in.jsonl", tmp_path / "out.csv"
    records.write_text(
        f'{{"text": "Nobody was there .", "id": 1}}\n{{"text": "{TEXTS[0]}", "id": "=t"}}\n'
    )
    expected = [
        ("2", "=t", document.surface(entity), entity.label)
        for document in tagger.predict([TEXTS[0]])
        for entity in document.entities
    ]
    given = ("predict", checkpoint, "--file", records, "--as", "entities")
    result = run(*given, "-o", output)
    rows = list(csv.DictReader(io.StringIO(output.read_text("utf-8-sig"))))
    found = [(row["record"], row["id"], row["entity"], row["label"]) for row in rows]
    assert [row for row in found if row[0] == "2"] == expected
    assert "cell that begins with one of" in result.stderr or "cells that begin" in result.stderr
    escaped = run(*given, "--to", "csv", "--escape-formulas")
    assert "2,'=t," in escaped.stdout
    assert not escaped.stdout.startswith("\ufeff")
    piped = [json.loads(line) for line in run(*given).stdout.splitlines()]
    assert [row["entity"] for row in piped] == [row["entity"] for row in rows]
    assert {row["id"] for row in piped} <= {1, "=t"}
    header, _, *shown = run(*given, "--to", "text").stdout.splitlines()
    assert header.split() == ["record", "id", "entity", "label", "start", "end", "score"]
    assert [line.split()[0] for line in shown] == [row["record"] for row in rows]


def test_a_table_of_entities_is_safe_on_a_terminal_and_leaves_ids_out_that_nobody_has() -> None:
    terminal = Console(file=io.StringIO(), width=60, force_terminal=True, color_system=None)
    terminal.print(entity_lines([LABELLED, Document("[b]x", (Entity(0, 4, "\x1b[31m"),))]))
    text = terminal.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b" not in text
    assert "id" not in text.splitlines()[0].split()
    assert "[b]x" in text
    assert "␛[31m" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--as", "entities", "--to", "html"), "cannot be written as html"),
        (("--as", "entities", "-o", "out.conll"), "cannot be written as columns"),
        (("--as", "entities", "--to", "parquet"), "Parquet needs a file"),
        (("--as", "entities", "--compact"), "a table of entities has their texts"),
        (("--escape-formulas",), "--escape-formulas: this is for a table of entities"),
        (("-o", "out.csv"), "csv: this is for a table of entities"),
    ],
)
def test_options_of_tables_that_do_not_go_together_are_refused_before_a_model_is_loaded(
    arguments: tuple[str, ...], message: str
) -> None:
    result = run("predict", "no-such-checkpoint", "Mira", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_predicts_each_line_of_standard_input(checkpoint: Path) -> None:
    given = "Mira left .\n\n  two  spaces\r\nline\u2028separator\nwithout an end"
    result = run("predict", checkpoint, input=given)
    assert texts_of(result) == [
        "Mira left .",
        "",
        "  two  spaces",
        "line\u2028separator",
        "without an end",
    ]


def test_predicts_nothing_for_empty_input(checkpoint: Path) -> None:
    assert texts_of(run("predict", checkpoint, input="")) == []


def test_names_the_line_of_standard_input_that_is_no_utf8(checkpoint: Path) -> None:
    result = run("predict", checkpoint, input=b"Mira\nM\xfcller\n")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: standard input:2: byte 0xfc")


def test_predicts_files_in_the_order_given(checkpoint: Path, tmp_path: Path) -> None:
    lines, records, columns = (tmp_path / name for name in ("a.txt", "b.jsonl", "c.conll"))
    lines.write_text("one\n\nO B-x\n")
    records.write_text('{"text": "four", "url": {"a": 1}, "id": 7}\n{"text": "", "label": []}\n')
    columns.write_text("Mira B-person\nleft O\n")
    result = run(
        *("predict", checkpoint, "zero", "--file", lines, "--file", records, "--file", columns)
    )
    assert texts_of(result) == ["zero", "one", "", "O B-x", "four", "", "Mira left"]
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert found[4]["url"] == {"a": 1}
    assert found[4]["id"] == 7
    assert "label" not in found[5]
    assert found[6]["tokens"] == [[0, 4], [5, 9]]


def test_a_file_is_of_the_format_that_is_said(checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "columns.txt"
    path.write_text("Mira B-person\nleft O\n")
    assert texts_of(run("predict", checkpoint, "--file", path, "--format", "columns")) == [
        "Mira left"
    ]


@pytest.mark.parametrize("name", ["out.jsonl", "out.conll"])
def test_writes_what_the_name_of_the_output_tells(
    name: str, checkpoint: Path, tagger: Tagger, tmp_path: Path
) -> None:
    path = tmp_path / name
    result = run("predict", checkpoint, *TEXTS, "-o", path)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    found = list(read_documents(path))
    assert [document.text for document in found] == list(TEXTS)
    assert [spans(document) for document in found] == [
        spans(document) for document in tagger.predict(TEXTS)
    ]


def spans(document: Document) -> list[tuple[int, int, str]]:
    return [(each.start, each.end, each.label) for each in document.entities]


@pytest.mark.parametrize("name", ["out.html", "out.txt"])
def test_pages_and_lines_are_the_same_in_a_file_and_in_a_pipe(
    name: str, checkpoint: Path, tmp_path: Path
) -> None:
    path = tmp_path / name
    kind = {".html": "html", ".txt": "text"}[path.suffix]
    assert run("predict", checkpoint, *TEXTS, "-o", path).exit_code == 0
    assert path.read_text() == run("predict", checkpoint, *TEXTS, "--to", kind).stdout


def test_an_output_is_written_whole_or_not_at_all(checkpoint: Path, tmp_path: Path) -> None:
    records, output = tmp_path / "a.jsonl", tmp_path / "out.html"
    records.write_text('{"text": "one"}\n{"words": "two"}\n')
    output.write_text("as it was")
    result = run("predict", checkpoint, "--file", records, "-o", output)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {records}:2: the record has no text")
    assert output.read_text() == "as it was"
    assert len(list(tmp_path.iterdir())) == 2


def test_an_output_in_a_folder_that_is_not_there_is_an_error(
    checkpoint: Path, tmp_path: Path
) -> None:
    result = run("predict", checkpoint, "Mira", "-o", tmp_path / "no" / "out.jsonl")
    assert result.exit_code == 2
    assert f"{tmp_path / 'no'}: the folder does not exist" in result.stderr


def test_predictions_do_not_replace_the_labels_that_they_were_made_for(
    checkpoint: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.conll"
    path.write_text("Mira B-person\n\n")
    result = run("predict", checkpoint, "--file", path, "-o", path)
    assert result.exit_code == 2
    assert "this file is read, and the output would replace it" in result.stderr
    assert path.read_text() == "Mira B-person\n\n"


@pytest.mark.parametrize("command", [["predict"], ["explain"], ["evaluate", "sample"]])
def test_a_folder_without_a_model_is_an_error(command: list[str], tmp_path: Path) -> None:
    name, *rest = command
    result = run(name, tmp_path, *(rest or ["Mira"]))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {tmp_path}: the folder holds no config.json")


def test_a_plain_line_shows_entities_with_their_labels() -> None:
    assert plain_line(LABELLED) == "<b>[Mira](<person>)</b> & [Tandem␛␊Labs](group)"


def test_a_terminal_with_colours_gets_labels_in_colour() -> None:
    shown = io.StringIO()
    on = Console(file=shown, force_terminal=True, color_system="standard", _environ={})
    print_documents([LABELLED], ["<person>", "group"], on)
    assert "\x1b[1;36mMira\x1b[0m\x1b[7;36m <person> \x1b[0m" in shown.getvalue()
    assert "Tandem␛␊Labs" in shown.getvalue()


def test_a_page_escapes_everything_and_needs_nothing_from_elsewhere() -> None:
    shown = "".join(tagged_page([LABELLED], ["<person>", "group"]))
    assert (
        '<li dir="auto">&lt;b&gt;<mark title="probability 0.5000">Mira'
        "<small><bdi>&lt;person&gt;</bdi></small></mark>&lt;/b&gt; &amp; "
        "<mark>Tandem␛\nLabs<small><bdi>group</bdi></small></mark></li>"
    ) in re.sub(' style="[^"]*"', "", shown)
    assert "prefers-color-scheme: dark" in shown
    assert not re.search("<script|https?:|src=|href=|@import|url\\(", shown)


def test_evaluates_as_a_table(checkpoint: Path, corpus: Path, tagger: Tagger) -> None:
    result = run("evaluate", checkpoint, corpus)
    scores = nerine.evaluate(tagger, documents()).scores
    lines = [line.split() for line in result.stdout.splitlines()]
    head = ["label", "precision", "recall", "F1", *["F1,", "95%", "interval"], "support"]
    assert head in lines
    person = scores.labels["person"]
    assert ["person", f"{person.precision:.4f}"] in [line[:2] for line in lines]
    assert ["all", "labels", f"{scores.overall.precision:.4f}"] in [line[:3] for line in lines]
    assert f"token accuracy {scores.accuracy:.4f} over {scores.tokens}" in result.stdout
    assert result.stderr == ""


def test_evaluates_as_json(checkpoint: Path, corpus: Path, tagger: Tagger) -> None:
    result = run("evaluate", checkpoint, corpus, "--split", "train", "--json")
    found = json.loads(result.stdout)
    expected = {
        "checkpoint": str(checkpoint),
        "corpus": str(corpus),
        "hash": nerine.load_corpus(corpus).hash,
        "split": "train",
        **nerine.evaluate(tagger, documents()).scores.to_dict(),
    }
    assert {name: found[name] for name in expected} == expected
    assert found["signature"].startswith("metric:entity|scheme:ranges|reading:strict|split:train|")
    assert set(found) - set(expected) == {
        *("lenient", "strict", "reading", "intervals", "breakdowns", "analysis", "signature"),
        *("notes", "contamination"),
    }


def test_explains_as_json(checkpoint: Path, tagger: Tagger) -> None:
    result = run("explain", checkpoint, "Mira left Oslo", "--json")
    assert json.loads(result.stdout) == json.loads(
        json.dumps({"checkpoint": str(checkpoint), **explain(tagger, "Mira left Oslo").to_dict()})
    )


def test_explains_in_a_pipe_without_cutting_anything(checkpoint: Path, tagger: Tagger) -> None:
    text = "Mira left " + "abcdefgh" * 30
    result = run("explain", checkpoint, text)
    shown = result.stdout.split()
    tables = explain(tagger, text).tables()
    assert {part for part in _parts(tables) if part} <= set(shown)
    assert "…" not in result.stdout
    header = ["word", "text", *tagger.settings.tags]
    assert header in [line.split() for line in result.stdout.splitlines()]


def _parts(tables: list[Table]) -> set[str]:
    cells = [value for table in tables for row in (table.columns, *table.rows) for value in row]
    return {part for value in cells for part in value.split()}


def test_explains_on_80_columns_in_parts_that_hold_everything() -> None:
    tags = tuple(f"B-label-number-{index}" for index in range(12))
    table = Table("3. Logits", ("word", "text", *tags), (("0", "Mira", *["-12.345"] * 12),))
    shown = io.StringIO()
    on = Console(file=shown, width=80, _environ={})
    for each in explanation_tables([table], on.width):
        on.print(each)
    lines = shown.getvalue().splitlines()
    assert max(len(line) for line in lines) <= 80
    assert {part for line in lines for part in line.split()} >= {*tags, "word", "text"}
    assert shown.getvalue().count("-12.345") == 12
    assert shown.getvalue().count("Mira") == shown.getvalue().count("3. Logits (")


def test_columns_go_out_in_the_scheme_of_every_day(checkpoint: Path, tagger: Tagger) -> None:
    expected = io.StringIO()
    write_documents(tagger.predict(TEXTS), expected, "columns", WriteOptions())
    result = run("predict", checkpoint, *TEXTS, "--to", "columns")
    assert result.stdout == expected.getvalue()


def test_a_file_alone_is_scored_whole_and_repairs_are_noted(
    checkpoint: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mine.conll"
    path.write_text("Mira B-person\nleft O\nOslo I-location\n\n")
    result = run("evaluate", checkpoint, path, "--repair", "--json", "--samples", 9)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["notes"] == ["train: 1 tag repaired in 1 document"]
    assert found["split"] == "all"
    assert "|split:all|" in found["signature"]
    assert "note: train: 1 tag repaired" in run("evaluate", checkpoint, path, "--repair").stdout


# --- words, decoding and windows that the user states


def test_words_decoding_and_windows_are_options_of_every_use(
    checkpoint: Path, corpus: Path, tmp_path: Path
) -> None:
    options = ["--words", "tokenizer", "--decoding", "argmax", "--max-length", "32"]
    tagger = Tagger.load(checkpoint, words="tokenizer", decoding="argmax", max_length=32)
    result = run("predict", checkpoint, *TEXTS, *options, "--json")
    assert result.exit_code == 0, result.stderr
    expected = io.StringIO()
    write_documents(tagger.predict(TEXTS), expected, "spans", WriteOptions(entity_texts=True))
    assert result.stdout == expected.getvalue()
    assert "note: the model was trained on the words 'rule', not 'tokenizer'" in result.stderr
    texts = tmp_path / "texts.txt"
    texts.write_text("Mira Okonjo left Oslo .\n")
    assert run("tag", checkpoint, texts, "-o", tmp_path / "out.jsonl", *options).exit_code == 0
    evaluated = run("evaluate", checkpoint, corpus, "--split", "test", *options)
    assert evaluated.exit_code == 0, evaluated.stderr


@pytest.mark.parametrize("command", ["evaluate", "calibrate"])
def test_nothing_is_saved_for_other_settings_than_the_saved_ones(
    command: str, checkpoint: Path, corpus: Path
) -> None:
    saving = ["--split", "test", "--save"] if command == "evaluate" else []
    result = run(command, checkpoint, corpus, *saving, "--words", "tokenizer")
    assert result.exit_code == 2
    assert "of other settings than the checkpoint's own" in result.stderr
    assert "hint: leave out --words, or" in result.stderr


def test_windows_that_the_model_does_not_take(checkpoint: Path) -> None:
    result = run("predict", checkpoint, "Mira", "--max-length", "100000")
    assert result.exit_code == 2
    assert "expected: from 1 to 128, the most that the model takes" in result.stderr


# --- models of other programs, whose tags the user states


@pytest.fixture(scope="module")
def unnamed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with the outputs LABEL_0 (O), LABEL_1 (B) and LABEL_2 (I)."""
    tags = ("O", "B-person", "I-person")
    return make_dictionary(
        tmp_path_factory.mktemp("unnamed"),
        {"Mira": "B-person", "Okonjo": "I-person"},
        tags,
        id2label={index: f"LABEL_{index}" for index in range(len(tags))},
    )


@pytest.mark.parametrize(
    ("stated", "label"),
    [
        ("O,B-person,I-person", "person"),
        ("LABEL_1=B-person, LABEL_2=I-person", "person"),
        ("LABEL_1=B-x=y,LABEL_2=I-x=y", "x=y"),
        ('["O", "B-a, b", "I-a, b"]', "a, b"),
        ('{"LABEL_1": "B-a = b", "LABEL_2": "I-a = b"}', "a = b"),
    ],
)
def test_tags_are_stated_in_order_or_by_name(unnamed: Path, stated: str, label: str) -> None:
    result = run("predict", unnamed, "so Mira Okonjo left", "--tags", stated)
    assert result.exit_code == 0, result.stderr
    (entity,) = json.loads(result.stdout)["entities"]
    assert (entity["start"], entity["end"], entity["label"]) == (3, 14, label)


def test_a_mixture_of_both_is_told_how_to_write_them(unnamed: Path) -> None:
    mixed = ["O", "B-x=y", "I-x=y"]
    refused = run("predict", unnamed, "Mira", "--tags", ",".join(mixed))
    assert refused.exit_code == 2
    assert 'hint: names with , or = are written in JSON: ["O",' in refused.stderr
    assert run("predict", unnamed, "Mira", "--tags", json.dumps(mixed)).exit_code == 0


def test_the_name_of_a_file_is_not_tagged_as_a_text(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my tickets.txt").write_text("Mira left\nOslo\n")
    Path("more").mkdir()
    for name, kind in (("my tickets.txt", "file"), ("more", "folder")):
        refused = run("predict", checkpoint, "Mira left", name)
        assert refused.exit_code == 2
        assert refused.stdout == ""
        assert f"error: {name}: this is the name of a {kind}" in refused.stderr
    hint = run("predict", checkpoint, "my tickets.txt").stderr
    assert "--file 'my tickets.txt' tags the texts in it" in hint
    assert "echo 'my tickets.txt' | nerine predict" in hint
    assert texts_of(run("predict", checkpoint, "--file", "my tickets.txt")) == ["Mira left", "Oslo"]
    named = run("predict", checkpoint, input="my tickets.txt\n")
    assert texts_of(named) == ["my tickets.txt"]
    assert texts_of(run("predict", checkpoint, "x" * 5000, ".", "")) == ["x" * 5000, ".", ""]


def test_the_name_of_a_file_is_not_explained_as_a_text(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tickets.txt").write_text("Mira left\n")
    refused = run("explain", checkpoint, "tickets.txt")
    assert refused.exit_code == 2
    assert '"$(head -n 1 tickets.txt)" explains its first line' in refused.stderr
    assert json.loads(run("explain", checkpoint, "tickets.txt ", "--json").stdout)["text"]
