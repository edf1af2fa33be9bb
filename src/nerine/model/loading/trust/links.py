"""The files of a folder lie in it, and those that transformers reads are regular and not too large.

Links are followed into the folder itself, and from a snapshot of the hub's cache into the cache's
own blobs (`snapshots/COMMIT/config.json -> ../../blobs/HASH`, which may be a link to a file that
all repositories share, `../../blobs/HA/HASH`). A link to another place only reads, but what it
reads becomes part of what is loaded, for example a vocabulary, and would be published with it.
Weights may be links to anywhere, as people share large files on purpose: their header is checked,
and a file that is no safetensors file does not pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nerine.core.errors import CheckpointError
from nerine.core.strict_json import MEGABYTE, check_size, shown, unreadable

_MOST_BYTES = 100 * MEGABYTE
_WEIGHTS = ".safetensors"
_READ_WHOLE = re.compile(
    r"\.(json|txt|tsv|model|jinja|tiktoken|codes|tokenizer|vocab|spm|bpe)(\.|$)"
)
"""What configurations, vocabularies and templates are called; other files are never opened."""

_TEMPLATES = "additional_chat_templates"


def check_files(folder: Path) -> None:
    """Raises `CheckpointError` for a file that leads elsewhere, is none, or is too large.

    Folders in it are passed over, but for the one that transformers reads templates from.
    """
    allowed = own_places(folder)
    for path in _files(folder):
        target = _target(path)
        if not any(target.is_relative_to(place) for place in allowed):
            raise CheckpointError(
                "this is a link that leads out of its folder",
                place=str(path),
                expected="a file in the folder, or a link into the cache of the hub",
                hint="copy the file here if you trust it",
            )
        if _READ_WHOLE.search(path.name) and not path.is_dir():
            check_size(path, _MOST_BYTES)


def own_places(folder: Path) -> list[Path]:
    """Where links of a folder may lead: into itself, and from the hub's cache into its blobs.

    A repository has blobs of its own, and all repositories share some.
    """
    home = folder.resolve()
    if home.parent.name == "snapshots" and home.parents[1].name.startswith("models--"):
        return [home, home.parents[1] / "blobs", home.parents[2] / "blobs"]
    return [home]


def _files(folder: Path) -> Iterator[Path]:
    """All files, weights apart; a folder of templates counts as one, as it could be a link."""
    try:
        found = sorted(folder.iterdir())
        if (folder / _TEMPLATES).is_dir():
            found += sorted((folder / _TEMPLATES).iterdir())
            yield folder / _TEMPLATES
    except OSError as error:
        raise unreadable(folder, error) from error
    yield from (path for path in found if path.suffix != _WEIGHTS and not path.is_dir())


def _target(path: Path) -> Path:
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError before 3.13
        raise CheckpointError(
            f"the link {shown(path.name)} leads nowhere", place=str(path)
        ) from error
