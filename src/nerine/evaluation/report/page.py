"""A report as a page: one file that takes nothing from elsewhere.

Style and script stand in the page and are named by their SHA-256 in its content security policy:
nothing else can act, whatever a text may hold. Without the script the page shows all the same,
but for some examples of each kind instead of all of them.
"""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

from nerine.evaluation.report import explorer, sections
from nerine.evaluation.report.content import Report
from nerine.evaluation.report.contexts import Example
from nerine.evaluation.report.elements import Markup, element, isolated

_SECTIONS = {
    "scores": "Scores",
    "labels": "Labels",
    "kinds": "Kinds",
    "calibration": "Calibration",
    "confusion": "Confusion",
    "outcomes": "Outcomes",
    "examples": "Examples",
    "training": "Training",
}


def to_html(report: Report) -> str:
    """The report as a page of HTML."""
    shown = explorer.chosen_examples(report)
    body = element(
        "body",
        element("a", "Skip to the scores", href="#scores", class_="skip"),
        _header(report),
        _navigation(),
        element("main", *_main(report, shown)),
        element("footer", element("p", "Made with Nerine.")),
        _raw("script", explorer.script_data(report, shown), type="application/json", id="data"),
        _raw("script", _file("script.js")),
    )
    return f"<!DOCTYPE html>\n{element('html', _head(report), body, lang='en')}\n"


def _main(report: Report, shown: list[Example]) -> list[Markup]:
    return [
        sections.headline(report),
        sections.by_label(report),
        sections.breakdown(report),
        sections.calibration(report),
        explorer.confusion(report),
        sections.outcomes(report),
        explorer.browser(report, shown),
        sections.training(report),
        sections.remarks(report),
    ]


def _head(report: Report) -> Markup:
    style = _file("style.css")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(_file('script.js'))}; "
        "base-uri 'none'; form-action 'none'"
    )
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", report.title),
        _raw("style", style),
    )


def _header(report: Report) -> Markup:
    facts = {
        "checkpoint": report.checkpoint,
        "corpus": report.corpus,
        "split": report.split,
        "documents": f"{report.evaluation.documents:,}",
        "gold entities": f"{report.evaluation.overall.gold:,}",
    }
    shown = [
        element("div", element("dt", name), element("dd", isolated(value)))
        for name, value in facts.items()
    ]
    return element(
        "header",
        element("p", "Nerine report", class_="eyebrow"),
        element("h1", isolated(report.title)),
        element("dl", *shown, class_="facts"),
    )


def _navigation() -> Markup:
    links = [
        element("li", element("a", title, href=f"#{name}")) for name, title in _SECTIONS.items()
    ]
    return element("nav", element("ul", *links), aria_label="Sections")


def _raw(name: str, content: str, /, **attributes: str) -> Markup:
    """An element of our own content, which is read as it is, up to the end of the element."""
    return element(name, Markup(content), **attributes)


def _file(name: str) -> str:
    return (resources.files("nerine.evaluation.report") / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
