"""Coverage of confidence intervals and false positive rates of tests, on simulated systems.

python -m bench.significance [simulations]

Simulated documents differ in difficulty, so that entities of one document are not independent; a
system's true F1 follows from a sample of 300,000 documents. The 95% interval should hold it in 95
of 100 corpora. Two systems drawn from one distribution should differ significantly (p < .05) in 5
of 100. So should two groups of runs with several seeds, whose mean F1 the interval should hold.
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
    The seeds of a system move the logits of these probabilities by normal values with the standard
    deviation `spread`.
    """

    documents: int
    alpha: float = 2.0
    beta: float = 2.0
    seeds: int = 1
    spread: float = 0.0


REGIMES = (Regime(300), Regime(100), Regime(50), Regime(300, beta=12.0), Regime(300, alpha=20.0))
SEED_REGIMES = tuple(
    Regime(documents, seeds=seeds, spread=spread)
    for documents, spread in ((300, 0.0), (300, 0.2), (300, 0.5), (60, 0.2))
    for seeds in (2, 3, 5)
)


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


def simulate_seeds(regime: Regime, simulations: int, seed: int = 0) -> Rates:
    """Draws corpora and two systems of several seeds, and evaluates intervals and the bootstrap."""
    generator = np.random.default_rng(seed)
    values = []
    for _ in range(_MANY // 1000):  # seeds, each on other documents
        gold, (only,) = outputs(generator, regime, 1000, systems=1)
        values.append(score(gold, only).overall.f1)
    true_f1 = float(np.mean(values))
    covered = positives = 0
    for number in range(simulations):
        gold, predicted = outputs(generator, regime, regime.documents, systems=2 * regime.seeds)
        runs = [tuple(each) for each in predicted]
        systems = [
            System("a", tuple(runs[: regime.seeds])),
            System("b", tuple(runs[regime.seeds :])),
        ]
        found = compare(gold, systems, samples=SAMPLES, seed=number)
        interval = found.systems[0].interval
        covered += interval.low <= true_f1 <= interval.high
        positives += found.differences[0].p_bootstrap < 0.05
    return Rates(true_f1, covered / simulations, {"bootstrap": positives / simulations})


def outputs(
    generator: np.random.Generator, regime: Regime, documents: int, systems: int
) -> tuple[list[Document], list[list[Document]]]:
    """Gold documents, and predicted documents of systems from one distribution."""
    gold: list[Document] = []
    predicted: list[list[Document]] = [[] for _ in range(systems)]
    odds = np.exp(generator.normal(0.0, regime.spread, systems)) if regime.spread else None
    for _ in range(documents):
        # an eighth of the documents holds most entities, as in real corpora
        number = generator.poisson(3.0 if generator.random() < 0.125 else 0.5)
        chance = generator.beta(regime.alpha, regime.beta)
        entities = [_entity(4 * place) for place in range(min(number, _WIDTH // 4))]
        gold.append(Document(_TEXT, tuple(entities)))
        for number, each in enumerate(predicted):
            moved = chance
            if odds is not None:
                moved = chance * odds[number] / (1 - chance + chance * odds[number])
            each.append(Document(_TEXT, tuple(_noisy(entities, moved, generator))))
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
    print(f"{simulations} simulations a row, {SAMPLES} samples each, seed 0\n", flush=True)
    print("| documents | true F1 | 95% interval holds it | p < .05, randomisation | bootstrap |")
    print("|---|---|---|---|---|")
    for regime in REGIMES:
        rates = simulate(regime, simulations)
        positives = " | ".join(f"{share:.1%}" for share in rates.false_positives.values())
        print(f"| {regime.documents} | {rates.true_f1:.3f} | {rates.coverage:.1%} | {positives} |")
        sys.stdout.flush()
    print("\n| documents | seeds | spread | mean F1 | 95% interval holds it | p < .05, bootstrap |")
    print("|---|---|---|---|---|---|")
    for regime in SEED_REGIMES:
        rates = simulate_seeds(regime, simulations)
        setting = f"{regime.documents} | {regime.seeds} | {regime.spread}"
        share = rates.false_positives["bootstrap"]
        print(
            f"| {setting} | {rates.true_f1:.3f} | {rates.coverage:.1%} | {share:.1%} |", flush=True
        )


if __name__ == "__main__":
    main()
