"""Docstrings and error messages drawn at random, each with its counterpart in another checkout.

python -m tools.samples [--seed 13] [--count 20] [--moved FILE] BEFORE AFTER

Prints Markdown: COUNT docstrings of classes and functions in BEFORE and COUNT messages, each with
what stands for it in AFTER. BEFORE and AFTER are checkouts or package folders. A message is the
first argument, if it is a string or an f-string, of a call of `NerineError` or one of its
subclasses. FILE is a JSON object of moved modules, such as
`{"decoding/chain.py": "model/decoding.py"}` or `{"nerine.decoding": "nerine.model.decoding"}`; the
longest name that fits a module applies to it.

- A definition's counterpart is the one with the same qualified name in the moved or the same
  module. Otherwise it has the highest score, at least 0.7: the similarity of the code (0 to 1),
  0.3 times that of the module's path, and 0.4 for the same qualified name or 0.2 for the same last
  name.
- A message's counterpart is the most similar one in its function's counterpart, if they share a
  third of their words or if each function has one message. Otherwise it is the most similar
  message anywhere, if they share 60% of their words.

`(gone)` means that no counterpart was found, or that it has no docstring.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.packages import Module, definitions, package_folder, read_modules

ROOT_ERROR = "NerineError"
GONE = "(gone)"
LEAST_SCORE = 0.7
"""The least score of a definition's counterpart."""


@dataclass(frozen=True, slots=True)
class Defined:
    """A class or function: its module's path, its qualified name, and its code as words."""

    path: str
    name: str
    is_class: bool
    docstring: str
    words: tuple[str, ...]

    @property
    def label(self) -> str:
        """The path and the name."""
        return f"{self.path}: {self.name}"


@dataclass(frozen=True, slots=True)
class Message:
    """An error message, with `{…}` as in the f-string, and the function or class around it."""

    path: str
    function: str
    error: str
    text: str

    @property
    def label(self) -> str:
        """The path, the function and the error."""
        return f"{self.path}: {self.function or 'module'}, {self.error}"


class Checkout:
    """The definitions and messages of a package."""

    def __init__(self, package: Path) -> None:
        modules = read_modules(package)
        errors = error_names(modules)
        self.definitions = [each for module in modules for each in _defined(module)]
        self.messages = [each for module in modules for each in _messages(module, errors)]


