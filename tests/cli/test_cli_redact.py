"""`nerine redact` and `nerine restore` as they are called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lookup import Opinion, make_lookup
from nerine.cli import main

KEY = "0123456789abcdef"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    opinions: dict[str, Opinion] = {
        "mira": "B-person",
        "lisbon": "B-place",
        "ana": {"B-person": 0.6},
        "left": "O",
    }
    return make_lookup(tmp_path_factory.mktemp("run") / "run", ["person", "place"], opinions)


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    path = tmp_path / "posts.csv"
    path.write_text("text,user\nMira left Lisbon for mira@example.org,Mira\nAna left,Ana\n")
    return path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "my.key"
    path.write_text(f"{KEY}\n")
    path.chmod(0o600)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def test_redacts_says_what_is_left_and_restores(checkpoint: Path, posts: Path, key: Path) -> None:
    output, mapping = posts.with_name("safe.csv"), posts.with_name("posts.map")
    options = ("--how", "place=keep", "--how", "mask", "--patterns", "all")
    result = run(
        "redact", checkpoint, posts, "-o", output, *options, "--mapping", mapping, "--key-file", key
    )
    assert result.exit_code == 0, result.stderr
    assert output.read_text() == (
        "text,user\n████ left Lisbon for ████████████████,Mira\n███ left,Ana\n"
    )
    assert "left as they are, with the names in them: user" in result.stderr
    assert "what was missed is unknown; --sample CORPUS estimates it" in result.stderr
    assert "2 records in = 2 out + 0 failed" in result.stderr
    again = posts.with_name("again.csv")
    result = run("restore", output, mapping, "-o", again)
    assert result.exit_code == 2
    assert "--key-file (key=…) names its key" in result.stderr
    result = run("restore", output, mapping, "-o", again, "--key-file", key)
    assert result.exit_code == 0, result.stderr
    assert "3 names put back, 1 file written" in result.stdout
    assert again.read_bytes() == posts.read_bytes()


def test_recall_by_a_sample(checkpoint: Path, posts: Path, tmp_path: Path) -> None:
    sample = tmp_path / "gold.jsonl"
    rows = [(name, len(name)) for name in ("Mira", "Mira", "Ana", "Ana", "Ghent", "Ghent")]
    sample.write_text(
        "".join(
            json.dumps(
                {"text": f"{name} left", "entities": [{"start": 0, "end": end, "label": "person"}]}
            )
            + "\n"
            for name, end in rows * 20
        )
    )
    given = ("--sample", sample, "--split", "train", "--json")
    result = run("redact", checkpoint, posts, "-o", tmp_path / "a.csv", *given)
    assert result.exit_code == 0, result.stderr
    recall = json.loads(result.stdout)["recall"]
    assert (recall["replaced"], recall["gold"]) == (80, 120)
    assert "recall 0.6667 [" in result.stderr
    assert "of 120 gold entities of the sample are replaced whole" in result.stderr
    # half of the sample is enough to find Mira alone
    target = (*given, "--target", "recall=0.3")
    result = run("redact", checkpoint, posts, "-o", tmp_path / "b.csv", *target)
    assert result.exit_code == 0, result.stderr
    shown = json.loads(result.stdout)
    assert shown["below"] == {"person": 1}
    assert (shown["recall"]["replaced"], shown["recall"]["gold"]) == (20, 60)
    assert "Ana left" in (tmp_path / "b.csv").read_text()
    result = run(
        "redact", checkpoint, posts, "-o", tmp_path / "c.csv", *given, "--target", "recall=0.99"
    )
    assert result.exit_code == 2
    assert "recall" in result.stderr
    assert not (tmp_path / "c.csv").exists()


def test_records_that_fail_and_standard_output(checkpoint: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "Mira"}\n{"text": 7}\n')
    result = run("redact", checkpoint, source, "-o", "-", "--quiet")
    assert result.exit_code == 1
    assert result.stdout == '{"text": "[person]"}\n'
    assert '"line": 2' in result.stderr
    assert "1 record failed" in result.stderr


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("--how", "hash"), "there is no key"),
        (("--how", "hash", "--how", "mask"), "hash and mask are both for all labels"),
        (("--how", "persons=mask"), "the label 'persons' is not known"),
        (("--target", "recall=0.9"), "--sample CORPUS names them"),
        (("--patterns", "pin"), "'pin' is not known"),
        (("--resume", "--overwrite"), "are both given"),
        (("--key-file", "nowhere"), "nowhere: there is no such file"),
        (("--text-field", "body"), "the column 'body' is missing"),
    ],
)
def test_what_cannot_be_done_exits_with_2(
    checkpoint: Path, posts: Path, options: tuple[str, ...], found: str
) -> None:
    result = run("redact", checkpoint, posts, "-o", posts.with_name("safe.csv"), *options)
    assert result.exit_code == 2
    assert found in result.stderr
    assert not posts.with_name("safe.csv").exists()


def test_a_key_that_others_may_read_is_noted(checkpoint: Path, posts: Path, key: Path) -> None:
    key.chmod(0o644)
    result = run("redact", checkpoint, posts, "-o", "-", "--how", "hash", "--key-file", key)
    assert result.exit_code == 0, result.stderr
    assert f"note: others may read {key}" in result.stderr
    assert KEY not in result.stdout + result.stderr
