"""Checkpoints: a folder ↔ model, tokenizer and settings.

A checkpoint is a folder of transformers with one more file::

    config.json  model.safetensors  tokenizer.json  tokenizer_config.json  nerine.json

`nerine.json` holds the model's `settings`, its `scores`, the `signs` of failure of its training,
its `provenance`, facts about the `tokenizer`, the `thresholds` of `nerine calibrate`, and the
SHA-256 of the weights, so that files of different runs are never mixed. It is written last, and a
new folder is written under another name and renamed: a checkpoint is whole or absent.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nerine.core.errors import CheckpointError, NerineError
from nerine.core.extras import optional_imports
from nerine.core.filenames import CONFIG_FILE, INFO_FILE, ONNX_INFO_FILE, RUN_FILE, WEIGHTS_FILE
from nerine.core.files import (
    UNCHANGED,
    disk_errors,
    file_hash,
    replacing,
    sync_files,
    write_errors,
    write_text,
)
from nerine.core.strict_json import read_object
from nerine.core.tags import TagScheme
from nerine.evaluation.calibration import Calibration
from nerine.evaluation.signs import Sign, saved_signs
from nerine.model.loading.adapter import refuse_adapter
from nerine.model.loading.extra_weights import read_extra_weights
from nerine.model.loading.foreign import TagNames, foreign_settings
from nerine.model.loading.sources import Source, find_source
from nerine.model.loading.tokenizer import Tokenizer, TokenizerInfo, recorded_info
from nerine.model.loading.trust import check_folder
from nerine.model.loading.usage import Usage, used
from nerine.model.loading.weights_hash import INFO_FORMAT, MOST_INFO_BYTES
from nerine.model.settings import ModelSettings

_CALIBRATION_KEY = "thresholds"
_SCHEME_KEY, _DECODING_KEY = "scheme_from", "decoding_from"
_PARTS = ("settings", "scores", "provenance", "weights")
_COPY_AGAIN = (
    "the folder is a mixture or was cut short: copy it again, or resume the run that made it"
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model with its tokenizer, its settings and its records.

    Attributes:
        model: The model of transformers; None if its weights were not asked for.
        tokenizer: The tokenizer of transformers, or a `Tokenizer` where there is no model.
        settings: How the model is used.
        scores: The scores in `nerine.json`; empty for a model that Nerine did not make.
        provenance: What the model was made from, likewise.
        calibration: The fitted thresholds, if there are any.
        source: Where it was loaded from; None for one made in memory.
        signs: The signs of failure of its training; None if they were not looked for.
        scheme_from: What tells its tag scheme: its own record, its user, or the names of the
            outputs of a model that Nerine did not make.
        is_decoding_stated: Whether its user has stated how it is decoded.
        notes: What a user should know about it.
    """

    model: Any
    tokenizer: Any
    settings: ModelSettings
    scores: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    calibration: Calibration | None = None
    source: Source | None = None
    signs: tuple[Sign, ...] | None = None
    scheme_from: Literal["record", "user", "names"] = "record"
    is_decoding_stated: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What a folder of transformers holds, whatever library has read it."""

    model: Any
    tokenizer: Any
    tags: list[str]
    longest_input: int
    unused: tuple[str, ...] = ()


@disk_errors(CheckpointError)
def load_checkpoint(
    name: str | Path | Source,
    *,
    revision: str | None = None,
    scheme: TagScheme | str | None = None,
    tags: TagNames | None = None,
    usage: Usage | None = None,
    weights: bool = True,
    tokenizer: TokenizerInfo | None = None,
) -> Checkpoint:
    """Loads a checkpoint that Nerine or another program made, from a folder or the hub.

    Without `weights` the model is None, and torch and transformers are not imported if the facts
    about the tokenizer are recorded, in the folder or in `tokenizer`.

    The tags of a model that Nerine did not make are read from `id2label`, and its scheme from the
    tags; `scheme` states it where they leave it open, and `tags` names them, in the order of their
    ids or some of them by their names in `id2label`. Its words are those of its tokenizer, and its
    windows as long as it takes, up to 4,096 subwords, unless `usage` states others. Raises
    `CheckpointError`, `SettingsError`, `HubError`, `EncodingError` or `MissingExtraError`.
    """
    source = find_source(name, revision=revision)
    place = str(source)
    refuse_adapter(source.folder, place)
    info = _read_info(source.folder)
    if info is not None and weights:
        _check_weights(source.folder, info, source.verified_hash(WEIGHTS_FILE))
    loaded = _load(source, info, tokenizer, weights=weights)
    if info is None:
        return _foreign_checkpoint(source, loaded, scheme, tags, usage)
    if tags is not None:
        raise CheckpointError("its tags have names already", place=f"{place}/{INFO_FILE}")
    with _errors_at(f"{place}/{INFO_FILE}", _COPY_AGAIN):
        settings = ModelSettings.from_dict(info["settings"])
        signs = saved_signs(info)
    calibration = None
    if _CALIBRATION_KEY in info:
        again = f"then fit them again: nerine calibrate {place} CORPUS"
        hint = f"take {_CALIBRATION_KEY} out of the file, {again}"
        with _errors_at(f"{place}/{INFO_FILE}, {_CALIBRATION_KEY}", hint):
            calibration = Calibration.from_dict(info[_CALIBRATION_KEY])
    scheme_from: Literal["record", "user", "names"] = (
        "names" if info.get(_SCHEME_KEY) == "names" else "record"
    )
    if scheme is not None:
        settings = dataclasses.replace(settings, scheme=TagScheme.named(scheme))
        if scheme_from == "names":
            settings, scheme_from = dataclasses.replace(settings, decoding="viterbi"), "user"
    if not _are_named(loaded.tags, settings):
        raise CheckpointError(
            f"{INFO_FILE} and {CONFIG_FILE} name different tags", place=place, hint=_COPY_AGAIN
        )
    settings, notes = used(settings, usage, loaded.longest_input, place)
    return Checkpoint(
        loaded.model,
        loaded.tokenizer,
        settings,
        info["scores"],
        info["provenance"],
        calibration,
        source,
        signs,
        scheme_from,
        bool(usage and usage.decoding) or info.get(_DECODING_KEY) == "user",
        notes,
    )


def _foreign_checkpoint(
    source: Source,
    loaded: _Loaded,
    scheme: TagScheme | str | None,
    tags: TagNames | None,
    usage: Usage | None,
) -> Checkpoint:
    """A checkpoint that Nerine did not make."""
    place, longest = str(source), loaded.longest_input
    settings, notes = foreign_settings(loaded.tags, longest, place, scheme, tags)
    _rename_outputs(loaded, settings)
    scores, weight_notes = read_extra_weights(
        source.folder, len(settings.tags), loaded.unused, type(loaded.model).__name__
    )
    if scores is not None:
        settings = dataclasses.replace(settings, transitions=scores, decoding="viterbi")
    settings, usage_notes = used(settings, usage, longest, place, is_foreign=True)
    return Checkpoint(
        loaded.model,
        loaded.tokenizer,
        settings,
        source=source,
        scheme_from="names" if scheme is None and scores is None else "user",
        is_decoding_stated=bool(usage and usage.decoding),
        notes=(*notes, *usage_notes, *weight_notes),
    )


def _rename_outputs(loaded: _Loaded, settings: ModelSettings) -> None:
    """Names the outputs of a model by their tags, but for outputs that share one."""
    outputs = settings.outputs or settings.tags
    if loaded.model is not None:
        names = [
            name if outputs.count(tag) > 1 else tag
            for name, tag in zip(loaded.tags, outputs, strict=True)
        ]
        loaded.model.config.id2label = dict(enumerate(names))
        loaded.model.config.label2id = {name: index for index, name in enumerate(names)}


def _are_named(names: Sequence[str], settings: ModelSettings) -> bool:
    """Whether outputs have the names of their tags, but for outputs that share one."""
    outputs = settings.outputs or settings.tags
    return len(names) == len(outputs) and all(
        name == tag or outputs.count(tag) > 1 for name, tag in zip(names, outputs, strict=True)
    )


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint: the folder is whole or absent.

    The files of an existing folder are replaced one by one, the weights first, `nerine.json` last.
    """
    place = folder.resolve()  # `.` has no name
    partial = place.with_name(f".{place.name}.{uuid.uuid4().hex}.part")
    hint = "the earlier files are unchanged, except for those that were already replaced"
    try:
        # on a full disk, safetensors and tokenizers raise their own kinds of errors
        with write_errors(CheckpointError, folder, hint, caught=Exception):
            write_files(partial, checkpoint)
            sync_files(partial)
            if folder.exists():
                # Until the last file is replaced, the hash in nerine.json shows they are mixed.
                order = {WEIGHTS_FILE: 0, INFO_FILE: 2}
                for file in sorted(partial.iterdir(), key=lambda file: order.get(file.name, 1)):
                    file.replace(folder / file.name)
            else:
                partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def save_calibration(folder: Path, calibration: Calibration) -> None:
    """Writes fitted thresholds into a checkpoint's `nerine.json`, in the place of older ones.

    The weights and the other parts of the file stay. The file is written whole or not at all.
    """
    info = writable_info(folder, "thresholds")
    info[_CALIBRATION_KEY] = calibration.to_dict()
    with replacing(folder / INFO_FILE, CheckpointError, UNCHANGED) as stream:
        stream.write(f"{json.dumps(info, indent=2, ensure_ascii=False)}\n".encode())


