"""Suspects as a page to go through: what is labelled beside what is proposed.

The page stands for itself: no script, nothing from elsewhere. Its two filters are style rules that
look at what is chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from nerine.core.display import pieces, visible
from nerine.core.document import Document, Entity
from nerine.curation.label_errors.ranking import KINDS, Kind, LabelError

# Of a long text, so many characters are shown before the place and so many after it.
_BEFORE, _AFTER = 160, 240

_MEANINGS: dict[Kind, str] = {
    "missed": "not labelled, but perhaps an entity",
    "spurious": "labelled, but perhaps no entity",
    "type": "perhaps of another label",
    "boundary": "perhaps longer, shorter or elsewhere",
}

_ORDER = "The kinds take turns; within a kind, the likeliest comes first."

_STYLE = """\
:root { color-scheme: light dark; --text: #1b1b1f; --page: #fdfdfb; --line: #d5d5d0;
        --soft: #5c5c66; --gold: #fbe6b0; --new: #c8e6f5; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e6e3; --page: #17171a; --line: #3a3a3f; --soft: #a2a2ab;
          --gold: #5c4508; --new: #12465c; }
}
* { box-sizing: border-box; }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; font: 1rem/1.6 system-ui, sans-serif;
       color: var(--text); background: var(--page); }
h1 { font-size: 1.4rem; }
.filters { position: sticky; top: 0; padding: .6rem 0; background: var(--page);
           border-bottom: 1px solid var(--line); display: flex; flex-wrap: wrap;
           gap: .4rem 1.5rem; }
.filters div { display: flex; gap: .4rem; min-width: 0; max-width: 100%; }
select { font: inherit; min-width: 0; flex: 1; }
ol { list-style: none; padding: 0; }
li { border-bottom: 1px solid var(--line); padding: .8rem 0; }
li > p { margin: 0 0 .3rem; overflow-wrap: anywhere; }
li b { margin-right: .5rem; }
.place { color: var(--soft); }
.sides { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .3rem 1.5rem; }
.sides p { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; min-width: 0; }
.sides h2 { margin: 0; font-size: .85rem; font-weight: 600; color: var(--soft); }
mark { color: inherit; background: none; border-bottom: 2px dotted var(--soft); }
mark small { font-weight: 600; margin-left: .3rem; opacity: .8; }
mark.gold, mark.new { border: 0; border-radius: .25rem; padding: .1rem .3rem; }
mark.gold { background: var(--gold); }
mark.new { background: var(--new); }
@media (max-width: 40rem) { .sides { grid-template-columns: minmax(0, 1fr); } }
"""


def review_page(suspects: Sequence[LabelError], *, total: int | None = None) -> Iterator[str]:
    """A page in pieces: an item for each suspect, in the order given.

    `total` is how many there are, if these are the first ones only. Texts and labels are escaped.
    """
    labels = sorted({label for suspect in suspects for label in suspect.labels})
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Suspect labels</title>\n<style>\n{_STYLE}{_filter_rules(labels)}</style>\n"
        "</head>\n<body>\n"
    )
    yield f"<h1>Suspect labels</h1>\n<p>{_counted(len(suspects), total)}</p>\n"
    yield _filters(labels)
    yield "<ol>\n"
    for rank, suspect in enumerate(suspects, start=1):
        yield _item(rank, suspect, labels)
    yield "</ol>\n</body>\n</html>\n"


def _counted(shown: int, total: int | None) -> str:
    if total is None or total == shown:
        return f"{shown:,} places where a label may be wrong. {_ORDER}"
    return f"The first {shown:,} of {total:,} places where a label may be wrong. {_ORDER}"


def _filter_rules(labels: Sequence[str]) -> str:
    chosen = [f"kind-{kind}" for kind in KINDS] + [f"label-{n}" for n in range(len(labels))]
    return "".join(
        f'body:has(option[value="{name}"]:checked) li:not(.{name}) {{ display: none; }}\n'
        for name in chosen
    )


def _filters(labels: Sequence[str]) -> str:
    kinds = [(f"kind-{kind}", f"{kind}: {_MEANINGS[kind]}") for kind in KINDS]
    names = [(f"label-{number}", label) for number, label in enumerate(labels)]
    return (
        f'<div class="filters">\n{_select("kind", "all kinds", kinds)}'
        f"{_select('label', 'all labels', names)}</div>\n"
    )


def _select(name: str, every: str, options: Sequence[tuple[str, str]]) -> str:
    shown = "".join(
        f'<option value="{value}">{escape(visible(text))}</option>\n' for value, text in options
    )
    return (
        f'<div><label for="{name}">{name}</label>\n<select id="{name}" autocomplete="off">\n'
        f'<option value="">{every}</option>\n{shown}</select></div>\n'
    )


def _item(rank: int, suspect: LabelError, labels: Sequence[str]) -> str:
    classes = [f"kind-{suspect.kind}"]
    classes += [f"label-{labels.index(label)}" for label in suspect.labels]
    gold, proposed = suspect.sample.document, suspect.corrected
    start, end = suspect.range
    return (
        f'<li class="{" ".join(classes)}">\n'
        f"<p><b>{rank}.</b><b>{suspect.kind}</b>{_MEANINGS[suspect.kind]} "
        f'<span class="place">{escape(visible(suspect.sample.place))}</span></p>\n'
        '<div class="sides">\n'
        f"<div><h2>labelled, probability {suspect.gold_probability:.3f}</h2>\n"
        f"{_text(gold, suspect.gold, 'gold', start, end)}</div>\n"
        f"<div><h2>proposed, probability {suspect.proposed_probability:.3f}</h2>\n"
        f"{_text(proposed, suspect.proposed, 'new', start, end)}</div>\n"
        "</div>\n</li>\n"
    )


def _text(document: Document, marked: Entity | None, name: str, start: int, end: int) -> str:
    """The text around a place; every entity is a mark, and `marked` is one of the class `name`."""
    first, last = max(0, start - _BEFORE), min(len(document.text), end + _AFTER)
    shown = []
    position = 0
    for piece, entity in pieces(document):
        begin = position
        position += len(piece)
        cut = piece[max(0, first - begin) : max(0, last - begin)]
        if cut:
            shown.append(_piece(cut, entity, name if entity == marked else ""))
    head, tail = "…" if first else "", "…" if last < len(document.text) else ""
    return f'<p dir="auto" lang="und">{head}{"".join(shown)}{tail}</p>'


def _piece(text: str, entity: Entity | None, name: str) -> str:
    shown = escape(visible(text, lines=True))
    if entity is None:
        return shown
    kind = f' class="{name}"' if name else ""
    return f"<mark{kind}>{shown}<small>{escape(visible(entity.label))}</small></mark>"
