"""Rule about boundaries: one form that is labelled longer or shorter elsewhere.

Forms are compared word by word (`nerine.core.words`), without regard to case.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nerine.core.display import quoted
from nerine.core.document import Document
from nerine.core.words import rule_words
from nerine.curation.checks.findings import Remark, Spot
from nerine.curation.checks.rule import Rule
from nerine.curation.checks.view import MOST_PLACES, View, times

_Form = tuple[str, ...]

_FEWEST_OUTSIDE = 2
"""How often a word must stand outside of entities to be none of a name's words."""
_MOST_INSIDE = 0.05
"""Which share of such a word's occurrences may stand in entities."""


class _Label(NamedTuple):
    """An entity as a range of the words of a document."""

    first: int
    end: int
    spot: Spot
    surface: str


class _Text(NamedTuple):
    """The words of a document, as they are and case-folded, and its entities on whole words."""

    words: _Form
    folded: _Form
    labels: tuple[_Label, ...]

    def form(self, label: _Label) -> _Form:
        """The case-folded words of an entity."""
        return self.folded[label.first : label.end]


class _Labelled:
    """The labelled forms of a corpus, and how often words stand inside and outside of entities."""

    def __init__(self, texts: Sequence[_Text]) -> None:
        self.texts = texts
        self.forms: dict[_Form, list[_Label]] = defaultdict(list)
        self._inside, self._outside = Counter[str](), Counter[str]()
        for text in texts:
            taken = set[int]()
            for label in text.labels:
                self.forms[text.form(label)].append(label)
                taken.update(range(label.first, label.end))
            for number, word in enumerate(text.folded):
                (self._inside if number in taken else self._outside)[word] += 1

    def core(self, text: _Text, label: _Label) -> _Form:
        """The words of an entity without those at its ends that belong to no other name."""
        first, end = label.first, label.end
        while first < end and self._is_strange(text, label, first):
            first += 1
        while first < end and self._is_strange(text, label, end - 1):
            end -= 1
        return text.folded[first:end]

    def _is_strange(self, text: _Text, label: _Label, number: int) -> bool:
        word = text.folded[number]
        form = text.form(label)
        elsewhere = self._inside[word] - form.count(word) * len(self.forms[form])
        outside = self._outside[word]
        return (
            not text.words[number][:1].isupper()
            and outside >= _FEWEST_OUTSIDE
            and elsewhere <= _MOST_INSIDE * outside
        )


def several_boundaries(view: View) -> Iterator[Remark]:
    """Entities that are shorter or longer than the same form is elsewhere.

    An entity is reported if

    - words at its ends, without a capital, belong to hardly any other entity, and without them it
      is a form that is labelled at least as often (`Oslo yesterday`);
    - it is a part of a longer form that is labelled as a whole, at least as often as the part in
      that form (`Maria` in `Maria Lopez`); or it is labelled as a whole, and less often so.
    """
    labelled = _Labelled(
        [
            _text_of(document, split, index)
            for split, index, document in view.documents()
            if document.entities
        ]
    )
    found = {remark.spot: remark for remark in [*_parts(view, labelled), *_longer(view, labelled)]}
    splits = [*view.corpus.splits]
    yield from sorted(
        found.values(),
        key=lambda each: (splits.index(each.spot.split or ""), each.spot.document, each.spot.start),
    )


def _text_of(document: Document, split: str, index: int) -> _Text:
    ranges = rule_words(document.text)
    first = {word.start: number for number, word in enumerate(ranges)}
    end = {word.end: number + 1 for number, word in enumerate(ranges)}
    labels = (
        _Label(
            first[each.start],
            end[each.end],
            Spot(split, index, each.start, each.end),
            document.surface(each),
        )
        for each in document.entities
        if each.start in first and each.end in end
    )
    words = tuple(document.text[word.start : word.end] for word in ranges)
    return _Text(words, tuple(word.casefold() for word in words), tuple(labels))


def _longer(view: View, labelled: _Labelled) -> Iterator[Remark]:
    """Entities that hold a form which is labelled elsewhere, and words that belong to no name."""
    for text in labelled.texts:
        for label in text.labels:
            form, core = text.form(label), labelled.core(text, label)
            elsewhere = labelled.forms.get(core, [])
            if core != form and len(elsewhere) >= len(labelled.forms[form]):
                yield _remark(view, label, elsewhere)


def _parts(view: View, labelled: _Labelled) -> Iterator[Remark]:
    """Entities that are parts of a form which is labelled as a whole elsewhere, or the reverse."""
    wholes = {form: labels for form, labels in labelled.forms.items() if len(form) > 1}
    lengths: dict[str, set[int]] = defaultdict(set)
    for form in wholes:
        lengths[form[0]].add(len(form))
    parts: dict[tuple[_Form, _Form], list[_Label]] = defaultdict(list)
    odd = {
        text.form(label)
        for text in labelled.texts
        for label in text.labels
        if labelled.core(text, label) != text.form(label)
    }
    for text in labelled.texts:
        for first, word in enumerate(text.folded):
            for length in lengths.get(word, ()):
                whole = text.folded[first : first + length]
                if whole in wholes:
                    for part in _inside(text, first, first + length):
                        parts[whole, text.form(part)].append(part)
    for (whole, _), found in parts.items():
        rarer, others = found, wholes[whole]
        if len(others) < len(found) or (len(others) == len(found) and whole in odd):
            rarer, others = others, found
        for label in rarer:
            yield _remark(view, label, others)


def _inside(text: _Text, first: int, end: int) -> list[_Label]:
    """The only entity in a range of words, unless it goes beyond the range or is all of it."""
    inside = [each for each in text.labels if each.first < end and first < each.end]
    if len(inside) != 1 or (inside[0].first, inside[0].end) == (first, end):
        return []
    return inside if inside[0].first >= first and inside[0].end <= end else []


def _remark(view: View, label: _Label, elsewhere: Sequence[_Label]) -> Remark:
    """The remark about an entity, with the others of its form."""
    other = Counter(each.surface for each in elsewhere).most_common(1)[0][0]
    places = view.places([each.spot for each in elsewhere])
    message = (
        f"{quoted(label.surface)} is labelled here, elsewhere {quoted(other)} "
        f"{times(len(elsewhere))} ({places})"
    )
    return Remark(message, label.spot, tuple(each.spot for each in elsewhere[:MOST_PLACES]))


RULES = (
    Rule(
        "several-boundaries",
        "warning",
        "one form that is labelled longer or shorter elsewhere",
        several_boundaries,
    ),
)
