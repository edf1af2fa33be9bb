"""Coverage of confidence intervals and false positive rates of tests, on simulated systems.

python -m bench.significance [simulations]

Simulated documents differ in difficulty, so that entities of one document are not independent; a
system's true F1 follows from a sample of 300,000 documents. The 95% interval should hold it in 95
of 100 corpora. Two systems drawn from one distribution should differ significantly (p < .05) in 5
of 100.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nerine.core.document import Document, Entity
from nerine.evaluation.metrics import score
from nerine.evaluation.significance import System, compare, score_intervals

SAMPLES = 1000
_MANY = 300_000
_WIDTH = 40
_TEXT = "x" * _WIDTH


@dataclass(frozen=True, slots=True)
class Regime:
    """The size of a corpus and the quality of its systems.

    The probability that a system finds an entity is drawn for each document from Beta(alpha, beta).
    """

    documents: int
    alpha: float = 2.0
    beta: float = 2.0


REGIMES = (Regime(300), Regime(100), Regime(50), Regime(300, beta=12.0), Regime(300, alpha=20.0))


@dataclass(frozen=True, slots=True)
class Rates:
    """The true F1, the share of intervals that hold it, and each test's false positive rate."""

    true_f1: float
    coverage: float
    false_positives: Mapping[str, float]


def simulate(regime: Regime, simulations: int, seed: int = 0) -> Rates:
    """Draws corpora, and two systems from one distribution, and evaluates intervals and tests."""
    generator = np.random.default_rng(seed)
    gold, (predicted,) = outputs(generator, regime, _MANY, systems=1)
    true_f1 = score(gold, predicted).overall.f1
    covered = 0
    positives = {"randomisation": 0, "bootstrap": 0}
    for number in range(simulations):
        gold, (first, second) = outputs(generator, regime, regime.documents, systems=2)
        interval = score_intervals(gold, first, samples=SAMPLES, seed=number).overall.f1
        covered += interval.low <= true_f1 <= interval.high
        systems = [System("a", (tuple(first),)), System("b", (tuple(second),))]
        difference = compare(gold, systems, samples=SAMPLES, seed=number).differences[0]
        positives["randomisation"] += (difference.p_randomisation or 0.0) < 0.05
        positives["bootstrap"] += difference.p_bootstrap < 0.05
    shares = {name: count / simulations for name, count in positives.items()}
    return Rates(true_f1, covered / simulations, shares)


def outputs(
    generator: np.random.Generator, regime: Regime, documents: int, systems: int
) -> tuple[list[Document], list[list[Document]]]:
    """Gold documents, and predicted documents of systems from one distribution."""
    gold: list[Document] = []
    predicted: list[list[Document]] = [[] for _ in range(systems)]
    for _ in range(documents):
        # an eighth of the documents holds most entities, as in real corpora
        number = generator.poisson(3.0 if generator.random() < 0.125 else 0.5)
        chance = generator.beta(regime.alpha, regime.beta)
        entities = [_entity(4 * place) for place in range(min(number, _WIDTH // 4))]
        gold.append(Document(_TEXT, tuple(entities)))
        for each in predicted:
            each.append(Document(_TEXT, tuple(_noisy(entities, chance, generator))))
    return gold, predicted


def _entity(start: int) -> Entity:
    return Entity(start, start + 2, "name")


def _noisy(gold: list[Entity], chance: float, generator: np.random.Generator) -> list[Entity]:
    """Each gold entity with the probability `chance`, and some spurious ones."""
    starts = {each.start for each in gold if generator.random() < chance}
    if generator.random() < 0.2:
        starts.add(4 * int(generator.integers(_WIDTH // 4)) + 1)
    predicted: list[Entity] = []
    for start in sorted(starts):
        if not predicted or predicted[-1].end <= start:
            predicted.append(_entity(start))
    return predicted


def main() -> None:
    """Prints the coverage and the false positive rates of each regime."""
    simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"{simulations} simulations a row, {SAMPLES} samples each, seed 0\n")
    print("| documents | true F1 | 95% interval holds it | p < .05, randomisation | bootstrap |")
    print("|---|---|---|---|---|")
    for regime in REGIMES:
        rates = simulate(regime, simulations)
        positives = " | ".join(f"{share:.1%}" for share in rates.false_positives.values())
        print(f"| {regime.documents} | {rates.true_f1:.3f} | {rates.coverage:.1%} | {positives} |")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
