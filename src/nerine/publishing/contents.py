"""A checkpoint's folder → the files that a push sends, all checked.

What is refused here would embarrass whoever pushes it: a run that has not ended, weights that
`nerine.json` does not speak of, scores that mean nothing, a token in any file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerine.core.errors import CheckpointError
from nerine.core.filenames import (
    CARD_FILE,
    CONFIG_FILE,
    EVALUATIONS_FILE,
    INFO_FILE,
    ONNX_FOLDER,
    ONNX_INFO_FILE,
    RUN_FILE,
    TOKENIZER_CONFIG_FILE,
    WEIGHTS_FILE,
)
from nerine.core.strict_json import MEGABYTE, read_object
from nerine.hub.upload import LocalFile
from nerine.model.backends.saved import MODEL_FILES, SavedModels, read_saved
from nerine.model.loading.checkpoint import load_checkpoint, writable_info
from nerine.publishing.card import Card
from nerine.publishing.listing import LeftOut, files_of, left_out
from nerine.publishing.marking import marked
from nerine.publishing.naming import (
    Shortened,
    json_bytes,
    public_configuration,
    public_info,
    public_models,
    public_report,
    shortened,
)
from nerine.publishing.roles import Role
from nerine.publishing.secrets import Searcher, Secret

ALL = "all"
_MOST_BYTES = 20 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Contents:
    """What goes out, what stays, and which paths are published as names.

    Attributes:
        files: What goes out.
        left_out: What stays, and why.
        shortened: Paths that are published as names.
    """

    files: tuple[LocalFile, ...]
    left_out: tuple[LeftOut, ...]
    shortened: tuple[Shortened, ...]


def checked_info(folder: Path) -> dict[str, Any]:
    """`nerine.json` of a checkpoint that can be pushed: made by Nerine, ended, whole.

    Raises `CheckpointError` or `EncodingError` for any other.
    """
    if not folder.is_dir():
        raise CheckpointError(
            "there is no such folder", place=str(folder), expected="the folder of a checkpoint"
        )
    if not ((folder / INFO_FILE).is_file() or (folder / RUN_FILE).is_file()):
        raise CheckpointError(
            f"there is no {INFO_FILE}: Nerine did not make this checkpoint",
            place=str(folder),
            expected="the folder of a training run that has ended",
            hint="in Python, save_checkpoint(folder, load_checkpoint(name)) makes such a folder "
            "of any model; then evaluate it: nerine evaluate FOLDER CORPUS --save",
        )
    info = writable_info(folder, "a card")
    load_checkpoint(folder, weights=False)  # says what is wrong with any other file
    return info


def check_scores(folder: Path, info: Mapping[str, Any], card: Card) -> None:
    """Raises `CheckpointError` for a card without scores, or with scores that tell nothing.

    Scores on texts that chose the checkpoint are let through: the card says what they are.
    """
    evaluate = f"nerine evaluate {folder} CORPUS --split test --save"
    if not card.results:
        raise CheckpointError(
            "nothing is known of how good this checkpoint is, so that its card would say nothing",
            place=str(folder),
            expected=f"scores in {INFO_FILE}, or {EVALUATIONS_FILE}",
            hint=evaluate,
        )
    foreign = sorted(set(info["scores"]) - {"validation"})
    if foreign:
        raise CheckpointError(
            f"there are scores of {foreign[0]!r}, and no record says which texts these are",
            place=f"{folder / INFO_FILE}, scores",
            expected="scores of the validation split, which training writes",
            hint=f"take them out, and evaluate: {evaluate}",
        )
    for result in card.results:
        if result.role is Role.UNKNOWN:
            raise CheckpointError(
                f"nobody knows whether the checkpoint has seen the texts of this evaluation "
                f"({result.split} of {result.source})",
                place=str(folder / EVALUATIONS_FILE),
                expected="texts that had no part in making the checkpoint",
                hint="take this evaluation out of the file; a checkpoint that is trained again "
                "records which texts it has seen",
            )


def gather(folder: Path, info: Mapping[str, Any], card: Card, onnx: Sequence[str] = ()) -> Contents:
    """The files of a checkpoint, looked through. `onnx` names variants, or `all` of them.

    Raises `CheckpointError`.
    """
    models, variants = _models(folder, onnx)
    names = [models.models[name].file for name in variants] if models else []
    paths = files_of(folder, names)
    rewritten = dict(_rewritten(folder, info, [*paths]))
    if models:
        report = models.report, public_report(models.report)
        rewritten[ONNX_INFO_FILE] = (
            json_bytes(public_models(models, variants)),
            [*shortened(ONNX_INFO_FILE, *report, "report")],
        )
    contents: dict[str, Path | bytes] = {**paths, CARD_FILE: marked(card.text)}
    contents |= {name: content for name, (content, _) in rewritten.items()}
    files = _looked_through(folder, contents)
    _check_hashes(folder, files, info, models)
    return Contents(
        files,
        left_out(folder, contents),
        tuple(each for _, found in rewritten.values() for each in found),
    )


def _models(folder: Path, onnx: Sequence[str]) -> tuple[SavedModels | None, tuple[str, ...]]:
    """The ONNX models beside the checkpoint, and the variants of them that go out."""
    unknown = sorted({*onnx} - {*MODEL_FILES, ALL})
    if unknown:
        raise CheckpointError(
            f"there is no variant {unknown[0]!r}",
            place=str(folder),
            expected=f"one of {', '.join(MODEL_FILES)}, or {ALL}",
        )
    if not onnx:
        return None, ()
    models = read_saved(folder)
    there = tuple(models.models) if models else ()
    missing = [name for name in onnx if name != ALL and name not in there]
    if missing or not there:
        raise CheckpointError(
            f"there is no ONNX model {missing[0] if missing else 'here'}",
            place=str(folder / ONNX_FOLDER),
            expected=f"one of {', '.join(there)}" if there else "the models of nerine optimize",
            hint=f"make them first: nerine optimize {folder}",
        )
    return models, there if ALL in onnx else tuple(name for name in there if name in onnx)


def _rewritten(
    folder: Path, info: Mapping[str, Any], names: Sequence[str]
) -> Iterator[tuple[str, tuple[bytes, list[Shortened]]]]:
    """The files in which names take the place of paths; all others go out as they are."""
    for name in names:
        if name == INFO_FILE:
            before, after = info, public_info(info)
        elif name in (CONFIG_FILE, TOKENIZER_CONFIG_FILE):
            before = read_object(folder / name, _MOST_BYTES)
            after = public_configuration(before)
        else:
            continue
        found = [*shortened(name, before, after)]
        if found:
            yield name, (json_bytes(after), found)


def check_text(text: str, place: str) -> None:
    """Raises `CheckpointError` where there is a secret in a text that goes out."""
    _refuse(Searcher().look_through(text.encode("utf-8", "replace"))[1], place)


def _looked_through(folder: Path, contents: Mapping[str, Path | bytes]) -> tuple[LocalFile, ...]:
    """The files with sizes and hashes; raises `CheckpointError` for one with a secret in it."""
    searcher = Searcher()
    files = []
    for name, content in sorted(contents.items()):
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        sha256, secrets = searcher.look_through(content)
        _refuse(secrets, name if name == CARD_FILE else str(folder / name))
        files.append(LocalFile(name, content, size, sha256))
    return tuple(files)


def _refuse(secrets: Sequence[Secret], place: str) -> None:
    if secrets:
        raise CheckpointError(
            f"there is {secrets[0].kind} in what would be sent",
            place=f"{place}:{secrets[0].line}",
            expected="texts and files without tokens and keys",
            hint="take it out, and revoke it where it was issued if anybody else may have seen it",
        )


def _check_hashes(
    folder: Path, files: Sequence[LocalFile], info: Mapping[str, Any], models: SavedModels | None
) -> None:
    """Raises `CheckpointError` unless weights and models are the ones that the records name."""
    wanted = {WEIGHTS_FILE: info["weights"]["sha256"]}
    for each in models.models.values() if models else ():
        wanted[f"{ONNX_FOLDER}/{each.file}"] = each.sha256
    for file in files:
        if wanted.get(file.name, file.sha256) != file.sha256:
            raise CheckpointError(
                "the file is not the one that the records speak of",
                place=str(folder / file.name),
                expected=f"a file with the SHA-256 {wanted[file.name][:16]}…",
                hint=f"make ONNX models again: nerine optimize {folder}",
            )
