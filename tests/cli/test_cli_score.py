"""`nerine score` and `nerine compare`: any system's files in, figures out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nerine import __version__
from nerine.cli import main
from nerine.core.document import Document, Entity
from nerine.data.formats import read_documents, write_documents
from nerine.evaluation.contamination import UNRECORDED

GOLD = "Mira B-p\nleft O\nOslo B-l\n\nAnn B-p\nLee I-p\nsang O\n\nrain O\nin O\nRio B-l\n\n"
WORSE = GOLD.replace("Oslo B-l", "Oslo B-p").replace("Lee I-p", "Lee O")
ESCAPE = "\x1b[31m"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def as_json(*arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def rows_of(result: Result) -> dict[str, list[str]]:
    """The numbers of each line of the output, by the words before them."""
    assert result.exit_code == 0, result.stderr
    rows: dict[str, list[str]] = {}
    for line in result.stdout.splitlines():
        words = [word.strip() for word in line.split("  ") if word.strip()]
        rows.setdefault(words[0] if words else "", words[1:])
    return rows


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    path = tmp_path / "test.conll"
    path.write_text(GOLD)
    return path


@pytest.fixture
def worse(tmp_path: Path) -> Path:
    path = tmp_path / "worse.conll"
    path.write_text(WORSE)
    return path


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A folder with two splits, whose test split is that of `gold`."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "train.conll").write_text("Mira B-p\nsaw O\nRio B-l\n\n")
    (folder / "test.conll").write_text(GOLD)
    return folder


def test_scores_two_files(gold: Path, worse: Path) -> None:
    rows = rows_of(run("score", gold, worse))
    assert rows["l"] == ["1.0000", "0.5000", "0.6667", "0.0000 to 1.0000", "2"]
    assert rows["p"][:3] == ["0.3333", "0.5000", "0.4000"]
    assert rows["all labels"][:3] == ["0.5000", "0.5000", "0.5000"]
    assert rows["all labels"][-1] == "4"
    assert rows["mean of labels"] == ["0.6667", "0.5000", "0.5333"]
    assert rows["boundaries only"] == ["0.7500", "0.7500", "0.7500"]
    assert rows["SemEval-2013, type"][3:] == ["3", "1", "0", "0", "0"]
    assert rows["1 word"] == ["0.5000", "0.6667", "0.5714", "3", "4"]
    assert rows["2 words"] == ["0.0000", "0.0000", "0.0000", "1", "0"]
    assert "token accuracy 0.7778 over 9 tokens of 3 documents" in rows
    assert "conlleval's reading of tags" not in rows
    (signature,) = (name for name in rows if name.startswith("metric:entity|"))
    assert "|scheme:IOB2|reading:strict|split:all|" in signature
    assert signature.endswith(f"|gold:4|version:{__version__}")


def test_scores_as_json(gold: Path, worse: Path) -> None:
    found = as_json("score", gold, worse, "--level", "0.9", "--samples", "50", "--seed", "3")
    assert found["gold"] == str(gold)
    assert found["predicted"] == str(worse)
    assert found["notes"] == []
    assert found["overall"] == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 4}
    assert found["lenient"] is None
    assert found["surface"]["f1"] == 0.5
    intervals = found["intervals"]
    assert [intervals[name] for name in ("level", "samples", "seed")] == [0.9, 50, 3]
    assert found["analysis"]["outcomes"]["wrong type"] == 1
    assert found["analysis"]["outcomes"]["wrong boundary"] == 1
    assert "surface form in training" not in found["breakdowns"]


def test_scores_a_split_of_a_corpus(corpus: Path, worse: Path) -> None:
    found = as_json("score", corpus, worse)
    assert "|split:test|" in found["signature"]
    seen = found["breakdowns"]["surface form in training"]
    # its own training split says what was seen: Mira and Rio
    assert [seen["seen"]["support"], seen["unseen"]["support"]] == [2, 2]
    train = corpus / "train.conll"
    assert as_json("score", corpus, train, "--split", "train")["overall"]["f1"] == 1.0
    wrong = run("score", corpus, train)
    assert wrong.exit_code == 2
    assert f"{train}:2: the token 'saw' differs from the gold token 'left'" in wrong.stderr
    assert f"token 2 of the document at {corpus / 'test.conll'}:1" in wrong.stderr


def test_other_texts_may_say_what_was_seen(gold: Path, worse: Path, corpus: Path) -> None:
    found = as_json("score", gold, worse, "--train", corpus)
    assert found["breakdowns"]["surface form in training"]["seen"]["support"] == 2
    found = as_json("score", gold, worse, "--train", gold)
    assert "unseen" not in {
        kind
        for kind, counts in found["breakdowns"]["surface form in training"].items()
        if counts["support"]
    }


def test_scores_one_file_as_conlleval_takes_it(tmp_path: Path, gold: Path, worse: Path) -> None:
    both = tmp_path / "both.conll"
    pairs = zip(GOLD.split("\n"), WORSE.split("\n"), strict=True)
    both.write_text("\n".join(a and f"{a} {b.split()[1]}" for a, b in pairs))
    found = as_json("score", both)
    other = as_json("score", gold, worse)
    for each in (found, other):
        del each["gold"], each["predicted"]
    assert found == other
    turned = as_json("score", both, "--predicted-column", "1", "--tag-column", "2")
    assert turned["overall"]["f1"] == 0.5
    assert turned["labels"]["l"]["support"] == 1
    assert as_json("score", both, "--predicted-column", "-2")["labels"] == turned["labels"]


def test_one_file_may_say_its_predicted_scheme(tmp_path: Path) -> None:
    both = tmp_path / "both.conll"
    both.write_text("Mira I-p I-p\n")
    assert as_json("score", both)["overall"]["f1"] == 1.0
    stated = as_json("score", both, "--predicted-scheme", "IOB2")
    assert stated["overall"]["f1"] == 0.0
    assert stated["lenient"]["f1"] == 1.0


def test_repairs_and_both_readings_are_shown(gold: Path, worse: Path) -> None:
    worse.write_text(GOLD.replace("Rio B-l", "Rio I-l").replace("\n", "\r\n").replace("-l", "-loc"))
    result = run("score", gold, worse)
    lines = result.stdout.splitlines()
    assert lines[:4] == [
        f"note: {UNRECORDED}",
        f"note: tolerated: lines that end with a carriage return: 12, first at {worse}:1",
        f"note: tolerated: tags that break IOB2: 1, first at {worse}:11",
        "note: 1 predicted label that gold lacks: loc",
    ]
    rows = rows_of(result)
    assert rows["all labels"][:3] == ["0.6667", "0.5000", "0.5714"]
    assert rows["conlleval's reading of tags"] == ["0.5000", "0.5000", "0.5000"]
    assert as_json("score", gold, worse)["notes"] == [
        line.removeprefix("note: ") for line in lines[1:4]
    ]


def test_shows_errors_in_their_texts(gold: Path, worse: Path) -> None:
    shown = run("score", gold, worse, "--show", "1").stdout
    assert shown.rstrip().endswith(
        f"wrong type, {gold}:1\n  gold: Oslo (l)\n  predicted: Oslo (p)\n  Mira left Oslo"
    )
    shown = run("score", gold, worse, "--show", "20").stdout
    assert f"wrong boundary, {gold}:5\n  gold: Ann Lee (p)\n  predicted: Ann (p)\n" in shown


@pytest.mark.parametrize("command", ["score", "compare"])
def test_texts_of_strangers_do_not_steer_the_terminal(command: str, tmp_path: Path) -> None:
    text = f"Mira {ESCAPE}[bold]left[/] \x9b5m\u202e"
    label = f"{ESCAPE}[red]p\x07"
    gold, predicted = tmp_path / "test.jsonl", tmp_path / f"out{ESCAPE}.jsonl"
    other = tmp_path / "other.jsonl"
    write_documents([Document(text, (Entity(0, 12, label),))], gold)
    write_documents([Document(text, (Entity(0, 14, label),))], predicted)
    write_documents([Document(text, (Entity(0, 4, f"{label}q"),))], other)
    arguments: list[object] = {
        "score": [gold, predicted, "--show", "9", "--train", gold],
        "compare": [gold, f"a{ESCAPE}={predicted}", f"[b]={other}", "--show", "9"],
    }[command]
    for more in ([], ["--json"]):
        result = run(command, *arguments, *more)
        assert result.exit_code == 0, result.stderr
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(result.stdout + result.stderr)
    shown = run(command, *arguments).stdout
    assert "␛[31m[bold]left[/] �5m�" in shown
    assert "␛[31m[red]p␇" in shown


def test_formats_and_schemes_may_be_stated(gold: Path, worse: Path, tmp_path: Path) -> None:
    expected = as_json("score", gold, worse)["labels"]
    odd = tmp_path / "output"
    write_documents(read_documents(worse), odd, "words")
    assert as_json("score", gold, odd)["labels"] == expected  # its content tells the format
    assert as_json("score", gold, odd, "--predicted-format", "words")["labels"] == expected
    spans = tmp_path / "spans.jsonl"
    write_documents(read_documents(gold), spans)
    assert as_json("score", spans, worse)["labels"] == expected
    four = tmp_path / "four.conll"
    four.write_text(
        WORSE.replace("\n\n", "\n \n")
        .replace(" O\n", " O x\n")
        .replace("-p\n", "-p x\n")
        .replace("-l\n", "-l x\n")
    )
    assert as_json("score", gold, four, "--predicted-column", "1")["labels"] == expected


BAD: list[tuple[list[str], str]] = [
    (["score", "no.conll", "worse.conll"], "no.conll: there is no such file or folder"),
    (["score", "test.conll", "no.conll"], "no.conll: there is no such file"),
    (["score", "test.conll", "corpus"], "corpus: this is a folder"),
    (["score", "test.conll"], "test.conll:1: 2 columns"),
    (["score", "test.conll", "--predicted-column", "9"], "there is no column 9"),
    (["score", "corpus"], "corpus: no file of predictions is given"),
    (["score", "test.conll", "worse.conll", "--show", "-1"], "Invalid value for '--show'"),
    (
        ["score", "test.conll", "worse.conll", "--level", "95"],
        "level: 95.0 is not a valid confidence level",
    ),
    (
        ["score", "test.conll", "worse.conll", "--level", "nan"],
        "level: nan is not a valid confidence level",
    ),
    (["score", "test.conll", "worse.conll", "--samples", "0"], "samples: 0 is too small"),
    (["score", "test.conll", "worse.conll", "--seed", "-1"], "seed: -1 is negative"),
    (["score", "test.conll", "--split", "test"], "--split needs a corpus"),
    (["score", "corpus", "worse.conll", "--split", "dev"], "corpus: there is no dev split"),
    (["score", "test.conll", "worse.conll", "--train", "no"], "no: there is no such file"),
    (["score", "test.conll", "worse.conll", "--predicted-scheme", "X"], "unknown tag scheme"),
    (["score", "test.conll", "worse.conll", "--predicted-column", "9"], "there is no column 9"),
    (["score", "test.conll", "worse.conll", "--predicted-column", "x"], "tag_column is 'x'"),
    (["score", "test.conll", "short.conll"], "short.conll:9: the file ends after 7 rows"),
    (["score", "test.conll", "empty.conll"], "empty.conll: no rows"),
    (["score", "test.conll", "bytes.conll"], "is not UTF-8"),
    (["score", "test.conll", "bad.jsonl"], "bad.jsonl:1: this is not valid JSON"),
    (["compare", "test.conll", "worse.conll"], "1 system given: worse.conll"),
    (["compare", "test.conll", "a=worse.conll", "a=test.conll"], "1 system given: a"),
    (["compare", "test.conll", "no.conll", "worse.conll"], "no.conll: there is no such file"),
    (["compare", "test.conll", "worse.conll", "short.conll"], "short.conll:9: the file ends"),
    (["compare", "test.conll", "worse.conll", "corpus"], "corpus"),
    (["compare", "test.conll", "worse.conll", "test.conll", "--show", "-1"], "for '--show'"),
    (["compare", "test.conll", "worse.conll", "test.conll", "--seed", "-1"], "seed: -1"),
    (["compare", "test.conll", "worse.conll", "test.conll", "--level", "1"], "level: 1.0"),
    (["compare", "corpus", "worse.conll", "worse.conll", "--split", "x"], "there is no x split"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_input_is_an_error(
    arguments: list[str],
    message: str,
    gold: Path,
    worse: Path,
    corpus: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(gold.parent)
    Path("short.conll").write_text(GOLD[: GOLD.index("\nin O")])
    Path("empty.conll").write_text("\n")
    Path("bytes.conll").write_bytes(b"Mira B-p\n\xff O\n")
    Path("bad.jsonl").write_text("{")
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert message in errors[0]


def test_compares_files(gold: Path, worse: Path) -> None:
    result = run("compare", gold, worse, gold, "--show", "1")
    rows = rows_of(result)
    assert rows[str(worse)] == ["0.5000", "0.0000 to 1.0000", "1"]
    assert rows[str(gold)] == ["1.0000", "1.0000 to 1.0000", "1"]
    assert f"\nF1 of {gold} − {worse}, and how often" in result.stdout
    assert rows["all labels"][:2] == ["+0.5000", "+0.0000 to +1.0000"]
    assert "p over 1,000 samples, seed 0" in result.stdout
    assert f"{worse} and {gold} differ in 2 documents" in result.stdout
    shown = result.stdout.partition("differ in 2 documents")[2]
    assert shown.splitlines()[2] == f"+2 for {gold}, {gold}:1"
    assert shown.count("gold:") == 2  # the text's line, and the field of the signature


def test_a_system_that_finds_nothing_is_warned_of(gold: Path, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.conll"
    nothing.write_text(re.sub(r"(?m) [BI]-[pl]$", " O", GOLD))
    result = run("compare", gold, f"old={nothing}", f"new={gold}")
    assert result.exit_code == 0
    assert "\nwarning: old finds next to nothing here, F1 0.0000: a difference" in result.stdout
    assert "warning: new" not in result.stdout
    (warning,) = as_json("compare", gold, f"old={nothing}", f"new={gold}")["warnings"]
    assert warning.startswith("old finds next to nothing")
    assert as_json("compare", gold, f"old={gold}", f"new={gold}")["warnings"] == []


def test_compares_several_seeds(gold: Path, worse: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.conll"
    bad.write_text(
        GOLD.replace("B-", "O B-").replace("O B-p", "O").replace("O B-l", "O").replace("I-p", "O")
    )
    found = as_json(
        "compare", gold, f"old={worse}", f"new={gold}", f"old={bad}", "--samples", "200"
    )
    old, new = found["systems"]
    assert (old["name"], old["values"]) == ("old", [0.5, 0.0])
    assert (old["f1"], old["spread"]) == (0.25, pytest.approx(0.5 / 2**0.5))
    assert (new["name"], new["values"], new["spread"]) == ("new", [1.0], None)
    difference = found["differences"][0]
    assert difference["difference"] == 0.75
    assert difference["p_randomisation"] is None
    assert found["documents"] == 3
    assert [change["document"] for change in found["changes"]] == [0, 1]
    assert found["changes"][0]["text"] == "Mira left Oslo"
    assert found["signature"] == as_json("score", gold, worse)["signature"]
    table = run("compare", gold, f"old={worse}", f"new={gold}", f"old={bad}")
    assert rows_of(table)["old"][2:] == ["2", "0.3536"]


def test_the_signature_names_every_scheme_that_was_read(gold: Path, worse: Path) -> None:
    ranges = worse.with_suffix(".jsonl")
    assert run("convert", worse, ranges).exit_code == 0
    for systems, expected in (
        ((worse, gold), "IOB2"),
        ((ranges, gold), "ranges,IOB2"),
        ((ranges, f"again={ranges}"), "ranges"),
    ):
        signature = as_json("compare", gold, *systems, "--samples", "9")["signature"]
        assert f"|scheme:{expected}|" in signature


def test_a_long_token_is_not_shown_whole(gold: Path, worse: Path) -> None:
    worse.write_text(f"{'x' * 5000} O\n\n")
    result = run("score", gold, worse)
    assert f"the token '{'x' * 60}' differs from the gold token 'Mira'" in result.stderr
    assert len(result.stderr) < 1000


def test_randomisation_is_left_out_with_several_seeds(gold: Path, worse: Path) -> None:
    for seeds, is_there in ((1, True), (2, False)):
        found = as_json("compare", gold, *[f"old={worse}"] * seeds, *[f"new={gold}"] * seeds)
        assert (found["differences"][0]["p_randomisation"] is not None) is is_there


def test_a_file_whose_name_has_an_equals_sign_is_a_file(gold: Path, worse: Path) -> None:
    odd = worse.rename(worse.with_name("seed=1.conll"))
    assert [s["name"] for s in as_json("compare", gold, odd, gold)["systems"]] == [
        str(odd),
        str(gold),
    ]


def test_repairs_name_the_system(gold: Path, worse: Path) -> None:
    worse.write_text(WORSE.replace("\n", "\r\n"))
    found = as_json("compare", gold, worse, gold)
    assert found["notes"] == [
        f"{worse}: tolerated: lines that end with a carriage return: 12, first at {worse}:1",
        "with so few documents intervals are too narrow and the bootstrap's p is too small",
    ]


def test_compares_a_checkpoint_with_a_file(
    gold: Path, worse: Path, checkpoint_of: Callable[..., Path]
) -> None:
    folder = checkpoint_of()
    found = as_json("compare", gold, f"model={folder}", f"file={worse}", "--samples", "50")
    assert [each["name"] for each in found["systems"]] == ["model", "file"]
    assert found["systems"][1]["f1"] == 0.5
    assert 0 <= found["systems"][0]["f1"] <= 1


def test_files_are_scored_without_tensors_libraries(gold: Path, worse: Path) -> None:
    arguments = [
        ["score", str(gold), str(worse)],
        ["compare", str(gold), str(worse), str(gold), "--show", "2"],
    ]
    code = (
        "import json, sys\n"
        "from nerine.cli import main\n"
        "for arguments in json.loads(sys.argv[1]):\n"
        "    try:\n"
        "        main(arguments)\n"
        "    except SystemExit as end:\n"
        "        assert end.code == 0, arguments\n"
        "heavy = {'torch', 'transformers', 'tokenizers', 'scipy'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run(
        [sys.executable, "-c", code, json.dumps(arguments)], capture_output=True, check=True
    )


def test_bad_input_has_no_traceback_in_a_process_of_its_own(gold: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "nerine", "score", str(gold), "nowhere.conll"],
        capture_output=True,
        text=True,
    )
    assert found.returncode == 2
    assert found.stdout == ""
    assert found.stderr.startswith("error: nowhere.conll: there is no such file")
    assert "Traceback" not in found.stderr


def test_a_split_that_is_not_there_is_an_error_for_a_single_file_too(
    gold: Path, worse: Path
) -> None:
    result = run("score", gold, worse, "--split", "validation")
    assert result.exit_code == 2
    assert "there is no validation split" in result.stderr
