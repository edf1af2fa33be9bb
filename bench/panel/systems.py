"""The systems of the panel, in the order of their cost, and the corpora that each runs on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.panel.outcome import Outcome
from bench.panel.trainer import trainer
from nerine.data.corpus import Corpus

THREE = (0, 1, 2)
ONE = (0,)


@dataclass(frozen=True, slots=True)
class System:
    """A way to train a recogniser.

    Attributes:
        run: Trains on a corpus with a seed, and predicts its test split.
        seeds: The seeds for each corpus that it runs on.
    """

    run: Callable[[Corpus, int], Outcome]
    seeds: Mapping[str, tuple[int, ...]]


_SMALL = {"ai": THREE, "politics": THREE}
_ALL = {**_SMALL, "wnut": THREE, "ncbi": ONE, "btc": ONE}

SYSTEMS = {
    "trainer-5e-5x3": System(trainer(5e-5, 3), _ALL),
    "trainer-2e-4x5": System(trainer(2e-4, 5), _ALL),
    "trainer-2e-4x30": System(trainer(2e-4, 30), _SMALL),
}
