"""Jinja environments for HTML and Markdown that escape every value, and pages of one file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from nerine.core.display import visible
from nerine.evaluation.report.tables import number

TEMPLATES = Path(__file__).parent / "templates"
_NOT_XML = {0xFFFE: 0xFFFD, 0xFFFF: 0xFFFD}  # the two that no XML document may hold


def shown(value: Any) -> str:
    """`value` as text for a page, with a visible sign for each control character."""
    return visible(str(value), lines=True).translate(_NOT_XML)


@cache
def environment(escape: Callable[[str], str], *folders: Path) -> Environment:
    """A Jinja environment with the templates of this package.

    Args:
        escape: Applied to each value that is not `Markup`; the result is escaped as HTML unless
            it is `Markup`.
        folders: Folders with more templates, searched first.
    """
    made = Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else escape(value),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["number"] = number
    made.filters["count"] = lambda value: f"{value:,}"
    made.filters["percent"] = lambda share: f"{100 * share:g}\u00a0%"  # does not break there
    made.policies["json.dumps_kwargs"] = {
        "ensure_ascii": False,
        "allow_nan": False,
        "separators": (",", ":"),
    }
    return made


def render_page(template: str, *folders: Path, style: str, script: str = "", **values: Any) -> str:
    """A page of HTML in one file that loads nothing from elsewhere.

    Its content security policy allows only the given style and script, by their SHA-256.

    Args:
        template: Name of a template that extends `base.html`.
        folders: Folders with templates besides those of this package.
        style: The page's style sheet.
        script: The page's script.
        values: The template's values, among them `title`.
    """
    content = {"style": style, "script": script}
    hashes = {
        f"{name}_hash": base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for name, text in content.items()
    }
    found = environment(shown, *folders).get_template(template)
    return found.render(**content, **hashes, **values)


def read_style(own: Path) -> str:
    """The style that all pages share, followed by a page's own style sheet."""
    return "\n".join(sheet.read_text(encoding="utf-8") for sheet in (TEMPLATES / "base.css", own))
