"""What `import nerine` shows, and what it costs."""

from __future__ import annotations

import subprocess
import sys
import types

import pytest

import nerine

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
        _ = nerine.Taggar


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
