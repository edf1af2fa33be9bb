"""The rules that docstrings keep, each a function from a definition to what is missing."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from tools.docstrings.code import (
    Definition,
    Field,
    Function,
    Module,
    Package,
    attributes_set,
    decorators,
    dotted_name,
    fields,
    is_public,
    methods,
    parameters,
)
from tools.docstrings.face import kinds_in, listed, members, public_face
from tools.docstrings.raising import Raising
from tools.docstrings.sections import Docstring
from tools.docstrings.words import METHODS, methods_named, names_shape, names_source, names_unit

_PROPERTIES = ("property", "cached_property")
_TERMINAL = "cli"
"""Where docstrings are help texts; the functions that commands call have the sources."""
_SHAPE = "its shape, such as `(words, tags)` or `(words,)`"
_UNIT = "what it counts or measures (tools/docstrings/words.py lists the words)"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a docstring lacks.

    Attributes:
        place: The file and the line, as `file:line`.
        name: The definition's name in its module.
        rule: The name of the rule, a key of `RULES`, `source` or `all`.
        missing: What is missing or wrong.
        expected: What would be right.
    """

    place: str
    name: str
    rule: str
    missing: str
    expected: str

    def __str__(self) -> str:
        return f"{self.place}: {self.name}: {self.missing}; expected: {self.expected}"


@dataclass(frozen=True, slots=True)
class Subject:
    """A definition of the public face, and what a rule asks of it.

    Attributes:
        package: The package that it belongs to.
        raising: The errors of the package's functions.
        definition: The class, function or method.
        doc: Its docstring in parts; empty where there is none.
    """

    package: Package
    raising: Raising
    definition: Definition
    doc: Docstring

    @property
    def is_property(self) -> bool:
        """Whether it is read like a field."""
        return any(each in _PROPERTIES for each in decorators(self.definition.node))

    def parameters(self) -> list[Field]:
        """What callers give it: a class's are those of its own `__init__`."""
        node = self.definition.node
        if isinstance(node, Function):
            return parameters(node, bound=self.definition.parent is not None)
        start = next((e for e in methods(self.definition) if e.name.endswith(".__init__")), None)
        return (
            parameters(start.node, bound=True) if start and isinstance(start.node, Function) else []
        )

    def kinds(self, annotation: ast.AST | None) -> set[str]:
        """What an annotation is made of; see `kinds_in`.

        Args:
            annotation: An annotation of its parameters, fields or return.

        Returns:
            `number`, `array`, both or none.
        """
        return kinds_in(self.package, self.definition, annotation)


Found = Iterator[tuple[str, str]]
"""What is missing, and what would be right."""


def docstring(subject: Subject) -> Found:
    """A docstring is there.

    Args:
        subject: A definition of the public face.

    Yields:
        What is missing, and what is expected.
    """
    if not subject.definition.doc:
        yield "no docstring", "one"


def args(subject: Subject) -> Found:
    """`Args:` names every parameter, and nothing else.

    Args:
        subject: A definition of the public face.

    Yields:
        What is missing, and what is expected.
    """
    known = [each.name for each in subject.parameters()]
    yield from _agree(subject.doc.entries("Args"), known, known, "Args:", "parameter")


def attributes(subject: Subject) -> Found:
    """`Attributes:` names every public field of a class, and nothing that it lacks.

    Args:
        subject: A definition of the public face.

    Yields:
        What is missing, and what is expected.
    """
    node = subject.definition.node
    if not isinstance(node, ast.ClassDef):
        return
    given = {each.name for each in subject.parameters()}
    explained = _meanings(subject.package, subject.definition)
    stated = [each.name for each in fields(node)]
    needed = [name for name in stated if name not in explained]
    needed += [each.name for each in attributes_set(node) if each.name not in given]
    known = [*stated, *needed, *given, *_inherited(subject.package, subject.definition)]
    yield from _agree(subject.doc.entries("Attributes"), needed, known, "Attributes:", "field")


