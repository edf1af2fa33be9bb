"""TAB completes commands, options, files and names, in bash, zsh and fish as they are."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import shells
from nerine.cli.completion import kept_by_bash, words_before_cursor
from nerine.model.loading.sources import DEMO_ENCODER, installed_packages
from shells import Shell


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files whose names are difficult, and a cache of the hub."""
    found = tmp_path / "folder"
    for name in ("corpora/wnut/train.conll", "my posts.txt", "übung.csv"):
        path = found / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for name in ("models--mira--wnut", "models--mira--wnut-large", "datasets--ines--notes"):
        (tmp_path / "cache" / name).mkdir(parents=True)
    return found


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    return {**shells.environment(tmp_path / "bin"), "HF_HUB_CACHE": str(tmp_path / "cache")}


@pytest.fixture(params=["bash", "zsh"])
def shell(
    request: pytest.FixtureRequest, folder: Path, variables: dict[str, str]
) -> Iterator[Shell]:
    shells.needs(request.param)
    with shells.shell(request.param, folder, variables) as started:
        yield started


SOME = [
    ("nerine describe corpora/wnut/tr", "nerine describe corpora/wnut/train.conll"),
    ("nerine check sample --only several-la", "nerine check sample --only several-labels"),
    ("nerine evaluate mira/wnut-", "nerine evaluate mira/wnut-large"),
    ("nerine train sample --encoder package:gt-a", f"nerine train sample --encoder {DEMO_ENCODER}"),
]
OTHERS = [
    ("nerine desc", "nerine describe"),
    ("nerine train --save-s", "nerine train --save-steps"),
    ("nerine train --recipe note", "nerine train --recipe notebook"),
    ("nerine describe sam", "nerine describe sample"),
    ("nerine describe üb", "nerine describe übung.csv"),
    ("nerine describe in", "nerine describe ines/notes"),
]
in_part_or_whole = pytest.mark.parametrize(
    "cases", [SOME, pytest.param(OTHERS, marks=pytest.mark.slow)], ids=["some", "others"]
)


@in_part_or_whole
def test_a_shell_completes_commands_options_files_and_names(
    shell: Shell, cases: list[tuple[str, str]]
) -> None:
    for typed, expected in cases:
        assert shell.completed(typed) == expected.split(), typed


def test_a_shell_lists_names_next_to_files(shell: Shell) -> None:
    assert shell.completed("nerine tag mira/wnut my")[-1] == "my posts.txt"
    listed = shell.listed("nerine describe ")
    for name in ("sample", "notes", "corpora", "my posts.txt", "übung.csv"):
        assert name in listed.replace("\\ ", " ")


@in_part_or_whole
def test_fish_completes_commands_options_files_and_names(
    folder: Path, variables: dict[str, str], cases: list[tuple[str, str]]
) -> None:
    shells.needs("fish")
    lines = [*(typed for typed, _ in cases), "nerine describe "]
    asked = "; ".join(f"complete -C {line!r}; echo ---" for line in lines)
    found = subprocess.run(
        ["fish", "--no-config", "-c", f"_NERINE_COMPLETE=fish_source nerine | source; {asked}"],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    *answers, listed, _ = found.stdout.split("---\n")
    for (typed, expected), answer in zip(cases, answers, strict=True):
        names = [line.partition("\t")[0] for line in answer.splitlines()]
        assert expected.split()[-1] in names, typed
    names = [line.partition("\t")[0] for line in listed.splitlines()]
    assert {"sample", "ines/notes", "corpora/", "my posts.txt", "übung.csv"} <= {*names}


def test_bash_completes_where_its_words_end_elsewhere(
    folder: Path, variables: dict[str, str]
) -> None:
    shells.needs("bash")
    (folder / "a:b.conll").touch()
    with shells.shell("bash", folder, variables) as bash:
        assert bash.completed('nerine describe "my po')[-1] == "my posts.txt"
        assert bash.completed("nerine train sample --encoder=package:gt-a")[-1] == (
            f"--encoder={DEMO_ENCODER}"
        )
        assert bash.completed("nerine describe a:b")[-1] == "a:b.conll"


@given(st.lists(st.from_regex(r"[a-zü'$ -]+", fullmatch=True), min_size=1), st.text("ab é"))
def test_words_before_the_cursor_are_those_of_the_shell(words: list[str], rest: str) -> None:
    line = shlex.join(words)
    whole, incomplete = words_before_cursor(f"{line}{rest}", len(line.encode()))
    assert [*whole, incomplete] == words
    between = words_before_cursor(f"{line} {rest}", len(line.encode()) + 1)
    assert between == (words, "")


def test_settings_of_variables_are_no_words_of_the_command() -> None:
    assert words_before_cursor("A=1 B= nerine des", 17) == (["nerine"], "des")


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("package:gt", "package:"),
        ("--encoder=package:gt", "package:"),
        ("--encoder=pack", ""),
        ("a=b:c", "a=b:"),
        ("runs", ""),
    ],
)
def test_bash_leaves_a_word_up_to_its_last_colon(word: str, kept: str) -> None:
    assert kept_by_bash(word, " \t\n\"':=") == kept
    assert kept_by_bash(word, " \t\n") == ""


def test_packages_with_an_encoder_are_found() -> None:
    assert DEMO_ENCODER in installed_packages()
