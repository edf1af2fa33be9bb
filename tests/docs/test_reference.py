"""The reference pages speak of all that there is, and of nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import pytest

import nerine
from nerine.cli import main
from nerine.cli.group import GROUPS
from nerine.data.formats import FORMATS
from nerine.evaluation.calibration import Calibration, Target, Thresholds
from nerine.evaluation.metrics.counts import Counts
from nerine.model.loading.checkpoint import save_calibration
from pages import read_page
from places import ROOT
from runs import small_run

DOCS = ROOT / "docs"
INFO_PAGE = (DOCS / "reference/nerine-json.md").read_text(encoding="utf-8")
ENGINES = tuple(f"nerine.serving.{name}" for name in ("presidio", "ray", "sklearn", "spark"))
"""Public modules, which are not of `nerine` itself because they are for other programs."""
PARTS = ("settings", "scores.validation", "provenance", "weights", "tokenizer", "thresholds")


@pytest.fixture(scope="module")
def info(encoder_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`nerine.json` of a run, with thresholds."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    run = small_run(folder, encoder_of("bert"), epochs=1)
    counts = Counts(correct=1, predicted=2, gold=2)
    calibration = Calibration(
        Thresholds(0.5), Target.parse("f1"), False, "validation", "0" * 64, counts, counts, None, {}
    )
    save_calibration(run.folder, calibration)
    return json.loads((run.folder / "nerine.json").read_text(encoding="utf-8"))


def section(title: str) -> str:
    """The text of the page below a heading."""
    _, _, text = INFO_PAGE.partition(f"\n### {title}\n")
    assert text, title
    return re.split(r"^#+ ", text, flags=re.M)[0]


def names_in(text: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", text))


def part_of(info: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    for name in path.split("."):
        info = info[name]
    return info


def test_the_page_names_each_part_of_nerine_json(info: Mapping[str, Any]) -> None:
    table = INFO_PAGE.partition("## Its parts")[2].partition("###")[0]
    rows = re.findall(r"^\| `(\w+)` \|", table, flags=re.M)
    assert rows == list(info)


@pytest.mark.parametrize("part", PARTS)
def test_the_page_names_each_field(info: Mapping[str, Any], part: str) -> None:
    assert set(part_of(info, part)) <= names_in(section(part))


@pytest.mark.parametrize("part", PARTS)
def test_the_page_names_no_field_that_is_not_there(info: Mapping[str, Any], part: str) -> None:
    rows = re.findall(r"^\| (`.*?`) \|", section(part), flags=re.M)
    assert names_in(" ".join(rows)) <= set(part_of(info, part))


def test_readers_import_public_names_only() -> None:
    """In README, manual and tutorials; the page for contributors shows the inside."""
    pages = [ROOT / "README.md", *sorted(DOCS.rglob("*.md")), *sorted(DOCS.rglob("*.ipynb"))]
    pages.remove(DOCS / "contributing.md")
    for page in pages:
        text = page.read_text(encoding="utf-8")
        inner = re.findall(r"\b(?:from|import) (nerine\.[\w.]+)", text)
        assert set(inner) <= set(ENGINES), page
        named = {
            name
            for line in re.findall(r"\bfrom nerine import \(?([\w, ]+)", text)
            for name in re.findall(r"\w+", line)
        }
        assert named <= set(nerine.__all__), page


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))], ids=str)
def test_code_of_a_page_uses_public_names_only(page: Path) -> None:
    code = "".join(block.text for block in read_page(page).blocks if block.kind == "python")
    code = re.sub(rf"^from ({'|'.join(ENGINES)}) import", "", code, flags=re.M)
    named = set(re.findall(r"(?<![\w./\"'])nerine\.(\w+)", code))
    assert named <= {*nerine.__all__, "__all__", "__version__"} | (
        {"core", "data", "model"} if page.name == "contributing.md" else set()
    )


def test_the_page_on_python_has_each_public_name_once() -> None:
    page = (DOCS / "reference/python.md").read_text(encoding="utf-8")
    told = re.findall(r"^\.\. auto\w+:: (\S+)$", page, flags=re.M)
    assert sorted(told) == sorted(set(told))
    assert {f"nerine.{name}" for name in nerine.__all__} <= set(told)


def test_each_format_has_a_sample() -> None:
    """The page itself reads the samples, which lie in files named after the format."""
    page = read_page(DOCS / "reference/format-samples.md")
    sections = re.findall(r"^## ([\w-]+)$", page.path.read_text(encoding="utf-8"), flags=re.M)
    assert sections == list(FORMATS)


def test_the_page_on_the_command_line_has_the_groups_of_the_help() -> None:
    text = (DOCS / "reference/cli.md").read_text(encoding="utf-8")
    sections = {
        title: re.findall(r"^\| \[`(\w+)`\]\(cli/(\w+)\.md\) \| (.*) \|$", body, flags=re.M)
        for title, body in re.findall(r"^## (\w+)\n(.*?)(?=^## )", text, flags=re.M | re.S)
    }
    assert sections == {
        title: [(name, name, command(name).short_help) for name in names]
        for title, names in GROUPS.items()
    }
    commands = [name for names in GROUPS.values() for name in names]
    assert re.findall(r"^cli/(\w+)$", text, flags=re.M) == commands


def test_each_command_has_a_page() -> None:
    pages = {path.stem: path.read_text(encoding="utf-8") for path in DOCS.glob("reference/cli/*")}
    assert set(pages) == {name for names in GROUPS.values() for name in names}
    for name, text in pages.items():
        assert f".. click:: nerine.cli.{name}:{name}\n   :prog: nerine {name}\n" in text, name


def command(name: str) -> click.Command:
    """A command of the group, which takes no context."""
    found = main.get_command(None, name)  # type: ignore[arg-type]
    assert found is not None, name
    return found
