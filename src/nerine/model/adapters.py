"""Several taggers over one encoder in memory, each with the adapter of a training with LoRA."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nerine.core.arguments import checked
from nerine.core.document import Document
from nerine.core.errors import CheckpointError, SettingsError
from nerine.core.extras import optional_imports
from nerine.core.files import disk_errors
from nerine.model.backends.hardware import number_of_threads
from nerine.model.backends.processes import off_main_thread
from nerine.model.batching import document_of, look_aheads
from nerine.model.loading.adapter import HASH_KEY, SavedAdapter
from nerine.model.loading.checkpoint import Checkpoint
from nerine.model.loading.sources import Source
from nerine.model.tagger import Tagger


class Adapters(Mapping[str, Tagger]):
    """Several taggers over one encoder, which is in memory once.

    `adapters["disease"]` is a `Tagger` like any other, with thresholds and rules of its own. Each
    has modules of its own that share the encoder's tensors, so threads may use all of them at the
    same time.

    ::

        adapters = Adapters.load("encoder", {"person": "runs/person", "disease": "runs/disease"})
        document = adapters["disease"]("Aspirin helps with migraine.")  # one adapter
        documents = adapters("Aspirin helps with migraine.")  # all: a document for each name

    Args:
        taggers: The tagger of each name.
    """

    def __init__(self, taggers: Mapping[str, Tagger]) -> None:
        self._taggers = dict(taggers)

    @classmethod
    @checked
    @disk_errors(CheckpointError)
    def load(
        cls,
        base: str | Path | Source,
        adapters: Mapping[str, str | Path],
        *,
        revision: str | None = None,
        device: str | None = None,
        backend: str = "pytorch",
        threads: int | None = None,
    ) -> Adapters:
        """Loads an encoder and the adapters that were trained over it.

        Args:
            base: The encoder: a folder, a hub id, or `package:NAME`.
            adapters: The folder of each adapter by its name: `RUN/adapter`, or its run, `RUN`.
            revision: The encoder's branch, tag or commit on the hub.
            device: Torch's name of the device; by default a GPU if there is one.
            backend: `"pytorch"`; ONNX models have their updates merged into them.
            threads: The number of torch's threads, as in `Tagger.load`.

        Raises:
            CheckpointError: If the encoder or an adapter is not found or damaged, or an adapter was
                trained over another encoder.
            SettingsError: If there is no adapter, or the backend, the device or the number of
                threads is not valid.
            EncodingError: If the tokenizer gives no character offsets.
            HubError: If the encoder cannot be reached.
            MissingExtraError: If PyTorch or the encoder's package is not installed.
        """
        if backend != "pytorch":
            raise SettingsError(
                f"the backend {backend} cannot run adapters over one encoder",
                place="backend",
                expected="pytorch",
                hint="a run has its whole checkpoint, which nerine optimize makes ready for ONNX",
            )
        if not adapters:
            raise SettingsError("there are none", place="adapters", expected="a folder by its name")
        saved = {name: SavedAdapter.read(Path(folder)) for name, folder in adapters.items()}
        threads = number_of_threads(threads)
        with optional_imports("running adapters with PyTorch"):
            from nerine.model.backends.pytorch import use_threads

        use_threads(threads)
        return cls(off_main_thread(_load, base, saved, revision, device))

    def __getitem__(self, name: str) -> Tagger:
        """The tagger of an adapter; raises `KeyError`."""
        return self._taggers[name]

    def __iter__(self) -> Iterator[str]:
        """The names of the adapters."""
        return iter(self._taggers)

    def __len__(self) -> int:
        """The number of adapters."""
        return len(self._taggers)

    def __call__(self, text: str | Document) -> dict[str, Document]:
        """Tags one text with all adapters: the document of each, by its name.

        Args:
            text: A text, or a document.

        Raises:
            DocumentError: If it is neither.
            CheckpointError: If a logit is infinite or not a number.
        """
        return {name: found[0] for name, found in self.predict([document_of(text)]).items()}

    def predict(self, texts: Iterable[str | Document]) -> dict[str, list[Document]]:
        """Tags many texts with all adapters: the documents of each, by its name.

        Args:
            texts: The texts; all of them are in memory at once.

        Raises:
            DocumentError: If an item is not a text, or `texts` is a single text.
            CheckpointError: If a logit is infinite or not a number.
        """
        documents = [document for ahead in look_aheads(texts) for document in ahead]
        return {name: tagger.predict(documents) for name, tagger in self.items()}


def _load(
    name: str | Path | Source,
    adapters: Mapping[str, SavedAdapter],
    revision: str | None,
    device: str | None,
) -> dict[str, Tagger]:
    """The tagger of each adapter over the encoder called `name`."""
    from nerine.model.adapted import adapted_model, encoder_hash
    from nerine.model.backends.lean import WholeModel
    from nerine.model.backends.pytorch import TorchBackend, placed
    from nerine.model.loading.pretrained import load_encoder

    first = next(iter(adapters.values()))
    base = load_encoder(_as_source(name), first.settings.tags, revision=revision)
    digest = encoder_hash(base.model)
    for adapter in adapters.values():
        _check_encoder(adapter, digest, str(base.source))
    model = placed(base.model, device)
    taggers: dict[str, Tagger] = {}
    for each, adapter in adapters.items():
        own: Any = adapted_model(model, adapter)
        checkpoint = Checkpoint(
            own,
            base.tokenizer,
            adapter.settings,
            adapter.scores,
            adapter.provenance,
            signs=adapter.signs,
        )
        taggers[each] = Tagger.of(TorchBackend(WholeModel(own), is_frozen=True), checkpoint)
    return taggers


def _as_source(name: str | Path | Source) -> str | Source:
    return name if isinstance(name, Source) else str(name)


def _check_encoder(adapter: SavedAdapter, digest: str, encoder: str) -> None:
    """Raises `CheckpointError` unless an adapter was trained over the encoder with this hash."""
    if adapter.encoder.get(HASH_KEY) != digest:
        raise CheckpointError(
            f"this adapter was not trained over {encoder}, or its weights have changed since",
            place=str(adapter.folder),
            expected=f"the encoder {adapter.encoder.get('name', 'that it was trained over')}",
        )
