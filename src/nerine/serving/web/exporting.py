"""A checkpoint → a folder that tags in a browser, without a server.

::

    index.html  page.js  page.css    a page that tags what is typed
    nerine/*.js                      words, windows, decoding: read them, they are short
    model.onnx                       one of the models that `nerine optimize` has made
    tokenizer.json  settings.json    how the model is used
    package.json                     the version of onnxruntime-web that all this was tested with
    packages/                        that package's files, if its folder was given
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from nerine.core.errors import CheckpointError, SettingsError
from nerine.core.filenames import ONNX_FOLDER
from nerine.core.files import disk_errors, put_folder, write_errors
from nerine.model.backends.saved import FP32, ModelFile, SavedModels, read_saved
from nerine.model.decoding.entities import EntityChain
from nerine.model.loading.foreign import TagNames
from nerine.model.loading.tokenizer import TOKENIZER_FILE, Tokenizer
from nerine.model.loading.usage import Usage
from nerine.model.settings import ModelSettings
from nerine.model.tagger import Tagger
from nerine.serving.web.characters import word_classes
from nerine.serving.web.subwords import subword_settings

RUNTIME, RUNTIME_VERSION = "onnxruntime-web", "1.30.0"
"""The package that runs the model, and the version that the tests run."""

FORMAT = 1
MODEL_FILE, SETTINGS_FILE = "model.onnx", "settings.json"
_CDN_ORIGIN = "https://cdn.jsdelivr.net"
_CDN = f"{_CDN_ORIGIN}/npm/{RUNTIME}@{RUNTIME_VERSION}/dist"
_MODULE = "ort.wasm.bundle.min.mjs"
_RUNTIME_FILES = (_MODULE, "ort-wasm-simd-threaded.wasm")


@dataclass(frozen=True, slots=True)
class WebFolder:
    """The folder that was made.

    Attributes:
        path: The folder.
        variant: The ONNX model in it, `onnx-fp32` or `onnx-int8`.
        size: Its size in bytes, the packages apart.
        has_packages: Whether it has the files of onnxruntime-web; otherwise a browser takes them
            from a public server.
        context: The model's setting `context`, which the JavaScript does not use: it tags each text
            alone.
    """

    path: Path
    variant: str
    size: int
    has_packages: bool
    context: int = 0


@disk_errors(CheckpointError)
def export_for_web(
    checkpoint: str | Path,
    output: str | Path | None = None,
    *,
    variant: str | None = None,
    packages: str | Path | None = None,
    scheme: str | None = None,
    tags: TagNames | None = None,
    usage: Usage | None = None,
) -> WebFolder:
    """Makes a folder with the model, its JavaScript and a page, for any server of plain files.

    An older folder of this kind is replaced; any other folder is left alone.

    Args:
        checkpoint: The folder of a checkpoint for which `nerine optimize` has made ONNX models.
        output: The folder to make; by default `web` in the checkpoint.
        variant: `onnx-fp32` or `onnx-int8`; by default the one that was chosen.
        packages: A folder `node_modules` with onnxruntime-web, whose files are copied; without it
            the page imports them from a public server.
        scheme: The tag scheme of a checkpoint not made by Nerine, as in `Tagger.load`.
        tags: The tags of such a checkpoint, as in `Tagger.load`.
        usage: The words, decoding and windows, as in `Tagger.load`.

    Raises:
        CheckpointError: If the checkpoint has no ONNX models, its tokenizer or words are not known
            to the JavaScript, or the folder cannot be written.
        SettingsError: If `packages` lacks onnxruntime-web or has another version of it.
    """
    folder = Path(checkpoint).expanduser()
    final = Path(output).expanduser() if output is not None else folder / "web"
    saved = read_saved(folder)
    if saved is None:
        raise CheckpointError(
            "the checkpoint has no ONNX models",
            place=str(folder),
            hint=f"make them: nerine optimize {folder} CORPUS",
        )
    variant = _variant(saved, variant, folder)
    dist = _runtime_files(Path(packages).expanduser()) if packages is not None else None
    _check_replaceable(final)
    usage = usage or Usage()
    tagger = Tagger.load(
        folder,
        backend=variant,
        device="cpu",
        scheme=scheme,
        tags=tags,
        words=usage.words,
        decoding=usage.decoding,
        max_length=usage.max_length,
    )
    tokenizer = Tokenizer.of(tagger.inference.tokenizer)
    module = f"./packages/{RUNTIME}/{_MODULE}" if dist else f"{_CDN}/{_MODULE}"
    settings = {
        "format": FORMAT,
        "nerine": version("nerine"),
        "weights": saved.weights,
        "variant": variant,
        "model": MODEL_FILE,
        "runtime": {"package": RUNTIME, "version": RUNTIME_VERSION, "module": module},
        **web_settings(tagger, tokenizer, str(folder)),
    }
    model = saved.models[variant]
    content = ModelFile(folder / ONNX_FOLDER / model.file, model.sha256).read()
    with _made(final) as place:
        _copy_page(place, without_network=dist is not None)
        (place / MODEL_FILE).write_bytes(content)
        (place / TOKENIZER_FILE).write_text(tokenizer.to_json(), encoding="utf-8")
        _write_json(place / SETTINGS_FILE, settings)
        _write_json(place / "package.json", _package())
        size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
        if dist is not None:
            _copy_packages(dist, place / "packages" / RUNTIME)
    return WebFolder(final, variant, size, dist is not None, tagger.settings.context)


def web_settings(tagger: Tagger, tokenizer: Tokenizer, place: str) -> dict[str, Any]:
    """How a tagger is used, for `settings.json`: all that is constant, computed once.

    Raises `CheckpointError` for a tagger that the JavaScript could not follow, with the `place`.
    """
    settings, backend = tagger.settings, tagger.inference.backend
    if settings.outputs is not None:
        raise CheckpointError(
            "the model was not trained by Nerine",
            place=place,
            expected="a checkpoint of nerine train",
            hint="fine-tune it: nerine train CORPUS --encoder CHECKPOINT; or serve it: nerine "
            "serve CHECKPOINT",
        )
    if settings.words in ("tokenizer", "subwords"):
        raise CheckpointError(
            f"words from the tokenizer ({settings.words!r}), which the JavaScript does not know",
            place=place,
            expected="words by Nerine's rule, as the model was trained",
            hint="leave out --words",
        )
    rule = "rule-2" if settings.words == "rule-2" else "rule"
    batching = backend.batching
    return {
        "words": rule,
        "classes": dict(word_classes(rule)),
        "tokenizer": subword_settings(tokenizer, place),
        "windows": {"maxLength": settings.max_length, "overlap": settings.overlap},
        "batching": {
            "sharing": batching.sharing,
            "leastLength": batching.least_length,
            "tokenBudget": backend.token_budget,
        },
        "chain": chain_settings(settings) | {"blind": _blind_logits(tagger)},
        "thresholds": tagger.saved_thresholds and tagger.saved_thresholds.to_dict(),
    }


def _blind_logits(tagger: Tagger) -> list[float]:
    """The logits of a word without a subword. A bias of `O`, which it lacks, is taken off."""
    head = tagger.inference.head
    logits = head.blind_logits.astype(float)
    logits[head.no_entity] -= tagger.settings.outside_bias
    return [float(each) for each in logits]


def chain_settings(settings: ModelSettings) -> dict[str, Any]:
    """The tables of pairs of tags, each `[before][after]`, as `decoding.js` reads them.

    A bias of `O` is a part of the scores of the pairs that lead to `O`.
    """
    chain = EntityChain(
        settings.tags,
        settings.scheme,
        constrained=settings.decoding == "viterbi",
        learned=settings.learned,
    )
    scores = chain.scores.copy()
    scores[:, chain.outside] += settings.outside_bias
    return {
        "labels": list(chain.labels),
        "labelOf": chain.label_of.tolist(),
        "edge": chain.edge,
        "scores": [
            [score if allowed else None for score, allowed in zip(*row, strict=True)]
            for row in zip(scores.tolist(), chain.allowed.tolist(), strict=True)
        ],
        "begins": chain.begins.astype(int).tolist(),
        "continues": (chain.continues & chain.allowed).astype(int).tolist(),
    }


def _variant(saved: SavedModels, wanted: str | None, folder: Path) -> str:
    """The ONNX model to export: the wanted one, the chosen one, or the exact one."""
    variant = wanted or (saved.chosen if saved.chosen in saved.models else FP32)
    if variant not in saved.models:
        raise CheckpointError(
            f"{variant} is not among the ONNX models of this checkpoint",
            place=str(folder),
            expected=" or ".join(saved.models) or "a model that was good enough to be kept",
            hint=f"tolerate a larger loss: nerine optimize {folder} CORPUS --tolerance 2",
        )
    return variant


def _runtime_files(packages: Path) -> Path:
    """The folder `dist` of onnxruntime-web in a folder `node_modules`."""
    install = f"npm install {RUNTIME}@{RUNTIME_VERSION}"
    package = packages / RUNTIME
    if (packages / "node_modules" / RUNTIME).is_dir():
        package = packages / "node_modules" / RUNTIME
    dist = package / "dist"
    if missing := [name for name in _RUNTIME_FILES if not (dist / name).is_file()]:
        raise SettingsError(
            f"{RUNTIME} is not here: {missing[0]} is missing",
            place=str(packages),
            expected="a folder node_modules",
            hint=f"make one: {install}",
        )
    found = json.loads((package / "package.json").read_text(encoding="utf-8"))["version"]
    if found != RUNTIME_VERSION:
        raise SettingsError(
            f"{RUNTIME} {found}", place=str(package), expected=RUNTIME_VERSION, hint=install
        )
    return dist


def _check_replaceable(final: Path) -> None:
    """Raises `CheckpointError` for a folder that this function has not made."""
    is_empty = not final.exists() or (final.is_dir() and not any(final.iterdir()))
    if not is_empty and not (final / SETTINGS_FILE).is_file():
        raise CheckpointError(
            "something else is there",
            place=str(final),
            expected="a new folder, or an older one of this kind",
            hint="choose another one: -o FOLDER",
        )


@contextmanager
def _made(final: Path) -> Iterator[Path]:
    """A folder that takes the place of `final` when it is whole."""
    place = final.with_name(f".{final.name}.{uuid.uuid4().hex}.part")
    try:
        with write_errors(CheckpointError, final, hint="nothing was changed"):
            place.mkdir(parents=True)
            yield place
            put_folder(place, final)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _copy_page(place: Path, *, without_network: bool) -> None:
    """Copies the JavaScript and the page that come with Nerine.

    A page with its packages may load nothing from anywhere else.
    """
    source = files("nerine") / "serving" / "web" / "browser"
    (place / "nerine").mkdir()
    for folder, target in ((source, place), (source / "nerine", place / "nerine")):
        for each in folder.iterdir():
            if each.is_file():
                (target / each.name).write_bytes(each.read_bytes())
    if without_network:
        page = place / "index.html"
        text = page.read_text(encoding="utf-8")
        page.write_text(text.replace(f" {_CDN_ORIGIN}", ""), encoding="utf-8")


def _copy_packages(dist: Path, place: Path) -> None:
    """Copies the files of onnxruntime-web that a page loads, and what says its version."""
    place.mkdir(parents=True)
    for path in (*(dist / name for name in _RUNTIME_FILES), dist.parent / "package.json"):
        shutil.copyfile(path, place / path.name)


def _package() -> dict[str, Any]:
    return {
        "name": "nerine-model",
        "private": True,
        "type": "module",
        "exports": "./nerine/tagger.js",
        "dependencies": {RUNTIME: RUNTIME_VERSION},
    }


def _write_json(path: Path, values: Any) -> None:
    text = json.dumps(values, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")
