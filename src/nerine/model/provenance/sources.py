"""Where a corpus or an encoder came from, and how it is named to others.

What lies in folders here is called by the last part of its path: the folders above it concern
nobody else, and may bear a user's name.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from nerine.data.corpus import SAMPLE, is_hub_id
from nerine.model.loading.sources import PACKAGE_PREFIX, Source, is_path

CorpusKind = Literal["bundled", "files", "hub"]

_PARTS = re.compile(r"[\\/]+")
_NAMELESS = "a folder"


def corpus_kind(source: str) -> CorpusKind:
    """Whether a corpus comes with Nerine, from the hub, or from files."""
    if source == SAMPLE:
        return "bundled"
    return "hub" if is_hub_id(source) and not Path(source).exists() else "files"


def encoder_source(source: Source) -> dict[str, str]:
    """What an encoder is called, and whether it is a package, a folder or of the hub.

    For JSON: `{"name": …, "kind": "package" | "folder" | "hub"}`, and the `commit` on the hub.
    """
    if source.snapshot:
        return {"name": source.name, "kind": "hub", "commit": source.snapshot.commit}
    if source.name.startswith(PACKAGE_PREFIX):
        return {"name": source.name, "kind": "package"}
    return {"name": _last_part(source.name), "kind": "folder"}


def shown_name(name: str, kind: str | None = None) -> str:
    """What a source or an encoder is called in public.

    `kind` is as the functions above have it, None where nobody has recorded it: then a name with
    at most one slash inside stays, since it may be a hub id.
    """
    if kind in ("files", "folder") or (kind is None and is_path(name)):
        return _last_part(name)
    return name


def without_paths(info: Mapping[str, Any]) -> dict[str, Any]:
    """What `nerine.json` says, fit to be published: names stand where paths of folders stood."""
    public = copy.deepcopy(dict(info))
    provenance = _part(public, "provenance")
    corpus, settings, encoder, teacher = (
        _part(provenance, key) for key in ("corpus", "settings", "encoder", "teacher")
    )
    for holder, key, kind in (
        (corpus, "source", corpus.get("kind")),
        (settings, "encoder", encoder.get("kind")),
        (teacher, "source", teacher.get("kind")),
    ):
        if isinstance(holder.get(key), str):
            holder[key] = shown_name(holder[key], kind)
    return public


def _part(values: dict[str, Any], key: str) -> dict[str, Any]:
    found = values.get(key)
    return found if isinstance(found, dict) else {}


def _last_part(path: str) -> str:
    parts = [part for part in _PARTS.split(path) if part not in ("", ".", "..", "~")]
    return parts[-1] if parts else _NAMELESS
