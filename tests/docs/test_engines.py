"""The parts of the manual that need Ray or Spark are run where these are installed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from desk import Desk
from engines import spark_session, start_ray
from hub import Hub
from pages import read_page
from places import ROOT

PAGE = read_page(ROOT / "docs" / "how-to" / "many-machines.md")

pytestmark = [pytest.mark.timeout(900), pytest.mark.filterwarnings("ignore")]  # of the engines


@pytest.fixture(params=["Ray", "Spark"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The name of an engine, which runs; programs that ask for it get this one."""
    with pytest.MonkeyPatch.context() as environment:
        if request.param == "Spark":
            with spark_session(environment, tmp_path, "local[2]"):
                yield request.param
        else:
            ray = start_ray(environment)
            yield request.param
            ray.shutdown()


def test_the_examples_for_an_engine_run(
    engine: str, login: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = f"needs {engine}"
    ran = [replace(block, notes={}) for block in PAGE.blocks if block.notes == {"not run": reason}]
    assert ran
    monkeypatch.chdir(tmp_path)
    before = [block for block in PAGE.blocks if block.is_run and "datasets" not in block.text]
    Desk(login).run(replace(PAGE, blocks=(*before, *ran)))
