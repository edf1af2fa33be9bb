"""Consistency rules of `nerine check`: precision and recall on deliberately corrupted corpora.

    python -m bench.consistency [--corpora NAME …] [--seeds N] [--share SHARE]

In the training split of each corpus of the panel, a share of the labels is changed: a third get
another label, a third are removed, a third move one boundary by one token (`bench.suspects`). Where
there is one label only, it is half and half. Each rule is measured against the kind of corruption
that it is for. A finding is right if it overlaps such a corruption, a corruption is found if a
finding overlaps it; both are means over the seeds. The corpora have inconsistencies of their own,
and findings about these count as wrong: `intact` is the number of findings in the split as it was
published. `new` leaves out findings that the intact split has at the same place. A corruption of a
form that is labelled nowhere else is invisible to such rules; `visible` is the share of the others.
"""

from __future__ import annotations

import argparse
import statistics
from collections import Counter
from collections.abc import Sequence

from bench.panel.corpora import FOLDERS, panel_corpus
from bench.suspects import KINDS, Corruption, corrupted
from nerine.core.document import surface_form
from nerine.curation.checks import RULES
from nerine.curation.checks.findings import Spot
from nerine.curation.checks.view import View
from nerine.data.corpus import Corpus

KIND_OF_RULE = {
    "several-labels": "type",
    "unlabelled-mention": "removed",
    "several-boundaries": "boundary",
}


def spots(corpus: Corpus, rule: str) -> list[Spot]:
    """The places of a rule's findings."""
    return [remark.spot for remark in RULES[rule].find(View(corpus))]


def is_about(spot: Spot, corruption: Corruption) -> bool:
    """Whether a finding overlaps the label that was changed, as it was or as it is."""
    entities = [each for each in (corruption.before, corruption.after) if each]
    return spot.document == corruption.document and any(
        entity.start < (spot.end or 0) and (spot.start or 0) < entity.end for entity in entities
    )


def measured(found: Sequence[Spot], changed: Sequence[Corruption]) -> tuple[float, float]:
    """Precision and recall of findings."""
    right = sum(any(is_about(spot, each) for each in changed) for spot in found)
    noticed = sum(any(is_about(spot, each) for spot in found) for each in changed)
    return right / len(found) if found else 1.0, noticed / len(changed)


def visible(intact: Corpus, copy: Corpus, changed: Sequence[Corruption]) -> float:
    """The share of corruptions whose form, as it was, is labelled elsewhere in the copy."""
    forms = Counter(
        surface_form(document, entity) for document in copy.train for entity in document.entities
    )
    surfaces = [surface_form(intact.train[each.document], each.before) for each in changed]
    for each, surface in zip(changed, surfaces, strict=True):
        if each.kind == "type":  # this label has the form, too
            forms[surface] -= 1
    return sum(forms[surface] > 0 for surface in surfaces) / len(surfaces)


def rows(name: str, seeds: int, share: float) -> list[str]:
    """A row for each rule."""
    given = panel_corpus(name)
    corpus = Corpus({"train": given.train}, given.labels, given.source)
    number = round(share * sum(len(document.entities) for document in given.train))
    kinds = KINDS if len(given.labels) > 1 else [kind for kind in KINDS if kind != "type"]
    copies = [corrupted(corpus, number, seed, kinds) for seed in range(seeds)]
    result = []
    for rule, kind in KIND_OF_RULE.items():
        if kind not in kinds:
            continue
        intact = spots(corpus, rule)
        numbers = []
        for copy, everything in copies:
            found = spots(copy, rule)
            changed = [each for each in everything if each.kind == kind]
            precision, recall = measured(found, changed)
            new = [each for each in found if each not in intact]
            seen = visible(corpus, copy, changed)
            numbers.append((len(found), precision, measured(new, changed)[0], recall, seen))
        means = [statistics.mean(column) for column in zip(*numbers, strict=True)]
        scores = " | ".join(f"{mean:.2f}" for mean in means[1:])
        changed_number = number // len(kinds)
        result.append(
            f"| {name} | {rule} | {changed_number} | {len(intact)} | {means[0]:.0f} | {scores} |"
        )
    return result


def main() -> None:
    """Prints one table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--corpora", nargs="+", choices=FOLDERS, default=[*FOLDERS])
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--share", type=float, default=0.15)
    chosen = options.parse_args()
    print("| corpus | rule | changed | intact | found | precision | new | recall | visible |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in chosen.corpora:
        print("\n".join(rows(name, chosen.seeds, chosen.share)), flush=True)


if __name__ == "__main__":
    main()
