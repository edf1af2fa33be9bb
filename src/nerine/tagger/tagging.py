"""The tagger: a model, its tokenizer and its settings as one thing that tags texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nerine import calibration
from nerine.backends import Backend
from nerine.backends.choosing import open_backend
from nerine.backends.pytorch import TorchBackend, placed
from nerine.batching import Batch, batches, look_aheads
from nerine.calibration import Thresholds
from nerine.checkpoint import Checkpoint, load_checkpoint
from nerine.decoding import Decoder
from nerine.document import Document, Entity
from nerine.encoding import Encoder, Encodings
from nerine.errors import CheckpointError
from nerine.origins import Origin, find
from nerine.readings import LogitArray, Reading
from nerine.schemes import TagScheme
from nerine.settings import ModelSettings
from nerine.tagger.pipeline import Failure, computed, outcomes

if TYPE_CHECKING:
    from nerine.publication import Pushed, PushOptions

# Nothing is computed while the first look-ahead is read and encoded: a short one.
_FIRST = 256

ThresholdChoice = Thresholds | float | Literal["saved"] | None
"""Thresholds; one for all labels; those that the checkpoint was saved with; or none."""


class Tagger:
    """Finds the entities of texts.

    A text may be a `str` or a `Document`, whose id, tokens and meta are kept and whose entities
    are replaced. However it is called, documents come back in order and in the same number.
    Entities that score below their label's threshold are dropped where `thresholds` are given.

    ```python
    tagger = Tagger.load("runs/wnut")
    document = tagger("Mira Okonjo left Tandem Labs.")  # one text → one Document
    documents = tagger.predict(["One text.", "Another."])  # many → a list
    stream = tagger.pipe(open("posts.txt"))  # a stream → an iterator
    ```
    """

    def __init__(
        self,
        backend: Backend,
        tokenizer: Any,
        settings: ModelSettings,
        *,
        token_budget: int | None = None,
        thresholds: Thresholds | None = None,
    ) -> None:
        self.origin: Origin | None = None
        self.notes: tuple[str, ...] = ()
        self.settings = settings
        self.tokenizer = tokenizer
        self.backend = backend
        self.token_budget = token_budget
        self.thresholds = thresholds
        self.encoder = Encoder(
            tokenizer,
            words=settings.words,
            max_length=settings.max_length,
            overlap=settings.overlap,
        )
        self.decoder = Decoder(
            settings.tags, settings.scheme, constrained=settings.decoding == "viterbi"
        )

    @classmethod
    def load(
        cls,
        name: str | Path | Origin,
        *,
        revision: str | None = None,
        scheme: TagScheme | str | None = None,
        tags: Sequence[str] | None = None,
        device: str | None = None,
        thresholds: ThresholdChoice = None,
        backend: str | None = None,
    ) -> Tagger:
        """A tagger from a folder or a hub id, `owner/name` or `owner/name@revision`.

        Takes any token-classification checkpoint of transformers; `scheme` states the tag scheme
        of one that Nerine did not make, where its labels leave it open, and `tags` name its tags
        by their numbers, where they have no names. `device` is torch's name
        for where the model runs; by default a GPU where there is one. `thresholds` is a number
        from 0 to 1 for all labels, `Thresholds`, or `"saved"` for those that `nerine calibrate`
        saved; by default every entity is kept.

        `backend` is `"pytorch"`, `"onnx"`, `"onnx-fp32"` or `"onnx-int8"`; by default what
        `nerine optimize` chose for this checkpoint where that can be used, else PyTorch. What
        could not be used, and why, is in the tagger's `notes`.
        """
        origin = find(name, revision=revision)
        opened = open_backend(origin, backend, device)
        checkpoint = load_checkpoint(
            origin, scheme=scheme, tags=tags, weights=opened.backend is None
        )
        chosen = _chosen_thresholds(thresholds, checkpoint, str(origin))
        if opened.backend is not None:
            tagger = cls(
                opened.backend, checkpoint.tokenizer, checkpoint.settings, thresholds=chosen
            )
        else:
            tagger = cls.from_checkpoint(checkpoint, device=device, thresholds=chosen, frozen=True)
        tagger.origin = origin
        tagger.notes = (*origin.notes, *opened.notes)
        return tagger

    @classmethod
    def from_checkpoint(
        cls,
        checkpoint: Checkpoint,
        *,
        device: str | None = None,
        thresholds: Thresholds | None = None,
        frozen: bool = False,
    ) -> Tagger:
        """A tagger from a checkpoint in memory.

        `frozen` says that its weights do not change any more, so that they may be laid out anew
        for speed.
        """
        model = placed(checkpoint.model, device)
        return cls(
            TorchBackend.frozen(model.eval()) if frozen else TorchBackend.of(model.eval()),
            checkpoint.tokenizer,
            checkpoint.settings,
            thresholds=thresholds,
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that this tagger can give."""
        return self.settings.labels

    @property
    def name(self) -> str:
        """Where it was loaded from: a folder, or `owner/name@commit`, whatever branch was asked
        for; empty for one that was made in memory.
        """
        return str(self.origin or "")

    def __call__(self, text: str | Document) -> Document:
        """The document of one text, with its entities."""
        return self.predict([text])[0]

    def predict(self, texts: Iterable[str | Document]) -> list[Document]:
        """The documents of many texts, in order."""
        aheads = list(look_aheads(texts))
        if len(aheads) == 1:
            return list(self.entities(aheads[0], self.word_logits(aheads[0])))
        return list(self.pipe(chain.from_iterable(aheads)))

    def pipe(self, texts: Iterable[str | Document]) -> Iterator[Document]:
        """The documents of a stream of texts, in order, in bounded memory.

        While the model computes, the texts behind are read and encoded, and the entities before
        are found.
        """
        for outcome in outcomes(self, look_aheads(texts, first=_FIRST)):
            if isinstance(outcome, Failure):
                raise outcome.error
            yield outcome

    def push(self, repo_id: str, options: PushOptions | None = None, **changes: Any) -> Pushed:
        """Pushes the checkpoint that this tagger was loaded from to the hub; see `nerine.push`.

        What was chosen when it was loaded, such as thresholds, stays here. Raises
        `CheckpointError` where it was loaded from nowhere, or is not fit to be published, and
        `HubError`.
        """
        from nerine.publication import PushOptions, push  # which most who tag need not load

        if self.origin is None:
            raise CheckpointError(
                "this tagger was loaded from no folder, so that there is nothing to push",
                place=repo_id,
                expected="a tagger of Tagger.load",
                hint="write its checkpoint with save_checkpoint, and load that",
            )
        chosen = (options or PushOptions()).changed(changes)
        for name in chosen.extra_files:
            self.origin.bring(name, if_there=True)
        return push(self.origin.folder, repo_id, chosen)

    def attempts(self, texts: Iterable[str | Document]) -> Iterator[Document | Failure]:
        """As `pipe`, with a `Failure` in the place of each document that cannot be tagged.

        What reading `texts` raises is raised here as well. Where many texts are read together
        and all fail in the same way, the model is at fault: that is a `CheckpointError`.
        """
        return outcomes(self, look_aheads(texts))

    def word_logits(self, documents: Sequence[Document]) -> Reading:
        """The logits of every word of every document.

        A word's logits are those of its first subword, in the window that sees most context
        around it.
        """
        encodings = self.encoder.encode(documents)
        results = computed(self.backend, self.batches(encodings))
        return self.reading(documents, encodings, results)

    def batches(self, encodings: Encodings, token_budget: int | None = None) -> list[Batch]:
        """All windows of `encodings` in batches, by default of what suits the backend."""
        return batches(
            self.encoder.windows_of(encodings),
            token_budget=token_budget or self.token_budget or self.backend.token_budget,
            pad_id=self.tokenizer.pad_token_id or 0,
        )

    def reading(
        self,
        documents: Sequence[Document],
        encodings: Encodings,
        results: Iterable[tuple[Batch, LogitArray]],
    ) -> Reading:
        """All words' logits from those of the batches.

        Blind words get the decoder's stand-in. Raises `CheckpointError` for logits that are no
        finite numbers.
        """
        logits = np.tile(
            self.decoder.blind_logits.astype(np.float32), (len(encodings.word_starts), 1)
        )
        for batch, values in results:
            logits[batch.words] = values
        if not np.isfinite(logits).all():
            word = int(np.flatnonzero(~np.isfinite(logits).all(axis=1))[0])
            index = int(np.searchsorted(encodings.word_cuts, word, side="right")) - 1
            raise CheckpointError(
                "the model's logits are no finite numbers",
                place=f"document {documents[index].id or index}",
                hint="the weights are damaged, or overflow at this precision",
            )
        return Reading(encodings, logits)

    def entities(self, documents: Sequence[Document], read: Reading) -> Iterator[Document]:
        """The documents with the entities that `read`, their words' logits, stands for."""
        found = self._decoded(documents, read)
        return found if self.thresholds is None else calibration.apply(found, self.thresholds)

    def _decoded(self, documents: Sequence[Document], read: Reading) -> Iterator[Document]:
        cuts, bounds = read.encodings.word_cuts, read.encodings.word_bounds
        spans = self.decoder.decode(read.logits, read.lengths)
        labels = self.decoder.labels
        entities = [
            Entity(start, end, labels[label], score)
            for start, end, label, score in zip(
                bounds[cuts[spans.sentences] + spans.starts, 0].tolist(),
                bounds[cuts[spans.sentences] + spans.ends - 1, 1].tolist(),
                spans.labels.tolist(),
                spans.probabilities.tolist(),
                strict=True,
            )
        ]
        ends = np.searchsorted(spans.sentences, np.arange(len(documents)), side="right").tolist()
        first = 0
        for document, last in zip(documents, ends, strict=True):
            if first == last and not document.entities:
                yield document
            else:
                yield document.with_entities(entities[first:last])
            first = last


def _chosen_thresholds(
    choice: ThresholdChoice, checkpoint: Checkpoint, name: str
) -> Thresholds | None:
    if choice is None or isinstance(choice, Thresholds):
        return choice
    if choice != "saved":
        return Thresholds(choice)
    if checkpoint.calibration is None:
        raise CheckpointError(
            "no thresholds are saved with this checkpoint",
            place=name,
            hint=f"fit them first: nerine calibrate {name} CORPUS",
        )
    return checkpoint.calibration.thresholds
