"""The floors of the house: who may import whom, and who may write."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import nerine
from places import ROOT
from tools.sizes import CHAIN

PACKAGE = Path(nerine.__file__).parent

ROW = {room: row for row, rooms in enumerate(CHAIN) for room in rooms}
FACE = ("__init__", "__main__")
"""The modules that stand outside the rooms."""

LIGHT = ("core", "hub", "data")
HEAVY = {"torch", "transformers", "numpy", "tokenizers", "accelerate", "safetensors", "datasets"}
WRITERS = {"core", "hub", "data", "model", "training", "serving", "publishing", "cli"}
WRITING_CALLS = {
    *("write_text", "write_bytes", "mkdir", "touch", "rename", "unlink", "rmdir", "rmtree"),
    *("symlink_to", "copy", "copyfile", "copytree", "move", "save_file", "save_pretrained", "dump"),
}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


MODULES = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if room_of(path) not in FACE  # the public face shows every floor
)


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_in(nodes: Iterator[ast.AST]) -> Iterator[str]:
    """The full names of the modules, or of the names in them, that are imported."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules_of(room: str) -> list[Path]:
    return [path for path in MODULES if room_of(path) == room]


def is_writing(call: ast.Call) -> bool:
    """Whether a call changes files, as far as its name and its mode tell."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    name = call.func.id if isinstance(call.func, ast.Name) else name
    if name in ("open", "fdopen"):
        modes = [*call.args, *(keyword.value for keyword in call.keywords)]
        texts = [mode.value for mode in modes if isinstance(mode, ast.Constant)]
        return any(isinstance(text, str) and set(text) & set("wax+") for text in texts)
    return name in WRITING_CALLS


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many lines stand behind the first, those of the docstring apart."""
    first = function.body[0]
    spoken = (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(function) else 0
    return (function.end_lineno or 0) - function.lineno - spoken


def label(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_the_package_is_ten_rooms_and_its_face() -> None:
    found = {path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    assert found == {*ROW, "__init__.py", "__main__.py", "py.typed"}
    assert len(ROW) == 10


def test_the_manual_draws_the_rooms_and_their_chain() -> None:
    page = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    assert re.findall(r"^    [├└]── (\w+)/", page, re.M) == list(ROW)
    assert " < ".join(", ".join(rooms) for rooms in CHAIN) in page


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Chains of modules that lead back to their beginning, one for each module found on one."""
    found = []
    done: set[str] = set()

    def follow(name: str, above: list[str]) -> None:
        if name in above:
            found.append([*above[above.index(name) :], name])
        elif name not in done:
            for other in sorted(imports.get(name, ())):
                follow(other, [*above, name])
            done.add(name)

    for name in sorted(imports):
        follow(name, [])
    return found


def test_no_files_import_each_other_in_a_circle() -> None:
    names = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in MODULES
    }
    names = {name.removesuffix(".__init__"): path for name, path in names.items()}
    imports = {}
    for name, path in names.items():
        found = imports_in(ast.walk(tree_of(path)))
        modules = {each if each in names else each.rpartition(".")[0] for each in found}
        imports[name] = {each for each in modules if each in names and each != name}
    assert circles(imports) == []


def test_a_circle_is_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c", "b"]]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_the_manual_names_what_make_knows() -> None:
    known = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    page = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([\w-]+)", page))
    assert {"test", "lint", "docs"} <= named <= set(known)


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_a_module_imports_only_from_the_rooms_before_its_own(path: Path) -> None:
    room = room_of(path)
    for name in imports_in(ast.walk(tree_of(path))):
        top, _, inner = name.partition(".")
        other = inner.partition(".")[0]
        if top != "nerine" or other == room:
            continue
        if other in ROW:
            assert ROW[other] < ROW[room], f"{label(path)} imports {name}"
        else:
            assert room == "cli", f"{label(path)} imports {name} from the public face"


@pytest.mark.parametrize("path", [p for room in LIGHT for p in modules_of(room)], ids=label)
def test_values_and_data_import_nothing_heavy(path: Path) -> None:
    module = tree_of(path)
    named = {name.partition(".")[0] for name in imports_in(iter(module.body))}
    assert not named & HEAVY


@pytest.mark.parametrize("path", modules_of("evaluation"), ids=label)
def test_evaluation_never_imports_a_model(path: Path) -> None:
    named = {name.partition(".")[0] for name in imports_in(ast.walk(tree_of(path)))}
    assert not named & (HEAVY - {"numpy"})


@pytest.mark.parametrize("path", modules_of("core"), ids=label)
def test_core_needs_the_standard_library_and_regex_alone(path: Path) -> None:
    named = {name.partition(".")[0] for name in imports_in(ast.walk(tree_of(path)))}
    assert named <= {"nerine", "regex", "_typeshed", *sys.stdlib_module_names}


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_only_some_rooms_write_files(path: Path) -> None:
    calls = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call))
    writing = [call.lineno for call in calls if is_writing(call)]
    assert not writing or room_of(path) in WRITERS, f"{label(path)}, lines {writing}"


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_the_package_checks_its_users_with_errors_of_its_own(path: Path) -> None:
    asserts = [node.lineno for node in ast.walk(tree_of(path)) if isinstance(node, ast.Assert)]
    assert asserts == []


@pytest.mark.parametrize("path", [*MODULES, PACKAGE / "__init__.py"], ids=label)
def test_modules_and_functions_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert lines_of(node) < 60, f"{label(path)}: {node.name}"


@pytest.mark.parametrize(
    ("code", "writes"),
    [
        ("path.open('w')", True),
        ("open(path, mode='ab')", True),
        ("path.write_text('a')", True),
        ("path.open('rb')", False),
        ("open(path)", False),
        ("text.replace('a', 'b')", False),
    ],
)
def test_writing_is_recognised(code: str, writes: bool) -> None:
    (call,) = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call))
    assert is_writing(call) is writes


def test_a_docstring_is_no_part_of_a_functions_length() -> None:
    code = 'def one():\n    """Two\n    lines."""\n    a = 1\n    return a\n'
    (function,) = ast.parse(code).body
    assert isinstance(function, ast.FunctionDef)
    assert lines_of(function) == 2
