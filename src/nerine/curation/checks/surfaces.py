"""Rules about forms: one with several labels, one that is labelled here and not there.

A form is what an entity covers, letter for letter. Forms that differ in case are looked at apart:
`Apple` and `apple` may well mean two things.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from nerine.core.document import Document
from nerine.core.words import rule_words
from nerine.curation.checks.findings import Remark, Rule, Spot
from nerine.curation.checks.view import MOST_PLACES, Mention, View, quoted, times

_RUN = re.compile(r"\w+")
_SHORTEST_NAME = 4
_FEWEST_OF_ONE_WORD, _FEWEST_OF_MORE = 3, 2
"""So often must a form be labelled before it is missed where it is not."""


def several_labels(view: View) -> Iterator[Remark]:
    """Forms with more than one label; each is found once, where its rarest label first stands."""
    for surface, labels in _labels_of_forms(view.mentions).items():
        if len(labels) > 1:
            yield _conflict(view, quoted(surface), labels)


def several_labels_by_case(view: View) -> Iterator[Remark]:
    """Forms that differ in case and share no label, though each form alone has one."""
    by_fold: dict[str, dict[str, dict[str, list[Mention]]]] = defaultdict(dict)
    for surface, labels in _labels_of_forms(view.mentions).items():
        by_fold[surface.casefold()][surface] = labels
    for forms in by_fold.values():
        merged: dict[str, list[Mention]] = defaultdict(list)
        for labels in forms.values():
            for label, mentions in labels.items():
                merged[label] += mentions
        if len(merged) > 1 and all(len(labels) == 1 for labels in forms.values()):
            yield _conflict(view, " and ".join(quoted(form) for form in forms), merged)


def _labels_of_forms(mentions: Sequence[Mention]) -> dict[str, dict[str, list[Mention]]]:
    forms: dict[str, dict[str, list[Mention]]] = defaultdict(lambda: defaultdict(list))
    for mention in mentions:
        forms[mention.surface][mention.entity.label].append(mention)
    return forms


def _conflict(view: View, named: str, labels: Mapping[str, list[Mention]]) -> Remark:
    """What is said of a form: its labels from the most to the least frequent."""
    ordered = sorted(labels.items(), key=lambda item: (-len(item[1]), item[0]))
    said = "; ".join(
        f"{quoted(label)} {times(len(found))} ({view.places([each.spot for each in found])})"
        for label, found in ordered
    )
    spots = [mention.spot for _, found in reversed(ordered) for mention in found]
    return Remark(f"{named}: {said}", spots[0], tuple(spots[1:]))


class _Form(NamedTuple):
    """A form that is distinctive enough to be missed, and where it is labelled."""

    surface: str
    mentions: list[Mention]

    @property
    def is_one_word(self) -> bool:
        return _RUN.fullmatch(self.surface) is not None


def unlabelled_mentions(view: View) -> Iterator[Remark]:
    """Places where a form stands unlabelled that is labelled elsewhere, and mostly so.

    To keep false alarms few, a form counts only if

    - it has a capital and more than one word, or is one word of four letters or more that begins
      with a capital and never stands in the corpus in small letters (`Apple` and `The` do);
    - it is labelled three times or more (twice, with several words), and more often than not;
    - it stands there with the same case, as whole words by the rule of `nerine.core.words`,
      outside of every entity, and not next to another capitalised word (`Oslo Accords`).
    """
    forms = _distinctive(view)
    found: dict[str, list[Spot]] = defaultdict(list)
    for surface, spot in _unlabelled(view, forms):
        found[surface].append(spot)
    for surface, spots in found.items():
        mentions = forms[surface].mentions
        if len(mentions) > len(spots):
            message = f"{quoted(surface)} is no entity here, elsewhere {_labelled(view, mentions)}"
            # a form may be missed as often as it is labelled, so no finding holds all the places
            others = tuple(each.spot for each in mentions[:MOST_PLACES])
            yield from (Remark(message, spot, others) for spot in spots)


def _labelled(view: View, mentions: Sequence[Mention]) -> str:
    """The labels of a form with their counts, and the first places."""
    counts = Counter(each.entity.label for each in mentions).most_common()
    labels = ", ".join(f"{quoted(label)} {times(count)}" for label, count in counts)
    return f"{labels} ({view.places([each.spot for each in mentions])})"


def _distinctive(view: View) -> dict[str, _Form]:
    by_surface: dict[str, list[Mention]] = defaultdict(list)
    for mention in view.mentions:
        by_surface[mention.surface].append(mention)
    forms = {surface: _Form(surface, found) for surface, found in by_surface.items()}
    candidates = {surface: form for surface, form in forms.items() if _may_be_missed(form)}
    small = _small_words(view) if candidates else set()
    return {surface: form for surface, form in candidates.items() if surface.lower() not in small}


def _may_be_missed(form: _Form) -> bool:
    surface = form.surface
    if form.is_one_word:
        is_name = len(surface) >= _SHORTEST_NAME and surface[0].isupper()
        return is_name and len(form.mentions) >= _FEWEST_OF_ONE_WORD
    is_phrase = len(_RUN.findall(surface)) > 1 and _RUN.match(surface) is not None
    has_capital = any(each.isupper() for each in surface)
    return is_phrase and has_capital and len(form.mentions) >= _FEWEST_OF_MORE


def _small_words(view: View) -> set[str]:
    """Every word of the corpus that stands in small letters somewhere."""
    return {
        word
        for _, _, document in view.documents()
        for word in _RUN.findall(document.text)
        if word.islower()
    }


def _unlabelled(view: View, forms: Mapping[str, _Form]) -> Iterator[tuple[str, Spot]]:
    """Where forms stand outside of every entity, each place with its longest form only."""
    lengths = _lengths_by_first_word(forms)
    for split, index, document in view.documents() if forms else ():
        reached = 0
        for start, end in _candidates(document.text, forms, lengths):
            if start >= reached and _is_free(document, start, end):
                reached = end
                yield document.text[start:end], Spot(split, index, start, end)


def _lengths_by_first_word(forms: Iterable[str]) -> dict[str, list[int]]:
    """How long the forms are that begin with a word, from the longest one on.

    Thousands of names may begin with `The`, but they have a few dozen lengths only.
    """
    found: dict[str, set[int]] = defaultdict(set)
    for surface in forms:
        found[_RUN.findall(surface)[0]].add(len(surface))
    return {word: sorted(each, reverse=True) for word, each in found.items()}


def _candidates(
    text: str, forms: Collection[str], lengths: Mapping[str, Sequence[int]]
) -> Iterator[tuple[int, int]]:
    """Where forms stand in `text` as whole words, without a capitalised word beside them."""
    runs = [match for match in _RUN.finditer(text) if match[0] in lengths]
    words = rule_words(text) if runs else []
    first = {word.start: number for number, word in enumerate(words)}
    last = {word.end: number for number, word in enumerate(words)}
    for run in runs:
        for length in lengths[run[0]]:
            start, end = run.start(), run.start() + length
            if text[start:end] in forms and start in first and end in last:
                before, after = first[start] - 1, last[end] + 1
                near = [*words[max(0, before) : before + 1], *words[after : after + 1]]
                if not any(text[each.start].isupper() for each in near):
                    yield start, end


def _is_free(document: Document, start: int, end: int) -> bool:
    """Whether no entity touches the range."""
    after = bisect_right(document.entities, start, key=lambda entity: entity.end)
    return after == len(document.entities) or document.entities[after].start >= end


RULES = (
    Rule("several-labels", "warning", "one form with several labels", several_labels),
    Rule(
        "several-labels-by-case",
        "note",
        "forms that differ in upper and lower case, with different labels",
        several_labels_by_case,
    ),
    Rule(
        "unlabelled-mention",
        "warning",
        "a form without label that is labelled elsewhere, mostly so",
        unlabelled_mentions,
    ),
)
