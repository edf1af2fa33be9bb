"""Rules about surface forms: forms with several labels, and forms left unlabelled in places.

A form is the exact text of an entity. Forms that differ in case are different forms: `Apple` and
`apple` may mean two things.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from nerine.core.display import quoted
from nerine.core.document import Token
from nerine.core.words import rule_words
from nerine.curation.checks.findings import Remark, Spot
from nerine.curation.checks.rule import Rule
from nerine.curation.checks.view import MOST_PLACES, Mention, View, times

_RUN = re.compile(r"\w+")
_GAP = re.compile(r"[\W_]*\Z")
_LONGEST_GAP = 20
_SENTENCE_ENDS = frozenset(".!?…:\n")
_SHORTEST_NAME = 2
_TIMES_AS_OFTEN = 5
"""How much more often a word must be a name than occur in small letters, as `apple` does."""
_FEWEST_OF_ONE_WORD, _FEWEST_OF_MORE = 3, 2
"""How often a form must be labelled before its unlabelled occurrences are reported."""


def several_labels(view: View) -> Iterator[Remark]:
    """Forms with more than one label; one finding each, at the first spot of the rarest label."""
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
    """The remark about a form: its labels from the most to the least frequent."""
    ordered = sorted(labels.items(), key=lambda item: (-len(item[1]), item[0]))
    said = "; ".join(
        f"{quoted(label)} {times(len(found))} ({view.places([each.spot for each in found])})"
        for label, found in ordered
    )
    spots = [mention.spot for _, found in reversed(ordered) for mention in found]
    return Remark(f"{named}: {said}", spots[0], tuple(spots[1:]))


def unlabelled_mentions(view: View) -> Iterator[Remark]:
    """Unlabelled occurrences of forms that are labelled elsewhere, and more often than not.

    To keep false alarms few, a form counts only if

    - it has a capital and more than one word, or is one word of two letters or more that begins
      with a capital and is labelled five times as often as it stands in small letters, outside of
      entities (`Apple` and `The` are not);
    - it is labelled three times or more (twice, with several words), and more often than not;
    - it occurs with the same case, as whole words by the rule of `nerine.core.words`, outside of
      every entity, and not next to another capitalised word (`Oslo Accords`), but for one that
      begins a sentence and occurs in small letters or in no entity (`The Oslo of today`).
    """
    lower_case = _lower_case_words(view)
    forms = _distinctive_forms(view, lower_case)
    found: dict[str, list[Spot]] = defaultdict(list)
    for surface, spot in _unlabelled(view, forms, lower_case):
        found[surface].append(spot)
    for surface, spots in found.items():
        mentions = forms[surface]
        if len(mentions) > len(spots):
            counts = Counter(each.entity.label for each in mentions).most_common()
            labels = ", ".join(f"{quoted(label)} {times(count)}" for label, count in counts)
            places = view.places([each.spot for each in mentions])
            message = f"{quoted(surface)} is no entity here, elsewhere {labels} ({places})"
            # a form may be missed as often as it is labelled, so no finding holds all the places
            others = tuple(each.spot for each in mentions[:MOST_PLACES])
            yield from (Remark(message, spot, others) for spot in spots)


def _lower_case_words(view: View) -> Counter[str]:
    """How often runs of letters occur in small letters outside of entities."""
    counts = Counter(
        word
        for _, _, document in view.documents()
        for word in _RUN.findall(document.text)
        if word.islower()
    )
    for mention in view.mentions:
        counts.subtract(word for word in _RUN.findall(mention.surface) if word.islower())
    return counts


def _distinctive_forms(view: View, lower_case: Mapping[str, int]) -> dict[str, list[Mention]]:
    """Forms that are names rather than common words, with their mentions."""
    forms: dict[str, list[Mention]] = defaultdict(list)
    for mention in view.mentions:
        forms[mention.surface].append(mention)
    return {
        surface: mentions
        for surface, mentions in forms.items()
        if _is_distinctive(surface, len(mentions))
        and lower_case.get(surface.lower(), 0) * _TIMES_AS_OFTEN <= len(mentions)
    }


def _is_distinctive(surface: str, mentions: int) -> bool:
    if _RUN.fullmatch(surface):  # one word
        is_name = len(surface) >= _SHORTEST_NAME and surface[0].isupper()
        return is_name and mentions >= _FEWEST_OF_ONE_WORD
    is_phrase = len(_RUN.findall(surface)) > 1 and _RUN.match(surface) is not None
    has_capital = any(each.isupper() for each in surface)
    return is_phrase and has_capital and mentions >= _FEWEST_OF_MORE


def _unlabelled(
    view: View, forms: Collection[str], lower_case: Mapping[str, int]
) -> Iterator[tuple[str, Spot]]:
    """Occurrences of forms outside of every entity; of overlapping ones, the first and longest."""
    in_names = {word for mention in view.mentions for word in _RUN.findall(mention.surface)}
    common = _Common(lower_case, in_names)
    # thousands of names may begin with `The`, but they have a few dozen lengths only
    lengths: dict[str, set[int]] = defaultdict(set)
    for surface in forms:
        lengths[_RUN.findall(surface)[0]].add(len(surface))
    longest_first = {word: sorted(found, reverse=True) for word, found in lengths.items()}
    for split, index, document in view.documents() if forms else ():
        reached = 0
        for start, end in _occurrences(document.text, forms, longest_first, common):
            after = bisect_right(document.entities, start, key=lambda entity: entity.end)
            entities = document.entities[after : after + 1]
            if start >= reached and (not entities or entities[0].start >= end):
                reached = end
                yield document.text[start:end], Spot(split, index, start, end)


class _Common(NamedTuple):
    """Words of a corpus by which a common word at the beginning of a sentence is known."""

    lower_case: Mapping[str, int]
    in_names: Collection[str]

    def begins_sentence(self, text: str, word: Token) -> bool:
        """Whether a word has its capital only because a sentence begins with it."""
        surface = text[word.start : word.end]
        found = _GAP.search(text[max(0, word.start - _LONGEST_GAP) : word.start])
        gap = found[0] if found else ""
        is_first = len(gap) == word.start or not _SENTENCE_ENDS.isdisjoint(gap)
        is_common = self.lower_case.get(surface.lower(), 0) > 0 or surface not in self.in_names
        return is_first and is_common


def _occurrences(
    text: str, forms: Collection[str], lengths: Mapping[str, Sequence[int]], common: _Common
) -> Iterator[tuple[int, int]]:
    """Ranges of forms in `text`, as whole words without the word of another name next to them."""
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
                if not any(
                    text[each.start].isupper() and not common.begins_sentence(text, each)
                    for each in near
                ):
                    yield start, end


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
