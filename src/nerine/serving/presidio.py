"""A tagger as a recognizer of Presidio's analyzer. Needs the extra `presidio`.

::

    recognizer = NerineRecognizer("runs/wnut", thresholds="saved")
    registry = RecognizerRegistry([recognizer])
    analyzer = AnalyzerEngine(registry, TaggingNlpEngine(NoOpNlpEngine(), recognizer))
    analyzer.analyze("Mira Okonjo left Tandem Labs.", "en")

In a YAML configuration it is a recognizer of the type `predefined`, once this module is imported.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from weakref import WeakKeyDictionary

from nerine.core.document import Document, Entity
from nerine.core.errors import SettingsError
from nerine.core.extras import optional_imports
from nerine.model.given import CheckpointLike, with_thresholds
from nerine.model.pickling import pickled_of
from nerine.model.rules import Rules
from nerine.model.tagger import Tagger
from nerine.serving.client import Client
from nerine.serving.columns import known_labels
from nerine.serving.scores import score_or_one

with optional_imports("a recognizer of Presidio"):
    from presidio_analyzer import AnalysisExplanation, EntityRecognizer, RecognizerResult
    from presidio_analyzer.input_validation import PredefinedRecognizerConfig
    from presidio_analyzer.input_validation.yaml_recognizer_models import CONFIG_MODEL_MAP
    from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine
    from pydantic import ConfigDict

USUAL_NAMES = {
    **dict.fromkeys(("person", "per", "name", "people"), "PERSON"),
    **dict.fromkeys(("location", "loc", "place", "gpe", "city", "country"), "LOCATION"),
    **dict.fromkeys(
        ("organization", "organisation", "org", "corporation", "company"), "ORGANIZATION"
    ),
    **dict.fromkeys(("date", "time"), "DATE_TIME"),
    **dict.fromkeys(("nationality", "norp", "nrp"), "NRP"),
}
"""Presidio's names of labels that are usual in corpora, in lower case."""


Choice = float | Mapping[str, float] | Literal["saved"] | None
"""One threshold, one for each of some labels, or the saved ones."""


