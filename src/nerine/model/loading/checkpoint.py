"""A folder ↔ model, tokenizer and settings.

A checkpoint is a plain transformers folder plus `nerine.json`::

    config.json  model.safetensors  tokenizer.json  tokenizer_config.json  nerine.json

`nerine.json` says how the weights are to be used (`settings`), what they scored and where they
come from (`provenance`), holds the `thresholds` of `nerine calibrate` if there are some, and
names the weights by their SHA-256, so that settings and weights of different runs are never
mixed. It is written last, and a folder is written under another name and renamed: a checkpoint is
whole or not there.
"""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nerine.core.errors import CheckpointError, FormatError, NerineError
from nerine.core.filenames import INFO_FILE, RUN_FILE, WEIGHTS_FILE
from nerine.core.files import file_hash, replacing, sync_files, write_text
from nerine.core.strict_json import MEGABYTE, read_object
from nerine.core.tags import TagScheme, parse_tag
from nerine.evaluation.calibration import Calibration
from nerine.model.loading import pretrained
from nerine.model.loading.sources import Source, find_source
from nerine.model.settings import ModelSettings

_FORMAT = 1
_CALIBRATION_KEY = "thresholds"
_PARTS = ("settings", "scores", "provenance", "weights")
_MOST_INFO_BYTES = 5 * MEGABYTE
_DEFAULT_WINDOW = 256
_NO_NAME = re.compile(r"LABEL_\d+")  # what transformers writes where nobody gave a name


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model with its tokenizer and all that Nerine knows of it.

    Attributes:
        model: The model of transformers; an outline that cannot be run where its weights were not
            asked for.
        tokenizer: The tokenizer of transformers.
        settings: How the model is used.
        scores: As `nerine.json` has them; empty for a foreign model.
        provenance: What it was made from, likewise.
        calibration: The thresholds that were fitted; None where none were.
        source: Where it was loaded from; None for one made in memory.
    """

    model: Any
    tokenizer: Any
    settings: ModelSettings
    scores: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    calibration: Calibration | None = None
    source: Source | None = None


def load_checkpoint(
    name: str | Path | Source,
    *,
    revision: str | None = None,
    scheme: TagScheme | str | None = None,
    tags: Sequence[str] | None = None,
    weights: bool = True,
) -> Checkpoint:
    """Loads a folder or hub id, made by Nerine or not.

    Without `weights` the model is an outline that cannot be run: what runs instead of it has
    weights of its own.

    A model that Nerine did not make has its tags read from `id2label`, and its scheme from
    these; `scheme` states it where they leave it open, and `tags` are their names, by their
    numbers, where `id2label` has none such. Raises `CheckpointError` or `HubError`.
    """
    source = find_source(name, revision=revision)
    info = _read_info(source.folder)
    loaded = pretrained.load_model(source, weights=weights)
    if info is None:
        return _foreign(loaded, scheme, tags)
    if tags is not None:
        raise CheckpointError("its tags have names already", place=f"{source}/{INFO_FILE}")
    return _of_nerine(loaded, info, scheme)


def _foreign(
    loaded: pretrained.Pretrained, scheme: TagScheme | str | None, tags: Sequence[str] | None
) -> Checkpoint:
    """A model that Nerine did not make, with what can be told of it."""
    place = str(loaded.source)
    if tags is not None:
        _name_tags(loaded.model, tags, place)
    settings = _foreign_settings(loaded, place, scheme)
    return Checkpoint(loaded.model, loaded.tokenizer, settings, source=loaded.source)


def _of_nerine(
    loaded: pretrained.Pretrained, info: Mapping[str, Any], scheme: TagScheme | str | None
) -> Checkpoint:
    """A model as `nerine.json` describes it, which has to agree with `config.json`."""
    place = str(loaded.source)
    settings = _settings(info, place)
    if scheme is not None:
        settings = dataclasses.replace(settings, scheme=TagScheme.named(scheme))
    if list(settings.tags) != _model_tags(loaded.model):
        raise CheckpointError(
            f"{INFO_FILE} and config.json name different tags", place=place, hint=_AGAIN
        )
    return Checkpoint(
        loaded.model,
        loaded.tokenizer,
        settings,
        info["scores"],
        info["provenance"],
        _calibration(info, place),
        loaded.source,
    )


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint: the folder is whole or not there.

    An existing folder gets its files replaced one by one, the weights first, `nerine.json` last.
    """
    place = folder.resolve()  # which has a name, as `.` has not
    partial = place.with_name(f".{place.name}.{uuid.uuid4().hex}.part")
    try:
        write_files(partial, checkpoint)
        sync_files(partial)
        _move_into_place(partial, folder)
    except Exception as error:  # on a full disk the libraries below raise kinds of their own
        raise CheckpointError(
            f"cannot be written: {getattr(error, 'strerror', None) or error}",
            place=str(folder),
            hint="what stood there before is as it was, save for files already replaced",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def save_calibration(folder: Path, calibration: Calibration) -> None:
    """Puts fitted thresholds into a checkpoint's `nerine.json`, in place of older ones.

    Nothing else changes: not the weights, and no other line of the file. It is written whole or
    not at all.
    """
    info = writable_info(folder, "thresholds")
    info[_CALIBRATION_KEY] = calibration.to_dict()
    try:
        with replacing(folder / INFO_FILE) as stream:
            stream.write(_json_text(info).encode())
    except FormatError as error:
        raise CheckpointError(
            error.found, place=error.place, hint="the file is as it was before"
        ) from error


def writable_info(folder: Path, what: str) -> dict[str, Any]:
    """`nerine.json` of a folder that `what` can be saved in; raises `CheckpointError`.

    The weights are checked against it.
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
    return info


def write_files(folder: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint's files into `folder`, without the care of `save_checkpoint`."""
    folder.mkdir(parents=True, exist_ok=True)
    with pretrained.quiet():
        checkpoint.model.save_pretrained(folder)
        checkpoint.tokenizer.save_pretrained(folder)
    info = {
        "format": _FORMAT,
        "settings": checkpoint.settings.to_dict(),
        "labels": list(checkpoint.settings.labels),
        "scores": dict(checkpoint.scores),
        "provenance": dict(checkpoint.provenance),
        "weights": {"file": WEIGHTS_FILE, "sha256": file_hash(folder / WEIGHTS_FILE)},
    }
    if checkpoint.calibration is not None:
        info[_CALIBRATION_KEY] = checkpoint.calibration.to_dict()
    write_text(folder / INFO_FILE, _json_text(info))


def _json_text(info: Mapping[str, Any]) -> str:
    return json.dumps(info, indent=2, ensure_ascii=False) + "\n"


def weights_hash(folder: Path) -> str:
    """The SHA-256 of the weights in `folder`, as `nerine.json` has it where there is one.

    `load_checkpoint` checks that it is right.
    """
    info = folder / INFO_FILE
    try:
        if info.is_file():
            return str(read_object(info, _MOST_INFO_BYTES)["weights"]["sha256"])
        return file_hash(folder / WEIGHTS_FILE)
    except (OSError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"its weights cannot be told by a hash: {error!r}",
            place=str(folder),
            expected=f"a folder with {WEIGHTS_FILE}",
        ) from error


_AGAIN = "the folder is a mixture or was cut short: copy it again, or resume the run that made it"


def _read_info(folder: Path) -> dict[str, Any] | None:
    """`nerine.json`, with the weights checked against it; None where there is none."""
    path = folder / INFO_FILE
    if not path.is_file():
        if (folder / RUN_FILE).is_file():
            raise _unfinished(folder)
        return None
    info = read_object(path, _MOST_INFO_BYTES)
    if info.get("format") != _FORMAT:
        raise CheckpointError(
            f"format {info.get('format')!r:.40} of a checkpoint",
            place=str(path),
            expected=f"format {_FORMAT}",
            hint="a newer Nerine wrote this; to upgrade: git pull in its clone, pip install .",
        )
    lacking = [key for key in _PARTS if not isinstance(info.get(key), dict)]
    if lacking:
        raise CheckpointError(f"there is no object {lacking[0]!r}", place=str(path), hint=_AGAIN)
    file, wanted = folder / WEIGHTS_FILE, str(info["weights"].get("sha256"))
    if not file.is_file() or file_hash(file) != wanted:
        raise CheckpointError(
            f"the weights are not the ones that {INFO_FILE} speaks of",
            place=str(file),
            expected=f"a file with the SHA-256 {wanted[:16]}…",
            hint=_AGAIN,
        )
    return info


def _unfinished(folder: Path) -> CheckpointError:
    states = sorted(folder.glob("checkpoints/step-*"))
    last = f", or load its last state, {states[-1]}" if states else ""
    return CheckpointError(
        "this training run has not ended",
        place=str(folder),
        expected=f"a folder with {INFO_FILE}",
        hint=f"go on with: nerine train (or distill) … -o {folder} --resume{last}",
    )


def _settings(info: Mapping[str, Any], place: str) -> ModelSettings:
    try:
        return ModelSettings.from_dict(info["settings"])
    except NerineError as error:
        raise CheckpointError(error.found, place=f"{place}/{INFO_FILE}", hint=_AGAIN) from error


def _calibration(info: Mapping[str, Any], place: str) -> Calibration | None:
    if _CALIBRATION_KEY not in info:
        return None
    try:
        return Calibration.from_dict(info[_CALIBRATION_KEY])
    except NerineError as error:
        raise CheckpointError(
            error.found,
            place=f"{place}/{INFO_FILE}, {_CALIBRATION_KEY}",
            expected=error.expected,
            hint=f"fit them again: nerine calibrate {place} CORPUS, "
            f"after taking {_CALIBRATION_KEY} out of the file",
        ) from error


def _foreign_settings(
    loaded: pretrained.Pretrained, place: str, scheme: TagScheme | str | None
) -> ModelSettings:
    tags = _model_tags(loaded.model)
    if all(_NO_NAME.fullmatch(tag) for tag in tags):
        raise CheckpointError(
            f"the model's tags have numbers for names: {tags[0]} to {tags[-1]}",
            place=f"{place}/config.json, id2label",
            expected=f"the names of these {len(tags)} tags, such as O, B-person, I-person",
            hint="look up what they mean, then name them, by their numbers: --tags O,B-person,… or "
            "Tagger.load(…, tags=[…])",
        )
    try:
        found = _scheme_of(tags) if scheme is None else TagScheme.named(scheme)
        found.transitions(tags)
    except NerineError as error:
        raise CheckpointError(
            error.found,
            place=f"{place}/config.json, id2label",
            expected="tags such as O, B-person, I-person",
            hint="name them, by their numbers: --tags O,B-person,… or Tagger.load(…, tags=[…])",
        ) from error
    max_length = min(_DEFAULT_WINDOW, pretrained.longest_input(loaded.model, loaded.tokenizer))
    if max_length < 1:
        raise CheckpointError(
            "the model has no position for any subword",
            place=f"{place}/config.json",
            expected="max_position_embeddings and pad_token_id of the model's own",
        )
    return ModelSettings(tuple(tags), found, max_length=max_length, overlap=max_length // 4)


def _name_tags(model: Any, tags: Sequence[str], place: str) -> None:
    """Gives a model's tags other names."""
    count = len(_model_tags(model))
    if len(tags) != count or len(set(tags)) != count:
        raise CheckpointError(
            f"{len(set(tags))} different names for {count} tags",
            place=place,
            expected=f"{count} different names, in the order of the tags' numbers",
        )
    model.config.id2label = dict(enumerate(tags))
    model.config.label2id = {tag: index for index, tag in enumerate(tags)}


def _model_tags(model: Any) -> list[str]:
    names = {int(index): str(tag) for index, tag in model.config.id2label.items()}
    return [names[index] for index in sorted(names)]


def _scheme_of(tags: list[str]) -> TagScheme:
    """The scheme behind a model's tags: its letters tell, and labels that lack a `B-`."""
    parsed = [parse_tag(tag) for tag in tags]
    letters = {tag[0] for tag in tags}
    if letters & set("LU"):
        return TagScheme.BILOU
    if letters & set("ES"):
        return TagScheme.BIOES
    inside = {tag.label for tag in parsed if tag.kind == "I"}
    begin = {tag.label for tag in parsed if tag.kind == "B"}
    return TagScheme.IOB1 if inside - begin else TagScheme.IOB2


def _move_into_place(partial: Path, folder: Path) -> None:
    if not folder.exists():
        partial.rename(folder)
        return
    # The weights go first and their hash last: whatever stands between is seen to be a mixture.
    places = {WEIGHTS_FILE: 0, INFO_FILE: 2}
    for file in sorted(partial.iterdir(), key=lambda file: places.get(file.name, 1)):
        file.replace(folder / file.name)
