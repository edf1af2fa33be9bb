"""A package's source as definitions that know their names, without importing it.

`ast` is all that it takes: annotations, fields, decorators and `raise` are read as they are
written, and a name is followed through imports to where it is defined.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef
Node = ast.Module | ast.ClassDef | Function | ast.Assign | ast.AnnAssign


@dataclass(frozen=True, slots=True)
class Module:
    """A file of the package: its dotted name, and what each name in it stands for.

    Attributes:
        name: Its dotted name, such as `nerine.evaluation.metrics.scoring`.
        path: The file.
        tree: What `ast` made of it.
        imports: Names that it imports, each with the dotted name of what they stand for; those
            that it imports for type checking, or inside of a function, as well.
        definitions: Classes, functions and assignments at its top, by name.
    """

    name: str
    path: Path
    tree: ast.Module
    imports: Mapping[str, str]
    definitions: Mapping[str, Node]


@dataclass(frozen=True, slots=True)
class Definition:
    """A class, a function or an assignment, and where it stands.

    Attributes:
        module: The file that it stands in.
        name: Its name there; a method's is `Class.method`.
        node: Its code.
        parent: The class that a method belongs to.
    """

    module: Module
    name: str
    node: Node
    parent: ast.ClassDef | None = field(default=None)

    @property
    def key(self) -> str:
        """Its dotted name, which nothing else has."""
        return f"{self.module.name}.{self.name}"

    @property
    def line(self) -> int:
        """The line where it begins, counted from 1."""
        return getattr(self.node, "lineno", 1)

    @property
    def doc(self) -> str | None:
        """Its docstring without indentation, or None."""
        if isinstance(self.node, ast.Assign | ast.AnnAssign):
            return None
        return ast.get_docstring(self.node)


@dataclass(frozen=True, slots=True)
class Package:
    """All modules of a package.

    Attributes:
        modules: The modules, by dotted name.
    """

    modules: Mapping[str, Module]

    @classmethod
    def read(cls, folder: Path) -> Package:
        """The package whose `__init__.py` stands in a folder.

        Args:
            folder: The folder; its name is the package's.

        Returns:
            The package, with the modules of all folders below.
        """
        files = sorted(folder.rglob("*.py"))
        modules = (_module(path, folder) for path in files)
        return cls({module.name: module for module in modules})

    @property
    def root(self) -> Module:
        """The package's own `__init__.py`."""
        return min(self.modules.values(), key=lambda module: len(module.name))

    def resolve(self, module: Module, dotted: str) -> Definition | None:
        """What a name in a module stands for.

        Args:
            module: Where the name is used.
            dotted: The name, such as `Document` or `safety.check`.

        Returns:
            The definition, or None for a name from elsewhere (`str`, `numpy.ndarray`).
        """
        head, _, rest = dotted.partition(".")
        if head in module.definitions:
            return self._inside(module, dotted)
        if head not in module.imports:
            return None
        return self._found(f"{module.imports[head]}.{rest}" if rest else module.imports[head])

    def _found(self, full: str) -> Definition | None:
        parts = full.split(".")
        for cut in range(len(parts) - 1, 0, -1):
            module = self.modules.get(".".join(parts[:cut]))
            if module is not None:
                return self.resolve(module, ".".join(parts[cut:]))
        return None

    def _inside(self, module: Module, dotted: str) -> Definition | None:
        head, _, rest = dotted.partition(".")
        node = module.definitions[head]
        if not rest:
            return Definition(module, head, node)
        if not isinstance(node, ast.ClassDef) or "." in rest:
            return None
        return next(
            (each for each in methods(Definition(module, head, node)) if each.name == dotted), None
        )


def _module(path: Path, folder: Path) -> Module:
    parts = [folder.name, *path.relative_to(folder).with_suffix("").parts]
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    return Module(name, path, tree, dict(_imports(tree)), dict(_definitions(tree.body)))


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if alias.asname else alias.name.partition(".")[0]
                yield alias.asname or whole, whole


def _definitions(body: list[ast.stmt]) -> Iterator[tuple[str, Node]]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node


def dotted_name(node: ast.AST | None) -> str:
    """A name as it is written.

    Args:
        node: A name, an attribute of one, or anything.

    Returns:
        Such as `a.b.c`; empty where the node is no name.
    """
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted_name(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def decorators(node: ast.AST) -> list[str]:
    """The last names of a definition's decorators.

    Args:
        node: A class or a function.

    Returns:
        Such as `property` or `contextmanager`, from top to bottom.
    """
    listed = getattr(node, "decorator_list", [])
    names = (dotted_name(each.func if isinstance(each, ast.Call) else each) for each in listed)
    return [name.rpartition(".")[2] for name in names]


def methods(definition: Definition) -> Iterator[Definition]:
    """The methods and properties of a class, private ones among them.

    Args:
        definition: A class; anything else has none.

    Yields:
        Each as `Class.method`, in the file's order.
    """
    node = definition.node
    if isinstance(node, ast.ClassDef):
        for each in node.body:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                yield Definition(definition.module, f"{definition.name}.{each.name}", each, node)


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter of a function, or a field of a class.

    Attributes:
        name: Its name.
        annotation: What is written behind the colon, if anything.
    """

    name: str
    annotation: ast.expr | None


def parameters(function: Function, *, bound: bool = False) -> list[Field]:
    """The parameters of a function.

    Args:
        function: The function.
        bound: Whether it is a method, whose first parameter callers do not give.

    Returns:
        The parameters in order, those with stars by their bare names.
    """
    given = function.args
    every = [*given.posonlyargs, *given.args]
    if bound and "staticmethod" not in decorators(function):
        every = every[1:]
    every += [given.vararg] if given.vararg else []
    every += given.kwonlyargs
    every += [given.kwarg] if given.kwarg else []
    return [Field(each.arg, each.annotation) for each in every]


def fields(node: ast.ClassDef) -> list[Field]:
    """The public fields that a class states with their types.

    Args:
        node: The class.

    Returns:
        The fields in order; class variables are none.
    """
    return [
        Field(each.target.id, each.annotation)
        for each in node.body
        if isinstance(each, ast.AnnAssign)
        and isinstance(each.target, ast.Name)
        and is_public(each.target.id)
        and not ast.unparse(each.annotation).startswith("ClassVar")
    ]


def attributes_set(node: ast.ClassDef) -> list[Field]:
    """The public attributes that `__init__` sets.

    Args:
        node: The class.

    Returns:
        The attributes in order, with what the code says of their types.
    """
    start = next(
        (e for e in node.body if isinstance(e, ast.FunctionDef) and e.name == "__init__"), None
    )
    if start is None:
        return []
    found: dict[str, Field] = {}
    for each in ast.walk(start):
        targets = (
            each.targets
            if isinstance(each, ast.Assign)
            else [each.target]
            if isinstance(each, ast.AnnAssign)
            else []
        )
        for target in targets:
            if (
                isinstance(target, ast.Attribute)
                and dotted_name(target.value) == "self"
                and is_public(target.attr)
            ):
                annotation = each.annotation if isinstance(each, ast.AnnAssign) else None
                found.setdefault(target.attr, Field(target.attr, annotation))
    return list(found.values())


def is_public(name: str) -> bool:
    """Whether a name is for users.

    Args:
        name: A name without dots.

    Returns:
        True where it does not begin with an underscore, and for `__call__`.
    """
    return not name.startswith("_") or name == "__call__"