def returns(subject: Subject) -> Found:
    """`Returns:` or `Yields:` says what comes back, unless the summary of something short does.

    Args:
        subject: A definition of the public face.

    Yields:
        What is missing, and what is expected.
    """
    node = subject.definition.node
    said = {"Returns", "Yields"} & set(subject.doc.sections)
    if not isinstance(node, Function):
        return
    for name, text in _first_lines(subject):
        if ":" in text:
            yield f"{name} has a colon in its first line", "none: napoleon takes it for a type"
    if subject.is_property:
        return
    if node.returns is None or ast.unparse(node.returns) in ("None", "NoReturn"):
        if said:
            yield f"{min(said)}: of what gives nothing", "no such section"
    elif not said and not _is_one_line(node):
        yield "no Returns:", "what it gives, as Returns: or Yields:"


def _first_lines(subject: Subject) -> Iterator[tuple[str, str]]:
    """The lines in which napoleon looks for a type."""
    for name in sorted({"Returns", "Yields"} & set(subject.doc.sections)):
        yield f"{name}:", subject.doc.sections[name].partition("\n")[0]
    if subject.is_property:
        yield "the docstring", subject.doc.prose.partition("\n")[0]


def raises(subject: Subject) -> Found:
    """`Raises:` names the errors that a call can raise, and only such as exist.

    Args:
        subject: A definition of the public face.

    Yields:
        What is missing, and what is expected.
    """
    said = subject.doc.entries("Raises")
    for name in sorted(subject.raising.of(subject.definition) - set(said)):
        yield f"no {name} in Raises:", "every error of Nerine that it can raise"
    for name, text in said.items():
        if not subject.raising.is_error(name) and not _is_builtin(name):
            yield f"Raises: has {name}", "an error of Nerine, or one of Python's"
        if not text:
            yield f"Raises: says nothing of {name}", "when it is raised"


def shape(subject: Subject) -> Found:
    """What is an array says its shape.

    Args:
        subject: A definition of the public face.

    Yields:
        What is missing, and what is expected.
    """
    for name, text, annotation in _typed(subject):
        if "array" in subject.kinds(annotation) and not names_shape(text):
            yield f"{name} has no shape", _SHAPE


def unit(subject: Subject) -> Found:
    """What is a number says what it counts or measures.

    Args:
        subject: A definition of the public face.

    Yields:
        What is missing, and what is expected.
    """
    for name, text, annotation in _typed(subject):
        if "number" in subject.kinds(annotation) and not names_unit(text):
            yield f"{name} has no unit", _UNIT


RULES: Mapping[str, Callable[[Subject], Found]] = {
    rule.__name__: rule for rule in (docstring, args, attributes, returns, raises, shape, unit)
}
"""The rules for the public face."""


def check(package: Package) -> list[Complaint]:
    """All that the docstrings of a package lack.

    Args:
        package: The package.

    Returns:
        What the rules found, in the order of files and lines.
    """
    found = [*_lost_names(package), *_face_complaints(package), *_source_complaints(package)]
    return sorted(found, key=lambda each: (each.place.rpartition(":")[0], _line(each), each.rule))


def _line(complaint: Complaint) -> int:
    return int(complaint.place.rpartition(":")[2])


def _lost_names(package: Package) -> Iterator[Complaint]:
    names = listed(package)
    root = Definition(package.root, package.root.name, package.root.tree)
    if not names:
        yield _complaint(root, "all", "there are no names in __all__", "a list of strings")
    for name, found in names.items():
        if found is None:
            missing = f"nothing shows where {name} of __all__ is defined"
            yield _complaint(root, "all", missing, "an import of it, if only for type checking")


def _face_complaints(package: Package) -> Iterator[Complaint]:
    raising = Raising(package)
    for definition in members(public_face(package)):
        subject = Subject(package, raising, definition, Docstring.parse(definition.doc or ""))
        rules = RULES if definition.doc else {"docstring": docstring}
        for name, rule in rules.items():
            for missing, expected in rule(subject):
                yield _complaint(definition, name, missing, expected)


