"""The tools that measure and compare code, on small packages made for the purpose."""

from __future__ import annotations

import importlib
import sys
import threading
from pathlib import Path
from textwrap import dedent

import pytest

from tools import samples, sizes
from tools.packages import FACE, Module, package_folder, read_modules
from tools.walk import path_text, summary, trace

FILES = {
    "__init__.py": '"""A made-up package."""\nfrom made.core.words import cut\n',
    "core/__init__.py": "",
    "core/errors.py": '''
        class NerineError(Exception):
            """Base."""


        class OddError(NerineError):
            """Something odd."""
    ''',
    "core/words.py": '''
        """Words of a text."""
        from typing import TYPE_CHECKING

        from .errors import OddError

        if TYPE_CHECKING:
            from made.model import tagger


        def cut(text):
            """Cuts a text

            into words."""
            # a comment is not code
            if not text:
                raise OddError(f"no words in {text!r}, " + "an empty text")
            return list(_words(text))


        def _words(text):
            yield from text.split()


        def _kept(text):
            return text
    ''',
    "model/__init__.py": "",
    "model/tagger.py": '''
        from ..core import words
        from made.core.words import _kept, cut


        class Tagger:
            """Tags texts."""

            def __call__(self, text):
                return [self._tag(word) for word in cut(text)] + [self._tag(_kept(text))]

            def _tag(self, word):
                import made.core.errors

                return (word, "O")
    ''',
}


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / "src" / "made" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return root


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return write(tmp_path / "before", FILES)


def module_of(text: str, tmp_path: Path) -> Module:
    root = write(tmp_path / "one", {"__init__.py": text})
    (module,) = read_modules(package_folder(root))
    return module


def test_a_package_is_found_in_a_checkout_and_by_itself(checkout: Path) -> None:
    package = checkout / "src" / "made"
    assert package_folder(checkout) == package_folder(package) == package
    with pytest.raises(SystemExit, match="no package found"):
        package_folder(package / "nothing")


def test_code_lines_are_those_without_comments_and_docstrings(tmp_path: Path) -> None:
    code = '''\
        """Two
        lines."""

        # a comment
        TEXT = """three

        lines"""  # this counts
        """A string that is no docstring of a module, class or function."""


        def one(): """Shares its line."""
    '''
    assert sizes.code_lines(module_of(code, tmp_path)) == 4


def test_the_sizes_of_a_package(checkout: Path) -> None:
    found = sizes.Sizes.of(read_modules(package_folder(checkout)))
    assert (found.files, found.functions, found.private) == (6, 5, 3)
    assert found.named_once == 1  # `_words`: the module of `_kept` does not use it
    assert (found.longest_function, found.median_function) == (4, 1)


def test_arrows_follow_relative_and_late_imports_and_those_for_types(checkout: Path) -> None:
    modules = read_modules(package_folder(checkout))
    arrows = sizes.room_arrows(modules, "made")
    assert arrows == {("core", "model"), ("model", "core")}
    assert sizes.against_chain(arrows, {"core", "model"}) == {("core", "model")}
    assert sizes.against_chain(arrows, {"core", "model", "elsewhere"}) is None


def test_rooms_of_one_row_do_not_import_each_other() -> None:
    arrows = {("training", "serving"), ("cli", "training")}
    assert sizes.against_chain(arrows, {"training", "serving", "cli"}) == {("training", "serving")}


def test_sizes_prints_both_packages(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["sizes", "--root", str(checkout), "--against", str(checkout)])
    sizes.main()
    printed = capsys.readouterr().out
    assert "| private           | 3 (60%) | 3 (60%) |" in printed
    assert printed.count("2 arrows; against the chain: 1") == 2
    assert printed.count("- core imports model") == 2
    assert FACE in printed


