"""`-q` and `-v`: what a command says besides its result."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nerine.cli import main
from shells import written_to_terminal

CONLL = "Mira B-person\nleft O\n\n"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture
def conll(tmp_path: Path) -> Path:
    path = tmp_path / "in.conll"
    path.write_text(CONLL)
    return path


def test_a_quiet_command_prints_its_result_alone(conll: Path, tmp_path: Path) -> None:
    loud = run("convert", conll, tmp_path / "a.jsonl")
    assert loud.stderr.startswith("wrote ")
    quiet = run("convert", conll, tmp_path / "b.jsonl", "-q")
    assert (quiet.exit_code, quiet.output) == (0, "")
    assert (tmp_path / "b.jsonl").read_bytes() == (tmp_path / "a.jsonl").read_bytes()
    assert run("describe", conll, "-q").stdout == run("describe", conll).stdout


def test_a_quiet_command_prints_its_error() -> None:
    result = run("describe", "./nowhere", "--quiet")
    assert result.exit_code == 2
    assert "error: ./nowhere" in result.stderr


def test_a_quiet_command_shows_no_progress_on_a_terminal(conll: Path) -> None:
    assert "checking" in written_to_terminal("check", str(conll), only_errors=True)
    assert "checking" not in written_to_terminal("check", str(conll), "-q", only_errors=True)


def test_a_verbose_command_shows_the_log(conll: Path) -> None:
    before = logging.getLogger("nerine").level, [*logging.getLogger("nerine").handlers]
    shown = run("describe", conll, "-v")
    assert shown.stdout == run("describe", conll).stdout
    first, last = shown.stderr.splitlines()[0], shown.stderr.splitlines()[-1]
    assert first.endswith(" INFO nerine.cli: nerine describe begins")
    assert " INFO nerine.cli: nerine describe ended after " in last
    assert (logging.getLogger("nerine").level, logging.getLogger("nerine").handlers) == before
    assert run("describe", conll).stderr == ""


def test_a_very_verbose_command_shows_the_origin_of_its_error() -> None:
    plain, verbose = run("describe", "./no", "-v").stderr, run("describe", "./no", "-vv").stderr
    assert "Traceback" not in plain
    assert "Traceback" in verbose
    assert verbose.endswith(plain.partition("error: ")[2])
