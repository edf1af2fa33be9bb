"""The hash of a checkpoint's weights, by which files that belong to them are known."""

from __future__ import annotations

from pathlib import Path

from nerine.core.errors import CheckpointError
from nerine.core.filenames import INFO_FILE, WEIGHTS_FILE
from nerine.core.files import file_hash
from nerine.core.strict_json import MEGABYTE, read_object

INFO_FORMAT = 1
"""The version of what `nerine.json` holds."""

MOST_INFO_BYTES = 5 * MEGABYTE
"""The most bytes of `nerine.json`."""


def weights_hash(folder: Path) -> str:
    """The SHA-256 of the weights in `folder`: that in `nerine.json`, or else a computed one."""
    info = folder / INFO_FILE
    try:
        if info.is_file():
            return str(read_object(info, MOST_INFO_BYTES)["weights"]["sha256"])
        return file_hash(folder / WEIGHTS_FILE)
    except (OSError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"the hash of its weights cannot be found: {error!r}",
            place=str(folder),
            expected=f"a folder with {WEIGHTS_FILE}",
        ) from error
