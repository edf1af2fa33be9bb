"""Rules about texts that occur in a corpus more than once, exactly or nearly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from nerine.core.display import quoted
from nerine.core.document import Document
from nerine.curation.checks.findings import Remark, Spot
from nerine.curation.checks.rule import Rule
from nerine.curation.checks.similarity import own_words
from nerine.curation.checks.view import View, listed
from nerine.data.near_duplicates import Where, masked
from nerine.evaluation.metrics.scoring import ranges_of

_MOST_DIFFERENCES = 3


@dataclass(frozen=True, slots=True)
class _Copy:
    """A document with the text of an earlier one, in its own split or in an earlier split."""

    here: Where
    there: Where
    document: Document
    other: Document

    @property
    def leaks(self) -> bool:
        return self.here[0] != self.there[0]

    @property
    def agrees(self) -> bool:
        return ranges_of(self.document) == ranges_of(self.other)


def _copies(view: View) -> Iterator[_Copy]:
    """Each copy with the first document with its text, in its own and in an earlier split."""
    first: dict[str, dict[str, int]] = {}
    for split, index, document in view.documents():
        if not document.text.strip():
            continue
        seen = first.setdefault(document.text, {})
        earlier = next((name for name in seen if name != split), None)
        for name in (split if split in seen else None, earlier):
            if name is not None:
                other = view.corpus.splits[name][seen[name]]
                yield _Copy((split, index), (name, seen[name]), document, other)
        seen.setdefault(split, index)


def copies(view: View, *, leaks: bool) -> Iterator[Remark]:
    """Texts that occur earlier: in the same split, or in an earlier one, which is a leak."""
    for copy in _copies(view):
        if copy.leaks == leaks:
            agree = "the same" if copy.agrees else "other"
            yield _remark(view, copy, f"with {agree} entities")


def relabelled(view: View) -> Iterator[Remark]:
    """Texts that occur earlier with other entities: one of the two is wrong."""
    for copy in _copies(view):
        if not copy.agrees:
            yield _remark(view, copy, f"with other entities: {_difference(copy)}")


def _remark(view: View, copy: _Copy, how: str) -> Remark:
    here, there = Spot(*copy.here), Spot(*copy.there)
    split = f" in the {copy.there[0]} split" if copy.leaks else ""
    text = quoted(copy.document.text)
    return Remark(f"{text} stands{split} at {view.place(there)} too, {how}", here, (there,))


def _difference(copy: _Copy) -> str:
    """The ranges with different labels here and there."""
    here, there = (
        {(start, end): label for start, end, label in ranges_of(document)}
        for document in (copy.document, copy.other)
    )
    ranges = [each for each in sorted({*here, *there}) if here.get(each) != there.get(each)]
    said = [
        f"{quoted(copy.document.text[start:end])} is {_named(here.get((start, end)))} here "
        f"and {_named(there.get((start, end)))} there"
        for start, end in ranges[:_MOST_DIFFERENCES]
    ]
    return listed(said, len(ranges))


def _named(label: str | None) -> str:
    return "no entity" if label is None else quoted(label)


def near_copies(view: View, *, leaks: bool) -> Iterator[Remark]:
    """Texts that nearly occur earlier, by `NearCopies`; exact copies are left to other rules."""
    exact = {(copy.here, copy.leaks) for copy in _copies(view)}
    for near in view.near_copies:
        if near.leaks == leaks and (near.here, leaks) not in exact:
            here, there = Spot(*near.here), Spot(*near.there)
            document, other = (view.corpus.splits[split][i] for split, i in (near.here, near.there))
            labels, other_labels = (
                [(masked(each.surface(entity)), entity.label) for entity in each.entities]
                for each in (document, other)
            )
            agree = "the same" if labels == other_labels else "other"
            own = (own_words(document.text, other.text), own_words(other.text, document.text))
            differences = "".join(
                f", only {where}: "
                f"{listed([quoted(word) for word in words[:_MOST_DIFFERENCES]], len(words))}"
                for where, words in zip(("here", "there"), own, strict=True)
                if words
            )
            yield Remark(
                f"{quoted(document.text)} nearly stands at {view.place(there)}: {near.likeness}"
                f"{differences}; with {agree} entities",
                here,
                (there,),
            )


_LEAKS = partial(copies, leaks=True)
_REPEATS = partial(copies, leaks=False)
_NEAR_LEAKS = partial(near_copies, leaks=True)
_NEAR_REPEATS = partial(near_copies, leaks=False)

RULES = (
    Rule("relabelled-text", "error", "one text with different entities in two places", relabelled),
    Rule("leaked-text", "warning", "the same text as in an earlier split", _LEAKS),
    Rule("repeated-text", "warning", "the same text as earlier in its split", _REPEATS),
    Rule("near-leak", "warning", "nearly the same text as in an earlier split", _NEAR_LEAKS),
    Rule("near-repeat", "note", "nearly the same text as earlier in its split", _NEAR_REPEATS),
)
