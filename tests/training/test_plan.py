"""Plans: what is chosen from a corpus, within which bounds, and that what is given stays."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from nerine.core.document import Document, Entity
from nerine.core.errors import OverlapError, TrainingError
from nerine.data.corpus import Corpus
from nerine.training.callbacks import validations, whole_validations
from nerine.training.held_out import held_out_share
from nerine.training.plan import Facts, choose_settings, plan_training
from nerine.training.settings import Precision, TrainingSettings
from nerine.training.train import train
from runs import corpus


def facts(documents: int, validation: int = 1000, width: int = 384, subwords: int = 30) -> Facts:
    """A corpus of documents of one window each."""
    return Facts(
        documents=documents,
        words=20 * documents,
        entities={"person": documents},
        windows=documents,
        subwords=subwords * documents,
        long=0,
        repeated=0,
        validation_documents=validation,
        validation_entities=validation,
        validation_subwords=subwords * validation,
        width=width,
        batches=math.ceil(documents / 16),
        bfloat16=False,
    )


SIZES = st.integers(1, 100_000)


@given(SIZES, SIZES)
def test_a_larger_corpus_gets_more_steps_and_fewer_passes(first: int, second: int) -> None:
    small, large = sorted((first, second))
    steps = {}
    for size in (small, large):
        chosen, _ = choose_settings(TrainingSettings(), facts(size))
        assert chosen.steps is not None
        steps[size] = chosen.steps
    batches = {size: facts(size).batches for size in steps}
    passes = {size: steps[size] / batches[size] for size in steps}
    assert passes[large] <= passes[small] + 1
    assert steps[small] <= steps[large] + passes[large]  # a last batch that is not full


@given(documents=SIZES, validation=SIZES, precision=st.sampled_from(["fp32", "bf16"]))
def test_validations_take_a_tenth_of_the_time_or_the_least_that_tells(
    documents: int, validation: int, precision: Precision
) -> None:
    known = facts(documents, validation)
    chosen, _ = choose_settings(TrainingSettings(precision=precision), known)
    assert chosen.steps is not None
    steps = validations(chosen, chosen.steps)
    whole = whole_validations(chosen, chosen.steps)
    assert steps[-1] == whole[-1] == chosen.steps
    sample = min(chosen.validation_sample or validation, validation)
    scored = sum(
        validation if step in whole or not chosen.validation_sample else sample for step in steps
    )
    cost = {"fp32": 3.0, "bf16": 1.5}[precision]  # of training, by that of validation in fp32
    training = cost * chosen.steps / known.batches * documents
    least = validation + 100
    assert scored <= max(0.1 * training, least)


def test_what_is_given_stays_and_is_not_a_choice() -> None:
    asked = TrainingSettings(steps=70, learning_rate=1e-3, validate_every=7)
    chosen, choices = choose_settings(asked, facts(100))
    assert (chosen.steps, chosen.learning_rate, chosen.validate_every) == (70, 1e-3, 7)
    names = {choice.name for choice in choices}
    assert not names & {"steps", "learning rate", "validation"}


def test_given_epochs_are_validated_each() -> None:
    chosen, _ = choose_settings(TrainingSettings(epochs=3), facts(100))
    assert (chosen.epochs, chosen.steps, chosen.validate_every) == (3, None, None)


def test_a_base_sized_encoder_learns_more_slowly() -> None:
    rates = [
        choose_settings(TrainingSettings(), facts(100, width=w))[0].learning_rate
        for w in (384, 768)
    ]
    assert rates[0] is not None
    assert rates[1] is not None
    assert rates[0] > rates[1]


@given(SIZES, SIZES)
def test_the_learning_rate_falls_with_the_size_down_to_a_half(one: int, other: int) -> None:
    few, many = sorted((one, other))
    rates = [
        choose_settings(TrainingSettings(), facts(size))[0].learning_rate or 0.0
        for size in (few, many)
    ]
    assert 4e-4 >= rates[0] >= rates[1] >= 2e-4
    known = facts(many)
    assert (rates[1] == 4e-4) == (known.subwords < 32_500)
    assert (rates[1] == 2e-4) == (known.subwords > 97_000)


@given(SIZES)
def test_a_tenth_to_a_fifth_is_held_out_of_few_documents_and_less_of_many(documents: int) -> None:
    share = held_out_share(documents)
    assert share <= 0.2
    assert share * documents <= 2000.001
    if documents <= 20_000:
        assert share >= 0.1


@pytest.fixture(scope="module")
def encoder(encoder_of: Callable[[str], Path]) -> str:
    return str(encoder_of("bert"))


def test_a_plan_counts_the_corpus_and_is_saved_with_the_run(encoder: str, tmp_path: Path) -> None:
    asked = TrainingSettings(encoder=encoder, max_length=64, overlap=8, steps=4)
    plan = plan_training(corpus(), asked)
    assert plan.facts.documents == 24
    assert plan.facts.entities == {"location": 24, "person": 24}
    assert plan.facts.validation_documents == 8
    assert plan.facts.long == 0
    run = train(corpus(), output=tmp_path / "run", settings=plan)
    saved = json.loads((tmp_path / "run" / "plan.json").read_text())
    assert saved == plan.to_dict()
    assert run.epochs[-1].step == 4
    again = train(corpus(), output=tmp_path / "again", settings=run_settings(tmp_path / "run"))
    assert again.epochs[-1].f1 == run.epochs[-1].f1


def run_settings(run: Path) -> TrainingSettings:
    return TrainingSettings().changed(json.loads((run / "run.json").read_text())["settings"])


def test_a_plan_for_another_corpus_is_made_again(encoder: str, tmp_path: Path) -> None:
    plan = plan_training(corpus(), TrainingSettings(encoder=encoder, max_length=64, steps=2))
    run = train(corpus(12), output=tmp_path / "run", settings=plan)
    assert json.loads((run.folder / "plan.json").read_text())["facts"]["documents"] == 12


def test_a_sample_is_scored_first_and_all_documents_at_the_end(
    encoder: str, tmp_path: Path
) -> None:
    run = train(
        corpus(),
        output=tmp_path / "run",
        encoder=encoder,
        max_length=64,
        steps=8,
        batch_size=4,
        validate_every=2,
        validation_sample=3,
        whole_validations=2,
    )
    assert [record.step for record in run.epochs] == [2, 4, 6, 8]
    assert [record.documents for record in run.epochs] == [3, 3, 8, 8]
    assert run.best.step in (6, 8)


def test_a_sample_of_all_documents_can_be_the_best(encoder: str, tmp_path: Path) -> None:
    run = train(
        corpus(),
        output=tmp_path / "run",
        encoder=encoder,
        max_length=64,
        steps=8,
        learning_rate=1e-12,
        averaging=0.0,
        validate_every=2,
        validation_sample=1000,
    )
    assert [record.documents for record in run.epochs] == [8] * 4
    assert run.tagger(device="cpu").labels == ("location", "person")


def test_samples_do_not_stop_a_run_early(encoder: str, tmp_path: Path) -> None:
    run = train(
        corpus(),
        output=tmp_path / "run",
        encoder=encoder,
        max_length=64,
        steps=20,
        learning_rate=1e-12,
        crf=False,
        validate_every=2,
        validation_sample=3,
        whole_validations=4,
        early_stopping=2,
    )
    assert [record.documents for record in run.epochs] == [3] * 6 + [8] * 3


@pytest.mark.parametrize(
    ("labels", "changes", "learned"),
    [
        (2, {}, True),
        (32, {}, True),
        (33, {}, False),
        (16, {"scheme": "BIOES"}, True),
        (17, {"scheme": "BIOES"}, False),
        (33, {"crf": True}, True),
        (33, {"crf_learning_rate": 0.1}, True),
        (2, {"crf": False}, False),
        (2, {"decoding": "argmax"}, False),
    ],
)
def test_transitions_are_learned_where_their_pairs_are_few(
    labels: int, changes: dict[str, Any], learned: bool, encoder: str
) -> None:
    names = ("location", "person", *(f"label{number}" for number in range(2, labels)))
    given = dataclasses.replace(corpus(), labels=names)
    plan = plan_training(given, TrainingSettings(encoder=encoder).changed(changes))
    assert plan.settings.crf is learned
    chosen = [choice for choice in plan.choices if choice.name == "transitions"]
    assert len(chosen) == (not {"crf", "decoding"} & {*changes})
    assert all((choice.value == "learned") is learned for choice in chosen)


def test_long_and_repeated_texts_are_counted(encoder: str) -> None:
    base = corpus()
    twice = Corpus(
        {"train": base.train + base.train[:5], "validation": base.validation}, base.labels, "twice"
    )
    plan = plan_training(twice, TrainingSettings(encoder=encoder, max_length=8, overlap=2))
    assert plan.facts.repeated == 5
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    lengths = [len(tokenizer(document.text)["input_ids"]) for document in twice.train]
    assert plan.facts.long == sum(length > 8 for length in lengths) > 0
    assert plan.facts.windows > 29


def test_a_corpus_without_entities_has_no_plan(encoder: str) -> None:
    bare = tuple(dataclasses.replace(document, entities=()) for document in corpus().train)
    with pytest.raises(TrainingError, match="has no entities"):
        plan_training(Corpus({"train": bare}, (), "bare"), TrainingSettings(encoder=encoder))


def test_entities_that_were_all_held_out_are_an_error_of_their_own(encoder: str) -> None:
    base = corpus(2).train
    bare = dataclasses.replace(base[0], entities=())
    given = Corpus({"train": (base[1], bare)}, ("location", "person"), "two sentences")
    seed = next(
        seed for seed in range(10) if given.hold_out_validation(0.2, seed).validation == (base[1],)
    )
    with pytest.raises(TrainingError, match="are in the documents that were held out"):
        plan_training(given, TrainingSettings(encoder=encoder, seed=seed))


@pytest.mark.parametrize("split", ["train", "validation"])
def test_entities_that_overlap_are_counted_before_the_encoder_is_loaded(split: str) -> None:
    given = corpus(8)
    first = given.splits[split][0]
    whole = Entity(0, len(first.text), "person")
    nested = first.with_entities(sorted((*first.entities, whole), key=lambda e: (e.start, e.end)))
    splits = {**given.splits, split: (nested, *given.splits[split][1:])}
    with pytest.raises(OverlapError, match=r"\d entities in 1 document overlap") as caught:
        plan_training(dataclasses.replace(given, splits=splits), TrainingSettings(encoder="none"))
    assert "--overlaps outermost" in (caught.value.hint or "")


# --- words


def cut_corpus(text: str, start: int, end: int, plain: int = 0) -> Corpus:
    """A corpus with an entity at this range of one text, and `plain` texts with one of a word."""
    cut = Document(text, (Entity(start, end, "person"),))
    whole = tuple(Document(f"Mira {n}", (Entity(0, 4, "person"),)) for n in range(plain))
    documents = (cut, *whole)
    return Corpus({"train": documents, "validation": documents[:1]}, ("person",), "a test")


def test_the_finer_rule_is_chosen_where_entities_need_it_and_trained_on(
    encoder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    asked = TrainingSettings(encoder=str(encoder_of("bert")), steps=2, validate_every=2)
    plan = plan_training(cut_corpus("a pro-Mira march", 6, 10, plain=8), asked)
    assert plan.settings.words == "rule-2"
    (choice,) = [choice for choice in plan.choices if choice.name == "words"]
    assert choice.value == "rule-2"
    assert choice.reason.startswith("2 of 10 entities begin or end inside a word of rule, 0 of")
    run = train(plan.corpus, output=tmp_path / "run", settings=plan)
    assert run.tagger(device="cpu").settings.words == "rule-2"
    assert not [note for note in run.notes if "word boundaries" in note]


@pytest.mark.parametrize(
    ("text", "end", "plain"),
    [
        ("Mira left", 4, 8),  # no word is cut
        ("Mirabell left", 4, 8),  # the finer rule cuts it too
        ("Mira/Ana", 4, 1000),  # one of many
    ],
)
def test_the_first_rule_is_kept_where_the_finer_one_gives_nothing(
    text: str, end: int, plain: int, encoder_of: Callable[[str], Path]
) -> None:
    asked = TrainingSettings(encoder=str(encoder_of("bert")), steps=2)
    plan = plan_training(cut_corpus(text, 0, end, plain), asked)
    assert plan.settings.words == "rule"
    assert "words" not in {choice.name for choice in plan.choices}
    assert not [note for note in plan.notes if "rule-2" in note]


def test_a_rule_that_is_given_stays_and_what_it_cuts_is_said(
    encoder_of: Callable[[str], Path],
) -> None:
    asked = TrainingSettings(encoder=str(encoder_of("bert")), steps=2, words="rule")
    plan = plan_training(cut_corpus("a pro-Mira march", 6, 10), asked)
    assert plan.settings.words == "rule"
    (note,) = [note for note in plan.notes if "rule-2" in note]
    assert note == (
        "2 of 2 entities begin or end inside a word of rule, 0 of rule-2: --words rule-2 divides "
        "words there"
    )
    changed = dataclasses.replace(asked, words="rule-2")
    assert not plan_training(cut_corpus("a pro-Mira march", 6, 10), changed).notes
