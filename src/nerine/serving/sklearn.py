"""A recogniser in the style of scikit-learn, which trains, predicts and scores. Needs the extra
`sklearn`.

::

    recognizer = EntityRecognizer(steps=200)
    search = GridSearchCV(recognizer, {"learning_rate": [1e-4, 4e-4]}, cv=DocumentFolds(3))
    search.fit(documents)
    search.best_estimator_.predict(["Mira Okonjo left Tandem Labs."])
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, Unpack

import numpy as np

from nerine.core.document import Document, Entity, labels_of
from nerine.core.errors import ArgumentError, ProcessError, SettingsError
from nerine.core.extras import optional_imports
from nerine.data.corpus import Corpus
from nerine.data.splitting import folds
from nerine.evaluation.metrics import score
from nerine.training.changes import TrainingChanges
from nerine.training.settings import TrainingSettings
from nerine.training.train import train

with optional_imports("an estimator of scikit-learn"):
    from sklearn.base import BaseEstimator
    from sklearn.utils.validation import check_is_fitted

Labelled = Sequence[Entity | tuple[int, int, str]]
"""The entities of a text."""


class EntityRecognizer(BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Trains a tagger on labelled documents, as an estimator of scikit-learn.

    Its parameters are the settings of `nerine.train`; those that are not given are planned from the
    documents, as there. It can be cloned, set by `set_params`, and searched by `GridSearchCV`.

    Texts are given in one of two ways: as documents with their entities, without `y`; or as texts,
    with a list of entities for each in `y`.

    Args:
        output: The folder for the checkpoint, new or empty; None for a temporary one, which is
            removed with this object. Only with a folder can a trained one be pickled.
        settings: Settings by name, such as `steps=200`.

    Attributes:
        tagger_: The tagger, after `fit`.
        classes_: The labels that it can give, after `fit`.

    Raises:
        SettingsError: If a setting is unknown.
    """

    def __init__(
        self, output: str | Path | None = None, **settings: Unpack[TrainingChanges]
    ) -> None:
        self._set({"output": output, **settings})

    def _set(self, parameters: Mapping[str, Any]) -> None:
        unknown = [name for name in parameters if name not in self._get_param_names()]
        if unknown:
            raise SettingsError(
                f"{unknown[0]!r} is not known",
                place=type(self).__name__,
                expected=f"one of {', '.join(self._get_param_names())}",
            )
        for name, value in parameters.items():
            setattr(self, name, value)

    @classmethod
    def _get_param_names(cls) -> list[str]:
        """The names of the parameters, which scikit-learn reads from `__init__` otherwise."""
        return ["output", *(field.name for field in dataclasses.fields(TrainingSettings))]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters that were given, and the output.

        Args:
            deep: Without effect: no parameter is an estimator.
        """
        return {
            name: getattr(self, name) for name in self._get_param_names() if hasattr(self, name)
        }

    def set_params(self, **parameters: Any) -> Self:
        """Sets parameters.

        Args:
            parameters: The parameters by name.

        Raises:
            SettingsError: If one is unknown.
        """
        self._set(parameters)
        return self

    def fit(self, X: Sequence[str | Document], y: Sequence[Labelled] | None = None) -> Self:
        """Trains a tagger.

        The best step is chosen by some of the documents, which are held out, as in `nerine.train`.

        Args:
            X: The texts, or labelled documents.
            y: The entities of each text; None if the documents have them.

        Raises:
            ArgumentError: If texts are without entities, or their numbers differ.
            NerineError: As `nerine.train` does.
            KeyboardInterrupt: If a signal ended the training.
        """
        documents = _labelled(X, y)
        corpus = Corpus({"train": documents}, tuple(labels_of(documents)), "fit")
        settings = {name: value for name, value in self.get_params().items() if name != "output"}
        self._remove_temporary()
        run = train(corpus, output=self.output or self._temporary(), **settings)
        if run.interrupted:
            raise KeyboardInterrupt(run.interrupted)
        self.tagger_ = run.tagger()
        self.classes_ = np.array(self.tagger_.labels)
        return self

    def _temporary(self) -> str:
        """A new folder, which is removed with this object."""
        folder = tempfile.mkdtemp(prefix="nerine-")
        self._removal = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _remove_temporary(self) -> None:
        """Removes the folder of an earlier fit."""
        if hasattr(self, "_removal"):
            self._removal()
            del self._removal

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: the parameters, and the tagger by the place of its checkpoint.

        Raises:
            ProcessError: If the checkpoint is in a temporary folder.
        """
        if hasattr(self, "_removal"):
            raise ProcessError(
                "the checkpoint is in a temporary folder, which no other process would find",
                expected="an output, under which it lasts",
                hint="EntityRecognizer(output=…)",
            )
        state: dict[str, Any] = super().__getstate__()
        return state

    def predict(self, X: Sequence[str | Document]) -> list[tuple[Entity, ...]]:
        """The entities of each text.

        Args:
            X: The texts, or documents, whose own entities are not looked at.

        Raises:
            NotFittedError: Before `fit`.
            NerineError: As `Tagger.predict` does.
        """
        check_is_fitted(self, "tagger_")
        return [document.entities for document in self.tagger_.predict(X)]

    def score(self, X: Sequence[str | Document], y: Sequence[Labelled] | None = None) -> float:
        """Strict F1, from 0 to 1.

        Args:
            X: The texts, or labelled documents.
            y: The entities of each text; None if the documents have them.

        Raises:
            NotFittedError: Before `fit`.
            NerineError: As `Tagger.predict` does.
        """
        gold = _labelled(X, y)
        check_is_fitted(self, "tagger_")
        return score(gold, self.tagger_.predict(gold)).overall.f1


