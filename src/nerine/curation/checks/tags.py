"""Rules about tags and labels: tags that break their scheme, labels that differ between splits."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from nerine.core.display import counted, quoted
from nerine.core.document import Document, Token
from nerine.curation.checks.findings import Remark, Spot
from nerine.curation.checks.rule import Rule
from nerine.curation.checks.view import Mention, View
from nerine.data.corpus import similar_label
from nerine.data.formats import TagFault


def tag_faults(view: View) -> Iterator[Remark]:
    """Each tag that its scheme does not allow there, in a corpus that was read with `repair`."""
    for split, log in view.corpus.logs.items():
        for fault in log.faults:
            found = _token(view, split, fault)
            named = f", at {quoted(found[0].surface(found[1]))}" if found else ""
            yield Remark(fault.reason + named, _spot(view, split, fault))


def _spot(view: View, split: str, fault: TagFault) -> Spot:
    """The spot of a tag."""
    found = _token(view, split, fault)
    if found is None:
        return Spot(split, place=fault.place)
    return Spot(split, fault.document, found[1].start, found[1].end, fault.place)


def _token(view: View, split: str, fault: TagFault) -> tuple[Document, Token] | None:
    """The token of a tag; None in a split that was divided after reading."""
    documents = view.corpus.splits[split]
    if view.corpus.logs[split].documents != len(documents):
        return None
    tokens = documents[fault.document].tokens or ()
    return (documents[fault.document], tokens[fault.token]) if fault.token < len(tokens) else None


def mixed_schemes(view: View) -> Iterator[Remark]:
    """Documents that fit another scheme than their file, and splits in different schemes."""
    for split, log in view.corpus.logs.items():
        by_schemes: dict[tuple[str, str], dict[int, TagFault]] = defaultdict(dict)
        for fault in log.faults:
            if fault.other_scheme:
                schemes = (fault.scheme.value, fault.other_scheme.value)
                by_schemes[schemes].setdefault(fault.document, fault)
        for (own, other), first_faults in by_schemes.items():
            spots = [_spot(view, split, fault) for fault in first_faults.values()]
            number = counted(len(spots), "document")
            message = f"the {split} split is {own}, but {number} in it fit {other} and not {own}"
            yield Remark(message, spots[0], tuple(spots[1:]))
    labelled = {mention.split for mention in view.mentions}
    by_split = {
        split: log.scheme.value
        for split, log in view.corpus.logs.items()
        if log.scheme and split in labelled
    }
    if len(set(by_split.values())) > 1:
        said = ", ".join(f"{split} is {scheme}" for split, scheme in by_split.items())
        yield Remark(f"the splits are written in different schemes: {said}", Spot())


def unknown_labels(view: View) -> Iterator[Remark]:
    """Labels of other splits that the training split lacks: no model can learn them."""
    if "train" not in view.corpus.splits:
        return
    found: dict[tuple[str, str], list[Mention]] = defaultdict(list)
    for mention in view.mentions:
        if mention.entity.label not in view.corpus.labels:
            found[mention.split, mention.entity.label].append(mention)
    for (split, label), mentions in found.items():
        hint = similar_label(label, view.corpus.labels)
        yield Remark(
            f"the label {quoted(label)} of the {split} split is not in the training split "
            f"({counted(len(mentions), 'entity', 'entities')})" + (f"; {hint}" if hint else ""),
            mentions[0].spot,
            tuple(mention.spot for mention in mentions[1:]),
        )


def similar_labels(view: View) -> Iterator[Remark]:
    """Training labels that differ only in case, hyphens, underscores, dots, slashes or spaces."""
    first: dict[str, Spot] = {}
    for mention in view.mentions:
        first.setdefault(mention.entity.label, mention.spot)
    groups: dict[str, list[str]] = defaultdict(list)
    for label in view.corpus.labels:
        groups[re.sub(r"[-_\s./]", "", label).casefold()].append(label)
    for labels in groups.values():
        firsts = {label: first[label] for label in labels if label in first}
        if len(firsts) > 1:
            said = " and ".join(
                f"{quoted(label)} ({view.place(spot)})" for label, spot in firsts.items()
            )
            message = f"labels that differ in case, hyphens or spaces only: {said}"
            spots = [*firsts.values()]
            yield Remark(message, spots[0], tuple(spots[1:]))


RULES = (
    Rule("tag-fault", "error", "a tag that breaks its scheme, such as an orphan I-", tag_faults),
    Rule(
        "mixed-schemes", "warning", "tags of several schemes in one file or corpus", mixed_schemes
    ),
    Rule("unknown-label", "warning", "a label that the training split lacks", unknown_labels),
    Rule("similar-labels", "warning", "labels that look like one label", similar_labels),
)