def main() -> None:
    """Prints the samples."""
    parser = argparse.ArgumentParser(prog="python -m tools.samples", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--moved", type=Path, metavar="FILE")
    parser.add_argument("before", type=Path, metavar="BEFORE")
    parser.add_argument("after", type=Path, metavar="AFTER")
    options = parser.parse_args()
    moved = json.loads(options.moved.read_text(encoding="utf-8")) if options.moved else {}
    before, after = (package_folder(path) for path in (options.before, options.after))
    moved = {
        _module_name(old, before.name): _module_name(new, after.name) for old, new in moved.items()
    }
    print(report(Checkout(before), Checkout(after), options.seed, options.count, moved))


def report(
    before: Checkout, after: Checkout, seed: int, count: int, moved: Mapping[str, str]
) -> str:
    """The samples as Markdown.

    Args:
        before: Where samples are drawn.
        after: Where counterparts are looked for.
        seed: The seed of the draw.
        count: Number of docstrings and of messages, fewer if there are fewer.
        moved: New names of moved modules, such as `model/decoding` for `decoding/chain`.
    """
    draw = random.Random(seed)  # noqa: S311 - a sample for reading, not a secret
    documented = [each for each in before.definitions if each.docstring]
    parts = ["## Docstrings"]
    for number, each in enumerate(draw.sample(documented, min(count, len(documented))), start=1):
        found = definition_counterpart(each, after.definitions, moved)
        shown = None if found is None else (found.label, found.docstring)
        parts.append(_entry(number, (each.label, each.docstring), shown))
    parts.append("## Messages")
    drawn = draw.sample(before.messages, min(count, len(before.messages)))
    for number, message in enumerate(drawn, start=1):
        other = message_counterpart(message, before, after, moved)
        shown = None if other is None else (other.label, other.text)
        parts.append(_entry(number, (message.label, message.text), shown))
    return "\n\n".join(parts)


def definition_counterpart(
    sought: Defined, candidates: Iterable[Defined], moved: Mapping[str, str]
) -> Defined | None:
    """The definition that stands for another one, or None.

    Args:
        sought: The definition before.
        candidates: The definitions after.
        moved: New names of moved modules.
    """
    module = _moved_name(_module_name(sought.path), moved)
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(sought.words)
    best, best_score = None, LEAST_SCORE
    for candidate in candidates:
        if candidate.is_class != sought.is_class:
            continue
        place = _module_name(candidate.path)
        if candidate.name == sought.name and place == module:
            return candidate
        bonus = _name_bonus(sought.name, candidate.name)
        bonus += 0.3 * _similarity(place.split("/"), module.split("/"))
        matcher.set_seq1(candidate.words)
        if bonus + matcher.real_quick_ratio() < best_score:
            continue
        if bonus + matcher.quick_ratio() < best_score:
            continue
        score = bonus + matcher.ratio()
        if score >= best_score:
            best, best_score = candidate, score
    return best


def message_counterpart(
    sought: Message, before: Checkout, after: Checkout, moved: Mapping[str, str]
) -> Message | None:
    """The message that stands for another one, or None.

    Args:
        sought: The message before.
        before: The checkout that it stands in.
        after: The checkout to look in.
        moved: New names of moved modules.
    """
    function = next((each for each in before.definitions if _holds(each, sought)), None)
    if function is not None:
        other = definition_counterpart(function, after.definitions, moved)
        there = [each for each in after.messages if other is not None and _holds(other, each)]
        here = [each for each in before.messages if _holds(function, each)]
        alone = len(here) == len(there) == 1
        found = _most_similar(sought, there, least=0 if alone else 1 / 3)
        if found is not None:
            return found
    return _most_similar(sought, after.messages, least=0.6)


def error_names(modules: Sequence[Module]) -> set[str]:
    """The names of `ROOT_ERROR` and of all classes below it."""
    bases = {
        node.name: {_last_name(base) for base in node.bases}
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    }
    errors = {ROOT_ERROR}
    while more := {name for name, above in bases.items() if above & errors} - errors:
        errors |= more
    return errors


def message_text(node: ast.expr) -> str | None:
    """The text of a string, an f-string or a sum of them, or None for any other expression."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (message_text(value) for value in node.values)
        return "".join(part for part in parts if part is not None)
    if isinstance(node, ast.FormattedValue):
        conversion = "" if node.conversion == -1 else f"!{chr(node.conversion)}"
        return f"{{{ast.unparse(node.value)}{conversion}}}"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = message_text(node.left), message_text(node.right)
        return None if left is None or right is None else left + right
    return None


def _defined(module: Module) -> Iterator[Defined]:
    for name, node in definitions(module.tree):
        docstring = ast.get_docstring(node) or ""
        body = node.body[1:] if docstring else node.body
        code = "\n".join(map(ast.unparse, body))
        if not isinstance(node, ast.ClassDef):
            code = f"{ast.unparse(node.args)}\n{code}"
        words = tuple(re.findall(r"\w+", code))
        is_class = isinstance(node, ast.ClassDef)
        yield Defined(module.path.as_posix(), name, is_class, docstring, words)


def _messages(module: Module, errors: set[str]) -> Iterator[Message]:
    names = {id(node): name for name, node in definitions(module.tree)}

    def walk(node: ast.AST, function: str) -> Iterator[Message]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Call) and child.args and _last_name(child.func) in errors:
                text = message_text(child.args[0])
                if text is not None:
                    path = module.path.as_posix()
                    yield Message(path, function, _last_name(child.func), text)
            yield from walk(child, names.get(id(child), function))

    return walk(module.tree, "")


def _most_similar(sought: Message, others: Iterable[Message], *, least: float) -> Message | None:
    def score(other: Message) -> float:
        return _similarity(sought.text.split(), other.text.split())

    best = max(others, key=score, default=None)
    return best if best is not None and score(best) >= least else None


def _holds(definition: Defined, message: Message) -> bool:
    return (definition.path, definition.name) == (message.path, message.function)


def _name_bonus(one: str, other: str) -> float:
    if one == other:
        return 0.4
    return 0.2 if one.rpartition(".")[2] == other.rpartition(".")[2] else 0.0


def _similarity(one: Sequence[str], other: Sequence[str]) -> float:
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def _last_name(node: ast.expr) -> str:
    return ast.unparse(node).partition("[")[0].rpartition(".")[2]


def _module_name(name: str, package: str = "") -> str:
    """A module as `decoding/chain`, given its path in the package or its dotted name."""
    if not name.endswith(".py"):
        name = name.removeprefix(f"{package}.").replace(".", "/")
    return name.removesuffix(".py").removesuffix("/__init__")


def _moved_name(module: str, moved: Mapping[str, str]) -> str:
    """Where a module went, by the longest name in `moved` that is it or a folder above it."""
    for name in sorted(moved, key=len, reverse=True):
        if f"{module}/".startswith(f"{name}/"):
            return moved[name] + module[len(name) :]
    return module


def _entry(number: int, before: tuple[str, str], after: tuple[str, str] | None) -> str:
    lines = [f"{number}. Before, `{before[0]}`:", _quoted(before[1])]
    if after is None:
        lines.append(f"   After: {GONE}")
    else:
        lines += [f"   After, `{after[0]}`:", _quoted(after[1] or GONE)]
    return "\n\n".join(lines)


def _quoted(text: str) -> str:
    return "\n".join(f"   > {line}".rstrip() for line in text.splitlines())


if __name__ == "__main__":
    main()
