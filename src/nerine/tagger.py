"""Text → documents with entities: the one way through the model.

Training, scoring, the command line and the server all take it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from nerine import calibration
from nerine.backends import Backend
from nerine.backends.packing import pack
from nerine.backends.pytorch import TorchBackend
from nerine.batching import batches
from nerine.calibration import Thresholds
from nerine.checkpoint import Checkpoint, load_checkpoint
from nerine.decoding import Decoder, FloatArray
from nerine.document import Document, Entity
from nerine.encoding import Encoder, Encoding
from nerine.errors import CheckpointError, DocumentError, SettingsError
from nerine.schemes import TagScheme
from nerine.settings import ModelSettings

# One look-ahead of the stream: documents are encoded, sorted by length and batched together.
_LOOK_AHEAD_DOCUMENTS = 1024
_LOOK_AHEAD_CHARACTERS = 1_000_000
_TOKEN_BUDGET = 2048

ThresholdChoice = Thresholds | float | Literal["saved"] | None
"""Thresholds; one for all labels; those that the checkpoint was saved with; or none."""


@dataclass(frozen=True, slots=True)
class WordLogits:
    """A document's encoding, and what the model says of each word: `logits` (words × tags)."""

    encoding: Encoding
    logits: FloatArray


def flat_logits(read: Sequence[WordLogits]) -> tuple[FloatArray, list[int]]:
    """The logits of all words of documents as one array, and the documents' numbers of words."""
    if not read:
        return np.empty((0, 1)), []
    return np.concatenate([each.logits for each in read]), [len(each.logits) for each in read]


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
        token_budget: int = _TOKEN_BUDGET,
        thresholds: Thresholds | None = None,
    ) -> None:
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
        name: str | Path,
        *,
        revision: str | None = None,
        scheme: TagScheme | str | None = None,
        device: str | None = None,
        thresholds: ThresholdChoice = None,
    ) -> Tagger:
        """A tagger from a folder or a hub id.

        Takes any token-classification checkpoint of transformers; `scheme` states the tag scheme
        of one that Nerine did not make, where its labels leave it open. `device` is torch's name
        for where the model runs; by default a GPU where there is one. `thresholds` is a number
        from 0 to 1 for all labels, `Thresholds`, or `"saved"` for those that `nerine calibrate`
        saved; by default every entity is kept.
        """
        checkpoint = load_checkpoint(name, revision=revision, scheme=scheme)
        chosen = _chosen_thresholds(thresholds, checkpoint, str(name))
        tagger = cls.from_checkpoint(checkpoint, device=device, thresholds=chosen)
        pack(checkpoint.model)
        return tagger

    @classmethod
    def from_checkpoint(
        cls,
        checkpoint: Checkpoint,
        *,
        device: str | None = None,
        thresholds: Thresholds | None = None,
    ) -> Tagger:
        """A tagger from a checkpoint in memory."""
        try:
            model = checkpoint.model.to(device or default_device())
        except RuntimeError as error:
            raise SettingsError(
                f"torch cannot use {device!r}: {str(error).splitlines()[0]}",
                place="device",
                expected="a device that this machine has, such as 'cpu' or 'cuda'",
            ) from error
        return cls(
            TorchBackend(model.eval()),
            checkpoint.tokenizer,
            checkpoint.settings,
            thresholds=thresholds,
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that this tagger can give."""
        return self.settings.labels

    def __call__(self, text: str | Document) -> Document:
        """The document of one text, with its entities."""
        return self.predict([text])[0]

    def predict(self, texts: Iterable[str | Document]) -> list[Document]:
        """The documents of many texts, in order."""
        return list(self.pipe(texts))

    def pipe(self, texts: Iterable[str | Document]) -> Iterator[Document]:
        """The documents of a stream of texts, in order, in bounded memory."""
        for documents in look_aheads(texts):
            yield from self.entities(documents, self.word_logits(documents))

    def entities(
        self, documents: Sequence[Document], read: Sequence[WordLogits]
    ) -> Iterator[Document]:
        """The documents with the entities that `read`, their words' logits, stands for."""
        found = self._decoded(documents, read)
        return found if self.thresholds is None else calibration.apply(found, self.thresholds)

    def _decoded(
        self, documents: Sequence[Document], read: Sequence[WordLogits]
    ) -> Iterator[Document]:
        found = self.decoder.decode(*flat_logits(read))
        by_sentence = found.by_sentence(len(read), self.decoder.labels)
        for document, each, spans in zip(documents, read, by_sentence, strict=True):
            words = each.encoding.words
            yield document.with_entities(
                Entity(
                    words[span.start].start,
                    words[span.end - 1].end,
                    span.label,
                    span.probability,
                )
                for span in spans
            )

    def word_logits(self, documents: Sequence[Document]) -> list[WordLogits]:
        """The logits of every word of every document.

        A word's logits are those of its first subword, in the window that sees most context
        around it. Blind words get the decoder's stand-in.
        """
        encodings = self.encoder.encode(documents)
        blind = self.decoder.blind_logits
        logits = [np.tile(blind, (len(each.words), 1)) for each in encodings]
        windows = [
            window
            for index, encoding in enumerate(encodings)
            for window in self.encoder.windows(encoding, index)
        ]
        pad_id = self.tokenizer.pad_token_id or 0
        for batch in batches(windows, token_budget=self.token_budget, pad_id=pad_id):
            for index, values in zip(batch.indices, self.backend.logits(batch), strict=True):
                window = windows[index]
                logits[window.document][window.words] = values[window.positions]
        for index, values in enumerate(logits):
            if not np.isfinite(values).all():
                raise CheckpointError(
                    "the model's logits are no finite numbers",
                    place=f"document {documents[index].id or index}",
                    hint="the weights are damaged, or overflow at this precision",
                )
        return [WordLogits(*pair) for pair in zip(encodings, logits, strict=True)]


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


def default_device() -> str:
    """Where models run if nothing is said: an accelerator where torch has one, else the CPU."""
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return accelerator.type if accelerator else "cpu"


def look_aheads(texts: Iterable[str | Document]) -> Iterator[list[Document]]:
    """A stream of texts as documents, in lists of bounded size."""
    if isinstance(texts, str | Document):
        raise DocumentError(
            f"one {type(texts).__name__} where many are expected",
            expected="an iterable of texts",
            hint="tagger(text) takes one, tagger.predict([text, …]) many",
        )
    ahead: list[Document] = []
    characters = 0
    for index, text in enumerate(texts):
        document = _as_document(text, index)
        ahead.append(document)
        characters += len(document.text)
        if len(ahead) >= _LOOK_AHEAD_DOCUMENTS or characters >= _LOOK_AHEAD_CHARACTERS:
            yield ahead
            ahead, characters = [], 0
    if ahead:
        yield ahead


def _as_document(text: str | Document, index: int) -> Document:
    if isinstance(text, Document):
        return text
    if isinstance(text, str):
        return Document(text)
    raise DocumentError(f"item {index} is a {type(text).__name__}", expected="a str or a Document")