def _source_complaints(package: Package) -> Iterator[Complaint]:
    """Methods of the literature whose docstring, class and module cite nothing."""
    for module in package.modules.values():
        if _TERMINAL in module.name.split("."):
            continue
        for definition in _public_parts(module):
            around = definition.parent and ast.get_docstring(definition.parent)
            text = f"{definition.doc or ''}\n{around or ''}\n{ast.get_docstring(module.tree) or ''}"
            fields_say = " ".join(_meanings(package, definition).values())
            own = f"{definition.name.rpartition('.')[2]}\n{definition.doc or ''}\n{fields_say}"
            said = methods_named(own)
            for method in said:
                if not names_source(text, method):
                    expected = " or ".join(METHODS[method][1])
                    yield _complaint(definition, "source", f"no source for {method}", expected)


def _public_parts(module: Module) -> Iterator[Definition]:
    own = module.name.rpartition(".")[2]
    yield Definition(module, own, module.tree)
    yield from members(
        Definition(module, name, node)
        for name, node in module.definitions.items()
        if is_public(name) and isinstance(node, ast.ClassDef | Function)
    )


def _complaint(definition: Definition, rule: str, missing: str, expected: str) -> Complaint:
    place = f"{definition.module.path}:{definition.line}"
    return Complaint(place, definition.name, rule, missing, expected)


def _agree(
    said: Mapping[str, str], needed: list[str], known: list[str], section: str, what: str
) -> Found:
    for name in needed:
        if not said.get(name):
            yield f"{section} says nothing of {name}", f"every {what} with a text"
    for name in said:
        if name not in known:
            yield f"{section} has {name}", f"only what is a {what}"


def _typed(subject: Subject) -> Iterator[tuple[str, str, ast.AST | None]]:
    """Each parameter, field and return: its name, what is said of it, and its annotation."""
    node = subject.definition.node
    said = {**subject.doc.entries("Attributes"), **subject.doc.entries("Args")}
    own = attributes_set(node) + fields(node) if isinstance(node, ast.ClassDef) else []
    meanings = _meanings(subject.package, subject.definition)
    for each in chain(subject.parameters(), own):
        yield each.name, said.get(each.name, "") or meanings.get(each.name, ""), each.annotation
    if isinstance(node, Function):
        sections = subject.doc.sections
        text = sections.get("Returns") or sections.get("Yields") or subject.doc.prose
        yield "what comes back", text, node.returns


def _meanings(package: Package, definition: Definition) -> dict[str, str]:
    """What the defaults of fields say of them: `size: int = setting(3, "how many words")`."""
    node = definition.node
    found: dict[str, str] = {}
    if not isinstance(node, ast.ClassDef):
        return found
    for base in node.bases:
        above = package.resolve(definition.module, dotted_name(base))
        found |= _meanings(package, above) if above is not None else {}
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.value, ast.Call):
            said = [p.value for p in ast.walk(each.value) if isinstance(p, ast.Constant)]
            texts = [part for part in said if isinstance(part, str) and " " in part]
            found |= dict.fromkeys([dotted_name(each.target)] if texts else [], " ".join(texts))
    return found


def _inherited(package: Package, definition: Definition) -> Iterator[str]:
    """All that a class has besides its own fields: its properties, and what its bases have."""
    node = definition.node
    if not isinstance(node, ast.ClassDef):
        return
    for method in methods(definition):
        if any(each in _PROPERTIES for each in decorators(method.node)):
            yield method.name.rpartition(".")[2]
    for base in node.bases:
        found = package.resolve(definition.module, dotted_name(base))
        if found is not None and isinstance(found.node, ast.ClassDef):
            yield from (each.name for each in (*fields(found.node), *attributes_set(found.node)))
            yield from _inherited(package, found)


def _is_one_line(node: Function) -> bool:
    """Whether the code behind the docstring is one statement."""
    return len(node.body) <= 2


def _is_builtin(name: str) -> bool:
    found = getattr(builtins, name, None)
    return isinstance(found, type) and issubclass(found, BaseException)
