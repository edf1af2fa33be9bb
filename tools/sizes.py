"""Size of a package, room by room: files, code lines, functions, and imports between rooms.

python -m tools.sizes [--root PATH] [--against PATH]

PATH is a checkout or the folder of any package, such as `site-packages/httpx`. `--root` is this
checkout by default, `--against` the state before: the totals of both are then shown next to each
other, followed by the rooms of each.

- files: Python files.
- code lines: physical lines with at least one token that is neither a comment nor part of the
  docstring of a module, class or function. Each line of a string over several lines counts, blank
  lines in it too.
- functions: `def`s, methods and nested functions included.
- private: functions whose name begins with one underscore.
- named once: private functions whose name is used exactly once in their module, apart from
  definitions of that name. The share is that of all functions.
- longest file: in physical lines.
- longest and median function: lines after the first line of the `def`, without its docstring.
- arrows: pairs of rooms of which the first imports the second, under `TYPE_CHECKING` and inside
  functions too. Imports by and from the public face, `__init__.py` and `__main__.py`, are left out.
- against the chain: arrows to a room that is not in an earlier row of `CHAIN`. Only a package
  without other rooms has this figure.
"""

from __future__ import annotations

import argparse
import ast
import io
import statistics
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.packages import (
    CHECKOUT,
    FACE,
    Function,
    Module,
    markdown_table,
    package_folder,
    read_modules,
)

CHAIN = (
    ("core",),
    ("hub",),
    ("data",),
    ("evaluation",),
    ("model",),
    ("training",),
    ("serving",),
    ("curation", "publishing"),
    ("cli",),
)
"""The rooms of the design. A room imports only from earlier rows."""

Arrow = tuple[str, str]
"""The importing room, and the imported one."""

_NO_CODE = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT),
    tokenize.ENDMARKER,
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of a set of modules; the module docstring defines each figure."""

    files: int
    code_lines: int
    functions: int
    private: int
    named_once: int
    longest_file: int
    longest_function: int
    median_function: float

    @classmethod
    def of(cls, modules: Iterable[Module]) -> Sizes:
        """Measures modules."""
        modules = list(modules)
        functions = [function for module in modules for function in module.functions]
        lengths = [function_lines(function) for function in functions]
        return cls(
            files=len(modules),
            code_lines=sum(map(code_lines, modules)),
            functions=len(functions),
            private=sum(is_private(function) for function in functions),
            named_once=sum(map(named_once, modules)),
            longest_file=max((len(module.text.splitlines()) for module in modules), default=0),
            longest_function=max(lengths, default=0),
            median_function=statistics.median(lengths) if lengths else 0,
        )

    def cells(self) -> dict[str, str]:
        """The figures as text, by the heading of their column."""
        return {
            "files": f"{self.files:,}",
            "code lines": f"{self.code_lines:,}",
            "functions": f"{self.functions:,}",
            "private": self._with_share(self.private),
            "named once": self._with_share(self.named_once),
            "longest file": f"{self.longest_file:,}",
            "longest function": f"{self.longest_function:,}",
            "median function": f"{self.median_function:g}",
        }

    def _with_share(self, count: int) -> str:
        return f"{count:,} ({count / max(self.functions, 1):.0%})"


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m tools.sizes", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--root", type=Path, default=CHECKOUT, metavar="PATH")
    parser.add_argument("--against", type=Path, metavar="PATH")
    options = parser.parse_args()
    after = package_folder(options.root)
    if options.against is None:
        print(room_table(after))
        return
    before = package_folder(options.against)
    print(totals_table(before, after))
    for title, package in (("Before", before), ("After", after)):
        print(f"\n{title}: {package}\n\n{room_table(package)}")


def room_table(package: Path) -> str:
    """A row of figures for each room and for the package, then the arrows between rooms."""
    modules = read_modules(package)
    arrows = room_arrows(modules, package.name)
    imported = Counter(source for source, _ in arrows)
    rooms = sorted({module.room for module in modules} - {FACE})
    against = against_chain(arrows, rooms)
    if against is not None:
        rooms.sort(key=[room for row in CHAIN for room in row].index)
    rows = []
    for room in [*rooms, FACE]:
        sizes = Sizes.of(module for module in modules if module.room == room)
        rows.append([room, *sizes.cells().values(), str(imported[room])])
    total = Sizes.of(modules).cells()
    rows.append(["total", *total.values(), str(len(arrows))])
    table = markdown_table(["room", *total, "imports rooms"], rows)
    lines = [table, "", f"{len(arrows)} arrows; against the chain: {_chain_text(against)}"]
    lines += [f"- {source} imports {target}" for source, target in sorted(against or ())]
    return "\n".join(lines)


def totals_table(before: Path, after: Path) -> str:
    """The figures of two packages next to each other."""
    columns = [_totals(package) for package in (before, after)]
    rows = [[figure, *(column[figure] for column in columns)] for figure in columns[0]]
    return markdown_table(["", "before", "after"], rows)


def code_lines(module: Module) -> int:
    """Number of lines with a token that is neither a comment nor part of a docstring."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type not in _NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Module | ast.ClassDef | Function):
            lines.difference_update(_docstring_lines(node))
    return len(lines)


