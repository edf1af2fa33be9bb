"""Whether intervals and tests keep what they promise, on simulated systems.

python -m bench.certainty [simulations]

A simulated corpus has documents with their own difficulty, so that entities of one document are
not independent; a system's true F1 follows from a sample that is a thousand times as large. The
95% interval should hold it in 95 of 100 corpora. Two systems drawn from one distribution should
come out as different (p < .05) in 5 of 100.
"""

from __future__ import annotations

import sys

import numpy as np

from nerine.certainty import System, compare, score_intervals
from nerine.document import Document, Entity

DOCUMENTS, SAMPLES = 300, 1000
_WIDTH = 40
_TEXT = "x" * _WIDTH


def outputs(
    generator: np.random.Generator, documents: int, systems: int
) -> tuple[list[Document], list[list[Document]]]:
    """Gold documents, and as many outputs of systems that are drawn alike."""
    gold: list[Document] = []
    predicted: list[list[Document]] = [[] for _ in range(systems)]
    for _ in range(documents):
        # an eighth of the documents holds most entities, as in real corpora
        number = generator.poisson(3.0 if generator.random() < 0.125 else 0.5)
        chance = generator.beta(2.0, 2.0)
        wanted = [_entity(4 * place) for place in range(min(number, _WIDTH // 4))]
        gold.append(Document(_TEXT, tuple(wanted)))
        for each in predicted:
            each.append(Document(_TEXT, tuple(_noisy(wanted, chance, generator))))
    return gold, predicted


def _entity(start: int) -> Entity:
    return Entity(start, start + 2, "name")


def _noisy(gold: list[Entity], chance: float, generator: np.random.Generator) -> list[Entity]:
    """Each gold entity found by chance, and some that are none."""
    starts = {each.start for each in gold if generator.random() < chance}
    if generator.random() < 0.2:
        starts.add(4 * int(generator.integers(_WIDTH // 4)) + 1)
    found: list[Entity] = []
    for start in sorted(starts):
        if not found or found[-1].end <= start:
            found.append(_entity(start))
    return found


def main() -> None:
    """Prints the coverage and the share of false alarms."""
    simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    generator = np.random.default_rng(0)
    gold, (predicted,) = outputs(generator, DOCUMENTS * 1000, 1)
    truth = _true_f1(gold, predicted)
    covered = 0
    alarms = {"randomisation": 0, "bootstrap": 0}
    for number in range(simulations):
        gold, (first, second) = outputs(generator, DOCUMENTS, 2)
        interval = score_intervals(gold, first, samples=SAMPLES, seed=number).overall.f1
        covered += interval.low <= truth <= interval.high
        systems = [System("a", (tuple(first),)), System("b", (tuple(second),))]
        found = compare(gold, systems, samples=SAMPLES, seed=number).differences[0]
        alarms["randomisation"] += (found.p_randomisation or 0.0) < 0.05
        alarms["bootstrap"] += found.p_bootstrap < 0.05
    print(f"{simulations} simulations of {DOCUMENTS} documents, {SAMPLES} samples each, seed 0")
    print(f"true F1 {truth:.4f}; the 95% interval holds it in {covered / simulations:.1%}")
    for name, count in alarms.items():
        print(f"two systems of one distribution: p < .05 by {name} in {count / simulations:.1%}")


def _true_f1(gold: list[Document], predicted: list[Document]) -> float:
    from nerine.metrics import score

    return score(gold, predicted).overall.f1


if __name__ == "__main__":
    main()
