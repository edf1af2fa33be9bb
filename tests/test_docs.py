"""Every page of the docs is run, from top to bottom, against a hub on the same machine.

In the quick set a checkpoint stands in whose opinion of each subword is written down here: what
the pages show must follow from it, save for probabilities. In the slow set it is the checkpoint
that the pages speak of, with its probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hub import Hub
from lookup import Opinion, make_lookup
from nerine.cli import main
from nerine.corpus import load_corpus
from nerine.errors import MissingExtraError
from nerine.origins import DEMO_ENCODER, find
from pages import Block, assert_alike, blocks_of, printed_by
from tools.alike import MACHINES

PAGES = sorted((Path(__file__).parents[1] / "docs").glob("*.md"))

_TAGS: dict[str, Opinion] = {
    "golden": {"I-group": 0.4, "B-group": 0.3},
    "salt": {"B-location": 0.4, "B-group": 0.35},
    "##water": {"I-group": 0.45, "B-group": 0.4},
    "brightwater": {"B-corporation": 0.5, "B-group": 0.2},
    "logistics": {"I-group": 0.4, "I-corporation": 0.35},
}
_SURE = {
    "O": "the are -",
    "B-person": "s ##ø ana conor jean quenby zoe",
    "I-person": "##ren ' brien lin ##d ##qvist lucia luc o vandersloot",
    "B-location": "ghent lisbon malaga san stoke łodz",
    "I-location": "francisco trent",
    "I-group": "choir state warriors",
}
OPINIONS = {**_TAGS, **{piece: tag for tag, pieces in _SURE.items() for piece in pieces.split()}}


def stand_in(folder: Path) -> None:
    """What the pages' checkpoint says of the words in them, without any training."""
    make_lookup(folder, load_corpus("sample").labels, OPINIONS, longest=512)


def demo(folder: Path) -> None:
    """The checkpoint that the pages speak of."""
    result = CliRunner().invoke(main, ["demo", "-o", str(folder)])
    assert result.exit_code == 0, result.output


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def run_commands(block: Block, hub: Hub, make: Callable[[Path], None]) -> None:
    """Runs what a block tells the terminal.

    The checkpoint is made by `make`. One that only stands in was never trained, so that it has no
    records to write a card from: it is put on the hub as it is.
    """
    for command in block.commands:
        if command[0] == "demo":
            make(Path(command[-1]))
        elif command[0] == "push" and make is stand_in:
            hub.add_repo(command[2], files(Path(command[1])), private=True)
        else:
            result = CliRunner().invoke(main, command)
            assert result.exit_code == 0, (command, result.output)


def run_page(page: Path, hub: Hub, make: Callable[[Path], None], tolerance: float) -> None:
    """Runs a page and compares what it shows with what it prints."""
    namespace: dict[str, Any] = {}
    for block in blocks_of(page):
        place = f"{page.name}:{block.line}"
        run_commands(block, hub, make)
        if block.kind == "python":
            printed = printed_by(block, page, namespace)
            assert_alike(printed, block.shown or "", place, tolerance)
        else:
            assert block.shown is None, f"{place}: nothing would compare what is shown for this"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_shows_what_it_prints(
    page: Path, login: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_page(page, login, stand_in, math.inf)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_shows_what_the_demo_prints(
    page: Path, login: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        find(DEMO_ENCODER)
    except MissingExtraError as error:
        pytest.skip(str(error))
    run_page(page, login, demo, MACHINES)


def test_what_a_page_shows_stands_behind_what_prints_it() -> None:
    for page in PAGES:
        blocks = list(blocks_of(page))
        shown = [block.shown for block in blocks if block.shown is not None]
        assert shown == [block.text for block in blocks if block.kind == "text"], page
