"""Pickles of loaded taggers: where the checkpoint lies and how it was loaded, not its weights.

A process that unpickles such a tagger loads the checkpoint again, once for each checkpoint and its
settings; a process that was forked from one where the tagger lives uses that one's memory.
"""

from __future__ import annotations

import copy
import hashlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from nerine.core.errors import ProcessError
from nerine.core.filenames import (
    CONFIG_FILE,
    INDEX_FILE,
    INFO_FILE,
    ONNX_FOLDER,
    ONNX_INFO_FILE,
    TOKENIZER_FILES,
)
from nerine.core.files import file_hash
from nerine.core.strict_json import MEGABYTE, read_object
from nerine.evaluation.calibration import Thresholds
from nerine.model.loading.sources import PACKAGE_PREFIX, Source, find_source
from nerine.model.rules import Rules
from nerine.model.settings import ModelSettings

_SMALL_FILES = (CONFIG_FILE, *TOKENIZER_FILES, ONNX_INFO_FILE)
_WEIGHTS = "*.safetensors"
_KEPT = 2


@dataclass(frozen=True, slots=True)
class PickledTagger:
    """The content of a tagger's pickle.

    Attributes:
        place: Where the checkpoint is found from any folder.
        name: The name that the user gave it.
        arguments: The arguments of `Tagger.load`, apart from its thresholds and rules.
        fingerprint: The hash of what the model computes with.
        settings: How the model is used.
        token_budget: The most subwords of a batch; None for the backend's.
        thresholds: The thresholds, None if every entity is kept.
        rules: The rules, None for the model alone.
    """

    place: str
    name: str
    arguments: Mapping[str, Any]
    fingerprint: str
    settings: ModelSettings
    token_budget: int | None
    thresholds: Thresholds | None
    rules: Rules | None

    @property
    def model(self) -> str:
        """What taggers have in common that differ only in their thresholds and rules."""
        return repr(
            (self.place, self.arguments, self.fingerprint, self.settings, self.token_budget)
        )


class Loading:
    """How a tagger was loaded: from `source`, with the `arguments` of `Tagger.load`."""

    def __init__(self, source: Source, arguments: Mapping[str, Any]) -> None:
        self.source = source
        self.arguments = arguments
        self._folder = source.folder.absolute()
        self._stamps = _stamps(self._folder)
        self._fingerprint: str | None = None

    def pickled(self, tagger: Any) -> PickledTagger:
        """The content of a tagger's pickle.

        Raises `ProcessError` if the files have changed since.
        """
        is_folder = not (self.source.snapshot or self.source.name.startswith(PACKAGE_PREFIX))
        return PickledTagger(
            place=str(self._folder if is_folder else self.source),
            name=self.source.name,
            arguments=self.arguments,
            fingerprint=self.fingerprint(),
            settings=tagger.settings,
            token_budget=tagger.inference.token_budget,
            thresholds=tagger.thresholds,
            rules=tagger.rules,
        )

    def fingerprint(self) -> str:
        """The hash of what the model computes with; for a repository, its commit.

        Raises `ProcessError` if the files have changed since they were loaded.
        """
        if self.source.snapshot:
            return self.source.snapshot.commit
        if _stamps(self._folder) != self._stamps:
            raise ProcessError(
                "the checkpoint has changed since this tagger was loaded, so that another process "
                "would load another one",
                place=str(self.source),
                expected="the files that were loaded",
                hint="load it again: Tagger.load",
            )
        if self._fingerprint is None:
            self._fingerprint = _fingerprint(self._folder)
        return self._fingerprint


def source_of(pickled: PickledTagger) -> Source:
    """The source of a pickled tagger; raises `ProcessError` if it holds another checkpoint now."""
    source = replace(find_source(pickled.place), name=pickled.name)
    if Loading(source, {}).fingerprint() != pickled.fingerprint:
        raise ProcessError(
            "the checkpoint has changed since the tagger was pickled",
            place=pickled.place,
            expected="the files that the tagger was loaded from",
            hint="load and pickle it again",
        )
    return source


