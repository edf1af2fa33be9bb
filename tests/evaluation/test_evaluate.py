"""Evaluation of a tagger: the scores of its predictions, and the table that `print` shows."""

from __future__ import annotations

from collections.abc import Iterable

import nerine
from nerine.core.document import Document, Entity
from nerine.evaluation.evaluate import evaluate_predictions
from nerine.evaluation.metrics import score

GOLD = [
    Document("Mira left Oslo", (Entity(0, 4, "person"), Entity(10, 14, "place"))),
    Document("Rio", (Entity(0, 3, "place"),)),
]
PREDICTED = [GOLD[0], GOLD[1].with_entities([Entity(0, 3, "a\nb")])]


class Tagger:
    """Predicts `PREDICTED`, whatever the texts."""

    def predict(self, texts: Iterable[str | Document]) -> list[Document]:
        assert list(texts) == GOLD
        return PREDICTED


def test_an_evaluation_is_that_of_the_predicted_documents() -> None:
    evaluation = nerine.evaluate(Tagger(), iter(GOLD), split="test", samples=50, train=GOLD)
    expected = evaluate_predictions(GOLD, PREDICTED, split="test", samples=50, train=GOLD)
    assert evaluation == expected
    assert evaluation.scores == score(GOLD, PREDICTED)
    assert evaluation.overall == evaluation.scores.overall
    assert evaluation.to_dict().items() >= evaluation.scores.to_dict().items()


def test_an_evaluation_is_shown_as_a_table() -> None:
    lines = str(nerine.evaluate(Tagger(), GOLD, samples=50)).splitlines()
    assert [line.split() for line in lines[:-1]] == [
        ["label", "precision", "recall", "F1", "F1", "interval", "support"],
        ["a␊b", "0.0000", "0.0000", "0.0000", "0.0000", "to", "0.0000", "0"],
        ["person", "1.0000", "1.0000", "1.0000", *lines[2].split()[4:7], "1"],
        ["place", "1.0000", "0.5000", "0.6667", *lines[3].split()[4:7], "2"],
        ["all", "labels", "0.6667", "0.6667", "0.6667", *lines[4].split()[5:8], "3"],
    ]
    assert len({len(line) for line in lines[:-1]}) == 1
    assert lines[-1].startswith("metric:entity|scheme:ranges|reading:strict|split:all|")
