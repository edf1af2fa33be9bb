"""`nerine push`, in this process and in others: what it shows, asks, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hub import Fault, Hub
from hub.samples import TOKEN
from nerine.cli import main
from pushes import add_onnx, change

REPO = "mira/names"


@pytest.fixture
def folder(pushable: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pushable, tmp_path / "names"))


def run(*arguments: object, **options: Any) -> Result:
    return CliRunner().invoke(main, ["push", *(str(each) for each in arguments)], **options)


@contextmanager
def process(
    hub: Hub, home: Path, *arguments: object, terminal: int | None = None, token: str = TOKEN
) -> Iterator[subprocess.Popen[str]]:
    """The command line in a process of its own; standard streams on a terminal, if one is given."""
    stream = subprocess.PIPE if terminal is None else terminal
    running = subprocess.Popen(
        [sys.executable, "-m", "nerine", "push", *map(str, arguments)],
        env={**os.environ, **hub.environment(home, token)},
        stdin=subprocess.DEVNULL if terminal is None else terminal,
        stdout=stream,
        stderr=stream,
        text=True,
        # a shell starts background jobs, and so these tests, with SIGINT ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        yield running
    finally:
        running.kill()
        running.wait()
        for pipe in (running.stdout, running.stderr):
            if pipe is not None:
                pipe.close()


# --- a dry run


def test_a_dry_run_shows_files_sizes_and_the_card_and_asks_nothing(hub: Hub, folder: Path) -> None:
    result = run(folder, REPO, "--dry-run", "--license", "mit")
    assert result.exit_code == 0, result.output
    size = (folder / "model.safetensors").stat().st_size
    assert re.search(rf"^model\.safetensors +{size:,} ", result.stdout, re.MULTILINE)
    assert "left out: .env (hidden)" in result.stdout
    assert "left out: checkpoints/ (states of training)" in result.stdout
    assert "provenance.corpus.source: wnut17\n" in result.stdout
    assert "open on the card: language" in result.stdout
    assert "\n---\n" in result.stdout
    assert "license: mit\n" in result.stdout
    assert "/home/mira" not in result.stdout
    assert result.stdout.endswith("nothing was pushed: this is a dry run\n")
    assert hub.requests == []


def test_a_dry_run_as_json_is_what_a_push_sends(login: Hub, folder: Path) -> None:
    dry = json.loads(run(folder, REPO, "--dry-run", "--json").stdout)
    assert dry["dry_run"]
    assert login.requests == []
    wet = json.loads(run(folder, REPO, "--json").stdout)
    assert wet["files"] == dry["files"]
    assert {file["name"] for file in dry["files"]} == {*wet["sent"]}
    assert login.files(REPO)["README.md"].decode() == dry["card"]


# --- a push


def test_a_push_shows_what_was_done(login: Hub, folder: Path) -> None:
    result = run(folder, REPO)
    assert result.exit_code == 0, result.output
    size = sum(len(each) for name, each in login.files(REPO).items() if name != ".gitattributes")
    assert f"6 files new or changed, {size:,} bytes; private\n" in result.stdout
    commit = login.commits(REPO)[0].oid
    assert result.stdout.endswith(f"{login.endpoint}/{REPO}/commit/{commit}\n")
    assert result.stderr == ""
    assert "nothing has changed" in run(folder, REPO).stdout


def test_options_reach_the_push(login: Hub, folder: Path) -> None:
    add_onnx(folder)
    options = ["--public", "--revision", "wide", "--tag", "v1", "--onnx", "onnx-int8"]
    stated = ["--license", "mit", "--language", "en", "--language", "pt", "--author", "Mira O."]
    result = run(folder, REPO, *options, *stated, "--message", "The first")
    assert result.exit_code == 0, result.output
    assert "\ntagged v1\n" in result.stdout
    assert not login.repository(REPO).private
    there = login.files(REPO, "v1")
    assert there == login.files(REPO, "wide")
    assert "onnx/model-int8.onnx" in there
    assert "onnx/model-fp32.onnx" not in there
    assert login.commits(REPO, "wide")[0].title == "The first"
    card = there["README.md"].decode()
    assert "language:\n- en\n- pt\n" in card
    assert "Mira O." in card
    result = run(folder, REPO, "--public", "--create-pr", "--revision", "wide")
    kept = "kept from an earlier push (--remove removes it):"
    for each in ("license = mit", "language = en, pt", "authors = Mira O.", "onnx/onnx.json"):
        assert f"{kept} {each}\n" in result.stdout
    result = run(folder, REPO, "--public", "--create-pr", "--revision", "wide", "--remove")
    assert "/discussions/" in result.stdout
    assert "deleted there, as it is of an earlier push: onnx/model-int8.onnx" in result.stdout
    assert "no longer stated: language = en, pt\n" in result.stdout


def test_a_private_repository_that_was_to_be_public_is_told(login: Hub, folder: Path) -> None:
    run(folder, REPO)
    login.add_commit(REPO, {"notes.md": b"mine"})
    result = run(folder, REPO, "--public")
    assert "note: the repository is private, and stays so" in result.stdout
    assert "left alone there: notes.md" in result.stdout


def test_what_cannot_be_pushed_is_a_message_and_exit_code_2(hub: Hub, folder: Path) -> None:
    for arguments, found in (
        ((folder, REPO), "nobody is logged in"),
        ((folder, "names"), "the id has no owner"),
        ((folder / "nothing", REPO), "there is no such folder"),
        ((folder, REPO, "--license", "MIT License!"), "cannot be stated"),
    ):
        result = run(*arguments)
        assert result.exit_code == 2
        assert found in result.stderr
        assert "Traceback" not in result.output
        assert result.stdout == ""


def test_there_is_no_option_for_a_token(hub: Hub, folder: Path) -> None:
    result = run(folder, REPO, "--token", TOKEN)
    assert result.exit_code == 2
    assert "No such option" in result.stderr
    assert TOKEN not in result.output


# --- other processes


def test_a_terminal_is_asked_for_what_is_open(login: Hub, folder: Path, tmp_path: Path) -> None:
    screen, terminal = pty.openpty()
    with process(login, tmp_path / "hf", folder, REPO, terminal=terminal) as running:
        os.close(terminal)
        seen = _until(screen, "as it is, or open)")
        os.write(screen, b"apache-2.0\n")
        seen += _until(screen, "as they are, or open)")
        os.write(screen, b"\n")
        seen += _until(screen, "/commit/")
        assert running.wait(60) == 0
    os.close(screen)
    assert "sending small files" in seen
    card = login.files(REPO)["README.md"]
    assert b"license: apache-2.0" in card
    assert b"Open: the language" in card
    assert TOKEN not in seen


def test_an_interrupted_push_says_so_and_goes_on_later(
    login: Hub, folder: Path, tmp_path: Path
) -> None:
    login.fault(Fault(path="/upload/", method="PUT", wait=3.0))
    with process(login, tmp_path / "hf", folder, REPO) as running:
        end = time.monotonic() + 60
        while not login.matching("/upload/", "PUT"):
            assert time.monotonic() < end
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        told, said = running.communicate(timeout=60)
    assert running.returncode == 1
    assert said.strip().endswith("interrupted")
    assert "Traceback" not in said
    assert told == ""
    assert set(login.files(REPO)) == {".gitattributes"}
    assert run(folder, REPO).exit_code == 0


def _until(screen: int, wanted: str) -> str:
    """What a terminal shows until `wanted` is there."""
    seen, end = "", time.monotonic() + 60
    while wanted not in seen:
        assert time.monotonic() < end, seen
        if select.select([screen], [], [], 0.1)[0]:
            seen += os.read(screen, 4096).decode(errors="replace")
    return seen


def test_scores_that_will_be_refused_are_said_to_be_that_when_they_are_saved(
    hub: Hub, folder: Path
) -> None:
    info = json.loads((folder / "nerine.json").read_text())
    del info["provenance"]["splits"]  # as of a checkpoint of before they were recorded
    change(folder / "nerine.json", provenance=info["provenance"])
    arguments = ["evaluate", folder, "sample", "--split", "test", "--save", "--samples", "20"]
    saved = CliRunner().invoke(main, [str(each) for each in arguments])
    assert saved.exit_code == 0, saved.output
    assert "nerine push refuses such scores" in saved.stdout
    assert "it is unknown whether" in run(folder, REPO, "--dry-run").stderr
