"""The systems of the panel, the cheap ones first, and the corpora and seeds of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.panel.environments import peer
from bench.panel.nerine_side import nerine
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


CORPORA = ("ai", "politics", "wnut", "ncbi", "btc")
"""The corpora, the small ones first."""

CURVE = ("wnut-50", "wnut-100", "wnut-300", "wnut-1000", "wnut")
"""The sizes of the training split for the curve of the default recipe."""

_SMALL = {"ai": THREE, "politics": THREE}
_PEERS = {**_SMALL, "wnut": THREE, "ncbi": ONE, "btc": ONE}
_ALL = dict.fromkeys((*CORPORA, *CURVE), THREE)

NERINE, WITHOUT_CRF = "nerine", "nerine-without-crf"
"""The default recipe, and runs of the former one, without a CRF, which are kept."""

SYSTEMS = {
    NERINE: System(nerine, _ALL),
    "trainer-5e-5x3": System(trainer(5e-5, 3), _PEERS),
    "trainer-2e-4x5": System(trainer(2e-4, 5), _PEERS),
    "trainer-2e-4x30": System(trainer(2e-4, 30), _SMALL),
    "flair-fine-tune": System(peer("flair"), {"ai": THREE, "wnut": THREE, "ncbi": ONE}),
    "spacy": System(peer("spacy"), _PEERS),
}
