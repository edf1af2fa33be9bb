"""Which errors of the package a call can raise, as far as its code shows it.

A function raises what it raises itself, outside of a `try` that takes it, and what the functions
that it calls by their names raise, in whatever module. Calls of other things' methods are not
followed, so that more may be raised than is found here; what is found can be raised. A dataclass
that checks its values is taken to be made of right ones, save in its own module.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from tools.docstrings.code import Definition, Function, Package, dotted_name, methods

ERRORS = "NerineError"
_ALL = ("Exception", "BaseException", "")
_MAKERS = ("__init__", "__post_init__")


@dataclass(frozen=True, slots=True)
class _Found:
    """A `raise` of an error, or a call of a function, and what is caught around it."""

    error: str
    called: Definition | None
    caught: frozenset[str]


class Raising:
    """The errors that definitions of a package raise."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._errors = {each.name: self._line(each) for each in _classes(package)}
        self._known: dict[str, frozenset[str]] = {}

    def of(self, definition: Definition) -> frozenset[str]:
        """The errors of the package that a definition can raise.

        Args:
            definition: A function or method, or a class, which raises what making it raises.

        Returns:
            The names of their classes.
        """
        return self._of(definition, frozenset())

    def is_error(self, name: str) -> bool:
        """Whether a name is that of an error of the package.

        Args:
            name: The name of a class.

        Returns:
            True for a class below the base of the package's errors, and for that.
        """
        return ERRORS in self._errors.get(name, ())

    def _of(self, definition: Definition, above: frozenset[str]) -> frozenset[str]:
        if definition.key in self._known:
            return self._known[definition.key]
        if definition.key in above:  # it calls itself: what it raises is being counted
            return frozenset()
        raised: set[str] = set()
        for function in _code_of(definition):
            for found in self._walk(definition, function.body, frozenset()):
                inner = (
                    self._of(found.called, above | {definition.key})
                    if found.called
                    else {found.error}
                )
                raised |= {name for name in inner if not self._is_caught(name, found)}
        if not above:
            self._known[definition.key] = frozenset(raised)
        return frozenset(raised)

    def _is_caught(self, name: str, found: _Found) -> bool:
        return bool(found.caught & ({*self._errors.get(name, ()), *_ALL}))

    def _line(self, found: Definition | None) -> set[str]:
        """The names of a class and of those that it comes from."""
        if found is None or not isinstance(found.node, ast.ClassDef):
            return set()
        bases = (self._package.resolve(found.module, dotted_name(b)) for b in found.node.bases)
        return {found.name}.union(*map(self._line, bases))

    def _walk(
        self, definition: Definition, nodes: list[ast.stmt] | list[ast.AST], caught: frozenset[str]
    ) -> Iterator[_Found]:
        for node in nodes:
            if isinstance(node, ast.Try):
                yield from self._walk(definition, node.body, caught | _taken(node))
                rest: list[ast.AST] = [*node.handlers, *node.orelse, *node.finalbody]
                yield from self._walk(definition, rest, caught)
                continue
            yield from self._here(definition, node, caught)
            inner = caught | _suppressed(node)
            yield from self._walk(definition, list(ast.iter_child_nodes(node)), inner)

    def _here(
        self, definition: Definition, node: ast.AST, caught: frozenset[str]
    ) -> Iterator[_Found]:
        if isinstance(node, ast.Raise) and node.exc is not None:
            name = self._raised(definition, node.exc)
            if name:
                yield _Found(name, None, caught)
        called = self._called(definition, node)
        if called is not None and not _is_checked_value(called, definition):
            yield _Found("", called, caught)

    def _raised(self, definition: Definition, raised: ast.expr) -> str | None:
        name = dotted_name(raised.func if isinstance(raised, ast.Call) else raised)
        for each in reversed(name.split(".")):  # `Error(...)`, `Error.of(...)`
            if self.is_error(each):
                return each
        made = self._package.resolve(definition.module, name) if name else None
        if made and isinstance(made.node, Function):  # `raise _error_of(...)`
            given = dotted_name(made.node.returns)
            return given if self.is_error(given) else None
        return None

    def _called(self, definition: Definition, node: ast.AST) -> Definition | None:
        if isinstance(node, ast.Call):
            name = dotted_name(node.func)
        elif isinstance(node, ast.Attribute):
            name = dotted_name(node)
            name = name if name.startswith("self.") else ""  # a property of its own
        else:
            return None
        head, _, rest = name.partition(".")
        if head in ("self", "cls") and definition.parent is not None:
            name = f"{definition.parent.name}.{rest}" if rest else definition.parent.name
        return self._package.resolve(definition.module, name) if name else None


def _classes(package: Package) -> Iterator[Definition]:
    for module in package.modules.values():
        for name, node in module.definitions.items():
            if isinstance(node, ast.ClassDef):
                yield Definition(module, name, node)


def _is_checked_value(called: Definition, caller: Definition) -> bool:
    names = {each.name.rpartition(".")[2] for each in methods(called)}
    return called.module is not caller.module and "__post_init__" in names


def _taken(node: ast.Try) -> frozenset[str]:
    """The names of the errors that a `try` takes and does not raise again."""
    taken: set[str] = set()
    for handler in node.handlers:
        again = (each.exc for each in ast.walk(handler) if isinstance(each, ast.Raise))
        if any(error is None or _root(error) == handler.name for error in again):
            continue
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        taken |= {dotted_name(kind).rpartition(".")[2] for kind in kinds}
    return frozenset(taken)


def _suppressed(node: ast.AST) -> frozenset[str]:
    """The names of the errors that a `with suppress(...)` takes."""
    calls = [item.context_expr for item in node.items] if isinstance(node, ast.With) else []
    return frozenset(
        dotted_name(kind).rpartition(".")[2]
        for call in calls
        if isinstance(call, ast.Call) and dotted_name(call.func).endswith("suppress")
        for kind in call.args
    )


def _root(node: ast.expr) -> str:
    name = dotted_name(node.func if isinstance(node, ast.Call) else node)
    return name.partition(".")[0]


def _code_of(definition: Definition) -> list[Function]:
    if isinstance(definition.node, ast.ClassDef):
        made = (each for each in methods(definition) if each.name.rpartition(".")[2] in _MAKERS)
        return [each.node for each in made if isinstance(each.node, Function)]
    return [definition.node] if isinstance(definition.node, Function) else []
