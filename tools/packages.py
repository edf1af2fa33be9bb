"""A package's Python files by room, for the tools that measure and compare code.

A room is a folder or a module at the top of the package. `__init__.py` and `__main__.py` at the top
are the package's public face, shown as `(face)`: they belong to no room.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

FACE = "(face)"
CHECKOUT = Path(__file__).parents[1]
"""The checkout that this file is part of."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = ast.ClassDef | Function


@dataclass(frozen=True, slots=True)
class Module:
    """A file of the package.

    Attributes:
        path: Its path, relative to the package's folder.
        text: Its source.
        tree: The source as `ast` parses it.
    """

    path: Path
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        """The room that it belongs to."""
        return room_of(self.path)

    @property
    def functions(self) -> list[Function]:
        """All functions, methods and nested functions included."""
        return [node for node in ast.walk(self.tree) if isinstance(node, Function)]


def package_folder(path: Path) -> Path:
    """The package in a checkout, or the package that `path` itself is.

    Args:
        path: A folder with `__init__.py`, or a checkout with one package, in `src` or at its top.
    """
    if (path / "__init__.py").is_file():
        return path
    for folder in (path / "src", path):
        packages = [found.parent for found in folder.glob("*/__init__.py")]
        if len(packages) == 1:
            return packages[0]
    raise SystemExit(f"{path}: no package found; expected: a package's folder, or a checkout")


def read_modules(package: Path) -> list[Module]:
    """All Python files of a package, sorted by path."""
    modules = []
    for path in sorted(package.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        modules.append(Module(path.relative_to(package), text, ast.parse(text)))
    return modules


def room_of(path: Path) -> str:
    """The room of a file, given its path relative to the package's folder."""
    room = path.parts[0].removesuffix(".py")
    return FACE if room in ("__init__", "__main__") else room


def definitions(node: ast.AST, parents: tuple[str, ...] = ()) -> Iterator[tuple[str, Definition]]:
    """Classes and functions below a node, each with its qualified name, such as `Corpus.split`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Definition):
            names = (*parents, child.name)
            yield ".".join(names), child
            yield from definitions(child, names)
        else:
            yield from definitions(child, parents)


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table whose columns line up: text on the left, numbers on the right."""
    cells = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    columns = list(zip(head, *cells, strict=True))
    widths = [max(len(cell) for cell in column) for column in columns]
    left = [all(isinstance(row[index], str) for row in rows) for index in range(len(head))]
    left[0] = True
    rule = [
        "-" * width if first else "-" * (width - 1) + ":"
        for width, first in zip(widths, left, strict=True)
    ]
    lines = [
        [
            cell.ljust(width) if first else cell.rjust(width)
            for cell, width, first in zip(line, widths, left, strict=True)
        ]
        for line in [head, *cells]
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in [lines[0], rule, *lines[1:]])
