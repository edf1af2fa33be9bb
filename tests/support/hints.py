"""Hints of errors: those in the source, and cases that follow them."""

from __future__ import annotations

import ast
import contextlib
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
from click.testing import CliRunner

from nerine.cli import main
from nerine.core.document import plain_line
from nerine.core.errors import NerineError
from nerine.data.formats import ReadOptions, read_documents

SOURCE = Path(__file__).parents[2] / "src" / "nerine"
ROOMS = (
    "data",
    "evaluation/alignment",
    "core/encodings.py",
    "core/files.py",
    "core/json_values.py",
)
FEWEST_LETTERS = 7
"""Letters of a literal that is a hint, and not the joint of several."""

_AS_WRITTEN = ReadOptions(accept=frozenset({"rejected"}), offsets="code-points")

Call = str | Callable[[], object]
"""A command line of nerine, or a call of the library."""


@dataclass(frozen=True)
class Case:
    """An error, and the way that its hint names.

    Attributes:
        fails: The call that fails, in a folder with the files.
        files: Name and content of each file.
        ways: What the hint names, and the documents or the output when it is followed: options
            such as `--skip pieces` that are added to the command line.
        command: Whether the hint names a command of the shell, which makes a new file of the first.
        changes: Files to write, or to remove (None), before the call is made again.
        then: The call to make in place of the one that fails.
        right: What then comes out: documents as lines, or lines of the output, or a value.
        make: Makes more files.
        hub: Names and files of data sets on the hub.
    """

    fails: Call
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    ways: Mapping[str, object] = field(default_factory=dict)
    command: bool = False
    changes: Mapping[str, str | bytes | None] = field(default_factory=dict)
    then: Call | None = None
    right: object = None
    make: Callable[[], object] | None = None
    hub: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def source_files() -> list[Path]:
    """The modules whose hints are followed."""
    found = (SOURCE / room for room in ROOMS)
    return sorted(p for room in found for p in ([room] if room.is_file() else room.rglob("*.py")))


