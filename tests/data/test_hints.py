"""Hints of errors: each one is followed, and leads to the right result."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path

import pytest

import hints
from hint_cases import CASES
from hints import Case, Failure
from hub import Hub
from nerine.data.corpus import load_corpus
from nerine.data.formats import ReadOptions, write_documents
from nerine.data.splitting import split_corpus
from nerine.evaluation.alignment import align_file

PARAMETERS = {
    *(each.name for each in dataclasses.fields(ReadOptions)),
    *(
        name
        for function in (load_corpus, write_documents, split_corpus, align_file)
        for name in inspect.signature(function).parameters
    ),
}
"""Names of parameters of the library that hints may mention."""

_failures: dict[str, Failure] = {}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def set_up(case: Case, request: pytest.FixtureRequest) -> None:
    """Makes the files of a case, and its data sets on the hub."""
    hints.set_up(case)
    if case.hub:
        hub: Hub = request.getfixturevalue("hub")
        for name, files in case.hub.items():
            repo, _, branch = name.partition("@")
            content = {path: text.encode() for path, text in files.items()}
            if branch:
                others = tuple(case.hub[repo])
                hub.add_commit(repo, content, kind="dataset", branch=branch, delete=others)
            else:
                hub.add_repo(repo, content, kind="dataset")


@pytest.mark.parametrize("name", CASES)
def test_a_hint_leads_to_the_right_result(name: str, request: pytest.FixtureRequest) -> None:
    case = CASES[name]
    set_up(case, request)
    _failures[name] = failure = hints.failure_of(case.fails)
    hint = failure.hint
    assert hint
    assert failure.made, hint
    check_names(case, hint)
    follow_ways(case, hint)
    call = case.fails if case.then is None else case.then
    if case.command:
        assert isinstance(call, str)
        old = next(iter(case.files))
        new = f"new{Path(old).suffix}"
        hints.shell(hint, old, new)
        call = call.replace(old, new)
    hints.write_files(case.changes)
    if not case.ways:
        assert case.command or case.changes or case.then, "nothing is followed"
        hints.check_outcome(hints.outcome(call), case.right, hint)


def check_names(case: Case, hint: str) -> None:
    """Options in a hint are options of the command, or of the one that the hint names."""
    for parameter, _ in re.findall(hints.PYTHON, hint):
        assert parameter in PARAMETERS, hint
    if isinstance(case.fails, str):
        named = re.search(r"nerine (\w+)", hint)
        known = hints.options_of(named[1] if named else case.fails.split()[0])
        for option in re.findall(r"--[a-z][a-z-]+", hint):
            assert option in known, f"{option} is not an option: {hint}"
        for option in hints.named_options(hint):
            is_followed = any(f"{option} " in f"{way} " for way in case.ways)
            assert is_followed or case.then, f"nothing follows {option}: {hint}"


def follow_ways(case: Case, hint: str) -> None:
    """Adds each of the options to the command line, and states it in Python too."""
    for way, right in case.ways.items():
        assert isinstance(case.fails, str)
        for option in re.findall(r"--[a-z][a-z-]+", way):
            assert option in hint, f"the hint does not name {option}: {hint}"
        line = f"{case.then or case.fails} {way}"
        hints.check_outcome(hints.outcome(line), right, f"{line}\n{hint}")
        stated = re.search(rf"{re.escape(way)} \((\w+=[^…()]+)\)", hint)
        names = {each.name for each in dataclasses.fields(ReadOptions)}
        if (
            stated
            and stated[1].partition("=")[0] in names
            and re.fullmatch(r"convert \S+ \S+", case.fails)
        ):
            options = ReadOptions(**eval(f"dict({stated[1]})"))
            found = hints.shown(line.split()[1], None, options)
            hints.check_outcome(found, right, f"{stated[1]}\n{hint}")


def test_every_hint_of_the_source_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    ordered = sorted(CASES.items(), key=lambda pair: bool(pair[1].hub))  # others are offline
    for number, (name, case) in enumerate(ordered):
        if name not in _failures:
            own = tmp_path / str(number)
            own.mkdir()
            monkeypatch.chdir(own)
            set_up(case, request)
            _failures[name] = hints.failure_of(case.fails)
    missing = {
        place: pattern.pattern
        for place, pattern in hints.source_hints().items()
        if not any(each.covers(place, pattern) for each in _failures.values())
    }
    assert not missing, "\n".join(f"{place}: {text}" for place, text in missing.items())
