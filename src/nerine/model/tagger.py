"""The tagger: a model, its tokenizer and its settings as one thing that tags texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from nerine.core.document import Document
from nerine.core.errors import CheckpointError
from nerine.core.extras import optional_imports
from nerine.core.tags import TagScheme
from nerine.evaluation import calibration
from nerine.evaluation.calibration import Thresholds
from nerine.model.backends import Backend
from nerine.model.backends.choosing import open_backend
from nerine.model.batching import Batch, batches, look_aheads
from nerine.model.choices import ThresholdChoice, chosen_thresholds
from nerine.model.decoded import decoded
from nerine.model.decoding import Decoder
from nerine.model.encoding import Encoder, Encodings
from nerine.model.loading.checkpoint import Checkpoint, load_checkpoint
from nerine.model.loading.sources import Source, find_source
from nerine.model.pipeline import Failure, computed, outcomes
from nerine.model.readings import LogitArray, Reading
from nerine.model.settings import ModelSettings

# Nothing is computed while the first look-ahead is read and encoded: a short one.
_FIRST = 256


class Tagger:
    """Finds the entities of texts.

    A text may be a `str` or a `Document`, whose id, tokens and meta are kept and whose entities
    are replaced. However it is called, documents come back in order and in the same number.

    ::

        tagger = Tagger.load("runs/wnut")
        document = tagger("Mira Okonjo left Tandem Labs.")  # one text → one Document
        documents = tagger.predict(["One text.", "Another."])  # many → a list
        stream = tagger.pipe(open("posts.txt"))  # a stream → an iterator

    Args:
        backend: What runs the model.
        tokenizer: The tokenizer of transformers that belongs to it.
        settings: How the model is used.
        token_budget: The most subwords of a batch, padding included; by default what suits the
            backend.
        thresholds: Entities that score below their label's threshold are dropped; None keeps all.

    Attributes:
        source: Where it was loaded from; None for one made in memory.
        notes: What a user should know of how it was loaded.
        encoder: Cuts documents into words, subwords and windows.
        decoder: Finds the entities in logits.

    Raises:
        EncodingError: For a tokenizer that gives no character offsets.
        SchemeError: For a tag of an unknown form, and for tags without `O`.
        SettingsError: For an overlap that windows of this length cannot have.
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
        self.source: Source | None = None
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
        name: str | Path | Source,
        *,
        revision: str | None = None,
        scheme: TagScheme | str | None = None,
        tags: Sequence[str] | None = None,
        device: str | None = None,
        thresholds: ThresholdChoice = None,
        backend: str | None = None,
    ) -> Tagger:
        """A tagger from a folder or the hub.

        Takes any token-classification checkpoint of transformers.

        Args:
            name: A folder or a hub id, `owner/name` or `owner/name@revision`.
            revision: A branch, a tag or a commit on the hub.
            scheme: The tag scheme of a checkpoint that Nerine did not make, where its labels leave
                it open.
            tags: The tags of such a checkpoint by their numbers, where they have no names.
            device: Torch's name for where the model runs; by default a GPU where there is one.
            thresholds: A probability from 0 to 1 for all labels, `Thresholds`, or `"saved"` for
                those that `nerine calibrate` saved; by default every entity is kept.
            backend: `"pytorch"`, `"onnx"`, `"onnx-fp32"` or `"onnx-int8"`; by default what `nerine
                optimize` chose for this checkpoint where that can be used, else PyTorch. What could
                not be used, and why, is in `notes`.

        Returns:
            The tagger.

        Raises:
            CheckpointError: For a folder that is not there or is no usable checkpoint, and where no
                thresholds are saved.
            SettingsError: For a backend or a device that there is not, and a threshold out of its
                range.
            EncodingError: For a tokenizer that does not fit the model or gives no character
                offsets.
            SchemeError: For a tag scheme that there is not, or tags of an unknown form.
            HubError: For a checkpoint on the hub that cannot be reached.
            MissingExtraError: For a backend or a package that is not installed.
        """
        source = find_source(name, revision=revision)
        opened = open_backend(source, backend, device)
        checkpoint = load_checkpoint(
            source, scheme=scheme, tags=tags, weights=opened.backend is None
        )
        chosen = chosen_thresholds(thresholds, checkpoint, str(source))
        if opened.backend is not None:
            tagger = cls(
                opened.backend, checkpoint.tokenizer, checkpoint.settings, thresholds=chosen
            )
        else:
            tagger = cls.from_checkpoint(checkpoint, device=device, thresholds=chosen, frozen=True)
        tagger.source = source
        tagger.notes = (*source.notes, *opened.notes)
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

        Args:
            checkpoint: The checkpoint; its model is put into evaluation.
            device: Torch's name for where the model runs; by default a GPU where there is one.
            thresholds: The thresholds; None keeps every entity.
            frozen: Whether its weights do not change any more, so that they may be laid out anew
                for speed.

        Returns:
            The tagger.

        Raises:
            CheckpointError: For a model that cannot be run.
            EncodingError: For a tokenizer that gives no character offsets.
            SchemeError: For a tag of an unknown form, and for tags without `O`.
            SettingsError: For a device that there is not.
        """
        with optional_imports("running a model with PyTorch"):
            from nerine.model.backends.pytorch import TorchBackend, placed

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
        """The folder or `owner/name@commit` that it was loaded from, whatever branch was asked for.

        Empty for one that was made in memory.
        """
        return str(self.source or "")

    def __call__(self, text: str | Document) -> Document:
        """The document of one text, with its entities.

        Args:
            text: A text, or a document.

        Raises:
            DocumentError: For what is neither.
            CheckpointError: Where the model's logits are no finite numbers.
        """
        return self.predict([text])[0]

    def predict(self, texts: Iterable[str | Document]) -> list[Document]:
        """Tags many texts.

        Args:
            texts: The texts.

        Returns:
            Their documents, in order.

        Raises:
            DocumentError: For what is no text, and for one text where many are expected.
            CheckpointError: Where the model's logits are no finite numbers.
        """
        aheads = list(look_aheads(texts))
        if len(aheads) == 1:
            return list(self.entities(aheads[0], self.word_logits(aheads[0])))
        return list(self.pipe(chain.from_iterable(aheads)))

    def pipe(self, texts: Iterable[str | Document]) -> Iterator[Document]:
        """Tags a stream of texts in bounded memory.

        While the model computes, the texts behind are read and encoded, and the entities before
        are found.

        Args:
            texts: The texts; they are read ahead.

        Yields:
            Their documents, in order.

        Raises:
            DocumentError: For what is no text, and for one text where many are expected.
            CheckpointError: Where the model's logits are no finite numbers.
        """
        for outcome in outcomes(self, look_aheads(texts, first=_FIRST)):
            if isinstance(outcome, Failure):
                raise outcome.error
            yield outcome

    def attempts(self, texts: Iterable[str | Document]) -> Iterator[Document | Failure]:
        """As `pipe`, with a `Failure` in the place of each document that cannot be tagged.

        Args:
            texts: The texts; what reading them raises is raised here as well.

        Returns:
            Documents and failures, in order.

        Raises:
            DocumentError: For what is no text, and for one text where many are expected.
            CheckpointError: Where many texts are read together and all fail in the same way: the
                model is at fault then.
        """
        return outcomes(self, look_aheads(texts))

    def word_logits(self, documents: Sequence[Document]) -> Reading:
        """The logits of every word of every document.

        A word's logits are those of its first subword, in the window that sees most context
        around it.

        Args:
            documents: The documents.

        Returns:
            Their encodings and logits.

        Raises:
            CheckpointError: For logits that are no finite numbers.
        """
        encodings = self.encoder.encode(documents)
        results = computed(self.backend, self.batches(encodings))
        return self.reading(documents, encodings, results)

    def batches(self, encodings: Encodings, token_budget: int | None = None) -> list[Batch]:
        """All windows of some encodings in batches, the longest first.

        Args:
            encodings: The encodings.
            token_budget: The most subwords of a batch, padding included; by default what suits the
                backend.
        """
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
        """All words' logits from those of the batches. Blind words get the decoder's stand-in.

        Args:
            documents: The documents, for messages.
            encodings: Their encodings.
            results: Each batch with the logits of its words, `(words, tags)`.

        Returns:
            The logits of all words.

        Raises:
            CheckpointError: For logits that are no finite numbers.
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
        """The documents with the entities that their words' logits stand for.

        Args:
            documents: The documents.
            read: The logits of their words.

        Returns:
            The documents, in order, with the entities that reach the thresholds.
        """
        found = decoded(self.decoder, documents, read)
        return found if self.thresholds is None else calibration.apply(found, self.thresholds)
