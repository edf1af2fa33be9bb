"""The tagger: a loaded recogniser, as users call it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from nerine.core.document import Document
from nerine.core.errors import CheckpointError
from nerine.core.extras import optional_imports
from nerine.core.streams import Pause
from nerine.core.tags import TagScheme
from nerine.core.words import Words
from nerine.evaluation.calibration import Thresholds, apply_thresholds
from nerine.evaluation.signs import Sign, learned_nothing
from nerine.model.backends import Backend
from nerine.model.backends.choosing import open_backend
from nerine.model.batching import look_aheads
from nerine.model.behaviour import observe
from nerine.model.inference import Failure, Inference
from nerine.model.loading.checkpoint import Checkpoint, load_checkpoint
from nerine.model.loading.foreign import TagNames
from nerine.model.loading.sources import Source, find_source
from nerine.model.loading.usage import Usage
from nerine.model.settings import Decoding, ModelSettings

ThresholdChoice = Thresholds | float | Literal["saved"] | None
"""Thresholds; one for all labels; those saved with the checkpoint; or none."""

# The model waits while the first look-ahead is read and encoded, so that one is short.
_FIRST = 256


class Tagger:
    """Finds the entities of texts.

    A text is a `str` or a `Document`; a document keeps its id, tokens and meta, and its entities
    are replaced. Every method returns the documents in order, one for each text.

    ::

        tagger = Tagger.load("runs/wnut")
        document = tagger("Mira Okonjo left Tandem Labs.")  # one text → one Document
        documents = tagger.predict(["One text.", "Another."])  # many → a list
        stream = tagger.pipe(open("posts.txt"))  # a stream → an iterator

    Args:
        backend: Runs the model.
        tokenizer: The tokenizer of the model.
        settings: How the model is used.
        token_budget: The most subwords of a batch, padding included; by default the backend's.
        thresholds: Entities that score below their label's threshold are dropped; None keeps all.

    Attributes:
        inference: The stages from documents to entities.
        settings: How the model is used.
        source: Where it was loaded from; None if it was made in memory.
        notes: What a user should know about the model and how it was loaded.
        signs: The signs of failure of the model's training, as far as they are known.

    Raises:
        EncodingError: If the tokenizer gives no character offsets.
        SchemeError: If a tag has an unknown form, or `O` is missing.
        SettingsError: If windows of this length cannot have this overlap.
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
        self.inference = Inference(backend, tokenizer, settings, token_budget=token_budget)
        self.settings = settings
        self.thresholds = thresholds
        self.source: Source | None = None
        self.notes: tuple[str, ...] = ()
        self.signs: tuple[Sign, ...] = ()

    @classmethod
    def load(
        cls,
        name: str | Path | Source,
        *,
        revision: str | None = None,
        scheme: TagScheme | str | None = None,
        tags: TagNames | None = None,
        words: Words | None = None,
        decoding: Decoding | None = None,
        max_length: int | None = None,
        device: str | None = None,
        thresholds: ThresholdChoice = None,
        backend: str | None = None,
    ) -> Tagger:
        """Loads a tagger from a folder or the hub.

        Takes any token-classification checkpoint of transformers.

        Args:
            name: A folder or a hub id, `owner/name` or `owner/name@revision`.
            revision: A branch, a tag or a commit on the hub.
            scheme: The tag scheme of a checkpoint that Nerine did not make, if its tags leave it
                open.
            tags: The tags of such a checkpoint, if its configuration does not name them: all in the
                order of their ids, or some by their names, `{"LABEL_1": "B-person", "X": "O"}`.
            words: The units that bear a tag, as in `ModelSettings`; by default the saved ones, and
                `"tokenizer"` for a checkpoint that Nerine did not make.
            decoding: `"viterbi"` or `"argmax"`; by default the saved one, or the one that suits
                what such a checkpoint says of some texts.
            max_length: The most subwords of a window; by default the saved number, or the most that
                the model takes, up to 4,096.
            device: Torch's name of the device; by default a GPU if there is one.
            thresholds: A probability from 0 to 1 for all labels, `Thresholds`, or `"saved"` for
                those that `nerine calibrate` saved; by default every entity is kept.
            backend: `"pytorch"`, `"onnx"`, `"onnx-fp32"` or `"onnx-int8"`; by default the one that
                `nerine optimize` chose for this checkpoint, if it can be used, else PyTorch.
                `notes` says what could not be used, and why.

        Raises:
            CheckpointError: If the folder does not exist or holds no usable checkpoint, or no
                thresholds are saved.
            SettingsError: If the backend, the device, the words or the decoding is unknown, a
                threshold is outside 0 to 1, or the model takes no window of `max_length`.
            EncodingError: If the tokenizer does not fit the model or gives no character offsets.
            SchemeError: If the tag scheme is unknown, or a tag has an unknown form.
            HubError: If a checkpoint on the hub cannot be reached.
            MissingExtraError: If a package that the backend needs is not installed.
        """
        source = find_source(name, revision=revision)
        opened = open_backend(source, backend, device)
        checkpoint = load_checkpoint(
            source,
            scheme=scheme,
            tags=tags,
            usage=Usage(words, decoding, max_length),
            weights=opened.backend is None,
        )
        chosen = _chosen_thresholds(thresholds, checkpoint, str(source))
        if opened.backend is not None:
            tagger = cls.of(opened.backend, checkpoint, thresholds=chosen)
        else:
            tagger = cls.from_checkpoint(checkpoint, device=device, thresholds=chosen, frozen=True)
        tagger.source = source
        notes = (*source.notes, *opened.notes, *tagger.notes)
        tagger.notes = tuple(dict.fromkeys(notes))  # onnx.json repeats those on the weights
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
        """Makes a tagger from a checkpoint in memory, on PyTorch.

        Args:
            checkpoint: The checkpoint; its model is set to evaluation mode.
            device: Torch's name of the device; by default a GPU if there is one.
            thresholds: The thresholds; None keeps every entity.
            frozen: Whether its weights will not change any more, so that they may be rearranged for
                speed.

        Raises:
            CheckpointError: If the model cannot be run.
            EncodingError: If the tokenizer gives no character offsets.
            SchemeError: If a tag has an unknown form, or `O` is missing.
            SettingsError: If the device is unknown.
        """
        with optional_imports("running a model with PyTorch"):
            from nerine.model.backends.pytorch import TorchBackend, placed

        model = placed(checkpoint.model, device)
        backend = TorchBackend.frozen(model.eval()) if frozen else TorchBackend.of(model.eval())
        return cls.of(backend, checkpoint, thresholds=thresholds)

    @classmethod
    def of(
        cls, backend: Backend, checkpoint: Checkpoint, *, thresholds: Thresholds | None = None
    ) -> Tagger:
        """Makes a tagger that runs the model of a checkpoint on a backend.

        What a model that Nerine did not make says of some texts shows its scheme, unless the user
        has stated it.

        Args:
            backend: The backend, with this model.
            checkpoint: The checkpoint.
            thresholds: The thresholds; None keeps every entity.

        Raises:
            CheckpointError: If the model's logits are infinite or not numbers.
            EncodingError: If the tokenizer gives no character offsets.
            SchemeError: If a tag has an unknown form, or `O` is missing.
        """
        tokenizer, settings = checkpoint.tokenizer, checkpoint.settings
        tagger = cls(backend, tokenizer, settings)
        notes = [*checkpoint.notes, *backend.notes]
        if checkpoint.scheme_from != "record":
            is_stated = checkpoint.scheme_from == "user"
            settings, observed = observe(tagger.inference, is_stated=is_stated)
            tagger = cls(backend, tokenizer, settings)
            notes += observed
        tagger.thresholds = thresholds
        tagger.signs = checkpoint.signs or ()
        failed = learned_nothing(tagger.signs)
        tagger.notes = (*notes, *([failed.message] if failed else []))
        return tagger

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that this tagger can give."""
        return self.inference.head.labels

    @property
    def name(self) -> str:
        """The folder or `owner/name@commit` that it was loaded from; empty if made in memory."""
        return str(self.source or "")

    def __call__(self, text: str | Document) -> Document:
        """Tags one text.

        Args:
            text: A text, or a document.

        Raises:
            DocumentError: If it is neither.
            CheckpointError: If a logit is infinite or not a number.
        """
        return self.predict([text])[0]

    def predict(self, texts: Iterable[str | Document]) -> list[Document]:
        """Tags many texts.

        Args:
            texts: The texts.

        Raises:
            DocumentError: If an item is not a text, or `texts` is a single text.
            CheckpointError: If a logit is infinite or not a number.
        """
        aheads = list(look_aheads(texts))
        if len(aheads) == 1:
            return [self.filtered(each) for each in self.inference.predict(aheads[0])]
        return list(self.pipe(chain.from_iterable(aheads)))

    def pipe(self, texts: Iterable[str | Document | Pause]) -> Iterator[Document]:
        """Tags a stream of texts in bounded memory.

        The model runs in threads while the next texts are read and encoded.

        Args:
            texts: The texts; they are read ahead. At a `PAUSE` among them, those before it are
                tagged without waiting for more.

        Raises:
            DocumentError: If an item is not a text, or `texts` is a single text.
            CheckpointError: If a logit is infinite or not a number.
        """
        for outcome in self.inference.stream(look_aheads(texts, first=_FIRST)):
            if isinstance(outcome, Failure):
                raise outcome.error
            yield self.filtered(outcome)

    def pipe_with_errors(
        self, texts: Iterable[str | Document | Pause]
    ) -> Iterator[Document | Failure]:
        """Tags a stream of texts as `pipe` does, with a `Failure` for each text that fails.

        Args:
            texts: As for `pipe`; an error in reading them is raised here, too.

        Raises:
            DocumentError: If an item is not a text, or `texts` is a single text.
            CheckpointError: If many texts all fail in the same way: then the model is the cause.
        """
        for outcome in self.inference.stream(look_aheads(texts)):
            yield outcome if isinstance(outcome, Failure) else self.filtered(outcome)

    def filtered(self, document: Document) -> Document:
        """The document without the entities that score below their thresholds.

        Args:
            document: A document with predicted entities.
        """
        if self.thresholds is None:
            return document
        return next(apply_thresholds([document], self.thresholds))


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