def function_lines(function: Function) -> int:
    """Number of lines after the first line of a `def`, without the docstring."""
    return (function.end_lineno or 0) - function.lineno - len(_docstring_lines(function))


def is_private(function: Function) -> bool:
    """Whether a function's name begins with exactly one underscore."""
    return function.name.startswith("_") and not function.name.startswith("__")


def named_once(module: Module) -> int:
    """Number of private functions whose name the module uses exactly once."""
    uses = Counter(_names_used(module.tree))
    return sum(uses[each.name] == 1 for each in module.functions if is_private(each))


def room_arrows(modules: Sequence[Module], package: str) -> set[Arrow]:
    """All pairs of different rooms of which the first imports the second."""
    rooms = {module.room for module in modules} - {FACE}
    arrows = set()
    for module in modules:
        for parts in _imports(module, package):
            if len(parts) > 1 and parts[0] == package and parts[1] in rooms:
                arrows.add((module.room, parts[1]))
    return {(source, target) for source, target in arrows if source not in (target, FACE)}


def against_chain(arrows: Iterable[Arrow], rooms: Iterable[str]) -> set[Arrow] | None:
    """Arrows to a room that is not in an earlier row, or None if there are other rooms."""
    rows = {room: row for row, names in enumerate(CHAIN) for room in names}
    if not set(rooms) <= rows.keys():
        return None
    return {(source, target) for source, target in arrows if rows[target] >= rows[source]}


def _docstring_lines(node: ast.Module | ast.ClassDef | Function) -> range:
    if ast.get_docstring(node, clean=False) is None:
        return range(0)
    return range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)


def _names_used(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _imports(module: Module, package: str) -> Iterator[list[str]]:
    """The dotted names that a module imports, relative imports resolved, as lists of parts."""
    folder = [package, *module.path.parent.parts]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) - node.level + 1] if node.level else []
            base = [*base, *(node.module.split(".") if node.module else ())]
            yield from ([*base, alias.name] for alias in node.names)


def _totals(package: Path) -> dict[str, str]:
    modules = read_modules(package)
    rooms = {module.room for module in modules} - {FACE}
    arrows = room_arrows(modules, package.name)
    return {
        "rooms": str(len(rooms)),
        **Sizes.of(modules).cells(),
        "arrows": str(len(arrows)),
        "against the chain": _chain_text(against_chain(arrows, rooms)),
    }


def _chain_text(against: set[Arrow] | None) -> str:
    return "not applicable" if against is None else str(len(against))


if __name__ == "__main__":
    main()
