"""Which of the entities that a model finds a request asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nerine.core.document import Document
from nerine.core.errors import SettingsError
from nerine.evaluation.calibration import Thresholds, apply_thresholds
from nerine.model.rules import Rules
from nerine.serving.http.endpoints import unless_short
from nerine.serving.http.problems import Problem
from nerine.serving.http.service import ServedModel


@dataclass(frozen=True, slots=True)
class Choice:
    """The entities that a request asks for.

    Attributes:
        thresholds: Entities below them are left out; None keeps all.
        labels: Entities with other labels are left out; None keeps all.
        rules: The rules of the tagger, applied to what is above the thresholds.
    """

    thresholds: Thresholds | None = None
    labels: frozenset[str] | None = None
    rules: Rules | None = None

    @classmethod
    def of(
        cls, model: ServedModel, thresholds: Any = None, labels: Sequence[str] | None = None
    ) -> Choice:
        """The choice of a request.

        Args:
            model: The model.
            thresholds: A number, a number for each of some labels, `"saved"` for those that were
                saved with the checkpoint, or None for those that the server was started with.
            labels: Some of the model's labels; None for all.

        Raises:
            Problem: If the model doesn't have a label, a threshold is not between 0 and 1, or none
                are saved.
        """
        named = {*(labels or ()), *(thresholds if isinstance(thresholds, Mapping) else ())}
        if unknown := sorted(named - set(model.tagger.labels)):
            raise Problem(
                "invalid",
                f"the model {model.name} has no label {unknown[0][:100]!r}",
                expected=f"some of {', '.join(model.tagger.labels)}",
                place="labels" if unknown[0] in (labels or ()) else "thresholds",
            )
        kept = None if labels is None else frozenset(labels)
        return cls(_thresholds(model, thresholds), kept, model.tagger.rules)

    async def of_all(self, found: Sequence[Document | Problem]) -> list[Document | Problem]:
        """Documents with the entities that are asked for; problems stay in their places.

        A rule that fails on a text makes a problem of it. Rules are matched in a thread.
        """
        size = sum(len(each.text) for each in found if isinstance(each, Document))
        if self.rules is not None:
            return await asyncio.to_thread(lambda: list(map(self._attempt, found)))
        return await unless_short(size, lambda: list(map(self._attempt, found)))

    def _attempt(self, found: Document | Problem) -> Document | Problem:
        if isinstance(found, Problem):
            return found
        try:
            return self.of_document(found)
        except SettingsError as error:
            return Problem.of_rule(error)

    def of_document(self, document: Document) -> Document:
        """The document with the entities that are asked for; raises what `Rules.apply` raises."""
        if self.thresholds is not None:
            document = next(apply_thresholds([document], self.thresholds))
        if self.rules is not None:
            document = self.rules.apply(document)
        if self.labels is not None:
            document = document.with_entities(
                each for each in document.entities if each.label in self.labels
            )
        return document


def _thresholds(model: ServedModel, asked: Any) -> Thresholds | None:
    if asked is None:
        return model.tagger.thresholds
    if asked == "saved":
        if model.tagger.saved_thresholds is None:
            raise Problem(
                "invalid",
                f"no thresholds are saved with the model {model.name}",
                expected="a number from 0 to 1, or one for each label",
                place="thresholds",
            )
        return model.tagger.saved_thresholds
    try:
        return Thresholds(0.0, asked) if isinstance(asked, Mapping) else Thresholds(asked)
    except SettingsError as error:
        raise Problem.of(error) from error