def writable_info(folder: Path, what: str) -> dict[str, Any]:
    """The content of `nerine.json` in a folder where `what` can be saved.

    The weights are compared with it. Raises `CheckpointError`.
    """
    info = _read_info(folder) if folder.is_dir() else None
    if info is None:
        raise CheckpointError(
            f"there is no {INFO_FILE} to save {what} in",
            place=str(folder),
            expected="the folder of a checkpoint that Nerine made",
            hint="nerine evaluate without --save, or nerine calibrate --dry-run, saves nothing; in "
            "Python, save_checkpoint(folder, load_checkpoint(name)) makes a folder of any model",
        )
    _check_weights(folder, info)
    return info


def write_files(folder: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint's files into `folder` one by one, which `save_checkpoint` makes safe."""
    from nerine.model.loading import pretrained
    from nerine.model.provenance.sources import without_paths

    folder.mkdir(parents=True, exist_ok=True)
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    with pretrained.quiet():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    info = common_info(checkpoint, folder / WEIGHTS_FILE)
    facts = TokenizerInfo.of(folder, tokenizer, pretrained.longest_input(model, tokenizer))
    if facts is not None:
        info["tokenizer"] = dataclasses.asdict(facts)
    if checkpoint.scheme_from == "names":
        info[_SCHEME_KEY] = checkpoint.scheme_from
        info[_DECODING_KEY] = "user" if checkpoint.is_decoding_stated else "names"
    if checkpoint.signs is not None:
        info["signs"] = [sign.to_dict() for sign in checkpoint.signs]
    if checkpoint.calibration is not None:
        info[_CALIBRATION_KEY] = checkpoint.calibration.to_dict()
    text = json.dumps(without_paths(info), indent=2, ensure_ascii=False)
    write_text(folder / INFO_FILE, f"{text}\n")


def common_info(checkpoint: Checkpoint, weights: Path) -> dict[str, Any]:
    """The parts of `nerine.json` that checkpoints and adapters have, for a file of weights."""
    return {
        "format": INFO_FORMAT,
        "settings": checkpoint.settings.to_dict(),
        "labels": list(checkpoint.settings.labels),
        "scores": dict(checkpoint.scores),
        "provenance": dict(checkpoint.provenance),
        "weights": {"file": weights.name, "sha256": file_hash(weights)},
    }


def _read_info(folder: Path) -> dict[str, Any] | None:
    """The content of `nerine.json`; None without that file."""
    path = folder / INFO_FILE
    if not path.is_file():
        if (folder / RUN_FILE).is_file():
            states = sorted(folder.glob("checkpoints/step-*"))
            last = f", or load its last state, {states[-1]}" if states else ""
            raise CheckpointError(
                "this training run has not ended",
                place=str(folder),
                expected=f"a folder with {INFO_FILE}",
                hint=f"resume it: nerine train (or distill) … -o {folder} --resume{last}",
            )
        return None
    info = read_object(path, MOST_INFO_BYTES)
    if info.get("format") != INFO_FORMAT:
        raise CheckpointError(
            f"format {info.get('format')!r:.40} of a checkpoint",
            place=str(path),
            expected=f"format {INFO_FORMAT}",
            hint="a newer Nerine wrote this; to upgrade: git pull in its clone, pip install .",
        )
    missing = [key for key in _PARTS if not isinstance(info.get(key), dict)]
    if missing:
        raise CheckpointError(
            f"the object {missing[0]!r} is missing", place=str(path), hint=_COPY_AGAIN
        )
    return info


def _check_weights(folder: Path, info: Mapping[str, Any], verified: str | None = None) -> None:
    """Compares the weights with `nerine.json`, by their `verified` hash where that is known."""
    file, expected = folder / WEIGHTS_FILE, str(info["weights"].get("sha256"))
    if not file.is_file() or (verified or file_hash(file)) != expected:
        raise CheckpointError(
            f"the weights are not those that {INFO_FILE} describes",
            place=str(file),
            expected=f"a file with the SHA-256 {expected[:16]}…",
            hint=_COPY_AGAIN,
        )


def _load(
    source: Source,
    info: Mapping[str, Any] | None,
    tokenizer: TokenizerInfo | None,
    *,
    weights: bool,
) -> _Loaded:
    """The parts of a folder, by `tokenizers` alone if possible, else by transformers."""
    folder, onnx = source.folder, source.folder / ONNX_INFO_FILE
    check_folder(folder, weights=weights)  # first: the next lines may ask for torch
    if not weights:
        records = [info or {}, read_object(onnx, MOST_INFO_BYTES) if onnx.is_file() else {}]
        names = read_object(folder / CONFIG_FILE, MOST_INFO_BYTES).get("id2label")
        facts = tokenizer or recorded_info(folder, *records)
        if facts is not None and names:
            return _Loaded(
                None, Tokenizer.read(folder, facts), _in_order(names), facts.longest_input
            )
    purpose = (
        f"running {source} with PyTorch"
        if weights
        else f"loading {source}, whose records lack facts about its tokenizer,"
    )
    with optional_imports(purpose):
        from nerine.model.loading import pretrained
    found = pretrained.load_model(source, weights=weights)
    model, tags = found.model if weights else None, _in_order(found.model.config.id2label)
    longest_input = pretrained.longest_input(found.model, found.tokenizer)
    return _Loaded(model, found.tokenizer, tags, longest_input, found.unused)


def _in_order(id2label: Mapping[Any, Any]) -> list[str]:
    return [str(id2label[index]) for index in sorted(id2label, key=int)]


@contextlib.contextmanager
def _errors_at(place: str, hint: str, expected: str | None = None) -> Iterator[None]:
    """Turns other errors of Nerine into a `CheckpointError` with this place and hint."""
    try:
        yield
    except NerineError as error:
        expected = expected or error.expected
        raise CheckpointError(error.found, place=place, expected=expected, hint=hint) from error