class DocumentFolds:
    """A splitter for `cv=`: folds in which labels are distributed evenly, and equal texts together.

    Args:
        n_splits: The number of folds, 2 or more.
        random_state: The seed of the division.
    """

    def __init__(self, n_splits: int = 3, random_state: int = 0) -> None:
        self.n_splits = n_splits
        self.random_state = random_state

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """The number of folds.

        Args:
            X: Without effect.
            y: Without effect.
            groups: Without effect.
        """
        return self.n_splits

    def split(
        self,
        X: Sequence[str | Document],
        y: Sequence[Labelled] | None = None,
        groups: Any = None,
    ) -> Iterator[tuple[Any, Any]]:
        """The indices of the documents to train on and to test on, for each fold.

        Args:
            X: The texts, or labelled documents.
            y: The entities of each text; None if the documents have them.
            groups: Without effect.

        Raises:
            ArgumentError: If texts are without entities, or their numbers differ.
            CorpusError: If there are fewer documents than folds.
            SettingsError: If there are fewer than 2 folds.
        """
        parts = folds(_labelled(X, y), self.n_splits, self.random_state)
        everything = np.arange(len(X))
        for part in parts:
            yield np.setdiff1d(everything, part), np.array(sorted(part))


def _labelled(X: Sequence[str | Document], y: Sequence[Labelled] | None) -> tuple[Document, ...]:
    """The documents of texts with their entities."""
    if y is None:
        bare = next((place for place, each in enumerate(X) if not isinstance(each, Document)), None)
        if bare is not None:
            raise ArgumentError(
                f"X[{bare}] is a {type(X[bare]).__name__} without entities",
                expected="documents with entities, or texts with a list of entities for each in y",
            )
        return tuple(each for each in X if isinstance(each, Document))
    if len(X) != len(y):
        raise ArgumentError(
            f"there are {len(X)} texts and {len(y)} lists of entities",
            place="y",
            expected="a list of entities for each text",
        )
    return tuple(_with_entities(*pair) for pair in zip(X, y, strict=True))


def _with_entities(text: str | Document, entities: Labelled) -> Document:
    document = text if isinstance(text, Document) else Document(text)
    given = (each if isinstance(each, Entity) else Entity(*each) for each in entities)
    return dataclasses.replace(document, entities=tuple(given))
