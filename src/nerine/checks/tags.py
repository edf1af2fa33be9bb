"""Rules about tags and labels: sequences that break their scheme, labels that do not agree."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from nerine.checks.findings import Remark, Rule, Spot
from nerine.checks.view import Mention, View, counted, quoted
from nerine.corpus import near_miss
from nerine.formats import TagFault


def tag_faults(view: View) -> Iterator[Remark]:
    """Each tag that cannot stand where it stands, in a corpus that was read with `repair`."""
    for split in view.corpus.logs:
        for fault in view.corpus.logs[split].faults:
            yield Remark(fault.reason + _token(view, split, fault), _spot(view, split, fault))


def _spot(view: View, split: str, fault: TagFault) -> Spot:
    """Where a tag stands. A split that was divided since no longer numbers its documents so."""
    if not _is_as_read(view, split):
        return Spot(split, place=fault.place)
    tokens = view.corpus.splits[split][fault.document].tokens or ()
    token = tokens[fault.token]
    return Spot(split, fault.document, token.start, token.end, fault.place)


def _token(view: View, split: str, fault: TagFault) -> str:
    if not _is_as_read(view, split):
        return ""
    document = view.corpus.splits[split][fault.document]
    return f", at {quoted(document.surface((document.tokens or ())[fault.token]))}"


def _is_as_read(view: View, split: str) -> bool:
    return view.corpus.logs[split].documents == len(view.corpus.splits[split])


def mixed_schemes(view: View) -> Iterator[Remark]:
    """Documents that break their file's scheme and are whole in another; splits that differ."""
    for split in view.corpus.logs:
        by_scheme: dict[str, dict[int, TagFault]] = defaultdict(dict)
        for fault in view.corpus.logs[split].faults:
            if fault.other:
                by_scheme[fault.other.value].setdefault(fault.document, fault)
        for scheme, first_faults in by_scheme.items():
            spots = [_spot(view, split, fault) for fault in first_faults.values()]
            number = counted(len(spots), "document")
            own = next(iter(first_faults.values())).scheme.value
            message = f"{number} of the {split} split fit {scheme}, not the {own} of the others"
            yield Remark(message, spots[0], tuple(spots[1:]))
    yield from _splits_that_differ(view)


def _splits_that_differ(view: View) -> Iterator[Remark]:
    labelled = {mention.split for mention in view.mentions}
    schemes = {
        split: log.scheme.value
        for split, log in view.corpus.logs.items()
        if log.scheme and split in labelled
    }
    if len(set(schemes.values())) > 1:
        said = ", ".join(f"{split} is {scheme}" for split, scheme in schemes.items())
        yield Remark(f"the splits are written in different schemes: {said}", Spot())


def unknown_labels(view: View) -> Iterator[Remark]:
    """Labels of other splits that the training split lacks: nothing can learn them."""
    if "train" not in view.corpus.splits:
        return
    found: dict[tuple[str, str], list[Mention]] = defaultdict(list)
    for mention in view.mentions:
        if mention.entity.label not in view.corpus.labels:
            found[mention.split, mention.entity.label].append(mention)
    for (split, label), mentions in found.items():
        hint = near_miss(label, view.corpus.labels)
        yield Remark(
            f"the label {quoted(label)} of the {split} split is not in the training split "
            f"({'1 entity' if len(mentions) == 1 else f'{len(mentions):,} entities'})"
            + (f"; {hint}" if hint else ""),
            mentions[0].spot,
            tuple(mention.spot for mention in mentions[1:]),
        )


def similar_labels(view: View) -> Iterator[Remark]:
    """Labels of one split of training that differ in case, hyphens, underscores, spaces only."""
    groups: dict[str, list[str]] = defaultdict(list)
    for label in view.corpus.labels:
        groups[re.sub(r"[-_\s./]", "", label).casefold()].append(label)
    for labels in groups.values():
        if len(labels) < 2:
            continue
        firsts = {label: _first(view, label) for label in labels}
        spots = [spot for spot in firsts.values() if spot]
        said = " and ".join(
            f"{quoted(label)} ({view.place(spot)})" for label, spot in firsts.items() if spot
        )
        if len(spots) > 1:
            message = f"labels that differ in case, hyphens or spaces only: {said}"
            yield Remark(message, spots[0], tuple(spots[1:]))


def _first(view: View, label: str) -> Spot | None:
    return next((each.spot for each in view.mentions if each.entity.label == label), None)


RULES = (
    Rule("tag-fault", "error", "a tag that breaks its scheme, such as an orphan I-", tag_faults),
    Rule(
        "mixed-schemes", "warning", "tags of several schemes in one file or corpus", mixed_schemes
    ),
    Rule("unknown-label", "error", "a label that the training split lacks", unknown_labels),
    Rule("similar-labels", "warning", "labels that look like one label", similar_labels),
)
