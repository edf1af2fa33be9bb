"""A page of HTML to review label errors: the labelled text next to the proposed one.

The page is one file, loads nothing from elsewhere and has no script. Its two filters are style
rules that depend on the chosen options.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nerine.core.document import Document, Entity, pieces
from nerine.curation.label_errors.ranking import KINDS, Kind, LabelError
from nerine.evaluation.report.rendering import read_style, render_page

_TEMPLATES = Path(__file__).parent / "templates"
# Code points of a long text that are shown before and after the place.
_BEFORE, _AFTER = 160, 240

_MEANINGS: dict[Kind, str] = {
    "missed": "not labelled, but perhaps an entity",
    "spurious": "labelled, but perhaps not an entity",
    "type": "perhaps another label",
    "boundary": "perhaps longer, shorter or elsewhere",
}


def review_page(label_errors: Sequence[LabelError], *, total: int | None = None) -> str:
    """A page with an item for each label error, in the given order.

    Args:
        label_errors: The label errors to show.
        total: The number of all label errors, if `label_errors` are only the first ones.
    """
    labels = sorted({label for label_error in label_errors for label in label_error.labels})
    kind_options = [(f"kind-{kind}", f"{kind}: {_MEANINGS[kind]}") for kind in KINDS]
    label_options = [(f"label-{number}", label) for number, label in enumerate(labels)]
    classes = {label: name for name, label in label_options}
    rules = [
        f'body:has(option[value="{name}"]:checked) li:not(.{name}) {{ display: none; }}'
        for name, _ in kind_options + label_options
    ]
    return render_page(
        "label_errors.html",
        _TEMPLATES,
        style="\n".join([read_style(_TEMPLATES / "label_errors.css"), *rules]),
        title="Suspect labels",
        total=len(label_errors) if total is None else total,
        filters={
            "kind": [("", "all kinds"), *kind_options],
            "label": [("", "all labels"), *label_options],
        },
        items=[
            {
                "label_error": label_error,
                "meaning": _MEANINGS[label_error.kind],
                "classes": [classes[label] for label in label_error.labels],
                "gold": _excerpt(
                    label_error, label_error.sample.document, label_error.gold, "gold"
                ),
                "proposed": _excerpt(
                    label_error, label_error.corrected, label_error.proposed, "proposed"
                ),
            }
            for label_error in label_errors
        ],
    )


def _excerpt(
    label_error: LabelError, document: Document, marked: Entity | None, style: str
) -> list[tuple[str, str | None, str]]:
    """The text around the place of a label error: pieces with their label, if any, and style.

    The entity `marked` has the style; the others have none.
    """
    start, end = label_error.range
    first, last = max(0, start - _BEFORE), min(len(document.text), end + _AFTER)
    shown: list[tuple[str, str | None, str]] = [("…", None, "")] if first else []
    position = 0
    for piece, entity in pieces(document):
        cut = piece[max(0, first - position) : max(0, last - position)]
        position += len(piece)
        if cut:
            label = None if entity is None else entity.label
            shown.append((cut, label, style if entity and entity == marked else ""))
    return [*shown, ("…", None, "")] if last < len(document.text) else shown
