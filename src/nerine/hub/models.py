"""Which files of a repository make a model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from huggingface_hub.errors import OfflineModeIsEnabled

from nerine.core.display import visible
from nerine.core.errors import HubError
from nerine.core.filenames import (
    CONFIG_FILE,
    INDEX_FILE,
    INFO_FILE,
    ONNX_INFO_FILE,
    TOKENIZER_FILES,
    WEIGHTS_FILE,
)
from nerine.hub.errors import hub_error
from nerine.hub.listing import fetch_files, keep_state, list_files
from nerine.hub.names import RepoName
from nerine.hub.pulling import Snapshot

_MOST_SHOWN = 8
_SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
_PICKLE = re.compile(r"[^/]*\.(?:bin|pt|pth|ckpt|pkl|h5|msgpack)")


def pull_model(repo: RepoName, *, weights: bool = True) -> Snapshot:
    """The files of a model and its tokenizer, without the weights where these are not wanted.

    What is in the cache is not fetched again. A commit that is there is not asked for at all;
    offline, or where the hub cannot be reached, the cache has to do. Raises `HubError`, also for a
    repository whose weights are a pickle only; a snapshot is never returned with a file missing or
    altered.
    """
    snapshot = list_files(repo)
    names = [*snapshot.listed]
    chosen = _whole(names) if weights else _without_weights(names)
    if not chosen and snapshot.is_partial:
        raise hub_error(repo, OfflineModeIsEnabled())
    if not chosen:
        raise HubError(_lacking(names), place=str(repo), hint=f"it holds {_shown(names)}")
    fetch_files(snapshot, chosen)
    keep_state(snapshot)
    return snapshot


def _without_weights(names: Sequence[str]) -> list[str]:
    """`config.json` and the tokenizer's files; nothing where there is no `config.json`."""
    if CONFIG_FILE not in names:
        return []
    return [each for each in (CONFIG_FILE, *TOKENIZER_FILES) if each in names]


def _whole(names: Sequence[str]) -> list[str]:
    """The files of a model, with what says how it is used."""
    beside = [each for each in (INFO_FILE, ONNX_INFO_FILE) if each in names]
    others = _without_weights(names)
    weights = [WEIGHTS_FILE] if WEIGHTS_FILE in names else []
    if not weights and INDEX_FILE in names:
        weights = [*sorted(each for each in names if _SHARD.fullmatch(each)), INDEX_FILE]
    return [*beside, *others, *weights] if others and weights else []


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


def _shown(names: Sequence[str]) -> str:
    """A few names of a repository's files."""
    shown = ", ".join(visible(name) for name in names[:_MOST_SHOWN])
    return (shown + " …" * (len(names) > _MOST_SHOWN)) or "no files at all"
