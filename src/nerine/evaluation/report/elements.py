"""Elements of HTML and SVG, escaped as they are made.

Whatever is not `Markup` is text of somebody and becomes harmless: signs of markup are escaped and
control characters visible. What comes out is well-formed XML, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from nerine.core.display import visible

_VOID = {"br", "input", "meta"}
_NO_XML = {0xFFFE: 0xFFFD, 0xFFFF: 0xFFFD}  # the two that no XML document may hold

Attribute = str | int | float | None


class Markup(str):
    """Markup that this package made, not to be escaped again."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: Attribute) -> Markup:
    """`<name …>children</name>`.

    An attribute that is None is left out. In its name `_` stands for `-`, and is cut off at the
    end, where Python needs one (`class_`).
    """
    written = "".join(
        f' {_attribute_name(key)}="{_safe(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{joined(children)}</{name}>")


def joined(children: Iterable[str]) -> Markup:
    """Children one after the other, escaped where they are no markup."""
    return Markup("".join(each if isinstance(each, Markup) else _safe(each) for each in children))


def _attribute_name(key: str) -> str:
    return key.removesuffix("_").replace("_", "-")


def shown(text: str) -> str:
    """`text` with a visible sign for each character that has no place in a page."""
    return visible(text, lines=True).translate(_NO_XML)


def _safe(text: str) -> str:
    return escape(shown(text))


def table(
    caption: str,
    columns: Iterable[str],
    rows: Iterable[Iterable[str]],
    *,
    texts: int = 1,
    foot: Iterable[Iterable[str]] = (),
) -> Markup:
    """A table whose first column names the rows; beyond the first `texts` columns are numbers.

    It stands in a group of its own, which scrolls where the page is narrow and can be reached
    by keyboard.
    """
    head = element("tr", *(_head(name, index >= texts) for index, name in enumerate(columns)))
    parts = [
        element("caption", caption),
        element("thead", head),
        element("tbody", *(_row(row, texts) for row in rows)),
    ]
    footing = [_row(row, texts) for row in foot]
    if footing:
        parts.append(element("tfoot", *footing))
    return scrolling(caption, element("table", *parts))


def scrolling(name: str, *children: str) -> Markup:
    """A group called `name` that scrolls by itself."""
    return element("div", *children, class_="scroll", role="group", aria_label=name, tabindex=0)


def _head(name: str, is_number: bool) -> Markup:
    return element("th", name, scope="col", class_="number" if is_number else None)


def _row(cells: Iterable[str], texts: int) -> Markup:
    first, *others = cells
    return element(
        "tr",
        element("th", isolated(first), scope="row"),
        *(
            element("td", each, class_="number" if index >= texts else None)
            for index, each in enumerate(others, start=1)
        ),
    )


def isolated(text: str) -> Markup:
    """A name in whatever script, which does not turn around what stands beside it."""
    return text if isinstance(text, Markup) else element("bdi", text)
