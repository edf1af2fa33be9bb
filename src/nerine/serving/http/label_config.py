"""Label Studio's labelling configuration: which texts of a task have which labels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nerine.core.errors import FormatError
from nerine.data.formats.standoff.xml_nodes import Node, parse_nodes
from nerine.serving.http.problems import Problem

_LONGEST = 1_000_000
_MOST_TEXTS = 10
_FIELD = re.compile(r"\$(\w+(?:\.\w+)*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Control:
    """A `Labels` tag.

    Attributes:
        name: Its name.
        labels: The names that annotations have for its labels; None if they come with each task.
    """

    name: str
    labels: Mapping[str, str] | None

    def name_of(self, label: str) -> str | None:
        """The name that annotations have for a label of the model; None if it lacks the label."""
        return label if self.labels is None else self.labels.get(label)


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A `Text` tag with the `Labels` for it.

    Attributes:
        name: Its name.
        field: The name of the task's field with the text, and of those inside.
        controls: The `Labels`.
    """

    name: str
    field: tuple[str, ...]
    controls: tuple[Control, ...]

    def text_of(self, data: Mapping[str, Any]) -> str:
        """The text of a task; raises `Problem` if there is none."""
        value: Any = data
        for name in self.field:
            value = value.get(name) if isinstance(value, dict) else None
        if not isinstance(value, str):
            raise Problem(
                "invalid",
                "the task has no such text" if value is None else "this is not a text",
                expected="a string",
                place=".".join(("data", *self.field)),
            )
        return value

    def names_of(self, label: str) -> tuple[str, str] | None:
        """The names of the `Labels` and of the label for a model's label; None if it is lacking."""
        names = ((each.name, each.name_of(label)) for each in self.controls)
        return next(((control, name) for control, name in names if name is not None), None)


def read_label_config(source: str, place: str) -> tuple[LabelledText, ...]:
    """The texts of a labelling configuration that have labels.

    Args:
        source: Its XML.
        place: Its field in the request.

    Raises:
        Problem: If it is not valid XML, or has no `Labels` for a `Text`.
    """
    if len(source) > _LONGEST:
        raise Problem(
            "invalid",
            f"XML of {len(source):,} characters",
            expected=f"at most {_LONGEST:,}",
            place=place,
        )
    try:
        nodes = list(_all(parse_nodes(source, place)))
    except FormatError as error:
        raise Problem("invalid", error.found, expected=error.expected, place=error.place) from None
    controls: dict[str, list[Control]] = {}
    for node in nodes:
        if node.tag == "Labels" and "name" in node.attributes:
            control = Control(node.attributes["name"], _labels(node))
            for name in node.attributes.get("toName", "").split(","):
                controls.setdefault(name.strip(), []).append(control)
    texts = [
        LabelledText(name, _field(node, place), tuple(controls[name]))
        for node in nodes
        if node.tag == "Text" and (name := node.attributes.get("name", "")) in controls
    ]
    if not texts:
        raise Problem(
            "invalid",
            "the labelling configuration has no Labels for a Text",
            expected='<Labels name="label" toName="text"> and <Text name="text" value="$text"/>',
            place=place,
        )
    if len(texts) > _MOST_TEXTS:
        found = f"{len(texts):,} texts with labels"
        raise Problem("invalid", found, expected=f"at most {_MOST_TEXTS}", place=place)
    return tuple(texts)


def _all(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _all(child)


def _labels(node: Node) -> dict[str, str] | None:
    if "value" in node.attributes:
        return None
    labels: dict[str, str] = {}
    for each in _all(node):
        value = each.attributes.get("value")
        if each.tag == "Label" and value is not None:
            alias = each.attributes.get("alias") or value
            labels |= {alias: alias, value: alias}
    return labels


def _field(node: Node, place: str) -> tuple[str, ...]:
    value = node.attributes.get("value", "")
    match = _FIELD.fullmatch(value)
    if match is None or node.attributes.get("valueType", "text") != "text":
        raise Problem(
            "invalid",
            f"the text {node.attributes['name'][:100]!r} is not in a field of the task",
            expected='value="$FIELD", and no valueType but "text"',
            place=f"{place}:{node.line}",
        )
    return tuple(match[1].split("."))
