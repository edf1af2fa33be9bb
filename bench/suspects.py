"""Suspects: share of deliberately corrupted labels of WNUT 17's training split that are found.

    python -m bench.suspects [--seed N] [--number N] [--folds N] [--epochs N] [--work FOLDER]

A third of the labels drawn get another label, a third are removed, a third move one boundary by
one token. A corruption counts as found if one of the first suspects overlaps it: a corrupted entity
with its gold or its proposed entity, a removed one with its proposed entity. The seed draws the
labels, the folds and the training; the corpus also has errors of its own, and suspects that point
to these count as misses. The chance level is the same suspects in random order, the mean of 200
draws.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.common import ENCODER, machine, wnut
from nerine.core.document import Document, Entity, Token
from nerine.curation.label_errors import CrossValidation, LabelError, cross_validated_label_errors
from nerine.data.corpus import Corpus
from nerine.training.settings import TrainingSettings

KINDS = ("type", "removed", "boundary")
FIRST = (150, 300, 600)
SHUFFLES = 200


@dataclass(frozen=True, slots=True)
class Corruption:
    """A changed label of the training split; `after` is None if it was removed."""

    kind: str
    document: int
    before: Entity
    after: Entity | None

    def is_touched_by(self, suspect: LabelError) -> bool:
        """Whether a suspect of the same document is about this place."""
        entities = [entity for entity in (suspect.gold, suspect.proposed) if entity]
        if self.after is None:
            entities = [suspect.proposed] if suspect.proposed else []
        mine = self.after or self.before
        return any(entity.start < mine.end and mine.start < entity.end for entity in entities)


def _choices(
    kind: str, document: Document, entity: Entity, labels: Sequence[str]
) -> Sequence[Entity | None]:
    """The possible results of a kind of corruption for `entity`."""
    if kind == "type":
        return [dataclasses.replace(entity, label=each) for each in labels if each != entity.label]
    return [None] if kind == "removed" else _moved(document, entity)


def _moved(document: Document, entity: Entity) -> list[Entity]:
    """The entity with one token more or less at one end, without overlap with others."""
    tokens = document.tokens or ()
    inside = [n for n, token in enumerate(tokens) if _overlap(token, entity)]
    first, last = inside[0], inside[-1]
    ends = [(first - 1, last), (first, last + 1), (first + 1, last), (first, last - 1)]
    others = [each for each in document.entities if each != entity]
    return [
        Entity(tokens[start].start, tokens[end].end, entity.label)
        for start, end in ends
        if 0 <= start <= end < len(tokens)
        and not any(_overlap(token, each) for token in tokens[start : end + 1] for each in others)
    ]


def _overlap(token: Token, entity: Entity) -> bool:
    return token.start < entity.end and entity.start < token.end


def corrupted(
    corpus: Corpus, number: int, seed: int, kinds: Sequence[str] = KINDS
) -> tuple[Corpus, list[Corruption]]:
    """The corpus with `number` training labels changed, equally many in each of `kinds`."""
    dice = random.Random(seed)
    documents = list(corpus.train)
    labels = [(n, entity) for n, document in enumerate(documents) for entity in document.entities]
    dice.shuffle(labels)
    changed: list[Corruption] = []
    for index, entity in labels:
        if len(changed) == number:
            break
        kind = kinds[len(changed) % len(kinds)]
        document = documents[index]
        choices = _choices(kind, document, entity, corpus.labels)
        if choices:
            after = dice.choice(choices)
            kept = [each for each in document.entities if each != entity]
            kept += [after] if after else []
            documents[index] = document.with_entities(sorted(kept, key=lambda each: each.start))
            changed.append(Corruption(kind, index, entity, after))
    splits = {**corpus.splits, "train": tuple(documents)}
    return dataclasses.replace(corpus, splits=splits), changed


def found(changed: Sequence[Corruption], suspects: Sequence[LabelError]) -> dict[str, int]:
    """Number of corruptions of each kind that overlap one of `suspects`."""
    by_document: dict[int, list[LabelError]] = {}
    for suspect in suspects:
        by_document.setdefault(suspect.sample.index, []).append(suspect)
    counts = dict.fromkeys(KINDS, 0)
    for each in changed:
        mine = by_document.get(each.document, [])
        counts[each.kind] += any(each.is_touched_by(suspect) for suspect in mine)
    return counts


def _rows(changed: Sequence[Corruption], suspects: Sequence[LabelError]) -> Iterator[str]:
    dice = random.Random(0)
    for first in FIRST:
        counts = found(changed, suspects[:first])
        chance = statistics.mean(
            sum(found(changed, dice.sample(suspects, min(first, len(suspects)))).values())
            for _ in range(SHUFFLES)
        )
        parts = " | ".join(str(counts[kind]) for kind in KINDS)
        yield f"| {first} | {sum(counts.values())} | {parts} | {chance:.1f} |"


def main() -> None:
    """Prints one table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--number", type=int, default=150)
    options.add_argument("--folds", type=int, default=3)
    options.add_argument("--epochs", type=int, help="by default planned")
    options.add_argument("--encoder", default=ENCODER)
    options.add_argument("--work", type=Path, help="keeps the folds' models, and goes on with them")
    chosen = options.parse_args()
    corpus, changed = corrupted(wnut(), chosen.number, chosen.seed)
    settings = TrainingSettings(epochs=chosen.epochs, encoder=chosen.encoder, seed=chosen.seed)
    print(machine(), flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        work = chosen.work or Path(folder) / "folds"
        validation = CrossValidation(corpus, work, folds=chosen.folds, settings=settings)
        report = cross_validated_label_errors(validation, resume=work.exists())
    minutes = (time.monotonic() - began) / 60
    print(
        f"\nseed {chosen.seed}, {chosen.folds} folds, {chosen.epochs or 'planned'} epochs, "
        f"{chosen.encoder}, {len(changed)} of {report.entities} labels corrupted, "
        f"{minutes:.1f} minutes\n"
    )
    print(
        f"| first suspects of {len(report.label_errors)} | found | {' | '.join(KINDS)} | chance |"
    )
    print("|---" * (len(KINDS) + 3) + "|")
    for row in _rows(changed, report.label_errors):
        print(row)


if __name__ == "__main__":
    main()
