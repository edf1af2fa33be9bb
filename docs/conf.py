"""How the manual is built: Markdown, notebooks and docstrings → a site (`make docs`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import toctree

import nerine
from nerine.core import errors

project = "Nerine"
author = "the Nerine authors"
project_copyright = "the Nerine authors, Apache-2.0"
version = release = nerine.__version__

extensions = [
    "myst_nb",  # Markdown, and notebooks with the outputs that they were saved with
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",  # the sections of docstrings
    "sphinx_click",  # the command line from its own help
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
nitpicky = True
# names of other packages are not linked: the build has no network; nor are internal types
nitpick_ignore_regex = [
    ("py:.*", r"(?!nerine).*"),
    ("py:class", r"nerine\.model\.decoding\.(entities\.EntityChain|chain\.Messages)"),
    ("py:class", r"nerine\.curation\.checks\.(view\.View|findings\.Remark)"),
    (
        "py:class",
        r"nerine\.serving\.(columns\.Batch|frames\.Frame|spark\.DataFrame)",
    ),  # type variables
]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # a test runs the notebooks, not the build
nb_merge_streams = True

smartquotes = False  # commands keep their quotation marks
default_role = "code"  # `name` in a docstring is code, as in Markdown
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # `Attributes:` as a list, so that members are not shown twice
autodoc_preserve_defaults = True  # as they are written
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "Nerine"
html_logo = html_favicon = "pictures/nerine.svg"
html_static_path = ["static"]
html_css_files = ["nerine.css"]
html_show_sphinx = False
# the `$` of a console block and what the command prints are not copied
copybutton_prompt_text = r"\$ "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True
copybutton_line_continuation_character = "\\"


def _escape(_app: Any, _context: Any, lines: list[str]) -> None:
    """Help texts are plain: an asterisk in one is an asterisk; two are Sphinx's own."""
    lines[:] = [re.sub(r"(?<!\*)\*(?!\*)", r"\\*", line) for line in lines]


def _show_as_typed(_app: Any, _context: Any, lines: list[str]) -> None:
    """Makes code of the lines below a help text that are set by hand: the examples."""
    shown = []
    for line in lines:
        if line.startswith("|   "):
            shown.append(line.removeprefix("| "))
        elif line.startswith("| "):
            shown += [f"{line.removeprefix('| ').removesuffix(':')}::", ""]
        else:
            shown.append(line)
    lines[:] = shown


def _defaults(_app: Any, *what: Any) -> tuple[str, str | None] | None:
    """A default that is made anew each time has no name that a signature could be read with."""
    signature, returned = what[-2:]
    return (signature.replace("<factory>", "..."), returned) if signature else None


def _link_error(app: Any, env: Any, node: Any, shown: Any) -> Any:
    """Docstrings call an error by its name alone, wherever they stand."""
    name = node.get("reftarget", "")
    if not hasattr(errors, name):
        return None
    python = env.get_domain("py")
    place = node["refdoc"], app.builder, "exc", f"{errors.__name__}.{name}"
    return python.resolve_xref(env, *place, node, shown)


def _write_llms_txt(app: Any, error: Exception | None) -> None:
    """Writes `llms.txt` (llmstxt.org): the table of contents with each page's first sentence."""
    if error or app.builder.format != "html":
        return
    root = app.env.get_doctree(app.config.root_doc)
    parts = [f"# {project}\n", f"> {_beginning(root)}\n"]
    for contents in root.findall(toctree):
        parts.append(f"## {contents['caption']}\n")
        parts.append("".join(line for _, page in contents["entries"] for line in _lines(app, page)))
    (Path(app.outdir) / "llms.txt").write_text("\n".join(parts), encoding="utf-8")


def _lines(app: Any, page: str) -> Iterator[str]:
    """A line for a page and for each page below it."""
    title, beginning = app.env.titles[page].astext(), _beginning(app.env.get_doctree(page))
    yield f"- [{title}]({app.builder.get_target_uri(page)}): {beginning}\n"
    for below in app.env.toctree_includes.get(page, ()):
        yield from _lines(app, below)


def _beginning(page: nodes.document) -> str:
    """The first sentence of a page."""
    text = " ".join(next(page.findall(nodes.paragraph)).astext().split())
    return re.split(r"(?<=[.!?]) (?=[A-Z]|nerine )", text)[0]


def setup(app: Any) -> None:
    """Sphinx calls this."""
    app.connect("build-finished", _write_llms_txt)
    app.connect("missing-reference", _link_error)
    app.connect("autodoc-process-signature", _defaults)
    app.connect("sphinx-click-process-description", _escape)
    app.connect("sphinx-click-process-epilog", _show_as_typed)
    app.connect("sphinx-click-process-options", _escape)
