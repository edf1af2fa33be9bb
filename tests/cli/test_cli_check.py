"""`nerine check`: what it shows, its exit codes, and what it finds in WNUT-17."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nerine.cli import main
from nerine.curation.checks import RULES
from places import WNUT

needs_wnut = pytest.mark.skipif(not WNUT.is_dir(), reason="../shared/wnut17 is not there")
FILES = ("wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated")
ESCAPE = "\x1b[31m"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["check", *(str(each) for each in arguments)])


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """A corpus with an orphan tag, a repeated text and a label that training lacks."""
    (tmp_path / "train.conll").write_text("Mira B-person\nleft O\n\n" * 3 + "Oslo I-place\n")
    (tmp_path / "test.conll").write_text("Rio B-Place\n")
    return tmp_path


def test_shows_findings_by_rule_with_their_lines(faulty: Path) -> None:
    result = run(faulty)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == "reading: train: 1 tag repaired in 1 document"
    assert (
        "error  tag-fault  1 (train 1)  a tag that breaks its scheme, such as an orphan I-" in lines
    )
    assert f"  {faulty}/train.conll:10: 'I-place' cannot follow 'O' in IOB2, at 'Oslo'" in lines
    assert "warning  repeated-text  2 (train 2)  the same text as earlier in its split" in lines
    assert any("'place' differs only in upper and lower case" in line for line in lines)
    assert lines[-1].startswith(f"{faulty}: 1 error, ")
    assert lines[-1].endswith(f"by {sum(not rule.needs_encoder for rule in RULES.values())} rules")


def test_says_how_many_findings_are_not_shown(faulty: Path) -> None:
    shown = run(faulty, "--only", "repeated-text", "--show", "1").stdout
    assert "train.conll:4: 'Mira left' stands at" in shown
    assert "train.conll:7: 'Mira left'" not in shown
    assert "  … and 1 more (--show all)" in shown
    everything = run(faulty, "--only", "repeated-text", "--show", "all").stdout
    assert "train.conll:7: 'Mira left'" in everything
    assert "more" not in everything


def test_json_holds_every_finding(faulty: Path) -> None:
    result = run(faulty, "--json", "--show", "1", "--fail-on", "never")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report["source"] == str(faulty)
    assert report["notes"] == ["train: 1 tag repaired in 1 document"]
    found = [each for each in report["findings"] if each["rule"] == "repeated-text"]
    assert [each["place"] for each in found] == [f"{faulty}/train.conll:{n}" for n in (4, 7)]
    assert found[0]["others"] == [f"{faulty}/train.conll:1"]
    assert (found[0]["split"], found[0]["document"], found[0]["start"]) == ("train", 1, None)
    assert sum(report["counts"].values()) == len(report["findings"])


@pytest.mark.parametrize(
    ("only", "fail_on", "code"),
    [
        ("tag-fault", "error", 1),
        ("tag-fault", "never", 0),
        ("repeated-text", "error", 0),
        ("repeated-text", "warning", 1),
        ("repeated-text", "note", 1),
        ("missing-split", "warning", 0),
        ("missing-split", "note", 1),
        ("mojibake", "note", 0),
    ],
)
def test_the_exit_code_says_whether_something_is_that_bad(
    faulty: Path, only: str, fail_on: str, code: int
) -> None:
    assert run(faulty, "--only", only, "--fail-on", fail_on).exit_code == code


def test_rules_can_be_switched_off(faulty: Path) -> None:
    shown = run(faulty, "--off", "tag-fault", "--off", "unknown-label").stdout
    assert "tag-fault" not in shown
    assert "unknown-label" not in shown
    assert "repeated-text" in shown


@pytest.mark.parametrize("arguments", [["--rules"], ["sample", "--rules"]])
def test_lists_the_rules(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 0
    listed = [line.split()[:2] for line in result.stdout.splitlines()[2:]]
    assert listed == [[rule.name, rule.severity] for rule in RULES.values()]
    described = json.loads(run(*arguments, "--json").stdout)
    assert [each["name"] for each in described] == list(RULES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'CORPUS'"),
        (["./nowhere"], "./nowhere: there is no such file or folder"),
        (["sample", "--off", "repeatet-text"], "no rule is called 'repeatet-text'"),
        (["sample", "--only", "x"], "no rule is called 'x'"),
        (["sample", "--only", "long-text"], "the rule 'long-text' looks at subwords"),
        (["sample", "--fail-on", "always"], "Invalid value for '--fail-on'"),
        (["sample", "--show", "-1"], "Invalid value for '--show'"),
        (["sample", "--encoder", "./none"], "./none: there is no such folder"),
        (["empty.conll"], "empty.conll: the train split is empty"),
        (["tag.conll"], "tag.conll:1: no column holds tags"),
    ],
)
def test_what_cannot_be_read_is_an_error(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.conll").write_text("\n")
    Path("tag.conll").write_text("a person\n")
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert f"error: {message}" in result.stderr


def test_the_nearest_rule_is_named() -> None:
    assert "hint: the nearest one is 'repeated-text'" in run("sample", "--off", "repeatet").stderr


def test_no_control_character_reaches_the_terminal(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {"text": f"{ESCAPE}Mira\x07 [bold]", "entities": [[0, 9, f"per{ESCAPE}son"]]},
        {"text": f"{ESCAPE}Mira\x07 [bold]", "entities": [[0, 9, "\u202eb\x9b"]]},
    ]
    path = tmp_path / "train.jsonl"
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    for arguments in ([], ["--json"]):
        result = run(path, *arguments, "--show", "all")
        assert result.exit_code == 1
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(result.stdout)
        assert "[bold]" in result.stdout
    assert "U+001B ESCAPE in '\\x1b[31mMira\\x07 [" in run(path).stdout


def test_imports_nothing_heavy_without_an_encoder(faulty: Path) -> None:
    code = (
        "import sys\n"
        "from nerine.cli import main\n"
        "try:\n"
        "    main(['check', sys.argv[1]])\n"
        "except SystemExit as end:\n"
        "    assert end.code == 1\n"
        "heavy = {'torch', 'numpy', 'transformers', 'tokenizers'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(faulty)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert found.returncode == 0, found.stderr
    assert "tag-fault" in found.stdout


Sentence = tuple[str, tuple[tuple[int, int, str], ...]]


def sentences(name: str) -> list[Sentence]:
    """The sentences of a file of WNUT-17 with the ranges of tokens of their entities."""
    found: list[Sentence] = []
    lines = (WNUT / name).read_text(encoding="utf-8").split("\n")
    for is_sentence, block in groupby(lines, lambda line: bool(line.strip())):
        if not is_sentence:
            continue
        rows = [line.split("\t") for line in block]
        spans: list[tuple[int, int, str]] = []
        for index, (_, tag) in enumerate(rows):
            if tag[0] == "B":
                spans.append((index, index + 1, tag[2:]))
            elif tag[0] == "I":
                spans[-1] = (spans[-1][0], index + 1, tag[2:])
        found.append((" ".join(row[0] for row in rows), tuple(spans)))
    return found


@needs_wnut
def test_wnut_has_the_faults_that_a_plain_reading_of_its_files_shows() -> None:
    report = json.loads(run(WNUT, "--json").stdout)
    found = Counter((each["rule"], each["split"]) for each in report["findings"])
    splits = dict(zip(("train", "validation", "test"), map(sentences, FILES), strict=True))
    earlier: set[str] = set()
    labels: dict[str, set[str]] = defaultdict(set)
    for split, parts in splits.items():
        texts = [text for text, _ in parts]
        assert found["repeated-text", split] == len(texts) - len(set(texts))
        assert found["leaked-text", split] == sum(text in earlier for text in texts)
        first: dict[str, object] = {}
        assert found["relabelled-text", split] == sum(
            first.setdefault(text, spans) != spans for text, spans in parts
        )
        earlier |= set(texts)
        for text, spans in parts:
            for start, end, label in spans:
                labels[" ".join(text.split(" ")[start:end])].add(label)
    assert found["repeated-text", "train"] == 103
    conflicts = [each for each in report["findings"] if each["rule"] == "several-labels"]
    assert len(conflicts) == sum(len(each) > 1 for each in labels.values()) == 25


@needs_wnut
def test_findings_of_wnut_stand_in_the_lines_that_they_name() -> None:
    lines = {
        str(WNUT / name): (WNUT / name).read_text(encoding="utf-8").split("\n") for name in FILES
    }
    report = json.loads(run(WNUT, "--json", "--only", "several-labels").stdout)
    for finding in report["findings"]:
        surface = finding["message"].partition("': '")[0].removeprefix("'")
        for place in (finding["place"], *finding["others"]):
            path, _, line = place.rpartition(":")
            token, tag = lines[path][int(line) - 1].split("\t")
            assert tag.startswith("B-")
            assert surface.split(" ")[0] == token


@pytest.mark.parametrize(
    "arguments",
    [
        ("describe", "corpus"),
        ("describe", "corpus", "--json"),
        ("split", "corpus", "-o", "out", "--of", "all"),
        ("convert", "corpus", "out", "--to", "spans"),
        ("check", "corpus"),
    ],
)
def test_a_label_of_the_test_split_alone_stops_no_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus").mkdir()
    people = "".join(f"{name} B-PER\nran O\n\n" for name in ("Ann", "Bob", "Mira", "Zoë"))
    (tmp_path / "corpus" / "train.txt").write_text(people * 3)
    (tmp_path / "corpus" / "test.txt").write_text(people + "Acme B-ORG\ngrows O\n")
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.stderr
    said = " ".join(result.output.split())
    expected = "the label 'ORG' of the test split" if "check" in arguments else "'ORG' (1)"
    assert expected in said
    if "describe" in arguments and "--json" not in arguments:
        assert "ORG 0 1" in said
