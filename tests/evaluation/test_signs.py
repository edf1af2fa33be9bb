"""Signs of failure of a training run, from its records and the scores of its kept weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from nerine.core.errors import CheckpointError
from nerine.evaluation.epochs import EpochRecord, best_record
from nerine.evaluation.metrics import Counts, Scores
from nerine.evaluation.signs import (
    LEARNED_NOTHING,
    Outcome,
    Sign,
    learned_nothing,
    saved_signs,
    signs_of_failure,
)

GOOD = {"person": Counts(40, 50, 50), "place": Counts(30, 50, 50)}
PLENTY = {"person": 500, "place": 300}


def record(step: int, f1: float, **changes: Any) -> EpochRecord:
    """A validation of a run that learns, with falling losses."""
    values = {
        "epoch": step / 10,
        "training_loss": 5 / step,
        "validation_loss": 4 / step,
        "precision": f1,
        "recall": f1,
        "accuracy": 0.9,
        "seconds": 1.0,
        "documents": 80,
        **changes,
    }
    return EpochRecord(step=step, f1=f1, **values)


RISING = (record(10, 0.3), record(20, 0.6), record(30, 0.7), record(40, 0.7, validation_loss=0.11))


def scores(labels: Mapping[str, Counts]) -> Scores:
    overall = sum(labels.values(), Counts())
    return Scores(overall, labels, 0.9, 800, 80, overall, {}, None)


def signs(
    records: Sequence[EpochRecord] = RISING,
    labels: Mapping[str, Counts] = GOOD,
    entities: Mapping[str, int] = PLENTY,
    training: Mapping[str, Counts] | None = None,
) -> tuple[Sign, ...]:
    seen = None if training is None else scores(training)
    return signs_of_failure(Outcome(records, scores(labels), entities, 2e-4, seen))


def kinds(*arguments: Any, **named: Any) -> list[str]:
    return [sign.kind for sign in signs(*arguments, **named)]


def test_a_run_that_went_well_shows_no_sign() -> None:
    assert signs() == ()


def test_kept_weights_that_find_nothing_have_learned_nothing() -> None:
    nothing = {"person": Counts(0, 7, 50), "place": Counts(0, 2, 50)}
    found = signs([record(step, 0.0) for step in (10, 20, 30)], nothing)
    assert [sign.kind for sign in found] == [LEARNED_NOTHING]
    assert learned_nothing(found) is found[0]
    assert "0 of 100 validation entities; F1 is 0 at all 3 validations" in found[0].message
    assert "lowest validation loss" in found[0].message
    assert "--steps 300" in found[0].hint
    assert "nerine check CORPUS" in found[0].hint


@pytest.mark.parametrize(("correct", "learned"), [(4, False), (5, True)])
def test_an_f1_of_five_points_is_the_least(correct: int, learned: bool) -> None:
    found = signs(labels={"person": Counts(correct, 100, 100)}, entities={"person": 99})
    assert (learned_nothing(found) is None) == learned
    if not learned:
        assert found[0].message.endswith("finds 4 of 100 validation entities, F1 0.0400")


def test_the_hint_doubles_the_steps_of_a_longer_run() -> None:
    found = signs([record(1000, 0.0)], {"person": Counts(0, 0, 50)})
    assert "--steps 2000" in found[0].hint


def test_few_validation_entities_alone_do_not_prove_that_nothing_was_learned() -> None:
    missed = {"person": Counts(0, 1, 2)}
    of_training = {"person": Counts(9, 10, 10)}
    none, few = signs(labels=missed, training=of_training)
    assert [none.kind, few.kind] == ["none-found", "few-validation-entities"]
    assert "find none of the validation split's 2 entities in 80 documents" in none.message
    assert "--steps" in none.hint
    assert kinds(labels={"person": Counts(1, 1, 2)}, training=of_training) == [few.kind]
    found = signs(labels=missed, training={"person": Counts(0, 1, 30)})
    assert [sign.kind for sign in found] == [LEARNED_NOTHING, "few-validation-entities"]
    assert "0 of 2 validation entities, and 0 of 30 entities of training" in found[0].message
    assert "only 2 entities in 80 documents" in found[1].message
    assert "67 points" in found[1].message


def test_validation_without_entities_is_a_sign_and_the_loss_chose_the_weights() -> None:
    records = [record(10, 0.0), record(20, 0.0)]
    (sign,) = signs(records, {}, training={"person": Counts(9, 10, 10)})
    assert sign.kind == "no-validation-entities"
    assert "no entities in 80 documents" in sign.message
    assert "lowest validation loss" in sign.message


def test_an_f1_near_0_after_a_third_of_the_run_is_a_late_start() -> None:
    late = [record(10, 0.0), record(20, 0.04), record(30, 0.4), record(40, 0.4), record(50, 0.4)]
    (sign,) = signs(late)
    assert sign.kind == "late-start"
    assert "0.0400 after 20 of 50 steps" in sign.message
    assert kinds([record(10, 0.0), record(20, 0.06), *late[2:]]) == []
    assert kinds([record(10, 0.0), *late[2:]]) == []  # at 30 of 50 steps it has begun


def test_a_training_loss_that_does_not_fall() -> None:
    flat = [record(10 * step, 0.5, training_loss=0.5) for step in (1, 2, 3)]
    (sign,) = signs(flat)
    assert sign.kind == "training-loss-stays"
    assert "0.5000 at step 10, 0.5000 at the end" in sign.message
    assert "--learning-rate 0.0001" in sign.hint
    falling = [record(10, 0.5, training_loss=0.5), record(20, 0.5, training_loss=0.47)]
    assert kinds(falling) == []


def test_a_validation_loss_that_rises_while_f1_does_not() -> None:
    losses = (0.4, 0.2, 0.24, 0.26)
    rising = [
        record(10 * (index + 1), 0.5, validation_loss=loss) for index, loss in enumerate(losses)
    ]
    (sign,) = signs(rising)
    assert sign.kind == "validation-loss-rises"
    assert "0.2000 at step 20, 0.2600 at step 40" in sign.message
    assert "--steps 20" in sign.hint
    assert kinds(rising[:3]) == []  # by a fifth only
    better = [*rising[:3], record(40, 0.55, validation_loss=0.26)]
    assert "validation-loss-rises" not in kinds(better)


def test_samples_and_all_documents_are_not_compared() -> None:
    easy = [
        record(10, 0.9, validation_loss=0.1, documents=20),
        record(20, 0.9, validation_loss=0.1, documents=20),
    ]
    hard = [record(30, 0.5, validation_loss=0.9), record(40, 0.5, validation_loss=0.9)]
    assert kinds([*easy, *hard]) == []
    worse = [*easy, record(25, 0.9, validation_loss=0.2, documents=20), hard[0]]
    assert kinds(worse) == ["validation-loss-rises"]


def test_labels_that_are_never_predicted_are_named() -> None:
    labels = {**GOOD, "product": Counts(0, 0, 12), "event": Counts(0, 0, 3), "new": Counts(0, 4, 0)}
    (sign,) = signs(labels=labels)
    assert sign.kind == "label-never-predicted"
    assert sign.message.endswith("that are never predicted: event (3), product (12)")


def test_labels_with_few_training_entities_are_named() -> None:
    (sign,) = signs(entities={**PLENTY, "product": 9, "event": 0, "drug": 10})
    assert sign.kind == "label-rare"
    assert sign.message.endswith("event (0), product (9)")
    (sign,) = signs(entities={f"label-{number}": number % 7 for number in range(60)})
    assert "60 labels with fewer than 10" in sign.message
    assert sign.message.endswith("and 52 more")


def test_a_best_validation_that_is_the_last_one_while_f1_rises() -> None:
    rising = [record(10, 0.3), record(20, 0.6), record(30, 0.7)]
    (sign,) = signs(rising)
    assert sign.kind == "best-is-last"
    assert "from 0.6000 to 0.7000" in sign.message
    assert "--steps 300" in sign.hint
    assert kinds([*rising, record(40, 0.709)]) == []
    assert kinds([*rising, record(40, 0.715)]) == []  # less than two of 100 entities
    assert kinds([*rising[:2], record(30, 0.59)]) == []
    assert kinds(rising[-1:]) == []


def test_the_samples_tell_of_a_rise_if_all_documents_were_scored_once() -> None:
    sampled = [record(10, 0.3, documents=20), record(20, 0.6, documents=20)]
    assert kinds([*sampled, record(30, 0.5)]) == ["best-is-last"]
    assert kinds([*sampled, record(25, 0.6, documents=20), record(30, 0.5)]) == []


def test_among_equal_f1_the_lower_validation_loss_is_kept() -> None:
    worse, better = record(10, 0.0, validation_loss=0.4), record(20, 0.0, validation_loss=0.3)
    assert best_record([worse, better]) is better
    assert best_record([better, worse]) is better
    assert best_record([better, record(30, 0.1, validation_loss=9.0)]).step == 30


def test_signs_are_read_as_they_were_saved() -> None:
    sign = Sign("label-rare", "a message", "a hint")
    assert saved_signs({"signs": [sign.to_dict()]}) == (sign,)
    assert saved_signs({"signs": [], "scores": {"validation": {"f1": 0.0}}}) == ()


@pytest.mark.parametrize(
    ("scores", "learned"),
    [
        ({"validation": {"f1": 0.01}}, False),
        ({"validation": {"f1": 0.6}}, True),
        ({"validation": {}}, True),
        ({"validation": 1}, True),
        ({}, True),
    ],
)
def test_older_checkpoints_are_judged_by_their_f1(scores: Any, learned: bool) -> None:
    assert (learned_nothing(saved_signs({"scores": scores}) or ()) is None) == learned


@pytest.mark.parametrize(
    "value", [1, "ab", [1], [{"kind": "a"}], [{"kind": 1, "message": "", "hint": ""}]]
)
def test_signs_of_another_form_are_an_error(value: Any) -> None:
    with pytest.raises(CheckpointError, match="sign"):
        saved_signs({"signs": value})
