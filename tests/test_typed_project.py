"""A user's project is checked by mypy and pyright, both strict, and completed in an editor."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jedi
import pytest

import nerine
from places import ROOT

PACKAGE = Path(nerine.__file__).parent
PROJECT = ROOT / "tests" / "typed" / "project.py"
WRONG = """\
import nerine
from nerine import Tager
nerine.trane("sample", output="runs/one")
nerine.train("sample")
nerine.train(["a text"], output="runs/one")
nerine.train("sample", output="runs/one", epohcs=3)
nerine.train("sample", output="runs/one", epochs="3")
nerine.train("sample", output="runs/one", schedule="cosinus")
nerine.train_seeds("sample", output="runs/many", keep="worst")
nerine.tune("sample", output="runs/tuned", learning_rat=1e-4)
nerine.distill("runs/one", "sample", output="runs/small", layer=3)
nerine.push("runs/one", "mira/one", licence="mit")
nerine.push("runs/one", "mira/one", language=3)
nerine.evaluate("runs/one", "sample", sede=1)
nerine.Document("abc", ((0, 1, "x"),))
nerine.Entity("0", 1, "x")
nerine.Tagger.load("runs/one", words="word")
nerine.Tagger.load("runs/one")(3)
nerine.ReadOptions(repare=True)
nerine.Client(port=8000)
length: int = nerine.Tagger.load("runs/one")("Mira").text
"""
"""A mistake in each line but the first."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the project and the mistakes."""
    shutil.copy(PROJECT, tmp_path / "project.py")
    (tmp_path / "wrong.py").write_text(WRONG, encoding="utf-8")
    return tmp_path


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """jedi's cache, which breaks if another process writes it at the same time."""
    monkeypatch.setattr(jedi.settings, "cache_directory", str(tmp_path / "jedi"))


def mypy(project: Path) -> dict[str, set[int]]:
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-color-output"]
    command += ["--follow-imports=silent", f"--cache-dir={project / 'cache'}", "."]
    environment = {**os.environ, "MYPYPATH": str(PACKAGE.parent)}
    ran = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert "error" in ran.stdout, ran.stderr
    found: dict[str, set[int]] = {}
    for file, line in re.findall(r"^(\S+):(\d+): error:", ran.stdout, re.M):
        found.setdefault(Path(file).name, set()).add(int(line))
    return found


def pyright(project: Path) -> dict[str, set[int]]:
    program = shutil.which("basedpyright") or shutil.which("pyright")
    if program is None:
        pytest.skip("pyright is not installed")
    settings = {"typeCheckingMode": "strict", "extraPaths": [str(PACKAGE.parent)]}
    (project / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [program, "--outputjson", "--pythonpath", sys.executable, "-p", str(project)]
    ran = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    found: dict[str, set[int]] = {}
    for each in json.loads(ran.stdout)["generalDiagnostics"]:
        line = each["range"]["start"]["line"] + 1
        found.setdefault(Path(each["file"]).name, set()).add(line)
    return found


@pytest.mark.parametrize(
    "checker",
    [pytest.param(mypy, marks=[pytest.mark.slow, pytest.mark.timeout(1800)]), pyright],
    ids=["mypy", "pyright"],
)
def test_checkers_find_each_mistake_and_no_other(
    checker: Callable[[Path], dict[str, set[int]]], project: Path
) -> None:
    assert checker(project) == {"wrong.py": set(range(2, WRONG.count("\n") + 1))}


def test_the_project_uses_every_public_name() -> None:
    code = PROJECT.read_text(encoding="utf-8")
    imported = re.findall(r"^from nerine import (.*)$", code, re.M)
    used = {*re.findall(r"nerine\.(\w+)", code), *", ".join(imported).split(", ")}
    assert used == set(nerine.__all__)
    assert 200 <= len(code.splitlines()) <= 330


def signature(code: str) -> str:
    """What an editor shows at the end of `code`."""
    (found,) = jedi.Script(f"import nerine\n{code}").get_signatures()
    shown: str = found.to_string()
    return shown


def completions(code: str) -> list[str]:
    return [each.name for each in jedi.Script(f"import nerine\n{code}").complete()]


def test_an_editor_completes_all_public_names() -> None:
    assert set(nerine.__all__) <= set(completions("nerine."))
    assert completions("nerine.plan_t") == ["plan_training"]


def test_an_editor_shows_signatures() -> None:
    train = signature("nerine.train(")
    assert train.startswith("train(corpus: CorpusLike, *, output: str | Path, settings:")
    assert train.endswith("**changes: Unpack[TrainingChanges]) -> TrainingRun")
    assert "backend: str | None=None" in signature("nerine.Tagger.load(")
    assert signature("nerine.Document(").startswith("Document(text: str, entities:")
    assert "repair: bool=False" in signature("nerine.ReadOptions(")


def test_an_editor_knows_what_calls_return() -> None:
    assert "tagger" in completions("nerine.train('sample', output='run').ta")
    assert "entities" in completions("nerine.Tagger.load('run')('Mira').en")
    assert "overall" in completions("nerine.evaluate('run', 'sample').ov")
