"""The kind of a corpus or an encoder, and its name in public.

A folder is called by the last part of its path: the folders above it concern nobody else, and may
contain a user's name.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from nerine.core.filenames import ADAPTATION_FILE, INFO_FILE
from nerine.core.strict_json import MEGABYTE, read_object
from nerine.data.corpus import SAMPLE, is_hub_id
from nerine.model.loading.sources import PACKAGE_PREFIX, Source, is_path

CorpusKind = Literal["bundled", "files", "hub"]

_SEPARATORS = re.compile(r"[\\/]+")
_NAMELESS = "a folder"
_MOST_INFO_BYTES = 5 * MEGABYTE


def corpus_kind(source: str) -> CorpusKind:
    """The kind of a corpus: bundled with Nerine, on the hub, or files."""
    if source == SAMPLE:
        return "bundled"
    return "hub" if is_hub_id(source) and not Path(source).exists() else "files"


def encoder_source(source: Source) -> dict[str, str]:
    """An encoder's name and kind for JSON: `{"name": …, "kind": "package" | "folder" | "hub"}`.

    For one on the hub also its `commit`.
    """
    if source.snapshot:
        return {"name": source.name, "kind": "hub", "commit": source.snapshot.commit}
    if source.name.startswith(PACKAGE_PREFIX):
        return {"name": source.name, "kind": "package"}
    return {"name": shown_name(source.name, "folder"), "kind": "folder"}


def recorded_provenance(source: Source) -> Mapping[str, Any]:
    """The provenance of a model that Nerine made or adapted; empty for any other."""
    for name in (INFO_FILE, ADAPTATION_FILE):
        source.bring(name, if_there=True)
        if (source.folder / name).is_file():
            found = read_object(source.folder / name, _MOST_INFO_BYTES)
            return found.get("provenance") or {}
    return {}


def adaptation_of(provenance: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the provenance of a model says of the adaptation of its encoder to raw texts.

    None if it says nothing. An encoder that was adapted twice has the first adaptation inside.
    """
    if "losses" in provenance:  # its own
        names = ("encoder", "texts", "without", "losses", "adaptation")
        return {name: provenance[name] for name in names if name in provenance}
    return provenance.get("adaptation")


def shown_name(name: str, kind: str | None = None) -> str:
    """The name of a source in public: the last part of a path, and any other name as it is.

    `kind` is that of the functions above, None if it isn't recorded: then a name with at most one
    slash inside stays, since it may be a hub id.
    """
    if kind in ("files", "folder") or (kind is None and is_path(name)):
        parts = [part for part in _SEPARATORS.split(name) if part not in ("", ".", "..", "~")]
        return parts[-1] if parts else _NAMELESS
    return name


def without_paths(info: Mapping[str, Any]) -> dict[str, Any]:
    """The content of `nerine.json` with names in the place of paths of folders."""
    public = copy.deepcopy(dict(info))
    provenance = _object(public, "provenance")
    corpus, settings, encoder, teacher = (
        _object(provenance, key) for key in ("corpus", "settings", "encoder", "teacher")
    )
    others = provenance.get("further_teachers")
    others = others if isinstance(others, list) else []
    for holder, key, kind in (
        (corpus, "source", corpus.get("kind")),
        (settings, "encoder", encoder.get("kind")),
        (teacher, "source", teacher.get("kind")),
        *((each, "source", each.get("kind")) for each in others if isinstance(each, dict)),
    ):
        if isinstance(holder.get(key), str):
            holder[key] = shown_name(holder[key], kind)
    return public


def _object(values: dict[str, Any], key: str) -> dict[str, Any]:
    found = values.get(key)
    return found if isinstance(found, dict) else {}
