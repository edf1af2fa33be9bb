"""A tagger as a component of a spaCy pipeline. Needs the extra `spacy`.

::

    nlp = spacy.blank("en")
    nlp.add_pipe("nerine", config={"model": "runs/wnut"})
    doc = nlp("Mira Okonjo left Tandem Labs.")
    doc.ents  # (Mira Okonjo, Tandem Labs)
    doc.spans["nerine"].attrs["scores"]  # [0.98, 0.87]

The tagger reads the text with words of its own, and its entities are then aligned with spaCy's
tokens. spaCy finds the component by its name, without an import of this module.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from nerine.core.document import Entity
from nerine.core.errors import CheckpointError, SettingsError
from nerine.core.extras import optional_imports
from nerine.core.files import json_line, write_text
from nerine.core.strict_json import parse_object
from nerine.model.inference import Failure
from nerine.model.pickling import pickled_of
from nerine.model.tagger import Tagger
from nerine.serving.columns import known_labels

with optional_imports("a component of spaCy"):
    from spacy.language import Language
    from spacy.scorer import get_ner_prf
    from spacy.tokens import Doc, Span, SpanGroup
    from spacy.training import Example
    from spacy.util import raise_error

logger = logging.getLogger("nerine.spacy")

Alignment = Literal["expand", "contract", "strict"]
_RECORD = "nerine.json"
_DEFAULTS: dict[str, Any] = {
    "revision": None,
    "alignment": "expand",
    "overwrite": False,
    "labels": None,
    "thresholds": None,
    "rules": None,
    "spans_key": "nerine",
    "backend": None,
    "device": None,
    "threads": None,
}


class EntityComponent:
    """Sets the entities of spaCy's documents, `doc.ents`.

    All entities stand in the span group `doc.spans[spans_key]`, whose `attrs` have a list of their
    `scores`, None for one of a rule, and one of their `offsets`, the exact `[start, end]` in code
    points. Those that are not in `doc.ents` also stand in the group `…_left_out`, with the same
    `attrs`, and are counted: one that cannot be aligned (there as the tokens that it touches), or
    that overlaps an entity of an earlier component or, once aligned, of its own.

    It can be pickled, and is saved with a pipeline, by the source and the fingerprints of the
    checkpoint and of its rules; its weights are not saved.

    Args:
        tagger: The tagger.
        alignment: What becomes of an entity that begins or ends within a token, in spaCy's words:
            `expand` takes all tokens that it touches, `contract` those that lie within it, and
            `strict` leaves it out.
        overwrite: Whether an entity replaces those of earlier components that it overlaps.
        labels: The labels of spaCy's entities by those of the model, such as `{"person":
            "PERSON"}`; others are left away. None keeps all as they are.
        spans_key: The name of the group of spans.
        name: The name of the component in its pipeline.

    Attributes:
        left_out: The number of entities so far that are not in `doc.ents`.

    Raises:
        SettingsError: If the alignment is unknown, or the model has no such label.
    """

    def __init__(
        self,
        tagger: Tagger,
        *,
        alignment: Alignment = "expand",
        overwrite: bool = False,
        labels: dict[str, str] | None = None,
        spans_key: str = "nerine",
        name: str = "nerine",
    ) -> None:
        if alignment not in get_args(Alignment):
            raise SettingsError(
                f"{alignment!r} is not known",
                place="alignment",
                expected=f"one of {', '.join(get_args(Alignment))}",
            )
        known_labels(labels or (), tagger.labels)
        self.tagger = tagger
        self.alignment: Alignment = alignment
        self.overwrite = overwrite
        self.spans_key = spans_key
        self.name = name
        self.left_out = 0
        self._labels = labels if labels is not None else {each: each for each in tagger.labels}
        self._handle_error: Callable[..., Any] = raise_error

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that it can give."""
        return tuple(dict.fromkeys(self._labels.values()))

    def __call__(self, doc: Doc) -> Doc:
        """Sets the entities of a document.

        Args:
            doc: The document, which is changed.

        Raises:
            CheckpointError: If a logit is infinite or not a number.
        """
        self._annotate(doc, self.tagger(doc.text).entities)
        return doc

    def pipe(self, stream: Iterable[Doc], **_: Any) -> Iterator[Doc]:
        """Sets the entities of a stream of documents, in bounded memory and in order.

        A document on which the model fails goes to the pipeline's error handler, which by default
        raises the error; if it does not, the document is left out, as of spaCy's own components.

        Args:
            stream: The documents, which are read ahead. They make batches by their lengths, so the
                batch size of spaCy has no effect.
        """
        waiting: deque[Doc] = deque()

        def texts() -> Iterator[str]:
            for doc in stream:
                waiting.append(doc)
                yield doc.text

        for outcome in self.tagger.pipe_with_errors(texts()):
            doc = waiting.popleft()
            if isinstance(outcome, Failure):
                self._handle_error(self.name, self, [doc], outcome.error)
            else:
                self._annotate(doc, outcome.entities)
                yield doc

    def _annotate(self, doc: Doc, entities: Sequence[Entity]) -> None:
        """Sets the entities of a document, and the groups of spans."""
        before = list(doc.ents)
        taken = set() if self.overwrite else _tokens(before)
        new: list[Span] = []
        aligned: list[tuple[Span, Entity]] = []
        left_out: list[tuple[Span, Entity]] = []
        for entity in entities:
            if entity.label not in self._labels:
                continue
            ends = entity.start, entity.end, self._labels[entity.label]
            span = doc.char_span(*ends, alignment_mode=self.alignment)
            if span is not None:
                aligned.append((span, entity))
            if span is None or taken & _tokens([span]):
                touched = doc.char_span(*ends, alignment_mode="expand")
                left_out += [(each, entity) for each in (span or touched,) if each is not None]
            else:
                taken |= _tokens([span])
                new.append(span)
        kept = [span for span in before if not _tokens([span]) & _tokens(new)]
        doc.set_ents([*kept, *new], default="outside")
        self._set_group(doc, self.spans_key, aligned)
        self._set_group(doc, f"{self.spans_key}_left_out", left_out)
        self.left_out += len(left_out)
        if left_out:
            logger.debug("%d of %d entities left out", len(left_out), len(entities))

    def _set_group(self, doc: Doc, key: str, found: Sequence[tuple[Span, Entity]]) -> None:
        """Sets a group of spans, with the scores and the exact ends of their entities."""
        attributes = {
            "scores": [entity.score for _, entity in found],
            "offsets": [[entity.start, entity.end] for _, entity in found],
        }
        spans = [span for span, _ in found]
        doc.spans[key] = SpanGroup(doc, name=key, attrs=attributes, spans=spans)

    def score(self, examples: Iterable[Example], **_: Any) -> dict[str, Any]:
        """Scores for `Language.evaluate`: strict precision, recall and F1, as of spaCy's own.

        Args:
            examples: The examples.
        """
        scores: dict[str, Any] = get_ner_prf(examples)
        return scores

    def set_error_handler(self, error_handler: Callable[..., Any]) -> None:
        """Sets what is called for documents that fail.

        Args:
            error_handler: It gets the component's name, the component, the documents and the error.
        """
        self._handle_error = error_handler

    def get_error_handler(self) -> Callable[..., Any]:
        """What is called for documents that fail."""
        return self._handle_error

    def to_bytes(self, **_: Any) -> bytes:
        """The source and the fingerprint of the checkpoint, and that of its rules.

        Raises:
            ProcessError: If the tagger was made in memory, or its checkpoint has changed since.
        """
        record = {"model": self.tagger.name, "fingerprint": pickled_of(self.tagger).fingerprint}
        return json_line(record | self._of_rules()).encode()

    def _of_rules(self) -> dict[str, str]:
        rules = self.tagger.rules
        return {} if rules is None else {"rules": rules.fingerprint}

    def from_bytes(self, data: bytes, **_: Any) -> EntityComponent:
        """Checks that this component has the checkpoint of one that was saved.

        Args:
            data: What `to_bytes` gave.

        Raises:
            CheckpointError: If it is another checkpoint, or it has other rules.
            ProcessError: If the tagger was made in memory, or its checkpoint has changed since.
        """
        record = parse_object(data, Path(_RECORD))
        if record.get("fingerprint") != pickled_of(self.tagger).fingerprint:
            raise CheckpointError(
                "the checkpoint is another one than when this pipeline was saved",
                place=self.tagger.name,
                expected=f"{record.get('model')} with the fingerprint {record.get('fingerprint')}",
                hint=f"put it back, or add the component again: "
                f'nlp.replace_pipe({self.name!r}, "nerine", config=…)',
            )
        own = self._of_rules().get("rules")
        if record.get("rules") != own:
            raise CheckpointError(
                f"the fingerprint of the rules is {own}",
                place=self.tagger.name,
                expected=f"{record.get('rules')}, as when this pipeline was saved",
                hint='config={"rules": FILE} names the rules',
            )
        return self

    def to_disk(self, path: str | Path, **_: Any) -> None:
        """Writes what `to_bytes` gives into a new folder.

        Args:
            path: The folder.

        Raises:
            ProcessError: If the tagger was made in memory, or its checkpoint has changed since.
        """
        folder = Path(path)
        folder.mkdir(exist_ok=True)
        write_text(folder / _RECORD, self.to_bytes().decode())

    def from_disk(self, path: str | Path, **_: Any) -> EntityComponent:
        """Checks that this component has the checkpoint of one that was saved in a folder.

        Args:
            path: The folder.

        Raises:
            CheckpointError: If it is another checkpoint.
            ProcessError: If the tagger was made in memory, or its checkpoint has changed since.
        """
        return self.from_bytes((Path(path) / _RECORD).read_bytes())


def _tokens(spans: Iterable[Span]) -> set[int]:
    """The numbers of the tokens of spans."""
    return {number for span in spans for number in range(span.start, span.end)}


@Language.factory(
    "nerine",
    default_config=_DEFAULTS,
    assigns=["doc.ents", "token.ent_iob", "token.ent_type", "doc.spans"],
    default_score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
)
def make_component(
    nlp: Language,  # noqa: ARG001 - spaCy gives it
    name: str,
    model: str,
    revision: str | None,
    alignment: Alignment,
    overwrite: bool,
    labels: dict[str, str] | None,
    thresholds: Literal["saved"] | float | dict[str, float] | None,
    rules: str | None,
    spans_key: str,
    backend: str | None,
    device: str | None,
    threads: int | None,
) -> EntityComponent:
    """The component `nerine` with a checkpoint that it loads.

    Args:
        nlp: The pipeline.
        name: The name of the component.
        model: A folder or a hub id, as for `Tagger.load`.
        revision: A branch, a tag or a commit on the hub.
        alignment: As for `EntityComponent`.
        overwrite: As for `EntityComponent`.
        labels: As for `EntityComponent`.
        thresholds: As for `Tagger.load`.
        rules: The TOML file of rules, as for `Tagger.load`.
        spans_key: As for `EntityComponent`.
        backend: As for `Tagger.load`.
        device: As for `Tagger.load`.
        threads: As for `Tagger.load`.

    Raises:
        NerineError: As `Tagger.load` and `EntityComponent` do.
    """
    tagger = Tagger.load(
        model,
        revision=revision,
        thresholds=thresholds,
        rules=rules,
        backend=backend,
        device=device,
        threads=threads,
    )
    return EntityComponent(
        tagger,
        alignment=alignment,
        overwrite=overwrite,
        labels=labels,
        spans_key=spans_key,
        name=name,
    )
