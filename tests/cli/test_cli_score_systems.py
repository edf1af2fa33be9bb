"""`nerine score` on files as systems write them: any name, changed tokens, both readings."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nerine.cli import main
from nerine.cli.score import score
from nerine.core.document import Document, Entity
from nerine.data.formats import read_documents, write_documents
from nerine.evaluation.alignment.changed_tokens import CHANGED_TOKENS, OTHER

GOLD = "Mira B-p\nleft O\nOslo B-l\n\nAnn B-p\nLee I-p\nsang O\n\nrain O\nin O\nRio B-l\n\n"
ORPHANS = GOLD.replace("Oslo B-l", "Oslo I-l").replace("Rio B-l", "Rio I-l")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def as_json(*arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json", "--samples", "9")
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    path = tmp_path / "test.conll"
    path.write_text(GOLD)
    return path


@pytest.mark.parametrize(
    "name",
    ["system", "system.pred", "system.txt", "system.json", "system.jsonl", "a.spacy", "run1"],
)
@pytest.mark.parametrize("kind", ["rows", "tags alone", "spans", "words"])
def test_the_content_tells_the_format(name: str, kind: str, gold: Path, tmp_path: Path) -> None:
    path = tmp_path / name
    if kind == "rows":
        path.write_text(GOLD)
    elif kind == "tags alone":
        path.write_text(re.sub(r"^\S+ ", "", GOLD, flags=re.MULTILINE))
    else:
        entities = [[(0, 4, "p"), (10, 14, "l")], [(0, 7, "p")], [(8, 11, "l")]]
        texts = ["Mira left Oslo", "Ann Lee sang", "rain in Rio"]
        documents = [
            Document.from_tokens(text.split()).with_entities(Entity(*each) for each in found)
            for text, found in zip(texts, entities, strict=True)
        ]
        write_documents(documents, tmp_path / f"out.{kind}", kind)
        (tmp_path / f"out.{kind}").rename(path)
    assert as_json("score", gold, path)["overall"] == {
        **dict.fromkeys(("precision", "recall", "f1"), 1.0),
        "support": 4,
    }


def test_what_is_no_prediction_is_an_error(gold: Path, tmp_path: Path) -> None:
    for content in ("It rained in Rio.\nNobody sang.\n", "", "\x00\x01\n"):
        path = tmp_path / "notes"
        path.write_text(content)
        result = run("score", gold, path)
        assert result.exit_code == 2
        assert result.stderr.startswith("error: ")


def test_changed_tokens_are_aligned_and_shown(gold: Path, tmp_path: Path) -> None:
    path = tmp_path / "system"
    content = ORPHANS.replace("sang", "sings").replace("Mira", "mira").replace("\n", "\r\n")
    path.write_bytes(content.encode())
    found = as_json("score", gold, path)
    assert found["overall"]["support"] == 4
    assert found["lenient"]["f1"] == 1.0
    assert found["notes"] == [
        f"tolerated: lines that end with a carriage return: 12, first at {path}:1",
        f"tolerated: tokens in another case: 1, first at {path}:1",
        f"tolerated: {OTHER}: 1, first at {path}:7, such as 'sings' for 'sang'",
        f"tolerated: tags that break IOB2: 2, first at {path}:3",
    ]


def test_the_hint_of_too_many_changes_is_a_way_through(gold: Path, tmp_path: Path) -> None:
    path = tmp_path / "system"
    path.write_text(re.sub(r"^(left|sang|rain|in)", r"\1x", GOLD, flags=re.MULTILINE))
    result = run("score", gold, path)
    assert result.exit_code == 2
    assert f"{path}:2: 4 of 9 tokens differ from the gold ones: 'leftx' for 'left'" in result.stderr
    hint = re.search(r"--changed-tokens [\d.]+", result.stderr)
    assert hint is not None
    assert as_json("score", gold, path, *hint[0].split())["overall"]["f1"] == 1.0
    assert run("score", gold, path, "--changed-tokens", "2").exit_code == 2


def test_the_default_share_is_that_of_the_library() -> None:
    (option,) = (each for each in score.params if each.name == "changed_tokens")
    assert option.default == CHANGED_TOKENS


@pytest.mark.parametrize(("reading", "f1"), [("strict", 2 / 3), ("lenient", 1.0)])
def test_the_reading_is_stated(reading: str, f1: float, gold: Path, tmp_path: Path) -> None:
    path, other = tmp_path / "system", tmp_path / "other"
    path.write_text(ORPHANS)
    other.write_text(GOLD)
    found = as_json("score", gold, path, "--reading", reading)
    assert found["overall"]["f1"] == pytest.approx(f1)
    assert found["reading"] == reading
    assert f"|reading:{reading}|" in found["signature"]
    assert found["labels"]["l"]["f1"] == (1.0 if reading == "lenient" else 0.0)
    assert found["strict"]["f1"] == pytest.approx(2 / 3)
    assert found["lenient"]["f1"] == 1.0
    compared = as_json("compare", gold, path, other, "--reading", reading)
    assert compared["systems"][0]["f1"] == pytest.approx(f1)
    assert f"|reading:{reading}|" in compared["signature"]
    assert compared["reading"] == reading
    report = as_json("report", path, gold, "--reading", reading)
    assert report["overall"]["f1"] == pytest.approx(f1)
    assert f"|reading:{reading}|" in report["signature"]
    predicted = sum(len(each["predicted"]) for each in report["documents"])
    assert predicted == (4 if reading == "lenient" else 2)


def test_rows_are_named_for_the_reading(gold: Path, tmp_path: Path) -> None:
    path = tmp_path / "system"
    path.write_text(ORPHANS)
    shown = run("score", gold, path).stdout
    assert "conlleval's reading of tags" in shown
    assert "surface forms, strict reading" in shown
    shown = run("score", gold, path, "--reading", "lenient").stdout
    assert "strict reading of tags" in shown
    assert "conlleval's" not in shown


def test_conlleval_is_not_named_where_it_reads_otherwise(tmp_path: Path) -> None:
    both = tmp_path / "both.conll"
    both.write_text("a S-x S-x\nb S-x S-x\nc B-y B-y\nd E-y I-y\n")
    shown = run("score", both).stdout
    assert "conlleval's" not in shown
    assert re.search(r"^lenient reading of tags +1\.0000 +1\.0000 +1\.0000", shown, re.MULTILINE)


def test_two_columns_of_tags_are_named(gold: Path, tmp_path: Path) -> None:
    path = tmp_path / "system.tsv"
    path.write_text(re.sub(r"^(\S+) (\S+)$", r"\1\t\2\tO", GOLD, flags=re.MULTILINE))
    note = f"columns 1 and 2 of {path} hold tags; 2 is read, --predicted-column"
    found = as_json("score", gold, path)
    assert found["overall"]["f1"] == 0.0
    assert any(each.startswith(note) for each in found["notes"])
    found = as_json("score", gold, path, "--predicted-column", "1")
    assert found["overall"]["f1"] == 1.0
    assert found["notes"] == []


def test_the_layer_that_was_read_in_gold_is_read_in_a_file_with_as_many_columns(
    gold: Path, tmp_path: Path
) -> None:
    layers, system = tmp_path / "layers.tsv", tmp_path / "system.tsv"
    layers.write_text(re.sub(r"^(\S+) (\S+)$", r"\1\t\2\tB-inner", GOLD, flags=re.MULTILINE))
    system.write_text(re.sub(r"^(\S+) (\S+)$", r"\1\t\2\tO", GOLD, flags=re.MULTILINE))
    found = as_json("score", layers, system)
    assert found["overall"]["f1"] == 1.0
    assert f"columns 1 and 2 of {system} hold tags; 1 is read, as in gold" in found["notes"][-1]


LAYERS = "Ulm\tB-o\tB-l\nOpera\tI-o\tO\nsings\tO\tO\n\nAnn\tB-p\tO\nran\tO\tO\n\n"


@pytest.mark.parametrize(
    ("predicted", "options", "recall"),
    [
        (LAYERS, [], 1),
        (LAYERS.replace("B-l", "O"), [], 2 / 3),
        (LAYERS.replace("Ann\tB-p", "Ann\tO"), [], 2 / 3),
        (re.sub(r"\t\S+$", "", LAYERS, flags=re.MULTILINE), [], 2 / 3),
        (re.sub(r"^(?=\S)", "x\t", LAYERS, flags=re.MULTILINE), ["2,3"], 1),
    ],
)
def test_layers_of_gold_are_read_in_a_file_that_has_them(
    tmp_path: Path, predicted: str, options: list[str], recall: float
) -> None:
    (tmp_path / "gold").write_text(LAYERS)
    (tmp_path / "system").write_text(predicted)
    named = ["--predicted-column", *options] if options else []
    files = (tmp_path / "gold", tmp_path / "system")
    found = as_json("score", *files, "--tag-column", "1,2", *named)
    assert found["overall"]["recall"] == pytest.approx(recall)
    assert found["overall"]["precision"] == 1


@pytest.mark.parametrize(
    "comment",
    ["#\thttps://news.example/1\t[2011-02-03]", "# id 7e-2\tdomain=en", "#\tnews vom 1.2."],
)
def test_lines_on_the_source_of_a_sentence_are_comments(tmp_path: Path, comment: str) -> None:
    rows = "1\tAnn\tB-p\tO\n2\tran\tO\tO\n\n"
    for name in ("gold", "system"):
        (tmp_path / name).write_text(f"{comment}\n{rows}{comment}\n{rows}")
    found = as_json("score", tmp_path / "gold", tmp_path / "system")
    assert found["overall"] == {**dict.fromkeys(("precision", "recall", "f1"), 1.0), "support": 2}


@pytest.mark.parametrize("name", ["system", "system.pred"])
def test_another_encoding_is_named_whatever_the_name(gold: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(GOLD.encode("utf-16"))
    result = run("score", gold, tmp_path / name)
    assert result.exit_code == 2
    assert "iconv -f utf-16" in result.stderr


def test_tags_before_a_column_of_numbers_are_found(gold: Path, tmp_path: Path) -> None:
    path = tmp_path / "system.tsv"
    path.write_text(re.sub(r"^(\S+) (\S+)$", r"\1\t\2\t0.93", GOLD, flags=re.MULTILINE))
    found = as_json("score", gold, path)
    assert found["overall"]["f1"] == 1.0
    assert found["notes"] == [f"the tags of {path} are in column 1, the only one with tags"]


def test_a_checkpoint_has_no_reading_to_choose(gold: Path, tmp_path: Path) -> None:
    result = run("report", tmp_path, gold, "--json", "--reading", "lenient")
    assert result.exit_code == 2
    assert "--reading is for a file of tags" in result.stderr


def test_overlapping_entities_are_scored(tmp_path: Path) -> None:
    text = "Ghent University opens"
    documents = [Document(text, (Entity(0, 5, "place"), Entity(0, 16, "group")))]
    gold, predicted = tmp_path / "gold.jsonl", tmp_path / "predicted.jsonl"
    write_documents(documents, gold)
    write_documents([Document(text, (Entity(0, 16, "group"),))], predicted)
    found = as_json("score", gold, predicted)
    assert found["overall"] == {
        "precision": 1.0,
        "recall": 0.5,
        "f1": pytest.approx(2 / 3),
        "support": 2,
    }
    assert found["analysis"]["outcomes"]["correct"] == 1
    assert found["analysis"]["outcomes"]["missed"] == 1


def hint_of(result: Result) -> str:
    assert result.exit_code == 2
    (hint,) = re.findall(r"hint: (.*)", result.stderr)
    return str(hint)


def test_the_hint_of_an_unknown_format_is_a_way_through(gold: Path, tmp_path: Path) -> None:
    pytest.importorskip("spacy", reason="needs the extra spacy")
    path = tmp_path / "system"
    write_documents(read_documents(gold), path, "docbin")
    hint = hint_of(run("score", gold, path))
    assert hint.startswith("--predicted-format (format=…) states the format: columns, ")
    assert as_json("score", gold, path, "--predicted-format", "docbin")["overall"]["f1"] == 1.0


def test_the_hint_of_an_option_of_reading_is_a_way_through(
    gold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    texts = {"Mira left Oslo": [[0, 4, "p"]], "Ann Lee sang": [], "rain in Rio": []}
    records = ({"body": text, "entities": found} for text, found in texts.items())
    path = tmp_path / "system.jsonl"
    path.write_text("".join(f"{json.dumps(each)}\n" for each in records))
    hint = hint_of(run("score", gold, path))
    assert hint.startswith("--text-field (text_field=…) names the field; for predictions")
    command = re.search(r"nerine (convert \S+ \S+\.jsonl),", hint)
    assert command is not None
    assert run(*command[1].split(), "--text-field", "body").exit_code == 0
    found = as_json("score", gold, "converted.jsonl")
    assert found["overall"]["precision"] == 1.0
    assert found["overall"]["recall"] == 0.25


@pytest.mark.parametrize("columns", [r"\1\tO\t\2\t0.9", r"\1\t?\t\2\tx"])
def test_the_hints_of_columns_are_ways_through(columns: str, gold: Path, tmp_path: Path) -> None:
    path = tmp_path / "system"
    content = re.sub(r"^(\S+) (\S+)$", columns, GOLD, flags=re.MULTILINE)
    path.write_text(content.replace("\t?\tO", "\t?\tO\t?"))
    hint = hint_of(run("score", gold, path))
    assert "--predicted-column (tag_column=…) names the column of the tags" in hint
    assert as_json("score", gold, path, "--predicted-column", "2")["overall"]["f1"] == 1.0


def test_the_hint_of_another_split_is_a_way_through(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for name in ("validation", "test"):
        (corpus / f"{name}.conll").write_text(GOLD if name == "test" else GOLD + GOLD)
    predicted = tmp_path / "predicted.jsonl"
    assert run("convert", corpus / "validation.conll", predicted).exit_code == 0
    hint = hint_of(run("score", corpus, predicted))
    assert hint == "--split names the predicted split of the gold corpus"
    assert as_json("score", corpus, predicted, "--split", "validation")["overall"]["f1"] == 1.0


def test_the_hint_of_tags_without_tokens_is_a_way_through(gold: Path, tmp_path: Path) -> None:
    path = tmp_path / "system"
    tags = re.sub(r"^\S+ ", "", GOLD, flags=re.MULTILINE).split("\n")
    tags.insert(2, "")  # a sentence break in another place
    path.write_text("\n".join(tags))
    hint = hint_of(run("score", gold, path))
    assert hint.startswith("add the tokens in the first column")
    lines = GOLD.split("\n")
    lines.insert(2, "")
    path.write_text("\n".join(lines))
    assert as_json("score", gold, path)["overall"]["f1"] == 1.0
