"""Which files of a repository make a model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nerine.hub.names import RepoName
from nerine.hub.pulling import Snapshot, Wanted, pull

CONFIG, INFO, WEIGHTS, INDEX = (
    "config.json",
    "nerine.json",
    "model.safetensors",
    "model.safetensors.index.json",
)
ONNX_INFO = "onnx/onnx.json"
TOKENIZER_FILES = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.txt", "vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model"),
    *("spm.model", "tokenizer.model"),
)
_SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
_PICKLE = re.compile(r"[^/]*\.(?:bin|pt|pth|ckpt|pkl|h5|msgpack)")


def pull_model(repo: RepoName, *, weights: bool = True) -> Snapshot:
    """The files of a model and its tokenizer, without the weights where these are not wanted.

    Raises `HubError`, also for a repository whose weights are a pickle only.
    """
    return pull(repo, _MODEL if weights else _OUTLINE)


def _without_weights(names: Sequence[str]) -> list[str]:
    """`config.json` and the tokenizer's files; nothing where there is no `config.json`."""
    return [each for each in (CONFIG, *TOKENIZER_FILES) if each in names] if CONFIG in names else []


def _whole(names: Sequence[str]) -> list[str]:
    """The files of a model, the weights last, and of these their index."""
    others = _without_weights(names)
    weights = [WEIGHTS] if WEIGHTS in names else []
    if not weights and INDEX in names:
        weights = [*sorted(each for each in names if _SHARD.fullmatch(each)), INDEX]
    return [*others, *weights] if others and weights else []


def _lacking(names: Sequence[str]) -> str:
    """What keeps the files of a repository from being a model."""
    if CONFIG not in names:
        return "the repository has no config.json, so it holds no model of transformers"
    pickles = [each for each in names if _PICKLE.fullmatch(each)]
    if pickles:
        return (
            f"the weights are a pickle ({pickles[0]}), which can run code when it is loaded, and "
            "there is no model.safetensors"
        )
    return "the repository has no weights (model.safetensors)"


_OUTLINE = Wanted(_without_weights, _lacking)
_MODEL = Wanted(_whole, _lacking, optional=(INFO, ONNX_INFO))
