"""Every command and every piece of Python in the README is run, with a tiny encoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import nerine.training.start
from hub import Hub
from nerine import pretrained
from nerine.cli import main
from nerine.formats import write_documents
from pages import blocks_of, printed_by
from runs import corpus

README = Path(__file__).parents[1] / "README.md"
BLOCKS = list(blocks_of(README))


@pytest.fixture(autouse=True)
def place(
    login: Hub, encoder_of: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the README's reader has: a folder with a corpus and some posts, a login on a hub."""
    tiny = str(encoder_of("bert"))
    load_encoder = pretrained.load_encoder

    def load_tiny(name: str, *rest: Any, **options: Any) -> Any:
        assert name == nerine.TrainingSettings().encoder
        return load_encoder(tiny, *rest, **options)

    monkeypatch.setattr(nerine.training.start, "load_encoder", load_tiny)
    monkeypatch.setattr(nerine.training, "encoder_width", lambda *_, **__: 32)
    # fast enough for a tiny encoder to learn four names in a few steps
    monkeypatch.setattr(nerine.training, "_RATES", (2e-2, 2e-2))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wnut17").mkdir()
    documents = corpus(192).train
    for name, split in (
        ("wnut17train.conll", documents[:96]),
        ("emerging.dev.conll", documents[96:144]),
        ("emerging.test.annotated", documents[144:]),
    ):
        write_documents(split, tmp_path / "wnut17" / name)
    (tmp_path / "posts.txt").write_text("Mira was in Oslo\n\nAna too\n")


def commands() -> list[list[str]]:
    return [command for block in BLOCKS for command in block.commands]


def test_the_readme_shows_every_command() -> None:
    assert {command[0] for command in commands()} == set(main.list_commands(None))  # type: ignore[arg-type] # our group takes no context


def test_the_readme_runs_from_top_to_bottom() -> None:
    for command in commands():
        result = CliRunner().invoke(main, command)
        resumed = command[0] == "train" and "--resume" in command
        assert result.exit_code == (2 if resumed else 0), (command, result.output)
        assert not resumed or "this run has ended" in result.output
    for block in BLOCKS:
        if block.kind == "python":
            printed_by(block, README, {})
