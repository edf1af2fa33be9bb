"""Likely label errors: the readings, their order, and the cross-validation."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import runs
from nerine.core.document import Document, Entity
from nerine.core.errors import CorpusError, SettingsError, TrainingError
from nerine.core.sketches import used_splits
from nerine.core.tags import TagScheme
from nerine.core.words import rule_words
from nerine.curation.label_errors import (
    CrossValidation,
    LabelError,
    cross_validated_label_errors,
    find_label_errors,
)
from nerine.curation.label_errors.ranking import (
    KINDS,
    Sample,
    disagreements,
    rank_label_errors,
    samples_of,
)
from nerine.data.corpus import Corpus
from nerine.evaluation.contamination import TrainingTexts
from nerine.evaluation.signs import Sign
from nerine.model.decoding import Decoder
from nerine.model.encoding import Encoding
from nerine.model.logits import WordLogits
from nerine.model.tagger import Tagger
from nerine.training.settings import TrainingSettings

TAGS = TagScheme.IOB2.tags(["person", "place"])
Shares = Mapping[str, float]


class Judge:
    """A tagger that gives each word the tags' weights that it is told, by the word's surface."""

    def __init__(self, **weights: Shares) -> None:
        self.inference = self  # and its head, too: only what is asked for
        self.head = self
        self.decoder = Decoder(TAGS, TagScheme.IOB2)
        self._weights = weights

    def word_logits(self, documents: list[Document]) -> WordLogits:
        words = [rule_words(document.text) for document in documents]
        weights = [
            self._weights.get(document.surface(word), {"O": 1.0})
            for document, own in zip(documents, words, strict=True)
            for word in own
        ]
        rows = [[math.log(each.get(tag, 1e-12)) for tag in TAGS] for each in weights]
        bounds = [(word.start, word.end) for own in words for word in own]
        nothing = np.zeros(0, dtype=np.int64)
        encodings = Encoding(
            word_bounds=np.array(bounds, dtype=np.int64).reshape(-1, 2),
            word_starts=np.zeros(len(bounds), dtype=np.int64),
            word_splits=np.cumsum([0, *map(len, words)]),
            input_ids=nothing,
            offsets=nothing.reshape(-1, 2),
            subword_splits=np.zeros(len(words) + 1, dtype=np.int64),
        )
        return WordLogits(encodings, np.array(rows, dtype=np.float32).reshape(-1, len(TAGS)))


def judged(judge: Judge, *documents: Document) -> tuple[list[LabelError], int]:
    corpus = Corpus({"train": documents}, ("person", "place"), "a test")
    return disagreements(samples_of(corpus, ["train"]), cast("Tagger", judge))


def only(judge: Judge, *documents: Document) -> LabelError:
    (label_error,), _ = judged(judge, *documents)
    return label_error


def test_an_entity_without_a_label_is_missed_though_the_best_path_has_none() -> None:
    label_error = only(Judge(Mira={"O": 0.7, "B-person": 0.3}), Document("so Mira left"))
    assert label_error.kind == "missed"
    assert label_error.gold is None
    assert label_error.proposed == Entity(3, 7, "person")
    assert label_error.proposed_probability == pytest.approx(0.3)
    assert label_error.gold_probability == pytest.approx(0.7)
    assert label_error.log_odds == pytest.approx(math.log(0.303 / 0.703))


def test_a_label_where_the_model_finds_nothing_is_spurious() -> None:
    document = Document("so Mira left", (Entity(0, 7, "person"),))
    label_error = only(Judge(Mira={"O": 0.96, "I-person": 0.04}), document)
    assert label_error.kind == "spurious"
    assert label_error.proposed is None
    assert label_error.proposed_probability == pytest.approx(1)
    assert label_error.corrected.entities == ()


def test_another_label_and_other_ends_are_kinds_of_their_own() -> None:
    document = Document("Mira Okonjo left", (Entity(0, 11, "person"),))
    found, _ = judged(
        Judge(
            Mira={"B-person": 0.6, "B-place": 0.4},
            Okonjo={"I-person": 0.5, "I-place": 0.25, "O": 0.25},
        ),
        document,
    )
    by_kind = {label_error.kind: label_error for label_error in found}
    # B-person I-person, B-person O, B-place I-place, B-place O: 0.3, 0.15, 0.1, 0.1 of 0.65
    assert by_kind.keys() == {"type", "boundary"}
    assert by_kind["type"].proposed == Entity(0, 11, "place")
    assert by_kind["type"].proposed_probability == pytest.approx(0.1 / 0.65)
    assert by_kind["boundary"].proposed == Entity(0, 4, "person")
    assert by_kind["boundary"].proposed_probability == pytest.approx(0.15 / 0.65)
    assert by_kind["boundary"].gold_probability == pytest.approx(0.3 / 0.65)
    assert by_kind["boundary"].corrected.entities == (Entity(0, 4, "person"),)


def test_a_label_of_which_the_model_is_sure_is_no_suspect() -> None:
    document = Document("so Mira left", (Entity(3, 7, "person"),))
    assert judged(Judge(Mira={"B-person": 0.97, "O": 0.03}), document) == ([], 0)


def test_of_missed_entities_that_overlap_the_most_probable_one_is_named() -> None:
    words = {"B-person": 0.9, "O": 0.1}, {"I-person": 0.6, "O": 0.3, "B-place": 0.1}
    label_error = only(Judge(Mira=words[0], Okonjo=words[1]), Document("Mira Okonjo left"))
    assert label_error.proposed == Entity(0, 11, "person")


def test_the_kinds_take_turns_and_an_entity_comes_once() -> None:
    unsure = {"O": 0.4, "B-person": 0.3, "B-place": 0.3}
    sure, surer = {"O": 0.9, "B-person": 0.1}, {"O": 0.96, "B-person": 0.04}
    judge = Judge(Mira=unsure, Ana=surer, Oslo=sure, Kim={"B-place": 0.9, "O": 0.1})
    documents = [
        Document("Mira left", (Entity(0, 4, "person"),)),
        Document("Ana left", (Entity(0, 3, "person"),)),
        Document("so Oslo", (Entity(3, 7, "person"),)),
        Document("Kim", ()),
    ]
    found, _ = judged(judge, *documents)
    assert [label_error.kind for label_error in found].count("spurious") == 3
    first = rank_label_errors(found)
    assert [label_error.kind for label_error in first] == ["missed", "type", "spurious", "spurious"]
    assert [label_error.sample.index for label_error in first] == [3, 0, 1, 2]
    assert rank_label_errors(reversed(found))[:2] == first[:2]


def test_what_ends_inside_a_word_is_judged_as_the_word_and_counted() -> None:
    document = Document("in Lisbon, so", (Entity(3, 6, "person"), Entity(6, 9, "place")))
    found, adapted = judged(Judge(Lisbon={"B-place": 0.9, "O": 0.1}), document)
    assert adapted == 2
    by_gold = {(each.gold, each.kind): each for each in found}
    first, second = document.entities
    assert by_gold[first, "type"].proposed == Entity(3, 6, "place")
    assert (second, "type") not in by_gold
    assert {each.kind for each in found} == {"type", "spurious"}


def test_what_touches_no_word_is_counted_and_not_judged() -> None:
    assert judged(Judge(), Document("a  b", (Entity(1, 2, "place"),))) == ([], 1)
    assert judged(Judge(), Document(""), Document("  ")) == ([], 0)


def test_a_proposal_takes_the_place_of_all_that_it_overlaps() -> None:
    document = Document("New York Bay", (Entity(0, 3, "person"), Entity(4, 8, "place")))
    sample = samples_of(Corpus({"train": (document,)}, (), "a test"), ["train"])[0]
    label_error = LabelError(sample, document.entities[1], Entity(0, 12, "place"), 0.1, 0.9)
    assert label_error.corrected.entities == (Entity(0, 12, "place"),)
    assert label_error.range == (0, 12)
    assert label_error.labels == ("place",)


def test_a_suspect_is_json() -> None:
    label_error = only(Judge(Mira={"B-person": 1.0}), Document("so Mira", id="a"))
    record = json.loads(json.dumps(label_error.to_dict(), allow_nan=False))
    assert record == {
        "kind": "missed",
        "split": "train",
        "document": 0,
        "id": "a",
        "place": "a test, train document 0",
        "text": "so Mira",
        "gold": None,
        "proposed": {"start": 3, "end": 7, "label": "person", "text": "Mira"},
        "gold_probability": label_error.gold_probability,
        "proposed_probability": pytest.approx(1),
        "log_odds": pytest.approx(label_error.log_odds),
    }
    assert label_error.log_odds == pytest.approx(math.log(1.003 / 0.003))


class FakeRun:
    """Stands for a training and its tagger: keeps the corpus that it was asked to train on."""

    interrupted = None
    signs: tuple[Sign, ...] = ()

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus

    def tagger(self) -> FakeRun:
        return self


@pytest.fixture
def fake_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "nerine.curation.label_errors.cross_validation.train", lambda corpus, **_: FakeRun(corpus)
    )


def cross_validation(work: Path, corpus: Corpus | None = None, **changes: Any) -> CrossValidation:
    small = {"batch_size": 4, "max_length": 64, "overlap": 8}
    settings = {"epochs": 3, "learning_rate": 1e-2, **small, **changes}
    return CrossValidation(
        corpus or runs.corpus(12),
        work,
        settings.pop("splits", ("train",)),
        settings.pop("count", 2),
        TrainingSettings().changed(settings),
    )


@pytest.mark.parametrize("splits", [("train",), ("validation", "train"), ("validation",)])
def test_no_document_is_judged_by_a_model_that_saw_its_text(
    splits: tuple[str, ...], fake_training: None, tmp_path: Path
) -> None:
    corpus = runs.corpus(12)
    validation = cross_validation(tmp_path / "work", corpus, splits=splits, count=3)
    judged = []
    for samples, tagger in validation.folds_with_taggers():
        trained = cast("FakeRun", tagger).corpus
        judged += samples
        assert trained.test == tuple(sample.document for sample in samples)
        texts = {sample.document.text for sample in samples}
        assert texts.isdisjoint(document.text for document in trained.train)
        assert trained.labels == corpus.labels
        if "train" not in splits:
            assert set(trained.train) >= {d for d in corpus.train if d.text not in texts}
        chooses = trained.splits.get("validation")
        assert chooses == (None if "validation" in splits else corpus.validation)
    where = [(sample.split, sample.index) for sample in judged]
    assert sorted(where) == sorted(
        (sample.split, sample.index) for sample in samples_of(corpus, splits)
    )
    assert all(corpus.split(each.split)[each.index] == each.document for each in judged)


def test_an_article_ends_with_its_split(fake_training: None, tmp_path: Path) -> None:
    first, *others = runs.corpus(12).train
    article = (dataclasses.replace(first, meta={"docstart": "-DOCSTART-"}), *others)
    apart = tuple(Document(f"It rained for {number} days") for number in range(4))
    corpus = dataclasses.replace(runs.corpus(12), splits={"train": article, "validation": apart})
    validation = cross_validation(tmp_path / "work", corpus, splits=("train", "validation"))
    judged = [
        {sample.split for sample in samples} for samples, _ in validation.folds_with_taggers()
    ]
    assert sorted(map(sorted, judged)) == [["train"], ["validation"]]


class Stopper:
    """Interrupts the run of the second fold after its first step."""

    number = 0

    def fold(self, number: int, folds: int) -> None:
        self.number = number

    def started(self, step: int, steps: int) -> None: ...

    def stepped(self, step: int) -> None:
        if self.number == 2:
            os.kill(os.getpid(), signal.SIGINT)

    def evaluated(self, record: object, *, best: bool) -> None: ...


@pytest.fixture(scope="module")
def encoder(encoder_of: Callable[[str], Path]) -> str:
    return str(encoder_of("bert"))


@pytest.fixture(scope="module")
def interrupted(encoder: str, tmp_path_factory: pytest.TempPathFactory) -> CrossValidation:
    """A cross-validation whose second fold is half trained."""
    work = tmp_path_factory.mktemp("interrupted") / "work"
    validation = cross_validation(work, encoder=encoder)
    with pytest.raises(KeyboardInterrupt):
        cross_validated_label_errors(validation, listener=Stopper())
    return validation


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1}, "seed was 0 and is now 1"),
        ({"corpus": runs.corpus(13)}, "the corpus is different"),
        ({"count": 3}, "holds 'fold-1-of-2'"),
    ],
)
def test_resumes_only_under_the_same_conditions(
    changes: dict[str, Any], message: str, interrupted: CrossValidation, encoder: str
) -> None:
    other = cross_validation(interrupted.work, encoder=encoder, **changes)
    with pytest.raises(TrainingError, match=message):
        cross_validated_label_errors(other, resume=True)


def test_a_working_folder_in_use_is_left_alone(interrupted: CrossValidation) -> None:
    with pytest.raises(TrainingError, match="holds 'fold-1-of-2' already"):
        cross_validated_label_errors(interrupted)


def test_a_file_is_no_working_folder(tmp_path: Path) -> None:
    (tmp_path / "work").touch()
    with pytest.raises(TrainingError, match="this is a file"):
        cross_validated_label_errors(cross_validation(tmp_path / "work"))


def test_a_resumed_call_ends_as_an_uninterrupted_one(
    interrupted: CrossValidation, tmp_path: Path
) -> None:
    whole = dataclasses.replace(interrupted, work=tmp_path / "work")
    assert (interrupted.folder(1) / "nerine.json").is_file()
    assert not (interrupted.folder(2) / "nerine.json").is_file()
    finished = (interrupted.folder(1) / "model.safetensors").stat().st_mtime_ns
    resumed = cross_validated_label_errors(interrupted, resume=True)
    assert (interrupted.folder(1) / "model.safetensors").stat().st_mtime_ns == finished
    assert resumed == cross_validated_label_errors(whole)
    assert resumed.documents == 12
    assert resumed.entities == 24


@pytest.mark.slow
def test_folds_at_the_same_time_have_the_result_of_one_after_another(
    encoder: str, tmp_path: Path
) -> None:
    class StopsFirst(Stopper):
        def stepped(self, step: int) -> None:
            if step == 1:  # a second signal would end the tests
                os.kill(os.getpid(), signal.SIGTERM)

    def of(name: str) -> CrossValidation:
        return cross_validation(tmp_path / name, encoder=encoder, count=3, epochs=5)

    expected = cross_validated_label_errors(of("in sequence")).to_dict()
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        cross_validated_label_errors(of("stopped"), processes=2, listener=StopsFirst())
    assert (tmp_path / "stopped" / "fold-1-of-3" / "run.json").is_file()
    found = cross_validated_label_errors(of("stopped"), processes=2, resume=True)
    assert found.to_dict() == expected
    with pytest.raises(SettingsError, match="processes: 0 is too small"):
        cross_validated_label_errors(of("none"), processes=0)


def test_texts_that_cannot_be_divided_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError):
        cross_validated_label_errors(cross_validation(tmp_path / "work", count=13))


def test_a_model_does_not_judge_what_it_was_trained_on(tagger: Tagger) -> None:
    given = runs.corpus(12, validation=False)
    held = given.hold_out_validation(0.25, 3)
    judge = copy.copy(tagger)
    older = {"corpus": {"hash": held.hash, "given": given.hash}}
    for provenance in (older, {**older, "splits": used_splits(held.splits)}):
        judge.training_texts = TrainingTexts(provenance)
        with pytest.raises(CorpusError, match="was trained on the train split: on"):
            find_label_errors(given, ["train"], judge)
    report = find_label_errors(held, ["validation"], judge)
    assert report.contamination.chose == report.documents == 3
    report = find_label_errors(runs.corpus(40, validation=False), ["train"], judge)
    assert (report.contamination.trained, report.contamination.chose) == (9, 3)
    assert str(report.contamination).startswith("the checkpoint was trained on 9 of these 40 texts")


def test_a_model_of_unknown_origin_judges_under_a_note(tagger: Tagger) -> None:
    report = find_label_errors(runs.corpus(12), ["train"], tagger)
    assert "no record says whether the checkpoint has seen" in str(report.contamination)
    assert next(iter(report.to_dict())) == "contamination"
    assert [each["rank"] for each in report.to_dict()["suspects"]] == list(
        range(1, len(report.label_errors) + 1)
    )


def test_a_label_that_the_model_does_not_know_is_an_error(tagger: Tagger) -> None:
    document = Document("Mira", (Entity(0, 4, "animal"),))
    corpus = Corpus({"train": (document,)}, ("animal",), "a test")
    with pytest.raises(CorpusError, match="does not know the label 'animal'"):
        find_label_errors(corpus, ["train"], tagger)


def test_entities_of_a_label_that_the_model_does_not_know_are_not_judged(tagger: Tagger) -> None:
    documents = tuple(runs.corpus(4).train)
    first, *others = documents
    entity, *rest = first.entities
    strange = dataclasses.replace(
        first, entities=(dataclasses.replace(entity, label="animal"), *rest)
    )
    corpus = Corpus({"train": (strange, *others)}, ("animal",), "a test")
    report = find_label_errors(corpus, ["train"], tagger)
    assert report.notes[-1].endswith("whose entities were not judged: 'animal'")
    golds = [each.gold for each in report.label_errors if each.sample.index == 0]
    assert all(gold is None or gold.label != "animal" for gold in golds)
    known = find_label_errors(
        dataclasses.replace(corpus, splits={"train": documents}), ["train"], tagger
    )
    other = [each for each in known.label_errors if each.gold != entity or each.sample.index]
    assert len(report.label_errors) == len(other)


def test_entities_off_word_boundaries_are_noted(tagger: Tagger) -> None:
    corpus = Corpus({"train": (Document("Lisbon", (Entity(0, 3, "location"),)),)}, (), "a test")
    report = find_label_errors(corpus, ["train"], tagger)
    assert "1 of 1 entities do not fall on word boundaries" in report.notes[-1]


@st.composite
def any_label_errors(draw: st.DrawFn) -> list[LabelError]:
    """Suspects of the words of a few documents, several of them of the same gold entity."""
    share = st.floats(0, 1)
    found = []
    for index in range(draw(st.integers(1, 3))):
        sample = Sample(Document("ab cd"), "train", index, "")
        gold = Entity(0, 2, "a")
        choices: list[tuple[Entity | None, Entity | None]] = [
            (None, Entity(3, 5, "a")),
            (gold, None),
            (gold, Entity(0, 2, "b")),
            (gold, Entity(0, 5, "a")),
        ]
        pairs = draw(st.lists(st.sampled_from(choices), unique=True))
        found += [LabelError(sample, *pair, draw(share), draw(share)) for pair in pairs]
    return found


@given(any_label_errors())
def test_every_place_is_ranked_once_and_each_kind_by_its_odds(found: list[LabelError]) -> None:
    def places(label_errors: list[LabelError]) -> list[tuple[int, bool]]:
        return [(each.sample.index, each.gold is None) for each in label_errors]

    first = rank_label_errors(found)
    assert sorted(places(first)) == sorted(set(places(found)))
    assert all(label_error in found for label_error in first)
    for kind in KINDS:
        odds = [label_error.log_odds for label_error in first if label_error.kind == kind]
        assert odds == sorted(odds, reverse=True)
    tops = [max(odds) for kind in KINDS if (odds := [s.log_odds for s in found if s.kind == kind])]
    if first:
        assert first[0].log_odds in tops
