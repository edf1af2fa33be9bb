"""How much is replaced, by a labelled sample: what counts, and how sure the estimate is."""

from __future__ import annotations

import numpy as np
import pytest

from nerine.core.document import Document, Entity
from nerine.core.errors import CorpusError, SettingsError
from nerine.evaluation.significance import share_interval
from nerine.model.tagger import Tagger
from nerine.serving.redaction import Redactor, redaction_recall


def test_an_entity_counts_if_all_of_it_is_gone_whatever_its_label(known: Tagger) -> None:
    text = "Mira Okonjo left Lisbon, Ana of Ghent"
    gold = [
        (0, 11, "person"),
        (0, 16, "person"),  # left is left
        (17, 23, "person"),  # as a place
        (25, 28, "person"),
        (32, 37, "place"),
    ]
    documents = [Document(text, (Entity(*each),)) for each in gold]
    found = redaction_recall(Redactor(known), documents)
    assert (found.replaced, found.gold, found.documents) == (3, 5, 5)
    assert found.labels == {"person": (3, 4), "place": (0, 1)}
    assert found.recall == pytest.approx(0.6)
    assert found.interval.low < 0.6 < found.interval.high
    kept = redaction_recall(Redactor(known, how={"place": "keep"}), documents)
    assert (kept.replaced, kept.gold) == (2, 4)
    assert found.to_dict()["labels"]["place"] == {"replaced": 0, "gold": 1}


def test_a_sample_without_entities_says_nothing(known: Tagger) -> None:
    with pytest.raises(CorpusError, match="no entity that would be replaced"):
        redaction_recall(Redactor(known), [Document("Mira left")])


def test_intervals_near_the_bounds_and_of_clusters() -> None:
    perfect = share_interval([1] * 100, [1] * 100)
    assert perfect.high == 1
    assert perfect.low == pytest.approx(0.963, abs=0.001)  # Wilson's for 100 of 100
    half = share_interval([1] * 50 + [0] * 50, [1] * 100)
    assert half.low == pytest.approx(0.4038, abs=1e-3)
    assert half.high == pytest.approx(0.5962, abs=1e-3)
    clustered = share_interval([10] * 50 + [0] * 50, [10] * 100)
    assert clustered.high - clustered.low == pytest.approx(half.high - half.low, rel=0.02)
    nothing = share_interval([], [])
    assert (nothing.low, nothing.high) == (0, 1)
    with pytest.raises(SettingsError):
        share_interval([1], [1], level=1.5)


@pytest.mark.parametrize("share", [0.9, 0.97, 0.99])
def test_the_interval_holds_the_truth_as_often_as_it_says(share: float) -> None:
    """500 samples of 300 documents from texts whose recall is known."""
    chance = np.random.default_rng(7)
    entities = chance.poisson(1.3, 50_000)
    spread = 20  # how alike the entities of a document are
    found = chance.binomial(entities, chance.beta(share * spread, (1 - share) * spread, 50_000))
    truth = found.sum() / entities.sum()
    hits = 0
    for _ in range(500):
        sample = chance.integers(len(entities), size=300)
        interval = share_interval(found[sample].tolist(), entities[sample].tolist())
        hits += interval.low <= truth <= interval.high
    assert 0.93 <= hits / 500 <= 0.97