def test_a_walk_is_traced_in_all_threads(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(checkout / "src"))
    package = checkout / "src" / "made"
    try:
        tagger = importlib.import_module("made.model.tagger").Tagger()

        def twice() -> None:
            tagger("two words")
            thread = threading.Thread(target=tagger, args=("one",))
            thread.start()
            thread.join()

        walk = trace(package, twice)
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "made"]:
            del sys.modules[name]
    assert sys.getprofile() is None
    assert len(walk.threads) == 2
    assert list(walk.rooms) == ["model", "core"]
    assert list(walk.files) == ["model/tagger.py", "core/words.py"]
    assert walk.room_stays == ["model", "core", "model", "core", "model"] * 2
    assert {call.name for call in walk.calls} >= {"Tagger.__call__", "Tagger._tag", "cut"}
    assert "Stays in thread 2: (model → core) × 2 → model" in summary(walk)


@pytest.mark.parametrize(
    ("stays", "text"),
    [
        ("", ""),
        ("abc", "a → b → c"),
        ("abababc", "(a → b) × 3 → c"),
        ("xabcabcab", "x → (a → b → c) × 2 → a → b"),
    ],
)
def test_stays_that_repeat_are_shown_once(stays: str, text: str) -> None:
    assert path_text(stays) == text


AFTER = {
    "__init__.py": "",
    "base/errors.py": FILES["core/errors.py"].replace("Something odd", "A strange thing"),
    "base/text.py": '''
        from made.base.errors import OddError


        def split_words(text):
            """Words of a text, split at spaces."""
            if not text:
                raise OddError(f"the text is empty: no words in {text!r}")
            return list(_words(text))


        def _words(text):
            yield from text.split()
    ''',
    "model/tagger.py": FILES["model/tagger.py"].replace("Tags texts", "Labels each word"),
}


def read(root: Path) -> samples.Checkout:
    return samples.Checkout(package_folder(root))


def test_samples_show_each_text_and_its_counterpart(checkout: Path, tmp_path: Path) -> None:
    after = write(tmp_path / "after", AFTER)
    printed = samples.report(read(checkout), read(after), 13, 20, {"core/words": "base/text"})
    assert "`core/words.py: cut`" in printed
    assert "   > Words of a text, split at spaces." in printed  # by its code
    assert "   > A strange thing." in printed
    assert "   > Labels each word." in printed
    assert "   > no words in {text!r}, an empty text" in printed
    assert "   > the text is empty: no words in {text!r}" in printed
    assert samples.GONE not in printed
    assert printed == samples.report(
        read(checkout), read(after), 13, 20, {"core/words": "base/text"}
    )


def test_what_has_no_counterpart_is_gone(checkout: Path, tmp_path: Path) -> None:
    after = write(tmp_path / "after", {"__init__.py": "", "base.py": "def other(a, b): return a\n"})
    printed = samples.report(read(checkout), read(after), 13, 2, {})
    assert printed.count(f"After: {samples.GONE}") == 3  # two docstrings and the one message


def test_the_same_name_in_a_moved_module_is_the_counterpart(tmp_path: Path) -> None:
    before = write(tmp_path / "before", {"__init__.py": "", "a.py": 'def f(x):\n    """F."""\n'})
    moved = {"__init__.py": "", "b/__init__.py": "", "b/a.py": "def f(y):\n    return [y] * 9\n"}
    moved["c.py"] = 'def f(x):\n    """F."""\n'
    (sought,), candidates = read(before).definitions, read(write(tmp_path / "x", moved)).definitions
    found = samples.definition_counterpart(sought, candidates, {"a": "b/a"})
    assert found is not None
    assert found.label == "b/a.py: f"


def test_samples_read_moved_modules_from_a_file(
    checkout: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moved = tmp_path / "moved.json"
    moved.write_text('{"made.core": "made.base", "core/words.py": "base/text.py"}')
    after = write(tmp_path / "after", AFTER)
    words = ["samples", "--count", "1", "--moved", str(moved), str(checkout), str(after)]
    monkeypatch.setattr(sys, "argv", words)
    samples.main()
    printed = capsys.readouterr().out
    assert printed.count("1. Before") == 2
    assert "## Messages\n\n1. Before, `core/words.py: cut, OddError`:" in printed
