"""The tables of formats in the manual are those of the registry."""

from __future__ import annotations

import pytest

from nerine.data.formats import FORMATS
from tools import formats

pytest.importorskip("spacy")


def test_every_format_of_the_registry_has_its_facts_and_no_other() -> None:
    assert list(formats.FACTS) == list(FORMATS)


def test_the_page_is_up_to_date() -> None:
    page = formats.PAGE.read_text(encoding="utf-8")
    assert formats.updated(page) == page, "run python -m tools.formats"


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_written_is_also_read(name: str) -> None:
    written = formats.kept(FORMATS[name])
    assert written is None or written <= set(formats.FACTS[name].reads)


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_names_the_files_it_was_tried_on_or_says_that_there_are_none(name: str) -> None:
    facts = formats.FACTS[name]
    assert facts.trials or facts.rest


@pytest.mark.parametrize("each", formats.EXPORTS, ids=lambda each: each.files)
def test_a_tool_names_a_format_and_how_it_is_written(each: formats.Export) -> None:
    assert each.format in FORMATS
    if each.options.startswith("--to "):
        assert each.options.removeprefix("--to ") == each.format
        assert FORMATS[each.format].can_write


def test_every_format_is_that_of_some_tool() -> None:
    assert {each.format for each in formats.EXPORTS} == set(FORMATS)


def test_a_part_that_a_written_file_lacks_is_shown_as_read_only() -> None:
    (row,) = [
        line for line in formats.contents().splitlines() if line.startswith("| `columns` | `.conll")
    ]
    assert row.endswith("| yes | yes | read only | – | yes |")
