"""What `import nerine` shows, and what it costs."""

from __future__ import annotations

import ast
import dataclasses
import subprocess
import sys
import types
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest

import nerine
from nerine import DistillationSettings, PushOptions, TrainingSettings
from nerine.publishing.card import Statements
from nerine.publishing.changes import PushChanges
from nerine.training.adaptation.settings import AdaptationSettings
from nerine.training.changes import AdaptationChanges, DistillationChanges, TrainingChanges

HEAVY = (
    "torch",
    "transformers",
    "numpy",
    "tokenizers",
    "regex",
    "huggingface_hub",
    "jinja2",
    "rich",
)


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_list_is_sorted_and_has_no_name_twice() -> None:
    assert nerine.__all__ == sorted(set(nerine.__all__))


@pytest.mark.parametrize("name", nerine.__all__)
def test_each_name_is_there_and_documented(name: str) -> None:
    value = getattr(nerine, name)
    assert value.__module__.startswith("nerine.")
    assert name in vars(nerine)  # imported once
    assert value.__name__ == name
    assert value.__doc__


def test_dir_shows_the_public_names_and_nothing_else() -> None:
    assert dir(nerine) == nerine.__all__


def test_a_star_import_brings_them_all() -> None:
    names: dict[str, object] = {}
    exec("from nerine import *", names)
    assert set(names) - {"__builtins__"} == set(nerine.__all__)


def test_nothing_of_ours_is_public_by_accident() -> None:
    ours = {
        name
        for name, value in vars(nerine).items()
        if not name.startswith("_")
        and not isinstance(value, types.ModuleType)
        and getattr(value, "__module__", "").startswith("nerine")
    }
    assert ours <= set(nerine.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'nerine' has no attribute 'Taggar'"):
        _ = nerine.Taggar  # type: ignore[attr-defined] # on purpose


def test_the_lists_of_names_agree() -> None:
    eager = {name for name in nerine.__all__ if name not in nerine._MODULES}
    assert {*eager, *nerine._MODULES} == set(nerine.__all__)
    module = ast.parse(Path(nerine.__file__).read_text(encoding="utf-8"))
    for_checkers = next(node for node in module.body if isinstance(node, ast.If))
    imported = [node for node in for_checkers.body if isinstance(node, ast.ImportFrom)]
    assert {alias.name: node.module for node in imported for alias in node.names} == nerine._MODULES


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        (TrainingChanges, (TrainingSettings,)),
        (DistillationChanges, (DistillationSettings,)),
        (AdaptationChanges, (AdaptationSettings,)),
        (PushChanges, (PushOptions, Statements)),
    ],
)
def test_settings_by_name_are_those_of_their_types(changes: type, kinds: tuple[type, ...]) -> None:
    """A list may stand for a tuple."""
    fields: dict[str, Any] = {}
    for kind in kinds:
        hints = get_type_hints(kind)
        fields |= {each.name: hints[each.name] for each in dataclasses.fields(kind)}
    for name, hint in fields.items():
        if get_origin(hint) is tuple:
            fields[name] = hint | list[get_args(hint)[0]]  # type: ignore[misc] # made here
    assert get_type_hints(changes) == fields


def test_the_version_is_the_packages() -> None:
    from importlib.metadata import version

    assert nerine.__version__ == version("nerine")


def test_importing_it_imports_nothing_heavy() -> None:
    code = f"import sys, nerine; print([m for m in {HEAVY} if m in sys.modules])"
    assert run(code) == "[]"


def test_reading_a_corpus_imports_no_torch() -> None:
    code = (
        "import sys, nerine\n"
        "nerine.load_corpus('sample')\n"
        "print([m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    assert run(code) == "[]"
