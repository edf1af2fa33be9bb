"""The estimator in scikit-learn's own tools: clones, parameters, searches, scores, pickles."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score

from nerine.core.document import Document, Entity
from nerine.core.errors import ArgumentError, ProcessError, SettingsError
from nerine.evaluation.metrics import score
from nerine.serving.sklearn import DocumentFolds, EntityRecognizer
from runs import corpus


@pytest.fixture(scope="module")
def settings(encoder_of: Callable[[str], Path]) -> dict[str, Any]:
    return {
        "encoder": str(encoder_of("bert")),
        "epochs": 6,
        "learning_rate": 1e-2,
        "batch_size": 4,
        "max_length": 64,
        "overlap": 8,
    }


DOCUMENTS = list(corpus().train)


@pytest.fixture(scope="module")
def fitted(settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> EntityRecognizer:
    return EntityRecognizer(tmp_path_factory.mktemp("fit") / "run", **settings).fit(DOCUMENTS)


def test_it_predicts_and_scores_as_its_tagger(fitted: EntityRecognizer) -> None:
    texts = [each.text for each in DOCUMENTS]
    predicted = fitted.predict(texts)
    documents = fitted.tagger_.predict(texts)
    assert predicted == [each.entities for each in documents]
    assert fitted.score(DOCUMENTS) == score(DOCUMENTS, documents).overall.f1
    assert list(fitted.classes_) == list(fitted.tagger_.labels)


def test_entities_are_given_with_documents_or_apart(
    fitted: EntityRecognizer, settings: dict[str, Any]
) -> None:
    texts = [each.text for each in DOCUMENTS]
    apart = [[(e.start, e.end, e.label) for e in each.entities] for each in DOCUMENTS]
    again = EntityRecognizer(**settings).fit(texts, apart)
    assert again.score(texts, apart) == pytest.approx(fitted.score(DOCUMENTS))
    assert fitted.score(texts, [each.entities for each in DOCUMENTS]) == fitted.score(DOCUMENTS)


def test_parameters_are_the_settings_of_training() -> None:
    recognizer = EntityRecognizer(steps=20, learning_rate=1e-3)
    assert recognizer.get_params() == {"output": None, "steps": 20, "learning_rate": 1e-3}
    recognizer.set_params(seed=3)
    assert clone(recognizer).get_params() == {**recognizer.get_params(), "seed": 3}
    assert "steps=20" in repr(recognizer)
    with pytest.raises(SettingsError, match="'stepps' is not known"):
        EntityRecognizer(stepps=20)  # type: ignore[call-arg]
    with pytest.raises(SettingsError, match="'colour' is not known"):
        recognizer.set_params(colour="red")


@pytest.mark.slow
def test_a_grid_is_searched_over_folds_of_documents(settings: dict[str, Any]) -> None:
    grid = {"masking": [0.0, 0.3]}
    search = GridSearchCV(EntityRecognizer(**{**settings, "epochs": 2}), grid, cv=DocumentFolds(2))
    search.fit(DOCUMENTS)
    assert set(search.best_params_) == {"masking"}
    assert len(search.cv_results_["mean_test_score"]) == 2
    assert search.predict([DOCUMENTS[0].text])[0] is not None


@pytest.mark.slow
def test_scores_of_a_cross_validation_have_one_for_each_fold(settings: dict[str, Any]) -> None:
    recognizer = EntityRecognizer(**{**settings, "epochs": 2})
    texts = [each.text for each in DOCUMENTS]
    y = [list(each.entities) for each in DOCUMENTS]
    assert len(cross_val_score(recognizer, texts, y, cv=DocumentFolds(2))) == 2


def test_folds_hold_each_document_once_and_equal_texts_together() -> None:
    documents = [Document(f"text {number // 2}") for number in range(12)]
    parts = list(DocumentFolds(3).split(documents))
    assert sorted(index for _, test in parts for index in test) == list(range(12))
    for train, test in parts:
        assert not {documents[i].text for i in train} & {documents[i].text for i in test}
    assert DocumentFolds(3).get_n_splits() == 3


def test_it_can_be_pickled_if_it_has_a_folder(
    fitted: EntityRecognizer, settings: dict[str, Any]
) -> None:
    same = pickle.loads(pickle.dumps(fitted))
    assert same.predict(["Mira Okonjo"]) == fitted.predict(["Mira Okonjo"])
    unfitted = pickle.loads(pickle.dumps(EntityRecognizer(**settings)))
    assert unfitted.get_params() == EntityRecognizer(**settings).get_params()
    temporary = EntityRecognizer(**{**settings, "epochs": 1}).fit(DOCUMENTS)
    with pytest.raises(ProcessError, match="temporary folder"):
        pickle.dumps(temporary)


def test_what_cannot_be_fitted_is_an_error(settings: dict[str, Any]) -> None:
    recognizer = EntityRecognizer(**settings)
    with pytest.raises(NotFittedError):
        recognizer.predict(["Mira"])
    with pytest.raises(ArgumentError, match=r"X\[1\] is a str without entities"):
        recognizer.fit([DOCUMENTS[0], "Mira"])
    with pytest.raises(ArgumentError, match="there are 2 texts and 1 lists of entities"):
        recognizer.fit(["Mira", "Jonas"], [[(0, 4, "person")]])
    assert Entity(0, 4, "person")
