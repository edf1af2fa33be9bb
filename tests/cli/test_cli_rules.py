"""The option --rules of the commands that tag, score, explain and serve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import nerine
from lookup import make_lookup
from nerine.cli import main
from nerine.cli.model_options import ModelOptions
from nerine.core.document import Document, Entity
from nerine.publishing.evaluation_record import evaluation_record

TEXT = "Mira left Tandem Labs in Lisbon."


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_lookup(
        tmp_path_factory.mktemp("rules") / "run", ["person"], {"mira": "B-person", "left": "O"}
    )


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.toml"
    path.write_text('[[rule]]\nlabel = "company"\nphrases = ["Tandem Labs"]\n')
    return path


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    gold = Document(TEXT, (Entity(0, 4, "person"), Entity(10, 21, "company")))
    (tmp_path / "corpus").mkdir()
    for split in ("train", "test"):
        nerine.write_documents([gold], tmp_path / "corpus" / f"{split}.jsonl")
    return tmp_path / "corpus"


def run(*arguments: object, **options: Any) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments], **options)


def answer(*arguments: object) -> Any:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_predict_tag_and_explain(checkpoint: Path, rules: Path, tmp_path: Path) -> None:
    result = run("predict", checkpoint, TEXT, "--rules", rules)
    assert "changed by 1 rule of rules.toml: 1 phrase, 0 patterns" in result.stderr
    (line,) = result.stdout.splitlines()
    assert [each["label"] for each in json.loads(line)["entities"]] == ["person", "company"]
    (tmp_path / "a.txt").write_text(TEXT)
    tagged = answer(
        "tag",
        checkpoint,
        tmp_path / "a.txt",
        "-o",
        tmp_path / "b.jsonl",
        "--rules",
        rules,
        "--json",
    )
    assert tagged["entities"] == {"company": 1, "person": 1}
    explained = run("explain", checkpoint, TEXT, "--rules", rules)
    assert "6. Rules" in explained.stdout
    assert "of a rule" in explained.stdout
    assert answer("explain", checkpoint, TEXT, "--rules", rules, "--json")["rules"][0]["rule"] == 1


def test_scores_say_that_rules_were_used(checkpoint: Path, rules: Path, corpus: Path) -> None:
    found = answer("evaluate", checkpoint, corpus, "--rules", rules, "--json")
    assert found["overall"]["f1"] == 1
    assert found["rules"]["phrases"] == 1
    mark = f"|rules:{found['rules']['fingerprint'][:12]}"
    assert found["signature"].endswith(mark)
    alone = answer("evaluate", checkpoint, corpus, "--json")
    assert alone["overall"]["f1"] < 1
    assert "rules" not in alone
    assert f"{alone['signature']}{mark}" == found["signature"]
    assert f"with the rules {rules}" in run("evaluate", checkpoint, corpus, "--rules", rules).output
    report = answer("report", checkpoint, corpus, "--rules", rules, "--json")
    assert report["overall"]["f1"] == 1
    assert report["signature"].endswith(mark)
    page = rules.with_suffix(".md")
    assert run("report", checkpoint, corpus, "--rules", rules, "-o", page).exit_code == 0
    assert "with 1 rule of rules.toml" in page.read_text()


def test_scores_with_rules_are_not_saved_as_those_of_the_checkpoint(
    checkpoint: Path, rules: Path, corpus: Path
) -> None:
    result = run("evaluate", checkpoint, corpus, "--rules", rules, "--save")
    assert result.exit_code == 2
    assert "--rules: the scores would be those of the model with rules" in result.stderr
    assert not (checkpoint / "evaluations.json").exists()
    loaded = nerine.load_corpus(corpus)
    ruled = nerine.evaluate(nerine.Tagger.load(checkpoint, rules=rules), loaded, samples=2)
    with pytest.raises(nerine.SettingsError, match="model with rules"):
        evaluation_record(loaded, ruled)


def test_a_server_loads_the_rules_again_with_its_model(checkpoint: Path, rules: Path) -> None:
    """`nerine serve` loads by these options, at its start and at each reload."""
    model = ModelOptions(rules=rules, device="cpu")
    assert "company" in model.tagger(model.find(str(checkpoint))).labels
    rules.write_text('[[rule]]\nlabel = "verb"\nphrases = ["left"]\n')
    assert "verb" in model.tagger(model.find(str(checkpoint))).labels
    assert "--rules" in run("serve", "--help").output


@pytest.mark.parametrize("command", ["train", "calibrate", "optimize", "distill", "compare"])
def test_commands_that_make_or_compare_models_do_not_take_rules(command: str) -> None:
    assert "--rules" not in run(command, "--help").output


def test_a_bad_rule_is_an_error_of_the_command(checkpoint: Path, rules: Path) -> None:
    rules.write_text('[[rule]]\nlabel = "a"\nphrases = ["b", ""]')
    result = run("predict", checkpoint, TEXT, "--rules", rules)
    assert result.exit_code == 2
    assert f"{rules}: rule 1: phrases[1]: the phrase is empty" in result.stderr
