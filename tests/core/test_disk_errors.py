"""What the disk refuses is an error of ours with its place; files have the modes of new ones."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import nerine
from nerine.cli import main
from nerine.core.document import Document
from nerine.core.errors import (
    CheckpointError,
    CorpusError,
    FormatError,
    NerineError,
    SettingsError,
    TrainingError,
)
from nerine.core.files import common_mode, disk_errors, replacing
from nerine.data import corpus as corpus_module
from nerine.data.formats import write_documents
from nerine.model.backends import processes
from nerine.model.loading.checkpoint import load_checkpoint, save_checkpoint
from nerine.model.tagger import Tagger
from nerine.serving.files import plan_tagging
from rights import ordinary_rights
from runs import small_run
from tiny import documents


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path, int], None]]:
    """Sets modes, which are undone at the end so that the files can be removed.

    Checkpoints are loaded in a new thread, as one that runs already has root's rights.
    """
    monkeypatch.setattr(processes, "_own_thread", processes.ProcessThreads(1))
    changed = []

    def lock(path: Path, mode: int) -> None:
        changed.append((path, path.stat().st_mode))
        path.chmod(mode)

    with ordinary_rights():
        yield lock
    for path, mode in reversed(changed):
        path.chmod(mode)


Lock = Callable[[Path, int], None]


@pytest.fixture
def checkpoint(checkpoint_of: Callable[..., Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint_of("bert"), tmp_path / "checkpoint"))


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "tokenizer.json", "nerine.json", "."]
)
def test_a_checkpoint_that_cannot_be_read(checkpoint: Path, locked: Lock, name: str) -> None:
    locked(checkpoint / name, 0)
    with pytest.raises(CheckpointError, match="Permission denied") as caught:
        Tagger.load(checkpoint)
    assert str(checkpoint) in str(caught.value)
    with pytest.raises(NerineError):
        load_checkpoint(checkpoint)


def test_a_corpus_that_cannot_be_read(tmp_path: Path, locked: Lock) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    write_documents(documents(), folder / "train.conll")
    locked(folder / "train.conll", 0)
    for source in (folder, folder / "train.conll"):
        with pytest.raises(FormatError, match=r"train.conll: cannot be read: Permission denied"):
            nerine.load_corpus(source)
    locked(folder, 0)
    for source in (folder, folder / "train.conll"):
        with pytest.raises(CorpusError, match="Permission denied"):
            nerine.load_corpus(source)
    with pytest.raises(CorpusError, match="File name too long"):
        nerine.load_corpus("x" * 5000)


def test_a_folder_that_cannot_be_tagged_is_not_passed_over(tmp_path: Path, locked: Lock) -> None:
    folder = tmp_path / "in"
    (folder / "more").mkdir(parents=True)
    (folder / "a.txt").write_text("Mira left\n")
    locked(folder / "more", 0)
    with pytest.raises(FormatError, match=r"more: cannot be read or written: Permission denied"):
        plan_tagging([folder], tmp_path / "out")


def test_a_run_in_a_folder_that_cannot_be_written(
    tmp_path: Path, encoder_of: Callable[[str], Path], locked: Lock
) -> None:
    encoder = encoder_of("bert")
    (tmp_path / "file").touch()
    (tmp_path / "locked").mkdir()
    locked(tmp_path / "locked", 0o555)
    for folder, reason in (
        ("locked/run", "Permission denied"),
        ("file", "Not a directory"),
        ("file/run", "Not a directory"),
    ):
        with pytest.raises(TrainingError, match=reason) as caught:
            small_run(tmp_path / folder, encoder, epochs=1)
        assert str(caught.value.place) == str(tmp_path / folder)


def test_output_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locked: Lock
) -> None:
    (tmp_path / "locked").mkdir()
    locked(tmp_path / "locked", 0o555)
    with pytest.raises(FormatError, match=r"cannot be written: Permission denied"):
        write_documents([Document("Mira")], tmp_path / "locked" / "a.jsonl")
    with pytest.raises(FormatError, match=r"cannot be written: File name too long"):
        write_documents([Document("Mira")], tmp_path / f"{'x' * 300}.jsonl")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FormatError, match=r"cannot be written: No space left on device"):
        write_documents([Document("Mira")], tmp_path / "a.jsonl")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["locked"]


def test_errors_of_connections_are_not_those_of_the_disk() -> None:
    for error in (BrokenPipeError(errno.EPIPE, "pipe"), TimeoutError("late")):
        with pytest.raises(type(error)), disk_errors(SettingsError):
            raise error


def test_the_command_line_reports_what_the_disk_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise IsADirectoryError(errno.EISDIR, "Is a directory", "a/b")

    monkeypatch.setattr(corpus_module, "load_corpus", refuse)
    result = CliRunner().invoke(main, ["describe", "sample", "--json"])
    assert result.exit_code == 2
    assert result.stderr == "error: a/b: cannot be read or written: Is a directory\n"
    error = json.loads(result.stdout)["error"]
    assert error == {
        "type": "IsADirectoryError",
        "found": "cannot be read or written: Is a directory",
        "place": "a/b",
    }


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_the_files_of_a_checkpoint_have_the_mode_of_new_files(
    checkpoint_of: Callable[..., Path], tmp_path: Path, umask: int
) -> None:
    before = os.umask(umask)
    try:
        save_checkpoint(tmp_path / "saved", load_checkpoint(checkpoint_of("bert")))
        with replacing(tmp_path / "saved" / "more.json") as stream:
            stream.write(b"{}")
    finally:
        os.umask(before)
    assert modes_below(tmp_path / "saved") == {0o666 & ~umask}


def test_the_files_of_a_run_have_the_mode_of_new_files(
    encoder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    new = tmp_path / "new"
    new.touch()
    run = small_run(tmp_path / "run", encoder_of("bert"), epochs=1)
    assert modes_below(run.folder) == {stat.S_IMODE(new.stat().st_mode)}


def test_a_mode_is_given_to_files_alone(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o700)
    (tmp_path / "file").touch(mode=0o600)
    (tmp_path / "new").touch()
    common_mode(tmp_path)
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o700
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "new").stat().st_mode
    assert len([*tmp_path.iterdir()]) == 3


def modes_below(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}