class NerineRecognizer(EntityRecognizer):
    """Finds the entities of a tagger, or of a server, for Presidio's analyzer.

    Scores are the probabilities of the model, and not a constant; a text of any length is read
    whole; an error of the model is raised, not swallowed. Offsets count code points, as Presidio's.

    The explanation of a result names the label, the model, the probability and the threshold.

    Args:
        model: A tagger, a `nerine.Client`, the address of a `nerine serve` such as
            `http://127.0.0.1:8000`, or what `Tagger.load` loads.
        labels: Presidio's entities by the labels of the model, such as `{"person": "PERSON"}`;
            other labels are left away. None takes all: those of `USUAL_NAMES`, and any other in
            upper case with `_` for what is neither a letter nor a digit.
        thresholds: As for `Tagger.load`, or for `nerine.Client` if a server is asked.
        supported_entities: Presidio's entities to find; None for all of them.
        supported_language: The language of the texts.
        name: The name of the recognizer.
        version: Its version; None for the fingerprint of the checkpoint, or the address.
        context: As for Presidio's `EntityRecognizer`: words near an entity that raise its score.
        revision: As for `Tagger.load`.
        backend: As for `Tagger.load`.
        device: As for `Tagger.load`.
        threads: As for `Tagger.load`.
        rules: As for `Tagger.load`; their entities have the score 1.

    Attributes:
        tagger: The tagger or the client.
        entity_of: Presidio's entities by the labels of the model.
        tagged: Documents that a `TaggingNlpEngine` has tagged, by their artifacts.

    Raises:
        NerineError: As `Tagger.load` and `Client.labels` do.
        SettingsError: If the model has no such label, no label has one of these entities, or a
            setting is not one of a server.
    """

    def __init__(
        self,
        model: CheckpointLike | Client,
        labels: Mapping[str, str] | None = None,
        thresholds: Choice = None,
        supported_entities: Sequence[str] | None = None,
        supported_language: str = "en",
        name: str = "NerineRecognizer",
        version: str | None = None,
        context: list[str] | None = None,
        revision: str | None = None,
        backend: str | None = None,
        device: str | None = None,
        threads: int | None = None,
        rules: Rules | str | Path | None = None,
    ) -> None:
        loading: dict[str, Any] = {
            "revision": revision,
            "backend": backend,
            "device": device,
            "threads": threads,
            "rules": rules,
        }
        self.name: str = name
        self.tagger = _opened(model, thresholds, loading)
        self.tagged: WeakKeyDictionary[NlpArtifacts, Document] = WeakKeyDictionary()
        if labels is None:
            self.entity_of = {label: usual_name(label) for label in self.tagger.labels}
        else:
            known_labels(labels, self.tagger.labels)
            self.entity_of = dict(labels)
        names = list(dict.fromkeys(self.entity_of.values()))
        unknown = [each for each in supported_entities or () if each not in names]
        if unknown:
            raise SettingsError(
                f"no label of the model is {unknown[0]!r}",
                place="supported_entities",
                expected=f"some of {', '.join(names)}",
                hint="labels=… states which entity a label is",
            )
        super().__init__(
            supported_entities=list(supported_entities or names),
            name=name,
            supported_language=supported_language,
            version=version or _version_of(self.tagger),
            context=context,
        )

    def load(self) -> None:
        """There is nothing to load: the model is loaded when the recognizer is made."""

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled and copied: all but the documents that were tagged."""
        return {name: value for name, value in vars(self).items() if name != "tagged"}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Restores it.

        Args:
            state: What `__getstate__` gave.
        """
        vars(self).update(state)
        self.tagged = WeakKeyDictionary()

    def analyze(
        self, text: str, entities: Sequence[str] | None, nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """The entities of a text.

        Args:
            text: The text.
            entities: Presidio's entities to find; None or an empty list for all.
            nlp_artifacts: What a `TaggingNlpEngine` has found, if it was used; anything else has no
                effect.

        Raises:
            CheckpointError: If the model fails on the text.
            ServerError: If the server cannot be reached.
        """
        wanted = set(entities or self.supported_entities) & set(self.supported_entities)
        document = None if nlp_artifacts is None else self.tagged.get(nlp_artifacts)
        if document is None or document.text != text:
            document = self.tagger(text)
        return [
            self._result(each)
            for each in document.entities
            if self.entity_of.get(each.label) in wanted
        ]

    def _result(self, entity: Entity) -> RecognizerResult:
        score = score_or_one(entity)
        said = f"{self.version} gives {entity.label!r} a probability of {score:.4f}"
        thresholds = getattr(self.tagger, "thresholds", None)
        if entity.score is None:
            said = f"a rule beside {self.version} says that it is {entity.label!r}"
        elif thresholds is not None:
            said = f"{said}; the threshold is {thresholds.of(entity.label):g}"
        explanation = AnalysisExplanation(
            recognizer=self.name, original_score=score, textual_explanation=said
        )
        return RecognizerResult(
            self.entity_of[entity.label],
            entity.start,
            entity.end,
            score,
            explanation,
            {
                RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
                RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
                "label": entity.label,
            },
        )


class TaggingNlpEngine(NlpEngine):
    """An NLP engine that also tags, so that `BatchAnalyzerEngine` tags many texts at once.

    Presidio's recognizers get one text at a time, but its NLP engine gets all texts of a batch.
    This one passes them to another engine, and to the tagger of a recognizer, which is then given
    the documents.

    Args:
        engine: The engine that finds tokens and lemmas, such as `NoOpNlpEngine` for none.
        recognizer: The recognizer.
    """

    def __init__(self, engine: NlpEngine, recognizer: NerineRecognizer) -> None:
        self.engine = engine
        self.recognizer = recognizer

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        """The artifacts of a text, which the recognizer tags later.

        Args:
            text: The text.
            language: Its language.
        """
        return self.engine.process_text(text, language)

    def process_batch(
        self,
        texts: Iterable[Any],
        language: str,
        batch_size: int = 1,
        n_process: int = 1,
        **options: Any,
    ) -> Iterator[tuple[str, NlpArtifacts]]:
        """Each text with its artifacts, among them its tagged document.

        Args:
            texts: The texts; numbers and truth values are read as their text, as Presidio does.
            language: Their language.
            batch_size: For the other engine.
            n_process: For the other engine.
            options: For the other engine.

        Raises:
            CheckpointError: If the model fails on a text.
            ServerError: If the server cannot be reached.
        """
        own, others = itertools.tee(texts)
        tagged = self.recognizer.tagger.pipe(map(str, own))
        pairs = self.engine.process_batch(
            others, language, batch_size=batch_size, n_process=n_process, **options
        )
        for (text, artifacts), document in zip(pairs, tagged, strict=True):
            self.recognizer.tagged[artifacts] = document
            yield text, artifacts

    def load(self) -> None:
        """Loads the other engine."""
        self.engine.load()

    def is_loaded(self) -> bool:
        """Whether the other engine is loaded."""
        return bool(self.engine.is_loaded())

    def is_stopword(self, word: str, language: str) -> bool:
        """Whether the other engine takes a word for a stop word.

        Args:
            word: The word.
            language: Its language.
        """
        return bool(self.engine.is_stopword(word, language))

    def is_punct(self, word: str, language: str) -> bool:
        """Whether the other engine takes a word for punctuation.

        Args:
            word: The word.
            language: Its language.
        """
        return bool(self.engine.is_punct(word, language))

    def get_supported_entities(self) -> list[str]:
        """The entities of the other engine; those of the tagger are its recognizer's."""
        return list(self.engine.get_supported_entities())

    def get_supported_languages(self) -> list[str]:
        """The languages of the other engine."""
        return list(self.engine.get_supported_languages())


class _Configuration(PredefinedRecognizerConfig):
    """The recognizer in a YAML configuration, which may have all of its arguments."""

    model_config = ConfigDict(extra="allow")


CONFIG_MODEL_MAP[NerineRecognizer.__name__] = _Configuration


def usual_name(label: str) -> str:
    """Presidio's name for a label: `PERSON` for `per`, `CREATIVE_WORK` for `creative-work`.

    Args:
        label: A label of a model.
    """
    return USUAL_NAMES.get(label.lower(), re.sub(r"\W+", "_", label).upper())


def _opened(
    model: CheckpointLike | Client, thresholds: Choice, loading: Mapping[str, Any]
) -> Tagger | Client:
    """The tagger, or the client of a server."""
    is_server = isinstance(model, str) and model.startswith(("http://", "https://"))
    if isinstance(model, Tagger | Client) or is_server:
        given = [name for name, value in loading.items() if value is not None]
        if given:
            raise SettingsError(
                "this is decided where the model is loaded",
                place=given[0],
                expected="a folder or a hub id, with such settings",
            )
    if is_server:
        return Client(str(model), thresholds=thresholds)
    if isinstance(model, Client):
        if thresholds is not None:
            raise SettingsError(
                "a client has its own", place="thresholds", hint="Client(thresholds=…)"
            )
        return model
    if isinstance(model, Tagger):
        return with_thresholds(model, thresholds)
    return Tagger.load(model, thresholds=thresholds, **loading)


def _version_of(tagger: Tagger | Client) -> str:
    """What identifies a model in explanations."""
    if isinstance(tagger, Client):
        return tagger.url
    if tagger.source is None:
        return "a model in memory"
    ruled = "" if tagger.rules is None else f"+rules.{tagger.rules.fingerprint[:12]}"
    return f"{tagger.name}@{pickled_of(tagger).fingerprint[:12]}{ruled}"
