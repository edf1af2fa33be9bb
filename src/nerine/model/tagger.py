"""The tagger: a loaded recogniser, as users call it."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Self

from nerine.core.document import Document
from nerine.core.errors import CheckpointError
from nerine.core.extras import optional_imports
from nerine.core.files import disk_errors
from nerine.core.logs import log_notes
from nerine.core.shown import Grid, Shown
from nerine.core.streams import Pause
from nerine.core.tags import TagScheme
from nerine.core.words import Words
from nerine.evaluation.calibration import Thresholds, apply_thresholds
from nerine.evaluation.contamination import TrainingTexts
from nerine.evaluation.signs import Sign, learned_nothing
from nerine.model.backends import Backend
from nerine.model.backends.choosing import open_backend
from nerine.model.backends.hardware import number_of_threads
from nerine.model.backends.processes import ProcessThreads, off_main_thread
from nerine.model.batching import document_of, look_aheads
from nerine.model.behaviour import observe
from nerine.model.inference import Failure, Inference, attempted
from nerine.model.loading.checkpoint import Checkpoint, load_checkpoint
from nerine.model.loading.foreign import TagNames
from nerine.model.loading.sources import Source, find_source
from nerine.model.loading.thresholds import ThresholdChoice, chosen_thresholds
from nerine.model.loading.usage import Usage
from nerine.model.pickling import Loading, PickledTagger, pickled, unpickled
from nerine.model.rules import Rules, given_rules
from nerine.model.settings import Decoding, ModelSettings
from nerine.model.summary import tagger_parts

logger = logging.getLogger("nerine.load")

# The model waits while the first look-ahead is read and encoded, so that one is short.
_FIRST = 256


class Tagger(Shown):
    """Finds the entities of texts.

    A text is a `str` or a `Document`; a document keeps its id, tokens and meta, and its entities
    are replaced. Every method returns the documents in order, one for each text.

    Several threads may use a tagger at the same time. A tagger that was loaded works in a process
    that is forked afterwards, and it can be pickled: the pickle says where the checkpoint lies and
    how it was loaded. Copies share the model, as long as it can't be trained.

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
        rules: Rules that then change what the model has found; None for the model alone.

    Attributes:
        inference: The stages from documents to entities.
        settings: How the model is used.
        source: Where it was loaded from; None if it was made in memory.
        notes: What a user should know about the model and how it was loaded.
        signs: The signs of failure of the model's training, as far as they are known.
        training_texts: The record of the texts that it was made from.
        saved_thresholds: The thresholds that `nerine calibrate` saved with the checkpoint, if any.

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
        rules: Rules | None = None,
    ) -> None:
        self.inference = Inference(backend, tokenizer, settings, token_budget=token_budget)
        self.settings = settings
        self.thresholds = thresholds
        self.rules = rules
        self.source: Source | None = None
        self.notes: tuple[str, ...] = ()
        self.signs: tuple[Sign, ...] = ()
        self.training_texts = TrainingTexts()
        self.saved_thresholds: Thresholds | None = None
        self._loading: Loading | None = None
        self._threads = ProcessThreads(backend.workers)

    @classmethod
    @disk_errors(CheckpointError)
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
        rules: Rules | str | Path | None = None,
        backend: str | None = None,
        threads: int | None = None,
    ) -> Tagger:
        """Loads a tagger from a folder or the hub.

        Takes any token-classification checkpoint of transformers.

        Args:
            name: A folder or a hub id, `owner/name` or `owner/name@revision`.
            revision: A branch, a tag or a commit on the hub.
            scheme: The tag scheme of a checkpoint that Nerine did not make; by default it is found
                from its tags and from what it says of some texts.
            tags: The tags of such a checkpoint, if its configuration does not name them: all in the
                order of their ids, or some by their names, `{"LABEL_1": "B-person", "X": "O"}`.
            words: The units that bear a tag, as in `ModelSettings`; by default the saved ones, and
                `"tokenizer"` for a checkpoint that Nerine did not make.
            decoding: `"viterbi"` or `"argmax"`; by default the saved one, or the one that suits the
                scheme that was found.
            max_length: The most subwords of a window; by default the saved number, or the most that
                such a checkpoint takes, up to 4,096.
            device: Torch's name of the device; by default a GPU if there is one.
            thresholds: A probability from 0 to 1 for all labels, one for each of some labels,
                `Thresholds`, or `"saved"` for those that `nerine calibrate` saved; by default every
                entity is kept.
            rules: `Rules`, or the TOML file of some, applied to what is above the thresholds.
            backend: `"pytorch"`, `"onnx"`, `"onnx-fp32"` or `"onnx-int8"`; by default the one that
                `nerine optimize` chose for this checkpoint, if it can be used, else PyTorch.
                `notes` says what could not be used, and why.
            threads: The number of threads on a CPU, with any backend; by default that of the
                environment variable NERINE_THREADS, or else one for each core that this process
                may use. PyTorch has one such number for the whole program.

        Raises:
            CheckpointError: If the folder does not exist or holds no usable checkpoint, or no
                thresholds are saved.
            SettingsError: If the backend, the device, the words or the decoding is unknown, a
                threshold is outside 0 to 1, the number of threads or a rule is not valid, or the
                model takes no window of `max_length`.
            EncodingError: If the tokenizer does not fit the model or gives no character offsets.
            SchemeError: If the tag scheme is unknown, or a tag has an unknown form.
            HubError: If a checkpoint on the hub cannot be reached.
            MissingExtraError: If a package that the backend needs is not installed.
        """
        rules = given_rules(rules)
        source = find_source(name, revision=revision)
        opened = open_backend(source, backend, device, number_of_threads(threads))
        usage: dict[str, Any] = {"words": words, "decoding": decoding, "max_length": max_length}
        checkpoint = off_main_thread(
            load_checkpoint,
            source,
            scheme=scheme,
            tags=tags,
            usage=Usage(**usage),
            weights=opened.backend is None,
        )
        saved = checkpoint.calibration.thresholds if checkpoint.calibration else None
        chosen = chosen_thresholds(thresholds, saved, str(source))
        if opened.backend is not None:
            tagger = cls.of(opened.backend, checkpoint, thresholds=chosen)
        else:
            tagger = cls.from_checkpoint(
                checkpoint, device=device, thresholds=chosen, frozen=True, threads=threads
            )
        tagger.source, tagger.rules = source, rules
        ruled = [] if rules is None else [f"the model's entities are changed by {rules}"]
        notes = (*source.notes, *opened.notes, *tagger.notes, *ruled)
        tagger.notes = tuple(dict.fromkeys(notes))  # onnx.json repeats those on the weights
        log_notes(logger, f"loaded {source}, run by {tagger.inference.backend.name}", tagger.notes)
        arguments = {"scheme": scheme, "tags": tags, **usage, "device": device}
        arguments |= {"backend": backend, "threads": threads}
        tagger._loading = Loading(source, arguments)  # noqa: SLF001 - its own class
        return tagger

    @classmethod
    def from_checkpoint(
        cls,
        checkpoint: Checkpoint,
        *,
        device: str | None = None,
        thresholds: Thresholds | None = None,
        frozen: bool = False,
        threads: int | None = None,
    ) -> Tagger:
        """Makes a tagger from a checkpoint in memory, on PyTorch.

        Args:
            checkpoint: The checkpoint; its model is set to evaluation mode.
            device: Torch's name of the device; by default a GPU if there is one.
            thresholds: The thresholds; None keeps every entity.
            frozen: Whether its weights will not change any more, so that they may be rearranged for
                speed.
            threads: The number of torch's threads, as in `load`.

        Raises:
            CheckpointError: If the model cannot be run.
            EncodingError: If the tokenizer gives no character offsets.
            SchemeError: If a tag has an unknown form, or `O` is missing.
            SettingsError: If the device is unknown.
        """
        with optional_imports("running a model with PyTorch"):
            from nerine.model.backends.pytorch import TorchBackend, placed, use_threads

        use_threads(threads)
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
        tagger = cls(backend, checkpoint.tokenizer, checkpoint.settings, thresholds=thresholds)
        notes = [*checkpoint.notes, *backend.notes]
        if checkpoint.scheme_from != "record":
            tagger.settings, observed = observe(tagger.inference, checkpoint)
            tagger.inference = tagger.inference.changed(settings=tagger.settings)
            notes += observed
        tagger.signs = checkpoint.signs or ()
        tagger.training_texts = TrainingTexts(checkpoint.provenance, checkpoint.calibration)
        if checkpoint.calibration is not None:
            tagger.saved_thresholds = checkpoint.calibration.thresholds
        failed = learned_nothing(tagger.signs)
        tagger.notes = (*notes, *([failed.message] if failed else []))
        return tagger

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that this tagger can give: those of the model, then those of rules alone."""
        ruled = () if self.rules is None else self.rules.labels
        return tuple(dict.fromkeys((*self.inference.head.labels, *ruled)))

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
        return self.predict([document_of(text)])[0]

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
            return [self.finished(each) for each in self.inference.predict(aheads[0])]
        return list(self.pipe(chain.from_iterable(aheads)))

    async def apredict(self, texts: Iterable[str | Document]) -> list[Document]:
        """Tags many texts in a thread, so that the event loop is not blocked.

        As many calls run at the same time as the backend runs best; others wait. A call that is
        cancelled while it waits is not run.

        Args:
            texts: The texts; they are read in that thread.

        Raises:
            DocumentError: If an item is not a text, or `texts` is a single text.
            CheckpointError: If a logit is infinite or not a number.
        """
        from asyncio import get_running_loop

        return await get_running_loop().run_in_executor(self._threads.pool(), self.predict, texts)

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
            yield self.finished(outcome)

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
            yield attempted(self.finished, outcome)

    def finished(self, document: Document) -> Document:
        """The document without entities below their thresholds, and with those of the rules.

        Args:
            document: A document with the entities of the model.

        Raises:
            SettingsError: If a pattern of a rule takes too long on this text.
        """
        document = self.filtered(document)
        return document if self.rules is None else self.rules.apply(document)

    def filtered(self, document: Document) -> Document:
        """The document without the entities that score below their thresholds.

        Args:
            document: A document with predicted entities.
        """
        if self.thresholds is None:
            return document
        return next(apply_thresholds([document], self.thresholds))

    def shown_parts(self) -> list[Grid | str]:
        """How it works, as a table, and its notes."""
        backend = self.inference.backend.name
        chosen = self.settings, backend, self.thresholds, self.rules
        return tagger_parts(self.name, *chosen, notes=self.notes)

    def __copy__(self) -> Self:
        """A tagger with the same model, whose thresholds and rules can be changed apart."""
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """The same; a model that may still be trained is copied."""
        copied = copy.copy(self)
        backend = copy.deepcopy(self.inference.backend, memo)
        if backend is not self.inference.backend:
            copied.inference = self.inference.changed(backend=backend)
        return copied

    def __reduce__(self) -> tuple[Callable[..., Tagger], tuple[type[Tagger], PickledTagger]]:
        """What a pickle holds: where the checkpoint lies, and how it was loaded.

        Raises:
            ProcessError: If the tagger was made in memory, or its checkpoint has changed since.
        """
        return unpickled, (type(self), pickled(self, self._loading))
