"""Links and sizes of a folder's files.

A file may be a link into the folder itself, and from a snapshot in the hub's cache into the cache's
own blobs (`snapshots/COMMIT/config.json -> ../../blobs/HASH`, which may be a link to a file that
all repositories share, `../../blobs/HA/HASH`). A link to another place is refused: its target, for
example as a vocabulary, would become part of the model and be published with it. Weights may be
links to anywhere, as people share large files on purpose: a target that is not a safetensors file
does not pass the check of its header.
"""

from __future__ import annotations

import re
from pathlib import Path

from nerine.core.errors import CheckpointError
from nerine.core.strict_json import MEGABYTE, check_size, shown, unreadable

_MOST_BYTES = 100 * MEGABYTE
_WEIGHTS = ".safetensors"
_READ_WHOLE = re.compile(
    r"\.(json|txt|tsv|model|jinja|tiktoken|codes|tokenizer|vocab|spm|bpe)(\.|$)"
)
"""Names of configurations, vocabularies and templates; other files are never opened."""

_TEMPLATES = "additional_chat_templates"


def check_files(folder: Path) -> None:
    """Raises `CheckpointError` for a link out of the folder, or a file that is too large.

    A file that will be read must be regular. Folders are skipped, apart from the one that
    transformers reads templates from.
    """
    templates = folder / _TEMPLATES
    try:
        paths = sorted(folder.iterdir())
        if templates.is_dir():
            paths += sorted(templates.iterdir())
    except OSError as error:
        raise unreadable(folder, error) from error
    allowed = own_places(folder)
    for path in paths:
        if path.suffix == _WEIGHTS or (path.is_dir() and path != templates):
            continue
        try:
            target = path.resolve(strict=True)
        except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError before 3.13
            raise CheckpointError(
                f"the link {shown(path.name)} has no target", place=str(path)
            ) from error
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
    """The folders that links of a folder may lead into: itself, and blobs of the hub's cache.

    A repository has blobs of its own, and all repositories share some.
    """
    home = folder.resolve()
    if home.parent.name == "snapshots" and home.parents[1].name.startswith("models--"):
        return [home, home.parents[1] / "blobs", home.parents[2] / "blobs"]
    return [home]
