"""The help of commands, the names of options, and what a mistyped name is answered with."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from nerine.cli import main
from nerine.cli.group import GROUPS
from nerine.cli.training import SECTIONS
from nerine.training.adaptation.settings import AdaptationSettings
from nerine.training.distillation.settings import DistillationSettings
from nerine.training.settings import TrainingSettings

COMMANDS = [name for names in GROUPS.values() for name in names]


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(main, arguments, **options)


def command(name: str) -> click.Command:
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found


def options() -> Iterator[tuple[str, click.Option]]:
    """Each option of each command."""
    for name in COMMANDS:
        for param in command(name).params:
            if isinstance(param, click.Option):
                yield name, param


def test_nerine_alone_is_its_help() -> None:
    alone = run()
    assert alone.exit_code == 0
    assert alone.stderr == ""
    assert alone.stdout == run("--help").stdout


def test_the_help_has_all_commands_in_groups_and_one_link_to_the_manual() -> None:
    lines = run("--help").stdout.splitlines()
    titles = [line.removesuffix(":") for line in lines if line.removesuffix(":") in GROUPS]
    assert titles == ["Start", "Data", "Train", "Judge", "Use", "Share"]
    for title, names in GROUPS.items():
        start = lines.index(f"{title}:") + 1
        assert [line.split()[0] for line in lines[start : start + len(names)]] == list(names)
    assert sum("Manual:" in line for line in lines) == 1
    assert all(sum(line.startswith(f"  {name} ") for line in lines) == 1 for name in COMMANDS)


@pytest.mark.parametrize("name", ["", *COMMANDS])
@pytest.mark.parametrize("width", [80, 120])
def test_help_fits_the_terminal_and_is_not_cut(
    name: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    shown = run(*([name] if name else []), "--help").stdout
    assert max(map(len, shown.splitlines())) <= width
    assert not re.search(r"[a-z]\.\.\.", shown)


def test_headings_are_coloured_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in run("--help").stdout
    coloured = run("train", "--help", color=True).stdout
    assert "\x1b[1mOptimizer and regularisation:\x1b[0m" in coloured
    assert click.unstyle(coloured) == run("train", "--help").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run("train", "--help", color=True).stdout


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("trian", "'train'"), ("evalute", "'evaluate'"), ("eval", "'evaluate'"), ("tags", "'tag'")],
)
def test_a_mistyped_command_is_answered_with_a_similar_one(typed: str, meant: str) -> None:
    result = run(typed)
    assert result.exit_code == 2
    assert f"error: No such command {typed!r}. Did you mean {meant}?" in result.stderr
    assert "Did you mean" not in run("zzz").stderr


def test_a_mistyped_option_is_answered_with_a_similar_one() -> None:
    assert "'--text-field'" in run("tag", "a", "b", "--textfield", "x").stderr


def test_each_setting_stands_in_one_section_of_the_help() -> None:
    names = [name for section in SECTIONS.values() for name in section]
    fields = [
        field.name
        for settings in (TrainingSettings, DistillationSettings, AdaptationSettings)
        for field in dataclasses.fields(settings)
    ]
    assert sorted(names) == sorted(set(fields))


@pytest.mark.parametrize("name", ["train", "tune", "distill", "suspects"])
def test_options_of_training_stand_in_sections(name: str) -> None:
    shown = run(name, "--help").stdout
    own = shown.partition("Options:\n")[2].partition("\n\n")[0]
    assert len([line for line in own.splitlines() if line.startswith("  -")]) <= 14
    assert "Batches, precision and trackers:\n" in shown
    assert "The corpus:\n" in shown
    last = shown.partition("Global options:\n")[2].partition("\n\n")[0]
    assert [line.split()[0].rstrip(",") for line in last.splitlines() if line[2] == "-"] == [
        *("--json", "-q", "-v", "-h")
    ]


NAMES_OF_SEVERAL_THINGS = {
    "keep",  # of the seeds of train
    "revision",  # of the encoder, the checkpoint, or the branch to push to
    "rules",  # a file of them beside a model, or a list of those of check
    "seed",
    "seeds",
    "settings_file",
    "split",
    "to",  # the format to write: of corpora, of reports, of predicted texts
}


def test_an_option_has_one_meaning() -> None:
    """Options of one name take the same values, in all commands."""
    known: dict[str, str] = {}
    for name, option in options():
        flag = option.opts[-1]
        is_number = isinstance(option.type, click.types.IntParamType | click.types.FloatParamType)
        kind = f"flag: {option.is_flag}, number: {is_number}"
        if flag.removeprefix("--").replace("-", "_") not in NAMES_OF_SEVERAL_THINGS:
            assert known.setdefault(flag, kind) == kind, f"{flag} of {name}"


@pytest.mark.parametrize("flag", ["--from", "--field", "--column", "--data", "--errors"])
def test_a_thing_has_one_name(flag: str) -> None:
    assert not [name for name, option in options() if flag in option.opts]


def test_formats_are_read_as_format_and_written_as_to() -> None:
    for name, option in options():
        if "--format" in option.opts:
            assert option.help
            assert option.help.startswith(("Format of the files", "Format of all inputs")) or (
                "INPUT" in option.help
            ), name


def test_errors_are_json_with_json() -> None:
    result = run("describe", "./nowhere", "--json")
    assert result.exit_code == 2
    assert result.stderr == run("describe", "./nowhere").stderr
    error = json.loads(result.stdout)["error"]
    assert (error["type"], error["place"]) == ("CorpusError", "./nowhere")
    assert {"found", "expected"} < error.keys()
    wrong = run("train", "sample", "--epochs", "many", "-o", "run", "--json")
    error = json.loads(wrong.stdout)["error"]
    assert wrong.exit_code == 2
    assert error == {
        "type": "BadParameter",
        "found": "Invalid value for '--epochs': 'many' is not a valid integer.",
        "hint": "nerine train --help",
    }
    missing = run("evaluate", "--json")
    assert json.loads(missing.stdout)["error"]["type"] == "MissingParameter"
    text = run("predict", "./none", "--", "--json")
    assert text.stdout == ""
    assert "error: ./none" in text.stderr


def test_help_of_a_command_starts_quickly() -> None:
    """Help imports nothing that computes; a test of time would depend on the machine."""
    code = (
        "import sys\nfrom nerine.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(*{'torch', 'numpy', 'transformers', 'huggingface_hub'} & sys.modules.keys())\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert found.stdout.splitlines()[-1] == ""