def pickled_of(tagger: Any) -> PickledTagger:
    """The content of a tagger's pickle, with the fingerprint of its checkpoint.

    Raises `ProcessError` if it was made in memory, or its checkpoint has changed since.
    """
    _, (_, pickled) = tagger.__reduce__()
    content: PickledTagger = pickled
    return content


class SharedTaggers:
    """The taggers of this process that were pickled or unpickled, by their model.

    A forked process has those of its parent, as long as they live there. The last ones that were
    unpickled stay, for the next task of a worker.
    """

    def __init__(self) -> None:
        self._known: WeakValueDictionary[str, Any] = WeakValueDictionary()
        self._latest: deque[Any] = deque(maxlen=_KEPT)

    def get(self, pickled: PickledTagger) -> Any:
        """A tagger with the model of a pickled one; None if there is none."""
        return self._known.get(pickled.model)

    def add(self, pickled: PickledTagger, tagger: Any, *, keep: bool) -> None:
        """Lends the model of `tagger`; without `keep`, while the tagger lives."""
        self._known[pickled.model] = tagger
        if keep:
            self._latest.append(tagger)


shared_taggers = SharedTaggers()


def pickled(tagger: Any, loading: Loading | None) -> PickledTagger:
    """The content of the pickle of a tagger, whose model is lent to those that it becomes.

    Raises `ProcessError` if it was made in memory, or its checkpoint has changed since.
    """
    if loading is None:
        raise ProcessError(
            "a tagger that was made in memory cannot be pickled: no other process could find its "
            "weights",
            expected="a tagger that was loaded from a folder or the hub",
            hint="save_checkpoint(folder, checkpoint), and pickle Tagger.load(folder)",
        )
    content = loading.pickled(tagger)
    shared_taggers.add(content, tagger, keep=False)
    return content


def unpickled(kind: Any, pickled: PickledTagger) -> Any:
    """The tagger of a pickle, of class `kind`, loaded unless this process has its model already."""
    known = shared_taggers.get(pickled)
    if known is None:
        known = kind.load(source_of(pickled), **pickled.arguments)
        known.settings = pickled.settings
        known.inference = known.inference.changed(settings=pickled.settings)
        known.inference.token_budget = pickled.token_budget
        shared_taggers.add(pickled, known, keep=True)
    tagger = copy.copy(known)
    tagger.thresholds, tagger.rules = pickled.thresholds, pickled.rules
    return tagger


def files_to_load(folder: Path) -> list[Path]:
    """All files of a checkpoint's folder that a tagger may be loaded from, whatever its backend."""
    others = [folder / INFO_FILE, folder / INDEX_FILE, *sorted(folder.glob(f"{ONNX_FOLDER}/*"))]
    return sorted({*_files(folder), *filter(Path.is_file, others)})


def _files(folder: Path) -> list[Path]:
    """The files that decide what a model computes."""
    small = (folder / name for name in _SMALL_FILES)
    return [*filter(Path.is_file, small), *sorted(folder.glob(_WEIGHTS))]


def _stamps(folder: Path) -> list[tuple[str, int, int]]:
    """The name, size and time of change of each file."""
    states = ((path.name, path.stat()) for path in _files(folder))
    return [(name, state.st_size, state.st_mtime_ns) for name, state in states]


def _fingerprint(folder: Path) -> str:
    """The hash of the files, with that of the weights from `nerine.json` if they are there."""
    hashes = {}
    if (folder / INFO_FILE).is_file():  # the weights were compared with it
        hashes[_WEIGHTS] = read_object(folder / INFO_FILE, 5 * MEGABYTE)["weights"]["sha256"]
    for path in _files(folder):
        if not (hashes.get(_WEIGHTS) and path.match(_WEIGHTS)):
            hashes[path.name] = file_hash(path)
    return hashlib.sha256(repr(sorted(hashes.items())).encode()).hexdigest()
