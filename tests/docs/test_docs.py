"""Every page of the manual, and the README, is run from top to bottom, on a desk of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from desk import SAMPLE, Desk, Trained, invoke, train_tiny
from hub import Hub
from nerine.cli import main
from nerine.core.errors import MissingExtraError
from nerine.model.loading.sources import DEMO_ENCODER, find_source
from pages import RUN, Page, read_page
from places import ROOT

README = read_page(ROOT / "README.md")
PAGES = [read_page(path) for path in sorted((ROOT / "docs").rglob("*.md"))]


LONG = (
    "adapt.md",
    "browser.md",
    "fast-on-cpu.md",
    "few-sentences.md",
    "large-encoders.md",
    "opensearch.md",
    "resume.md",
    "scikit-learn.md",
    "seeds.md",
    "tune.md",
)
"""Pages that train many times, also with tiny models, measure a model, or start a server for what
others show."""


def name(page: Page) -> str:
    return str(page.path.relative_to(ROOT))


def quick(page: Page) -> Any:
    """A page, among the slow tests if it is long."""
    return pytest.param(page, marks=[pytest.mark.slow] * (page.path.name in LONG))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The checkpoint that the pages speak of, made once."""
    try:
        find_source(DEMO_ENCODER)
    except MissingExtraError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("demo") / SAMPLE
    result = invoke(["demo", "-o", str(folder)])
    assert result.exit_code == 0, result.output
    return Trained(folder, result.output)


@pytest.mark.parametrize("page", [README, *map(quick, PAGES)], ids=name)
def test_a_page_shows_what_it_prints(
    page: Page, login: Hub, encoder_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    train_tiny(encoder_of("bert"), monkeypatch)
    Desk(login).run(page)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("page", [README, *PAGES], ids=name)
def test_a_page_shows_what_real_models_print(page: Page, login: Hub, trained: Trained) -> None:
    Desk(login, trained).run(page)


def test_the_readme_shows_every_command() -> None:
    commands = [command for block in README.blocks for command in block.commands]
    shown = {command.arguments[0] for command in commands if command.program == "nerine"}
    assert shown >= set(main.list_commands(None))  # type: ignore[arg-type] # our group takes no context


@pytest.mark.parametrize("page", [README, *PAGES], ids=name)
def test_every_block_says_what_it_is(page: Page) -> None:
    for block in page.blocks:
        place = f"{name(page)}:{block.line}"
        assert block.kind, f"{place}: a block without a language"
        for note in ("not run", "shown"):
            assert block.notes.get(note) != "", f"{place}: {note}, for what reason?"
        assert not block.notes or block.kind in RUN or "file" in block.notes, place


@pytest.mark.parametrize("page", [README, *PAGES], ids=name)
def test_commands_that_are_not_run_have_the_options_that_they_are_given(page: Page) -> None:
    for block in page.blocks:
        for command in block.commands:
            words = [command.program, *command.arguments]
            if "nerine" in words and not block.is_run:
                called, *given = words[words.index("nerine") + 1 :]
                assert unknown_options(called, given) == [], f"{name(page)}:{block.line}"


def unknown_options(called: str, given: Sequence[str]) -> list[str]:
    """Those of a command's arguments that look like options and are none of its own."""
    command = main.get_command(None, called)  # type: ignore[arg-type] # our group takes no context
    assert command is not None, called
    known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    return [each for each in given if each.startswith("-") and each not in known]


def test_an_option_that_is_not_there_is_seen() -> None:
    assert unknown_options("train", ["corpus", "-o", "runs/a", "--epochs", "2"]) == []
    assert unknown_options("train", ["corpus", "-o", "runs/a", "--ages", "2"]) == ["--ages"]


@pytest.mark.parametrize("page", [README, *PAGES], ids=name)
def test_what_a_page_says_that_python_prints_stands_behind_it(page: Page) -> None:
    shown = [block.shown for block in page.blocks if block.shown is not None]
    told = [
        block.text for block in page.blocks if block.kind == "text" and "file" not in block.notes
    ]
    assert shown == told, page.path
