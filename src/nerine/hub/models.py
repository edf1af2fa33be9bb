"""The files of a repository that make a model."""

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
from nerine.hub.names import RepoName
from nerine.hub.snapshot import Snapshot, list_files

_MOST_SHOWN = 8
_SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
_PICKLE = re.compile(r"[^/]*\.(?:bin|pt|pth|ckpt|pkl|h5|msgpack)")


def pull_model(repo: RepoName, *, weights: bool = True) -> Snapshot:
    """Fetches the files of a model and its tokenizer; `weights=False` leaves the weights out.

    Cached files are not fetched again, and the hub is not asked about a cached commit. Offline, or
    where the hub cannot be reached, the cache is used. Raises `HubError` if a file is missing or
    altered, and if all weights of the repository are pickles.
    """
    snapshot = list_files(repo)
    names = [*snapshot.files]
    chosen = _model_files(names, weights=weights)
    if not chosen and snapshot.is_partial:
        raise hub_error(repo, OfflineModeIsEnabled())
    if not chosen:
        pickle = next(filter(_PICKLE.fullmatch, names), None)
        if CONFIG_FILE not in names:
            found = "the repository has no config.json, so it holds no model of transformers"
        elif pickle:
            found = f"the weights are a pickle ({pickle}), which can run code when it is loaded"
        else:
            found = "the repository has no weights"
        shown = ", ".join(visible(name) for name in names[:_MOST_SHOWN]) or "no files at all"
        more = " …" if len(names) > _MOST_SHOWN else ""
        raise HubError(
            found,
            place=str(repo),
            expected=f"{CONFIG_FILE} and {WEIGHTS_FILE}",
            hint=f"it holds {shown}{more}",
        )
    snapshot.fetch(*chosen)
    snapshot.write_ref()
    return snapshot


def _model_files(names: Sequence[str], *, weights: bool = True) -> list[str]:
    """The names of a model's files among those of a repository; none if it has no model.

    The weights come last: a cache that has them has the others as well.
    """
    if CONFIG_FILE not in names:
        return []
    settings = [name for name in (CONFIG_FILE, *TOKENIZER_FILES) if name in names]
    if not weights:
        return settings
    found = [WEIGHTS_FILE] if WEIGHTS_FILE in names else []
    if not found and INDEX_FILE in names:
        found = [*sorted(name for name in names if _SHARD.fullmatch(name)), INDEX_FILE]
    of_nerine = [name for name in (INFO_FILE, ONNX_INFO_FILE) if name in names]
    return [*of_nerine, *settings, *found] if found else []
