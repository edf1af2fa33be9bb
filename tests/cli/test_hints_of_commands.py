"""Every hint of the source names options that the commands have which print it."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Sequence

import pytest

import hints
from nerine.cli.group import GROUPS

COMMANDS = [name for names in GROUPS.values() for name in names]
OPTIONS = {name: {"--help", *hints.options_of(name)} for name in COMMANDS}


def having(option: str, *, but: Sequence[str] = ()) -> list[str]:
    """The commands with an option."""
    return [name for name in COMMANDS if option in OPTIONS[name] and name not in but]


TRAINING = ["train", "tune", "distill", "suspects"]  # demo names train in its hints
PRINTED_BY = {
    "": COMMANDS,
    "cli/cluster.py": ["tag"],
    "cli/web.py": ["optimize"],
    "curation/checks": ["check"],
    "curation/label_errors": ["suspects"],
    "data": having("--scheme-in"),
    "data/formats/registry.py": ["convert", "split"],
    "data/formats/standoff/pubtator.py": ["convert", "split"],
    "data/hub_datasets": having("--config"),
    "data/split_files.py": having("--corpus-splits"),
    "data/splitting.py": ["split"],
    "evaluation/alignment": ["score", "compare", "report"],
    "evaluation/signs.py": TRAINING,
    "hub/upload.py": ["push"],
    "model/batching.py": TRAINING,
    "model/calibrate.py": ["calibrate"],
    "model/loading": having("--backend"),
    "model/report.py": ["report"],
    "publishing/evaluations.py": ["evaluate"],
    "publishing": ["push"],
    "serving/cluster": ["tag"],
    "serving/files": ["tag"],
    "serving/http": ["serve"],
    "serving/redaction": ["redact"],
    "serving/redaction/mapping.py": ["redact", "restore"],
    "serving/web": ["optimize"],
    "training": ["train", "distill", "suspects"],
    "training/adaptation": ["adapt"],
    "training/plan.py": TRAINING,
    "training/tuning": ["tune"],
}
"""The commands that print the hints of a module: the longest beginning of its path counts."""


def printed_by(path: str) -> list[str]:
    if path.startswith("cli/") and path not in PRINTED_BY:
        name = path.removeprefix("cli/").removesuffix(".py")
        return [name] if name in COMMANDS else having("--thresholds")
    return PRINTED_BY[max((each for each in PRINTED_BY if path.startswith(each)), key=len)]


@functools.cache
def named_options() -> list[tuple[str, str]]:
    """The module and the text of each hint that names an option."""
    return sorted(
        {
            (path.relative_to(hints.SOURCE).as_posix(), ast.unparse(literal))
            for path, literal in hints.hint_literals(hints.SOURCE.rglob("*.py"))
            if re.search("--[a-z]", ast.unparse(literal))
        }
    )


@pytest.mark.parametrize("module", sorted({module for module, _ in named_options()}))
def test_hints_name_options_of_the_commands_that_print_them(module: str) -> None:
    for text in (text for each, text in named_options() if each == module):
        commands = printed_by(module)
        for ends, program, command, option in re.findall(
            r"(;)|\b(nerine|hf) (\w+)|(?<![\w-])(--[a-z][a-z-]*[a-z])", text
        ):
            if ends:
                commands = printed_by(module)
            elif program:
                commands = [command] if program == "nerine" else []
            for each in commands if option else []:
                assert option in OPTIONS[each], f"{option} is not of nerine {each}: {text}"


def test_hints_with_options_are_found() -> None:
    assert len(named_options()) > 80