def hint_literals(files: Iterable[Path]) -> Iterator[tuple[Path, ast.Constant | ast.JoinedStr]]:
    """Each text of a hint in modules, with its module."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in files}
    own = {path: _constants(tree) for path, tree in trees.items()}
    shared = {name: value for constants in own.values() for name, value in constants.items()}
    for path, tree in trees.items():
        for literal in _Literals(tree, {**shared, **own[path]}).found():
            yield path, literal


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    return {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def source_hints() -> dict[str, re.Pattern[str]]:
    """A pattern for each text of a hint in the source, by its place."""
    found = {}
    for path, literal in hint_literals(source_files()):
        pattern = _pattern(literal)
        if len(re.findall("[a-z]", re.sub(r"\.\*|\\.", "", pattern))) >= FEWEST_LETTERS:
            place = f"{path.relative_to(SOURCE)}:{literal.lineno}:{literal.col_offset}"
            found[place] = re.compile(pattern, re.DOTALL)
    return found


def _pattern(literal: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(literal, ast.Constant):
        return re.escape(str(literal.value))
    return "".join(
        re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".*"
        for part in literal.values
    )


def _parts(value: ast.expr) -> list[ast.expr]:
    """The expressions that an expression may have as its value, or is joined from."""
    match value:
        case ast.Call(func=ast.Attribute(attr="join"), args=[joined]):
            return [joined]
        case ast.Call(func=ast.Attribute(value=one, attr="replace")):
            return [one]
        case ast.IfExp(body=one, orelse=other) | ast.BinOp(left=one, right=other):
            return [one, other]
        case ast.BoolOp(values=several) | ast.List(elts=several):
            return several
        case ast.ListComp(elt=one) | ast.Subscript(value=one):
            return [one]
    return []


class _Literals:
    """The texts of which the hints of a module are made."""

    def __init__(self, tree: ast.Module, constants: Mapping[str, ast.expr]) -> None:
        self._tree = tree
        self._constants = constants
        self._functions = {
            node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
        }
        self._seen: set[str] = set()

    def found(self) -> Iterator[ast.Constant | ast.JoinedStr]:
        functions: list[ast.AST] = [*self._functions.values(), self._tree]
        for function in functions:
            for node in ast.walk(function):
                if isinstance(node, ast.keyword) and node.arg == "hint":
                    yield from self._of(node.value, function)
                elif isinstance(node, ast.Assign | ast.AugAssign) and node.value is not None:
                    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                    if any(isinstance(t, ast.Name) and "hint" in t.id.lower() for t in targets):
                        yield from self._of(node.value, function)

    def _of(self, value: ast.expr, inside: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
        match value:
            case ast.Constant(value=str()):
                yield value
            case ast.JoinedStr():
                yield value
                for part in value.values:
                    if isinstance(part, ast.FormattedValue) and isinstance(
                        part.value, ast.Name | ast.Call
                    ):
                        yield from self._of(part.value, inside)
            case ast.Name(id=name):
                yield from self._named(name, inside)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if (
                name in self._functions
            ):
                yield from self._returned(name)
            case _:
                for each in _parts(value):
                    yield from self._of(each, inside)

    def _returned(self, name: str) -> Iterator[ast.Constant | ast.JoinedStr]:
        """The texts that a function of the module returns."""
        if name not in self._seen:
            self._seen.add(name)
            for node in ast.walk(self._functions[name]):
                if isinstance(node, ast.Return) and node.value is not None:
                    yield from self._of(node.value, self._functions[name])

    def _named(self, name: str, inside: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
        key = f"{id(inside)} {name}"
        if key in self._seen:
            return
        self._seen.add(key)
        is_local = False
        for node in ast.walk(inside):
            match node:
                case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                    yield from self._of(value, inside)
                    is_local = True
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id=target), attr="append"), args=[value]
                ) if target == name:
                    yield from self._of(value, inside)
        if not is_local and name in self._constants:
            yield from self._of(self._constants[name], inside)


def write_files(files: Mapping[str, str | bytes | None]) -> None:
    """Writes files into the working directory, or removes them."""
    for name, content in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())


def set_up(case: Case) -> None:
    """Makes the files of a case in the working directory."""
    write_files(case.files)
    if case.make:
        case.make()


def run(line: str) -> tuple[int, str]:
    """The exit code and the output of a command line."""
    result = CliRunner().invoke(main, shlex.split(line))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@dataclass(frozen=True)
class Failure:
    """The hint of an error, and the modules that made it or a part of it, with that part."""

    hint: str
    made: frozenset[tuple[str, str]]

    def covers(self, place: str, pattern: re.Pattern[str]) -> bool:
        """Whether the hint has a text of the source, which was taken where it is written."""
        module = place.partition(":")[0]
        return any(module == each and pattern.search(part) for each, part in self.made)


@contextlib.contextmanager
def recorded() -> Iterator[set[tuple[str, str]]]:
    """The modules in which errors are made meanwhile, with the hints of these."""
    found: set[tuple[str, str]] = set()
    original = NerineError.__init__

    def init(self: NerineError, *values: object, **others: object) -> None:
        original(self, *values, **others)  # type: ignore[arg-type]
        frame = sys._getframe(1)
        while frame.f_back and frame.f_code.co_filename.endswith("errors.py"):
            frame = frame.f_back
        path = Path(frame.f_code.co_filename)
        if self.hint and path.is_relative_to(SOURCE):
            found.add((path.relative_to(SOURCE).as_posix(), self.hint))

    NerineError.__init__ = init  # type: ignore[method-assign]
    try:
        yield found
    finally:
        NerineError.__init__ = original  # type: ignore[method-assign]


def failure_of(call: Call) -> Failure:
    """The hint of the error that a call ends with."""
    with recorded() as made:
        hint = _hint_of(call)
    return Failure(hint, frozenset((module, each) for module, each in made if each in hint))


def _hint_of(call: Call) -> str:
    if callable(call):
        try:
            call()
        except NerineError as error:
            return error.hint or ""
        raise AssertionError("the call does not fail")
    code, output = run(call)
    assert code == 2, output
    assert "hint: " in output, output
    return output.partition("hint: ")[2].rstrip("\n")


def outcome(call: Call) -> object:
    """What a call that succeeds returns, prints, or writes to a file of documents."""
    if callable(call):
        return call()
    code, output = run(call)
    assert code == 0, output
    written = re.fullmatch(r"convert \S+ (\S+).*", call)
    if not written:
        return output
    return shown(written[1], options=_AS_WRITTEN)


def shown(path: str, format_: str | None = None, options: ReadOptions | None = None) -> list[str]:
    """The documents of a file as lines."""
    documents = read_documents(path, format_, options or ReadOptions())
    return [plain_line(document) for document in documents]


def check_outcome(found: object, right: object, about: str) -> None:
    """Compares an outcome; of output that is printed the right lines must be a part."""
    if isinstance(found, str) and isinstance(right, str):
        assert right in found, f"{found}\n{about}"
    else:
        assert found == right, f"{found}\n{about}"


NAMED = re.compile(r"(--[a-z][a-z-]*)(?: (?!NAME\b|of\b)([\w.@=,:'/-]+)(?= \()| NAME(?= \())?")
PYTHON = r"\(([a-z_]+)=(…|[^()]*?)\)"


def named_options(hint: str) -> list[str]:
    """The options with values that a hint names, such as `--skip pieces`."""
    return [f"{option} {value}" for option, value in NAMED.findall(hint) if value]


def options_of(command: str) -> set[str]:
    """The options of a command."""
    found = main.get_command(click.Context(main), command)
    assert found is not None
    return {name for each in found.params for name in each.opts}


def shell(hint: str, old: str, new: str) -> None:
    """Runs the command in a hint that makes a new file of an old one."""
    (command,) = re.findall(r"(?:iconv|tr|\((?:echo|printf)) .*?> NEW", hint)
    line = command.replace("FILE", old).replace("NEW", new)
    subprocess.run(line, shell=True, check=True, executable="/bin/bash")
