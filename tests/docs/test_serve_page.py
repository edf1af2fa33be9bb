"""What the page on serving, and the files in `packaging/`, say of the server is so."""

from __future__ import annotations

import re

import click
import pytest

from nerine.cli.help import GLOBAL
from nerine.cli.serve import serve
from nerine.serving.http.problems import STATUS
from places import ROOT

PAGE = (ROOT / "docs/how-to/serve.md").read_text(encoding="utf-8")
PACKAGING = ROOT / "packaging"
OPTIONS = {
    each.name: each
    for each in serve.params
    if isinstance(each, click.Option) and getattr(each, "section", None) != GLOBAL
}
VARIABLES = {f"NERINE_SERVE_{name.upper()}" for name in OPTIONS if name} | {
    "NERINE_SERVE_CHECKPOINTS"
}


def test_the_page_lists_each_cause_with_its_status() -> None:
    rows = re.findall(r"^\| (\d{3}) \| `([\w-]+)` \|", PAGE, re.M)
    assert {cause: int(status) for status, cause in rows} == STATUS
    assert len(rows) == len(STATUS)


def test_the_page_lists_each_environment_variable() -> None:
    table = PAGE.partition("## Settings in the environment")[2].partition("\n## ")[0]
    named = set(re.findall(r"`NERINE_SERVE_(\w+)`|`…_(\w+)`", table))
    found = {f"NERINE_SERVE_{first or second}" for first, second in named} - {"NERINE_SERVE_"}
    assert found == VARIABLES


def test_the_defaults_of_the_limits_are_those_of_the_options() -> None:
    rows = dict(re.findall(r"^\| `--([\w-]+)` \| [^|]+ \| ([^|]+) \|$", PAGE, re.M))
    said = {"max_body": 8 * 1024 * 1024, "max_texts": 256, "max_characters": 2_000_000}
    assert rows["max-body"] == "8 MiB"
    for name in ("max_texts", "max_characters"):
        assert rows[name.replace("_", "-")] == f"{said[name]:,}"
    assert rows["timeout"] == str(OPTIONS["timeout"].default)
    for name, value in said.items():
        assert OPTIONS[name].default == value


@pytest.mark.parametrize("name", ["Dockerfile", "nerine.service", "nginx.conf"])
def test_packaged_files_speak_of_settings_that_there_are(name: str) -> None:
    text = (PACKAGING / name).read_text(encoding="utf-8")
    assert set(re.findall(r"NERINE_SERVE_\w+", text)) <= VARIABLES
    for option in re.findall(r"(?<=as |an )--(max-body|timeout)", text):
        assert option.replace("-", "_") in OPTIONS
    assert f"packaging/{name}" in PAGE
