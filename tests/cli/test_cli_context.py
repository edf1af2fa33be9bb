"""Document context on the command line: where it comes from, and what is said if there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import nerine
from nerine.cli import main
from nerine.cli.model_options import NO_CONTEXT, ModelOptions
from nerine.cli.web import WebOptions
from nerine.data.formats import write_documents
from nerine.model.tagger import Tagger
from nerine.serving.web.exporting import WebFolder
from tiny import documents

TEXTS = [each.text for each in documents()]


@pytest.fixture(scope="module")
def checkpoint(checkpoint_of: Callable[..., Path]) -> Path:
    return checkpoint_of("bert", context=20)


@pytest.fixture
def seeing(tagger_of: Callable[..., Tagger]) -> Tagger:
    return tagger_of("bert", context=20)


@pytest.fixture
def article(tmp_path: Path) -> Path:
    path = tmp_path / "test.conll"
    write_documents(documents(), path)
    path.write_text("-DOCSTART- O\n\n" + path.read_text())
    return path


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(each) for each in arguments])
    assert result.exit_code == 0, result.output
    return result


def ranges(records: list[dict[str, Any]]) -> list[list[tuple[int, int, str]]]:
    return [[(e["start"], e["end"], e["label"]) for e in each["entities"]] for each in records]


def expected(tagger: Tagger, *, in_context: bool) -> list[list[tuple[int, int, str]]]:
    given = nerine.with_context(TEXTS, one_document=True) if in_context else TEXTS
    return [[(e.start, e.end, e.label) for e in each.entities] for each in tagger.predict(given)]


def records_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_context_changes_what_this_model_finds(seeing: Tagger) -> None:
    assert expected(seeing, in_context=True) != expected(seeing, in_context=False)


def test_predict_reads_the_marks_of_files(checkpoint: Path, seeing: Tagger, article: Path) -> None:
    result = run("predict", checkpoint, "--file", article, "--json")
    assert ranges(records_of(result.stdout)) == expected(seeing, in_context=True)
    assert NO_CONTEXT not in result.stderr.replace("\n", " ")
    result = run("predict", checkpoint, "--json", *TEXTS)
    assert ranges(records_of(result.stdout)) == expected(seeing, in_context=False)
    assert "trained with document context" in result.stderr


def test_tag_takes_the_field_that_is_named(
    checkpoint: Path, seeing: Tagger, tmp_path: Path
) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text("".join(f"{json.dumps({'text': text, 'doc': 1})}\n" for text in TEXTS))
    for option, in_context in ((("--document", "doc"), True), ((), False)):
        output = tmp_path / f"{in_context}.jsonl"
        result = run("tag", checkpoint, source, "-o", output, *option)
        assert ranges(records_of(output.read_text())) == expected(seeing, in_context=in_context)
        assert ("saw each record alone" in result.stderr) is not in_context


def test_evaluate_scores_a_corpus_in_context(
    checkpoint: Path, seeing: Tagger, article: Path
) -> None:
    result = run("evaluate", checkpoint, article, "--json", "--samples", 10)
    scores = nerine.evaluate(seeing, nerine.load_corpus(article), samples=10)
    found = json.loads(result.stdout)["overall"]
    assert found["precision"] == pytest.approx(scores.overall.precision)
    assert "trained with document context" not in result.stderr
    write_documents(documents(), article)
    result = run("evaluate", checkpoint, article, "--json", "--samples", 10)
    assert "trained with document context" in result.stderr


@pytest.mark.parametrize("context", [0, 20])
def test_a_folder_for_browsers_says_that_it_sees_no_context(
    context: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = WebFolder(Path("web"), "onnx-fp32", 1, False, context)
    monkeypatch.setattr("nerine.serving.web.exporting.export_for_web", lambda *_, **__: made)
    assert WebOptions("web", None, None).export("run", (), ModelOptions()) is made
    assert ("sees each text alone" in capsys.readouterr().err) is (context > 0)
