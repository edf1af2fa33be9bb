"""Which files of a repository make a model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nerine.filenames import (
    CONFIG_FILE,
    INDEX_FILE,
    INFO_FILE,
    ONNX_INFO_FILE,
    TOKENIZER_FILES,
    WEIGHTS_FILE,
)
from nerine.hub.names import RepoName
from nerine.hub.pulling import Snapshot, Wanted, pull

_SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
_PICKLE = re.compile(r"[^/]*\.(?:bin|pt|pth|ckpt|pkl|h5|msgpack)")


def pull_model(repo: RepoName, *, weights: bool = True) -> Snapshot:
    """The files of a model and its tokenizer, without the weights where these are not wanted.

    Raises `HubError`, also for a repository whose weights are a pickle only.
    """
    return pull(repo, _MODEL if weights else _OUTLINE)


def _without_weights(names: Sequence[str]) -> list[str]:
    """`config.json` and the tokenizer's files; nothing where there is no `config.json`."""
    if CONFIG_FILE not in names:
        return []
    return [each for each in (CONFIG_FILE, *TOKENIZER_FILES) if each in names]


def _whole(names: Sequence[str]) -> list[str]:
    """The files of a model, the weights last, and of these their index."""
    others = _without_weights(names)
    weights = [WEIGHTS_FILE] if WEIGHTS_FILE in names else []
    if not weights and INDEX_FILE in names:
        weights = [*sorted(each for each in names if _SHARD.fullmatch(each)), INDEX_FILE]
    return [*others, *weights] if others and weights else []


def _lacking(names: Sequence[str]) -> str:
    """What keeps the files of a repository from being a model."""
    if CONFIG_FILE not in names:
        return "the repository has no config.json, so it holds no model of transformers"
    pickles = [each for each in names if _PICKLE.fullmatch(each)]
    if pickles:
        return (
            f"the weights are a pickle ({pickles[0]}), which can run code when it is loaded, and "
            "there is no model.safetensors"
        )
    return "the repository has no weights (model.safetensors)"


_OUTLINE = Wanted(_without_weights, _lacking)
_MODEL = Wanted(_whole, _lacking, optional=(INFO_FILE, ONNX_INFO_FILE))
