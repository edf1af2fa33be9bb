"""The public face: what `__all__` names, and every class that users get in hand through it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from tools.docstrings.code import (
    Definition,
    Function,
    Package,
    attributes_set,
    dotted_name,
    fields,
    is_public,
    methods,
    parameters,
)

_ARRAYS = ("ndarray", "NDArray", "ArrayLike", "Tensor")


def public_face(package: Package) -> list[Definition]:
    """The names of a package that users meet.

    Args:
        package: The package; its `__init__.py` has an `__all__`.

    Returns:
        Classes and functions: those of `__all__`, and each public class of the package that an
        annotation of one of them, or of their methods and fields, names, and so on from there.
        In the order of modules and lines.
    """
    waiting = list(listed(package).values())
    found: dict[str, Definition] = {}
    while waiting:
        definition = waiting.pop()
        if definition is None or definition.key in found:
            continue
        found[definition.key] = definition
        waiting += _reached(package, definition)
    shown = [each for each in found.values() if isinstance(each.node, ast.ClassDef | Function)]
    return sorted(shown, key=lambda each: (each.module.name, each.line))


def listed(package: Package) -> dict[str, Definition | None]:
    """The names of a package's `__all__`.

    Args:
        package: The package.

    Returns:
        For each name what it stands for, None where that cannot be found.
    """
    root = package.root
    node = root.definitions.get("__all__")
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    names = value.elts if isinstance(value, ast.List | ast.Tuple) else []
    texts = [str(each.value) for each in names if isinstance(each, ast.Constant)]
    return {text: package.resolve(root, text) for text in texts}


def _reached(package: Package, definition: Definition) -> Iterator[Definition]:
    for annotation in _annotations(definition):
        for name in names_in(annotation):
            reached = package.resolve(definition.module, name)
            if reached is not None and is_public(reached.name):
                yield reached


def _annotations(definition: Definition) -> Iterator[ast.expr | None]:
    node = definition.node
    if isinstance(node, ast.Assign | ast.AnnAssign):  # an alias of types
        yield node.value
    if isinstance(node, Function):
        yield from (each.annotation for each in parameters(node))
        yield node.returns
    if isinstance(node, ast.ClassDef):
        yield from node.bases
        yield from (each.annotation for each in (*fields(node), *attributes_set(node)))
        for method in methods(definition):
            name = method.name.rpartition(".")[2]
            if is_public(name) or name in ("__init__", "__getitem__", "__iter__"):
                yield from _annotations(method)


def names_in(annotation: ast.AST | None) -> Iterator[str]:
    """The names in an annotation.

    Args:
        annotation: The annotation; parts in quotes are read too, save those of `Literal`.

    Yields:
        Each as it is written, such as `np.float32`.
    """
    if annotation is None:
        return
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        yield from names_in(ast.parse(annotation.value, mode="eval"))
    elif isinstance(annotation, ast.Name | ast.Attribute):
        yield dotted_name(annotation)
    elif isinstance(annotation, ast.Subscript) and dotted_name(annotation.value) == "Literal":
        yield "Literal"
    else:
        for child in ast.iter_child_nodes(annotation):
            yield from names_in(child)


def kinds_in(package: Package, definition: Definition, annotation: ast.AST | None) -> set[str]:
    """What an annotation is made of, as far as the rules ask.

    Args:
        package: The package, whose aliases of types are looked into.
        definition: Where the annotation stands.
        annotation: The annotation.

    Returns:
        `number` where an `int` or a `float` stands in it, `array` for one of numpy or torch.
    """
    kinds: set[str] = set()
    for name in names_in(annotation):
        last = name.rpartition(".")[2]
        alias = package.resolve(definition.module, name)
        if last in _ARRAYS:
            return {"array"}
        if name in ("int", "float"):
            kinds.add("number")
        elif alias is not None and isinstance(alias.node, ast.Assign):
            kinds |= kinds_in(package, alias, alias.node.value)
    return {"array"} if "array" in kinds else kinds


def members(definitions: Iterable[Definition]) -> Iterator[Definition]:
    """Definitions, each class followed by its public methods and properties.

    Args:
        definitions: Classes and functions.

    Yields:
        Each definition, then its methods.
    """
    for definition in definitions:
        yield definition
        for method in methods(definition):
            if is_public(method.name.rpartition(".")[2]):
                yield method
